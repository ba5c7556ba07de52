//! Reads the last dictation's text, for clients that ask for it after a restart of the service.

use super::record::Record;
use super::{StoreError, directory};
use std::fs;
use std::io;
use std::path::Path;
use v2m_ipc::plain;
use v2m_messages::mark;

/// Returns the text of the last dictation in the directory that has one. `None` if none has.
/// Blocking.
///
/// # Errors
/// Fails if the directory cannot be listed. A record that cannot be read counts as one without
/// text.
pub fn last_text(directory: &Path) -> Result<Option<String>, StoreError> {
    let failed = || StoreError::file(mark!("listing the dictations in"), directory);
    let mut records = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed()(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed())?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let time = stem.and_then(directory::time_of);
        records.extend(
            time.filter(|_| path.extension().is_some_and(|end| end == "json"))
                .map(|time| (time, path)),
        );
    }
    records.sort();
    let texts = records.iter().rev().filter_map(|(_, path)| {
        let text = Record::read(path).ok().flatten()?.text?;
        // Earlier versions stored the transcript unfiltered.
        Some(plain::owned(text)).filter(|text| !text.is_empty())
    });
    Ok({ texts }.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_record_with_a_text_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(last_text(folder.path()).unwrap(), None);
        write("20261121T101010.000Z-1.json", r#"{"text":"first"}"#);
        write("20261121T101011.000Z-2.json", r#"{"text":"second"}"#);
        write("20261121T101012.000Z-3.json", r#"{"text":""}"#);
        write("20261121T101013.000Z-4.json", r#"{"error":{"code":"no_speech","message":""}}"#);
        write("20261121T101014.000Z-5.json", "{");
        write("notes.json", r#"{"text":"somebody else's"}"#);
        assert_eq!(last_text(folder.path()).unwrap().as_deref(), Some("second"));
        assert_eq!(last_text(&folder.path().join("none")).unwrap(), None);
        assert!(last_text(&folder.path().join("notes.json")).is_err());
    }
}
