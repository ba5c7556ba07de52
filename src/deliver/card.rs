//! Turns a notice into a notification: texts, icon, urgency and time. Pure.
//!
//! The title names the cause of a problem, and the body begins with the remedy: GNOME's list of
//! notifications shows the first 52 characters or so of a body, and so does a banner, unless it is
//! critical or under the pointer.
//!
//! Problems are critical, so that they are seen in full screen and under Do Not Disturb: the
//! specification requires this for critical notifications, and GNOME, KDE, dunst and mako comply.
//! Critical notifications stay until something removes them, so [`Stay`] says when v2m does.

use super::draft::end_of;
use super::notice::Notice;
use crate::session::{Brief, Code, Delivery, Failure};
use std::time::Duration;
use v2m_messages::tr;

/// The longest body, in characters. Shells show a few lines; the whole text is available where it
/// was delivered.
const MAX_BODY: usize = 300;

/// The longest draft, in characters. GNOME's banners show one line of about 52 characters and cut
/// off its end, which is the new part.
const MAX_GROWING: usize = 48;

/// The longest title that GNOME's banners show, in characters.
const MAX_TITLE: usize = 42;

/// How long texts, and notices that need no action, stay in sight.
const IN_PASSING: Duration = Duration::from_secs(8);
/// How long a problem stays in sight if it is over, or if v2m cannot notice that it is fixed.
const TO_READ: Duration = Duration::from_secs(20);

/// Urgency, as the Desktop Notifications Specification numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    Low = 0,
    Normal = 1,
    Critical = 2,
}

/// How long a notification stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// As long as the state that it reports; the next notification replaces it.
    WhileTrue,
    /// Until a problem of this kind is fixed, the next notice replaces it, or the user dismisses
    /// it.
    UntilMended(Code),
    /// In sight for this long, then in the desktop's list of past notifications.
    ThenListed(Duration),
    /// In sight for this long, then gone.
    ThenGone(Duration),
    /// As long as the desktop decides.
    AsUsual,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Starts the set-up in a terminal.
    SetUp,
}

impl Action {
    /// Returns the action's key on the bus.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::SetUp => tr!("Set v2m up"),
        }
    }
}

/// The content of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) summary: String,
    /// Plain text, short enough to show.
    pub(super) body: String,
    /// A name of the freedesktop icon naming specification.
    pub(super) icon: &'static str,
    pub(super) urgency: Urgency,
    /// Whether the desktop leaves it out of its list of past notifications.
    pub(super) transient: bool,
    /// How long the desktop shows it. `None`: until it is closed.
    pub(super) expires: Option<Duration>,
    pub(super) category: &'static str,
    pub(super) stay: Stay,
    /// The action that the notification's button offers, if the desktop shows buttons.
    pub(super) action: Option<Action>,
}

impl Notice {
    /// Returns the notification for a notice. `None`: the notice only closes one.
    pub(super) fn card(&self) -> Option<Card> {
        Some(match self {
            // Longer than the longest dictation, but finite in case the service dies meanwhile.
            Self::Recording { so_far, stops_after } => {
                let body = so_far.as_deref().map_or_else(|| invitation(*stops_after), growing);
                progress(
                    tr!("Recording"),
                    body,
                    "audio-input-microphone",
                    Duration::from_secs(15 * 60),
                )
            }
            Self::RecordingNext { text, place } => {
                let body = first_part(&format!("{}: {}", place_of(place), text.trim()));
                progress(
                    tr!("Recording"),
                    body,
                    "audio-input-microphone",
                    Duration::from_secs(15 * 60),
                )
            }
            Self::Transcribing { so_far } => {
                let body = so_far.as_deref().map(growing).unwrap_or_default();
                progress(tr!("Transcribing"), body, "view-refresh", Duration::from_secs(2 * 60))
            }
            Self::Rewriting => {
                let body = tr!("A language model is rewriting your text.").to_owned();
                progress(tr!("Rewriting"), body, "view-refresh", Duration::from_secs(10 * 60))
            }
            Self::Text { text, deliveries, problems, hint } => {
                delivered(text, deliveries, problems, hint.as_deref())
            }
            Self::Problem(failure) => problem(failure),
            Self::Recovered { text, cut_off, note } => recovered(text, *cut_off, note.as_deref()),
            Self::Cancelled | Self::Mended(_) | Self::Tidy | Self::StepBack | Self::Closed => {
                return None;
            }
        })
    }
}

