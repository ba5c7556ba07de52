//! Enables and starts the service's socket, and checks that the service answers.

use super::dialogue::{Dialogue, Stop};
use super::interrupt;
use super::outcome::{Lack, Outcome};
use std::process::{Command, Stdio};
use v2m_ipc::client::Client;
use v2m_ipc::message::Command as Request;
use v2m_messages::tr;

/// The socket's state according to the user manager.
#[derive(Debug, PartialEq, Eq)]
enum Socket {
    Listening,
    /// It listens until the session ends, but not after the next login: the output of `is-enabled`.
    NotEnabled(String),
    /// Not listening, in this state.
    Closed(String),
    /// There is no user manager, for this reason.
    NoManager(String),
}

/// Enables and starts the socket, and makes sure that the service answers.
pub(super) fn start(dialogue: &mut Dialogue) -> Result<Outcome, Stop> {
    let mut undo = Vec::new();
    let socket = socket();
    match &socket {
        Socket::Listening => {}
        Socket::Closed(_) | Socket::NotEnabled(_) => {
            dialogue.say(match &socket {
                Socket::NotEnabled(state) => tr!(
                    "v2m.socket is listening, but {state}: it does not listen after the next login.",
                    state
                ),
                Socket::Closed(state) => tr!(
                    "v2m.socket is {state}. The first press starts the service through it.",
                    state
                ),
                Socket::Listening | Socket::NoManager(_) => String::new(),
            });
            if !dialogue.yes(tr!("Enable it now, and at each login?"), true)? {
                return Err(Stop::Skip);
            }
            if let Err(problem) = interrupt::whole(enable) {
                let why = tr!(
                    "v2m.socket cannot be enabled: {problem}. See: systemctl --user status v2m.socket",
                    problem
                );
                dialogue.say(&why);
                return Ok(Outcome::missing(Lack::Service, why));
            }
            // It keeps listening if it did before.
            let undone = match socket {
                Socket::NotEnabled(_) => "systemctl --user disable v2m.socket",
                _ => "systemctl --user disable --now v2m.socket",
            };
            undo.push(undone.to_owned());
        }
        // Something else may have opened the socket: systemd-socket-activate, or a container.
        Socket::NoManager(why) => {
            if answers().is_err() {
                let why = tr!(
                    "no systemd user manager answers ({why}). Log in to the desktop, not through su or ssh, and \
                     run `v2m setup` there",
                    why
                );
                dialogue.say(&why);
                return Ok(Outcome::missing(Lack::Service, why));
            }
        }
    }
    match answers() {
        Ok(()) => {
            let state = match socket {
                Socket::NoManager(_) => tr!("the service answers"),
                _ => tr!("v2m.socket is listening, and the service answers"),
            };
            dialogue.say(state);
            Ok(Outcome::Done { state: state.to_owned(), undo })
        }
        Err(problem) => {
            let why = tr!(
                "the service does not start: {problem}. See why: journalctl --user -u v2m -n 20",
                problem
            );
            dialogue.say(&why);
            Ok(Outcome::missing(Lack::Service, why))
        }
    }
}

/// Checks that the service answers. Connecting starts it, if its socket is open.
pub(super) fn answers() -> Result<(), String> {
    let asked = Client::connect().and_then(|mut client| client.request(&Request::Ping));
    asked.map(drop).map_err(|error| error.to_string())
}

fn socket() -> Socket {
    match asked("is-active") {
        Err(error) => Socket::NoManager(tr!("systemctl: {error}", error)),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            match said.as_str() {
                "active" => enabled(),
                "" => Socket::NoManager(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
                _ => Socket::Closed(said),
            }
        }
    }
}

/// Returns whether a listening socket is started at each login.
fn enabled() -> Socket {
    let Ok(output) = asked("is-enabled") else { return Socket::Listening };
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match said.as_str() {
        "disabled" | "enabled-runtime" | "linked" | "linked-runtime" => Socket::NotEnabled(said),
        // Enabled; or a kind that cannot be, in which case somebody has arranged it differently.
        _ => Socket::Listening,
    }
}

/// Queries the user manager about the socket.
fn asked(verb: &str) -> std::io::Result<std::process::Output> {
    Command::new("systemctl").args(["--user", verb, "v2m.socket"]).env("LC_ALL", "C.UTF-8").output()
}

fn enable() -> Result<(), String> {
    let output = Command::new("systemctl")
        .args(["--user", "enable", "--now", "v2m.socket"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))
}
