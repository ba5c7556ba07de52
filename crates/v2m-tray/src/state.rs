//! v2m's state, and how the icon shows it. Pure: time is an argument.
//!
//! It uses the properties `State`, `RecordingSince` and `Reason` of `org.v2m.Dictation1`. They
//! contain no dictated text, so the icon and its tooltip contain none either.

use std::time::{Duration, Instant};
use v2m_core::session::Code;
use v2m_messages::tr;

/// How long the icon warns of a problem. The tooltip and the menu name it until the next recording.
const WARNING: Duration = Duration::from_secs(60);

/// The program's display name.
pub const NAME: &str = "v2m";

/// What v2m is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing, or v2m does not run.
    #[default]
    Idle,
    /// Something is being recorded.
    Recording,
    /// A recording is being transcribed.
    Transcribing,
    /// A language model works on a text.
    Rewriting,
    /// No recording starts until `Resume`.
    Paused,
}

impl Phase {
    /// Parses the property `State`. A state that this program does not know counts as idle.
    fn named(name: &str) -> Self {
        match name {
            "recording" => Self::Recording,
            "transcribing" => Self::Transcribing,
            "processing" => Self::Rewriting,
            "paused" => Self::Paused,
            _ => Self::Idle,
        }
    }

    /// Whether there is something to cancel.
    pub fn is_under_way(self) -> bool {
        match self {
            Self::Recording | Self::Transcribing | Self::Rewriting => true,
            Self::Idle | Self::Paused => false,
        }
    }
}

/// Changes of v2m's properties. `None`: unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// `State`.
    pub state: Option<String>,
    /// `RecordingSince`: seconds since 1970; 0: nothing is being recorded.
    pub since: Option<f64>,
    /// `Reason`: an error code; empty: none.
    pub reason: Option<String>,
}

impl News {
    /// Merges both: these changes, and otherwise those in `older`.
    #[must_use]
    pub fn or(self, older: Self) -> Self {
        Self {
            state: self.state.or(older.state),
            since: self.since.or(older.since),
            reason: self.reason.or(older.reason),
        }
    }

    /// Returns these changes without the properties that `newer` changes too.
    #[must_use]
    pub fn without(self, newer: &Self) -> Self {
        Self {
            state: self.state.filter(|_| newer.state.is_none()),
            since: self.since.filter(|_| newer.since.is_none()),
            reason: self.reason.filter(|_| newer.reason.is_none()),
        }
    }
}

/// v2m's state.
#[derive(Clone, Debug, Default)]
pub struct State {
    phase: Phase,
    /// When the current recording began, in seconds since 1970. 0: nothing is being recorded.
    since: f64,
    /// Why the last dictation gave no text, for people.
    reason: Option<String>,
    /// Until when the icon warns.
    warns: Option<Instant>,
}

impl State {
    /// Takes changes of v2m's properties.
    pub fn take(&mut self, news: &News, now: Instant) {
        if let Some(state) = &news.state {
            self.phase = Phase::named(state);
        }
        if let Some(since) = news.since {
            self.since = since;
        }
        if let Some(code) = &news.reason {
            let told = reason(code);
            // The same reason again does not renew the warning.
            if told != self.reason {
                self.warns = told.as_ref().map(|_| now + WARNING);
                self.reason = told;
            }
        }
    }

    /// Notes that v2m has left the bus, so nothing is going on.
    pub fn left_alone(&mut self) {
        (self.phase, self.since) = (Phase::Idle, 0.0);
    }

    /// Returns what v2m is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns why the last dictation gave no text. `None` while v2m is busy.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| !self.phase.is_under_way())
    }

    /// Returns the icon's name. v2m installs these icons.
    pub fn icon(&self, now: Instant) -> &'static str {
        match self.phase {
            Phase::Recording => "v2m-recording-symbolic",
            Phase::Transcribing | Phase::Rewriting => "v2m-transcribing-symbolic",
            Phase::Paused => "v2m-paused-symbolic",
            Phase::Idle if self.warns.is_some_and(|until| now < until) => "v2m-problem-symbolic",
            Phase::Idle => "v2m-idle-symbolic",
        }
    }

    /// Returns in a few words what v2m is doing or what went wrong. Empty: nothing.
    pub fn words(&self) -> &str {
        match self.phase {
            Phase::Recording => tr!("Recording"),
            Phase::Transcribing => tr!("Transcribing"),
            Phase::Rewriting => tr!("Rewriting"),
            Phase::Paused => tr!("Dictation is paused"),
            Phase::Idle => self.reason.as_deref().unwrap_or_default(),
        }
    }

    /// Returns the icon's title, also for screen readers.
    pub fn title(&self) -> String {
        match self.words() {
            "" => NAME.to_owned(),
            words => format!("{NAME}: {words}"),
        }
    }

    /// Returns the second line of the tooltip: how long it has been recording, or what a click
    /// does. `clock`: seconds since 1970.
    pub fn detail(&self, clock: f64) -> String {
        match self.phase {
            Phase::Recording if self.since > 0.0 => elapsed(clock - self.since),
            Phase::Idle => tr!("Click to dictate").to_owned(),
            _ => String::new(),
        }
    }

    /// Returns when the appearance changes by itself. `None`: never. `clock`: as for
    /// [`Self::detail`].
    pub fn due(&self, now: Instant, clock: f64) -> Option<Instant> {
        match self.phase {
            Phase::Recording if self.since > 0.0 => {
                let seconds = (clock - self.since).clamp(0.0, 86_400.0);
                let next = Duration::from_secs_f64(seconds.floor() + 1.0 - seconds);
                // Rounding must not make this more frequent.
                Some(now + next.max(Duration::from_millis(50)))
            }
            Phase::Idle => self.warns.filter(|until| now < *until),
            _ => None,
        }
    }
}

