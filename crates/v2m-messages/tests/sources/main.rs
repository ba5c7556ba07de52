//! Checks that every sentence that the programs show is a message, and that every message is
//! translated.
//!
//! `V2M_UPDATE_MESSAGES=1`, which `make messages` sets, first updates `po/*.po`: new messages are
//! added without a translation, and messages that no source has any more are removed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod read;

use polib::catalog::Catalog;
use polib::message::{Message as Entry, MessageView};
use read::{Found, Message, Sentence};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Files with sentences that need no translation, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("crates/v2m-messages/src/lib.rs", "examples of messages"),
    ("src/completions.rs", "the shells' completions are in English, as the manuals are"),
    ("crates/v2m-llm/src/prompt.rs", "what a language model is told"),
];

/// Returns all messages and all other sentences in the programs' sources.
fn sources() -> Found {
    let mut found = Found::default();
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["tests", "benches", "target", "examples"].contains(&name) {
                folders.push(path);
            } else if name.ends_with(".rs") && !["tests.rs", "build.rs"].contains(&name) {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    assert!(files.len() > 100, "the sources are not where they are looked for");
    for file in files {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if !NOT_SHOWN.iter().any(|(prefix, _)| name.starts_with(prefix)) {
            found.add(&name, &std::fs::read_to_string(&file).unwrap());
        }
    }
    found
}

fn catalogue_files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(root().join("po")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "po")).collect();
    files.sort_unstable();
    assert!(!files.is_empty());
    files
}

/// The context and the English text.
type Key = (Option<String>, String);

fn key(entry: &dyn MessageView) -> Key {
    let context = entry.msgctxt().filter(|context| !context.is_empty());
    (context.map(str::to_owned), entry.msgid().to_owned())
}

/// Returns the messages by key, each once, with the files that contain it.
fn by_key(messages: &[Message]) -> BTreeMap<Key, (&Message, BTreeSet<&str>)> {
    let mut known: BTreeMap<Key, (&Message, BTreeSet<&str>)> = BTreeMap::new();
    for message in messages {
        let key = (message.context.clone(), message.text.clone());
        known.entry(key).or_insert((message, BTreeSet::new())).1.insert(&message.file);
    }
    known
}

fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule} ({}):\n  {}", offences.len(), offences.join("\n  "));
}

#[test]
fn every_sentence_that_is_shown_is_a_message() {
    let found = sources();
    let told = |Sentence { file, line, text }: &Sentence| format!("{file}:{line}: {text:?}");
    none(
        "put these into tr!, mark! or verbatim! (v2m_messages)",
        &found.sentences.iter().map(told).collect::<Vec<_>>(),
    );
}

#[test]
fn every_message_has_a_value_for_each_placeholder() {
    let mut wrong = Vec::new();
    for Message { file, line, text, many, values, .. } in &sources().messages {
        let Some(values) = values else { continue };
        let mut used = placeholders(text);
        used.extend(many.iter().flat_map(|many| placeholders(many)));
        let mut given = values.clone();
        if many.is_some() && used.contains("n") {
            given.insert("n".into());
        }
        if used != given {
            wrong.push(format!("{file}:{line}: {text:?} uses {used:?} and is given {given:?}"));
        }
    }
    none("placeholders and values", &wrong);
}

#[test]
fn every_message_is_translated_with_the_same_placeholders() {
    let found = sources();
    let wanted = by_key(&found.messages);
    for file in catalogue_files() {
        if std::env::var_os("V2M_UPDATE_MESSAGES").is_some() {
            update(&file, &wanted);
        }
        let catalogue = polib::po_file::parse(&file).unwrap();
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for entry in catalogue.messages() {
            let Some((message, files)) = wanted.get(&key(entry)) else {
                wrong.push(format!("no source has {:?}", entry.msgid()));
                continue;
            };
            let place = files.first().unwrap();
            seen.insert(key(entry));
            wrong.extend(
                faults(entry, message)
                    .map(|fault| format!("{place}: {:?}: {fault}", entry.msgid())),
            );
        }
        let missing = wanted.iter().filter(|(key, _)| !seen.contains(*key));
        wrong.extend(
            missing.map(|(key, (_, files))| {
                format!("{}: missing: {:?}", files.first().unwrap(), key.1)
            }),
        );
        none(&format!("{}; run `make messages` and translate", file.display()), &wrong);
    }
}

