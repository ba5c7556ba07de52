//! Tests of translations for notifications: titles must be short, and reasons must have the same
//! parts as the English ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::path::{Path, PathBuf};
use v2m_messages::Catalogue;

/// The longest title that GNOME's banners show, in characters.
const MAX_TITLE: usize = 42;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The texts of all sources.
fn sources() -> Vec<String> {
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["tests", "target"].contains(&name) {
                folders.push(path);
            } else if name.ends_with(".rs") {
                texts.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

/// Returns the titles that are given to a failure unchanged: `.in_brief(tr!("title"), …`. Titles
/// with values may be longer.
fn titles(source: &str) -> impl Iterator<Item = &str> {
    source.split(".in_brief(").skip(1).filter_map(|rest| {
        let title = rest.trim_start().strip_prefix("tr!(")?.trim_start().strip_prefix('"')?;
        let (title, _) = title.split_once('"')?;
        (!title.contains(['{', '\\'])).then_some(title)
    })
}

#[test]
fn titles_of_failures_are_short_enough_to_be_shown() {
    let spanish = Catalogue::of("es").unwrap();
    for title in sources().iter().flat_map(|source| titles(source)) {
        for title in [Some(title), spanish.text(title)].into_iter().flatten() {
            assert!(title.chars().count() <= MAX_TITLE, "{title}");
        }
    }
}

/// The marks at which a notification divides the reason for a failed delivery.
fn marks(text: &str) -> Vec<&str> {
    [": ", "; ", ". "].into_iter().flat_map(|mark| text.matches(mark)).collect()
}

/// "not there: why; what to do. More" is a title, a first line and a last one. See
/// `src/deliver/card.rs`.
#[test]
fn reasons_are_divided_as_the_english_ones_are() {
    let catalogue = polib::po_file::parse(&root().join("po/es.po")).unwrap();
    let files = ["error.rs", "copy.rs", "sinks.rs", "cursor.rs"];
    let files = files.map(|file| format!("src/deliver/{file}"));
    let mut count = 0;
    for entry in catalogue.messages() {
        if entry.is_plural() || !entry.source().lines().any(|file| files.contains(&file.into())) {
            continue;
        }
        let (english, translated) = (entry.msgid(), entry.msgstr().unwrap());
        assert_eq!(marks(english), marks(translated), "{english:?}: {translated:?}");
        count += 1;
    }
    assert!(count > 40, "the messages are not where they are looked for");
}
