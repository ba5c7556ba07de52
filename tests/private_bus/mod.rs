//! A session bus of a test's own, gone when the test is.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A running `dbus-daemon`.
pub struct PrivateBus {
    daemon: Child,
    directory: Arc<TempDir>,
    /// What `DBUS_SESSION_BUS_ADDRESS` would be.
    pub address: String,
}

impl PrivateBus {
    /// Starts it; it listens when this returns.
    pub fn start() -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Ends it, and starts another one at the same address.
    pub fn restart(&mut self) {
        self.end();
        *self = Self::start_in(Arc::clone(&self.directory));
    }

    fn start_in(directory: Arc<TempDir>) -> Self {
        let listen = format!("--address=unix:path={}/bus", directory.path().display());
        let _ = std::fs::remove_file(directory.path().join("bus"));
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1", &listen])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed (package dbus)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(address.starts_with("unix:"), "dbus-daemon printed {address:?}");
        Self { daemon, directory, address }
    }

    /// A connection as some other program would have it.
    pub async fn connect(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.address.as_str()).build().await.unwrap()
    }

    fn end(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        self.end();
    }
}
