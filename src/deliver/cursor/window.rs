//! The window that has the keyboard: whether a text may go into it, and with which keys.
//!
//! Pure. Which window that is, is asked by the ways to the cursor that can tell.

use super::Problem;
use crate::chord::Chord;

/// A window, and which program's it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The display server's number for it.
    pub(super) id: u32,
    /// WM_CLASS or application id; empty if it says none.
    pub(super) class: String,
}

/// Which keys paste, in which program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasteKeys {
    /// Nearly everywhere.
    pub usual: Chord,
    /// In terminals.
    pub terminal: Chord,
    /// What counts as a terminal: classes of windows, in whatever case.
    pub terminals: Vec<String>,
}

impl Default for PasteKeys {
    /// The same everywhere, as no program is known.
    fn default() -> Self {
        let (usual, terminal) = (Chord::ctrl_v(), Chord::ctrl_shift_v());
        Self { usual, terminal, terminals: Vec::new() }
    }
}

/// How a text gets into a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::deliver) enum Means {
    /// The window is told to paste.
    Paste,
    /// Each of its characters is typed.
    Type,
}

/// One text for the cursor.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) text: String,
    pub(super) means: Means,
    pub(super) keys: PasteKeys,
    /// The only window it is meant for. `None`: whichever has the keyboard.
    pub(super) only: Option<Window>,
}

impl PasteKeys {
    /// The keys that paste into `window`. `None`: nobody knows what it is.
    pub(super) fn for_window(&self, window: Option<&Window>) -> &Chord {
        let is_terminal = |window: &Window| {
            let class = window.class.to_lowercase();
            self.terminals.iter().any(|terminal| terminal.to_lowercase() == class)
        };
        if window.is_some_and(is_terminal) { &self.terminal } else { &self.usual }
    }
}

impl Order {
    /// Refuses a window that it is not meant for. One that nobody knows is taken for the right one.
    pub(super) fn check(&self, now: Option<&Window>) -> Result<(), Problem> {
        match (&self.only, now) {
            (Some(only), Some(now)) if only.id != now.id => Err(Problem::Moved),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> PasteKeys {
        let terminals = ["kitty", "Gnome-Terminal"].map(str::to_owned).to_vec();
        PasteKeys { usual: Chord::ctrl_v(), terminal: Chord::ctrl_shift_v(), terminals }
    }

    fn window(id: u32, class: &str) -> Window {
        Window { id, class: class.to_owned() }
    }

    #[test]
    fn terminals_paste_by_their_own_keys() {
        let keys = keys();
        for class in ["kitty", "Kitty", "gnome-terminal"] {
            assert_eq!(*keys.for_window(Some(&window(1, class))), Chord::ctrl_shift_v(), "{class}");
        }
        for class in ["", "kitty2", "firefox"] {
            assert_eq!(*keys.for_window(Some(&window(1, class))), Chord::ctrl_v(), "{class}");
        }
        assert_eq!(*keys.for_window(None), Chord::ctrl_v());
    }

    #[test]
    fn a_text_goes_only_into_the_window_it_is_meant_for() {
        let (text, means) = ("text".into(), Means::Paste);
        let mut order = Order { text, means, keys: keys(), only: Some(window(1, "a")) };
        assert!(order.check(Some(&window(1, "another title"))).is_ok());
        assert!(matches!(order.check(Some(&window(2, "a"))), Err(Problem::Moved)));
        assert!(order.check(None).is_ok());
        order.only = None;
        assert!(order.check(Some(&window(2, "a"))).is_ok());
    }

    proptest! {
        #[test]
        fn case_never_matters(class in "\\PC{0,20}") {
            let mut keys = keys();
            keys.terminals.push(class.to_uppercase());
            let lower = window(1, &class.to_lowercase());
            // A few characters have no way back from upper case; those match neither way.
            let expected = class.to_uppercase().to_lowercase() == lower.class.to_lowercase();
            let is_terminal = *keys.for_window(Some(&lower)) == Chord::ctrl_shift_v();
            prop_assert!(is_terminal >= expected);
        }
    }
}
