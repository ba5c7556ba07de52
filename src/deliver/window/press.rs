//! Decides with which keys a text is pasted into the window that has the keyboard.
//!
//! Pure. The caller finds out which window has the keyboard, where the desktop reports it. The
//! programs' own reports come from `programs`.
//!
//! Control+V does not paste in a terminal: readline quotes the next key, and the next real paste
//! shows `^[[200~`. So it is pressed only where no terminal can have the keyboard. Terminals accept
//! Ctrl+Shift+V, except for old X11 terminals. If nothing is reported and a terminal may have the
//! keyboard, v2m presses Shift+Insert, which pastes in both terminals and text fields: terminals
//! paste the primary selection, fields and Konsole the clipboard. So both hold the text during the
//! paste. (Tried with gnome-terminal, kgx, foot, kitty, Alacritty, xterm, Konsole, GTK 3 and 4,
//! Firefox and Chromium.)

use super::programs::{Focused, Widget, names_of_running};
use crate::chord::Chord;
use v2m_messages::tr;

/// Terminals without keys for the clipboard. Shift+Insert pastes the primary selection, and nothing
/// else pastes. By class, in lower case.
const SELECTION_TERMINALS: [&str; 8] =
    ["aterm", "eterm", "mlterm", "rxvt", "urxvt", "uxterm", "xterm", "koi8rxterm"];

/// Terminals where Shift+Insert pastes the clipboard, as in fields. By executable.
const CLIPBOARD_TERMINALS: [&str; 2] = ["konsole", "yakuake"];

/// Editors that contain a terminal, which accepts Ctrl+Shift+V and passes on Ctrl+V. These editors
/// do not report whether the terminal has the keyboard. By class or executable, in lower case.
/// Shift+Insert pastes the clipboard in the editor, and the primary selection in the terminal
/// (Visual Studio Code's defaults on Linux).
const EDITORS: [&str; 7] =
    ["code", "code-oss", "codium", "cursor", "visual-studio-code", "vscodium", "windsurf"];

/// A window and its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The display server's number for the window.
    pub(crate) id: u32,
    /// WM_CLASS or the application id. Empty: the window has none.
    pub(crate) class: String,
}

/// The keys that paste, by program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasteKeys {
    /// The keys if no terminal is known to have the keyboard. `None`: v2m chooses.
    pub usual: Option<Chord>,
    /// The keys in terminals. `None`: v2m chooses.
    pub terminal: Option<Chord>,
    /// The terminals: window classes or program names. Case is ignored.
    pub terminals: Vec<String>,
}

/// The keys that paste, and the selection that they paste from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) chord: Chord,
    /// Whether these keys may paste the primary selection. If so, it must hold the text too.
    pub(crate) primary: bool,
}

impl Press {
    /// Returns the keys to recommend to the user when the text is only on the clipboard.
    pub(crate) fn by_hand(&self) -> String {
        if self.primary {
            tr!("ctrl+v, or ctrl+shift+v in a terminal,").to_owned()
        } else {
            self.chord.to_string()
        }
    }
}

/// The target of a paste, as far as it affects the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PasteTarget {
    Field,
    Terminal,
    /// One of [`SELECTION_TERMINALS`].
    SelectionTerminal,
    /// A field, or a terminal of either kind.
    Either,
}

impl PasteKeys {
    /// Whether a program's windows are terminals, by the program's name or the windows' class.
    pub(crate) fn is_terminal(&self, name: &str) -> bool {
        let names = names_of_running(name);
        let listed = self.terminals.iter().map(|terminal| terminal.to_lowercase());
        listed.into_iter().any(|terminal| names.contains(&terminal))
    }

