//! Tests `v2m-tray` on a private bus. The test plays the tray and v2m: it looks at the icon, reads
//! the menu, clicks, and receives the requests to v2m.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod stage;
mod v2m;

use stage::{Stage, Tray};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use v2m::Told;
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::wait_for;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn waits_for_icon(tray: &Tray, icon: &str) {
    wait_for(icon, || (tray.icon() == icon).then_some(()));
}

#[test]
fn each_state_has_its_icon_a_title_and_a_tooltip() {
    let (stage, tray) = Stage::start();
    waits_for_icon(&tray, "v2m-idle-symbolic");
    assert_eq!((tray.told("Title"), tray.told("Status")), ("v2m".into(), "Active".into()));
    assert_eq!(tray.tooltip(), ("v2m".into(), "Click to dictate".into()));
    stage.is("recording", now() - 61.0, "");
    waits_for_icon(&tray, "v2m-recording-symbolic");
    tray.hears("NewIcon");
    tray.hears("NewTitle");
    assert_eq!(tray.told("IconAccessibleDesc"), "v2m: Recording");
    let (title, text) = tray.tooltip();
    assert!(title == "v2m: Recording" && text.starts_with("1:0"), "{title} {text}");
    // The displayed time advances without an event. The first two signals may be those of the start
    // and of the recording.
    for _ in 0..4 {
        tray.hears("NewToolTip");
    }
    for (state, icon, title) in [
        ("transcribing", "v2m-transcribing-symbolic", "v2m: Transcribing"),
        ("processing", "v2m-transcribing-symbolic", "v2m: Rewriting"),
        ("paused", "v2m-paused-symbolic", "v2m: Dictation is paused"),
    ] {
        stage.is(state, 0.0, "");
        wait_for(title, || (tray.told("Title") == title).then_some(()));
        assert_eq!(tray.icon(), icon);
    }
    stage.is("idle", 0.0, "no_microphone");
    waits_for_icon(&tray, "v2m-problem-symbolic");
    assert_eq!(tray.tooltip().0, "v2m: No microphone");
    assert_eq!(tray.menu().labels()[..2], ["No microphone", "Start Dictation"]);
}

#[test]
fn a_tray_gets_all_that_it_asks_for_and_the_icons_are_installed() {
    let (stage, tray) = Stage::start();
    let all = tray.all();
    for name in [
        "Category",
        "Id",
        "Title",
        "Status",
        "WindowId",
        "IconThemePath",
        "IconName",
        "IconPixmap",
        "OverlayIconName",
        "AttentionIconName",
        "AttentionMovieName",
        "ToolTip",
        "ItemIsMenu",
        "Menu",
    ] {
        assert!(all.contains_key(name), "{name}: {all:?}");
    }
    assert!(!bool::try_from(&*all["ItemIsMenu"]).unwrap());
    let icons = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("icons/symbolic");
    for (state, reason) in [
        ("idle", ""),
        ("recording", ""),
        ("transcribing", ""),
        ("paused", ""),
        ("idle", "engine_failed"),
    ] {
        let before = tray.icon();
        stage.is(state, 0.0, reason);
        if (state, reason) != ("idle", "") {
            wait_for("another icon", || (tray.icon() != before).then_some(()));
        }
        let icon = icons.join(tray.icon()).with_extension("svg");
        assert!(icon.exists(), "{}", icon.display());
    }
}

