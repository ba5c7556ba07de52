//! Socket units that v2m opens when it first needs the programs behind them, and closes when the
//! settings no longer name these.
//!
//! The programs (`v2m-llm`, `v2m-remote`) use the network, so nothing should be able to start them
//! unless they are configured. Unlike `v2m.socket`, their sockets are therefore not enabled at
//! installation. systemctl does the work: it waits for the result, reports errors, and needs no
//! session bus.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{debug, info};
use v2m_messages::tr;

/// Time limit; systemd takes some milliseconds.
const BOUND: Duration = Duration::from_secs(5);

/// A program behind its own socket.
#[derive(Debug)]
pub struct SocketUnit {
    /// Name of the socket's unit.
    pub name: &'static str,
    /// Environment variable for a socket elsewhere, which v2m does not manage.
    pub variable: &'static str,
    /// Returns the path of the socket.
    pub path: fn() -> Option<PathBuf>,
}

/// `v2m-llm`, which sends requests to language models.
pub static LLM: SocketUnit = SocketUnit {
    name: "v2m-llm.socket",
    variable: "V2M_LLM_SOCKET",
    path: v2m_ipc::llm::socket_path,
};

/// `v2m-remote`, which sends sound to a recogniser on a server.
pub static REMOTE: SocketUnit = SocketUnit {
    name: "v2m-remote.socket",
    variable: "V2M_REMOTE_SOCKET",
    path: v2m_ipc::remote::socket_path,
};

/// Why the connection failed.
#[derive(Debug)]
pub enum Unconnected {
    /// Nothing listens there, and the socket could not be opened, for the second reason.
    Nobody(io::Error, String),
    /// Another user's process listens there.
    Foreign,
    /// The owner of the listening process is unknown.
    Lost(io::Error),
}

impl SocketUnit {
    /// Returns the command for the user if v2m cannot open the socket.
    pub fn start_command(&self) -> String {
        format!("systemctl --user start {}", self.name)
    }

    /// Connects to the socket, and opens it first if necessary.
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
    /// systemd's reason, in words.
    async fn open(&self) -> Result<(), String> {
        self.systemctl("start").await?;
        info!("{} is open: the program behind it is to be asked", self.name);
        Ok(())
    }

    /// Closes the socket, if there is one, and ends the program behind it. For settings that do not
    /// use it.
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
