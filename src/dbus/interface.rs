//! `org.v2m.Dictation1`: D-Bus methods, properties and signals to and from the daemon's calls.
//! Its doc comments are what introspection shows.

use super::callers::{Listeners, TooMany, gone};
use super::failure::CallError;
use super::history::{self, Entry};
use super::{settings, status};
use crate::call::{
    Answer, Call, CallSender, Progress, Request, Retry, TextSource, TextTask, TextWork,
};
use crate::session::{Code, Command, DeliverMode, EngineState, Failure, State, Wishes};
use std::collections::HashMap;
use std::path::PathBuf;
use tokio::sync::{Semaphore, oneshot, watch};
use v2m_ipc::{llm::MAX_TEXT, plain};
use v2m_messages::{tr, verbatim};
use zbus::message::Header;
use zbus::names::UniqueName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant, interface};

/// What the properties tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Properties {
    pub(super) state: State,
    pub(super) engine: EngineState,
    /// Seconds since 1970; 0: nothing is recorded.
    pub(super) recording_since: f64,
    /// The code; empty: none.
    pub(super) reason: &'static str,
}

impl Properties {
    pub(super) fn tell(&mut self, state: State, progress: &Progress) {
        self.state = state;
        self.recording_since = progress.recording.map_or(0.0, |recording| recording.since);
        // The sentence may hold what was said; Status has it, for the caller alone.
        self.reason = progress.reason.as_ref().map_or("", |failure| failure.code.name());
    }
}

/// The object. Never changes itself, so a Stop that waits for its text holds up nothing else.
pub(super) struct DictationObject {
    calls: CallSender,
    known: watch::Receiver<Properties>,
    listeners: Listeners,
    meters: Listeners,
    /// Presses that may wait for their answers.
    presses: Semaphore,
    /// Other calls that may wait for their answers. They leave presses their room.
    others: Semaphore,
}

/// Calls of either kind that wait for their answers at once; as many as the socket has connections.
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

    async fn ask(&self, request: Request) -> Result<Answer, CallError> {
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

    /// For work that takes hours or costs money: given up when the caller leaves the bus. Every
    /// other request is carried out, whether its caller stays or not.
    async fn ask_for(&self, caller: Caller<'_>, request: Request) -> Result<Answer, CallError> {
        let Some(name) = caller.name else { return self.ask(request).await };
        tokio::select! {
            answer = self.ask(request) => answer,
            // Nobody reads this. The daemon sees that the way back for its answer is closed.
            () = gone(caller.bus, name) => {
                let text = verbatim!("The caller has left the session bus.");
                Err(CallError(Failure::new(Code::Internal, text)))
            }
        }
    }

    async fn work(
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

    async fn command(&self, command: Command) -> Result<(String, String), CallError> {
        self.ask(Request::Session(command)).await.map(state_and_text)
    }

    async fn command_with(
        &self,
        command: Command,
        options: Options,
    ) -> Result<(String, String), CallError> {
        let request = Request::Dictation(command, wishes(options)?);
        self.ask(request).await.map(state_and_text)
    }
}

/// The text, plain, if it is no longer than a model may be given: the bus lets messages of 128 MiB
/// through.
pub(super) fn bounded(text: String) -> Result<String, CallError> {
    if text.len() > MAX_TEXT {
        let kib = MAX_TEXT >> 10;
        let message = tr!("A text may have {kib} KiB at most; send it in parts.", kib);
        return Err(CallError(Failure::new(Code::TooLarge, message)));
    }
    Ok(plain::owned(text))
}

/// Who calls.
#[derive(Clone, Copy)]
struct Caller<'c> {
    bus: &'c Connection,
    /// `None`: not over a bus.
    name: Option<&'c UniqueName<'c>>,
}

impl<'c> Caller<'c> {
    fn of(header: &'c Header<'_>, bus: &'c Connection) -> Self {
        Self { bus, name: header.sender() }
    }
}

/// A client's options for one dictation.
type Options = HashMap<String, OwnedVariant>;

