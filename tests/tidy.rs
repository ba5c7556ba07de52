//! Tests the house rules: the walls between rooms, the first line of every file, and code that no
//! file may contain.
//!
//! The maps in `src/lib.rs` and `crates/v2m-core/src/lib.rs` give the kind of each module. This
//! test reads them there, so a new room's row in the map puts it under the rules. Rules that
//! rustfmt and clippy check are not here.
//!
//! It needs only the standard library, so that `make check` can compile it without the rest of v2m.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its path in the repository, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Returns the numbered lines without comments and without the test module, which ends a file
    /// by convention.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line));
        let code = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]");
        code.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Returns whether it is only compiled for tests: in a folder or module with that name.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }

    /// Returns the daemon's module of the file: `src/store/mod.rs` and `src/store.rs` belong to
    /// `store`.
    fn room(&self) -> Option<&str> {
        self.room_below("src/")
    }

    /// Returns the file's module, if it is one of those in this folder.
    fn room_below(&self, folder: &str) -> Option<&str> {
        let inside = self.path.strip_prefix(folder)?;
        Some(inside.split('/').next()?.trim_end_matches(".rs"))
    }

    /// Returns `path:line` for every line of code that contains one of `needles`.
    fn holding(&self, needles: &[&str]) -> Vec<String> {
        let hits = self.code().filter(|(_, line)| needles.iter().any(|n| line.contains(n)));
        hits.map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim())).collect()
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["src", "crates", "tests", "benches", "fuzz"].map(|d| root().join(d)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 20, "the sources are not where they are looked for");
    found
}

/// The file that has the map of the daemon's rooms.
const ROOMS: &str = "src/lib.rs";
/// The file that has the map of the pure rooms.
const PURE_ROOMS: &str = "crates/v2m-core/src/lib.rs";

/// Returns module and kind of every row of the map in `file`.
fn map(file: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let rows = rows.map(|row| {
        let (module, rest) = row.split_once("`] | ").expect("a row is | [`module`] | kind | … |");
        (module.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned())
    });
    rows.collect()
}

fn modules_of_kind(kind: &str) -> Vec<String> {
    let rows = map(ROOMS).into_iter().chain(map(PURE_ROOMS));
    rows.filter(|(_, k)| k == kind).map(|(module, _)| module).collect()
}

/// Panics with a list of the violations, if there are any.
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn every_module_has_its_row_in_the_map() {
    for (file, kinds) in [(ROOMS, &["edge", "leaf", "wiring"][..]), (PURE_ROOMS, &["pure"])] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let modules = text.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
        let mut modules: Vec<_> = modules.map(str::to_owned).collect();
        modules.sort_unstable();
        let rows: Vec<_> = map(file).into_keys().collect();
        assert_eq!(rows, modules, "{file}: rows of the map, and modules");
        let count = text.lines().filter(|line| line.starts_with("//! | [`")).count();
        assert_eq!(count, rows.len(), "{file}: a module has two rows");
        for (module, kind) in map(file) {
            assert!(kinds.contains(&kind.as_str()), "{file}: {module} cannot be of kind {kind}");
        }
    }
}

