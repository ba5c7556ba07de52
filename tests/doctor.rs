//! `v2m doctor`'s findings about the settings, without a service and a desktop. `tests/system`
//! tests its findings about those on a booted machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::path::Path;
use std::process::Command;

/// Returns the report's line with this name.
fn line(home: &Path, name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_v2m"))
        .arg("doctor")
        .env_clear()
        .env("PATH", home.join("nowhere"))
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("XDG_DATA_DIRS", home.join("share"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = words.into_iter().find(|words| words.get(1) == Some(&name));
    line.unwrap_or_default().join(" ")
}

#[test]
fn presets_and_applications_that_do_not_exist_are_told_before_the_first_text() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/v2m");
    std::fs::create_dir_all(&folder).unwrap();
    let configure = |text: &str| std::fs::write(folder.join("config.toml"), text).unwrap();
    configure("");
    assert_eq!(line(home.path(), "presets"), "", "nothing is asked for");

    let programs = home.path().join("share/applications");
    std::fs::create_dir_all(&programs).unwrap();
    let evolution = "[Desktop Entry]\nType=Application\nName=Evolution\nExec=evolution %U\n";
    std::fs::write(programs.join("org.gnome.Evolution.desktop"), evolution).unwrap();
    configure("[llm.applications]\n\"org.gnome.Evolutoin\" = \"emial\"\nkeepasxc = \"none\"\n");
    let told = line(home.path(), "presets");
    assert!(told.starts_with("warn presets llm.applications"), "{told}");
    for part in [
        "org.gnome.Evolutoin: there is no preset \"emial\"; there are: clean-up, email, notes, prompt.",
        "v2m found no program called org.gnome.Evolutoin. If no window has this class either, the \
         preset emial is never used. Did you mean org.gnome.Evolution? Then correct the name.",
        "v2m found no program called keepasxc. If no window has this class either, none of its texts \
         is kept from the language model. Use the name of its .desktop file",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }

    configure("[llm.applications]\nevolution = \"email\"\n");
    let told = "ok presets 1 application has a preset, and is known here";
    assert_eq!(line(home.path(), "presets"), told);
    // The user's own presets are known too.
    configure("[llm]\nprovider = \"ollama\"\npreset = \"standup\"\n");
    let told = line(home.path(), "presets");
    assert!(told.starts_with("warn presets llm.preset: there is no preset \"standup\""), "{told}");
    std::fs::create_dir(folder.join("presets")).unwrap();
    std::fs::write(folder.join("presets/standup.toml"), "instruction = 'Three points.'").unwrap();
    assert_eq!(line(home.path(), "presets"), "");
}
