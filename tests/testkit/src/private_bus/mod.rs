//! A private session bus, which ends with the test.

mod gate;

pub use gate::Gate;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// The configuration of a usual session bus, without the services that the machine would start on
/// demand.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>POLICY
  </policy>
</busconfig>"#;

/// A running `dbus-daemon`.
pub struct PrivateBus {
    daemon: Child,
    directory: Arc<TempDir>,
    /// The value for `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
}

impl PrivateBus {
    /// Starts a bus, which listens when this returns.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a bus with further rules in its configuration.
    pub fn start_with(policy: &str) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), policy)
    }

    /// Ends the bus.
    pub fn stop(&mut self) {
        self.end();
    }

    /// Ends the bus, and starts another one at the same address.
    pub fn restart(&mut self) {
        self.end();
        *self = Self::start_in(Arc::clone(&self.directory), "");
    }

    fn start_in(directory: Arc<TempDir>, policy: &str) -> Self {
        let config = directory.path().join("bus.conf");
        let socket = directory.path().join("bus");
        let _ = std::fs::remove_file(&socket);
        let text = CONFIG.replace("SOCKET", socket.to_str().unwrap()).replace("POLICY", policy);
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1", "--config-file"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed (package dbus)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        // Without the guid, as systemd's dbus.socket gives it: the next bus at this address has
        // another one.
        let address = address.split(',').next().unwrap().trim().to_owned();
        assert!(address.starts_with("unix:"), "dbus-daemon printed {address:?}");
        Self { daemon, directory, address }
    }

    /// Returns a builder with which another program connects.
    pub fn builder(&self) -> zbus::connection::Builder<'static> {
        zbus::connection::Builder::address(self.address.as_str())
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
