//! A compositor of a test's own, without a screen to be seen: headless sway.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NOBODY: u32 = 65534;

/// Headless sway, in a runtime directory of its own.
pub struct Compositor {
    process: Child,
    /// What `XDG_RUNTIME_DIR` would be.
    pub runtime: tempfile::TempDir,
    /// What `WAYLAND_DISPLAY` would be.
    pub display: String,
}

impl Compositor {
    /// Starts it; it listens when this returns.
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

    /// The lock beside the socket appears first; the socket is there once sway listens.
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

    /// A command with its display, which fails when it takes longer than ten seconds.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "10", program]);
        self.enter(&mut command);
        command
    }

    /// Gives a command its display.
    pub fn enter(&self, command: &mut Command) {
        command
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("WAYLAND_DISPLAY", &self.display)
            .env_remove("DISPLAY");
    }

    /// What sway answers to one of its own questions.
    pub fn ask(&self, question: &str) -> String {
        let mut swaymsg = self.command("swaymsg");
        swaymsg.env("SWAYSOCK", self.runtime.path().join("sway.sock")).args(["-t", question]);
        String::from_utf8(swaymsg.output().unwrap().stdout).unwrap()
    }

    /// Has sway do something, in its own words.
    pub fn tell(&self, words: &str) {
        let mut swaymsg = self.command("swaymsg");
        swaymsg.env("SWAYSOCK", self.runtime.path().join("sway.sock")).arg(words);
        let told = swaymsg.output().unwrap();
        assert!(told.status.success(), "{words}: {}", String::from_utf8_lossy(&told.stdout));
    }

    /// What any program would read from the clipboard; fails if there is no text.
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
