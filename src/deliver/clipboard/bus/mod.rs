//! The clipboard of a session on the bus, of Mutter or of the portal.

mod answers;
mod content;

pub(crate) use answers::Answers;
pub(crate) use content::{ReadFormat, formats, read};

use super::content::Content;
use super::x11::primary::{Loan, To};
use super::{Before, Clipboard, ClipboardManager, Serve, Serving};
use crate::deliver::error::DeliverError;
use crate::deliver::window::Window;
use content::{remember, write};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{timeout, timeout_at};
use tracing::debug;
use zbus::Message;
use zbus::message::Sequence;

/// How long serving one request for content may take. A program that stops reading must not hold up
/// the rest.
const TRANSFER: Duration = Duration::from_secs(2);

/// A signal from a session.
#[derive(Debug)]
pub(crate) enum Signal {
    /// A program asks for the content in this format, at this position among all bus messages.
    Transfer { format: String, serial: u32, position: Option<Sequence> },
    /// The clipboard has a new owner, who offers these formats.
    Owner { ours: bool, formats: Vec<String> },
    /// A signal that does not matter here.
    Other,
    /// The session has ended, for this reason.
    Ended(DeliverError),
}

/// A session that may hold the clipboard.
pub(crate) trait ClipboardSession: Send {
    /// The handle that calls the session's methods.
    type Calls: Calls;

    /// Whether the desktop releases the keys of a session that ends. If it does, pressing them may
    /// be interrupted halfway.
    const RELEASES_KEYS: bool;

    /// Returns the handle that calls the session's methods.
    fn calls(&self) -> &Self::Calls;

    /// Waits for the next signal. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Signal> + Send;

    /// Returns a signal that has already arrived.
    fn ready(&mut self) -> Option<Signal>;

    /// Takes the clipboard for content in these formats.
    fn take(&mut self, formats: &[&str]) -> impl Future<Output = Result<(), DeliverError>> + Send;
}

/// The session's calls that concern the clipboard.
pub(crate) trait Calls: ReadFormat + Send {
    /// Clears the clipboard, so that it has no owner.
    fn clear(&self) -> impl Future<Output = Result<(), DeliverError>> + Send;

    /// Requests the pipe for the answer to a request.
    fn begin(&self, serial: u32) -> impl Future<Output = Result<Message, DeliverError>> + Send;

    /// Ends the answer to a request. `is_whole`: the content was written completely.
    fn end(
        &self,
        serial: u32,
        is_whole: bool,
    ) -> impl Future<Output = Result<(), DeliverError>> + Send;
}

/// The clipboard of a session.
#[derive(Debug)]
pub(crate) struct BusClipboard<S> {
    pub(crate) session: S,
    /// The content that v2m offers on it.
    held: Option<Arc<Content>>,
    /// The formats that another program offers. `None`: not known.
    formats: Option<Vec<String>>,
    answers: Arc<Answers>,
}

impl<S: ClipboardSession> BusClipboard<S> {
    /// Wraps this session's clipboard. `formats`: the formats that another program offers on it, if
    /// known.
    pub(crate) fn of(session: S, formats: Option<Vec<String>>) -> Self {
        Self { session, held: None, formats, answers: Arc::default() }
    }

    /// Returns the record in which the keyboard notes its key presses.
    pub(crate) fn answers(&self) -> Arc<Answers> {
        Arc::clone(&self.answers)
    }

    /// Learns the clipboard's formats, if the session announces them within `patience`.
    pub(crate) async fn listen(&mut self, patience: Duration) {
        let until = tokio::time::Instant::now() + patience;
        while let Ok(signal) = timeout_at(until, self.session.next()).await {
            match signal {
                Signal::Owner { ours, formats } => {
                    self.change(ours, formats);
                    return;
                }
                Signal::Ended(_) => return,
                Signal::Transfer { .. } | Signal::Other => {}
            }
        }
    }