#[test]
fn a_click_starts_and_stops_and_the_menu_cancels() {
    let (stage, tray) = Stage::start();
    tray.click("Activate");
    assert_eq!(stage.next_asked(), Told::Toggle);
    // GNOME uses this method.
    tray.click("SecondaryActivate");
    assert_eq!(stage.next_asked(), Told::Toggle);
    let idle = tray.menu();
    tray.chooses(idle.find("Start Dictation").unwrap());
    assert_eq!(stage.next_asked(), Told::Start);
    assert!(!idle.find("Cancel").unwrap().is_enabled);
    stage.is("recording", now(), "");
    tray.hears("LayoutUpdated");
    let menu = wait_for("the menu", || {
        let menu = tray.menu();
        menu.find("Stop Dictation").is_some().then_some(menu)
    });
    assert!(menu.find("Cancel").unwrap().is_enabled);
    tray.chooses(menu.find("Stop Dictation").unwrap());
    assert_eq!(stage.next_asked(), Told::Stop);
    tray.chooses(menu.find("Cancel").unwrap());
    assert_eq!(stage.next_asked(), Told::Cancel);
}

/// The start waits until the menu has closed. A click meanwhile would start a recording, which the
/// start in turn would have stopped.
#[test]
fn a_start_from_the_menu_and_a_click_are_one_start() {
    let (stage, tray) = Stage::start();
    let menu = tray.menu();
    let (start, cancel) = (menu.find("Start Dictation").unwrap(), menu.find("Cancel").unwrap());
    tray.chooses(start);
    tray.click("Activate");
    tray.chooses(start);
    assert_eq!(stage.next_asked(), Told::Start);
    // The other way round, what the menu asks for is a start and no second toggle. By then it is
    // known that nothing else has come.
    wait_for("a click that counts", || {
        tray.click("Activate");
        stage.was_asked()
    });
    tray.chooses(start);
    let next = std::iter::repeat_with(|| stage.next_asked()).find(|asked| *asked != Told::Toggle);
    assert_eq!(next, Some(Told::Start));
    // What waits can be cancelled, and nothing else is.
    tray.chooses(start);
    tray.chooses(cancel);
    tray.chooses(cancel);
    assert_eq!(stage.next_asked(), Told::Cancel);
}

#[test]
fn the_microphone_is_shown_and_changed() {
    let (stage, tray) = Stage::start();
    assert!(!tray.menu().find("Microphone").unwrap().is_enabled);
    let (_, menu) = tray.opens();
    let microphones = menu.find("Microphone").unwrap();
    let labels = ["Default Microphone", "Built-in Audio", "Head__set"];
    assert_eq!(microphones.labels(), labels);
    let chosen: Vec<_> = microphones.children.iter().filter(|it| it.is_chosen).collect();
    assert_eq!(chosen.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), [labels[0]]);
    for (label, name) in [("Head__set", "alsa_input.usb"), ("Default Microphone", "")] {
        tray.chooses(microphones.find(label).unwrap());
        let change = vec![("microphone".to_owned(), name.to_owned())];
        assert_eq!(stage.next_asked(), Told::Change(change));
    }
}

/// Trays without an icon theme take the pixels.
#[test]
fn the_icon_has_pixels_that_change_with_the_state() {
    let (stage, tray) = Stage::start();
    let idle = tray.pixels();
    let sizes: Vec<_> = idle
        .iter()
        .map(|(width, height, pixels)| {
            assert_eq!(pixels.len(), (width * height * 4) as usize);
            *width
        })
        .collect();
    assert_eq!(sizes, [16, 22, 24, 32, 48]);
    stage.is("recording", now(), "");
    let recording = wait_for("other pixels", || Some(tray.pixels()).filter(|it| *it != idle));
    // Opacity, red, green, blue: red at the left edge's middle, nothing in the corner.
    let (_, _, pixels) = &recording[0];
    assert_eq!(pixels[..4], [0, 0xe0, 0x1b, 0x24]);
    assert_eq!(pixels[(8 * 16 + 2) * 4..][..4], [255, 0xe0, 0x1b, 0x24]);
}

