//! `status --format` and `watch --format`: the state in one line, for status bars, panels and
//! scripts. docs/protocol.md, "One line for a status bar", describes the forms. Keys may be added
//! to them, but not removed.

use crate::bar::clock;
use crate::exit::{Exit, SendError, complain};
use crate::{exit_of, print, say, words};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::message::{Command, EventName, Response, ResponseStatus};
use v2m_ipc::plain;
use v2m_messages::tr;

/// How long to wait before reconnecting to a service that has exited.
const PAUSE: Duration = Duration::from_secs(5);
/// Events that may change the line.
const CHANGES: [EventName; 3] = [EventName::State, EventName::Engine, EventName::Delivery];

/// Format of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    /// A few characters, or an empty line.
    Text,
    /// One object on one line.
    Json,
    /// One object on one line, for Waybar's custom modules.
    Waybar,
}

impl SummaryFormat {
    const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Waybar];

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Waybar => "waybar",
        }
    }

    /// Parses the name of a format.
    ///
    /// # Errors
    /// A message for the user that lists the formats.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        let name = format_args!("{name:?}");
        found.ok_or_else(|| {
            tr!("there is no format {name} for the state, but: {known}", name, known)
        })
    }
}

/// The displayed part of the service's state.
#[derive(Clone, Debug, PartialEq)]
struct Summary {
    /// The service's state, or `stopped`.
    state: String,
    /// When the current recording began.
    recording: Option<Instant>,
    pending: u64,
    engine: Option<String>,
    model: Option<String>,
    /// The problem that prevents dictations: code and sentence.
    problem: Option<(String, String)>,
    /// Why the last press produced no text: code and sentence.
    reason: Option<(String, String)>,
}

impl Summary {
    /// Parses the answer to GET_STATUS leniently.
    fn of(status: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(|text| plain::line(text).into_owned());
        let told = |value: &Value| Some((text(&value["code"])?, text(&value["error"])?));
        let elapsed = status["elapsed_s"].as_f64().filter(|seconds| *seconds >= 0.0);
        let elapsed = elapsed.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self {
            state: text(&status["state"]).unwrap_or_else(|| "idle".into()),
            recording: elapsed.and_then(|elapsed| Instant::now().checked_sub(elapsed)),
            pending: status["pending"].as_u64().unwrap_or_default(),
            engine: text(&status["engine"]["state"]),
            model: text(&status["engine"]["model"]),
            problem: told(&status["problem"]),
            reason: told(&status["reason"]),
        }
    }

    /// Creates the summary for an unreachable service.
    fn stopped(why: &str) -> Self {
        Self {
            state: "stopped".into(),
            recording: None,
            pending: 0,
            engine: None,
            model: None,
            problem: Some(("stopped".into(), plain::line(why).into_owned())),
            reason: None,
        }
    }

    fn render(&self, format: SummaryFormat) -> String {
        let elapsed = self.recording.map(|since| since.elapsed().as_secs());
        match format {
            SummaryFormat::Text => self.text(elapsed) + "\n",
            SummaryFormat::Json => format!("{}\n", self.json(elapsed)),
            SummaryFormat::Waybar => format!("{}\n", self.waybar(elapsed)),
        }
    }

    fn text(&self, elapsed: Option<u64>) -> String {
        let sign = match self.state.as_str() {
            "recording" => "●",
            "transcribing" | "processing" => "…",
            "paused" => "⏸",
            _ if self.problem.is_some() => "⚠",
            _ => "",
        };
        match elapsed {
            Some(seconds) => format!("{sign} {}", clock(seconds as f64)),
            None => sign.to_owned(),
        }
    }

    fn json(&self, elapsed: Option<u64>) -> Value {
        let told = |what: &Option<(String, String)>| {
            what.as_ref().map(|(code, text)| json!({"code": code, "text": text}))
        };
        json!({
            "state": self.state,
            "elapsed_s": elapsed,
            "pending": self.pending,
            "engine": self.engine,
            "model": self.model,
            "problem": told(&self.problem),
            "reason": told(&self.reason),
        })
    }

    fn waybar(&self, elapsed: Option<u64>) -> Value {
        let mut classes = vec![self.state.as_str()];
        classes.extend((self.pending > 0).then_some("pending"));
        classes.extend((self.problem.is_some() && self.state != "stopped").then_some("problem"));
        json!({
            "text": self.text(elapsed),
            "alt": self.state,
            "class": classes,
            "tooltip": self.tooltip(),
        })
    }

    /// Returns the tooltip, a sentence for people.
    fn tooltip(&self) -> String {
        if let Some((_, text)) = &self.problem {
            return text.clone();
        }
        let state = words::state(&self.state);
        let told = match self.pending {
            0 => format!("v2m: {state}"),
            pending => format!("v2m: {state}, {}", words::pending(pending)),
        };
        let reason = self.reason.as_ref().map_or(String::new(), |(_, text)| format!("\n{text}"));
        told + &reason
    }
}

/// `status --format`: prints the line once.
pub(crate) fn status(format: SummaryFormat) -> Result<Exit, SendError> {
    let answer = Client::connect()?.request(&Command::GetStatus)?;
    if answer.status != ResponseStatus::Success {
        complain(&print::error(&answer));
        return Ok(exit_of(answer.status));
    }
    say(&Summary::of(&answer.data).render(format))
}

