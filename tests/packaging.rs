//! Tests what `make` does with the user's folders, whatever their names.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the part of `make purge` that removes folders. The rest needs an installation.
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
    // A word of each name is the name of a folder that does not belong to v2m.
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

/// Runs `make install-files` with arbitrary files as programs.
fn install_files(target: &Path, prefix: &Path, data: &Path) -> Output {
    let programs = target.join("debug");
    fs::create_dir_all(&programs).unwrap();
    for program in [
        "v2m",
        "v2m-engine",
        "v2m-llm",
        "v2m-model",
        "v2m-osd",
        "v2m-remote",
        "v2m-send",
        "v2m-settings",
        "v2m-tray",
    ] {
        fs::copy("/bin/true", programs.join(program)).unwrap();
    }
    Command::new("make")
        .args(["install-files", "BUILD=debug", "DEPS=no"])
        .arg(format!("PREFIX={}", prefix.display()))
        .arg(format!("TARGET={}", target.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("XDG_DATA_HOME", data)
        .output()
        .unwrap()
}

#[test]
fn it_installs_into_folders_with_spaces_and_systemd_finds_the_programs() {
    let home = tempfile::tempdir().unwrap();
    let prefix = home.path().join("a folder -x");
    let output = install_files(&home.path().join("built here"), &prefix, home.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for unit in [
        "v2m.service",
        "v2m-llm.service",
        "v2m-remote.service",
        "v2m-osd.service",
        "v2m-tray.service",
        "v2m-setup.service",
    ] {
        let file = prefix.join("lib/systemd/user").join(unit);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(&format!("ExecStart=\"{}/bin/v2m", prefix.display())), "{text}");
        // systemd-analyze reports a program that does not exist.
        let checked = Command::new("systemd-analyze")
            .args(["--user", "--man=no", "verify"])
            .arg(&file)
            .env("XDG_RUNTIME_DIR", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(!said.contains("is not executable") && !said.contains("bad"), "{said}");
    }
    let data = prefix.join("share");
    for program in ["v2m", "v2m-send", "v2m-model"] {
        for file in [
            format!("bash-completion/completions/{program}"),
            format!("zsh/site-functions/_{program}"),
            format!("fish/vendor_completions.d/{program}.fish"),
        ] {
            assert!(data.join(&file).exists(), "{file}");
        }
    }
    for file in [
        "share/icons/hicolor/symbolic/apps/v2m-recording-symbolic.svg",
        "etc/xdg/autostart/v2m-tray.desktop",
    ] {
        assert!(prefix.join(file).exists(), "{file}");
    }
    let extension = data.join("gnome-shell/extensions/v2m@v2m.org");
    for file in ["metadata.json", "extension.js", "locale/es/LC_MESSAGES/v2m-gnome.mo"] {
        assert!(extension.join(file).exists(), "{file}");
    }
    let walls = fs::read_to_string(prefix.join("share/v2m/no-home.conf")).unwrap();
    assert!(!walls.contains('@') && walls.contains(&format!("\"-{}/bin\"", prefix.display())));
}

/// The settings of desktops write into the file that `make install` creates for one user.
#[test]
fn an_icon_that_was_turned_off_stays_off() {
    let home = tempfile::tempdir().unwrap();
    let (target, prefix) = (home.path().join("built"), home.path().join("v2m"));
    let file = prefix.join("etc/xdg/autostart/v2m-tray.desktop");
    let install = || {
        let done = install_files(&target, &prefix, home.path());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let uninstall = || {
        let systemctl = fake_systemctl();
        let done = Command::new("make")
            .arg("uninstall")
            .arg(format!("PREFIX={}", prefix.display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", path_with(systemctl.path()))
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    install();
    let own = fs::read_to_string(&file).unwrap();
    for line in ["Hidden=true", "X-GNOME-Autostart-enabled=false"] {
        let off = format!("{own}{line}\n");
        fs::write(&file, &off).unwrap();
        let said = install();
        assert!(said.contains("stays turned off"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), off);
        uninstall();
        assert_eq!(fs::read_to_string(&file).unwrap(), off);
    }
    fs::write(&file, "Hidden=false\n").unwrap();
    install();
    assert_eq!(fs::read_to_string(&file).unwrap(), own);
    uninstall();
    assert!(!file.exists());
}

#[test]
fn it_does_not_install_into_a_folder_that_it_could_not_name() {
    let home = tempfile::tempdir().unwrap();
    for name in ["it's", "two\nlines", "a%b", "a&b", "say \"so\""] {
        let output =
            install_files(&home.path().join("built"), &home.path().join(name), home.path());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains("Choose another"), "{name}: {said}");
        assert!(!home.path().join(name).exists(), "{name}");
    }
}

/// Each kind of package is made by another tool, which reads the version from its own file.
#[test]
fn all_packages_have_the_version_of_the_programs() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("debian/changelog", format!("v2m ({version}-")),
        ("packaging/rpm/v2m.spec", format!("Version:        {version}\n")),
        ("packaging/arch/v2m/PKGBUILD", format!("pkgver={version}\n")),
        ("packaging/arch/v2m-bin/PKGBUILD", format!("pkgver={version}\n")),
    ] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert!(text.contains(&line), "{file} names another version than {version}");
    }
}

/// The path of the licence of NVIDIA's libraries.
const LICENCE: &str = "usr/lib/v2m/NVIDIA-EULA.txt";

/// Packages are made from these parts: each GPU engine with its files, and everything else.
#[test]
fn the_staged_tree_is_divided_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, out) = (folder.path().join("tree"), folder.path().join("out"));
    let drop_in = "usr/lib/systemd/user/v2m.service.d/gpu.conf";
    let files = [
        "usr/bin/v2m",
        "usr/bin/v2m-engine",
        "usr/bin/v2m-engine-cuda",
        "usr/bin/v2m-engine-gguf",
        "usr/bin/v2m-engine-gguf-cuda",
        "usr/bin/v2m-engine-gguf-vulkan",
        "usr/share/man/man1/v2m-engine-gguf-vulkan.1",
        "usr/bin/v2m-engine-v4",
        "usr/bin/a-new-program",
        "usr/lib/v2m/libcublas.so.13",
        "usr/lib/v2m/libcudart.so.13",
        LICENCE,
        "usr/lib/v2m/sessions",
        drop_in,
    ];
    for file in files {
        fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
        fs::write(tree.join(file), file).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/split.sh");
    let done = Command::new("bash").arg(script).args([&tree, &out]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let has = |package: &str, file: &str| out.join(package).join(file).exists();
    for file in ["usr/bin/v2m-engine-gguf-vulkan", "usr/share/man/man1/v2m-engine-gguf-vulkan.1"] {
        assert!(has("v2m-vulkan", file) && !has("v2m", file), "{file}");
    }
    for file in [
        "usr/bin/v2m-engine-cuda",
        "usr/bin/v2m-engine-gguf-cuda",
        "usr/lib/v2m/libcublas.so.13",
        LICENCE,
    ] {
        assert!(has("v2m-cuda", file) && !has("v2m", file), "{file}");
    }
    for gpu in ["cuda", "vulkan"] {
        assert!(has(&format!("v2m-{gpu}"), &drop_in.replace("gpu", gpu)));
    }
    for file in files {
        let apart = ["cu", "vulkan", drop_in, LICENCE].iter().any(|part| file.contains(part));
        assert_eq!(has("v2m", file), !apart, "{file}");
    }
    assert!(!tree.exists());
}

#[test]
fn nvidias_libraries_are_not_packaged_without_their_licence() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, out) = (folder.path().join("tree"), folder.path().join("out"));
    let library = tree.join("usr/lib/v2m/libcublas.so.13");
    fs::create_dir_all(library.parent().unwrap()).unwrap();
    fs::write(&library, "x").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/split.sh");
    let done = Command::new("bash").arg(script).args([&tree, &out]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("make engine-cuda"), "{said}");
}

/// Returns a folder with a `systemctl` that only appends its arguments to the file `calls` there.
fn fake_systemctl() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("systemctl");
    fs::write(&program, "#!/bin/sh\necho \"$*\" >>\"${0%/*}/calls\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Returns the calls of that `systemctl`, one per line.
fn asked(folder: &Path) -> Vec<String> {
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

/// Returns a search path that starts with that folder.
fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), env::var("PATH").unwrap())
}

