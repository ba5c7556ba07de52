//! Tests a locked screen: nothing is pasted, and nothing is put on the clipboard.

use super::{PastesOn, UTF8, WORDS, Window, pasted};
use crate::desktop::Desktop;

struct Saver {
    locked: bool,
}

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        self.locked
    }
}

struct Session {
    locked: bool,
}

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.locked
    }
}

fn refused(desktop: &mut Desktop, window: &Window) {
    desktop.server.copy(UTF8, b"before");
    let deliveries = desktop.paste(WORDS);
    let [paste] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert!(!paste.ok && paste.detail.contains("the screen is locked"), "{}", paste.detail);
    assert_eq!(desktop.server.paste(), "before");
    window.had_no_key(&desktop.keyboard);
}

#[test]
fn the_desktops_locker_is_asked() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let (name, path) = ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver");
    let builder = desktop.bus.builder().name(name);
    let builder = builder.serve_at(path, Saver { locked: true });
    let locker = desktop.run(builder.build()).unwrap();
    refused(&mut desktop, &window);
    desktop.run(async {
        let saver = locker.object_server().interface::<_, Saver>(path).await.unwrap();
        saver.get_mut().await.locked = false;
    });
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
}

#[test]
fn logind_is_asked() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let path = "/org/freedesktop/login1/session/auto";
    let builder = desktop.bus.builder().name("org.freedesktop.login1");
    let builder = builder.serve_at(path, Session { locked: true });
    let _logind = desktop.run(builder.build()).unwrap();
    refused(&mut desktop, &window);
}
