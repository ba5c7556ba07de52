//! Reports changes of files or directories, whether they exist yet or not.
//!
//! A leaf over inotify. It reports that something changed, not what: the caller reads the current
//! state. A file that is being written is reported when it is complete (closed, or renamed into
//! place), so that nobody reads a partial file and no delay is necessary. Files that are only
//! opened or read cause no wake-up: the folder above a missing one is often shared with many
//! programs.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use v2m_messages::tr;

/// Maximum number of symbolic links to follow, as in Linux itself.
const MAX_LINKS: usize = 40;
/// Buffer size in bytes; an event takes 16 bytes and its name, of 255 bytes at most.
const EVENTS: usize = 4096;

/// Why watching is not possible.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}",
    tr!(
        "watching for changed files: {reason}; raise fs.inotify.max_user_instances and \
         max_user_watches, or restart the service after a change",
        reason = .0
    )
)]
pub struct WatchError(#[from] io::Error);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    inotify: AsyncFd<OwnedFd>,
    wanted: Vec<PathBuf>,
    /// Watched directories by their inotify number.
    watched: BTreeMap<i32, PathBuf>,
    /// Paths in them where the wanted files are or would be, links resolved.
    places: Vec<PathBuf>,
}

/// Watches the absolute paths `wanted`: a file, or the direct entries of a directory. A missing
/// path is reported once it exists. The target of a symbolic link is watched too. Must be called
/// within a tokio runtime with IO enabled.
///
/// # Errors
/// [`WatchError`] if inotify is not available.
pub fn paths(wanted: Vec<PathBuf>) -> Result<Watch, WatchError> {
    let inotify =
        inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(io::Error::from)?;
    // SAFETY: `OwnedFd` returns the same open descriptor for as long as it lives.
    let inotify = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }
        .map_err(io::Error::from)?;
    let mut watch = Watch { inotify, wanted, watched: BTreeMap::new(), places: Vec::new() };
    watch.arm()?;
    Ok(watch)
}

impl Watch {
    /// Returns when something has changed since the last call; several changes count as one.
    /// Cancel-safe.
    pub async fn changed(&mut self) {
        while !self.look().await {}
        if let Err(error) = self.arm() {
            tracing::warn!(%error, "some changed files will not be noticed: {error}");
        }
    }