#[test]
fn the_last_texts_are_in_the_menu_while_it_is_open_and_can_be_copied_and_pasted() {
    let (stage, tray) = Stage::start();
    assert!(!format!("{:?}", tray.menu()).contains("Americans"));
    let (changed, menu) = tray.opens();
    assert!(changed);
    let copy = menu.find("Copy a Recent Text").unwrap();
    // The dictation without a text is not listed. Underscores are doubled, because a single one
    // marks an access key.
    assert_eq!(copy.labels(), ["and so my fellow__Americans", "Grüße an alle"]);
    let paste = menu.find("Paste a Recent Text").unwrap();
    assert_eq!(paste.labels(), copy.labels());
    tray.chooses(&copy.children[0]);
    assert_eq!(stage.next_asked(), Told::Deliver("3".into(), "clipboard".into()));
    tray.chooses(&paste.children[0]);
    assert_eq!(stage.next_asked(), Told::Deliver("3".into(), "paste".into()));
    // A failed delivery is reported, as text and not as markup.
    tray.chooses(&copy.children[1]);
    assert_eq!(stage.next_asked(), Told::Deliver("1".into(), "clipboard".into()));
    assert_eq!(stage.next_notice().1, "The &lt;text&gt; did not arrive.");
    wait_for("the texts to leave the menu", || {
        (!format!("{:?}", tray.menu()).contains("Americans")).then_some(())
    });
}

#[test]
fn the_language_is_shown_and_changed() {
    let (stage, tray) = Stage::start();
    let (_, menu) = tray.opens();
    let languages = menu.find("Language").unwrap();
    let chosen: Vec<_> = languages.children.iter().filter(|it| it.is_chosen).collect();
    assert_eq!(chosen.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["Spanish"]);
    for (label, code) in [("German", "de"), ("Detect Automatically", "auto")] {
        tray.chooses(languages.find(label).unwrap());
        let change = vec![("language".to_owned(), code.to_owned())];
        assert_eq!(stage.next_asked(), Told::Change(change));
    }
}

#[test]
fn nothing_that_was_dictated_is_shown_while_the_screen_is_locked() {
    let (mut stage, tray) = Stage::start();
    stage.locks(true);
    let (_, menu) = tray.opens();
    assert!(!menu.find("Copy a Recent Text").unwrap().is_enabled, "{menu:?}");
    assert!(!format!("{menu:?}").contains("Americans"));
    // The other data are shown.
    assert!(menu.find("Spanish").unwrap().is_chosen);
    stage.leaves("org.freedesktop.ScreenSaver");
    stage.locks(false);
    let (_, menu) = tray.opens();
    assert!(menu.find("Copy a Recent Text").unwrap().is_enabled);
}

/// The screen may be locked while the menu is open, and some hosts do not report that they have
/// closed it.
#[test]
fn the_texts_leave_an_open_menu_when_the_screen_is_locked() {
    let (mut stage, tray) = Stage::start();
    let (_, menu) = tray.opens();
    assert!(menu.find("Copy a Recent Text").unwrap().is_enabled, "{menu:?}");
    stage.locks(true);
    // Much earlier than texts disappear from a menu that is not closed.
    wait_for("the texts to leave the menu", || {
        (!format!("{:?}", tray.menu()).contains("Americans")).then_some(())
    });
}

/// Some hosts request the menu more often than they show it.
#[test]
fn a_text_is_what_was_clicked_also_if_the_menu_was_asked_for_again() {
    let (stage, tray) = Stage::start();
    let (_, first) = tray.opens();
    let first = first.find("Copy a Recent Text").unwrap();
    let (_, again) = tray.opens();
    let ids = |entry: &stage::Entry| entry.children.iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(ids(again.find("Copy a Recent Text").unwrap()), ids(first));
    stage.writes("the newest");
    let (_, other) = tray.opens();
    let other = other.find("Copy a Recent Text").unwrap();
    assert_eq!(other.labels()[0], "the newest");
    for (clicked, id) in [(&first.children[0], "3"), (&other.children[0], "4")] {
        tray.event(clicked.id, "clicked");
        assert_eq!(stage.next_asked(), Told::Deliver(id.into(), "clipboard".into()));
    }
}

