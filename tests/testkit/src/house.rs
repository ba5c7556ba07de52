//! A private environment for a program that systemd starts for its socket: folders, a
//! configuration, keys, and the client's end of the socket.

use crate::wait_for;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any step takes on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The environment of a program that has not been started yet.
pub struct House {
    directory: TempDir,
    listener: UnixListener,
    executable: &'static str,
    variables: Vec<(String, OsString)>,
    args: Vec<String>,
}

impl House {
    pub fn new(executable: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["home", "config/v2m"] {
            fs::create_dir_all(directory.path().join(folder)).unwrap();
        }
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        Self { directory, listener, executable, variables: Vec::new(), args: Vec::new() }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|&arg| arg.to_owned()).collect();
        self
    }

    /// Creates a file of the user with this mode.
    pub fn file(self, below: &str, text: &str, mode: u32) -> Self {
        self.write(below, text, mode);
        self
    }

    pub fn write(&self, below: &str, text: &str, mode: u32) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Replaces the configuration atomically.
    pub fn configure(&self, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path("config/v2m/config.toml")).unwrap();
    }

    /// Stores the key for the host of `url`, as a user does, in a file with this mode.
    pub fn give_key(&self, url: &str, key: &str, mode: u32) {
        let (_, rest) = url.split_once("://").unwrap();
        let host = rest.split('/').next().unwrap();
        self.write(&format!("config/v2m/keys/{host}"), key, mode);
    }

    /// Connects. The program need not run yet: systemd starts it for a waiting connection.
    pub fn stream(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path("socket")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn start(self) -> Program {
        Program { process: self.spawn(), house: self }
    }

    fn spawn(&self) -> Child {
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        let mut command = Command::new("sh");
        command
            // The socket arrives as standard input and is passed on as the first socket-activation
            // descriptor.
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null"])
            .arg(self.executable)
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("V2M_LOG", "debug")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(OwnedFd::from(self.listener.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().unwrap()
    }
}

/// A running program.
pub struct Program {
    pub process: Child,
    pub house: House,
}

impl Program {
    pub fn log(&self) -> String {
        fs::read_to_string(self.house.path("log")).unwrap_or_default()
    }

    /// Starts the program again after its end, as systemd does.
    pub fn again(&mut self) {
        self.process = self.house.spawn();
    }

    /// Waits until the program exits by itself.
    pub fn end(&mut self) -> ExitStatus {
        wait_for("its end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