fn invitation(stops_after: Option<Duration>) -> String {
    match stops_after {
        None => tr!("Speak now. Press the shortcut again to stop.").to_owned(),
        Some(silence) => {
            let seconds = silence.as_secs_f64();
            tr!("Speak now. {seconds} s of silence end the recording.", seconds)
        }
    }
}

fn progress(summary: &str, body: String, icon: &'static str, expires: Duration) -> Card {
    Card {
        summary: summary.to_owned(),
        body,
        icon,
        urgency: Urgency::Normal,
        transient: true,
        expires: Some(expires),
        category: "x-v2m.progress",
        stay: Stay::WhileTrue,
        action: None,
    }
}

/// Returns the notification for a text, whether it was delivered or not.
fn delivered(
    text: &str,
    deliveries: &[Delivery],
    problems: &[Failure],
    hint: Option<&str>,
) -> Card {
    let arrived = deliveries.iter().rfind(|delivery| delivery.ok);
    let failed = deliveries.iter().find(|delivery| !delivery.ok);
    let place = arrived.map(|delivery| place_of(&delivery.detail));
    let (cause, body) = match (failed, problems.first()) {
        (None, None) => {
            return Card {
                summary: place.unwrap_or_else(|| tr!("Dictation").to_owned()),
                body: shortened(&lines([Some(&*with_room(text, hint)), hint])),
                icon: "edit-paste",
                urgency: Urgency::Normal,
                transient: false,
                expires: Some(Duration::from_secs(10)),
                category: "x-v2m.text",
                stay: Stay::AsUsual,
                action: None,
            };
        }
        (Some(failed), problem) => {
            let (cause, body) = undelivered(&failed.detail, place.as_deref(), text);
            // If part of the text is missing, this matters wherever it was delivered.
            let also = problem.map(brief).map(|it| format!("{}. {}", it.cause, it.remedy));
            (cause, lines([also.as_deref(), Some(&*body)]))
        }
        (None, Some(problem)) => {
            let Brief { cause, remedy } = brief(problem);
            let place = place.map(|place| format!("{place}:"));
            (cause, lines([Some(remedy.as_str()), place.as_deref(), Some(text)]))
        }
    };
    let body = lines([Some(body.as_str()), hint]);
    urgent(cause, &body, "dialog-warning", "x-v2m.text", Stay::ThenListed(TO_READ))
}

/// Returns the text's place. `detail` is in the form "on the clipboard; why".
fn place_of(detail: &str) -> String {
    capitalised(split(detail, &["; "]).0)
}

/// Returns the text, shortened if it would push the note after it out of sight.
fn with_room(text: &str, note: Option<&str>) -> String {
    let (text, room) = (text.trim(), MAX_BODY / 2);
    match note {
        Some(_) if text.chars().count() > room => text.chars().take(room).chain(['…']).collect(),
        _ => text.to_owned(),
    }
}

/// Returns the title and body for a text that was not delivered. `detail` is in the form "not
/// there: why; what to do. More", in every language, and `place` is the text's current place.
fn undelivered(detail: &str, place: Option<&str>, text: &str) -> (String, String) {
    let (cause, remedy) = split(detail, &["; ", ". "]);
    let (remedy, more) = split(remedy, &[". "]);
    let (short, why) = match cause.split_once(": ") {
        Some((short, why)) if cause.chars().count() > MAX_TITLE => (short, capitalised(why)),
        _ => (cause, String::new()),
    };
    let first = match (place, remedy) {
        (Some(place), "") => format!("{place}."),
        (Some(place), remedy) => format!("{place}: {remedy}."),
        (None, "") => tr!("Print the text: v2m-send last").to_owned(),
        (None, remedy) => {
            let print = tr!("Print the text: v2m-send last");
            format!("{}.\n{print}", capitalised(remedy))
        }
    };
    (capitalised(short), lines([Some(first.as_str()), Some(text), Some(&why), Some(more)]))
}

