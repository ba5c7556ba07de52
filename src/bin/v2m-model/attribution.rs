//! Attribution: a file beside a model that names its author, if its licence requires it (CC-BY,
//! OpenMDW).

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use v2m_messages::verbatim;
use v2m_models::catalogue::Model;
use v2m_models::{Doing, FILE_MODE, ModelError};

/// Writes the file for a published model that needs one. Its text is part of the licence's terms,
/// so it is always in English.
pub(crate) fn write(model: &Model, path: &Path) -> Result<(), ModelError> {
    let Some(text) = text(model) else { return Ok(()) };
    let file = file(path);
    v2m_files::write_beside(&file, FILE_MODE, |out| {
        out.write_all(text.as_bytes()).map_err(ModelError::io(Doing::Write, &file))
    })
}

/// Deletes the file of a model that was removed.
pub(crate) fn remove(path: &Path) -> Result<(), ModelError> {
    let file = file(path);
    if file.is_file() {
        fs::remove_file(&file).map_err(ModelError::io(Doing::Remove, &file))?;
    }
    Ok(())
}

/// Returns the path of the file: `NAME.gguf.LICENCE.txt`.
fn file(model: &Path) -> PathBuf {
    let mut name = model.file_name().unwrap_or_default().to_owned();
    name.push(".LICENCE.txt");
    model.with_file_name(name)
}

fn text(model: &Model) -> Option<String> {
    let ((licence, by), origin) = (model.licence, model.origin?);
    let (name, repository) = (model.name, origin.repository);
    let terms = match licence {
        "CC-BY-4.0" => "https://creativecommons.org/licenses/by/4.0/",
        "OpenMDW-1.1" => "https://openmdw.ai",
        _ => return None,
    };
    let (maker, _) = repository.split_once('/')?;
    Some(verbatim!(format!(
        "{name}.gguf is a speech model by {by}, licensed under {licence} ({terms}).\n\
         {maker} changed it into GGUF form with 8 bits a weight: https://huggingface.co/{repository}, \
         revision {}.\nv2m has changed nothing in it.\n",
        origin.revision
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_models::catalogue;

    #[test]
    fn a_licence_that_asks_for_the_makers_name_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("canary-180m-flash-q8_0.gguf");
        write(catalogue::find("canary-180m-flash-q8_0").unwrap(), &path).unwrap();
        let text = fs::read_to_string(file(&path)).unwrap();
        for part in ["NVIDIA", "CC-BY-4.0", "creativecommons.org", "handy-computer"] {
            assert!(text.contains(part), "{text}");
        }
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write(catalogue::find("base-q8_0").unwrap(), &path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn every_such_licence_has_its_text() {
        let all = catalogue::all().iter().filter(|model| model.licence.0 != "MIT");
        assert!(all.clone().count() > 0 && all.clone().all(|model| text(model).is_some()));
    }
}
