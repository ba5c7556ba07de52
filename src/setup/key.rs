//! The dictation key: set on GNOME; elsewhere, the exact line or dialog for this desktop.

use super::dialogue::{Dialogue, Stop};
use super::interrupt;
use super::outcome::{Lack, Outcome};
use crate::shortcut::{self, Purpose, Shortcut, ShortcutError};
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use v2m_messages::{mark, tr, verbatim};

/// A desktop, as far as its shortcuts are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Desktop {
    Gnome,
    Kde,
    Sway,
    Hyprland,
    I3,
    Other,
}

impl Desktop {
    /// Identified by the variables that desktops set for their programs.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = variable("XDG_CURRENT_DESKTOP").unwrap_or_default().to_lowercase();
        let named = |name: &str| names.split(':').any(|known| known == name);
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if named("gnome") {
            Self::Gnome
        } else if named("kde") {
            Self::Kde
        } else if named("sway") || set("SWAYSOCK") {
            Self::Sway
        } else if named("hyprland") || set("HYPRLAND_INSTANCE_SIGNATURE") {
            Self::Hyprland
        } else if named("i3") || set("I3SOCK") {
            Self::I3
        } else {
            Self::Other
        }
    }

    /// Returns the line for its configuration, and the file below the user's configuration folder.
    /// The keys are not used in the desktop's own default configuration.
    fn line(self, client: &str) -> Option<(String, &'static str)> {
        Some(match self {
            Self::Sway => (
                verbatim!(format!("bindsym --no-repeat $mod+Shift+d exec {client} toggle")),
                "sway/config",
            ),
            Self::Hyprland => {
                (verbatim!(format!("bind = SUPER, D, exec, {client} toggle")), "hypr/hyprland.conf")
            }
            Self::I3 => (
                verbatim!(format!("bindsym $mod+Shift+d exec --no-startup-id {client} toggle")),
                "i3/config",
            ),
            Self::Gnome | Self::Kde | Self::Other => return None,
        })
    }

    /// Returns the instruction for applying a changed configuration.
    fn reload(self) -> &'static str {
        v2m_messages::text(match self {
            Self::Sway => mark!("Then reload sway: swaymsg reload"),
            Self::I3 => mark!("Then reload i3: i3-msg reload"),
            Self::Hyprland => mark!("Hyprland reads its file again by itself."),
            Self::Gnome | Self::Kde | Self::Other => "",
        })
    }
}

/// Sets the key, or explains how to.
pub(super) fn bind(dialogue: &mut Dialogue) -> Result<Outcome, Stop> {
    let desktop = Desktop::of(|name| std::env::var(name).ok());
    if desktop == Desktop::Gnome {
        return on_gnome(dialogue);
    }
    by_hand(dialogue, desktop)
}

fn on_gnome(dialogue: &mut Dialogue) -> Result<Outcome, Stop> {
    let keys = match shortcut::list_all() {
        Ok(keys) => keys,
        Err(ShortcutError::NoGsettings(_) | ShortcutError::NoGnome) => {
            return by_hand(dialogue, Desktop::Other);
        }
        Err(error) => return Ok(lacks(dialogue, &error)),
    };
    let has_one = !keys.is_empty();
    for Shortcut { binding, command } in &keys {
        dialogue.say(tr!("{binding} runs {command}", binding, command));
    }
    if !dialogue.asks() && has_one {
        return Ok(Outcome::unchanged(keys[0].binding.clone()));
    }
    if has_one && !dialogue.yes(tr!("Choose another key?"), false)? {
        return Ok(Outcome::unchanged(keys[0].binding.clone()));
    }
    let free = match free_key(dialogue) {
        Ok(free) => free,
        Err(error) => return Ok(lacks(dialogue, &error)),
    };
    let own = match shortcut::list() {
        Ok(own) => own.into_iter().next(),
        Err(error) => return Ok(lacks(dialogue, &error)),
    };
    loop {
        let question = tr!(
            "Which key? Enter takes the free one; write another as GNOME does, such as <Super>F8"
        );
        let binding = dialogue.ask(question, free)?;
        let installed =
            interrupt::whole(|| shortcut::install(Some(&binding), Purpose::default(), &client()));
        match installed {
            Ok(Shortcut { binding, .. }) => {
                dialogue.say(tr!(
                    "{binding} dictates: tap it, or hold it down while you speak.",
                    binding
                ));
                let undo = verbatim!(match &own {
                    Some(before) => format!("v2m shortcut install --binding '{}'", before.binding),
                    None => "v2m shortcut remove".to_owned(),
                });
                return Ok(Outcome::Done { state: binding, undo: vec![undo] });
            }
            Err(error) if dialogue.asks() && is_about_the_key(&error) => {
                dialogue.say(error.to_string());
            }
            Err(error) => return Ok(lacks(dialogue, &error)),
        }
    }
}

/// Returns the first free key, after naming the users of the ones before it.
fn free_key(dialogue: &mut Dialogue) -> Result<&'static str, ShortcutError> {
    for (binding, taken_by) in shortcut::candidates()? {
        match taken_by {
            None => return Ok(binding),
            Some(by) => dialogue.say(tr!("{binding} is used by {by}.", binding, by)),
        }
    }
    // Ask nevertheless: the user may know a free key.
    if dialogue.asks() { Ok("") } else { Err(ShortcutError::AllTaken) }
}