/// The socket's options for a dictation, under the same names. Unknown keys are an error: an option
/// that has no effect would not be noticed.
fn wishes(options: Options) -> Result<Wishes, CallError> {
    let mut wishes = Wishes::default();
    for (key, value) in options {
        let bad = |what: String| CallError(Failure::new(Code::BadRequest, what));
        let text = || {
            let text = <&str>::try_from(&*value).map(str::to_owned);
            text.map_err(|_| bad(tr!("The option {key} must be a string.", key)))
        };
        match key.as_str() {
            "deliver" => {
                let name = text()?;
                let mode = DeliverMode::ALL.into_iter().find(|mode| mode.name() == name);
                let known = || DeliverMode::ALL.map(DeliverMode::name).join(", ");
                let unknown =
                    || bad(tr!("The option deliver may be only {known}.", known = known()));
                wishes.deliver = Some(mode.ok_or_else(unknown)?);
            }
            "preset" => wishes.preset = given(bounded(text()?)?),
            "language" => wishes.language = given(bounded(text()?)?),
            "continuous" => {
                let what = || bad(tr!("The option continuous must be true or false.").into());
                wishes.continuous = bool::try_from(&*value).map_err(|_| what())?;
            }
            _ => {
                let known = verbatim!("deliver, preset, language, continuous");
                let key = format_args!("{key:?}");
                return Err(bad(tr!("There is no option {key}; there are: {known}.", key, known)));
            }
        }
    }
    Ok(wishes)
}

pub(super) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

fn something_else() -> CallError {
    CallError(Failure::new(Code::Internal, tr!("v2m answered something else.")))
}

