//! The icon in the tray of a real Plasma panel: it shows the state, a click dictates, the menu
//! opens, and the icon comes back after a restart of the panel.

use super::desktop::Desktop;
use super::screen::{Area, Colour, Screen, Shot};
use crate::lab::{Lab, property, run, systemctl, try_run, wait_for};

const UNIT: &str = "v2m-tray.service";
const NAME: &str = "org.v2m.Tray";
const BUS: &str = "org.freedesktop.DBus";
/// Plasma's parts: the watcher of items, and the panel.
const PARTS: [(&str, &str); 2] = [("test-kded", "kded6"), ("test-plasmashell", "plasmashell")];
/// The end of the panel with the tray and the clock, without the wallpaper above and below.
const CORNER: Area = (900, 676, 380, 32);

/// The upper part of the icon's menu, above the panel and higher than its tooltip.
const ABOVE: Area = (800, 430, 480, 170);
/// A place far from the panel.
const AWAY: (usize, usize) = (400, 300);
const ESCAPE: u32 = 1;

/// A panel with a tray. Dropping this ends it.
struct Panel;

impl Panel {
    fn start() -> Self {
        for (unit, program) in PARTS {
            // Without these, kded does not load the watcher.
            let session = [
                "--setenv=XDG_MENU_PREFIX=plasma-",
                "--setenv=KDE_FULL_SESSION=true",
                "--setenv=KDE_SESSION_VERSION=6",
            ];
            let unit = format!("--unit={unit}");
            let with = ["--user", "--quiet", "--collect", &unit];
            run("systemd-run", &[&with[..], &session, &[program]].concat());
        }
        has_host();
        Self
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let parts = PARTS.map(|(unit, _)| unit);
        for unit in [UNIT].into_iter().chain(parts) {
            let _ = try_run("systemctl", &["--user", "stop", unit]);
        }
    }
}

/// Returns a property of the watcher; empty if there is none.
fn registered(name: &str) -> String {
    let watcher = ["org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"];
    let property = ["org.kde.StatusNotifierWatcher", name];
    let asked = [&["--user", "get-property"][..], &watcher, &property].concat();
    String::from_utf8(try_run("busctl", &asked).stdout).unwrap()
}

/// Waits until the panel has registered as a host at the watcher, which takes time on a busy
/// machine.
fn has_host() {
    wait_for("the panel's tray", || {
        registered("IsStatusNotifierHostRegistered").contains("true").then_some(())
    });
}

/// Whether the watcher knows the icon's item.
fn is_registered() -> bool {
    let told = run(
        "busctl",
        &[
            "--user",
            "--json=short",
            "call",
            BUS,
            "/org/freedesktop/DBus",
            BUS,
            "GetNameOwner",
            "s",
            NAME,
        ],
    );
    let owner: serde_json::Value = serde_json::from_str(&told).unwrap();
    registered("RegisteredStatusNotifierItems").contains(owner["data"][0].as_str().unwrap())
}

fn is_recording(lab: &Lab) -> bool {
    lab.client().ask("GET_STATUS")["is_recording"] == true
}

/// Returns the middle of the red icon of a recording. Moves the pointer away first, because the
/// panel highlights what is below it.
fn icon(screen: &Screen) -> (usize, usize) {
    screen.point(AWAY);
    let seen = |shot: &Shot| shot.count(Colour::Red) > 20;
    let places = screen.waits_for(CORNER, "the icon of a recording", seen).places(Colour::Red);
    let middle = |all: Vec<usize>| all.iter().sum::<usize>() / all.len();
    let (x, y) = places.into_iter().unzip();
    (middle(x), middle(y))
}

/// Points at the icon until the panel highlights it, and clicks.
fn click(screen: &Screen, place: (usize, usize), button: u8) {
    screen.point(AWAY);
    let around = (place.0 - 12, place.1 - 12, 24, 24);
    let before = screen.shot(around);
    screen.point(place);
    screen.waits_for(around, "the pointer on the icon", |shot| shot.differs(&before) > 20);
    screen.click(button);
}

fn is_not_red(screen: &Screen, what: &str) {
    screen.point(AWAY);
    screen.waits_for(CORNER, what, |shot| shot.count(Colour::Red) == 0);
}

#[test]
fn the_icon_shows_the_state_a_click_dictates_and_it_comes_back_with_the_panel() {
    let lab = Lab::new();
    let (desktop, screen) = (Desktop::start(), Screen::open());
    // Plasma would show notifications where the menu opens.
    lab.configure("[deliver]\nmode = \"none\"\n[feedback]\nnotify = \"none\"\n");
    let _panel = Panel::start();
    systemctl(&["start", UNIT]);
    wait_for("the item in the tray", || is_registered().then_some(()));
    lab.client().ask("START_RECORDING");
    let place = icon(&screen);
    screen.keep("tray-recording");
    // The left button stops the recording, and starts another one.
    click(&screen, place, 1);
    wait_for("the end of the recording", || (!is_recording(&lab)).then_some(()));
    is_not_red(&screen, "the end of the icon of a recording");
    screen.keep("tray-idle");
    click(&screen, place, 1);
    wait_for("the second recording", || is_recording(&lab).then_some(()));
    icon(&screen);
    lab.client().ask("CANCEL_RECORDING");
    is_not_red(&screen, "the end of the second icon of a recording");
    // The right button opens the menu.
    let closed = screen.shot(ABOVE);
    click(&screen, place, 3);
    screen.waits_for(ABOVE, "the menu", |shot| shot.differs(&closed) > 5_000);
    screen.keep("tray-menu");
    desktop.type_key(ESCAPE);
    screen.waits_for(ABOVE, "the menu's end", |shot| shot.differs(&closed) < 5_000);
    // As after a crash, restart both of Plasma's parts.
    for (unit, _) in PARTS {
        systemctl(&["restart", unit]);
        has_host();
        wait_for("the item in the next tray", || is_registered().then_some(()));
    }
    lab.client().ask("START_RECORDING");
    icon(&screen);
    lab.client().ask("CANCEL_RECORDING");
    assert_eq!(property(UNIT, "NRestarts"), "0");
}