fn is_about_the_key(error: &ShortcutError) -> bool {
    matches!(error, ShortcutError::NotABinding(_) | ShortcutError::Taken { .. })
}

fn lacks(dialogue: &mut Dialogue, error: &ShortcutError) -> Outcome {
    let why = error.to_string();
    dialogue.say(&why);
    Outcome::missing(Lack::Key, why)
}

/// Explains the steps in this desktop's settings.
fn by_hand(
    dialogue: &mut Dialogue<impl Read, impl Write>,
    desktop: Desktop,
) -> Result<Outcome, Stop> {
    // The full path: a desktop does not always have the terminal's PATH.
    let client = client().display().to_string();
    if let Some((line, below)) = desktop.line(&client) {
        let file = Xdg::new().map(|dirs| dirs.config_dir().join(below)).ok();
        let file = file.unwrap_or_else(|| PathBuf::from(below));
        if binds(&file) {
            let state = tr!("{file} has a key for v2m already", file = file.display());
            dialogue.say(&state);
            return Ok(Outcome::unchanged(state));
        }
        dialogue.say(tr!("Add this line to {file}:", file = file.display()));
        dialogue.say_to_copy(&line);
        dialogue.say(desktop.reload());
    } else if desktop == Desktop::Kde {
        dialogue.say(tr!(
            "In System Settings: Keyboard → Shortcuts → Add New → Command or Script. Enter this command, and give \
             it a key:"
        ));
        dialogue.say_to_copy(&format!("{client} toggle"));
    } else {
        dialogue.say(tr!("In your desktop's keyboard settings, give a key to this command:"));
        dialogue.say_to_copy(&format!("{client} toggle"));
    }
    if !dialogue.asks() {
        // Without questions, nobody has done it.
        return Ok(Outcome::unchanged(not_set(&client)));
    }
    dialogue.enter(tr!("Enter when it is done, s for later."))?;
    Ok(Outcome::unchanged(tr!("in the desktop's own settings; remove it there to undo it")))
}

/// Returns the notice that no key is known to dictate, on a desktop where v2m cannot set one.
fn not_set(client: &str) -> String {
    tr!("not set by v2m. Give a key to {client} toggle yourself", client)
}

/// Whether a configuration file runs the client.
fn binds(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.any(|line| line.contains("v2m-send"))
}

/// Returns the path of the client, beside this program.
fn client() -> PathBuf {
    std::env::current_exe().map_or_else(|_| "v2m-send".into(), |own| own.with_file_name("v2m-send"))
}

#[cfg(test)]
mod tests {
    use super::super::dialogue::tests::with;
    use super::*;

    #[test]
    fn desktops_are_known_by_what_they_set() {
        let desktop = |name: &str, value: &str| {
            Desktop::of(|asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(desktop("XDG_CURRENT_DESKTOP", "ubuntu:GNOME"), Desktop::Gnome);
        assert_eq!(desktop("XDG_CURRENT_DESKTOP", "KDE"), Desktop::Kde);
        assert_eq!(desktop("XDG_CURRENT_DESKTOP", "Hyprland"), Desktop::Hyprland);
        assert_eq!(desktop("SWAYSOCK", "/run/x"), Desktop::Sway);
        assert_eq!(desktop("I3SOCK", "/run/x"), Desktop::I3);
        assert_eq!(desktop("XDG_CURRENT_DESKTOP", "XFCE"), Desktop::Other);
        assert_eq!(desktop("SWAYSOCK", ""), Desktop::Other);
    }

    #[test]
    fn each_desktop_gets_its_own_words() {
        let told = |desktop| {
            let mut dialogue = with("\n");
            let outcome = by_hand(&mut dialogue, desktop).unwrap();
            assert!(matches!(outcome, Outcome::Done { .. }));
            dialogue.said().to_owned()
        };
        assert!(told(Desktop::Kde).contains("System Settings"));
        assert!(told(Desktop::Other).contains("v2m-send toggle\n"));
        for (desktop, line) in [
            (Desktop::Sway, "bindsym --no-repeat $mod+Shift+d exec /"),
            (Desktop::Hyprland, "bind = SUPER, D, exec, /"),
            (Desktop::I3, "bindsym $mod+Shift+d exec --no-startup-id /"),
        ] {
            let (told, _) = desktop.line("/usr/bin/v2m-send").unwrap();
            assert!(told.starts_with(line) && told.ends_with("/v2m-send toggle"), "{told}");
        }
        assert_eq!(by_hand(&mut with("s\n"), Desktop::Kde), Err(Stop::Skip));
    }

    #[test]
    fn a_line_that_is_there_already_is_seen_and_a_comment_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        assert!(!binds(&file));
        std::fs::write(&file, "# bindsym x exec v2m-send toggle\n").unwrap();
        assert!(!binds(&file));
        std::fs::write(&file, "bindsym x exec v2m-send toggle\n").unwrap();
        assert!(binds(&file));
    }
}
