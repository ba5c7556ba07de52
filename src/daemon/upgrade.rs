//! Detects programs that an upgrade replaced while the service runs.
//!
//! An installer does not need to restart the service, which would end a recording. The service
//! exits once it is not needed, and the next press starts the new program.

use super::Daemon;
use super::changes::Changes;
use crate::recognise::Stamp;
use crate::session::{Event, State};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;
use tracing::info;

/// The program of this process, even after its file was replaced.
const OWN: &str = "/proc/self/exe";

/// How long the last text stays available. On some desktops the clipboard's content and the
/// notification disappear with the service.
const LINGER: Duration = Duration::from_secs(600);

/// The programs of this run of the service.
pub(super) struct Programs {
    /// Each with its file's stamp when the service started.
    started: Vec<(PathBuf, Stamp)>,
    watch: Changes,
    are_replaced: bool,
    /// When there was last something to do.
    used: Option<Instant>,
    /// When the service may exit, unless it is needed before.
    due: Option<Instant>,
}

impl Programs {
    /// Takes this program and the installed ones of `engines`. Must be called within a tokio
    /// runtime.
    pub(super) fn running(engines: Vec<PathBuf>) -> Self {
        let own = std::env::current_exe().ok().zip(Stamp::of(Path::new(OWN)));
        let engines = engines.into_iter().filter_map(|path| Stamp::of(&path).map(|it| (path, it)));
        let started: Vec<_> = own.into_iter().chain(engines).collect();
        let watch = Changes::of(started.iter().map(|(path, _)| path.clone()).collect());
        Self { started, watch, are_replaced: false, used: None, due: None }
    }

    /// Waits for a change of the files. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Returns when the service may exit, unless it is needed before.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Checks whether the programs have changed. A missing program counts as unchanged: either an
    /// upgrade is still running, or v2m was removed, and then nothing could start again.
    pub(super) fn look(&mut self) {
        self.are_replaced = self
            .started
            .iter()
            .any(|(path, started)| Stamp::of(path).is_some_and(|now| now != *started));
    }

    /// Notes a use that nothing else reports: a text is delivered again to the desktop.
    pub(super) fn used(&mut self) {
        self.used = Some(Instant::now());
    }

    /// Notes whether there is work. Returns whether the service may exit. `is_paused`: the next
    /// process would not know this state.
    fn may_leave(&mut self, is_working: bool, is_paused: bool) -> bool {
        let now = Instant::now();
        if is_working {
            self.used = Some(now);
        }
        let due = self.used.map_or(now, |used| used + LINGER);
        let is_idle = !is_working && !is_paused;
        self.due = (is_idle && self.are_replaced).then_some(due);
        self.due.is_some_and(|due| due <= now)
    }
}

impl Daemon {
    /// Exits if there are newer programs and this one is not needed. The next press starts the new
    /// one.
    pub(super) fn leave_to_newer_programs(&mut self, programs: &mut Programs) {
        let state = self.session.state();
        let is_working =
            !matches!(state, State::Idle | State::Paused) || !self.background.is_idle();
        let may_leave = programs.may_leave(is_working, state == State::Paused);
        if may_leave && !self.service.is_ending() {
            info!("v2m was upgraded; ending, so that the next press starts the new version");
            self.tell(Event::Terminate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desktop::DesktopEvent;
    use super::super::shown::Present;
    use super::super::{LoopInput, is_about_a_text};
    use super::*;
    use std::fs;

    fn replace(file: &Path) {
        let newer = file.with_extension("newer");
        fs::write(&newer, "newer").unwrap();
        fs::rename(newer, file).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_text_is_left_to_the_user_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        fs::write(&engine, "engine").unwrap();
        let missing = folder.path().join("engine-cuda");
        let mut programs = Programs::running(vec![engine.clone(), missing.clone()]);
        // An added engine does not count as a changed one.
        fs::write(missing, "cuda").unwrap();
        programs.look();
        assert!(!programs.may_leave(false, false) && programs.due().is_none());
        replace(&engine);
        programs.changed().await;
        programs.look();
        assert!(!programs.may_leave(true, false) && programs.due().is_none(), "it works");
        assert!(!programs.may_leave(false, false), "a text has just been delivered");
        tokio::time::sleep_until(programs.due().unwrap()).await;
        programs.used();
        assert!(!programs.may_leave(false, false), "a text was delivered again");
        tokio::time::sleep_until(programs.due().unwrap()).await;
        assert!(!programs.may_leave(false, true) && programs.due().is_none(), "it is paused");
        assert!(programs.may_leave(false, false));
        // During an upgrade, or after a removal.
        fs::remove_file(&engine).unwrap();
        programs.look();
        assert!(!programs.may_leave(false, false));
    }

    /// Regression: a sign, which starts with each service, kept the service for ten minutes after
    /// an upgrade.
    #[test]
    fn a_sign_on_the_screen_is_no_text() {
        for present in [Present::No, Present::Expected, Present::Yes] {
            assert!(!is_about_a_text(&LoopInput::Desktop(DesktopEvent::Sign(present))));
        }
        assert!(!is_about_a_text(&LoopInput::Desktop(DesktopEvent::Ended)));
    }

    #[tokio::test]
    async fn without_a_text_it_may_leave_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        fs::write(&engine, "engine").unwrap();
        let mut programs = Programs::running(vec![engine.clone()]);
        assert!(!programs.may_leave(false, false));
        replace(&engine);
        programs.look();
        assert!(programs.may_leave(false, false));
    }
}
