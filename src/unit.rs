//! Socket units that v2m opens when it first needs the program behind them, and closes when the
//! settings do not name it any more.
//!
//! These programs (`v2m-llm`, `v2m-remote`) have a network, so unless they are set up nothing should
//! be able to start them. Their sockets are therefore not enabled at installation, as `v2m.socket`
//! is. systemctl does the work: it waits for the outcome, says what went wrong, and needs no session
//! bus.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{debug, info};
use v2m_messages::tr;

/// systemd takes some milliseconds.
const BOUND: Duration = Duration::from_secs(5);

/// A program behind a socket of its own.
#[derive(Debug)]
pub struct SocketUnit {
    /// The unit of its socket.
    pub name: &'static str,
    /// The variable that names a socket at another place, which somebody else looks after.
    pub variable: &'static str,
    /// Where the socket is.
    pub path: fn() -> Option<PathBuf>,
}

/// `v2m-llm`, which asks language models.
pub static LLM: SocketUnit = SocketUnit {
    name: "v2m-llm.socket",
    variable: "V2M_LLM_SOCKET",
    path: v2m_ipc::llm::socket_path,
};

/// `v2m-remote`, which asks a recogniser on a server.
pub static REMOTE: SocketUnit = SocketUnit {
    name: "v2m-remote.socket",
    variable: "V2M_REMOTE_SOCKET",
    path: v2m_ipc::remote::socket_path,
};

/// Why a socket is not connected to.
#[derive(Debug)]
pub enum Unconnected {
    /// Nobody listens there, and it could not be opened, for the second reason.
    Nobody(io::Error, String),
    /// Another user's process listens there.
    Foreign,
    /// Whose process it is cannot be told.
    Lost(io::Error),
}

impl SocketUnit {
    /// What a user runs if v2m cannot.
    pub fn start_command(&self) -> String {
        format!("systemctl --user start {}", self.name)
    }

    /// Connects, to a socket that is opened first if need be.
    ///
    /// # Errors
    /// [`Unconnected`].
    pub async fn connect(&self, path: &Path) -> Result<UnixStream, Unconnected> {
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(_) => {
                let opened = self.open().await;
                UnixStream::connect(path).await.map_err(|source| {
                    let opened = opened.err();
                    let is_open = || tr!("systemd says it is open").to_owned();
                    Unconnected::Nobody(source, opened.unwrap_or_else(is_open))
                })?
            }
        };
        let peer = stream.peer_cred().map_err(Unconnected::Lost)?;
        let own = rustix::process::geteuid().as_raw();
        if peer.uid() == own { Ok(stream) } else { Err(Unconnected::Foreign) }
    }

    /// Opens the socket.
    ///
    /// # Errors
    /// Why systemd does not, in words.
    async fn open(&self) -> Result<(), String> {
        self.systemctl("start").await?;
        info!("{} is open: the program behind it is to be asked", self.name);
        Ok(())
    }

    /// Closes the socket, if there is one, and ends the program behind it. For settings that do not
    /// name it.
    pub async fn close(&self) {
        if !(self.path)().is_some_and(|path| path.exists()) {
            return;
        }
        match self.systemctl("stop").await {
            Ok(()) => info!("{} is closed: the settings do not need it", self.name),
            Err(error) => debug!(error, "{} stays as it is: {error}", self.name),
        }
    }

    async fn systemctl(&self, verb: &str) -> Result<(), String> {
        let variable = self.variable;
        if std::env::var_os(variable).is_some_and(|path| !path.is_empty()) {
            return Err(tr!("{variable} names a socket that is not systemd's", variable));
        }
        let mut command = Command::new("systemctl");
        command.args(["--user", "--no-ask-password", verb, self.name]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let run = timeout(BOUND, command.output()).await;
        let seconds = BOUND.as_secs();
        let output = run.map_err(|_| tr!("systemctl has not answered for {seconds} s", seconds))?;
        let output = output.map_err(|error| tr!("systemctl cannot be run: {error}", error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        Err(if said.is_empty() { format!("systemctl: {}", output.status) } else { said })
    }
}
