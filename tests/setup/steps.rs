//! Tests each step: accepted, repeated, undone, and with `--yes`.

use crate::house::House;
use crate::lab::{calls, command, furnish, in_terminal, said, undo, without_terminal};
use serde_json::Value;
use std::fs;
use std::path::Path;
use v2m_testkit::pipewire::PipeWire;
use v2m_testkit::terminal::Terminal;

/// Returns the effective settings, as `v2m check-config` prints them.
fn settings(house: &House) -> Value {
    let output =
        command(house, env!("CARGO_BIN_EXE_v2m"), "").arg("check-config").output().unwrap();
    let (code, said) = said(output);
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(said.split_once('\n').unwrap().1).unwrap()
}

fn house() -> House {
    let house = House::new("");
    furnish(&house, "active");
    house
}

#[test]
fn languages_are_asked_until_they_are_known_and_undone_by_the_printed_command() {
    let service = house().start();
    service.ready();
    let before = settings(&service);
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "languages"]);
    terminal.expect("Which languages do you dictate in? [en] ");
    terminal.line("spansh");
    terminal.expect("es (Spanish)");
    terminal.expect("[en] ");
    terminal.line("Spanish, en");
    terminal.expect("Spanish, English; v2m detects which");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    let engine = settings(&service)["engine"].clone();
    assert_eq!(engine["language"], "auto");
    assert_eq!(engine["languages"], serde_json::json!(["es", "en"]));
    undo(&service, &told.replace('\r', ""));
    assert_eq!(settings(&service), before);
    service.end();
}

/// The second time, the earlier answers are the defaults, and nothing changes.
#[test]
fn a_repeated_step_keeps_what_it_finds() {
    let house = house();
    let once = || {
        let mut terminal = in_terminal(&house, "GNOME", &["--only", "languages"]);
        terminal.expect("dictate in?");
        terminal
    };
    let mut terminal = once();
    terminal.line("de");
    assert!(terminal.ended().1.contains("To undo"));
    let text = fs::read_to_string(house.config_file()).unwrap();
    assert!(text.contains("language = \"de\""), "{text}");
    let mut terminal = once();
    terminal.expect("[de] ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert!(status.success() && !told.contains("To undo"), "{told}");
    assert_eq!(fs::read_to_string(house.config_file()).unwrap(), text);
}

#[test]
fn the_language_of_the_locale_is_the_default() {
    let house = house();
    let mut command = command(&house, env!("CARGO_BIN_EXE_v2m"), "GNOME");
    command.args(["setup", "--yes", "--only", "languages"]).env("LC_ALL", "es_MX.UTF-8");
    let (code, told) = said(command.output().unwrap());
    assert!(code == 0 && told.contains("español"), "{told}");
    assert_eq!(settings(&house)["engine"]["language"], "es");
}

/// Detection is a valid choice too, and the locale must not replace it.
#[test]
fn a_language_that_was_chosen_stays_whatever_the_locale_says() {
    let house = house();
    for text in ["[engine]\nlanguage = \"auto\"\n", "[engine]\nlanguages = [\"es\", \"en\"]\n"] {
        house.configure(text);
        let mut command = command(&house, env!("CARGO_BIN_EXE_v2m"), "GNOME");
        command.args(["setup", "--yes", "--only", "languages"]).env("LC_ALL", "de_DE.UTF-8");
        let (code, told) = said(command.output().unwrap());
        assert!(code == 0 && !told.contains("config set"), "{told}");
        assert_eq!(fs::read_to_string(house.config_file()).unwrap(), text);
    }
    house.configure("[engine]\nlanguage = \"auto\"\n");
    let mut terminal = in_terminal(&house, "GNOME", &["--only", "languages"]);
    terminal.expect("dictate in? [auto] ");
    terminal.line("");
    assert_eq!(terminal.ended().0.code(), Some(0));
}

#[test]
fn a_socket_that_listens_only_until_the_session_ends_is_enabled() {
    let house = house();
    fs::write(house.path("programs/disabled"), "").unwrap();
    let service = house.start();
    service.ready();
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "service"]);
    terminal.expect("v2m.socket is listening, but disabled");
    terminal.expect("(Y/n) ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(calls(&service).contains("systemctl --user enable --now v2m.socket"));
    undo(&service, &told.replace('\r', ""));
    assert!(calls(&service).ends_with("systemctl --user disable v2m.socket\n"));
    service.end();
}

