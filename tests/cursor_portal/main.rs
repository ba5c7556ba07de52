//! Tests pasting at the cursor through the portals, with a double of xdg-desktop-portal on a
//! private bus.
//!
//! `tests/system/kde.sh` tests what only the real portal shows.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod auto;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use v2m::deliver::{DeliveryOptions, PasteKeys, Sinks, way_to_the_cursor};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::portal::{HANGS, Portal, User};
use v2m_testkit::private_bus::PrivateBus;

const WORDS: &str = "Grüße — “€5” ñ 日 😀";
const TEXT: &str = "text/plain;charset=utf-8";
const MUTTER: &str = "org.gnome.Mutter.RemoteDesktop";

/// The bus is found by environment variables of the process, so only one test runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Desktop {
    // Fields are dropped in this order.
    sinks: Sinks,
    runtime: Runtime,
    portal: Portal,
    bus: PrivateBus,
    state: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Desktop {
    fn start() -> Self {
        Self::on(PrivateBus::start)
    }

    fn on(start: impl FnOnce() -> PrivateBus) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (bus, state) = (start(), tempfile::tempdir().unwrap());
        let variables: [(&str, &Path); 3] = [
            ("DBUS_SESSION_BUS_ADDRESS", bus.address.as_ref()),
            ("DBUS_SYSTEM_BUS_ADDRESS", bus.address.as_ref()),
            ("XDG_STATE_HOME", state.path()),
        ];
        // SAFETY: the other tests wait for the guard above, and the threads of an earlier one are
        // idle or have ended. The rest of this process reads variables only through std, which
        // locks them.
        unsafe {
            std::env::remove_var("DISPLAY");
            std::env::remove_var("WAYLAND_DISPLAY");
            for (name, value) in variables {
                std::env::set_var(name, value);
            }
        }
        let portal = Portal::start(&bus.address);
        portal.state().window = true;
        portal.copy(&[(TEXT, b"before")]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { sinks: Sinks::new(), runtime, portal, bus, state, _alone: alone }
    }

    /// Pastes a text, and returns its delivery.
    fn paste(&mut self, text: &str) -> Delivery {
        // Only the usual keys, so that the programs of this machine make no difference.
        let keys = PasteKeys { usual: "ctrl+v".parse().ok(), ..PasteKeys::default() };
        let wanted =
            DeliveryOptions { mode: DeliverMode::Paste, keys, ..DeliveryOptions::default() };
        self.runtime.block_on(self.sinks.hand_over(text, &wanted)).remove(0)
    }

    fn pastes(&mut self, text: &str) {
        let pasted = Delivery {
            by: "paste",
            backend: Some("portal"),
            ok: true,
            detail: "pasted".to_owned(),
        };
        assert_eq!(self.paste(text), pasted);
        // Another thread reads the pipe.
        self.wait_for("the text in the window", |desktop| {
            desktop.portal.state().pasted.last().is_some_and(|last| last == text)
        });
    }

    /// Asserts that a text is not pasted, for a reason that contains `why`.
    fn refuses(&mut self, why: &str) {
        let Delivery { by, ok, detail, .. } = self.paste(WORDS);
        assert!(by == "paste" && !ok && detail.contains(why), "{detail}");
    }

    /// Waits for a condition while v2m's tasks run.
    fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        }
    }

    fn settle(&mut self) {
        self.runtime.block_on(self.sinks.settle());
    }

    /// Reads the clipboard as a program does. If v2m owns the content, v2m serves it.
    fn clipboard(&self, format: &str) -> Vec<u8> {
        let read = self.portal.read(format);
        let read = async { tokio::time::timeout(Duration::from_secs(20), read).await };
        self.runtime.block_on(read).expect("the clipboard is served").unwrap()
    }

    /// Restarts v2m.
    fn restart_v2m(&mut self) {
        self.sinks = Sinks::new();
    }

    fn token(&self) -> PathBuf {
        self.state.path().join("v2m/remote-desktop-token")
    }

    fn restored(&self) -> Vec<Option<String>> {
        self.portal.state().restored.clone()
    }

    fn asked(&self) -> usize {
        self.portal.state().asked
    }
}

/// Clipboard managers do not keep a text with this mark.
#[test]
fn a_sensitive_text_is_offered_with_the_mark_that_clipboard_managers_heed() {
    let mut desktop = Desktop::start();
    for is_sensitive in [false, true] {
        let keys = PasteKeys { usual: "ctrl+v".parse().ok(), ..PasteKeys::default() };
        let wanted = DeliveryOptions {
            mode: DeliverMode::Paste,
            keys,
            is_sensitive,
            ..DeliveryOptions::default()
        };
        assert!(desktop.runtime.block_on(desktop.sinks.hand_over(WORDS, &wanted))[0].ok);
        // v2m's tasks do not run until the next call, so the text is still offered.
        let formats = desktop.portal.formats();
        assert!(formats.iter().any(|format| format == TEXT), "{formats:?}");
        let is_marked = formats.iter().any(|format| format == "x-kde-passwordManagerHint");
        assert_eq!(is_marked, is_sensitive, "{formats:?}");
        desktop.settle();
    }
}

