//! The object on the bus: its connection to the daemon, and the limit on waiting callers. Its D-Bus
//! members are in `interface`.

use super::callers::{Listeners, gone};
use super::failure::CallError;
use super::interface::Properties;
use super::options::{Options, bounded, wishes};
use crate::call::{Answer, Call, CallSender, Request, TextSource, TextTask, TextWork};
use crate::session::{Code, Command, Failure, State};
use tokio::sync::{Semaphore, oneshot, watch};
use v2m_ipc::plain;
use v2m_messages::{tr, verbatim};
use zbus::Connection;
use zbus::message::Header;
use zbus::names::UniqueName;

/// The object on the bus. Its methods take `&self`, so a Stop that waits for its text blocks no
/// other call.
pub(super) struct DictationObject {
    calls: CallSender,
    pub(super) known: watch::Receiver<Properties>,
    pub(super) listeners: Listeners,
    pub(super) meters: Listeners,
    /// Places for presses that wait for their answers.
    presses: Semaphore,
    /// Places for other calls that wait for their answers. They take none from presses.
    others: Semaphore,
}

/// Limit on waiting calls of each kind, the same as the socket's limit on connections.
const CALLS: usize = 64;

impl DictationObject {
    pub(super) fn new(
        calls: CallSender,
        known: watch::Receiver<Properties>,
        (listeners, meters): (Listeners, Listeners),
    ) -> Self {
        let room = || Semaphore::new(CALLS);
        Self { calls, known, listeners, meters, presses: room(), others: room() }
    }

    pub(super) async fn ask(&self, request: Request) -> Result<Answer, CallError> {
        let busy = || {
            let text = tr!(
                "{n} call on the session bus waits for an answer already. Try again when one is answered."
                    | "{n} calls on the session bus wait for answers already. Try again when one is answered."
                        % CALLS
            );
            CallError(Failure::new(Code::Busy, text))
        };
        let room = if request.is_press() { &self.presses } else { &self.others };
        let _place = room.try_acquire().map_err(|_| busy())?;
        let (reply, answer) = oneshot::channel();
        let ending =
            || Failure::new(Code::ShuttingDown, tr!("v2m is stopping; press again to start it."));
        self.calls.send(Call { request, reply }).await.map_err(|_| CallError(ending()))?;
        let lost = || {
            let text = tr!("v2m gave no answer, which is a bug. See: journalctl --user -u v2m");
            Failure::new(Code::Internal, text)
        };
        answer.await.map_err(|_| CallError(lost()))?.map_err(CallError)
    }

    /// Sends a request that may take hours or cost money: it is cancelled if the caller leaves the
    /// bus. All other requests are carried out even if their caller leaves.
    pub(super) async fn ask_for(
        &self,
        caller: Caller<'_>,
        request: Request,
    ) -> Result<Answer, CallError> {
        let Some(name) = caller.name else { return self.ask(request).await };
        tokio::select! {
            answer = self.ask(request) => answer,
            // Nobody reads this error. The daemon notices that its reply channel is closed.
            () = gone(caller.bus, name) => {
                let text = verbatim!("The caller has left the session bus.");
                Err(CallError(Failure::new(Code::Internal, text)))
            }
        }
    }

    pub(super) async fn work(
        &self,
        caller: Caller<'_>,
        text: String,
        task: TextTask,
    ) -> Result<(String, String), CallError> {
        let text = bounded(text)?;
        if text.trim().is_empty() {
            let message = tr!("There is no text to work on: the first argument is empty.");
            return Err(CallError(Failure::new(Code::NoText, message)));
        }
        let original = text.clone();
        let work = TextWork { source: TextSource::Given(text), task, deliver: None };
        let done = self.ask_for(caller, Request::Text(work)).await;
        let with_original = |CallError(failure)| {
            CallError(Failure { text: failure.text.or(Some(original)), ..failure })
        };
        done.map(state_and_text).map_err(with_original)
    }

    pub(super) async fn command(&self, command: Command) -> Result<(String, String), CallError> {
        self.ask(Request::Session(command)).await.map(state_and_text)
    }

    pub(super) async fn command_with(
        &self,
        command: Command,
        options: Options,
    ) -> Result<(String, String), CallError> {
        let request = Request::Dictation(command, wishes(options)?);
        self.ask(request).await.map(state_and_text)
    }
}

/// The caller of a method.
#[derive(Clone, Copy)]
pub(super) struct Caller<'c> {
    bus: &'c Connection,
    /// The caller's unique name; `None` if the call did not come over a bus.
    name: Option<&'c UniqueName<'c>>,
}

impl<'c> Caller<'c> {
    pub(super) fn of(header: &'c Header<'_>, bus: &'c Connection) -> Self {
        Self { bus, name: header.sender() }
    }
}

pub(super) fn something_else() -> CallError {
    CallError(Failure::new(Code::Internal, tr!("v2m answered something else.")))
}

/// Returns the state and the text of any answer; the text is empty if the answer has none.
pub(super) fn state_and_text(answer: Answer) -> (String, String) {
    let (state, text) = match answer {
        Answer::State { state, .. } => (state, String::new()),
        Answer::Transcript { state, transcript } => (state, transcript.text),
        Answer::Text { state, text, .. } => (state, text),
        Answer::Status(status) => (status.state, String::new()),
        // This interface never requests it: other programs can listen on the bus.
        Answer::LastText { state, .. } => (state, String::new()),
        Answer::Rules { text, .. } => (State::Idle, text),
        Answer::Config(_)
        | Answer::Microphones(_)
        | Answer::ConfigUpdated { .. }
        | Answer::History(_)
        | Answer::Dictation(_)
        | Answer::Deleted(_)
        | Answer::ShuttingDown => (State::Idle, String::new()),
    };
    (state.name().to_owned(), plain::owned(text))
}