#[test]
fn the_socket_is_enabled_if_the_user_agrees_and_disabled_by_the_printed_command() {
    let house = House::new("");
    furnish(&house, "inactive");
    let service = house.start();
    service.ready();
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "service"]);
    terminal.expect("v2m.socket is inactive");
    terminal.expect("(Y/n) ");
    terminal.line("n");
    let (_, told) = terminal.ended();
    assert!(told.contains("Later: v2m setup --only service"), "{told}");
    assert!(!calls(&service).contains("enable"), "{}", calls(&service));
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "service"]);
    terminal.expect("(Y/n) ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(told.contains("the service answers"), "{told}");
    assert!(calls(&service).contains("systemctl --user enable --now v2m.socket"));
    undo(&service, &told.replace('\r', ""));
    assert!(calls(&service).ends_with("systemctl --user disable --now v2m.socket\n"));
    service.end();
}

#[test]
fn a_key_is_set_on_gnome_conflicts_are_told_and_it_is_removed_again() {
    let house = house();
    let gsettings = |arguments: &[&str]| {
        let (code, told) =
            said(command(&house, "gsettings", "GNOME").args(arguments).output().unwrap());
        assert_eq!(code, 0, "{told}");
        told
    };
    // Another shortcut of the user already uses the first of the keys.
    let taken = ["set", "org.gnome.desktop.wm.keybindings", "maximize", "['<Control><Alt>v']"];
    gsettings(&taken);
    let mut terminal = in_terminal(&house, "GNOME", &["--only", "key"]);
    terminal.expect("<Control><Alt>v is used by “maximize”");
    terminal.expect("[<Control><Alt>space] ");
    terminal.line("nonsense key");
    terminal.expect("is not a key combination");
    terminal.line("<Control><Alt>v");
    terminal.expect("is used by");
    terminal.expect("[<Control><Alt>space] ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(told.contains("<Control><Alt>space dictates"), "{told}");
    // The second time, the shortcut already exists.
    let mut terminal = in_terminal(&house, "GNOME", &["--only", "key"]);
    terminal.expect("<Control><Alt>space runs");
    terminal.expect("Choose another key? (y/N) ");
    terminal.line("");
    assert_eq!(terminal.ended().0.code(), Some(0));
    undo(&house, &told.replace('\r', ""));
    let list = "org.gnome.settings-daemon.plugins.media-keys";
    assert_eq!(gsettings(&["get", list, "custom-keybindings"]).trim(), "@as []");
}

#[test]
fn other_desktops_get_their_line_or_dialog() {
    let house = house();
    for (desktop, told) in [
        ("sway", "bindsym --no-repeat $mod+Shift+d exec "),
        ("Hyprland", "bind = SUPER, D, exec, "),
        ("i3", "bindsym $mod+Shift+d exec --no-startup-id "),
        ("KDE", "System Settings"),
        ("XFCE", "keyboard settings"),
    ] {
        let (code, said) = without_terminal(&house, desktop, &["--yes", "--only", "key"]);
        assert!(code == 0 && said.contains(told), "{desktop}: {said}");
        assert!(said.contains("v2m-send toggle"), "{desktop}: {said}");
        assert!(said.contains("Key: not set by v2m. Give a key to "), "{desktop}: {said}");
    }
    let folder = house.path("config/sway");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config"), "bindsym x exec v2m-send toggle\n").unwrap();
    let (_, said) = without_terminal(&house, "sway", &["--yes", "--only", "key"]);
    assert!(said.contains("has a key for v2m already"), "{said}");
}

/// Regression: lines that were longer than the terminal's width broke within words.
#[test]
fn lines_break_between_words_at_the_terminals_width() {
    let house = house();
    for locale in ["C.UTF-8", "es_MX.UTF-8"] {
        let told = |columns| {
            let mut command = command(&house, env!("CARGO_BIN_EXE_v2m"), "KDE");
            command.args(["setup", "--only", "key"]).env("LC_ALL", locale);
            let mut terminal = Terminal::run(command, columns, 24);
            // Ctrl+D leaves in every language.
            terminal.keys("\u{4}");
            terminal.ended().1.replace('\r', "")
        };
        let widest = |told: &str| {
            let sentences = told.lines().filter(|line| !line.contains("v2m-send toggle"));
            sentences.map(|line| line.chars().count()).max().unwrap()
        };
        let words = |told: &str| told.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (narrow, wide) = (told(40), told(300));
        assert!((30..=40).contains(&widest(&narrow)), "{narrow}");
        // Longer lines are hard to read.
        assert!((80..=100).contains(&widest(&wide)), "{wide}");
        assert_eq!(words(&narrow), words(&wide));
        // A command can be copied in one piece, however wide the terminal is.
        let client = Path::new(env!("CARGO_BIN_EXE_v2m")).with_file_name("v2m-send");
        let line = format!("  {} toggle\n", client.display());
        assert!(narrow.contains(&line), "{narrow}");
    }
}

#[test]
fn where_texts_go_is_told_for_this_desktop_and_set() {
    let service = house().start();
    service.ready();
    let before = settings(&service);
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "texts"]);
    let told = terminal.expect("Where should texts go? [4] ");
    assert!(told.contains("1. What suits the desktop. Here texts go to the clipboard: "), "{told}");
    assert!(told.contains("4. As it is: none"), "{told}");
    terminal.line("7");
    terminal.expect("Type a number from 1 to 4.");
    terminal.line("2");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    assert_eq!(settings(&service)["deliver"]["mode"], "clipboard");
    undo(&service, &told.replace('\r', ""));
    assert_eq!(settings(&service), before);
    service.end();
}