#[test]
fn keys_wait_until_the_shortcut_is_usually_up() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    let pressed = Instant::now();
    let keys = PasteKeys { usual: "ctrl+v".parse().ok(), ..PasteKeys::default() };
    let pressed_at = Some(pressed);
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        keys,
        pressed: pressed_at,
        ..DeliveryOptions::default()
    };
    let hand_over = desktop.sinks.hand_over("second", &wanted);
    let early = desktop.runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(300), hand_over).await.is_ok()
    });
    assert!(!early, "keys were pressed while the hand may hold others");
    assert_eq!(desktop.portal.state().pasted.len(), 1);
    let wanted = DeliveryOptions { pressed: pressed.checked_sub(Duration::from_secs(1)), ..wanted };
    let deliveries = desktop.runtime.block_on(desktop.sinks.hand_over("third", &wanted));
    assert!(deliveries[0].ok, "{deliveries:?}");
}

#[test]
fn the_user_is_asked_once_and_the_token_of_each_session_opens_the_next() {
    let mut desktop = Desktop::start();
    for _ in 0..2 {
        desktop.pastes(WORDS);
    }
    assert_eq!(desktop.restored(), [None], "one session for all texts");
    let first = std::fs::read_to_string(desktop.token()).unwrap();
    let mode = std::fs::metadata(desktop.token()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    desktop.restart_v2m();
    desktop.pastes(WORDS);
    assert_eq!(desktop.restored(), [None, Some(first.clone())]);
    let second = std::fs::read_to_string(desktop.token()).unwrap();
    assert_ne!(second, first, "a token can be used once");
    desktop.restart_v2m();
    desktop.pastes(WORDS);
    assert_eq!(desktop.restored().pop(), Some(Some(second)));
    assert_eq!(desktop.asked(), 1);
}

#[test]
fn what_is_no_token_is_forgotten_and_the_user_asked() {
    let mut desktop = Desktop::start();
    std::fs::create_dir_all(desktop.token().parent().unwrap()).unwrap();
    std::fs::write(desktop.token(), "no token").unwrap();
    desktop.pastes(WORDS);
    assert_eq!(desktop.asked(), 1);
    assert_ne!(std::fs::read_to_string(desktop.token()).unwrap(), "no token");
}

#[test]
fn a_question_that_is_open_holds_up_no_text_and_its_yes_counts_from_then_on() {
    let mut desktop = Desktop::start();
    desktop.portal.state().user = User::Away;
    for _ in 0..2 {
        desktop.refuses("the desktop asks whether");
    }
    assert_eq!(desktop.asked(), 1, "one question for all texts");
    assert!(desktop.portal.state().strokes.is_empty());
    desktop.portal.answer(User::Yes);
    desktop.pastes(WORDS);
    assert_eq!(desktop.asked(), 1);
    assert!(desktop.token().exists());
}

#[test]
fn after_a_no_nobody_is_asked_until_v2m_is_started_anew() {
    let mut desktop = Desktop::start();
    desktop.portal.state().user = User::No;
    for _ in 0..2 {
        desktop.refuses("did not allow v2m to press keys");
    }
    assert_eq!(desktop.asked(), 1);
    desktop.restart_v2m();
    desktop.portal.state().user = User::Yes;
    desktop.pastes(WORDS);
    assert_eq!(desktop.asked(), 2);
}

#[test]
fn half_a_yes_is_none_and_is_not_kept() {
    let mut desktop = Desktop::start();
    desktop.portal.state().user = User::Half;
    for _ in 0..2 {
        desktop.refuses("you allowed less");
    }
    assert_eq!(desktop.asked(), 1);
    assert!(!desktop.token().exists());
}

#[test]
fn a_session_that_the_user_ended_is_opened_again_by_the_next_text() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    desktop.settle();
    desktop.portal.end_session();
    desktop.portal.copy(&[(TEXT, b"before")]);
    desktop.pastes(WORDS);
    assert_eq!(desktop.restored().len(), 2);
    assert_eq!(desktop.asked(), 1);
}

#[test]
fn a_portal_that_was_restarted_is_found_again() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    desktop.settle();
    desktop.portal = desktop.portal.restart(&desktop.bus.address);
    desktop.portal.copy(&[(TEXT, b"before")]);
    desktop.pastes(WORDS);
    assert_eq!(desktop.asked(), 1);
}

#[test]
fn a_question_that_goes_with_its_portal_is_put_again() {
    let mut desktop = Desktop::start();
    desktop.portal.state().user = User::Away;
    desktop.refuses("the desktop asks whether");
    desktop.portal = desktop.portal.restart(&desktop.bus.address);
    desktop.portal.state().user = User::Yes;
    desktop
        .wait_for("the end of the question", |desktop| desktop.portal.state().strokes.is_empty());
    // The first text after the restart may still meet the end of the old question.
    let _ = desktop.paste(WORDS);
    desktop.pastes(WORDS);
    assert_eq!(desktop.asked(), 2);
}