/// Returns the errors in the translation of a message.
fn faults(entry: &dyn MessageView, message: &Message) -> impl Iterator<Item = String> {
    let mut faults = Vec::new();
    if entry.is_plural() != message.many.is_some() {
        return vec!["it is a plural in one place alone: run `make messages`".to_owned()]
            .into_iter();
    }
    let (texts, allowed) = match &message.many {
        Some(many) => {
            if entry.msgid_plural().unwrap() != many {
                faults.push(format!("the plural is now {many:?}"));
            }
            let allowed = &placeholders(&message.text) | &placeholders(many);
            (entry.msgstr_plural().unwrap().clone(), allowed)
        }
        None => (vec![entry.msgstr().unwrap().to_owned()], placeholders(&message.text)),
    };
    if entry.flags().is_fuzzy() {
        faults.push("it is marked as fuzzy".into());
    }
    if message.many.is_some() && texts.len() != 2 {
        faults.push("it needs two forms".into());
    }
    let edges = |text: &str| {
        let spaces = text.len() - text.trim_start().len();
        (spaces, text.len() - text.trim_end().len())
    };
    for (number, text) in texts.iter().enumerate() {
        let used = placeholders(text);
        if text.is_empty() {
            faults.push("not translated".into());
        } else if number == 0 && message.many.is_some() {
            // "Un archivo" needs no {n}.
            if !used.is_subset(&allowed) {
                faults.push(format!("{text:?} uses {used:?}, the English {allowed:?}"));
            }
        } else if used != allowed {
            faults.push(format!("{text:?} uses {used:?}, the English {allowed:?}"));
        }
        if edges(text) != edges(&message.text) {
            faults.push("spaces or line breaks at its ends differ".into());
        }
        if text.matches('\n').count() != message.text.matches('\n').count() {
            faults.push("it has another number of lines".into());
        }
    }
    faults.into_iter()
}

/// Returns the names in braces, as `v2m_messages::fill` reads them.
fn placeholders(text: &str) -> BTreeSet<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts.map(|(name, _)| name.to_owned()).collect()
}

/// Updates a catalogue: the sources' messages in the sources' order, with the existing
/// translations.
fn update(file: &Path, wanted: &BTreeMap<Key, (&Message, BTreeSet<&str>)>) {
    let old = polib::po_file::parse(file).unwrap();
    let old: BTreeMap<Key, &dyn MessageView> =
        old.messages().map(|entry| (key(entry), entry)).collect();
    let mut metadata = polib::po_file::parse(file).unwrap().metadata;
    metadata.project_id_version = "v2m".into();
    let mut new = Catalog::new(metadata);
    let mut rows: Vec<_> = wanted.iter().collect();
    rows.sort_by_key(|(_, (message, files))| {
        (files.first().copied(), message.file.as_str(), message.line)
    });
    for (key, (message, files)) in rows {
        let before = old.get(key).filter(|entry| entry.is_plural() == message.many.is_some());
        let mut builder = match &message.many {
            None => Entry::build_singular(),
            Some(_) => Entry::build_plural(),
        };
        builder.with_msgid(message.text.clone());
        builder.with_source(files.iter().copied().collect::<Vec<_>>().join("\n"));
        if let Some(context) = &message.context {
            builder.with_msgctxt(context.clone());
        }
        if let Some(before) = before {
            builder.with_translator_comments(before.translator_comments().to_owned());
        }
        match &message.many {
            None => {
                let text = before.map_or("", |entry| entry.msgstr().unwrap());
                builder.with_msgstr(text.to_owned());
            }
            Some(many) => {
                builder.with_msgid_plural(many.clone());
                let texts = before.map(|entry| entry.msgstr_plural().unwrap().clone());
                builder.with_msgstr_plural(texts.unwrap_or_else(|| vec![String::new(); 2]));
            }
        }
        new.append_or_update(builder.done());
    }
    polib::po_file::write_to_file(&new, file).unwrap();
}
