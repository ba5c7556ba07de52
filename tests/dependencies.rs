//! What v2m is made of besides its own code: the licences and sources that `deny.toml` allows, and that the notices name all of it.
//! `make audit` asks more (known faults), and needs cargo-deny and a network for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use serde_json::Value;
use spdx::{Expression, LicenseItem, ParseMode};
use std::collections::{BTreeMap, BTreeSet};
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

/// What cargo knows of the packages that this machine compiles; those of other systems need not be there.
fn metadata() -> Value {
    let about = output("rustc", &["-vV"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let all = ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform"];
    serde_json::from_str(&output(&cargo(), &[&all[..], &[host]].concat())).unwrap()
}

fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (package["id"].as_str().unwrap(), package)).collect()
}

fn name(package: &Value) -> String {
    format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
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
    let metadata = metadata();
    let packages = packages(&metadata);
    let mut offences = Vec::new();
    for package in packages.values() {
        let source = package["source"].as_str();
        if source.is_some_and(|s| s != "registry+https://github.com/rust-lang/crates.io-index") {
            offences.push(format!("{} comes from {}", name(package), source.unwrap()));
        }
        let licence = package["license"].as_str().unwrap_or_default();
        let may = Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|wanted| {
                let exception = wanted.addition.as_ref().map(|a| format!(" WITH {a}"));
                let LicenseItem::Spdx { id, .. } = &wanted.license else { return false };
                let full = format!("{}{}", id.name, exception.unwrap_or_default());
                allowed.contains(full.as_str())
            })
        });
        if !may {
            offences.push(format!("{} is under {licence:?}", name(package)));
        }
    }
    // This workspace's own packages, and what they are made of.
    assert!(packages.len() > 100, "{}", packages.len());
    assert!(offences.is_empty(), "not allowed by deny.toml: {offences:#?}");
}

/// Cargo's tree of what v2m's packages need at run time, and what that needs.
#[test]
fn the_notices_name_every_package_in_the_programs() {
    let tree = "tree --locked --offline --workspace --edges normal --prefix none --format {p}";
    let tree = output(&cargo(), &tree.split(' ').collect::<Vec<_>>());
    let packages = tree.lines().filter(|line| !line.contains(env!("CARGO_MANIFEST_DIR")));
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