/// `watch --format`: prints a line at once, for each change, and each second of a recording. If the
/// service exits, it prints `stopped` and reconnects, until its output is closed.
///
/// # Errors
/// If there is no service at the beginning, or standard output fails.
pub(crate) fn watch(format: SummaryFormat) -> Result<Exit, SendError> {
    let mut shown = String::new();
    loop {
        let why = follow(format, &mut shown)?;
        show(&Summary::stopped(&why), format, &mut shown)?;
        thread::sleep(PAUSE);
    }
}

fn show(summary: &Summary, format: SummaryFormat, shown: &mut String) -> Result<(), SendError> {
    let line = summary.render(format);
    if line != *shown {
        say(&line)?;
        *shown = line;
    }
    Ok(())
}

/// Prints all changes until the service exits. Returns why.
fn follow(format: SummaryFormat, shown: &mut String) -> Result<String, SendError> {
    let connected = || -> Result<_, ClientError> {
        // Subscribe first, so that no change between the two is missed.
        let events = Client::connect()?.subscribe(&CHANGES)?;
        Ok((events, Client::connect()?))
    };
    let (mut events, mut asking) = match connected() {
        Ok(both) => both,
        // A service that was never there will hardly appear.
        Err(error) if shown.is_empty() => return Err(error.into()),
        Err(error) => return Ok(error.to_string()),
    };
    // One pending change is enough: the state is requested after it.
    let (changed, changes): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    let listening = thread::Builder::new().name("events".into()).spawn(move || {
        while let Ok(Some(_)) = events.next_event() {
            let _ = changed.try_send(());
        }
    });
    listening.map_err(|error| SendError::Io(tr!("cannot start a thread: {error}", error)))?;
    let mut current = None;
    loop {
        let summary = match current.take() {
            Some(summary) => summary,
            None => match asking.request(&Command::GetStatus) {
                Ok(Response { status: ResponseStatus::Success, data, .. }) => Summary::of(&data),
                Ok(answer) => return Ok(print::error(&answer)),
                Err(error) => return Ok(error.to_string()),
            },
        };
        show(&summary, format, shown)?;
        // Wait until the next full second of the recording.
        let tick = summary.recording.map(|since| {
            let part = since.elapsed().subsec_nanos();
            Duration::from_secs(1).saturating_sub(Duration::from_nanos(part.into()))
        });
        let next = match tick {
            Some(tick) => changes.recv_timeout(tick),
            None => changes.recv().map_err(RecvTimeoutError::from),
        };
        match next {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => current = Some(summary),
            Err(RecvTimeoutError::Disconnected) => return Ok(tr!("v2m has stopped").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary::of(&json!({
            "state": "idle", "pending": 0, "elapsed_s": null, "problem": null, "reason": null,
            "engine": {"state": "warm", "model": "base-q8_0"},
        }))
    }

    #[test]
    fn an_idle_service_needs_no_room() {
        let idle = summary();
        assert_eq!(idle.render(SummaryFormat::Text), "\n");
        let expected =
            json!({"text": "", "alt": "idle", "class": ["idle"], "tooltip": "v2m: idle"});
        assert_eq!(idle.waybar(None), expected);
        let expected = json!({"state": "idle", "elapsed_s": null, "pending": 0, "engine": "warm",
                              "model": "base-q8_0", "problem": null, "reason": null});
        assert_eq!(idle.json(None), expected);
    }

    #[test]
    fn a_recording_tells_its_length() {
        let recording = Summary { state: "recording".into(), pending: 1, ..summary() };
        assert_eq!(recording.text(Some(75)), "● 1:15");
        assert_eq!(recording.json(Some(75))["elapsed_s"], 75);
        let bar = recording.waybar(Some(75));
        assert_eq!(bar["class"], json!(["recording", "pending"]));
        assert_eq!(bar["tooltip"], "v2m: recording, 1 waiting for text");
        let status = json!({"state": "recording", "elapsed_s": 3.2});
        let since = Summary::of(&status).recording.map(|since| since.elapsed().as_secs());
        assert!(since.is_some_and(|seconds| seconds >= 3));
    }

    #[test]
    fn what_went_wrong_is_told_and_cannot_break_the_line() {
        let told = json!({"code": "no_speech", "error": "Nothing\nwas said."});
        let failed = Summary::of(&json!({"state": "idle", "reason": told}));
        assert_eq!(failed.json(None)["reason"]["text"], "Nothing was said.");
        assert_eq!(failed.text(None), "");
        assert_eq!(failed.waybar(None)["tooltip"], "v2m: idle\nNothing was said.");
        let told = json!({"code": "model_missing", "error": "There is no model."});
        let broken = Summary::of(&json!({"state": "idle", "problem": told}));
        assert_eq!(broken.text(None), "⚠");
        assert_eq!(broken.waybar(None)["class"], json!(["idle", "problem"]));
        assert_eq!(broken.render(SummaryFormat::Waybar).lines().count(), 1);
        assert_eq!(Summary::stopped("gone").json(None)["state"], "stopped");
    }
}
