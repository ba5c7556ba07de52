//! Selects a terminal for programs that are started from the desktop.
//!
//! There is no standard for this yet. xdg-terminal-exec, which follows the proposed one, knows the
//! user's choice; otherwise the first installed one of these is used, desktops' own terminals
//! first.
//! first.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use v2m_messages::tr;

/// Programs, each with the arguments before the command to run.
const TERMINALS: [(&str, &[&str]); 15] = [
    ("xdg-terminal-exec", &[]),
    ("ptyxis", &["--new-window", "--"]),
    ("kgx", &["--"]),
    ("gnome-terminal", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("mate-terminal", &["-x"]),
    ("qterminal", &["-e"]),
    ("foot", &[]),
    ("kitty", &[]),
    ("alacritty", &["-e"]),
    ("wezterm", &["start", "--"]),
    ("x-terminal-emulator", &["-e"]),
    ("urxvt", &["-e"]),
    ("xterm", &["-e"]),
];

/// A terminal that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    program: PathBuf,
    before: &'static [&'static str],
}

impl Terminal {
    /// Returns the terminal to use, found in `PATH`; `None` if none is installed.
    pub fn find() -> Option<Self> {
        Self::in_folders(&std::env::var_os("PATH").unwrap_or_default())
    }

    fn in_folders(path: &OsStr) -> Option<Self> {
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        TERMINALS.iter().find_map(|(name, before)| {
            let mut places = folders.iter().map(|folder| folder.join(name));
            places.find(|place| is_program(place)).map(|program| Self { program, before })
        })
    }

    /// Returns the command that runs `program` with these arguments in the terminal.
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.before).arg(OsString::from(program)).args(arguments);
        command
    }
}

/// Runs v2m with these arguments in a new terminal, in place of this process.
///
/// Returns only on failure, with the reason: there is no terminal, or it cannot be started.
pub fn show(arguments: &[&str]) -> String {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return tr!("finding v2m's own program: {error}", error),
    };
    // Without the options after the command: they are for a terminal that v2m opens.
    let command = arguments.first().copied().unwrap_or_default();
    match Terminal::find() {
        Some(terminal) => {
            let error = terminal.command(&program, arguments).exec();
            tr!(
                "starting a terminal: {error}. Open one, and run in it: v2m {command}",
                error,
                command
            )
        }
        None => tr!(
            "no terminal is installed that v2m knows. Open one, and run in it: v2m {command}",
            command
        ),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_choice_goes_before_what_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(Terminal::in_folders(&path), None);
        let install = |name: &str, mode| {
            let program = folder.path().join(name);
            std::fs::write(&program, "").unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        install("xterm", 0o755);
        // Not a program.
        install("foot", 0o644);
        let found = Terminal::in_folders(&path).unwrap();
        let command = found.command(Path::new("/usr/bin/v2m"), &["setup"]);
        assert!(command.get_program().to_str().unwrap().ends_with("/xterm"));
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["-e", "/usr/bin/v2m", "setup"]);
        install("xdg-terminal-exec", 0o755);
        let found = Terminal::in_folders(&path).unwrap();
        let command = found.command(Path::new("/usr/bin/v2m"), &["setup"]);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["/usr/bin/v2m", "setup"]);
    }
}