/// Returns the names of the socket and service files in `systemd/`, sorted.
fn units() -> Vec<String> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut units: Vec<String> =
        names.filter(|name| name.ends_with(".socket") || name.ends_with(".service")).collect();
    units.sort();
    units
}

/// A unit that is missing from the list would keep running after a removal.
#[test]
fn every_unit_is_stopped_when_v2m_is_removed() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let said =
        Command::new("sh").arg(packaging.join("sessions")).arg("units").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let stopped: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
    let mut sorted = stopped.clone();
    sorted.sort();
    assert_eq!(sorted, units(), "packaging/sessions stops other units than there are");
    let place = |unit: &str| stopped.iter().position(|other| other == unit);
    for socket in stopped.iter().filter(|unit| unit.ends_with(".socket")) {
        let service = socket.replace(".socket", ".service");
        assert!(place(socket) < place(&service), "{service} is stopped before its socket");
    }

    let systemctl = fake_systemctl();
    let done = Command::new("bash")
        .arg(packaging.join("set-up.sh"))
        .arg("down")
        .env("PATH", path_with(systemctl.path()))
        .envs([("BINDIR", "/nowhere"), ("DATADIR", "/nowhere"), ("UNITDIR", "/nowhere")])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let expected: Vec<String> = stopped
        .iter()
        .map(|unit| {
            let what = if unit.ends_with(".socket") { "disable --now" } else { "stop" };
            format!("--user {what} {unit}")
        })
        .collect();
    let calls = asked(systemctl.path());
    let stops: Vec<String> = calls.into_iter().filter(|call| call.contains("v2m")).collect();
    assert_eq!(stops, expected, "packaging/set-up.sh down");
}