/// Of any answer; no text where there is none.
fn state_and_text(answer: Answer) -> (String, String) {
    let (state, text) = match answer {
        Answer::State { state, .. } => (state, String::new()),
        Answer::Transcript { state, transcript } => (state, transcript.text),
        Answer::Text { state, text, .. } => (state, text),
        Answer::Status(status) => (status.state, String::new()),
        // Not asked for here: others can listen on the bus.
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

/// Dictation: press, speak, press again.
#[interface(name = "org.v2m.Dictation1")]
impl DictationObject {
    /// Starts a recording, or stops the one that runs. The text is empty unless one was stopped.
    /// Earlier dictations that wait for their texts do not stand in the way.
    #[zbus(out_args("state", "text"))]
    async fn toggle(&self) -> Result<(String, String), CallError> {
        self.command(Command::Toggle).await
    }

    /// Starts a recording; answers once the first audio has arrived.
    #[zbus(out_args("state"))]
    async fn start(&self) -> Result<String, CallError> {
        self.command(Command::Start).await.map(|(state, _)| state)
    }

    /// Stops the recording; answers once its text is there.
    #[zbus(out_args("state", "text"))]
    async fn stop(&self) -> Result<(String, String), CallError> {
        self.command(Command::Stop).await
    }

    /// As Toggle, with options for this dictation as on the socket: the strings `deliver`, `preset`
    /// and `language`, and the boolean `continuous`.
    #[zbus(out_args("state", "text"))]
    async fn toggle_with(&self, options: Options) -> Result<(String, String), CallError> {
        self.command_with(Command::Toggle, options).await
    }

    /// As Start, with options as for ToggleWith.
    #[zbus(out_args("state"))]
    async fn start_with(&self, options: Options) -> Result<String, CallError> {
        self.command_with(Command::Start, options).await.map(|(state, _)| state)
    }

    /// As Stop, with options as for ToggleWith.
    #[zbus(out_args("state", "text"))]
    async fn stop_with(&self, options: Options) -> Result<(String, String), CallError> {
        self.command_with(Command::Stop, options).await
    }

    /// Drops the recording, audio and text; without one, the newest dictation that waits for its
    /// text.
    #[zbus(out_args("state"))]
    async fn cancel(&self) -> Result<String, CallError> {
        self.command(Command::Cancel).await.map(|(state, _)| state)
    }

    /// Takes the last text at the cursor back, if it is still there as it was delivered and the
    /// focus has not moved. The message says how.
    #[zbus(out_args("state", "message"))]
    async fn undo(&self) -> Result<(String, String), CallError> {
        match self.ask(Request::Undo).await? {
            Answer::State { state, message } => {
                Ok((state.name().to_owned(), message.unwrap_or_default()))
            }
            _ => Err(something_else()),
        }
    }

    /// Starts no more recordings until Resume.
    #[zbus(out_args("state"))]
    async fn pause(&self) -> Result<String, CallError> {
        self.command(Command::Pause).await.map(|(state, _)| state)
    }

    /// Allows recordings again.
    #[zbus(out_args("state"))]
    async fn resume(&self) -> Result<String, CallError> {
        self.command(Command::Resume).await.map(|(state, _)| state)
    }

    /// Transcribes an audio file, named by its absolute path. Given up when the caller leaves the
    /// bus.
    #[zbus(out_args("state", "text"))]
    async fn transcribe_file(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
        path: String,
    ) -> Result<(String, String), CallError> {
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            let text =
                tr!("TranscribeFile needs an absolute path: v2m does not run in your folder.");
            return Err(CallError(Failure::new(Code::BadRequest, text)));
        }
        let request = Request::TranscribeFile { path, track: None };
        self.ask_for(Caller::of(&header, bus), request).await.map(state_and_text)
    }

    /// Transcribes a dictation of the store once more, failed or not; 1 is the last one. Model and
    /// language: empty means as configured. The text is shown, and is the last one from then on.
    #[zbus(out_args("state", "text"))]
    async fn retry(
        &self,
        number: u32,
        model: String,
        language: String,
    ) -> Result<(String, String), CallError> {
        let retry = Retry { number, model: given(model), language: given(language) };
        self.ask(Request::Retry(retry)).await.map(state_and_text)
    }

    /// The dictations that the store keeps, the newest first, at most 100 of them (limit 0: 20).
    /// search: words that they must have; since: a date, a time, or how long ago; before: the id of
    /// the last one of the page before. Empty means any. more: older ones follow.
    #[zbus(out_args("dictations", "more"))]
    async fn history(
        &self,
        search: String,
        since: String,
        before: String,
        limit: u32,
    ) -> Result<(Vec<Entry>, bool), CallError> {
        let query = history::query(search, since, before, limit)?;
        match self.ask(Request::List(query)).await? {
            Answer::History(page) => {
                let entries = page.dictations.into_iter().map(history::entry).collect();
                Ok((entries, page.has_more))
            }
            _ => Err(something_else()),
        }
    }

    /// A dictation of the store with its text: by `last`, its number counted back from the last
    /// (1), or its id. Keys without a value are left out.
    #[zbus(out_args("dictation"))]
    async fn get_dictation(&self, which: String) -> Result<Entry, CallError> {
        match self.ask(Request::Show(history::which(&which)?)).await? {
            Answer::Dictation(kept) => Ok(history::with_text(*kept)),
            _ => Err(something_else()),
        }
    }

    /// Delivers the text of a dictation of the store once more: to the clipboard, by paste or by
    /// type. delivered: whether it arrived; detail: how, or why not.
    #[zbus(out_args("delivered", "detail"))]
    async fn deliver_dictation(
        &self,
        which: String,
        deliver: String,
    ) -> Result<(bool, String), CallError> {
        let redelivery = history::redelivery(&which, &deliver)?;
        match self.ask(Request::Redeliver(redelivery)).await? {
            Answer::Text { deliveries, .. } => Ok(history::outcome(&deliveries)),
            _ => Err(something_else()),
        }
    }

    /// Deletes a dictation of the store, recording and text, or all of them if `which` is `all`.
    /// kept: those that were not deleted, each an id and the reason.
    #[zbus(out_args("deleted", "kept"))]
    async fn delete_dictations(
        &self,
        which: String,
    ) -> Result<(u32, Vec<(String, String)>), CallError> {
        match self.ask(Request::Delete(history::deletion(&which)?)).await? {
            Answer::Deleted(deleted) => Ok((deleted.deleted, deleted.kept)),
            _ => Err(something_else()),
        }
    }

    /// Has a language model rewrite a text, by a preset, an instruction or both; without either, by
    /// the configured preset. Empty means none. Given up when the caller leaves the bus.
    #[zbus(out_args("state", "text"))]
    async fn process_text(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
        text: String,
        preset: String,
        instruction: String,
    ) -> Result<(String, String), CallError> {
        let (preset, instruction) = (given(preset), given(bounded(instruction)?));
        self.work(Caller::of(&header, bus), text, TextTask::Rewrite { instruction, preset }).await
    }

    /// Has a language model translate a text, into a language by code or name. Empty: the
    /// configured one. Given up when the caller leaves the bus.
    #[zbus(out_args("state", "text"))]
    async fn translate_text(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
        text: String,
        language: String,
    ) -> Result<(String, String), CallError> {
        self.work(Caller::of(&header, bus), text, TextTask::Translate { into: given(language) })
            .await
    }

    /// Asks for the text as it grows. TranscriptionUpdate is then sent to the caller, and to no one
    /// who has not asked, until it calls Unsubscribe or leaves the bus. At most 16 callers at once.
    async fn subscribe(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), CallError> {
        let Some(name) = header.sender() else { return Ok(()) };
        let full = |TooMany| {
            let text = tr!(
                "Subscribing to TranscriptionUpdate: 16 programs are subscribed already. Close one of them."
            );
            CallError(Failure::new(Code::Busy, text))
        };
        self.listeners.add(bus, name).map_err(full)
    }

    /// Ends what Subscribe began.
    fn unsubscribe(&self, #[zbus(header)] header: Header<'_>) {
        if let Some(name) = header.sender() {
            self.listeners.remove(name);
        }
    }

    /// Asks for the level of the sound while something is recorded. Level is then sent to the
    /// caller, ten times a second, until it calls UnsubscribeLevel or leaves the bus. At most 16
    /// callers at once.
    async fn subscribe_level(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), CallError> {
        let Some(name) = header.sender() else { return Ok(()) };
        let full = |TooMany| {
            let text =
                tr!("Subscribing to Level: 16 programs are subscribed already. Close one of them.");
            CallError(Failure::new(Code::Busy, text))
        };
        self.meters.add(bus, name).map_err(full)
    }

    /// Ends what SubscribeLevel began.
    fn unsubscribe_level(&self, #[zbus(header)] header: Header<'_>) {
        if let Some(name) = header.sender() {
            self.meters.remove(name);
        }
    }

    /// All that v2m tells of itself. Keys without a value now are left out.
    #[zbus(out_args("status"))]
    async fn status(&self) -> Result<HashMap<&'static str, OwnedVariant>, CallError> {
        match self.ask(Request::Status).await? {
            Answer::Status(status) => Ok(status::told(*status)),
            _ => Err(something_else()),
        }
    }

    /// The settings that a menu may show: `language`, a code or `auto`, and `microphone`, the node.name
    /// of a PipeWire source, or empty for the default one.
    #[zbus(out_args("settings"))]
    async fn settings(&self) -> Result<settings::Told, CallError> {
        match self.ask(Request::GetConfig).await? {
            Answer::Config(config) => Ok(settings::told(&config)),
            _ => Err(something_else()),
        }
    }

    /// The microphones that are connected, for a menu: of each the PipeWire `node.name`, which is its
    /// value for the setting `microphone`, and what people call it.
    #[zbus(out_args("microphones"))]
    async fn microphones(&self) -> Result<Vec<(String, String)>, CallError> {
        match self.ask(Request::Microphones).await? {
            Answer::Microphones(all) => Ok(settings::microphones(all)),
            _ => Err(something_else()),
        }
    }

    /// Changes some of these settings, in the configuration too.
    async fn change_settings(&self, changes: settings::Told) -> Result<(), CallError> {
        let update = settings::update(changes)?;
        self.ask(Request::UpdateConfig(update)).await.map(|_| ())
    }

    /// idle, recording, transcribing, processing or paused. While something is recorded it is
    /// recording, whatever becomes of earlier dictations; how many wait for their texts is in
    /// Status, `pending`.
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.known.borrow().state.name()
    }

    /// absent, loading, warm, unloaded or failed.
    #[zbus(property)]
    fn engine_state(&self) -> &'static str {
        self.known.borrow().engine.name()
    }

    /// When the recording under way was asked for, in seconds since 1970 (UTC); 0 if nothing is
    /// recorded.
    #[zbus(property)]
    fn recording_since(&self) -> f64 {
        self.known.borrow().recording_since
    }

    /// Why the last press, or the last dictation, gave no text: an error's code, such as no_speech.
    /// Empty if it gave one, and as soon as the next recording begins.
    #[zbus(property)]
    fn reason(&self) -> &'static str {
        self.known.borrow().reason
    }

    /// Of the running service.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The text of a dictation that is recorded or transcribed, to those who called Subscribe;
    /// final: it will not change any more. `job` numbers the dictations: while one is recorded, the
    /// one before may still be transcribed.
    #[zbus(signal)]
    async fn transcription_update(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
        job: u32,
    ) -> zbus::Result<()>;

    /// The sound of the last tenth of a second, in dB relative to full scale (at most 0; −120 is
    /// digital silence), to those who called SubscribeLevel.
    #[zbus(signal)]
    async fn level(emitter: &SignalEmitter<'_>, rms: f64, peak: f64) -> zbus::Result<()>;

    /// What a sign on the screen should show, to the program that owns `org.v2m.Sign`, and to no
    /// one else.
    #[zbus(signal)]
    async fn sign(
        emitter: &SignalEmitter<'_>,
        kind: &str,
        details: HashMap<&'static str, OwnedVariant>,
    ) -> zbus::Result<()>;

    /// Where a text went (clipboard, notification, …), or why it did not and what to do.
    #[zbus(signal)]
    async fn delivery(
        emitter: &SignalEmitter<'_>,
        by: &str,
        ok: bool,
        detail: &str,
    ) -> zbus::Result<()>;
}
