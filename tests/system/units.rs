//! The units: that systemd understands them, what they promise, and that no failure of the service closes the socket.

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
    for unit in ["v2m.socket", "v2m.service", "v2m-llm.socket", "v2m-llm.service"] {
        let output = lab::try_run("systemd-analyze", &["--user", "verify", &unit_file(unit)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "{unit}: {said}");
    }
}

#[test]
fn the_service_is_kept_from_the_network_and_its_exposure_is_told() {
    let _lab = Lab::new();
    let report = lab::run("systemd-analyze", &["--user", "security", "--no-pager", "v2m.service"]);
    let score = report.lines().find(|line| line.contains("exposure level"));
    println!("{}", score.expect("the report ends in a score").trim());
    let families = property("v2m.service", "RestrictAddressFamilies");
    let mut families: Vec<_> = families.split_whitespace().collect();
    families.sort_unstable();
    assert_eq!(families, ["AF_NETLINK", "AF_UNIX"]);
}

#[test]
fn the_socket_is_the_users_alone_and_starts_nothing_by_itself() {
    let lab = Lab::new();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(lab.socket()), 0o600);
    assert_eq!(mode(lab.runtime.join("v2m")), 0o700);
    assert_eq!(property("v2m.service", "ActiveState"), "inactive");
}

/// 60 presses on a service that cannot start, for one reason or another: far more than systemd's default limits allow.
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
