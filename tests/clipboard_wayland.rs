//! The clipboard on a real compositor that has data-control. One test: it changes WAYLAND_DISPLAY,
//! which only a process without other threads may do.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use v2m::deliver::Clipboard;

const WORDS: &str = "Grüße — “€5” ñ 日";

const NOBODY: u32 = 65534;

/// Headless sway, in a runtime directory of its own.
struct Compositor {
    process: Child,
    runtime: tempfile::TempDir,
    display: String,
}

impl Compositor {
    fn start() -> Self {
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

    fn paste(&self) -> String {
        let output = Command::new("timeout")
            .args(["10", "wl-paste", "--no-newline"])
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("WAYLAND_DISPLAY", &self.display)
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

fn set(pairs: &[(&str, PathBuf)]) {
    for (name, value) in pairs {
        // SAFETY: the only other thread of this test's process is libtest's, which waits for this one.
        unsafe { std::env::set_var(name, value) };
    }
}

#[tokio::test]
async fn the_clipboard_of_a_compositor_with_data_control() {
    let compositor = Compositor::start();
    set(&[
        ("XDG_RUNTIME_DIR", compositor.runtime.path().to_owned()),
        ("WAYLAND_DISPLAY", compositor.display.clone().into()),
        // Both are set in a GNOME or KDE session; this one leads nowhere, so it was not used.
        ("DISPLAY", ":987".into()),
    ]);
    let mut clipboard = Clipboard::new();
    let first = clipboard.deliver(WORDS).await;
    assert!(first.ok, "{}", first.detail);
    assert_eq!(compositor.paste(), WORDS);
    let long = WORDS.repeat(4000);
    assert!(clipboard.deliver(&long).await.ok);
    assert_eq!(compositor.paste(), long);

    drop(compositor);
    let gone = clipboard.deliver("gone").await;
    assert!(!gone.ok);
    assert!(gone.detail.contains("WAYLAND_DISPLAY="), "{}", gone.detail);
}