/// It depends on chance which of the two is read first, so the test tries several times.
#[test]
fn a_late_answer_does_not_undo_what_v2m_has_told_since() {
    for _ in 0..10 {
        let mut stage = Stage::empty(&[], &[]);
        let tray = stage.tray();
        stage.late_v2m_starts(now() - 61.0);
        // Only the answer has the time, so it has been read.
        let title = wait_for("the answer", || {
            let (title, text) = tray.tooltip();
            text.starts_with("1:").then_some(title)
        });
        let shown = (title.as_str(), tray.icon());
        assert_eq!(shown, ("v2m: Recording", "v2m-recording-symbolic".into()));
    }
}

#[test]
fn a_tray_that_was_restarted_gets_the_icon_again() {
    let (mut stage, tray) = Stage::start();
    let item = tray.item.clone();
    stage.tray_ends();
    stage.is("recording", now(), "");
    let tray = stage.tray();
    assert_eq!(tray.item, item);
    waits_for_icon(&tray, "v2m-recording-symbolic");
}

/// kded is like this while it loads its modules.
#[test]
fn a_tray_that_is_not_ready_is_asked_again() {
    let mut stage = Stage::empty(&[], &[]);
    let tray = stage.slow_tray();
    waits_for_icon(&tray, "v2m-idle-symbolic");
}

#[test]
fn without_v2m_it_is_idle_and_starts_it_only_at_a_click() {
    let (mut stage, tray) = Stage::start();
    stage.is("recording", now(), "");
    waits_for_icon(&tray, "v2m-recording-symbolic");
    stage.v2m_ends();
    waits_for_icon(&tray, "v2m-idle-symbolic");
    let (_, menu) = tray.opens();
    let labels = ["Copy a Recent Text", "Paste a Recent Text", "Language"];
    assert!(labels.iter().all(|label| !menu.find(label).unwrap().is_enabled), "{menu:?}");
    // No service on this bus can start v2m, so the user gets a message.
    tray.click("Activate");
    let (title, body) = stage.next_notice();
    assert!(title == "v2m cannot do that" && body.contains("org.v2m.Dictation1"), "{body}");
    stage.v2m_starts();
    stage.is("transcribing", 0.0, "");
    waits_for_icon(&tray, "v2m-transcribing-symbolic");
    let (_, menu) = tray.opens();
    assert!(menu.find("Copy a Recent Text").unwrap().is_enabled);
}

#[test]
fn it_hides_while_an_extension_shows_the_state_and_not_for_v2m_osd() {
    let (mut stage, tray) = Stage::start();
    let waits_for = |status: &str| {
        wait_for(status, || (tray.told("Status") == status).then_some(()));
    };
    stage.keep("org.v2m.Sign", |builder| builder.name("org.v2m.Osd"));
    stage.is("recording", now(), "");
    waits_for_icon(&tray, "v2m-recording-symbolic");
    waits_for("Active");
    stage.leaves("org.v2m.Sign");
    stage.keep("org.v2m.Sign", |builder| builder);
    waits_for("Passive");
    tray.hears("NewStatus");
    stage.leaves("org.v2m.Sign");
    waits_for("Active");
}

#[test]
fn settings_and_the_check_open_in_a_terminal_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (program, told) = (folder.path().join("systemd-run"), folder.path().join("told"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *doctor*) echo 'no bus' >&2; exit 1;; esac\n\
         echo \"$*\" >{0}.new; mv {0}.new {0}\n",
        told.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut stage = Stage::empty(&[], &[("PATH", &path)]);
    let tray = stage.tray();
    let menu = tray.menu();
    tray.chooses(menu.find("Settings").unwrap());
    let told = wait_for("the settings", || std::fs::read_to_string(&told).ok());
    assert!(told.trim_end().ends_with("/v2m settings --in-terminal"), "{told}");
    tray.chooses(menu.find("Check v2m").unwrap());
    assert_eq!(stage.next_notice().1, "Open a terminal, and run in it: v2m doctor (no bus)");
}

