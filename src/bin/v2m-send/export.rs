//! `export`: writes dictations as files that any program can read: a line of JSON for each, and the
//! recordings beside it.
//!
//! A folder, not an archive: other programs can read it directly, a second export adds only new
//! dictations, and `tar` can make an archive of it.

use crate::exit::{Exit, SendError, complain};
use crate::history::{Filter, pages, refused};
use crate::say;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, ResponseStatus, Which};
use v2m_messages::tr;

/// The file with a line for each dictation, oldest first.
const LINES: &str = "dictations.jsonl";

/// Options of an export.
#[derive(Debug, PartialEq)]
pub(crate) struct Export {
    /// The folder. It is created if missing.
    pub(crate) directory: PathBuf,
    /// Which dictations.
    pub(crate) filter: Filter,
}

/// Writes the folder. Only its owner can read it, unless it already existed with other permissions.
///
/// # Errors
/// If the connection or the disk fails.
pub(crate) fn export(wanted: &Export) -> Result<Exit, SendError> {
    let directory = &wanted.directory;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let unmade = |error| tr!("cannot make {path}: {error}", path = directory.display(), error);
    made.map_err(|error| SendError::Io(unmade(error)))?;
    let mut client = Client::connect()?;
    let mut ids = Vec::new();
    let listed = pages(&mut client, &wanted.filter, u32::MAX, |_, page| {
        ids.extend(page.dictations.iter().map(|it| it.id.clone()));
        Ok(())
    })?;
    if let Err(answer) = listed {
        return refused(&answer, false);
    }
    let target = directory.join(LINES);
    // Earlier exports stay, even if the store has deleted them meanwhile.
    let mut lines = read_lines(&target)?;
    let (mut dictations, mut recordings, mut is_whole) = (0_u32, 0_u32, true);
    for id in ids.into_iter().rev() {
        let answer = client.request(&Command::GetDictation(Which::Id(id.clone())))?;
        if answer.status != ResponseStatus::Success {
            // It was deleted meanwhile, or is being transcribed again.
            complain(&answer.error.unwrap_or(id));
            is_whole = false;
            continue;
        }
        let (mut entry, name) = (answer.data, format!("{id}.wav"));
        let beside = directory.join(&name);
        let sound = entry["audio_path"].as_str().map(PathBuf::from);
        is_whole &= sound.is_none_or(|sound| copy(&sound, &beside));
        let has_sound = beside.exists();
        if let Some(entry) = entry.as_object_mut() {
            // Numbers change with each new dictation, and paths differ between machines.
            entry.remove("number");
            entry.remove("audio_path");
            entry.insert("audio".into(), if has_sound { name.into() } else { Value::Null });
        }
        lines.insert(id, entry.to_string());
        dictations += 1;
        recordings += u32::from(has_sound);
    }
    write_lines(&target, &lines)?;
    let lines = tr!(
        "{n} dictation in {path}" | "{n} dictations in {path}" % dictations,
        path = target.display()
    );
    let sounds = tr!("{n} recording beside it" | "{n} recordings beside it" % recordings);
    say(&format!("{lines}, {sounds}\n"))?;
    Ok(if is_whole { Exit::Ok } else { Exit::Refused })
}

/// Returns the lines of an earlier export by dictation id, which begins with its time. Lines
/// without an id are kept too.
fn read_lines(target: &Path) -> Result<BTreeMap<String, String>, SendError> {
    let text = match fs::read_to_string(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        read => read.map_err(|error| {
            SendError::Io(tr!("cannot read {path}: {error}", path = target.display(), error))
        })?,
    };
    let id_of = |line: &str| {
        let entry = serde_json::from_str::<Value>(line).ok();
        entry.and_then(|entry| entry["id"].as_str().map(str::to_owned))
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines
        .map(|line| (id_of(line).unwrap_or_else(|| line.to_owned()), line.to_owned()))
        .collect())
}

/// Replaces the file atomically: a concurrent reader finds the whole old or new one.
fn write_lines(target: &Path, lines: &BTreeMap<String, String>) -> Result<(), SendError> {
    let new = target.with_file_name(format!(".{LINES}.new"));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let mut file = file.map_err(unwritten(&new))?;
    for line in lines.values() {
        writeln!(file, "{line}").map_err(unwritten(&new))?;
    }
    file.sync_all().map_err(unwritten(&new))?;
    fs::rename(&new, target).map_err(unwritten(target))
}

/// Copies a recording, unless it is there already. Returns whether it is there afterwards.
fn copy(sound: &Path, target: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|it| it.len());
    if let (Ok(here), Ok(there)) = (length(sound), length(target))
        && here == there
    {
        return true;
    }
    // Permissions are copied too: only its owner can read it.
    match fs::copy(sound, target) {
        Ok(_) => true,
        Err(error) => {
            let error = v2m_messages::system_error(&error);
            complain(&tr!("cannot copy {path}: {error}", path = sound.display(), error));
            false
        }
    }
}

fn unwritten(path: &Path) -> impl FnOnce(std::io::Error) -> SendError {
    move |error| {
        let error = v2m_messages::system_error(&error);
        SendError::Io(tr!("cannot write {path}: {error}", path = path.display(), error))
    }
}
