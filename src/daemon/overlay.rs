//! Starts the program that shows the state on the screen, if nothing else does.

use super::shown::Present;
use crate::config::Settings;
use crate::feedback::overlay::{self, OverlayError};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::watch;
use tracing::info;
use v2m_messages::verbatim;

type Starting = Pin<Box<dyn Future<Output = Result<(), OverlayError>>>>;

/// How many times in a row the start may fail or time out before it is given up.
const TRIES: u8 = 3;

/// The program at the bottom of the screen, as far as the daemon manages it.
pub(super) struct Overlay {
    /// The program that shows the states.
    sign: watch::Receiver<Option<String>>,
    starting: Option<Starting>,
    /// Whether it is worth a try in this run of the service, which ends with the desktop.
    may_show: bool,
    failed: u8,
}

impl Overlay {
    pub(super) fn new(sign: watch::Receiver<Option<String>>) -> Self {
        let may_show = overlay::may_show(|name| std::env::var_os(name));
        Self { sign, starting: None, may_show, failed: 0 }
    }

    /// Prepares for a recording. Returns whether the program is being started.
    pub(super) fn start(&mut self, settings: &Settings) -> bool {
        let wanted = settings.feedback.overlay && self.may_show;
        if !wanted || self.sign.borrow().is_some() || self.starting.is_some() {
            return self.starting.is_some();
        }
        self.starting = Some(Box::pin(overlay::start(self.sign.clone())));
        true
    }

    /// Waits until another program shows the states on the screen, the same one needs them again,
    /// or none will. Cancel-safe.
    pub(super) async fn next(&mut self) -> Present {
        let Self { sign, starting, .. } = self;
        let started = async {
            match starting {
                Some(starting) => starting.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            present = changed(sign) => match present {
                // The service has just joined the bus, and the program is still starting.
                Present::No if self.starting.is_some() => Present::Expected,
                present => present,
            },
            started = started => {
                self.starting = None;
                self.started(started)
            }
        }
    }

    fn started(&mut self, started: Result<(), OverlayError>) -> Present {
        match &started {
            Ok(()) => self.failed = 0,
            Err(OverlayError::Late | OverlayError::Failed(_)) => {
                self.failed += 1;
                self.may_show &= self.failed < TRIES;
            }
            Err(OverlayError::Hopeless(_)) => self.may_show = false,
        }
        if let Err(error) = started {
            let last = if self.may_show { "" } else { verbatim!(". It is not started again") };
            info!(%error, "{error}{last}");
        }
        present(&self.sign.borrow())
    }

    /// Applies changed settings.
    pub(super) fn set(&mut self, old: &Settings, new: &Settings) {
        if old.feedback.overlay && !new.feedback.overlay && self.may_show {
            tokio::spawn(overlay::stop());
        }
    }
}

/// Waits until another program shows the states on the screen, or the same one needs them again.
/// Cancel-safe.
async fn changed(sign: &mut watch::Receiver<Option<String>>) -> Present {
    if sign.changed().await.is_err() {
        // Without a bus there is no sign.
        return std::future::pending().await;
    }
    present(&sign.borrow_and_update())
}

fn present(owner: &Option<String>) -> Present {
    if owner.is_some() { Present::Yes } else { Present::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns, for each outcome, whether the program is worth another try after it.
    fn tried_after(outcomes: impl IntoIterator<Item = Result<(), OverlayError>>) -> Vec<bool> {
        let (_owner, sign) = watch::channel(None);
        let mut overlay = Overlay { sign, starting: None, may_show: true, failed: 0 };
        let after = outcomes.into_iter().map(|outcome| {
            overlay.started(outcome);
            overlay.may_show
        });
        after.collect()
    }

    #[test]
    fn a_start_that_failed_is_tried_again_but_not_for_ever() {
        let failed = || Err(OverlayError::Failed("x".into()));
        let outcomes = [failed(), Err(OverlayError::Late), failed()];
        assert_eq!(tried_after(outcomes), [true, true, false]);
        assert_eq!(tried_after([failed(), failed(), Ok(()), failed()]), [true; 4]);
        assert_eq!(tried_after([Err(OverlayError::Hopeless("x".into()))]), [false]);
    }
}