#[test]
fn the_extension_is_offered_where_it_is_installed() {
    let house = house();
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "extension"]);
    assert!(code == 0 && told.contains("It is not installed"), "{told}");
    let folder = house.path("data/gnome-shell/extensions/v2m@example.org");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("metadata.json"), "{}").unwrap();
    // A running shell does not know the new extension yet.
    fs::write(house.path("programs/unknown"), "").unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "extension"]);
    assert!(code == 0 && told.contains("log out and in once"), "{told}");
    fs::remove_file(house.path("programs/unknown")).unwrap();
    let mut terminal = in_terminal(&house, "GNOME", &["--only", "extension"]);
    terminal.expect("Enable it? (Y/n) ");
    terminal.line("y");
    let (_, told) = terminal.ended();
    assert!(calls(&house).contains("gnome-extensions enable v2m@example.org"));
    undo(&house, &told.replace('\r', ""));
    assert!(calls(&house).ends_with("gnome-extensions disable v2m@example.org\n"));
    let (_, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "extension"]);
    assert!(told.contains("v2m@example.org is enabled"), "{told}");
}

#[test]
fn a_microphone_is_chosen_by_listening() {
    let _turn = crate::dictation::turn();
    let pipewire = PipeWire::start(&["first", "second"]);
    let mut house = house();
    let find = |(name, folder)| (name == "PIPEWIRE_RUNTIME_DIR").then_some(folder);
    house.pipewire = pipewire.environment().into_iter().find_map(find);
    crate::dictation::speak(&house.path("speech.wav"));
    let _speaker = pipewire.play(&house.path("speech.wav"), "second");
    let service = house.start();
    service.ready();
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "microphone"]);
    let told = terminal.expect("Which microphone? [1] ");
    assert!(told.contains("(the default one)"), "{told}");
    terminal.line("1");
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.line("");
    // This terminal cannot overwrite lines, so the level is printed as text.
    terminal.expect("level -120 dBFS");
    terminal.line("");
    terminal.expect("was silent throughout");
    terminal.expect("What now? [2] ");
    terminal.line("3");
    terminal.expect("Which microphone? [1] ");
    terminal.line("2");
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.line("");
    terminal.expect("level -");
    terminal.expect("level -");
    terminal.line("");
    terminal.expect("You are heard well");
    terminal.expect("What now? [1] ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    assert_eq!(settings(&service)["capture"]["source"], "second");
    undo(&service, &told.replace('\r', ""));
    assert_eq!(settings(&service)["capture"]["source"], "");
    let (code, told) = without_terminal(&service, "GNOME", &["--yes", "--only", "microphone"]);
    assert!(code == 0 && told.contains("(the default one)"), "{told}");
    service.end();
}
