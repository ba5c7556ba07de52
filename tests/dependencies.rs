//! What v2m is made of besides its own code: the licences and sources that `deny.toml` allows, and
//! that the notices name all of it. `make audit` asks more (known faults), and needs cargo-deny and
//! a network for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use spdx::{Expression, LicenseItem, ParseMode};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Cargo's tree of what v2m's packages need along these edges, a line each in this form. Only what
/// this machine compiles: other packages are not in it. Cargo fetches some that no build needs, to
/// know of them.
fn tree(edges: &str, format: &str) -> BTreeSet<String> {
    let fixed = ["tree", "--locked", "--workspace", "--prefix", "none"];
    let asked = ["--edges", edges, "--format", format];
    let tree = output(&cargo(), &[&fixed[..], &asked].concat());
    tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn every_package_has_an_allowed_licence_and_comes_from_crates_io() {
    let rules: toml_edit::DocumentMut = read("deny.toml").parse().unwrap();
    let allowed: BTreeSet<&str> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l.as_str().unwrap())
        .collect();
    assert!(allowed.contains("MIT") && !allowed.contains("GPL-3.0-only"));
    let packages = tree("normal,build,dev", "{p} | {l}");
    let mut offences = Vec::new();
    for (package, licence) in packages.iter().filter_map(|line| line.split_once(" | ")) {
        // Cargo names every source but crates.io behind the version.
        let own = format!("({}", env!("CARGO_MANIFEST_DIR"));
        let package = package.trim_end_matches(" (proc-macro)");
        if package.contains('(') && !package.contains(&own) {
            offences.push(format!("{package} does not come from crates.io"));
        }
        let licence = licence.trim_end_matches(" (*)");
        let may = Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|wanted| {
                let exception = wanted.addition.as_ref().map(|a| format!(" WITH {a}"));
                let LicenseItem::Spdx { id, .. } = &wanted.license else { return false };
                let full = format!("{}{}", id.name, exception.unwrap_or_default());
                allowed.contains(full.as_str())
            })
        });
        if !may {
            offences.push(format!("{package} is under {licence:?}"));
        }
    }
    // This workspace's own packages, and what they are made of.
    assert!(packages.len() > 100, "{}", packages.len());
    assert!(offences.is_empty(), "not allowed by deny.toml: {offences:#?}");
}

/// The package and all that it needs.
fn packages_of(package: &str) -> BTreeSet<String> {
    let fixed = ["tree", "--locked", "--prefix", "none", "--format", "{p}"];
    let tree = output(&cargo(), &[&fixed[..], &["--package", package]].concat());
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    tree.lines().map(first).collect()
}

/// whisper.cpp and transcribe.cpp each bring a ggml, with the same names for different functions.
#[test]
fn no_program_has_two_versions_of_ggml() {
    let ggml = |package: &str| {
        let packages = packages_of(package);
        ["whisper-rs-sys", "transcribe-cpp-sys"].map(|sources| packages.contains(sources))
    };
    assert_eq!(ggml("v2m"), [true, false]);
    assert_eq!(ggml("v2m-engine-gguf"), [false, true]);
}

/// The recogniser's policy is built and tested in seconds, because it needs no decoder.
#[test]
fn what_recognisers_have_in_common_compiles_no_c() {
    // What builds C and C++, finds libraries of the system, or reads their headers.
    let builders = [
        "cc",
        "cmake",
        "bindgen",
        "pkg-config",
        "system-deps",
        "whisper-rs-sys",
        "transcribe-cpp-sys",
    ];
    let builds = |of: &str| {
        let packages = packages_of(of);
        builders.map(|builder| packages.contains(builder))
    };
    assert_eq!(builds("v2m-recogniser"), [false; 7]);
    assert!(builds("v2m-engine").contains(&true), "the search would find it if it were there");
}

/// Cargo's tree of what v2m's packages need at run time, and what that needs.
#[test]
fn the_notices_name_every_package_in_the_programs() {
    let tree = tree("normal", "{p}");
    let packages = tree.iter().filter(|line| !line.contains(env!("CARGO_MANIFEST_DIR")));
    let packages: BTreeSet<String> = packages
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('v')))
        })
        .collect();
    assert!(packages.len() > 100, "{packages:?}");
    let notices = read("THIRD-PARTY-NOTICES");
    let named: BTreeSet<&str> = notices.lines().map(|line| line.trim_start_matches("- ")).collect();
    let missing: Vec<_> = packages.iter().filter(|name| !named.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "run `make notices`; THIRD-PARTY-NOTICES lacks {missing:#?}");
    assert!(notices.contains("ggml") && notices.contains("whisper.cpp"));
}