    /// Classifies the target that has the keyboard. `window` is the window that the display server
    /// reports.
    fn target(&self, window: Option<&Window>, focused: &Focused) -> PasteTarget {
        let classes = window.map(|window| &window.class).filter(|class| !class.is_empty());
        let names: Vec<&String> = classes.into_iter().chain(&focused.programs).collect();
        let is = |list: &[&str]| {
            let listed = |name: &&String| list.iter().any(|known| name.eq_ignore_ascii_case(known));
            names.iter().any(listed)
        };
        if names.iter().any(|name| self.is_terminal(name)) {
            PasteTarget::Terminal
        } else if is(&SELECTION_TERMINALS) {
            PasteTarget::SelectionTerminal
        } else if focused.widget == Widget::Terminal {
            PasteTarget::Terminal
        } else if names.is_empty() {
            match &focused.silent {
                Some(silent) if !silent.iter().any(|name| self.may_hide(name)) => {
                    PasteTarget::Field
                }
                _ => PasteTarget::Either,
            }
        } else if is(&EDITORS) || focused.widget == Widget::Unfinished {
            PasteTarget::Either
        } else {
            PasteTarget::Field
        }
    }

    /// Whether the keyboard is in a terminal, or may be, as far as anything is reported.
    pub(crate) fn may_be_terminal(&self, window: Option<&Window>, focused: &Focused) -> bool {
        self.target(window, focused) != PasteTarget::Field
    }

    /// Whether a running program that reports nothing may have a terminal that has the keyboard.
    /// Old X11 terminals do not count, because the display server reports their windows.
    fn may_hide(&self, name: &str) -> bool {
        self.is_terminal(name) || EDITORS.iter().any(|editor| name.eq_ignore_ascii_case(editor))
    }