/// The command that systemd runs for these entries.
#[test]
fn v2m_opens_a_terminal_or_says_what_to_run_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &str| {
        let mut v2m = std::process::Command::new(env!("CARGO_BIN_EXE_v2m"));
        v2m.args([command, "--in-terminal"]).env_clear().env("PATH", folder.path());
        v2m.env("HOME", folder.path()).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        let output = v2m.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run("doctor");
    assert!(code == Some(1) && said.contains("run in it: v2m doctor"), "{code:?} {said}");
    let terminal = folder.path().join("xdg-terminal-exec");
    std::fs::write(&terminal, "#!/bin/sh\necho \"$*\"\n").unwrap();
    std::fs::set_permissions(&terminal, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (command, shown) in [("doctor", "doctor --hold"), ("settings", "settings")] {
        let (code, said) = run(command);
        assert_eq!((code, said), (Some(0), format!("{} {shown}\n", env!("CARGO_BIN_EXE_v2m"))));
    }
}

#[test]
fn it_ends_when_it_is_hidden() {
    let (mut stage, tray) = Stage::start();
    let menu = tray.menu();
    tray.last_event(menu.find("Hide This Icon").unwrap().id, "clicked");
    let (status, said) = stage.ended();
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[test]
fn it_ends_with_the_bus() {
    let (mut stage, _tray) = Stage::start();
    stage.end_bus();
    let (status, said) = stage.ended();
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[test]
fn a_second_one_and_one_without_a_tray_end_in_order() {
    let (stage, _tray) = Stage::start();
    let bus = &stage.bus.address;
    let run = |bus: &str, arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_v2m-tray"));
        let output = program.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", bus).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(bus, &[]);
    assert!(code == Some(0) && said.contains("another v2m-tray"), "{code:?} {said}");
    let lonely = PrivateBus::start();
    let (code, said) = run(&lonely.address, &["--wait-seconds", "0"]);
    assert!(code == Some(0) && said.contains("there is no tray"), "{code:?} {said}");
    // Here there is a tray; it only fails to accept the icon.
    let mut stage = Stage::empty(&["--wait-seconds", "0"], &[]);
    let (status, said) = stage.ended();
    assert!(status.success() && said.contains("there is no tray"), "{status}: {said}");
    stage.useless_tray();
    let (code, said) = run(&stage.bus.address, &["--wait-seconds", "0"]);
    let told = "the tray (org.kde.StatusNotifierWatcher) did not accept the icon: ";
    assert!(code == Some(1) && said.contains(told), "{code:?} {said}");
    assert!(!said.contains("there is no tray"), "{said}");
    let (code, said) = run("unix:path=/nowhere", &[]);
    assert!(code == Some(1) && said.contains("there is no session bus"), "{code:?} {said}");
}

#[test]
fn it_speaks_the_users_language() {
    let mut stage = Stage::empty(&[], &[("LC_ALL", "es_ES.UTF-8")]);
    stage.v2m_starts();
    let tray = stage.tray();
    let menu = tray.menu();
    assert!(menu.find("Empezar a dictar").is_some(), "{menu:?}");
    let (_, menu) = tray.opens();
    assert!(menu.find("Español").unwrap().is_chosen, "{menu:?}");
}

/// An idle program uses no processor time, because nothing wakes it.
#[test]
fn it_sleeps_while_nothing_goes_on() {
    let (stage, tray) = Stage::start();
    stage.is("recording", now(), "");
    waits_for_icon(&tray, "v2m-recording-symbolic");
    stage.is("idle", 0.0, "");
    waits_for_icon(&tray, "v2m-idle-symbolic");
    // It sleeps in one long system call. Before that, it may still have something to finish.
    let before = stage.switches();
    std::thread::sleep(Duration::from_secs(4));
    let after = stage.switches();
    assert!(after <= before + 2, "it woke up {} times", after - before);
}
