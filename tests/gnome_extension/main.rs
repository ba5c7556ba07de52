//! Tests v2m's extension of GNOME Shell as far as that is possible without a shell: its files, its
//! translations, and what it shows. `tests/system/gnome/extension.rs` tests it in the shell.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files in `gnome/` with this extension, sorted.
fn files(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("gnome")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    found.sort();
    assert!(!found.is_empty(), "there are no {ending} files in gnome/");
    found
}

/// Runs a program of the test packages, and returns its output. Panics if it fails.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}{errors}");
    said
}

/// Runs a module in GJS.
fn gjs(module: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    let module = root().join("tests/gnome_extension").join(module);
    run(Command::new("gjs").arg("-m").arg(module).args(arguments))
}

#[test]
fn every_sentence_has_its_spanish() {
    let folder = tempfile::tempdir().unwrap();
    let (template, compiled) = (folder.path().join("all.pot"), folder.path().join("es.mo"));
    let spanish = root().join("gnome/po/es.po");
    let mut extract = Command::new("xgettext");
    extract.args(["--from-code=UTF-8", "--language=JavaScript", "--keyword=gettext"]);
    run(extract.arg("--output").arg(&template).args(files("js")));
    let sentences = fs::read_to_string(&template).unwrap();
    assert!(sentences.contains("msgid \"Start Dictation\""), "{sentences}");
    // Fails if a translation is missing, empty or fuzzy.
    run(Command::new("msgcmp").arg(&spanish).arg(&template));
    run(Command::new("msgfmt")
        .args(["--check-format", "--output-file"])
        .arg(compiled)
        .arg(&spanish));
    // Translations of removed messages must be removed.
    let said = |text: &str| text.lines().filter(|line| line.starts_with("msgid ")).count();
    assert_eq!(said(&fs::read_to_string(&spanish).unwrap()), said(&sentences));
}

#[test]
fn every_module_can_be_parsed() {
    let said = gjs("parse.js", &files("js"));
    assert_eq!(said.lines().count(), files("js").len(), "{said}");
}

#[test]
fn nothing_waits_in_the_shells_own_thread_or_draws_by_gtk() {
    for file in files("js") {
        let text = fs::read_to_string(&file).unwrap();
        for word in
            ["_sync(", "imports.", "gi://Gtk", "gi://Gdk", "gi://Soup", "Subscribe'", "console.log"]
        {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}

#[test]
fn the_story_is_told_in_order() {
    assert_eq!(gjs("story.js", &[""; 0]).trim(), "ok");
}

#[test]
fn its_folder_is_named_as_it_names_itself_and_older_shells_do_not_load_it() {
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(root().join("gnome/metadata.json")).unwrap()).unwrap();
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let uuid = metadata["uuid"].as_str().unwrap();
    assert!(makefile.contains(&format!("extensions/{uuid}\n")));
    let domain = metadata["gettext-domain"].as_str().unwrap();
    assert!(makefile.contains(&format!("{domain}.mo\n")));
    let versions = metadata["shell-version"].as_array().unwrap();
    let versions: Vec<u32> =
        versions.iter().map(|it| it.as_str().unwrap().parse().unwrap()).collect();
    // Before 45, extensions were not ES modules.
    assert!(versions.contains(&48) && versions.iter().all(|version| *version >= 45));
}
