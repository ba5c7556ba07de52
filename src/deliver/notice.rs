//! What a dictation's one notification says at each step, and how it looks. Pure.
//!
//! Sending it is `notifications`' work, when is `notifier`'s.

use crate::session::{Code, Failure};
use std::time::Duration;

/// Characters of a body. Shells show a few lines of it; the whole text is where it was delivered.
const MAX_BODY: usize = 300;

/// Characters of a growing text. GNOME's banners have one line of some 52 for a body, cut at the end, where the news is.
const MAX_GROWING: usize = 48;

/// What the user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// v2m hears.
    Recording {
        /// What of it is text already.
        so_far: Option<String>,
    },
    /// v2m hears, and meanwhile the text of the dictation before has arrived.
    RecordingNext {
        /// What was said.
        text: String,
        /// Where it went, as in [`Notice::Text`].
        detail: String,
    },
    /// Capture has ended; the text is on its way.
    Transcribing {
        /// The text so far.
        so_far: Option<String>,
    },
    /// A language model has the text.
    Rewriting,
    /// The text, and where it went.
    Text {
        /// What was said.
        text: String,
        /// Where it went or did not, in the words of [`crate::session::Delivery::detail`].
        detail: String,
    },
    /// What went wrong and what to do.
    Problem(Failure),
    /// A dictation that an earlier run left unfinished, now transcribed.
    Recovered {
        /// What was said.
        text: String,
    },
    /// Nothing is going on any more: a notification that says so is taken away. A text stays.
    Closed,
}

/// Urgency, as the Desktop Notifications Specification numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    Normal = 1,
    Critical = 2,
}

/// A notification as it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) summary: String,
    /// Plain text, short enough to show.
    pub(super) body: String,
    /// A name of the freedesktop icon naming specification.
    pub(super) icon: &'static str,
    pub(super) urgency: Urgency,
    /// Not kept in the list of past notifications.
    pub(super) transient: bool,
    /// `None`: until the user dismisses it.
    pub(super) expires: Option<Duration>,
    pub(super) category: &'static str,
    /// Says what is going on now, so it has to be in sight until the next one takes its place.
    pub(super) standing: bool,
}

impl Notice {
    /// The look; `None` for [`Notice::Closed`].
    pub(super) fn card(&self) -> Option<Card> {
        Some(match self {
            // Longer than any dictation may be, yet not for ever should the service die meanwhile.
            Self::Recording { so_far } => {
                let invitation = "Speak now. Press the shortcut again to stop.";
                let body = so_far.as_deref().map_or_else(|| invitation.to_owned(), last_part);
                progress("Recording", body, "audio-input-microphone", Duration::from_secs(15 * 60))
            }
            Self::RecordingNext { text, detail } => {
                let (where_to, _) = headline(detail);
                let body = first_part(&format!("{where_to}: {}", text.trim()));
                progress("Recording", body, "audio-input-microphone", Duration::from_secs(15 * 60))
            }
            Self::Transcribing { so_far } => {
                let body = so_far.as_deref().map(last_part).unwrap_or_default();
                progress("Transcribing", body, "view-refresh", Duration::from_secs(2 * 60))
            }
            Self::Rewriting => {
                let body = "The language model has the text.".to_owned();
                progress("Rewriting", body, "view-refresh", Duration::from_secs(10 * 60))
            }
            Self::Text { text, detail } => {
                let (summary, reason) = headline(detail);
                Card {
                    summary: if summary.is_empty() { "Dictation".to_owned() } else { summary },
                    body: [shortened(text), reason].join("\n").trim_end().to_owned(),
                    icon: "edit-paste",
                    urgency: Urgency::Normal,
                    transient: false,
                    expires: Some(Duration::from_secs(10)),
                    category: "x-v2m.text",
                    standing: false,
                }
            }
            Self::Problem(failure) => problem(failure),
            Self::Recovered { text } => Card {
                summary: "Recovered an unfinished dictation".to_owned(),
                body: shortened(text),
                icon: "document-open-recent",
                urgency: Urgency::Normal,
                transient: false,
                expires: Some(Duration::from_secs(20)),
                category: "x-v2m.recovered",
                standing: false,
            },
            Self::Closed => return None,
        })
    }

    /// The name in the journal, which must not hold what was said.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Recording { .. } | Self::RecordingNext { .. } => "recording",
            Self::Transcribing { .. } => "transcribing",
            Self::Rewriting => "rewriting",
            Self::Text { .. } => "text",
            Self::Problem(_) => "problem",
            Self::Recovered { .. } => "recovered",
            Self::Closed => "closed",
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
        standing: true,
    }
}