#[test]
fn keys_go_down_in_order_and_come_up_even_if_one_is_refused() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    let strokes = std::mem::take(&mut desktop.portal.state().strokes);
    assert_eq!(strokes, ["+29", "+118", "-118", "-29"]);
    desktop.portal.state().refuses = Some(i32::from(b'v'));
    desktop.refuses("the desktop refused it");
    let strokes = std::mem::take(&mut desktop.portal.state().strokes);
    assert_eq!(strokes, ["+29", "-118", "-29"]);
    desktop.portal.state().refuses = None;
    desktop.pastes(WORDS);
}

#[test]
fn the_clipboard_comes_back_in_all_its_formats_and_is_served_from_then_on() {
    let mut desktop = Desktop::start();
    // Larger than the buffer of a pipe.
    let noise = (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    let picture: Vec<u8> = noise.collect();
    let before: [(&str, &[u8]); 2] = [("image/png", &picture), ("text/html", b"<p>before</p>")];
    desktop.portal.copy(&before);
    for number in 0..2 {
        desktop.pastes(&format!("{number}: {WORDS}"));
        desktop.settle();
        assert_eq!(desktop.portal.formats(), ["image/png", "text/html"]);
        for (format, bytes) in before {
            assert!(desktop.clipboard(format) == bytes, "{format}");
        }
    }
}

#[test]
fn what_could_be_read_of_the_clipboard_comes_back() {
    let mut desktop = Desktop::start();
    desktop.portal.copy(&[(TEXT, b"before"), (HANGS, b"")]);
    desktop.pastes(WORDS);
    desktop.settle();
    assert_eq!(desktop.portal.formats(), [TEXT]);
    assert_eq!(desktop.clipboard(TEXT), b"before");
}

/// The portal reports a change of the clipboard only after the text is on it.
#[test]
fn what_is_copied_while_the_clipboard_is_read_comes_back() {
    let mut desktop = Desktop::start();
    desktop.portal.state().copied_next = Some(b"the user's".to_vec());
    desktop.pastes(WORDS);
    desktop.settle();
    assert_eq!(desktop.clipboard(TEXT), b"the user's");
}

/// The portal reports nothing about an empty clipboard, and may report another change late. v2m
/// does not clear content that it does not know.
#[test]
fn where_nobody_tells_what_was_on_the_clipboard_the_text_stays() {
    let mut desktop = Desktop::start();
    desktop.portal.copy(&[]);
    desktop.pastes(WORDS);
    desktop.settle();
    assert_eq!(desktop.clipboard(TEXT), WORDS.as_bytes());
}

#[test]
fn what_the_user_copies_meanwhile_stays() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    desktop.portal.copy(&[(TEXT, b"the user's")]);
    desktop.settle();
    assert_eq!(desktop.clipboard(TEXT), b"the user's");
    desktop.pastes(WORDS);
    desktop.settle();
    assert_eq!(desktop.clipboard(TEXT), b"the user's");
}

#[test]
fn a_managers_read_is_no_receipt_and_what_no_window_takes_waits_on_the_clipboard() {
    let mut desktop = Desktop::start();
    desktop.portal.state().window = false;
    desktop.portal.state().manager = true;
    desktop.refuses("no window took it; press ctrl+v");
    assert_eq!(desktop.clipboard(TEXT), WORDS.as_bytes());
}

/// Regression: xdg-desktop-portal 1.20 crashed when a text was pasted while the clipboard manager
/// read the content that v2m had just restored. v2m answered a request after the clipboard had
/// changed.
#[test]
fn what_was_asked_for_before_the_clipboard_changed_is_not_answered_after() {
    let mut desktop = Desktop::start();
    desktop.portal.state().manager = true;
    for number in 0..20 {
        desktop.pastes(&format!("{number}: {WORDS}"));
    }
    assert_eq!(desktop.portal.state().stale, 0);
}

#[test]
fn the_way_is_named_with_what_will_happen() {
    let mut desktop = Desktop::start();
    let name = desktop.runtime.block_on(way_to_the_cursor()).unwrap();
    assert!(name.starts_with("portal, with the portal's clipboard; the desktop asks"), "{name}");
    desktop.pastes(WORDS);
    let name = desktop.runtime.block_on(way_to_the_cursor());
    assert_eq!(name, Ok("portal, with the portal's clipboard"));
    assert_eq!(desktop.asked(), 1, "to look asks nobody");
}

#[test]
fn where_mutters_own_interface_is_refused_the_portal_is_the_way() {
    let policy = format!(r#"<deny send_destination="{MUTTER}"/>"#);
    let mut desktop = Desktop::on(|| PrivateBus::start_with(&policy));
    let mutter = desktop.runtime.block_on(desktop.bus.builder().name(MUTTER).build()).unwrap();
    desktop.pastes(WORDS);
    drop(mutter);
}

#[test]
fn without_a_portal_there_is_no_way() {
    let mut desktop = Desktop::start();
    desktop.portal.end();
    desktop.refuses("cannot paste into other programs");
}
