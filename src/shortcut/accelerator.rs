//! Parses key combinations as GTK and Mutter write them, to compare them.

use std::collections::BTreeSet;

/// A key with its modifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accelerator {
    modifiers: BTreeSet<&'static str>,
    key: String,
}

/// Names in angle brackets, in lower case, with their modifiers (`gtk_accelerator_parse`). Alt is
/// Mod1 and Super is Mod4 on every current keyboard.
const MODIFIERS: [(&str, &str); 15] = [
    ("control", "control"),
    ("ctrl", "control"),
    ("ctl", "control"),
    ("primary", "control"),
    ("shift", "shift"),
    ("shft", "shift"),
    ("alt", "alt"),
    ("mod1", "alt"),
    ("super", "super"),
    ("mod4", "super"),
    ("meta", "meta"),
    ("hyper", "hyper"),
    ("mod2", "mod2"),
    ("mod3", "mod3"),
    ("mod5", "mod5"),
];

impl Accelerator {
    /// Parses a combination; `None` if it is not valid, or empty or disabled.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut modifiers = BTreeSet::new();
        let mut rest = text.trim();
        while let Some(inside) = rest.strip_prefix('<') {
            let (name, after) = inside.split_once('>')?;
            let name = name.to_ascii_lowercase();
            let (_, modifier) = MODIFIERS.iter().find(|(known, _)| *known == name)?;
            modifiers.insert(*modifier);
            rest = after;
        }
        let named = rest.chars().all(|c| c.is_alphanumeric() || c == '_');
        (!rest.is_empty() && named && rest != "disabled")
            .then(|| Self { modifiers, key: rest.to_lowercase() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(a: &str, b: &str) -> bool {
        Accelerator::parse(a).unwrap() == Accelerator::parse(b).unwrap()
    }

    #[test]
    fn one_combination_has_many_names() {
        assert!(same("<Control><Alt>d", "<Primary><Alt>D"));
        assert!(same("<Alt><Ctrl>d", "<ctl><mod1>d"));
        assert!(same("<Super>F9", "<Mod4>F9"));
        assert!(!same("<Super>d", "<Super><Shift>d"));
        assert!(!same("<Super>d", "<Super>e"));
    }

    #[test]
    fn what_is_no_combination_is_none() {
        for text in ["", "<Super>", "<Nonsense>d", "<Super", "disabled", "a b", "<Super>d>"] {
            assert_eq!(Accelerator::parse(text), None, "{text}");
        }
        assert!(Accelerator::parse("XF86AudioMicMute").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Accelerator::parse(&text);
        }
    }
}
