//! `org.v2m.Dictation1`: converts between D-Bus methods, properties and signals and the daemon's
//! calls. Introspection shows the doc comments of the interface.

use super::callers::TooMany;
use super::failure::CallError;
use super::history::{self, Entry};
use super::object::{Caller, DictationObject, something_else, state_and_text};
use super::options::{Options, bounded, given};
use super::{settings, status};
use crate::call::{Answer, Progress, Request, Retry, TextTask};
use crate::session::{Code, Command, EngineState, Failure, State};
use std::collections::HashMap;
use std::path::PathBuf;
use v2m_messages::tr;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant, interface};

/// Values of the D-Bus properties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Properties {
    pub(super) state: State,
    pub(super) engine: EngineState,
    /// When the recording was requested, in seconds since 1970 (UTC); 0 if nothing is being
    /// recorded.
    pub(super) recording_since: f64,
    /// The error code; empty if there is none.
    pub(super) reason: &'static str,
}

impl Properties {
    pub(super) fn tell(&mut self, state: State, progress: &Progress) {
        self.state = state;
        self.recording_since = progress.recording.map_or(0.0, |recording| recording.since);
        // The message may contain dictated text; only the caller of Status gets it.
        self.reason = progress.reason.as_ref().map_or("", |failure| failure.code.name());
    }
}

/// Dictation: press, speak, press again.
#[interface(name = "org.v2m.Dictation1")]
impl DictationObject {
    /// Starts a recording, or stops the current one. The text is empty unless one was stopped.
    /// Earlier dictations that still wait for their texts do not matter.
    #[zbus(out_args("state", "text"))]
    async fn toggle(&self) -> Result<(String, String), CallError> {
        self.command(Command::Toggle).await
    }

    /// Starts a recording; answers once the first audio has arrived.
    #[zbus(out_args("state"))]
    async fn start(&self) -> Result<String, CallError> {
        self.command(Command::Start).await.map(|(state, _)| state)
    }

    /// Stops the recording; answers once it has its text.
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

    /// Drops the recording, audio and text; if nothing is being recorded, drops the newest
    /// dictation that waits for its text.
    #[zbus(out_args("state"))]
    async fn cancel(&self) -> Result<String, CallError> {
        self.command(Command::Cancel).await.map(|(state, _)| state)
    }

    /// Removes the last text at the cursor, if it is still there unchanged and the focus has not
    /// moved. The message says how.
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

    /// Transcribes an audio file, given by its absolute path. Cancelled if the caller leaves the
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

    /// Transcribes a stored dictation again, whether it failed or not; number 1 is the last one. An
    /// empty model or language means the configured one. The text is shown, and becomes the last
    /// text.
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

    /// Lists stored dictations, newest first, at most 100 (limit 0: 20). search: words that the
    /// texts must contain; since: a date, a time, or how long ago; before: the id of the last
    /// dictation on the previous page. Empty means any. more: whether older ones follow.
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

    /// Returns a stored dictation with its text. which: `last`, its number counted back from the
    /// last one (1), or its id. Keys without a value are left out.
    #[zbus(out_args("dictation"))]
    async fn get_dictation(&self, which: String) -> Result<Entry, CallError> {
        match self.ask(Request::Show(history::which(&which)?)).await? {
            Answer::Dictation(kept) => Ok(history::with_text(*kept)),
            _ => Err(something_else()),
        }
    }

    /// Delivers the text of a stored dictation again. deliver: `clipboard`, `paste` or `type`.
    /// delivered: whether it arrived; detail: how, or why not.
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

    /// Deletes a stored dictation, recording and text, or all of them if `which` is `all`. kept:
    /// the id of each dictation that was not deleted, and the reason.
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
    /// the configured preset. Empty means none. Cancelled if the caller leaves the bus.
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

    /// Has a language model translate a text into a language, given by code or name. Empty: the
    /// configured one. Cancelled if the caller leaves the bus.
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

