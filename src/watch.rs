//! Tells when files or directories change, whether they exist yet or not.
//!
//! A leaf over inotify (crate `notify`), on a thread of its own. It says that something changed,
//! not what: whoever listens reads the present state. A file that is being written is reported
//! when it is complete (closed, or renamed into place), so that nobody reads half of one and no
//! time need pass to be sure.

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;

/// Events that may wait for the thread. When there are more, it takes everything for changed.
const QUEUE: usize = 256;
/// As many symbolic links as Linux itself follows.
const MAX_LINKS: usize = 40;

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// inotify cannot be had.
    #[error(
        "watching for changed files: {0}; raise fs.inotify.max_user_instances and \
         max_user_watches, or restart the service after a change"
    )]
    Inotify(#[from] notify::Error),
    /// The thread cannot be started.
    #[error(
        "watching for changed files: starting a thread: {0}; end some programs and restart \
         the service"
    )]
    Thread(#[from] std::io::Error),
}

/// Watches as long as it lives.
#[derive(Debug)]
pub struct Watch {
    life: Option<Arc<()>>,
    wake: SyncSender<Vec<PathBuf>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.life = None;
        // A full queue wakes the thread as well.
        let _ = self.wake.try_send(Vec::new());
    }
}

/// Reports changes of the absolute paths `wanted`: of a file, and of the entries of a directory
/// (not of what lies deeper). One that does not exist is reported once it does. What a symbolic
/// link names is watched too. Changes that nobody has asked for yet are reported as one.
///
/// # Errors
/// [`WatchError`] when inotify or a thread cannot be had.
pub fn paths(wanted: Vec<PathBuf>) -> Result<(Watch, mpsc::Receiver<()>), WatchError> {
    let (wake, signals) = sync_channel(QUEUE);
    let (changed, changes) = mpsc::channel(1);
    let life = Arc::new(());
    let missed = Arc::new(AtomicBool::new(false));
    let watcher = notify::recommended_watcher(forward(wake.clone(), missed.clone()))?;
    let (alive, watched) = (Arc::downgrade(&life), BTreeSet::new());
    let mut worker = Worker { wanted, watcher, watched, places: Vec::new(), changed };
    worker.arm()?;
    let work = move || worker.run(&signals, &missed, &alive);
    std::thread::Builder::new().name("v2m-watch".into()).spawn(work)?;
    Ok((Watch { life: Some(life), wake }, changes))
}

/// What inotify's thread does with an event. It must not wait: the worker waits for it to arm.
fn forward(
    wake: SyncSender<Vec<PathBuf>>,
    missed: Arc<AtomicBool>,
) -> impl FnMut(notify::Result<Event>) {
    move |event| {
        let paths = match event {
            Ok(event) if event.need_rescan() => None,
            Ok(event) if !tells_a_change(&event) => return,
            Ok(event) => Some(event.paths),
            Err(_) => None,
        };
        let sent = paths.is_some_and(|paths| wake.try_send(paths).is_ok());
        if !sent {
            missed.store(true, Ordering::SeqCst);
            // If this finds no place either, the worker has more to take and sees `missed` then.
            let _ = wake.try_send(Vec::new());
        }
    }
}

/// A file just made is empty and will be closed; only links are complete from the start.
fn tells_a_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) => false,
        EventKind::Create(CreateKind::File) => event.paths.iter().any(|path| is_link(path)),
        EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Any
        | EventKind::Other => true,
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink() || it.nlink() > 1)
}

struct Worker {
    wanted: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    /// Directories inotify tells of.
    watched: BTreeSet<PathBuf>,
    /// Where in them the wanted paths are or would be, links followed.
    places: Vec<PathBuf>,
    changed: mpsc::Sender<()>,
}

impl Worker {
    fn run(&mut self, signals: &Receiver<Vec<PathBuf>>, missed: &AtomicBool, alive: &Weak<()>) {
        while let Ok(paths) = signals.recv() {
            if alive.upgrade().is_none() {
                return;
            }
            let all = missed.swap(false, Ordering::SeqCst);
            if !all && !paths.iter().any(|path| self.concerns(path)) {
                continue;
            }
            if let Err(error) = self.arm() {
                tracing::warn!(%error, "some changed files will not be noticed");
            }
            // A report that waits already says as much.
            let _ = self.changed.try_send(());
        }
    }

    fn concerns(&self, path: &Path) -> bool {
        self.places.iter().any(|place| {
            path == place || path.parent() == Some(place.as_path()) || place.starts_with(path)
        })
    }

