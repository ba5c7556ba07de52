//! Tests documents and workflows: links, the README's length, pinned actions, and that the
//! protocol's page is complete.
//!
//! `manuals.rs` tests whether the documented commands exist. Whether the documents are true is not
//! tested.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders with documents; their subfolders are not searched.
const FOLDERS: [&str; 5] = ["", "docs", "examples", "assets", ".github"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect()
}

fn documents() -> Vec<PathBuf> {
    let found: Vec<_> =
        FOLDERS.iter().flat_map(|folder| files(&root().join(folder), "md")).collect();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// Returns the text without code blocks, in which brackets and `#` have another meaning.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside && !line.starts_with("    ") {
            prose += line;
            prose.push('\n');
        }
    }
    prose
}

/// Returns the anchor that Markdown renderers give a heading: lower case, without punctuation,
/// hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
}

fn anchors(document: &Path) -> BTreeSet<String> {
    let text = prose(&read(document));
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// Returns the target of each `[…](…)` in a text.
fn links(text: &str) -> Vec<&str> {
    let rest = text.split("](").skip(1);
    rest.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect()
}

#[test]
fn anchors_are_those_of_the_renderers() {
    assert_eq!(anchor("What you say, and what v2m writes"), "what-you-say-and-what-v2m-writes");
    assert_eq!(anchor("GET_STATUS"), "get_status");
    assert_eq!(anchor("Compatibility with `x`"), "compatibility-with-x");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut offences = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = prose(&read(&document));
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            let there =
                target.exists() && (heading.is_empty() || anchors(&target).contains(heading));
            if !there {
                offences.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(count > 30, "found {count} links");
    assert!(offences.is_empty(), "links that lead nowhere: {offences:#?}");
}

#[test]
fn no_document_names_a_path_of_one_machine() {
    let places = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    for document in documents().into_iter().chain(files(&root().join("docs/man"), "1")) {
        let text = read(&document);
        for place in places {
            assert!(!text.contains(place), "{}: {place}", document.display());
        }
    }
}

/// A tag can be moved to other code; a commit cannot.
#[test]
fn workflows_pin_each_action_by_its_commit() {
    let workflows = files(&root().join(".github/workflows"), "yml");
    let text: String = workflows.iter().map(read).collect();
    let used: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("uses: ")).map(|u| u.1).collect();
    assert!(used.len() > 3, "{used:?}");
    for action in used {
        let (_, pin) = action.split_once('@').unwrap();
        let (commit, version) = pin.split_once(" # v").unwrap_or((pin, ""));
        let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
        assert!(is_commit && !version.is_empty(), "{action}: write @COMMIT # vVERSION");
    }
}

/// The README is what newcomers read first. Details belong in `docs/`.
#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 1_200, "README.md has {words} words");
}

fn is_name(text: &str, letter: fn(&char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(|c| letter(&c) || c == '_')
}

/// Returns the quoted strings in a part of a source file that are names of these letters.
fn names(file: &str, from: &str, to: &str, letter: fn(&char) -> bool) -> BTreeSet<String> {
    let text = read(file);
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{file} has no {from:?}"));
    let (part, _) = rest.split_once(to).unwrap();
    let quoted = part.split('"').skip(1).step_by(2).filter(|name| is_name(name, letter));
    quoted.map(str::to_owned).collect()
}

/// Returns the candidate file that contains the text, because types may move.
fn file_with(text: &str, candidates: &[&'static str]) -> &'static str {
    let holds = |file: &&&str| {
        fs::read_to_string(root().join(file)).is_ok_and(|source| source.contains(text))
    };
    candidates.iter().find(holds).unwrap_or_else(|| panic!("no {text:?} in {candidates:?}"))
}

#[test]
fn the_protocols_page_names_each_command_event_and_code() {
    let page = read("docs/protocol.md");
    let message = "crates/v2m-ipc/src/message.rs";
    let commands =
        names(message, "pub fn name(&self) -> &'static str {", "\n    }", char::is_ascii_uppercase);
    assert!(commands.contains("PING") && commands.len() > 15, "{commands:?}");
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("### ")).collect();
    let headings = headings.join(" ");
    for command in &commands {
        let documented = headings.split(' ').any(|word| word == command);
        assert!(documented, "docs/protocol.md has no section for {command}");
    }
    let types = ["crates/v2m-core/src/session/types.rs", "src/session/types.rs"];
    let types = file_with("impl Code {", &types);
    let codes = names(types, "impl Code {", "\n}", char::is_ascii_lowercase);
    assert!(codes.contains("no_speech") && codes.len() > 15, "{codes:?}");
    let events = names(message, "impl EventName {", "\n}", char::is_ascii_lowercase);
    assert!(events.contains("level") && events.len() > 5, "{events:?}");
    for name in codes.iter().chain(&events) {
        assert!(
            page.contains(&format!("\n| `{name}` |")),
            "docs/protocol.md does not explain {name}"
        );
    }
}

#[test]
fn the_protocols_page_names_each_member_of_the_bus() {
    let page = read("docs/protocol.md");
    let source = read("src/dbus/interface.rs");
    let (_, interface) = source.split_once("#[interface(").unwrap();
    let members = interface.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
    let members: Vec<String> = members.map(|(name, _)| camel_case(name)).collect();
    assert!(members.len() > 15, "{members:?}");
    for member in members {
        assert!(page.contains(&format!("`{member}`")), "docs/protocol.md does not name {member}");
    }
}

/// Returns the name that zbus gives a member of an interface.
fn camel_case(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}
