//! Tests the clipboard on a real X server. There is one test with all steps in order, because it
//! changes DISPLAY, which is only safe in a process without other threads.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use v2m::deliver::Clipboard;
use v2m_testkit::xserver::XServer;

const WORDS: &str = "Grüße — “€5” ñ 日";

fn set_display(display: Option<&str>) {
    // SAFETY: the only other thread of this test's process is libtest's, which waits for this one;
    // v2m's clipboard thread waits for work or has not started yet.
    unsafe {
        std::env::remove_var("WAYLAND_DISPLAY");
        match display {
            Some(display) => std::env::set_var("DISPLAY", display),
            None => std::env::remove_var("DISPLAY"),
        }
    }
}

#[tokio::test]
async fn the_clipboard_through_a_day_of_an_x_server() {
    let mut clipboard = Clipboard::new();

    set_display(None);
    let none = clipboard.deliver(WORDS, false).await;
    assert!(!none.ok);
    assert!(none.detail.contains("systemctl --user restart v2m.service"), "{}", none.detail);

    let server = XServer::start(None);
    let display = server.display.clone();
    set_display(Some(&display));
    let first = clipboard.deliver(WORDS, false).await;
    assert!(first.ok, "a display that appeared later is used: {}", first.detail);
    assert_eq!(first.by, "clipboard");
    assert_eq!(server.paste(), WORDS);
    let long = WORDS.repeat(4000);
    assert!(clipboard.deliver(&long, false).await.ok);
    assert_eq!(server.paste(), long);
    assert!(!clipboard.deliver("", false).await.ok);
    assert_eq!(server.paste(), long, "no text leaves the clipboard as it was");

    // The mark that password managers add, so that clipboard managers ignore the content.
    let mark = "x-kde-passwordManagerHint";
    assert_eq!(server.clipboard(mark), None);
    assert!(clipboard.deliver("sensitive", true).await.ok);
    assert_eq!(server.clipboard(mark).as_deref(), Some(&b"secret"[..]));
    assert_eq!(server.paste(), "sensitive");
    assert!(clipboard.deliver(WORDS, false).await.ok);
    assert_eq!(server.clipboard(mark), None);

    server.signal(rustix::process::Signal::STOP);
    let hung = clipboard.deliver("nobody takes this", false).await;
    assert!(!hung.ok);
    assert!(hung.detail.contains("has not answered"), "{}", hung.detail);
    server.signal(rustix::process::Signal::CONT);
    // A server that has just continued may be late once more. Each delivery tries again.
    let mut awake = clipboard.deliver("awake", false).await;
    for _ in 0..5 {
        if !awake.ok {
            awake = clipboard.deliver("awake", false).await;
        }
    }
    assert!(awake.ok, "{}", awake.detail);
    assert_eq!(server.paste(), "awake");

    drop(server);
    let gone = clipboard.deliver("gone", false).await;
    assert!(!gone.ok);
    assert!(gone.detail.contains(&format!("DISPLAY={display}")), "{}", gone.detail);

    let server = XServer::start(Some(&display));
    let again = clipboard.deliver("again", false).await;
    assert!(again.ok, "a restarted server is connected to anew: {}", again.detail);
    assert_eq!(server.paste(), "again");
}
