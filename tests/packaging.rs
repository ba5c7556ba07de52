//! What `make` does with the user's folders, whatever they are called.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// `make purge`, as far as folders go: the rest needs an installation.
fn purge(config: &Path, data: &Path, state: &Path) -> String {
    let output = Command::new("bash")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/set-up.sh"))
        .arg("purge")
        .envs([("XDG_CONFIG_HOME", config), ("XDG_DATA_HOME", data), ("XDG_STATE_HOME", state)])
        .envs([
            ("BINDIR", "/nowhere"),
            ("DATADIR", "/nowhere"),
            ("UNITDIR", "/nowhere"),
            ("YES", "1"),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn purge_removes_v2ms_folders_and_no_other_whatever_they_are_called() {
    let home = tempfile::tempdir().unwrap();
    // A word of each name is the name of a folder that is not v2m's.
    let names = ["con fig", "-da ta\nmore", "st*te \"quoted\""];
    for bystander in ["con", "fig", "-da", "ta", "more", "state", "st"] {
        fs::create_dir_all(home.path().join(bystander).join("v2m/models")).unwrap();
    }
    let [config, data, state] = names.map(|name| home.path().join(name));
    let own = [config.join("v2m"), data.join("v2m/models"), state.join("v2m")];
    for folder in &own {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
    }
    let beside = data.join("v2m/other");
    fs::create_dir_all(&beside).unwrap();
    purge(&config, &data, &state);
    for folder in &own {
        assert!(!folder.exists(), "{} is left", folder.display());
    }
    assert!(beside.exists());
    for bystander in ["con", "fig", "-da", "ta", "more", "state", "st"] {
        assert!(home.path().join(bystander).join("v2m/models").exists(), "{bystander} is gone");
    }
    let said = purge(&config, &data, &state);
    assert!(said.contains("Neither"), "{said}");
}