/// Returns every module that a file names by a path from the crate's root, also in groups:
/// `crate::{store::Store, config}` names `store` and `config`.
fn named_modules(source: &Source) -> Vec<String> {
    let code: Vec<&str> = source.code().map(|(_, line)| line).collect();
    let code = code.join("\n");
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut starts = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                c if starts && !c.is_whitespace() => {
                    names.push(word(&group[at..]));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn names_are_found_alone_and_in_groups() {
    let text = "use crate::{a::{self, x}, b,\n c::D};\nlet y = crate::d::e();\n// crate::f\n";
    let source = Source { path: String::new(), text: text.to_owned() };
    assert_eq!(named_modules(&source), ["a", "b", "c", "d"]);
}

#[test]
fn edge_rooms_never_name_one_another() {
    let edges = modules_of_kind("edge");
    assert!(edges.len() > 3, "{edges:?}");
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.path.starts_with("src/")) {
        let Some(room) = source.room().filter(|room| edges.iter().any(|e| e == room)) else {
            continue;
        };
        let names = named_modules(source).into_iter();
        let others = names.filter(|name| name != room && edges.contains(name));
        offences.extend(others.map(|name| format!("{}: {name}", source.path)));
    }
    none("an edge room names another", &offences);
}

/// Crates with a runtime or a channel are not among the dependencies of `v2m-core`, so the compiler
/// refuses them. It depends on the standard library (`crates/v2m-core/clippy.toml` forbids its most
/// common impure parts), on `v2m-ipc`, and on `v2m-messages`, which only reads the locale.
#[test]
fn the_pure_rooms_know_no_runtime_clock_file_or_channel() {
    const WORLD: [&str; 13] = [
        "tokio",
        "async ",
        ".await",
        "std::fs",
        "std::io",
        "std::net",
        "std::os",
        "std::process",
        "std::sync",
        "std::thread",
        "std::env",
        "Instant::now",
        "SystemTime",
    ];
    let folder = PURE_ROOMS.trim_end_matches("lib.rs");
    let pure = modules_of_kind("pure");
    assert!(pure.iter().any(|module| module == "session"), "{pure:?}");
    let sources = sources();
    let mut offences = Vec::new();
    for room in &pure {
        let inside: Vec<_> =
            sources.iter().filter(|s| s.room_below(folder) == Some(room.as_str())).collect();
        assert!(!inside.is_empty(), "there is no {folder}{room}");
        offences.extend(inside.iter().flat_map(|s| s.holding(&WORLD)));
        let of_ipc = inside.iter().flat_map(|s| s.holding(&["v2m_ipc"]));
        // These modules have only functions and constants.
        let pure = |line: &String| {
            ["plain", "pcm", "spacing"].iter().any(|m| line.contains(&format!("v2m_ipc::{m}")))
        };
        offences.extend(of_ipc.filter(|line| !pure(line)));
    }
    none("a pure room reaches into the world", &offences);
}

/// In every room of the daemon, `crate::session` is a path into `v2m-core`.
#[test]
fn the_daemon_names_the_pure_rooms_by_their_own_names() {
    let text = fs::read_to_string(root().join(ROOMS)).unwrap();
    let names =
        text.lines().find_map(|l| l.strip_prefix("pub use v2m_core::{")?.strip_suffix("};"));
    let names: Vec<_> = names.expect("the pure rooms are named").split(", ").collect();
    let pure = modules_of_kind("pure");
    let unknown = names.iter().filter(|name| !pure.iter().any(|module| module == *name));
    none("no pure room", &unknown.map(|name| (*name).to_owned()).collect::<Vec<_>>());
    // Each pure room is either re-exported here, or extended by a module of the daemon.
    let own = map(ROOMS);
    let missing = pure.iter().filter(|p| !names.contains(&p.as_str()) && !own.contains_key(*p));
    none("a pure room that the daemon does not name", &missing.cloned().collect::<Vec<_>>());
}

#[test]
fn only_main_names_what_wires() {
    let wiring = modules_of_kind("wiring");
    assert!(wiring.iter().any(|module| module == "daemon"), "{wiring:?}");
    let is_wiring = |name: &str| wiring.iter().any(|module| module == name);
    let mut offences = Vec::new();
    for source in sources().iter().filter(|s| s.path.starts_with("src/")) {
        if source.path == "src/main.rs" || source.room().is_some_and(is_wiring) {
            continue;
        }
        let names = named_modules(source).into_iter().filter(|name| is_wiring(name));
        offences.extend(names.map(|name| format!("{}: {name}", source.path)));
        let by_bins: Vec<String> = wiring.iter().map(|module| format!("v2m::{module}")).collect();
        let by_bins: Vec<&str> = by_bins.iter().map(String::as_str).collect();
        offences.extend(source.holding(&by_bins));
    }
    none("wiring is named outside main", &offences);
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let sources = sources();
    let silent = sources.iter().filter(|s| !s.text.starts_with("//! "));
    none("no `//!` at the top", &silent.map(|s| s.path.clone()).collect::<Vec<_>>());
}

#[test]
fn nothing_unwraps_outside_tests() {
    let sources = sources();
    let offences = sources.iter().filter(|s| !s.is_test()).flat_map(|s| s.holding(&[".unwrap()"]));
    none("unwrap() outside tests", &offences.collect::<Vec<_>>());
}

/// Terminals obey control characters, and printed text may contain names of files and devices, or
/// the output of other programs.
#[test]
fn nothing_is_printed_but_by_plain() {
    // Split, so that this list does not violate the rule itself. `print!` is the end of `eprint!`.
    let ways = [
        concat!("print", "!("),
        concat!("println", "!("),
        concat!("writeln!(", "stdout"),
        concat!("writeln!(", "stderr"),
        concat!("writeln!(", "std::io::std"),
        concat!("writeln!(", "io::std"),
    ];
    let sources = sources();
    let programs =
        sources.iter().filter(|s| s.path.starts_with("src/") || s.path.contains("/src/"));
    let programs: Vec<_> = programs.filter(|s| !s.is_test()).collect();
    assert!(programs.iter().any(|s| s.path == "crates/v2m-ipc/src/plain.rs"));
    let offences: Vec<_> = programs.iter().flat_map(|s| s.holding(&ways)).collect();
    none("printed past v2m_ipc::plain", &offences);
}

#[test]
fn nothing_is_left_undone_and_no_test_is_switched_off() {
    // Split, so that this list does not violate the rule itself.
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[igno", "re"),
        concat!("static ", "mut "),
    ];
    let offences: Vec<_> = sources().iter().flat_map(|s| s.holding(&marks)).collect();
    none("left undone", &offences);
}

#[test]
fn no_channel_is_unbounded() {
    let sources = sources();
    let code = sources.iter().filter(|s| !s.is_test());
    let offences: Vec<_> =
        code.flat_map(|s| s.holding(&["unbounded", "mpsc::channel()"])).collect();
    none("an unbounded channel", &offences);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let places = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    let mut offences: Vec<_> = sources().iter().flat_map(|s| s.holding(&places)).collect();
    for file in ["Makefile", "Cargo.toml", "README.md", "ARCHITECTURE.md", ".cargo/config.toml"] {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        // `YOU` is a placeholder for the reader.
        let lines = text.lines().map(|line| line.replace(concat!("/ho", "me/YOU/"), "~/"));
        let lines = lines.filter(|line| places.iter().any(|place| line.contains(place)));
        offences.extend(lines.map(|line| format!("{file}: {line}")));
    }
    none("a path of one machine", &offences);
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let mut manifests = vec![root().join("Cargo.toml")];
    let crates = fs::read_dir(root().join("crates")).unwrap();
    manifests.extend(crates.map(|entry| entry.unwrap().path().join("Cargo.toml")));
    manifests.push(root().join("tests/testkit/Cargo.toml"));
    let mut offences = Vec::new();
    for manifest in &manifests {
        let mut inside = false;
        for line in fs::read_to_string(manifest).unwrap().lines() {
            if line.starts_with('[') {
                inside = line.contains("dependencies]");
                continue;
            }
            // A workspace dependency has its reason beside its version; our own crates are
            // described in the map.
            let ours = line.contains(".workspace = true") || line.starts_with("v2m-");
            if inside && line.contains('=') && !ours && !line.contains(" # ") {
                offences.push(format!("{}: {line}", manifest.display()));
            }
        }
    }
    none("a dependency without its reason", &offences);
}

/// SECURITY.md names the test for each of its rows.
#[test]
fn every_row_of_the_threat_model_has_its_test() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let table = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut rows = 0;
    for row in table {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<_> = last.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() && named.len() % 2 == 0, "no test in {row}");
        for pair in named.chunks(2) {
            let source = fs::read_to_string(root().join(pair[0])).expect(pair[0]);
            let function = format!("fn {}(", pair[1]);
            assert!(source.contains(&function), "{} has no {function}", pair[0]);
        }
        rows += 1;
    }
    assert!(rows > 10, "{rows}");
}
