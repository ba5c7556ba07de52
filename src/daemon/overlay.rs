//! Starts the program that shows the state on the screen, if nothing else does.

use super::shown::Present;
use crate::config::Settings;
use crate::feedback::overlay::{self, OverlayError};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::watch;
use tracing::info;

type Starting = Pin<Box<dyn Future<Output = Result<(), OverlayError>>>>;

/// How often the start may take too long before it is not tried any more.
const LATE: u8 = 3;

/// The program at the bottom of the screen, as far as the daemon looks after it.
pub(super) struct Overlay {
    /// Who shows the states.
    sign: watch::Receiver<Option<String>>,
    starting: Option<Starting>,
    /// Whether it is worth a try in this run of the service, which ends with the desktop.
    may_show: bool,
    late: u8,
}

impl Overlay {
    pub(super) fn new(sign: watch::Receiver<Option<String>>) -> Self {
        let may_show = overlay::may_show(|name| std::env::var_os(name));
        Self { sign, starting: None, may_show, late: 0 }
    }

    /// A recording begins. Returns whether the program is being started.
    pub(super) fn start(&mut self, settings: &Settings) -> bool {
        let wanted = settings.feedback.overlay && self.may_show;
        if !wanted || self.sign.borrow().is_some() || self.starting.is_some() {
            return self.starting.is_some();
        }
        self.starting = Some(Box::pin(overlay::start(self.sign.clone())));
        true
    }

    /// Waits until somebody else shows the states on the screen, or must be told anew, or nobody
    /// will. Cancel-safe.
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
                // The service has just come onto the bus, where the program is on its way.
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
            Ok(()) => self.late = 0,
            Err(OverlayError::Late) => {
                self.late += 1;
                self.may_show &= self.late < LATE;
            }
            Err(OverlayError::Refused(_)) => self.may_show = false,
        }
        if let Err(error) = started {
            info!(%error, "{error}");
        }
        present(&self.sign.borrow())
    }

    /// Follows the settings.
    pub(super) fn set(&mut self, old: &Settings, new: &Settings) {
        if old.feedback.overlay && !new.feedback.overlay && self.may_show {
            tokio::spawn(overlay::stop());
        }
    }
}

/// Waits until it is another program that shows the states on the screen, or the same one must be
/// told anew. Cancel-safe.
async fn changed(sign: &mut watch::Receiver<Option<String>>) -> Present {
    if sign.changed().await.is_err() {
        // There is no bus.
        return std::future::pending().await;
    }
    present(&sign.borrow_and_update())
}

fn present(owner: &Option<String>) -> Present {
    if owner.is_some() { Present::Yes } else { Present::No }
}
