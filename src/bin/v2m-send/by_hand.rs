//! Commands typed in a terminal. The text is printed there. With `deliver.mode = "auto"` it is not
//! also pasted there: it would appear at the next prompt, and the shell would run its lines.

use std::io::{IsTerminal, stderr, stdin, stdout};
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, Deliver, Wishes};

/// Returns the command to send. A shortcut's command has no terminal and stays unchanged.
pub(crate) fn considered(command: Command) -> Command {
    if !prints_a_text(&command) || !is_by_hand() {
        return command;
    }
    match mode().as_deref() {
        Some("auto") => copied(command),
        _ => command,
    }
}

/// Whether a user typed the command in a terminal. A compositor that was started from a console
/// passes its terminal on to the commands of its shortcuts, but starts them in a session without a
/// controlling terminal.
pub(crate) fn is_by_hand() -> bool {
    let shows = stdin().is_terminal() || stdout().is_terminal() || stderr().is_terminal();
    shows && std::fs::File::open("/dev/tty").is_ok()
}

/// Whether the answer may be a text that goes to the configured destination.
fn prints_a_text(command: &Command) -> bool {
    match command {
        Command::ToggleRecording(wishes) | Command::StopRecording(wishes) => {
            wishes.deliver.is_none()
        }
        _ => false,
    }
}

/// Returns the same command, with the text copied to the clipboard.
fn copied(command: Command) -> Command {
    let copied = |wishes| Wishes { deliver: Some(Deliver::Clipboard), ..wishes };
    match command {
        Command::ToggleRecording(wishes) => Command::ToggleRecording(copied(wishes)),
        Command::StopRecording(wishes) => Command::StopRecording(copied(wishes)),
        other => other,
    }
}

/// Returns the setting `deliver.mode`; `None` if the service does not report it. The request for
/// the text then reports why.
fn mode() -> Option<String> {
    let (answer, _) = Client::connect().ok()?.request_raw(&Command::GetConfig).ok()?;
    answer.data["config"]["deliver"]["mode"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_presses_without_a_place_of_their_own_are_copied() {
        let wishes = |deliver| Wishes { deliver, ..Wishes::default() };
        let (none, typed) = (wishes(None), wishes(Some(Deliver::Type)));
        for press in [Command::ToggleRecording, Command::StopRecording] {
            assert!(prints_a_text(&press(none.clone())));
            assert!(!prints_a_text(&press(typed.clone())));
            assert_eq!(copied(press(none.clone())), press(wishes(Some(Deliver::Clipboard))));
        }
        assert!(!prints_a_text(&Command::StartRecording(none)));
        assert!(!prints_a_text(&Command::LastText));
    }
}