    /// Watches anew, as the paths now are: a directory may have come, gone or been replaced.
    fn arm(&mut self) -> notify::Result<()> {
        for directory in std::mem::take(&mut self.watched) {
            // One that was deleted is no longer watched anyway.
            let _ = self.watcher.unwatch(&directory);
        }
        loop {
            let (directories, places) = layout(&self.wanted);
            self.places = places;
            let new: Vec<_> = directories.difference(&self.watched).cloned().collect();
            if new.is_empty() {
                return Ok(());
            }
            for directory in new {
                match self.watcher.watch(&directory, RecursiveMode::NonRecursive) {
                    // Gone meanwhile: the next look at the layout knows.
                    Err(error) if is_missing(&error) => {}
                    result => {
                        result?;
                        self.watched.insert(directory);
                    }
                }
            }
        }
    }
}

fn is_missing(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Which directories to watch for which places in them.
fn layout(wanted: &[PathBuf]) -> (BTreeSet<PathBuf>, Vec<PathBuf>) {
    let (mut directories, mut places) = (BTreeSet::new(), Vec::new());
    for path in wanted {
        let mut path = path.clone();
        for _ in 0..MAX_LINKS {
            let (directory, place) = anchor(&path);
            if place.is_dir() && !place.is_symlink() {
                directories.insert(place.clone());
            }
            directories.insert(directory);
            places.push(place);
            match fs::read_link(&path) {
                Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
                Err(_) => break,
            }
        }
    }
    (directories, places)
}

/// The nearest directory above `path` that exists, and `path` as seen from there; both without
/// symbolic links in them, for inotify knows a directory under one name only.
fn anchor(path: &Path) -> (PathBuf, PathBuf) {
    for ancestor in path.ancestors().skip(1) {
        if let Ok(real) = ancestor.canonicalize()
            && real.is_dir()
        {
            let rest = path.strip_prefix(ancestor).unwrap_or(path);
            return (real.clone(), real.join(rest));
        }
    }
    (PathBuf::from("/"), path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Each step changes something, and a report must come; the test hangs if none does. What is
    /// reported before the report that counts (a directory on the way, say) does no harm.
    async fn reported(changes: &mut mpsc::Receiver<()>, until: impl Fn() -> bool) {
        loop {
            changes.recv().await.unwrap();
            if until() {
                return;
            }
        }
    }

    fn watched(path: &Path) -> (Watch, mpsc::Receiver<()>) {
        paths(vec![path.to_path_buf()]).unwrap()
    }

    /// Reports are in order: after the one for `marker`, none for earlier changes is to come.
    async fn silent_about(action: impl FnOnce(), dir: &Path, wanted: PathBuf) {
        let marker = dir.join("marker");
        let (_watch, mut changes) = paths(vec![wanted, marker.clone()]).unwrap();
        action();
        fs::write(&marker, b"x").unwrap();
        changes.recv().await.unwrap();
        assert!(marker.exists());
        // The write is one event that counts, its close; nothing else is left to say.
        assert!(changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_file_is_reported_when_written_replaced_and_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let (_watch, mut changes) = watched(&file);
        fs::write(&file, b"a").unwrap();
        changes.recv().await.unwrap();
        fs::write(dir.path().join("new"), b"b").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        reported(&mut changes, || fs::read(&file).unwrap() == b"b").await;
        fs::remove_file(&file).unwrap();
        reported(&mut changes, || !file.exists()).await;
    }

    #[tokio::test]
    async fn directories_that_come_and_go_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("a/b/models");
        let (_watch, mut changes) = watched(&models);
        for round in 0..3 {
            fs::create_dir_all(&models).unwrap();
            reported(&mut changes, || models.exists()).await;
            let model = models.join(format!("{round}.bin"));
            fs::write(&model, b"x").unwrap();
            reported(&mut changes, || fs::read(&model).is_ok_and(|bytes| bytes == b"x")).await;
            fs::remove_dir_all(dir.path().join("a")).unwrap();
            reported(&mut changes, || !dir.path().join("a").exists()).await;
        }
    }

    #[tokio::test]
    async fn what_a_link_names_is_watched_too() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("config.toml"), dir.path().join("dotfiles/v2m.toml"));
        symlink("dotfiles/v2m.toml", &link).unwrap();
        let (_watch, mut changes) = watched(&link);
        fs::create_dir(dir.path().join("dotfiles")).unwrap();
        changes.recv().await.unwrap();
        fs::write(&target, b"x").unwrap();
        reported(&mut changes, || fs::read(&link).is_ok_and(|bytes| bytes == b"x")).await;
        fs::remove_file(&link).unwrap();
        reported(&mut changes, || !link.is_symlink()).await;
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_not_reported() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, b"x").unwrap();
        let others = || {
            fs::write(dir.path().join("other"), b"x").unwrap();
            fs::read(&file).unwrap();
            fs::create_dir_all(dir.path().join("some/where")).unwrap();
        };
        silent_about(others, dir.path(), file.clone()).await;
    }

    #[tokio::test]
    async fn reports_end_with_the_watch() {
        let dir = tempfile::tempdir().unwrap();
        let (watch, mut changes) = watched(dir.path());
        drop(watch);
        while changes.recv().await.is_some() {}
    }
}
