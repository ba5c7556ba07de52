//! Tests GNOME's portals as a sandboxed v2m sees them: without Mutter's own interface, with GNOME's
//! real dialog, and with the portal's clipboard.
//!
//! Needs a GNOME with these portals (48 here), so `gnome-48.sh` runs it.

use crate::gnome::desktop::{Desktop, key};
use crate::lab::{Lab, wait_for};
use std::process::{Child, Command};
use v2m::deliver::{DeliveryOptions, Sinks, way_to_the_cursor};
use v2m::session::{DeliverMode, Delivery};

const WORDS: &str = "Grüße — “€5” ñ 日 ¿qué? 😀\n";
const TEXT: &str = "text/plain;charset=utf-8";
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// A session bus with only the portals, as Flatpak provides it, instead of this process's own.
struct Sandbox {
    proxy: Child,
    outside: String,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    fn enter() -> Self {
        let (outside, folder) = (std::env::var(BUS).unwrap(), tempfile::tempdir().unwrap());
        let socket = folder.path().join("bus");
        let proxy = Command::new("xdg-dbus-proxy")
            .args([outside.as_str(), socket.to_str().unwrap()])
            .args(["--filter", "--talk=org.freedesktop.portal.*"])
            .spawn()
            .unwrap();
        wait_for("the proxy of the bus", || socket.exists().then_some(()));
        set(BUS, &format!("unix:path={}", socket.display()));
        Self { proxy, outside, _folder: folder }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        set(BUS, &self.outside);
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn set(name: &str, value: &str) {
    // SAFETY: one test runs at a time, and the remaining threads of this process read variables
    // only through std.
    unsafe { std::env::set_var(name, value) };
}

fn paste(desktop: &Desktop, sinks: &mut Sinks, text: &str) -> Delivery {
    let wanted = DeliveryOptions { mode: DeliverMode::Paste, ..DeliveryOptions::default() };
    desktop.runtime.block_on(sinks.hand_over(text, &wanted)).remove(0)
}

#[test]
fn the_desktop_asks_once_and_texts_arrive_from_the_yes_on() {
    let (_lab, desktop) = (Lab::new(), Desktop::new());
    // Before the sandbox: programs that start later would use its bus.
    let window = desktop.window(true);
    let _sandbox = Sandbox::enter();
    let named = desktop.runtime.block_on(way_to_the_cursor()).unwrap();
    assert!(named.starts_with("portal, with the portal's clipboard; the desktop asks"), "{named}");
    let mut sinks = Sinks::new();
    for _ in 0..2 {
        let Delivery { ok, detail, .. } = paste(&desktop, &mut sinks, WORDS);
        assert!(!ok && detail.contains("the desktop asks whether"), "{detail}");
    }
    wait_for("GNOME's question", || (!window.is_active()).then_some(()));
    // "Allow Remote Interaction", and "Share".
    for letter in [key::I, key::S] {
        desktop.press(&[key::ALT, letter]);
    }
    wait_for("the end of the question", || window.is_active().then_some(()));
    desktop.copy("before");
    let mut expected = String::new();
    for number in 0..20 {
        let text = format!("{number}: {WORDS}");
        let delivery = paste(&desktop, &mut sinks, &text);
        assert!(delivery.ok, "{number}: {delivery:?}");
        expected += &text;
    }
    desktop.runtime.block_on(sinks.settle());
    assert_eq!(window.wait_for("all texts", |text| text.len() >= expected.len()), expected);
    // Like v2m's loop, this serves the clipboard.
    let formats = || desktop.clipboard(TEXT);
    assert_eq!(serving(&desktop, formats).as_deref(), Some(&b"before"[..]));

    // v2m restarts, and the user is not asked again.
    drop(sinks);
    let mut sinks = Sinks::new();
    let delivery = paste(&desktop, &mut sinks, WORDS);
    assert!(delivery.ok, "{delivery:?}");
    desktop.runtime.block_on(sinks.settle());

    // A picture is restored too; it is larger than the buffer of a pipe.
    let picture: Vec<u8> =
        b"\x89PNG\r\n\x1a\n".iter().copied().chain((0..3_000_000u32).map(|i| i as u8)).collect();
    let _editor = desktop.copy_all(&[("image/png", &picture)]);
    let delivery = paste(&desktop, &mut sinks, WORDS);
    assert!(delivery.ok, "{delivery:?}");
    desktop.runtime.block_on(sinks.settle());
    let read = || desktop.clipboard("image/png").filter(|read| *read == picture);
    assert!(serving(&desktop, read).is_some(), "the picture has changed");
    // Typing by hand shows that no key is still held.
    desktop.press(&[key::CTRL, key::A]);
    desktop.press(&[key::DELETE]);
    window.wait_for("an empty window", str::is_empty);
}

/// Calls `ask` on another thread, while v2m's loop runs on this one.
fn serving<T: Send>(desktop: &Desktop, ask: impl Fn() -> Option<T> + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let (tell, mut told) = tokio::sync::oneshot::channel();
        scope.spawn(move || {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
            let mut answer = ask();
            while answer.is_none() && std::time::Instant::now() < until {
                std::thread::sleep(std::time::Duration::from_millis(700));
                answer = ask();
            }
            let _ = tell.send(answer);
        });
        desktop.runtime.block_on(&mut told).unwrap()
    })
}
