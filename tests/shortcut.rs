//! Tests `v2m shortcut` with GNOME's real settings schemas, in a private settings file.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::path::Path;
use std::process::{Command, Output};

const LIST: [&str; 2] = ["org.gnome.settings-daemon.plugins.media-keys", "custom-keybindings"];

struct Desktop(tempfile::TempDir);

impl Desktop {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .env("GSETTINGS_BACKEND", "keyfile")
            .env("XDG_CONFIG_HOME", self.0.path())
            .env("HOME", self.0.path())
            .output()
            .unwrap()
    }

    /// Runs gsettings, which must succeed. Returns its standard output.
    fn gsettings(&self, arguments: &[&str]) -> String {
        let output = self.run("gsettings", arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs `v2m shortcut`. Returns its exit code and output.
    fn shortcut(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(env!("CARGO_BIN_EXE_v2m"), &[&["shortcut"], arguments].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    fn list(&self) -> String {
        self.gsettings(&["get", LIST[0], LIST[1]])
    }

    fn entry(&self, name: &str, key: &str) -> String {
        self.gsettings(&["get", &schema(name), key])
    }
}

fn schema(name: &str) -> String {
    let path = "/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings";
    format!("org.gnome.settings-daemon.plugins.media-keys.custom-keybinding:{path}/{name}/")
}

#[test]
fn it_is_installed_shown_changed_and_removed() {
    let desktop = Desktop::new();
    let (code, said) = desktop.shortcut(&["show"]);
    assert!(code == 0 && said.contains("v2m shortcut install"), "{said}");
    let (code, said) = desktop.shortcut(&["install"]);
    assert!(code == 0 && said.contains("<Control><Alt>v"), "{said}");
    assert_eq!(desktop.entry("v2m", "binding"), "'<Control><Alt>v'");
    let client = Path::new(env!("CARGO_BIN_EXE_v2m-send")).display();
    assert_eq!(desktop.entry("v2m", "command"), format!("'{client} toggle'"));
    let (code, said) = desktop.shortcut(&["show"]);
    assert!(code == 0 && said.contains("<Control><Alt>v"), "{said}");

    assert_eq!(desktop.shortcut(&["install", "--binding", "<Super>F8"]).0, 0);
    assert_eq!(desktop.entry("v2m", "binding"), "'<Super>F8'");
    // A repeated installation, as `make install` may do it, does not change the user's key.
    assert_eq!(desktop.shortcut(&["install"]).0, 0);
    assert_eq!(desktop.entry("v2m", "binding"), "'<Super>F8'");

    assert_eq!(desktop.shortcut(&["remove"]).0, 0);
    assert_eq!(desktop.list(), "@as []");
    assert_eq!(desktop.entry("v2m", "command"), "''");
    let (code, said) = desktop.shortcut(&["remove"]);
    assert!(code == 0 && said.contains("no shortcut"), "{said}");
}

#[test]
fn each_language_has_a_key_of_its_own_beside_the_first() {
    let desktop = Desktop::new();
    assert_eq!(desktop.shortcut(&["install"]).0, 0);
    let (code, said) =
        desktop.shortcut(&["install", "--language", "Spanish", "--binding", "<Super>F8"]);
    assert!(code == 0 && said.contains("<Super>F8 dictates in Spanish"), "{said}");
    let client = Path::new(env!("CARGO_BIN_EXE_v2m-send")).display();
    assert_eq!(desktop.entry("v2m-es", "command"), format!("'{client} toggle --language es'"));
    assert_eq!(desktop.entry("v2m-es", "name"), "'v2m: dictate (Spanish)'");
    // Without a key, it gets the first free one, and keeps it when it is installed again.
    for _ in 0..2 {
        let (code, said) = desktop.shortcut(&["install", "--language", "fr"]);
        assert!(code == 0 && said.contains("<Control><Alt>space"), "{said}");
    }
    let (_, listed) = desktop.shortcut(&["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(lines[0].starts_with("<Control><Alt>v runs") && lines[0].ends_with(" toggle"));
    assert!(lines[1].starts_with("<Super>F8 runs") && lines[1].ends_with("--language es"));
    assert_eq!(desktop.shortcut(&["show"]).1, listed);
    // No two shortcuts share a key.
    let (code, said) = desktop.shortcut(&["install", "--binding", "<Super>F8"]);
    assert!(code == 1 && said.contains("dictate (Spanish)"), "{said}");
    let (code, said) = desktop.shortcut(&["install", "--language", "spansh"]);
    assert!(code == 2 && said.contains("es (Spanish)"), "{said}");

    let continuous = ["install", "--continuous", "--binding", "<Super>F7"];
    let (code, said) = desktop.shortcut(&continuous);
    assert!(code == 0 && said.contains("sentence after sentence"), "{said}");
    assert_eq!(
        desktop.entry("v2m-continuous", "command"),
        format!("'{client} toggle --continuous'")
    );
    assert_eq!(desktop.shortcut(&["remove", "--continuous"]).0, 0);

    assert_eq!(desktop.shortcut(&["remove", "--language", "es"]).0, 0);
    assert_eq!(desktop.shortcut(&["list"]).1.lines().count(), 2);
    let (code, said) = desktop.shortcut(&["remove", "--language", "es"]);
    assert!(code == 0 && said.contains("no such shortcut for Spanish"), "{said}");
    let (code, said) = desktop.shortcut(&["remove"]);
    assert!(code == 0 && said.contains("2 shortcuts"), "{said}");
    assert_eq!(desktop.list(), "@as []");
    assert_eq!(desktop.entry("v2m-fr", "command"), "''");
}

#[test]
fn the_users_own_shortcuts_stay_and_their_keys_are_not_taken() {
    let desktop = Desktop::new();
    let path = schema("custom0");
    for (key, value) in
        [("name", "it's a \"terminal\""), ("command", "foot"), ("binding", "<Alt><Ctrl>V")]
    {
        desktop.gsettings(&["set", &path, key, value]);
    }
    let list = format!("['{}']", path.split_once(':').unwrap().1);
    desktop.gsettings(&["set", LIST[0], LIST[1], &list]);
    let (code, said) = desktop.shortcut(&["install"]);
    assert!(code == 0 && said.contains("<Control><Alt>space"), "{said}");
    let (code, said) = desktop.shortcut(&["install", "--binding", "<Control><Alt>v"]);
    assert!(code == 1 && said.contains("it's a \"terminal\""), "{said}");
    assert_eq!(desktop.entry("v2m", "binding"), "'<Control><Alt>space'");
    assert_eq!(desktop.shortcut(&["remove"]).0, 0);
    assert_eq!(desktop.list(), list);
    assert_eq!(desktop.entry("custom0", "binding"), "'<Alt><Ctrl>V'");
}

#[test]
fn gnomes_own_keys_and_nonsense_are_refused() {
    let desktop = Desktop::new();
    let own = desktop.gsettings(&["get", LIST[0], "screensaver"]);
    let own = own.trim_matches(['[', ']', '\'']);
    let (code, said) = desktop.shortcut(&["install", "--binding", own]);
    assert!(code == 1 && said.contains("screensaver"), "{own}: {said}");
    for nonsense in ["", "<Super>", "<Hyperspace>d", "dictate!"] {
        let (code, said) = desktop.shortcut(&["install", "--binding", nonsense]);
        assert!(code == 1 && said.contains("not a key combination"), "{nonsense}: {said}");
    }
    assert_eq!(desktop.list(), "@as []");
}

#[test]
fn without_gnome_it_says_what_to_do() {
    let desktop = Desktop::new();
    let nowhere = Command::new(env!("CARGO_BIN_EXE_v2m"))
        .args(["shortcut", "install"])
        .env("PATH", desktop.0.path())
        .output()
        .unwrap();
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert!(!nowhere.status.success() && said.contains("v2m-send toggle"), "{said}");
}
