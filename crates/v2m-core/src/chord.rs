//! Key combinations as the configuration writes them: "ctrl+v", "ctrl+shift+v", "shift+insert".
//!
//! This module does not know the key codes of display servers.

use std::fmt;
use std::str::FromStr;

/// A key that is held while another one is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// Control.
    Ctrl,
    /// Shift.
    Shift,
    /// Alt.
    Alt,
    /// The key with the logo of the desktop or the manufacturer.
    Super,
}

impl Modifier {
    const ALL: [(&str, Self); 4] =
        [("ctrl", Self::Ctrl), ("shift", Self::Shift), ("alt", Self::Alt), ("super", Self::Super)];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, modifier)| *modifier == self).map_or("", |(name, _)| name)
    }
}

/// The key of a combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter from a to z, wherever the keyboard layout has it.
    Letter(char),
    /// Insert.
    Insert,
}

/// A key combination, for example the one that pastes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chord {
    /// The modifiers in the order in which they are pressed. At least one, no duplicates.
    pub modifiers: Vec<Modifier>,
    /// The key that is pressed last.
    pub key: Key,
}

impl Chord {
    /// Control+V, the paste shortcut of nearly all programs.
    pub fn ctrl_v() -> Self {
        Self { modifiers: vec![Modifier::Ctrl], key: Key::Letter('v') }
    }

    /// Control+Shift+V, the paste shortcut of terminals.
    pub fn ctrl_shift_v() -> Self {
        Self { modifiers: vec![Modifier::Ctrl, Modifier::Shift], key: Key::Letter('v') }
    }

    /// Control+Z, which undoes nearly everywhere, but suspends the program in a terminal.
    pub fn ctrl_z() -> Self {
        Self { modifiers: vec![Modifier::Ctrl], key: Key::Letter('z') }
    }

    /// Shift+Insert, which pastes nearly everywhere: the primary selection in terminals, the
    /// clipboard elsewhere.
    pub fn shift_insert() -> Self {
        Self { modifiers: vec![Modifier::Shift], key: Key::Insert }
    }
}

/// The error for a string that is not a key combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAChord;

impl FromStr for Chord {
    type Err = NotAChord;

    fn from_str(text: &str) -> Result<Self, NotAChord> {
        let lower = text.to_ascii_lowercase();
        let mut parts: Vec<&str> = lower.split('+').map(str::trim).collect();
        let key = match parts.pop().ok_or(NotAChord)? {
            "insert" => Key::Insert,
            letter => match letter.as_bytes() {
                [letter @ b'a'..=b'z'] => Key::Letter(char::from(*letter)),
                _ => return Err(NotAChord),
            },
        };
        let mut modifiers = Vec::new();
        for part in parts {
            let known = Modifier::ALL.iter().find(|(name, _)| *name == part).ok_or(NotAChord)?;
            if modifiers.contains(&known.1) {
                return Err(NotAChord);
            }
            modifiers.push(known.1);
        }
        // A letter without a modifier would be typed.
        if modifiers.is_empty() { Err(NotAChord) } else { Ok(Self { modifiers, key }) }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for modifier in &self.modifiers {
            write!(f, "{}+", modifier.name())?;
        }
        match self.key {
            Key::Letter(letter) => write!(f, "{letter}"),
            Key::Insert => f.write_str("insert"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn combinations_are_read_and_written() {
        for text in ["ctrl+v", "ctrl+shift+v", "shift+insert", "super+alt+p"] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), text);
        }
        assert_eq!("Ctrl + V".parse(), Ok(Chord::ctrl_v()));
        assert_eq!("ctrl+shift+v".parse(), Ok(Chord::ctrl_shift_v()));
    }

    #[test]
    fn what_would_type_or_means_nothing_is_refused() {
        for text in ["", "v", "+", "ctrl", "ctrl+", "ctrl+ctrl+v", "ctrl+vv", "hyper+v", "ctrl+ñ"]
        {
            assert_eq!(text.parse::<Chord>(), Err(NotAChord), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            if let Ok(chord) = text.parse::<Chord>() {
                prop_assert_eq!(chord.to_string().parse(), Ok(chord));
            }
        }
    }
}