/// What needs no action is told in passing; what does stays until it is dismissed.
fn problem(failure: &Failure) -> Card {
    let passing = matches!(
        failure.code,
        Code::NoSpeech
            | Code::Busy
            | Code::Paused
            | Code::NotRecording
            | Code::Cancelled
            | Code::ShuttingDown
    );
    // Told by a service that ends with it, and so cannot take it away: on GNOME a critical one would
    // stand before all others until it is dismissed by hand. This one is kept in GNOME's list.
    let refused = failure.code == Code::BadConfig;
    let mut body = capitalised(&failure.message);
    if let Some(text) = failure.text.as_deref().filter(|text| !text.is_empty()) {
        body = format!("{body}\n{text}");
    }
    Card {
        summary: if passing { "No dictation" } else { "Dictation needs your attention" }.to_owned(),
        body: shortened(&body),
        icon: if passing { "dialog-warning" } else { "dialog-error" },
        urgency: if passing || refused { Urgency::Normal } else { Urgency::Critical },
        transient: passing,
        expires: passing.then_some(Duration::from_secs(8)),
        category: "x-v2m.problem",
        standing: false,
    }
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MAX_BODY) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// What fits into one line.
fn first_part(text: &str) -> String {
    match text.char_indices().nth(MAX_GROWING) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// Of a text that grows the end is news.
fn last_part(text: &str) -> String {
    let text = text.trim();
    let surplus = text.chars().count().saturating_sub(MAX_GROWING);
    match text.char_indices().nth(surplus) {
        Some((start, _)) if surplus > 0 => format!("…{}", text[start..].trim_start()),
        _ => text.to_owned(),
    }
}

/// A summary is one short line: where the text went, without why and what to do, which come after it.
fn headline(detail: &str) -> (String, String) {
    let ends = [": ", ". "].into_iter().filter_map(|end| detail.find(end)).min();
    let (short, rest) = ends.map_or((detail, ""), |at| (&detail[..at], &detail[at + 2..]));
    (capitalised(short), capitalised(rest))
}

fn capitalised(detail: &str) -> String {
    let mut chars = detail.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let shown = shortened(&"ñ日".repeat(MAX_BODY));
        assert_eq!(shown.chars().count(), MAX_BODY + 1);
        assert!(shown.ends_with('…'));
        assert_eq!(shortened(" “€5” "), "“€5”");
    }

    #[test]
    fn of_a_growing_text_the_end_is_shown() {
        let notice =
            Notice::Recording { so_far: Some(format!("{}last ñ日", "x".repeat(MAX_GROWING))) };
        let body = notice.card().unwrap().body;
        assert_eq!(body.chars().count(), MAX_GROWING + 1);
        assert!(body.starts_with('…') && body.ends_with("last ñ日"));
        let body = Notice::Recording { so_far: None }.card().unwrap().body;
        assert!(body.starts_with("Speak now"));
    }

    #[test]
    fn a_problem_that_needs_the_user_stays_and_shows_what_is_left_of_the_words() {
        let failure = Failure {
            text: Some("dear all".into()),
            ..Failure::new(Code::EngineFailed, "the recogniser failed. The audio is kept.")
        };
        let card = Notice::Problem(failure).card().unwrap();
        assert_eq!((card.urgency, card.expires), (Urgency::Critical, None));
        assert_eq!(card.body, "The recogniser failed. The audio is kept.\ndear all");
    }

    #[test]
    fn what_a_service_says_that_ends_with_it_is_kept_and_blocks_nothing() {
        let card = Notice::Problem(Failure::new(Code::BadConfig, "line 1")).card().unwrap();
        assert_eq!((card.urgency, card.expires), (Urgency::Normal, None));
        assert!(!card.transient);
    }

    #[test]
    fn silence_is_told_in_passing() {
        let card =
            Notice::Problem(Failure::new(Code::NoSpeech, "Nothing was said.")).card().unwrap();
        assert_eq!(card.urgency, Urgency::Normal);
        assert!(card.transient && card.expires.is_some());
    }

    #[test]
    fn the_text_is_the_body_and_the_summary_says_where_it_went() {
        let notice = Notice::Text { text: "Grüße".into(), detail: "on the clipboard".into() };
        let card = notice.card().unwrap();
        assert_eq!((card.summary.as_str(), card.body.as_str()), ("On the clipboard", "Grüße"));
        assert!(Notice::Closed.card().is_none());
    }

    #[test]
    fn a_text_that_arrives_while_the_next_is_recorded_leaves_the_sign_for_that() {
        let text = format!("Grüße {}", "x".repeat(MAX_GROWING));
        let detail = "on the clipboard: paste it".to_owned();
        let card = Notice::RecordingNext { text, detail }.card().unwrap();
        assert_eq!((card.summary.as_str(), card.standing), ("Recording", true));
        assert!(card.body.starts_with("On the clipboard: Grüße x"), "{}", card.body);
        assert!(card.body.ends_with('…') && card.body.chars().count() == MAX_GROWING + 1);
    }

    #[test]
    fn why_a_text_went_nowhere_comes_after_the_text() {
        let detail = "not on the clipboard: no display: log in".into();
        let card = Notice::Text { text: "Grüße".into(), detail }.card().unwrap();
        assert_eq!(card.summary, "Not on the clipboard");
        assert_eq!(card.body, "Grüße\nNo display: log in");
        let detail = "on the clipboard. The beginning is missing. It is kept.".into();
        let card = Notice::Text { text: "Grüße".into(), detail }.card().unwrap();
        assert_eq!(card.summary, "On the clipboard");
        assert_eq!(card.body, "Grüße\nThe beginning is missing. It is kept.");
    }

    #[test]
    fn only_what_is_going_on_has_to_stay_in_sight() {
        let standing = |notice: Notice| notice.card().unwrap().standing;
        assert!(standing(Notice::Recording { so_far: None }));
        assert!(standing(Notice::Transcribing { so_far: None }));
        assert!(!standing(Notice::Text { text: "a".into(), detail: "b".into() }));
        assert!(!standing(Notice::Problem(Failure::new(Code::NoSpeech, "c"))));
    }
}