    /// Chooses the keys that paste into `window`, or into the target that the programs report.
    /// `window` is `None`: the window is not known. Keys that the user has chosen are always used.
    pub(crate) fn press(&self, window: Option<&Window>, focused: &Focused) -> Press {
        let press = |chord, primary| Press { chord, primary };
        let chosen = |chord: &Option<Chord>| chord.clone().map(|chord| press(chord, false));
        match self.target(window, focused) {
            PasteTarget::Field => chosen(&self.usual).unwrap_or(press(Chord::ctrl_v(), false)),
            PasteTarget::Terminal => {
                chosen(&self.terminal).unwrap_or(press(Chord::ctrl_shift_v(), false))
            }
            PasteTarget::SelectionTerminal => {
                chosen(&self.terminal).unwrap_or(press(Chord::shift_insert(), true))
            }
            PasteTarget::Either => {
                let takes_clipboard = |name: &String| CLIPBOARD_TERMINALS.contains(&name.as_str());
                let all_do = focused.silent.as_ref().is_some_and(|silent| {
                    let hiding = silent.iter().filter(|name| self.may_hide(name));
                    let hiding: Vec<&String> = hiding.collect();
                    !hiding.is_empty() && hiding.into_iter().all(takes_clipboard)
                });
                chosen(&self.usual).unwrap_or(press(Chord::shift_insert(), !all_do))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> PasteKeys {
        let terminals = ["kitty", "konsole", "Gnome-Terminal", "org.gnome.Console", "kgx"];
        let terminals = terminals.map(str::to_owned);
        PasteKeys { usual: None, terminal: None, terminals: terminals.to_vec() }
    }

    fn window(id: u32, class: &str) -> Window {
        Window { id, class: class.to_owned() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Makes the report in which these programs run and none reports anything.
    fn silent(programs: &[&str]) -> Focused {
        Focused { silent: Some(names(programs)), ..Focused::default() }
    }

    /// Returns the chosen keys, with a `*` if the primary selection must hold the text too.
    fn pressed(keys: &PasteKeys, window: Option<&Window>, focused: &Focused) -> String {
        let Press { chord, primary } = keys.press(window, focused);
        format!("{chord}{}", if primary { "*" } else { "" })
    }

    #[test]
    fn terminals_paste_by_their_own_keys() {
        let (keys, unknown) = (keys(), silent(&[]));
        for (class, expected) in [
            ("kitty", "ctrl+shift+v"),
            ("Kitty", "ctrl+shift+v"),
            ("gnome-terminal", "ctrl+shift+v"),
            ("XTerm", "shift+insert*"),
            ("Code", "shift+insert*"),
            ("kitty2", "ctrl+v"),
            ("firefox", "ctrl+v"),
            ("", "ctrl+v"),
        ] {
            let window = window(1, class);
            assert_eq!(pressed(&keys, Some(&window), &unknown), expected, "{class}");
        }
    }

    #[test]
    fn what_a_program_tells_of_itself_counts_where_no_window_is_known() {
        let keys = keys();
        for (widget, programs, expected) in [
            (Widget::Terminal, &["gnome-builder"][..], "ctrl+shift+v"),
            (Widget::Other, &["kgx", "org.gnome.Console"], "ctrl+shift+v"),
            (Widget::Other, &["gnome-terminal-server"], "ctrl+shift+v"),
            (Widget::Other, &["gedit"], "ctrl+v"),
            (Widget::Password, &["gedit"], "ctrl+v"),
            (Widget::Unfinished, &["gedit"], "shift+insert*"),
            (Widget::Unfinished, &["kgx"], "ctrl+shift+v"),
        ] {
            let focused = Focused { widget, programs: names(programs), ..Focused::default() };
            assert_eq!(pressed(&keys, None, &focused), expected, "{widget:?} of {programs:?}");
        }
        // A terminal inside a window of another program that the display server names.
        let focused = Focused { widget: Widget::Terminal, ..Focused::default() };
        assert_eq!(pressed(&keys, Some(&window(1, "gnome-builder")), &focused), "ctrl+shift+v");
    }

    #[test]
    fn where_nobody_tells_it_matters_whether_a_terminal_runs_that_would_not() {
        let keys = keys();
        for (programs, expected) in [
            (&[][..], "ctrl+v"),
            (&["firefox", "bash", "xterm"], "ctrl+v"),
            (&["firefox", "kitty"], "shift+insert*"),
            (&[".kitty-wrapped"], "shift+insert*"),
            (&["code"], "shift+insert*"),
            (&["konsole", "kwin_wayland"], "shift+insert"),
            (&["konsole", "kitty"], "shift+insert*"),
        ] {
            assert_eq!(pressed(&keys, None, &silent(programs)), expected, "{programs:?}");
        }
        assert_eq!(pressed(&keys, None, &Focused::default()), "shift+insert*");
    }

    #[test]
    fn keys_that_the_user_has_chosen_win() {
        let alt_p: Chord = "alt+p".parse().unwrap();
        let chosen = PasteKeys { usual: Some(Chord::ctrl_v()), terminal: Some(alt_p), ..keys() };
        let silent = silent(&["kitty"]);
        assert_eq!(pressed(&chosen, None, &silent), "ctrl+v");
        for class in ["kitty", "xterm"] {
            assert_eq!(pressed(&chosen, Some(&window(1, class)), &silent), "alt+p", "{class}");
        }
    }

    proptest! {
        #[test]
        fn case_never_matters(class in "\\PC{0,20}") {
            let mut keys = keys();
            keys.terminals.push(class.to_uppercase());
            let lower = class.to_lowercase();
            // A few characters cannot be converted back from upper case. They match neither way.
            let expected = class.to_uppercase().to_lowercase() == lower.to_lowercase();
            prop_assert!(keys.is_terminal(&lower) >= expected);
        }

        #[test]
        fn control_v_is_never_pressed_where_a_terminal_may_be(
            class in "[a-z]{0,6}",
            terminal in prop::sample::select(vec!["kitty", "gnome-terminal", "xterm", "code"]),
            told in 0..4u8,
        ) {
            let (keys, mut focused) = (keys(), Focused::default());
            let mut shown = None;
            match told {
                0 => shown = Some(window(1, terminal)),
                1 => focused.programs = names(&[&class, terminal]),
                2 if terminal != "xterm" => focused.silent = Some(names(&[&class, terminal])),
                _ => focused.widget = Widget::Terminal,
            }
            let Press { chord, primary } = keys.press(shown.as_ref(), &focused);
            prop_assert!(chord != Chord::ctrl_v());
            prop_assert_eq!(primary, chord == Chord::shift_insert());
        }
    }
}
