//! Tests the units: systemd accepts them, they restrict what they promise, and no failure of the
//! service closes the socket.

use crate::lab::{self, Lab, property, systemctl};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn unit_file(unit: &str) -> String {
    property(unit, "FragmentPath")
}

#[test]
fn systemd_understands_every_line() {
    let _lab = Lab::new();
    let sockets = ["v2m.socket", "v2m-llm.socket", "v2m-remote.socket"];
    for unit in sockets.into_iter().chain(["v2m.service", "v2m-llm.service", "v2m-remote.service"])
    {
        let output = lab::try_run("systemd-analyze", &["--user", "verify", &unit_file(unit)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "{unit}: {said}");
    }
}

#[test]
fn the_service_is_kept_from_the_network_and_its_exposure_is_told() {
    let _lab = Lab::new();
    println!("{}", exposure());
    assert_eq!(families("v2m.service"), ["AF_NETLINK", "AF_UNIX"]);
    // The other way round: these have a network, but no access to PipeWire, bus or display.
    for unit in ["v2m-llm.service", "v2m-remote.service"] {
        assert_eq!(families(unit), ["AF_INET", "AF_INET6", "AF_NETLINK"], "{unit}");
    }
}

/// Enables some of the optional drop-ins that are installed, until the next test.
fn walled(lab: &Lab, names: &[&str]) {
    let files = names.iter().map(|name| {
        fs::read_to_string(format!("/usr/local/share/v2m/{name}.conf")).expect("it is installed")
    });
    let lines: Vec<_> = files.collect();
    // As the drop-in says, a folder that does not exist when the service starts is not mounted.
    for folder in [".config/v2m", ".local/state/v2m"] {
        fs::create_dir_all(lab.home.join(folder)).unwrap();
    }
    lab.override_service(&lines.join("\n"));
}

fn exposure() -> String {
    let report = lab::run("systemd-analyze", &["--user", "security", "--no-pager", "v2m.service"]);
    let score = report.lines().find(|line| line.contains("exposure level"));
    score.expect("the report ends in a score").trim().to_owned()
}

/// Returns the entries that the running service sees in a folder.
fn sees(path: &str) -> Vec<String> {
    let root = format!("/proc/{}/root", property("v2m.service", "MainPID"));
    let found = fs::read_dir(format!("{root}{path}")).into_iter().flatten();
    found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn with_namespaces_it_dictates_and_can_write_its_own_files_alone() {
    let lab = Lab::new();
    walled(&lab, &["namespaces"]);
    lab.copies();
    println!("{}", exposure());
    let text = lab.dictate()["text"].as_str().unwrap().to_owned();
    assert_eq!(lab::clipboard().as_deref(), Some(text.as_str()));
    lab.wait_for_notice(&text);
    assert_eq!(lab.records().len(), 1);
    let pid = property("v2m.service", "MainPID");
    let inside = |command: &[&str]| {
        let enter = ["-U", "-m", "--preserve-credentials", "-t", &pid];
        lab::try_run("nsenter", &[&enter[..], command].concat()).status.success()
    };
    let home = lab.home.display();
    assert!(inside(&["touch", &format!("{home}/.local/state/v2m/mine")]));
    assert!(!inside(&["touch", &format!("{home}/theirs")]));
    // The service has its own /var/tmp.
    assert!(inside(&["touch", "/var/tmp/v2m-walls"]));
    assert!(!fs::exists("/var/tmp/v2m-walls").unwrap());
    // The service has its own network namespace, with only the loopback interface.
    let interfaces = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
    assert_eq!(interfaces.lines().filter(|line| line.contains(':')).count(), 1, "{interfaces}");
}

#[test]
fn with_an_empty_home_it_dictates_and_sees_none_of_the_users_files() {
    let lab = Lab::new();
    let secret = lab.home.join(".ssh");
    fs::create_dir_all(&secret).unwrap();
    fs::write(secret.join("id"), "secret").unwrap();
    walled(&lab, &["namespaces", "no-home"]);
    lab.copies();
    println!("{}", exposure());
    let text = lab.dictate()["text"].as_str().unwrap().to_owned();
    assert_eq!(lab::clipboard().as_deref(), Some(text.as_str()));
    assert_eq!(lab.records().len(), 1);
    let home = lab.home.to_str().unwrap();
    assert!(!sees(home).contains(&".ssh".to_owned()), "{:?}", sees(home));
    assert!(sees(home).contains(&".local".to_owned()), "{:?}", sees(home));
    assert!(!sees("/dev").contains(&"kmsg".to_owned()), "{:?}", sees("/dev"));
    fs::remove_dir_all(secret).unwrap();
}

fn families(unit: &str) -> Vec<String> {
    let families = property(unit, "RestrictAddressFamilies");
    let mut families: Vec<_> = families.split_whitespace().map(str::to_owned).collect();
    families.sort_unstable();
    families
}

#[test]
fn the_socket_is_the_users_alone_and_starts_nothing_by_itself() {
    let lab = Lab::new();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(lab.socket()), 0o600);
    assert_eq!(mode(lab.runtime.join("v2m")), 0o700);
    assert_eq!(property("v2m.service", "ActiveState"), "inactive");
}

/// Presses 60 times on a service that cannot start: far more often than systemd's default limits
/// allow.
fn press_in_vain(program: &str) {
    let lab = Lab::new();
    lab.override_service(&format!("ExecStart=\nExecStart={program}"));
    for _ in 0..60 {
        let answer = lab.connect().and_then(|mut client| client.call("PING", Value::Null));
        assert!(answer.is_err(), "{answer:?}");
    }
    assert_eq!(property("v2m.socket", "ActiveState"), "active");
    assert_eq!(property("v2m.socket", "Result"), "success");
}

#[test]
fn a_service_that_refuses_its_configuration_leaves_the_socket_open_and_is_not_restarted() {
    press_in_vain("/bin/sh -c 'exit 78'");
    lab::wait_for("its end", || (property("v2m.service", "ActiveState") == "failed").then_some(()));
    assert_eq!(property("v2m.service", "NRestarts"), "0");
}

#[test]
fn a_service_whose_program_is_missing_leaves_the_socket_open() {
    press_in_vain("/nonexistent/v2m");
}

#[test]
fn a_service_that_crashes_at_once_leaves_the_socket_open() {
    press_in_vain("/bin/sh -c 'kill -SEGV $$$$'");
    systemctl(&["stop", "v2m.service"]);
}
