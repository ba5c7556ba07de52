//! Turns a notice into a sign on the screen. Pure. The words are those of the notification.

use super::draft::end_of;
use super::notice::Notice;
use crate::call::{Sign, SignKind, SignPlace};
use crate::session::{Delivery, State};
use v2m_messages::tr;

/// The longest text that a sign gets, in characters. A sign shows a line or a few.
const MAX_TEXT: usize = 400;

impl Notice {
    /// Returns the sign for the notice. `then`: the state that continues after an outcome. `None`:
    /// a sign does not show this notice.
    pub(crate) fn sign(&self, then: State) -> Option<Sign> {
        let plain = |kind| self.with_words(kind, then);
        Some(match self {
            Self::Recording { so_far, stops_after } => Sign {
                text: so_far.as_deref().map(|text| end_of(text, MAX_TEXT)),
                stops_after: *stops_after,
                ..plain(SignKind::Recording)
            },
            Self::RecordingNext { .. } => plain(SignKind::Recording),
            Self::Transcribing { so_far } => Sign {
                text: so_far.as_deref().map(|text| end_of(text, MAX_TEXT)),
                ..plain(SignKind::Transcribing)
            },
            Self::Rewriting => plain(SignKind::Rewriting),
            Self::Text { text, deliveries, problems, hint } => {
                let place = place(deliveries);
                let is_good = problems.is_empty() && deliveries.iter().all(|it| it.ok);
                let kind = match place {
                    _ if !is_good => SignKind::Problem,
                    SignPlace::Clipboard => SignKind::Waiting,
                    SignPlace::Cursor | SignPlace::Nowhere => SignKind::Delivered,
                };
                Sign {
                    text: Some(beginning_of(text)),
                    place: Some(place),
                    hint: hint.clone(),
                    code: problems.first().map(|problem| problem.code),
                    ..plain(kind)
                }
            }
            Self::Problem(failure) => Sign {
                text: failure.text.as_deref().map(beginning_of),
                place: failure.text.is_some().then_some(SignPlace::Nowhere),
                code: Some(failure.code),
                ..plain(SignKind::Problem)
            },
            Self::Recovered { text, cut_off: _, note } => Sign {
                text: Some(beginning_of(text)),
                place: Some(SignPlace::Nowhere),
                hint: note.clone(),
                ..plain(SignKind::Recovered)
            },
            Self::Cancelled => {
                Sign { title: tr!("Cancelled").to_owned(), ..plain(SignKind::Cancelled) }
            }
            Self::Closed => Sign::idle(),
            Self::Mended(_) | Self::Tidy | Self::StepBack => return None,
        })
    }

    fn with_words(&self, kind: SignKind, then: State) -> Sign {
        let (title, body) = self.card().map(|card| (card.summary, card.body)).unwrap_or_default();
        let then = (!kind.is_state()).then_some(then);
        Sign { kind, title, body, then, ..Sign::idle() }
    }

    /// Whether the notice reports a current state of v2m, and is true only while the state lasts.
    pub(crate) fn is_state(&self) -> bool {
        match self {
            Self::Recording { .. }
            | Self::RecordingNext { .. }
            | Self::Transcribing { .. }
            | Self::Rewriting => true,
            Self::Text { .. }
            | Self::Problem(_)
            | Self::Recovered { .. }
            | Self::Cancelled
            | Self::Mended(_)
            | Self::Tidy
            | Self::StepBack
            | Self::Closed => false,
        }
    }

    /// Whether something went wrong. `None`: the notice shows nothing.
    pub(crate) fn is_problem(&self) -> Option<bool> {
        match self {
            Self::Text { deliveries, problems, .. } => {
                Some(!problems.is_empty() || deliveries.iter().any(|delivery| !delivery.ok))
            }
            Self::Problem(_) => Some(true),
            Self::Recovered { cut_off, .. } => Some(*cut_off),
            Self::Recording { .. }
            | Self::RecordingNext { .. }
            | Self::Transcribing { .. }
            | Self::Rewriting => Some(false),
            Self::Cancelled | Self::Mended(_) | Self::Tidy | Self::StepBack | Self::Closed => None,
        }
    }

