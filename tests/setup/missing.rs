//! Tests each missing precondition: it has its own message and exit code, and nothing is left half
//! done.

use crate::house::House;
use crate::lab::{calls, furnish, in_terminal, without_terminal};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use v2m_testkit::pipewire::PipeWire;

fn house() -> House {
    let house = House::new("");
    furnish(&house, "active");
    house
}

#[test]
fn without_a_terminal_it_says_how_to_go_on() {
    let house = house();
    let (code, told) = without_terminal(&house, "GNOME", &[]);
    assert!(code == 2 && told.contains("v2m setup --yes"), "{told}");
    assert_eq!(calls(&house), "");
}

#[test]
fn a_configuration_that_is_not_valid_comes_first() {
    let house = house();
    house.configure("[engine]\nlanguage = 5\n");
    let (code, told) = without_terminal(&house, "GNOME", &["--yes"]);
    assert!(code == 78 && told.contains("engine.language = 5 is not allowed"), "{told}");
    assert_eq!(calls(&house), "");
}

/// Without --hold, the window that a notification opens would close when the set-up ends.
#[test]
fn what_is_wrong_with_the_configuration_can_be_read_before_the_window_closes() {
    let house = house();
    house.configure("[engine]\nlanguage = 5\n");
    let mut terminal = in_terminal(&house, "GNOME", &["--hold"]);
    // The line may be broken after it: the file's path has no fixed length.
    terminal.expect("engine.language");
    terminal.expect("Press Enter to finish. If this window stays open, close it. ");
    terminal.line("");
    assert_eq!(terminal.ended().0.code(), Some(78));
}

#[test]
fn a_configuration_that_cannot_be_written_is_told_and_left_alone() {
    let house = house();
    let before = fs::read_to_string(house.config_file()).unwrap();
    // No user, not even root, can create a file below a regular file.
    let elsewhere = house.path("home/none/config.toml");
    fs::write(house.path("home/none"), "").unwrap();
    fs::remove_file(house.config_file()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, house.config_file()).unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "languages"]);
    assert!(code == 78, "{told}");
    fs::remove_file(house.config_file()).unwrap();
    house.configure(&before);
    if rustix::process::geteuid().is_root() {
        return;
    }
    fs::set_permissions(house.path("config/v2m"), fs::Permissions::from_mode(0o555)).unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "languages"]);
    fs::set_permissions(house.path("config/v2m"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(code == 78 && told.contains("nothing was changed"), "{told}");
}

#[test]
fn no_pipewire_no_microphone_and_a_muted_one_each_have_their_sentence() {
    let mut house = house();
    let only = ["--yes", "--only", "microphone"];
    let (code, told) = without_terminal(&house, "GNOME", &only);
    assert!(code == 3 && told.contains("systemctl --user start pipewire wireplumber"), "{told}");
    let _turn = crate::dictation::turn();
    let find = |(name, folder)| (name == "PIPEWIRE_RUNTIME_DIR").then_some(folder);
    {
        let pipewire = PipeWire::start(&[]);
        house.pipewire = pipewire.environment().into_iter().find_map(find);
        let (code, told) = without_terminal(&house, "GNOME", &only);
        assert!(code == 3 && told.contains("Connect one"), "{told}");
    }
    let pipewire = PipeWire::start(&["only"]);
    house.pipewire = pipewire.environment().into_iter().find_map(find);
    let id = pipewire.node_id("only").unwrap().to_string();
    pipewire.run("wpctl", &["set-mute", &id, "1"]);
    let (code, told) = without_terminal(&house, "GNOME", &only);
    assert!(code == 3 && told.contains("is muted"), "{told}");
    let mut terminal = in_terminal(&house, "GNOME", &["--only", "microphone"]);
    terminal.expect("(the default one; MUTED)");
    terminal.expect("is muted, or its volume is 0");
    terminal.line("q");
    assert_eq!(terminal.ended().0.code(), Some(1), "left");
}

#[test]
fn no_user_manager_a_refusing_one_and_a_service_that_does_not_start() {
    let house = House::new("");
    furnish(&house, "inactive");
    let only = ["--yes", "--only", "service"];
    fs::write(house.path("programs/no-manager"), "").unwrap();
    fs::rename(house.path("run/v2m.sock"), house.path("run/away")).unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &only);
    assert!(code == 5 && told.contains("no systemd user manager answers"), "{told}");
    assert!(told.contains("No medium found"), "{told}");
    fs::remove_file(house.path("programs/no-manager")).unwrap();
    fs::write(house.path("programs/refused"), "").unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &only);
    assert!(code == 5 && told.contains("File is masked"), "{told}");
    fs::remove_file(house.path("programs/refused")).unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &only);
    assert!(code == 5 && told.contains("journalctl --user -u v2m"), "{told}");
    // Something else may have opened the socket.
    fs::rename(house.path("run/away"), house.path("run/v2m.sock")).unwrap();
    fs::write(house.path("programs/no-manager"), "").unwrap();
    let service = house.start();
    service.ready();
    let (code, told) = without_terminal(&service, "GNOME", &only);
    assert!(code == 0 && told.contains("Service: the service answers"), "{told}");
    service.end();
}