    /// Subscribes the caller to the growing text: only subscribers get TranscriptionUpdate, until
    /// they call Unsubscribe or leave the bus. At most 16 callers at once.
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

    /// Ends the caller's subscription by Subscribe.
    fn unsubscribe(&self, #[zbus(header)] header: Header<'_>) {
        if let Some(name) = header.sender() {
            self.listeners.remove(name);
        }
    }

    /// Subscribes the caller to the sound level during recordings: it gets Level ten times a second
    /// until it calls UnsubscribeLevel or leaves the bus. At most 16 callers at once.
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

    /// Ends the caller's subscription by SubscribeLevel.
    fn unsubscribe_level(&self, #[zbus(header)] header: Header<'_>) {
        if let Some(name) = header.sender() {
            self.meters.remove(name);
        }
    }

    /// Returns the service's status. Keys without a current value are left out.
    #[zbus(out_args("status"))]
    async fn status(&self) -> Result<HashMap<&'static str, OwnedVariant>, CallError> {
        match self.ask(Request::Status).await? {
            Answer::Status(status) => Ok(status::told(*status)),
            _ => Err(something_else()),
        }
    }

    /// Returns the settings that a menu may show: `language`, a code or `auto`, and `microphone`,
    /// the node.name of a PipeWire source, or empty for the default one.
    #[zbus(out_args("settings"))]
    async fn settings(&self) -> Result<settings::Told, CallError> {
        match self.ask(Request::GetConfig).await? {
            Answer::Config(config) => Ok(settings::told(&config)),
            _ => Err(something_else()),
        }
    }

    /// Lists the connected microphones, for a menu. For each: its PipeWire `node.name`, which is
    /// the value for the setting `microphone`, and its display name.
    #[zbus(out_args("microphones"))]
    async fn microphones(&self) -> Result<Vec<(String, String)>, CallError> {
        match self.ask(Request::Microphones).await? {
            Answer::Microphones(all) => Ok(settings::microphones(all)),
            _ => Err(something_else()),
        }
    }

    /// Changes some of the settings that Settings returns, in the configuration too.
    async fn change_settings(&self, changes: settings::Told) -> Result<(), CallError> {
        let update = settings::update(changes)?;
        self.ask(Request::UpdateConfig(update)).await.map(|_| ())
    }

    /// idle, recording, transcribing, processing or paused. While something is being recorded it is
    /// recording, even if earlier dictations are in work; the number of dictations that wait for
    /// their texts is in Status, `pending`.
    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.known.borrow().state.name()
    }

    /// absent, loading, warm, unloaded or failed.
    #[zbus(property)]
    fn engine_state(&self) -> &'static str {
        self.known.borrow().engine.name()
    }

    /// When the current recording was requested, in seconds since 1970 (UTC); 0 if nothing is being
    /// recorded.
    #[zbus(property)]
    fn recording_since(&self) -> f64 {
        self.known.borrow().recording_since
    }

    /// Why the last press, or the last dictation, gave no text: an error code such as no_speech.
    /// Empty if it gave one, and once the next recording begins.
    #[zbus(property)]
    fn reason(&self) -> &'static str {
        self.known.borrow().reason
    }

    /// The version of the running service.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The text of a dictation that is being recorded or transcribed, sent to callers of Subscribe.
    /// final: it will not change any more. `job` numbers the dictations: while one is being
    /// recorded, the previous one may still be transcribed.
    #[zbus(signal)]
    async fn transcription_update(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
        job: u32,
    ) -> zbus::Result<()>;

    /// The sound level of the last tenth of a second, in dB relative to full scale (at most 0; −120
    /// is digital silence), sent to callers of SubscribeLevel.
    #[zbus(signal)]
    async fn level(emitter: &SignalEmitter<'_>, rms: f64, peak: f64) -> zbus::Result<()>;

    /// What a sign on the screen should show, sent only to the program that owns `org.v2m.Sign`.
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