/// A package's tree is cleaned on a machine with a running v2m.
#[test]
fn removing_files_from_another_root_leaves_the_running_v2m_and_its_users_folders_alone() {
    for target in ["uninstall", "purge"] {
        let root = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let installed = root.path().join("usr/local/bin/v2m");
        fs::create_dir_all(installed.parent().unwrap()).unwrap();
        fs::write(&installed, "x").unwrap();
        let own = ["config/v2m", "data/v2m/models", "state/v2m"].map(|it| home.path().join(it));
        for folder in &own {
            fs::create_dir_all(folder).unwrap();
        }
        let systemctl = fake_systemctl();
        let done = Command::new("make")
            .args([target, "PREFIX=/usr/local"])
            .arg(format!("DESTDIR={}", root.path().display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", path_with(systemctl.path()))
            .envs([
                ("XDG_CONFIG_HOME", home.path().join("config")),
                ("XDG_DATA_HOME", home.path().join("data")),
                ("XDG_STATE_HOME", home.path().join("state")),
            ])
            // Answers every question with yes.
            .env("YES", "1")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(!installed.exists());
        assert_eq!(asked(systemctl.path()), Vec::<String>::new(), "{target}");
        for folder in &own {
            assert!(folder.exists(), "{target} has removed {}", folder.display());
        }
    }
}

/// Runs git without the user's settings.
fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=v2m", "-c", "user.email=v2m@v2m.invalid"])
        .args(args)
        .current_dir(folder)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_release_is_not_packaged_without_an_address_of_its_maintainer() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path();
    for file in ["packaging/check-release.sh", "debian/control", "debian/changelog"] {
        fs::create_dir_all(source.join(file).parent().unwrap()).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), source.join(file)).unwrap();
    }
    let check = || {
        let script = source.join("packaging/check-release.sh");
        let done = Command::new("bash").arg(script).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let placeholder = "v2m@example.org";
    let replace = |from: &str, to: &str| {
        for file in ["debian/control", "debian/changelog"] {
            let text = fs::read_to_string(source.join(file)).unwrap();
            fs::write(source.join(file), text.replace(from, to)).unwrap();
        }
    };
    // Replace the source's address, whatever it is, by the placeholder.
    let control = fs::read_to_string(source.join("debian/control")).unwrap();
    let address = control.lines().find(|line| line.starts_with("Maintainer:")).unwrap();
    let address = address.split_once('<').unwrap().1.trim_end_matches('>').to_owned();
    replace(&address, placeholder);
    assert_eq!(check(), (true, String::new()), "an archive is no commit with a tag");
    git(source, &["init", "--quiet"]);
    git(source, &["add", "."]);
    git(source, &["commit", "--quiet", "--message=v2m"]);
    git(source, &["tag", "before"]);
    assert_eq!(check(), (true, String::new()), "only tags of versions are releases");
    git(source, &["tag", "v0.1.0"]);
    let (may, said) = check();
    assert!(!may && said.contains("debian/control") && said.contains("debian/changelog"), "{said}");
    replace(placeholder, "someone@v2m.invalid");
    assert_eq!(check(), (true, String::new()));
}