#[test]
fn a_model_that_cannot_be_downloaded_leaves_the_configuration_alone() {
    let house = House::without_model();
    furnish(&house, "active");
    house.configure("");
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "model"]);
    assert!(code == 4 && told.contains("Check the network"), "{told}");
    assert!(told.contains("MB to download, licence MIT (OpenAI)"), "{told}");
    assert_eq!(fs::read_to_string(house.config_file()).unwrap(), "");
    // Nobody publishes the model in the configuration.
    house.configure("[engine]\nmodel = \"mine\"\n");
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "model"]);
    assert!(code == 4 && told.contains("nobody publishes it"), "{told}");
}

/// Nothing can be stored in /proc: its file system reports no free space.
#[test]
fn a_full_disk_is_told_before_anything_is_downloaded() {
    let house = House::without_model();
    furnish(&house, "active");
    house.configure("");
    let full = |arguments: &[&str]| {
        let mut command = crate::lab::command(&house, env!("CARGO_BIN_EXE_v2m"), "GNOME");
        command.arg("setup").args(arguments).env("V2M_MODEL_DIR", "/proc/models");
        command
    };
    let (code, told) = crate::lab::said(full(&["--yes", "--only", "model"]).output().unwrap());
    assert!(code == 4 && told.contains("The disk has no room for base-q8_0"), "{told}");
    let only = full(&["--only", "model"]);
    let mut terminal = v2m_testkit::terminal::Terminal::run(only, 80, 24);
    terminal.expect("Which model?");
    terminal.line("tiny-q8_0");
    terminal.expect("The disk has no room for tiny-q8_0");
    terminal.expect("[1] ");
    terminal.line("s");
    let (status, told) = terminal.ended();
    assert!(status.success() && told.contains("skipped"), "{told}");
    assert_eq!(fs::read_to_string(house.config_file()).unwrap(), "");
}

#[test]
fn no_key_can_be_set_without_the_settings_of_gnome() {
    let house = house();
    let mut command = crate::lab::command(&house, env!("CARGO_BIN_EXE_v2m"), "GNOME");
    command.args(["setup", "--yes", "--only", "key"]).env("PATH", house.path("programs"));
    let (code, told) = crate::lab::said(command.output().unwrap());
    assert!(code == 0 && told.contains("give a key to this command"), "{told}");
    // These settings do not keep what is written.
    let script = "#!/bin/sh\nexec env GSETTINGS_BACKEND=memory /usr/bin/gsettings \"$@\"\n";
    let program = house.path("programs/gsettings");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, told) = without_terminal(&house, "GNOME", &["--yes", "--only", "key"]);
    assert!(code == 6 && told.contains("kept its old value"), "{told}");
}
