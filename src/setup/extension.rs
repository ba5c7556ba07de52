//! Enables GNOME's extension, if it is installed.

use super::dialogue::{Dialogue, Stop};
use super::interrupt;
use super::outcome::Outcome;
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use v2m_messages::tr;

/// Where GNOME Shell looks for extensions, below a data folder.
const FOLDER: &str = "gnome-shell/extensions";
/// Prefix of the identifier of v2m's extension.
const OWN: &str = "v2m@";

/// Offers to enable the extension. Prints nothing if there is none.
pub(super) fn enable(dialogue: &mut Dialogue) -> Result<Outcome, Stop> {
    let Some(name) = installed(&folders()) else {
        dialogue.say(tr!("It is not installed; v2m works without it."));
        return Ok(Outcome::Unneeded);
    };
    let Ok(listed) = gnome_extensions(&["list", "--enabled"]) else {
        dialogue.say(tr!("This is not GNOME Shell."));
        return Ok(Outcome::Unneeded);
    };
    if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line.trim() == name) {
        let state = tr!("{name} is enabled", name);
        dialogue.say(&state);
        return Ok(Outcome::unchanged(state));
    }
    dialogue
        .say(tr!("{name} is installed, and not enabled. It shows the state in the top bar.", name));
    if !dialogue.yes(tr!("Enable it?"), true)? {
        return Err(Stop::Skip);
    }
    let enabled = interrupt::whole(|| gnome_extensions(&["enable", &name]));
    if enabled.is_ok_and(|output| output.status.success()) {
        let state = tr!("{name} is enabled", name);
        let undo = vec![format!("gnome-extensions disable {name}")];
        return Ok(Outcome::Done { state, undo });
    }
    // The running shell knows only the extensions that were installed when it started.
    let state = tr!("log out and in once, then run: gnome-extensions enable {name}", name);
    dialogue.say(&state);
    Ok(Outcome::unchanged(state))
}

/// Returns the data folders in which extensions may be installed: the user's, this installation's,
/// the system's.
fn folders() -> Vec<PathBuf> {
    let own = Xdg::new().ok().map(|dirs| dirs.data_dir());
    let beside = std::env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent).and_then(Path::parent);
    let beside = beside.map(|prefix| prefix.join("share"));
    let system = ["/usr/local/share", "/usr/share"].map(PathBuf::from);
    own.into_iter().chain(beside).chain(system).collect()
}

/// Returns the identifier of v2m's extension in one of these data folders.
fn installed(folders: &[PathBuf]) -> Option<String> {
    folders.iter().find_map(|folder| {
        let entries = std::fs::read_dir(folder.join(FOLDER)).ok()?;
        let mut names =
            entries.flatten().filter(|entry| entry.path().join("metadata.json").is_file());
        names.find_map(|entry| {
            entry.file_name().into_string().ok().filter(|name| name.starts_with(OWN))
        })
    })
}

fn gnome_extensions(arguments: &[&str]) -> std::io::Result<Output> {
    let output = Command::new("gnome-extensions").args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() || arguments[0] == "enable" {
        Ok(output)
    } else {
        Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_found_by_its_name_whichever_it_is() {
        let data = tempfile::tempdir().unwrap();
        let folders = [PathBuf::from("/nowhere"), data.path().to_owned()];
        assert_eq!(installed(&folders), None);
        let below = data.path().join(FOLDER);
        for name in ["other@example.org", "v2m@empty"] {
            std::fs::create_dir_all(below.join(name)).unwrap();
        }
        assert_eq!(installed(&folders), None, "without metadata it is none");
        std::fs::create_dir_all(below.join("v2m@example.org")).unwrap();
        std::fs::write(below.join("v2m@example.org/metadata.json"), "{}").unwrap();
        assert_eq!(installed(&folders).as_deref(), Some("v2m@example.org"));
    }
}