    /// Reads all pending inotify events, and waits for the first. Returns whether they are
    /// relevant.
    async fn look(&self) -> bool {
        let Ok(mut ready) = self.inotify.readable().await else {
            // The runtime is shutting down.
            return std::future::pending().await;
        };
        let mut concerned = false;
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = Reader::new(self.inotify.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    concerned |= self.concerns(event.wd(), event.events(), name);
                }
                Err(Errno::INTR) => {}
                Err(_) => break, // EAGAIN: that was all
            }
        }
        ready.clear_ready();
        concerned
    }

    fn concerns(&self, number: i32, events: ReadFlags, name: Option<&OsStr>) -> bool {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return true;
        }
        let Some(directory) = self.watched.get(&number) else { return false };
        let path = name.map_or_else(|| directory.clone(), |name| directory.join(name));
        tells_a_change(events, &path)
            && self.places.iter().any(|place| {
                path == *place || path.parent() == Some(place.as_path()) || place.starts_with(&path)
            })
    }

    /// Updates the watches to the current paths: a directory may have been added, removed or
    /// replaced.
    fn arm(&mut self) -> io::Result<()> {
        let (mut directories, mut places) = layout(&self.wanted);
        let watched = loop {
            let watched = self.watch(&directories)?;
            // This also finds files that were added before their directory was watched.
            let now = layout(&self.wanted);
            if now.0 == directories {
                break watched;
            }
            (directories, places) = now;
        };
        for number in self.watched.keys().filter(|number| !watched.contains_key(number)) {
            // The kernel has already dropped watches of deleted directories.
            let _ = inotify::remove_watch(&self.inotify, *number);
        }
        (self.watched, self.places) = (watched, places);
        Ok(())
    }

    /// A directory that is already watched keeps its number.
    fn watch(&self, directories: &BTreeSet<PathBuf>) -> io::Result<BTreeMap<i32, PathBuf>> {
        let mut watched = BTreeMap::new();
        for directory in directories {
            match inotify::add_watch(&self.inotify, directory, changes()) {
                Ok(number) => drop(watched.insert(number, directory.clone())),
                // It has just been removed: the next check of the layout notices.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(watched)
    }
}

/// Events to receive; not MODIFY, OPEN, ACCESS, which would cause wake-ups without a relevant
/// change.
fn changes() -> WatchFlags {
    WatchFlags::CREATE
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

/// Whether the events report a complete change. A new file is empty and will be closed; only links
/// are complete at once.
fn tells_a_change(events: ReadFlags, path: &Path) -> bool {
    let made_file = events.contains(ReadFlags::CREATE) && !events.contains(ReadFlags::ISDIR);
    !events.contains(ReadFlags::IGNORED) && (!made_file || is_link(path))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink() || it.nlink() > 1)
}

/// Returns the directories to watch, and the wanted places in them.
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

/// Returns the nearest existing directory above `path`, and `path` below it; both with symbolic
/// links resolved, because inotify knows a directory under one name only.
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

    /// Waits for a report of a change; the test hangs if none comes. Additional earlier reports
    /// (for a directory on the way, say) do no harm.
    async fn reported(watch: &mut Watch, until: impl Fn() -> bool) {
        loop {
            watch.changed().await;
            if until() {
                return;
            }
        }
    }

    fn watched(path: &Path) -> Watch {
        paths(vec![path.to_path_buf()]).unwrap()
    }

    /// Whether inotify has any events, relevant or not.
    fn woken(watch: &Watch) -> bool {
        let fd = watch.inotify.get_ref();
        let mut polled = [rustix::event::PollFd::new(fd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&rustix::event::Timespec::default())).unwrap() > 0
    }

    #[tokio::test]
    async fn a_file_is_reported_when_written_replaced_and_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let mut watch = watched(&file);
        fs::write(&file, b"a").unwrap();
        watch.changed().await;
        fs::write(dir.path().join("new"), b"b").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        reported(&mut watch, || fs::read(&file).unwrap() == b"b").await;
        fs::remove_file(&file).unwrap();
        reported(&mut watch, || !file.exists()).await;
    }

    #[tokio::test]
    async fn directories_that_come_and_go_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("a/b/models");
        let mut watch = watched(&models);
        for round in 0..3 {
            fs::create_dir_all(&models).unwrap();
            reported(&mut watch, || models.exists()).await;
            let model = models.join(format!("{round}.bin"));
            fs::write(&model, b"x").unwrap();
            reported(&mut watch, || fs::read(&model).is_ok_and(|bytes| bytes == b"x")).await;
            fs::remove_dir_all(dir.path().join("a")).unwrap();
            reported(&mut watch, || !dir.path().join("a").exists()).await;
        }
    }

    #[tokio::test]
    async fn a_directory_put_in_the_place_of_another_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (models, other) = (dir.path().join("models"), dir.path().join("other"));
        fs::create_dir(&models).unwrap();
        fs::create_dir(&other).unwrap();
        let mut watch = watched(&models);
        fs::rename(&models, dir.path().join("old")).unwrap();
        fs::rename(&other, &models).unwrap();
        reported(&mut watch, || models.exists() && !other.exists()).await;
        fs::write(models.join("new.bin"), b"x").unwrap();
        reported(&mut watch, || models.join("new.bin").exists()).await;
    }

    #[tokio::test]
    async fn what_a_link_names_is_watched_too() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("config.toml"), dir.path().join("dotfiles/v2m.toml"));
        symlink("dotfiles/v2m.toml", &link).unwrap();
        let mut watch = watched(&link);
        fs::create_dir(dir.path().join("dotfiles")).unwrap();
        watch.changed().await;
        fs::write(&target, b"x").unwrap();
        reported(&mut watch, || fs::read(&link).is_ok_and(|bytes| bytes == b"x")).await;
        fs::remove_file(&link).unwrap();
        reported(&mut watch, || !link.is_symlink()).await;
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_not_reported() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, b"x").unwrap();
        let marker = dir.path().join("marker");
        let watch = paths(vec![file.clone(), marker.clone()]).unwrap();
        fs::write(dir.path().join("other"), b"x").unwrap();
        fs::read(&file).unwrap();
        fs::create_dir_all(dir.path().join("some/where")).unwrap();
        // It reads all pending events, and everything done so far has been reported.
        assert!(!watch.look().await);
        fs::write(&marker, b"x").unwrap();
        assert!(watch.look().await);
        assert!(!woken(&watch));
    }

    /// Regression: every file that any program opened in the folder above a missing one woke an
    /// idle service.
    #[tokio::test]
    async fn files_that_are_only_read_wake_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("read by others");
        fs::write(&file, b"x").unwrap();
        let watch = watched(&dir.path().join("v2m/config.toml"));
        fs::read(&file).unwrap();
        fs::read_dir(dir.path()).unwrap().for_each(drop);
        assert!(!woken(&watch));
        fs::create_dir(dir.path().join("v2m")).unwrap();
        assert!(woken(&watch));
    }
}
