//! Finds the user's shortcuts for v2m in GNOME's settings. Their keys may still be down when a text
//! is ready.

use crate::chord::Modifier;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

const SCHEMA: &str = "org.gnome.settings-daemon.plugins.media-keys";
const LIST: &str = "custom-keybindings";
const ENTRY: &str = "org.gnome.settings-daemon.plugins.media-keys.custom-keybinding";
/// The setting for sticky keys, which stay down after a tap, for people who cannot hold two keys at
/// once. These users hold no shortcut, and a modifier that v2m tapped would stay down for the next
/// key.
const STICKY: (&str, &str) = ("org.gnome.desktop.a11y.keyboard", "stickykeys-enable");
/// The start of the names of v2m's programs. A user's own command that runs one may contain it too.
const OURS: &str = "v2m";
/// How long reading the settings may take. It usually takes some 10 ms, while the user still holds
/// the keys.
const PATIENCE: Duration = Duration::from_millis(400);
/// The most entries that are read.
const MOST: usize = 64;

/// The names of modifiers in a binding, in lower case (`gtk_accelerator_parse`).
const MODIFIERS: [(&str, Modifier); 11] = [
    ("<control>", Modifier::Ctrl),
    ("<ctrl>", Modifier::Ctrl),
    ("<ctl>", Modifier::Ctrl),
    ("<primary>", Modifier::Ctrl),
    ("<shift>", Modifier::Shift),
    ("<shft>", Modifier::Shift),
    ("<alt>", Modifier::Alt),
    ("<mod1>", Modifier::Alt),
    ("<super>", Modifier::Super),
    ("<mod4>", Modifier::Super),
    ("<meta>", Modifier::Alt),
];

/// The keys of all shortcuts that run v2m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortcuts {
    /// The shortcuts' modifiers, without duplicates.
    pub(crate) modifiers: Vec<Modifier>,
    /// xkb's names of the shortcuts' last keys. `None`: not known.
    pub(crate) keys: Option<BTreeSet<String>>,
}

impl Shortcuts {
    /// Returns unknown shortcuts, for settings without a shortcut that runs v2m: any key may be
    /// v2m's.
    pub(crate) fn unknown() -> Self {
        let modifiers = [Modifier::Ctrl, Modifier::Shift, Modifier::Alt, Modifier::Super];
        Self { modifiers: modifiers.to_vec(), keys: None }
    }

    /// Collects the keys of `bindings`.
    fn of(bindings: &[String]) -> Self {
        if bindings.is_empty() {
            return Self::unknown();
        }
        let (mut modifiers, mut keys) = (Vec::new(), BTreeSet::new());
        for binding in bindings {
            let lower = binding.to_lowercase();
            for (name, modifier) in MODIFIERS {
                if lower.contains(name) && !modifiers.contains(&modifier) {
                    modifiers.push(modifier);
                }
            }
            keys.extend(binding.rsplit('>').next().map(|key| key.trim().to_owned()));
        }
        Self { modifiers, keys: Some(keys) }
    }
}

/// The shortcuts that were read last, with the state of the settings at that time.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShortcutCache(Option<(Stamp, Shortcuts)>);

/// Identifies a state of the settings (time of change and inode), because dconf rewrites its file
/// at each change.
type Stamp = (i64, i64, u64);

fn stamp() -> Option<Stamp> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    let file = std::fs::metadata(folder?.join("dconf/user")).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.ino()))
}

impl ShortcutCache {
    /// Returns the shortcuts, and reads them again if the settings have changed. Bounded in time.
    pub(crate) async fn recall(&mut self) -> Shortcuts {
        let now = stamp();
        match (&self.0, now) {
            (Some((then, shortcuts)), Some(now)) if *then == now => return shortcuts.clone(),
            _ => {}
        }
        match timeout(PATIENCE, read()).await {
            Ok(Some(shortcuts)) => {
                self.0 = now.map(|now| (now, shortcuts.clone()));
                shortcuts
            }
            Ok(None) | Err(_) => {
                debug!("GNOME's settings do not tell v2m's shortcut: any key may be one");
                Shortcuts::unknown()
            }
        }
    }
}

