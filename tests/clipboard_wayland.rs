//! Tests the clipboard on a real compositor with data-control. There is one test, because it
//! changes WAYLAND_DISPLAY, which is only safe in a process without other threads.
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
        // A GNOME or KDE session sets both. This display does not exist, so it was not used.
        ("DISPLAY", ":987".into()),
    ]);
    let mut clipboard = Clipboard::new();
    let first = clipboard.deliver(WORDS, false).await;
    assert!(first.ok, "{}", first.detail);
    assert_eq!(compositor.paste(), WORDS);
    let long = WORDS.repeat(4000);
    assert!(clipboard.deliver(&long, false).await.ok);
    assert_eq!(compositor.paste(), long);

    // The mark that password managers add, so that clipboard managers ignore the content.
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