/// Returns the text for an error code. `None`: nothing that the user must know.
fn reason(code: &str) -> Option<String> {
    match Code::named(code) {
        None if code.is_empty() => None,
        // The user's own action caused these.
        Some(Code::Cancelled | Code::NotRecording) => None,
        Some(code) => Some(code.title().to_owned()),
        None => Some(tr!("The last dictation gave no text").to_owned()),
    }
}

/// Formats a duration: 0:07, 12:34.
fn elapsed(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 86_400.0) as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &str, since: f64, reason: &str) -> News {
        let (state, reason) = (Some(state.to_owned()), Some(reason.to_owned()));
        News { state, since: Some(since), reason }
    }

    #[test]
    fn each_state_has_its_icon_and_words() {
        let now = Instant::now();
        let mut state = State::default();
        assert_eq!((state.icon(now), state.title().as_str()), ("v2m-idle-symbolic", "v2m"));
        assert_eq!(state.due(now, 100.0), None, "it sleeps");
        for (name, icon, title) in [
            ("recording", "v2m-recording-symbolic", "v2m: Recording"),
            ("transcribing", "v2m-transcribing-symbolic", "v2m: Transcribing"),
            ("processing", "v2m-transcribing-symbolic", "v2m: Rewriting"),
            ("paused", "v2m-paused-symbolic", "v2m: Dictation is paused"),
            ("idle", "v2m-idle-symbolic", "v2m"),
            ("dancing", "v2m-idle-symbolic", "v2m"),
        ] {
            state.take(&told(name, 0.0, ""), now);
            assert_eq!((state.icon(now), state.title().as_str()), (icon, title), "{name}");
        }
    }

    #[test]
    fn the_tooltip_counts_the_seconds_of_a_recording() {
        let now = Instant::now();
        let mut state = State::default();
        state.take(&told("recording", 1000.25, ""), now);
        assert_eq!(state.detail(1061.5), "1:01");
        assert_eq!(state.due(now, 1061.5), Some(now + Duration::from_millis(750)));
        // The clock was set back.
        assert_eq!(state.detail(900.0), "0:00");
        assert_eq!(state.due(now, 900.0), Some(now + Duration::from_secs(1)));
        state.left_alone();
        assert_eq!((state.phase(), state.due(now, 1061.5)), (Phase::Idle, None));
    }

    #[test]
    fn a_problem_warns_for_a_while_and_is_named_until_the_next_recording() {
        let now = Instant::now();
        let mut state = State::default();
        state.take(&told("idle", 0.0, "no_microphone"), now);
        assert_eq!(state.icon(now), "v2m-problem-symbolic");
        assert_eq!(state.title(), "v2m: No microphone");
        assert_eq!(state.due(now, 0.0), Some(now + WARNING));
        // The same reason comes again with another change.
        state.take(&told("idle", 0.0, "no_microphone"), now + WARNING / 2);
        let later = now + WARNING;
        assert_eq!((state.icon(later), state.due(later, 0.0)), ("v2m-idle-symbolic", None));
        assert_eq!(state.reason(), Some("No microphone"));
        state.take(&told("recording", 1.0, ""), later);
        assert_eq!((state.reason(), state.words()), (None, "Recording"));
        state.take(&told("idle", 0.0, "cancelled"), later);
        assert_eq!((state.icon(later), state.reason()), ("v2m-idle-symbolic", None));
        state.take(&told("idle", 0.0, "of_a_later_version"), later);
        assert_eq!(state.reason(), Some("The last dictation gave no text"));
    }
}