/// Reads the shortcuts that run v2m. `None`: the settings cannot be read.
async fn read() -> Option<Shortcuts> {
    let sticky = ["get", STICKY.0, STICKY.1];
    let list = ["get", SCHEMA, LIST];
    let (sticky, list) = tokio::join!(gsettings(&sticky), gsettings(&list));
    let list = list?;
    if sticky.is_some_and(|sticky| sticky.trim() == "true") {
        return Some(Shortcuts { modifiers: Vec::new(), keys: Some(BTreeSet::new()) });
    }
    let mut entries = JoinSet::new();
    for path in strings(&list).into_iter().take(MOST) {
        entries.spawn(async move {
            gsettings(&["list-recursively", &format!("{ENTRY}:{path}")]).await.unwrap_or_default()
        });
    }
    let entries = entries.join_all().await;
    let bindings: Vec<String> = entries.iter().filter_map(|entry| binding(entry)).collect();
    Some(Shortcuts::of(&bindings))
}

/// Finds the binding of an entry that runs v2m, in the output of `gsettings list-recursively`.
fn binding(entry: &str) -> Option<String> {
    let value = |key: &str| {
        let is_it = |line: &&str| line.split(' ').nth(1) == Some(key);
        let line = entry.lines().find(is_it)?;
        strings(line).into_iter().next()
    };
    let is_ours = value("command")?.contains(OURS);
    value("binding").filter(|binding| is_ours && !binding.is_empty())
}

/// Extracts all strings in single quotes. Bindings and paths contain no quotes.
fn strings(value: &str) -> Vec<String> {
    value.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

async fn gsettings(arguments: &[&str]) -> Option<String> {
    // `kill_on_drop` ends it for a cancelled delivery too.
    let asked = Command::new("gsettings").args(arguments).kill_on_drop(true).output().await;
    let output = asked.inspect_err(|error| debug!(%error, "gsettings cannot be run")).ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bindings: &[&str]) -> (Vec<Modifier>, Vec<String>) {
        let bindings: Vec<String> = bindings.iter().map(|text| (*text).to_owned()).collect();
        let shortcuts = Shortcuts::of(&bindings);
        (shortcuts.modifiers, shortcuts.keys.unwrap().into_iter().collect())
    }

    #[test]
    fn every_shortcut_of_ours_counts() {
        use Modifier::{Alt, Ctrl, Super};
        assert_eq!(of(&["<Control><Alt>v"]), (vec![Ctrl, Alt], vec!["v".to_owned()]));
        assert_eq!(of(&["<Primary><Mod1>V", "<Super>F9"]).0, [Ctrl, Alt, Super]);
        assert_eq!(of(&["XF86Launch1"]), (vec![], vec!["XF86Launch1".to_owned()]));
        assert_eq!(Shortcuts::of(&[]), Shortcuts::unknown());
    }

    #[test]
    fn an_entry_is_ours_by_its_command() {
        let entry = |command: &str| {
            let schema = "org.gnome.settings-daemon.plugins.media-keys.custom-keybinding";
            format!(
                "{schema} binding '<Control><Alt>v'\n{schema} command '{command}'\n{schema} name 'x'\n"
            )
        };
        let found = Some("<Control><Alt>v".to_owned());
        assert_eq!(binding(&entry("/usr/local/bin/v2m-send toggle")), found);
        assert_eq!(binding(&entry("gnome-terminal")), None);
        assert_eq!(binding(""), None);
    }

    proptest! {
        #[test]
        fn any_settings_are_read_without_harm(text in "\\PC{0,80}") {
            let _ = binding(&text);
            let _ = Shortcuts::of(&[text]);
        }
    }
}
