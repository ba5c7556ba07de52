//! The clipboard on a real compositor that has data-control. One test: it changes WAYLAND_DISPLAY,
//! which only a process without other threads may do.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::path::PathBuf;
use v2m::deliver::Clipboard;
use v2m_testkit::sway::Compositor;

const WORDS: &str = "Grüße — “€5” ñ 日";

fn set(pairs: &[(&str, PathBuf)]) {
    for (name, value) in pairs {
        // SAFETY: the only other thread of this test's process is libtest's, which waits for this
        // one.
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
    let first = clipboard.deliver(WORDS, false).await;
    assert!(first.ok, "{}", first.detail);
    assert_eq!(compositor.paste(), WORDS);
    let long = WORDS.repeat(4000);
    assert!(clipboard.deliver(&long, false).await.ok);
    assert_eq!(compositor.paste(), long);

    // As a password manager marks a password, so that clipboard managers leave it alone.
    let mark = || {
        let asked = ["--no-newline", "--type", "x-kde-passwordManagerHint"];
        compositor.command("wl-paste").args(asked).output().unwrap().stdout
    };
    assert_eq!(mark(), b"");
    assert!(clipboard.deliver("sensitive", true).await.ok);
    assert_eq!((compositor.paste().as_str(), mark().as_slice()), ("sensitive", &b"secret"[..]));
    assert!(clipboard.deliver(WORDS, false).await.ok);
    assert_eq!(mark(), b"");

    drop(compositor);
    let gone = clipboard.deliver("gone", false).await;
    assert!(!gone.ok);
    assert!(gone.detail.contains("WAYLAND_DISPLAY="), "{}", gone.detail);
}
