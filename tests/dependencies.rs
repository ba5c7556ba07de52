//! Tests v2m's dependencies: `deny.toml` must allow their licences and sources, and the notices
//! must name all of them. `make audit` also checks for known vulnerabilities; it needs cargo-deny
//! and a network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use spdx::{Expression, LicenseItem, ParseMode};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
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

/// Returns cargo's tree of the dependencies of v2m's packages along these edges, one line each in
/// this form. Only what is compiled on this machine: cargo also fetches some packages that no build
/// needs, to read their metadata.
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
        // Cargo prints every source except crates.io after the version.
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
    // This workspace's own packages, and their dependencies.
    assert!(packages.len() > 100, "{}", packages.len());
    assert!(offences.is_empty(), "not allowed by deny.toml: {offences:#?}");
}

/// Returns the package and all its dependencies.
fn packages_of(package: &str) -> BTreeSet<String> {
    let fixed = ["tree", "--locked", "--prefix", "none", "--format", "{p}"];
    let tree = output(&cargo(), &[&fixed[..], &["--package", package]].concat());
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    tree.lines().map(first).collect()
}

/// whisper.cpp and transcribe.cpp each contain a ggml, with the same names for different functions.
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
    // Packages that build C and C++, find system libraries, or read their headers.
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

/// Returns the licences under which the notices name each package, by `name version`.
fn noticed() -> BTreeMap<String, BTreeSet<String>> {
    let notices = read("THIRD-PARTY-NOTICES");
    let mut noticed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut lines = notices.lines();
    while lines.by_ref().any(|line| line.len() == 80 && line.trim_matches('=').is_empty()) {
        // A licence's text may have such a line too.
        let heading = lines.next().unwrap_or_default();
        let Some((_, id)) = heading.trim_end_matches(')').rsplit_once(" (") else { continue };
        for package in lines.by_ref().map_while(|line| line.strip_prefix("- ")) {
            noticed.entry(package.to_owned()).or_default().insert(id.to_owned());
        }
    }
    noticed
}

/// `make notices` must write exactly these packages, with their real licences. This check needs no
/// cargo-about.
#[test]
fn the_notices_name_every_package_in_the_programs_with_its_licences() {
    let tree = tree("normal", "{p} | {l}");
    let packages = tree.iter().filter(|line| !line.contains(env!("CARGO_MANIFEST_DIR")));
    let packages: BTreeMap<String, &str> = packages
        .filter_map(|line| {
            let (package, licence) = line.split_once(" | ")?;
            let mut words = package.split(' ');
            let name = format!("{} {}", words.next()?, words.next()?.trim_start_matches('v'));
            Some((name, licence.trim_end_matches(" (*)")))
        })
        .collect();
    assert!(packages.len() > 100, "{packages:?}");
    let noticed = noticed();
    let missing: Vec<_> = packages.keys().filter(|name| !noticed.contains_key(*name)).collect();
    let stale: Vec<_> = noticed.keys().filter(|name| !packages.contains_key(*name)).collect();
    let wrong: Vec<_> = packages
        .iter()
        .filter_map(|(name, licence)| {
            let named = noticed.get(name)?;
            let expression = Expression::parse_mode(licence, ParseMode::LAX).ok()?;
            let is_met = expression.evaluate(|wanted| match &wanted.license {
                LicenseItem::Spdx { id, .. } => named.contains(id.name),
                LicenseItem::Other { .. } => false,
            });
            (!is_met).then(|| format!("{name} is under {licence}, not {named:?}"))
        })
        .collect();
    assert!(
        missing.is_empty() && stale.is_empty() && wrong.is_empty(),
        "run `make notices`. THIRD-PARTY-NOTICES lacks {missing:#?}, and names what is in no \
         program any more, {stale:#?}, or is under other licences, {wrong:#?}"
    );
}

/// Returns the folder with the sources of a package from crates.io.
fn sources_of(package: &str) -> PathBuf {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let fixed = ["metadata", "--locked", "--format-version", "1", "--filter-platform"];
    let metadata = output(&cargo(), &[&fixed[..], &[&platform]].concat());
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|it| it["name"] == package).unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// Returns the copyright holders in the C and C++ sources below this folder, without the parts that
/// no engine of v2m compiles.
fn holders_in(folder: &Path) -> BTreeSet<String> {
    const NOT_COMPILED: [&str; 8] =
        ["cann", "hexagon", "kleidiai", "metal", "opencl", "openvino", "sycl", "webgpu"];
    const COMPILED: [&str; 9] = ["c", "cc", "cpp", "h", "hpp", "cu", "cuh", "comp", "glsl"];
    let mut holders = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if NOT_COMPILED.iter().any(|part| name.contains(part)) {
            continue;
        }
        if path.is_dir() {
            holders.extend(holders_in(&path));
        } else if name == "LICENSE"
            || path.extension().is_some_and(|it| COMPILED.iter().any(|known| it == *known))
        {
            let bytes = fs::read(&path).unwrap();
            holders.extend(String::from_utf8_lossy(&bytes).lines().filter_map(holder));
        }
    }
    holders
}

/// Returns the holder in a line like `// Copyright (c) 2023-2024 The authors.`
fn holder(line: &str) -> Option<String> {
    let (_, after) = line.split_once("Copyright ")?;
    let after = after.trim_start_matches("(c) ").trim_start_matches("(C) ");
    let (years, holder) = after.split_once(' ')?;
    let holder = holder.trim_end_matches(['.', ' ']);
    (years.starts_with(|it: char| it.is_ascii_digit()) && !holder.is_empty())
        .then(|| holder.to_owned())
}

/// cargo-about finds only Rust packages. packaging/notices.hbs has the rest, by hand.
#[test]
fn the_notices_name_the_holders_of_the_c_and_cpp_in_the_programs() {
    assert_eq!(holder("// MIT. Copyright (c) 2023-2024 A. and B."), Some("A. and B".to_owned()));
    assert_eq!(holder("AUTHORS OR COPYRIGHT HOLDERS"), None);
    let notices = read("THIRD-PARTY-NOTICES");
    for (package, folders) in [
        ("whisper-rs-sys", ["whisper.cpp/src", "whisper.cpp/ggml/include", "whisper.cpp/ggml/src"]),
        ("transcribe-cpp-sys", ["src", "ggml/include", "ggml/src"]),
    ] {
        let sources = sources_of(package);
        let holders: BTreeSet<String> =
            folders.iter().flat_map(|folder| holders_in(&sources.join(folder))).collect();
        // Both contain the code that llamafile and YaRN contributed to ggml.
        assert!(holders.contains("Mozilla Foundation") && holders.len() > 1, "{holders:?}");
        let missing: Vec<_> = holders.iter().filter(|it| !notices.contains(*it)).collect();
        assert!(missing.is_empty(), "packaging/notices.hbs lacks, of {package}, {missing:#?}");
    }
    assert!(notices.contains("ggml") && notices.contains("whisper.cpp"));
    let template = read("packaging/notices.hbs");
    let by_hand = template.split("{{#each licenses}}").next().unwrap();
    assert!(notices.starts_with(by_hand), "run `make notices`: packaging/notices.hbs was changed");
}
