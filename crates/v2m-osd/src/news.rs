//! v2m's signals for the sign, as this program's own types. `docs/protocol.md` documents the
//! signal.

use std::collections::HashMap;
use v2m_ipc::plain;
use zbus::OwnedVariant;

/// The longest text that is kept from a signal, in characters: more than a sign can show.
const MAX: usize = 500;

/// The kind of a sign: a state or an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A state: v2m is idle.
    #[default]
    Idle,
    /// A state: recording.
    Recording,
    /// A state: a text is being recognised.
    Transcribing,
    /// A state: a language model is working on a text.
    Rewriting,
    /// An outcome: the text was delivered as requested.
    Delivered,
    /// An outcome: the text waits on the clipboard.
    Waiting,
    /// An outcome: something went wrong.
    Problem,
    /// An outcome: an earlier dictation has its text now.
    Recovered,
    /// An outcome: the user has cancelled a dictation.
    Cancelled,
}

impl Kind {
    /// All kinds, with their names on the bus.
    const ALL: [(&'static str, Self); 9] = [
        ("idle", Self::Idle),
        ("recording", Self::Recording),
        ("transcribing", Self::Transcribing),
        ("rewriting", Self::Rewriting),
        ("delivered", Self::Delivered),
        ("waiting", Self::Waiting),
        ("problem", Self::Problem),
        ("recovered", Self::Recovered),
        ("cancelled", Self::Cancelled),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Whether it is a state, which stays until the next one.
    pub fn is_state(self) -> bool {
        match self {
            Self::Idle | Self::Recording | Self::Transcribing | Self::Rewriting => true,
            Self::Delivered | Self::Waiting | Self::Problem | Self::Recovered | Self::Cancelled => {
                false
            }
        }
    }
}

/// The content of one signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// The kind of news.
    pub kind: Kind,
    /// A line for people.
    pub title: String,
    /// What to do, and perhaps the text.
    pub body: String,
    /// The text, or the draft so far.
    pub text: String,
    /// Whether the text is on the clipboard.
    pub on_clipboard: bool,
    /// Further information for the user.
    pub hint: String,
    /// With an outcome: the state that continues.
    pub then: Kind,
}

impl Sign {
    /// Reads a signal. `None` if its kind is newer than this program. All content is checked,
    /// because every program of the user could send such a signal.
    pub fn told(kind: &str, details: &HashMap<String, OwnedVariant>) -> Option<Self> {
        let kind = Kind::named(kind)?;
        let given = |key: &str| {
            let value = details.get(key)?;
            let text = <&str>::try_from(&**value).ok()?;
            Some(plain::text(text).chars().take(MAX).collect::<String>())
        };
        let text = |key| given(key).unwrap_or_default();
        let then = given("then").and_then(|name| Kind::named(&name));
        Some(Self {
            kind,
            title: plain::line(&text("title")).into_owned(),
            body: text("body"),
            text: text("text"),
            on_clipboard: text("place") == "clipboard",
            hint: text("hint"),
            then: then.filter(|then| then.is_state()).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;

    fn details(given: &[(&str, Variant<'static>)]) -> HashMap<String, OwnedVariant> {
        let owned = |(key, value): &(&str, Variant<'static>)| {
            ((*key).to_owned(), value.try_clone().unwrap().try_into().unwrap())
        };
        given.iter().map(owned).collect()
    }

    #[test]
    fn what_is_told_is_taken_and_made_plain() {
        let told = details(&[
            ("title", "Not\npasted\u{1b}".into()),
            ("body", "Press ctrl+v.\nGrüße".into()),
            ("text", "x".repeat(10_000).into()),
            ("place", "clipboard".into()),
            ("then", "recording".into()),
            ("later", 7_u32.into()),
        ]);
        let sign = Sign::told("problem", &told).unwrap();
        assert_eq!(
            (sign.kind, sign.then, sign.on_clipboard),
            (Kind::Problem, Kind::Recording, true)
        );
        assert_eq!((sign.title.as_str(), sign.text.len()), ("Not pasted", MAX));
        assert_eq!(sign.body, "Press ctrl+v.\nGrüße");
    }

    #[test]
    fn strange_kinds_and_types_do_no_harm() {
        assert_eq!(Sign::told("dancing", &HashMap::new()), None);
        let told = details(&[("title", 3_u32.into()), ("then", "problem".into())]);
        assert_eq!(Sign::told("delivered", &told).unwrap().then, Kind::Idle);
        assert_eq!(Sign::told("idle", &told).unwrap().title, "");
    }
}