    /// Whether the notice reports words that may be lost, or that are not where the user wanted
    /// them.
    pub(crate) fn costs_words(&self) -> bool {
        match self {
            Self::Text { deliveries, problems, .. } => {
                let not_there = deliveries.iter().any(|delivery| !delivery.ok);
                not_there || problems.iter().any(|problem| problem.code.costs_words())
            }
            Self::Problem(failure) => failure.code.costs_words() || failure.text.is_some(),
            Self::Recovered { cut_off, .. } => *cut_off,
            Self::Recording { .. }
            | Self::RecordingNext { .. }
            | Self::Transcribing { .. }
            | Self::Rewriting
            | Self::Cancelled
            | Self::Mended(_)
            | Self::Tidy
            | Self::StepBack
            | Self::Closed => false,
        }
    }
}

/// Returns where the text has arrived.
fn place(deliveries: &[Delivery]) -> SignPlace {
    match deliveries.iter().rfind(|delivery| delivery.ok).map(|delivery| delivery.by) {
        Some("clipboard") => SignPlace::Clipboard,
        Some(_) => SignPlace::Cursor,
        None => SignPlace::Nowhere,
    }
}

fn beginning_of(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Code, Failure};

    fn delivery(by: &'static str, ok: bool, detail: &str) -> Delivery {
        Delivery { by, backend: None, ok, detail: detail.into() }
    }

    fn text(deliveries: Vec<Delivery>, problems: Vec<Failure>) -> Notice {
        Notice::Text { text: "Grüße".into(), deliveries, problems, hint: None }
    }

    #[test]
    fn a_text_says_where_it_is_and_what_goes_on() {
        let shown = |deliveries| text(deliveries, Vec::new()).sign(State::Recording).unwrap();
        let pasted = shown(vec![delivery("paste", true, "pasted")]);
        assert_eq!((pasted.kind, pasted.place), (SignKind::Delivered, Some(SignPlace::Cursor)));
        assert_eq!(pasted.then, Some(State::Recording));
        let copied = shown(vec![delivery("clipboard", true, "on the clipboard; no way")]);
        assert_eq!((copied.kind, copied.place), (SignKind::Waiting, Some(SignPlace::Clipboard)));
        assert_eq!(
            (copied.title.as_str(), copied.text.as_deref()),
            ("On the clipboard", Some("Grüße"))
        );
        let failed = vec![
            delivery("paste", false, "not pasted: the focus moved; press ctrl+v"),
            delivery("clipboard", true, "on the clipboard"),
        ];
        let failed = shown(failed);
        assert_eq!((failed.kind, failed.place), (SignKind::Problem, Some(SignPlace::Clipboard)));
        assert!(failed.title.contains("Not pasted"), "{failed:?}");
        let nowhere = shown(Vec::new());
        assert_eq!((nowhere.kind, nowhere.place), (SignKind::Delivered, Some(SignPlace::Nowhere)));
    }

    #[test]
    fn a_cancelled_dictation_is_an_outcome_without_a_notification() {
        let sign = Notice::Cancelled.sign(State::Transcribing).unwrap();
        assert_eq!((sign.kind, sign.title.as_str()), (SignKind::Cancelled, "Cancelled"));
        assert_eq!(sign.then, Some(State::Transcribing));
        assert_eq!(Notice::Cancelled.card(), None);
    }

    #[test]
    fn a_draft_is_cut_off_at_its_old_end() {
        let long = format!("first {} the last", "word ".repeat(200));
        let shown = Notice::Recording { so_far: Some(long.clone()), stops_after: None };
        let text = shown.sign(State::Idle).unwrap().text.unwrap();
        assert!(text.starts_with("…word ") && text.ends_with(" the last"), "{text}");
        let whole =
            Notice::Text { text: long, deliveries: Vec::new(), problems: Vec::new(), hint: None };
        let text = whole.sign(State::Idle).unwrap().text.unwrap();
        assert!(text.starts_with("first") && text.ends_with('…'), "{text}");
    }

    #[test]
    fn what_costs_words_is_told_from_what_does_not() {
        let problem = |code| Notice::Problem(Failure::new(code, "x"));
        assert!(problem(Code::NoMicrophone).costs_words());
        assert!(problem(Code::Busy).costs_words(), "the user may be speaking already");
        assert!(!problem(Code::NoSpeech).costs_words());
        assert!(text(vec![delivery("paste", false, "not pasted: x")], Vec::new()).costs_words());
        assert!(!text(vec![delivery("paste", true, "pasted")], Vec::new()).costs_words());
        let rewriting = Failure::new(Code::LlmUnavailable, "x");
        let unchanged = text(vec![delivery("paste", true, "pasted")], vec![rewriting]);
        assert!(!unchanged.costs_words() && unchanged.is_problem() == Some(true));
    }
}
