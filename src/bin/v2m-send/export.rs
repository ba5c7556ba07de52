//! `export`: dictations as files that any program reads: a line of JSON for each, and the
//! recordings beside it.
//!
//! A folder and not an archive: other programs read it as it is, a second export adds only what is
//! new, and `tar` makes an archive of it.

use crate::exit::{Exit, SendError, complain};
use crate::history::{Filter, pages, refused};
use crate::say;
use serde_json::Value;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, ResponseStatus, Which};

/// The file with a line for each dictation, oldest first.
const LINES: &str = "dictations.jsonl";

/// What is to be exported.
#[derive(Debug, PartialEq)]
pub(crate) struct Export {
    /// The folder. It is made if it is not there.
    pub(crate) directory: PathBuf,
    /// Which dictations.
    pub(crate) filter: Filter,
}

/// Writes the folder. Only its owner can read it, unless it was there before with other rights.
///
/// # Errors
/// Those of the connection, and of the disk.
pub(crate) fn export(wanted: &Export) -> Result<Exit, SendError> {
    let directory = &wanted.directory;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(failed("make", directory))?;
    let mut client = Client::connect()?;
    let mut ids = Vec::new();
    let listed = pages(&mut client, &wanted.filter, u32::MAX, |_, page| {
        ids.extend(page.dictations.iter().map(|it| it.id.clone()));
        Ok(())
    })?;
    if let Err(answer) = listed {
        return refused(&answer, false);
    }
    // A program that reads the file meanwhile finds the old one whole, or the new one.
    let (target, new) = (directory.join(LINES), directory.join(format!(".{LINES}.new")));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let mut file = file.map_err(failed("write", &new))?;
    let (mut dictations, mut recordings) = (0, 0);
    for id in ids.into_iter().rev() {
        let answer = client.request(&Command::GetDictation(Which::Id(id.clone())))?;
        if answer.status != ResponseStatus::Success {
            // It was deleted meanwhile, or is being transcribed once more.
            complain(&answer.error.unwrap_or(id));
            continue;
        }
        let (mut entry, name) = (answer.data, format!("{id}.wav"));
        let sound = entry["audio_path"].as_str().map(PathBuf::from);
        let has_sound = sound.is_some_and(|sound| copy(&sound, &directory.join(&name)));
        if let Some(entry) = entry.as_object_mut() {
            // Numbers change with each new dictation, and paths with the machine.
            entry.remove("number");
            entry.remove("audio_path");
            entry.insert("audio".into(), if has_sound { name.into() } else { Value::Null });
        }
        writeln!(file, "{entry}").map_err(failed("write", &new))?;
        dictations += 1;
        recordings += u32::from(has_sound);
    }
    file.sync_all().map_err(failed("write", &new))?;
    fs::rename(&new, &target).map_err(failed("write", &target))?;
    say(&format!(
        "{dictations} dictations in {}, {recordings} recordings beside it\n",
        target.display()
    ))
}

/// Copies a recording, unless it is there already. Whether it is there then.
fn copy(sound: &Path, target: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|it| it.len());
    if let (Ok(here), Ok(there)) = (length(sound), length(target))
        && here == there
    {
        return true;
    }
    // Its rights come along: only its owner can read it.
    match fs::copy(sound, target) {
        Ok(_) => true,
        Err(error) => {
            complain(&format!("cannot copy {}: {error}", sound.display()));
            false
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SendError {
    move |error| SendError::Io(format!("cannot {doing} {}: {error}", path.display()))
}