    /// Handles a signal that arrives while no delivery waits for one.
    pub(crate) async fn handle(&mut self, signal: Signal) -> Result<(), DeliverError> {
        match signal {
            Signal::Transfer { format, serial, .. } => {
                self.give(&format, serial).await;
            }
            Signal::Owner { ours, formats } => {
                self.change(ours, formats);
            }
            Signal::Other => {}
            Signal::Ended(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Notes the new owner. Returns whether another program has taken the clipboard from us.
    fn change(&mut self, ours: bool, formats: Vec<String>) -> bool {
        if ours {
            return false;
        }
        self.formats = Some(formats);
        self.held.take().is_some()
    }

    async fn put(&mut self, content: Arc<Content>) -> Result<(), DeliverError> {
        self.session.take(&content.names()).await?;
        self.held = Some(content);
        self.formats = None;
        Ok(())
    }

    async fn give(&self, format: &str, serial: u32) -> bool {
        give(self.session.calls(), self.held.as_deref(), format, serial).await
    }
}

impl<S: ClipboardSession> Clipboard for BusClipboard<S> {
    type Content = Arc<Content>;

    const WINDOWS: To = To::Wayland;

    async fn remember(
        &mut self,
        patience: Duration,
    ) -> Result<Before<Self::Content>, DeliverError> {
        while let Some(signal) = self.session.ready() {
            self.handle(signal).await?;
        }
        if let Some(held) = &self.held {
            return Ok(Before::Content(Arc::clone(held)));
        }
        // Unknown content is not `Nothing`: that would be restored as an empty clipboard.
        let Some(formats) = &self.formats else { return Ok(Before::Unknown) };
        Ok(remember(self.session.calls(), formats, patience).await)
    }

    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError> {
        let mut is_changed = false;
        while let Some(signal) = self.session.ready() {
            is_changed |= matches!(signal, Signal::Owner { ours: false, .. });
            self.handle(signal).await?;
        }
        if is_changed {
            return Ok(false);
        }
        self.put(Arc::new(Content::text(text, is_sensitive))).await.map(|()| true)
    }

    fn reader(&mut self) -> Result<ClipboardManager, DeliverError> {
        Ok(ClipboardManager::Known)
    }

    fn note_reader(&mut self, _: bool) {}

    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError> {
        let mut serving = Serving::new(requests, Instant::now());
        let mut any = false;
        loop {
            // Each request is served completely before the next one.
            let until = serving.until(false);
            let Ok(signal) = timeout_at(until.into(), self.session.next()).await else {
                return Ok(any);
            };
            match signal {
                Signal::Transfer { format, serial, .. } => {
                    if self.give(&format, serial).await {
                        any = true;
                        if !serving.asked(Instant::now()) {
                            return Ok(any);
                        }
                    }
                }
                Signal::Owner { ours, formats } => {
                    if self.change(ours, formats) {
                        return Err(DeliverError::Overtaken);
                    }
                }
                Signal::Other => {}
                Signal::Ended(problem) => return Err(problem),
            }
        }
    }

    async fn mark(&mut self, _: bool) -> Result<(), DeliverError> {
        Ok(())
    }

    /// Serves requests while `keys` are pressed. Stops pressing them if another program takes the
    /// clipboard.
    async fn serve_while(
        &mut self,
        keys: impl Future<Output = Result<(), DeliverError>>,
        loan: Option<&Loan>,
    ) -> Result<(), DeliverError> {
        if !S::RELEASES_KEYS {
            return keys.await;
        }
        let Self { session, held, answers, .. } = self;
        let is_giving = AtomicBool::new(false);
        let serving = async {
            loop {
                match session.next().await {
                    Signal::Transfer { format, serial, position } => {
                        is_giving.store(true, Ordering::Relaxed);
                        if give(session.calls(), held.as_deref(), &format, serial).await {
                            answers.gave(position);
                        }
                        is_giving.store(false, Ordering::Relaxed);
                    }
                    Signal::Owner { ours: false, .. } => return DeliverError::Overtaken,
                    Signal::Owner { .. } | Signal::Other => {}
                    Signal::Ended(problem) => return problem,
                }
            }
        };
        tokio::pin!(serving);
        tokio::select! {
            outcome = keys => outcome?,
            problem = &mut serving => return Err(problem),
            never = answers.heed(loan) => match never {},
        }
        // A transfer in progress is completed.
        poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(problem) => Poll::Ready(Err(problem)),
            Poll::Pending if is_giving.load(Ordering::Relaxed) => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    async fn receipt(
        &mut self,
        _: Option<&Window>,
        loan: Option<&Loan>,
        patience: Duration,
    ) -> Result<bool, DeliverError> {
        // Some windows ask while the keys are still being released.
        if self.answers.is_answered() {
            return Ok(true);
        }
        tokio::select! {
            served = self.serve(Serve::One(patience)) => served,
            () = Loan::taken_if(loan) => Ok(true),
        }
    }

    async fn give_back(&mut self, content: Self::Content) -> Result<(), DeliverError> {
        self.put(content).await
    }

    async fn clear(&mut self) -> Result<(), DeliverError> {
        self.session.calls().clear().await?;
        (self.held, self.formats) = (None, Some(Vec::new()));
        Ok(())
    }
}

/// Gives a program the content that it asks for. Returns whether the program took all of it. A
/// program that hangs up may have changed its mind, and may ask again.
async fn give(calls: &impl Calls, held: Option<&Content>, format: &str, serial: u32) -> bool {
    let transfer = async {
        let Some(bytes) = held.and_then(|held| held.get(format)) else { return Ok(false) };
        write(&calls.begin(serial).await?, bytes).await.map(|()| true)
    };
    let written = timeout(TRANSFER, transfer).await;
    let is_whole = matches!(written, Ok(Ok(true)));
    if !is_whole {
        debug!(format, ?written, "a request for the clipboard was not served");
    }
    let ended = timeout(TRANSFER, calls.end(serial, is_whole)).await;
    is_whole && matches!(ended, Ok(Ok(())))
}
