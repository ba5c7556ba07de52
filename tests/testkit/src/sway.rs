//! A private Wayland compositor without a screen: headless sway.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NOBODY: u32 = 65534;

/// Headless sway, in a private runtime directory.
pub struct Compositor {
    process: Child,
    /// The value for `XDG_RUNTIME_DIR`.
    pub runtime: tempfile::TempDir,
    /// The value for `WAYLAND_DISPLAY`.
    pub display: String,
}

impl Compositor {
    /// Starts the compositor, which listens when this returns.
    pub fn start() -> Self {
        let runtime = tempfile::tempdir().unwrap();
        let config = runtime.path().join("sway.conf");
        std::fs::write(&config, "xwayland disable\n").unwrap();
        std::fs::set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
        let mut sway = Command::new("sway");
        if rustix::process::geteuid().is_root() {
            // sway refuses to run as root.
            std::os::unix::fs::chown(runtime.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            sway.uid(NOBODY).gid(NOBODY);
        }
        let process = sway
            .arg("-c")
            .arg(&config)
            .env("XDG_RUNTIME_DIR", runtime.path())
            .env("SWAYSOCK", runtime.path().join("sway.sock"))
            .env("WLR_BACKENDS", "headless")
            .env("WLR_RENDERER", "pixman")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sway is installed (package sway)");
        let mut compositor = Self { process, runtime, display: String::new() };
        compositor.display = compositor.listening();
        compositor
    }

    /// Waits for sway's socket. Its lock file appears first; the socket exists once sway listens.
    fn listening(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(name) = socket_in(self.runtime.path()) {
                return name;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "sway did not start: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns a command on this display that fails if it takes longer than ten seconds.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "10", program]);
        self.enter(&mut command);
        command
    }

    /// Sets the display of a command.
    pub fn enter(&self, command: &mut Command) {
        command
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("WAYLAND_DISPLAY", &self.display)
            .env_remove("DISPLAY");
    }

    /// Returns sway's answer to a query of its IPC.
    pub fn ask(&self, question: &str) -> String {
        let mut swaymsg = self.command("swaymsg");
        swaymsg.env("SWAYSOCK", self.runtime.path().join("sway.sock")).args(["-t", question]);
        String::from_utf8(swaymsg.output().unwrap().stdout).unwrap()
    }

    /// Runs a sway command.
    pub fn tell(&self, words: &str) {
        let mut swaymsg = self.command("swaymsg");
        swaymsg.env("SWAYSOCK", self.runtime.path().join("sway.sock")).arg(words);
        let told = swaymsg.output().unwrap();
        assert!(told.status.success(), "{words}: {}", String::from_utf8_lossy(&told.stdout));
    }

    /// Reads the clipboard as a program does; fails if there is no text.
    pub fn paste(&self) -> String {
        let output = self
            .command("wl-paste")
            .arg("--no-newline")
            .output()
            .expect("wl-paste is installed (package wl-clipboard)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Compositor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn socket_in(runtime: &Path) -> Option<String> {
    let names = std::fs::read_dir(runtime).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).find(|name| {
        let lock = name.ends_with(".lock");
        name.starts_with("wayland-") && !lock
    })
}