/// Splits a text at the first of these marks.
fn split<'a>(text: &'a str, ends: &[&str]) -> (&'a str, &'a str) {
    let first = ends.iter().filter_map(|end| text.find(end)).min();
    first.map_or((text, ""), |at| (&text[..at], &text[at + 2..]))
}

fn lines<const N: usize>(parts: [Option<&str>; N]) -> String {
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n")
}

/// Returns the notification for a failure without a text.
fn problem(failure: &Failure) -> Card {
    let stay = match failure.code {
        code if failure.lasts => Stay::UntilMended(code),
        // Pressing the key again is enough.
        Code::NoSpeech
        | Code::Busy
        | Code::Paused
        | Code::NotRecording
        | Code::CannotUndo
        | Code::Cancelled
        | Code::ShuttingDown => Stay::ThenGone(IN_PASSING),
        Code::BadConfig
        | Code::ModelMissing
        | Code::EngineFailed
        | Code::NoMicrophone
        | Code::AudioGap
        | Code::NoText
        | Code::BadRequest
        | Code::UnknownCommand
        | Code::LlmUnavailable
        | Code::LlmRejected
        | Code::TooLarge
        | Code::File
        | Code::Internal => Stay::ThenListed(TO_READ),
    };
    let icon = match stay {
        Stay::ThenGone(_) => "dialog-warning",
        _ => "dialog-error",
    };
    let Brief { cause, remedy } = brief(failure);
    let body = lines([Some(&remedy), failure.text.as_deref()]);
    // As at the first press of a fresh installation.
    let action = (failure.code == Code::ModelMissing && failure.lasts).then_some(Action::SetUp);
    Card { action, ..urgent(cause, &body, icon, "x-v2m.problem", stay) }
}

fn recovered(text: &str, cut_off: bool, note: Option<&str>) -> Card {
    let shown = with_room(text, note);
    let body = lines([Some(tr!("Print it: v2m-send last")), Some(&shown), note]);
    if cut_off {
        let cause = tr!("Recovered, but the end is missing").to_owned();
        let stay = Stay::ThenListed(TO_READ);
        return urgent(cause, &body, "dialog-warning", "x-v2m.recovered", stay);
    }
    Card {
        summary: tr!("Recovered a dictation").to_owned(),
        body: shortened(&body),
        icon: "document-open-recent",
        urgency: Urgency::Normal,
        transient: false,
        expires: Some(TO_READ),
        category: "x-v2m.recovered",
        stay: Stay::AsUsual,
        action: None,
    }
}

fn urgent(
    summary: String,
    body: &str,
    icon: &'static str,
    category: &'static str,
    stay: Stay,
) -> Card {
    Card {
        summary,
        body: shortened(body),
        icon,
        urgency: Urgency::Critical,
        transient: matches!(stay, Stay::ThenGone(_)),
        expires: match stay {
            Stay::ThenListed(time) | Stay::ThenGone(time) => Some(time),
            Stay::WhileTrue | Stay::UntilMended(_) | Stay::AsUsual => None,
        },
        category,
        stay,
        action: None,
    }
}

/// Returns the failure's own title, or the title for its code.
fn brief(failure: &Failure) -> Brief {
    let by_code =
        || Brief { cause: failure.code.title().to_owned(), remedy: capitalised(&failure.message) };
    failure.brief.as_deref().cloned().unwrap_or_else(by_code)
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MAX_BODY) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// Shortens a text to one line.
fn first_part(text: &str) -> String {
    match text.char_indices().nth(MAX_GROWING) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// Shortens a draft.
fn growing(text: &str) -> String {
    end_of(text, MAX_GROWING)
}

fn capitalised(detail: &str) -> String {
    let mut chars = detail.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars).collect(),
    }
}

#[cfg(test)]
mod tests;
