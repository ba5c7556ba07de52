//! The clipboard through the portal, for desktops whose compositor gives it to nobody else: GNOME.
//!
//! What is offered goes with the session, so that stays open, and what was on the clipboard before comes back whole.

use super::bus::{self as exchange, Offer, Source, TRANSFER};
use super::content::Content;
use crate::deliver::display::portal::Session;
use crate::deliver::display::portal::bus::{Options, Signal};
use crate::deliver::problem::Problem;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;
use zbus::Variant;

/// The desktop may read one format at a time and know only later that it is read (Mutter does); the portal tells no reason
/// for a refusal. Asked again after so long,
const BUSY: Duration = Duration::from_millis(5);
/// this often.
const TRIES: u32 = 20;

/// How long the portal may take to tell that the clipboard is ours.
const TAKEN: Duration = Duration::from_millis(300);

/// The clipboard as the session knows it.
#[derive(Debug, Default)]
pub(crate) struct Clipboard {
    /// What we have on it.
    held: Option<Arc<Content>>,
    /// What another program has on it. `None`: nobody has told.
    formats: Option<Vec<String>>,
}

impl Clipboard {
    /// Hears what is on it, which a session tells after it has begun; nothing if it is nobody's.
    pub(crate) async fn listen(&mut self, session: &mut Session, patience: Duration) {
        let until = Instant::now() + patience;
        while let Ok(signal) = timeout_at(until, session.signals.next()).await {
            match signal {
                Signal::Owner { ours, formats } => {
                    self.changed(ours, formats);
                    return;
                }
                Signal::Gone | Signal::Closed(_) => return,
                _ => {}
            }
        }
    }

    /// Whether it is another program's now that was ours.
    fn changed(&mut self, ours: bool, formats: Vec<String>) -> bool {
        if ours {
            return false;
        }
        self.formats = Some(formats);
        self.held.take().is_some()
    }

    /// Deals with a signal while nobody waits for one.
    pub(crate) async fn handle(&mut self, session: &Session, signal: Signal) {
        match signal {
            Signal::Transfer { format, serial } => {
                self.give(session, &format, serial).await;
            }
            Signal::Owner { ours, formats } => {
                self.changed(ours, formats);
            }
            _ => {}
        }
    }

    /// What is on it, in all its formats. `None`: it cannot be had whole, in `patience` or in memory.
    pub(crate) async fn remember(
        &mut self,
        session: &mut Session,
        patience: Duration,
    ) -> Option<Arc<Content>> {
        if let Some(held) = &self.held {
            return Some(Arc::clone(held));
        }
        // Not the same as nothing, which would be given back.
        let formats = self.formats.as_ref()?;
        exchange::remember(session, formats, patience).await.map(Arc::new)
    }

    /// Takes it for `content`.
    pub(crate) async fn offer(
        &mut self,
        session: &mut Session,
        content: Arc<Content>,
    ) -> Result<(), Problem> {
        let options = Options::from([("mime_types", Variant::from(content.names()))]);
        session.clipboard("SetSelection", |path| (path, options)).await?;
        // What was asked for before that is not to be had any more, and must not be answered: xdg-desktop-portal (1.20) dies of it.
        let until = Instant::now() + TAKEN;
        while let Ok(signal) = timeout_at(until, session.signals.next()).await {
            match signal {
                Signal::Owner { ours: true, .. } => break,
                Signal::Closed(path) if path == session.path() => return Err(Problem::PortalGone),
                Signal::Gone => return Err(Problem::PortalGone),
                _ => {}
            }
        }
        self.held = Some(content);
        self.formats = None;
        Ok(())
    }

    /// Leaves it to nobody.
    pub(crate) async fn clear(&mut self, session: &Session) -> Result<(), Problem> {
        session.clipboard("SetSelection", |path| (path, Options::new())).await?;
        (self.held, self.formats) = (None, Some(Vec::new()));
        Ok(())
    }

    /// Serves requests for what we have on it; how many.
    pub(crate) async fn serve(
        &mut self,
        session: &mut Session,
        offer: Offer,
    ) -> Result<usize, Problem> {
        let mut served = 0;
        let begun = Instant::now();
        let mut until = match offer {
            Offer::Once(patience) | Offer::UntilQuiet(patience, _) => begun + patience,
        };
        loop {
            let Ok(signal) = timeout_at(until, session.signals.next()).await else {
                return Ok(served);
            };
            match signal {
                Signal::Transfer { format, serial } => {
                    // A program that hangs up may have changed its mind, and may ask again.
                    if !self.give(session, &format, serial).await {
                        continue;
                    }
                    served += 1;
                    match offer {
                        Offer::Once(_) => return Ok(served),
                        Offer::UntilQuiet(quiet, no_longer) => {
                            until = (Instant::now() + quiet).min(begun + no_longer);
                        }
                    }
                }
                Signal::Owner { ours, formats } => {
                    if self.changed(ours, formats) {
                        return Err(Problem::Overtaken);
                    }
                }
                Signal::Closed(path) if path == session.path() => return Err(Problem::PortalGone),
                Signal::Gone => return Err(Problem::PortalGone),
                Signal::Closed(_) | Signal::Response { .. } | Signal::Other => {}
            }
        }
    }

    /// Whether a request was served whole.
    async fn give(&self, session: &Session, format: &str, serial: u32) -> bool {
        let written = timeout(TRANSFER, self.write(session, format, serial)).await;
        let is_whole = matches!(written, Ok(Ok(true)));
        if !is_whole {
            debug!(format, ?written, "a request for the clipboard was not served");
        }
        let done = session.clipboard("SelectionWriteDone", |path| (path, serial, is_whole)).await;
        is_whole && done.is_ok()
    }

    async fn write(&self, session: &Session, format: &str, serial: u32) -> Result<bool, Problem> {
        let Some(bytes) = self.held.as_ref().and_then(|held| held.get(format)) else {
            return Ok(false);
        };
        let reply = session.clipboard("SelectionWrite", |path| (path, serial)).await?;
        exchange::write(&reply, bytes).await?;
        Ok(true)
    }
}

impl Source for Session {
    async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, Problem> {
        let mut tries = 0;
        let reply = loop {
            tries += 1;
            match self.clipboard("SelectionRead", |path| (path, format)).await {
                Err(Problem::Refused(_)) if tries < TRIES => sleep(BUSY).await,
                reply => break reply?,
            }
        };
        exchange::read(&reply, most).await
    }
}
