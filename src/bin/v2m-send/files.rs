//! `transcribe`: processes files one at a time and prints them in one of several forms. A file that
//! fails does not stop the next one.
//!
//! It handles no sound. The service reads the files itself, by their paths.

use crate::bar::Bar;
use crate::exit::{Exit, SendError, complain};
use crate::format::OutputFormat;
use crate::{exit_of, open, print, say};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use v2m_ipc::client;
use v2m_ipc::message::{Command, Response, ResponseStatus};
use v2m_messages::tr;

/// Options of `transcribe`.
#[derive(Debug, PartialEq)]
pub(crate) struct FilesToTranscribe {
    /// At least one.
    pub(crate) files: Vec<Named>,
    pub(crate) format: OutputFormat,
    /// Directory with one output file for each; `None`: all go to standard output.
    pub(crate) output: Option<PathBuf>,
    /// Number of the sound track, counted from 1; `None`: the first audible one.
    pub(crate) track: Option<u32>,
}

/// A file to transcribe.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    /// The name as typed.
    pub(crate) name: String,
    /// Absolute path, because the service has another working directory. `None` if it is not UTF-8,
    /// which the socket's JSON cannot represent.
    pub(crate) path: Option<String>,
}

/// Interprets the arguments.
///
/// # Errors
/// A message for the user.
pub(crate) fn wanted(
    words: Vec<OsString>,
    format: OutputFormat,
    output: Option<PathBuf>,
    track: Option<u32>,
) -> Result<FilesToTranscribe, String> {
    let files = words.into_iter().map(named).collect::<Result<Vec<_>, _>>()?;
    match (files.len(), &output) {
        (0, _) => return Err(tr!("the FILE is missing").into()),
        (1, _) | (_, Some(_)) => {}
        (_, None) if format.is_subtitles() => {
            return Err(tr!(
                "subtitles of several files need one file each: add --output DIRECTORY"
            )
            .into());
        }
        (_, None) => {}
    }
    if output.is_some() {
        let mut targets: Vec<_> = files.iter().map(|file| target(file, format)).collect();
        targets.sort();
        if let Some(twice) = targets.windows(2).find(|pair| pair[0] == pair[1]) {
            let name = format_args!("{:?}", twice[0]);
            return Err(tr!("two of the files would both become {name}", name));
        }
    }
    Ok(FilesToTranscribe { files, format, output, track })
}

fn named(word: OsString) -> Result<Named, String> {
    if word == "-" {
        return Err(tr!(
            "sound cannot come from standard input, because the service reads files by their path; save it \
             to a file first"
        )
        .into());
    }
    let path = std::path::absolute(&word).map_err(|e| format!("{word:?}: {e}"))?;
    let path = path.into_os_string().into_string().ok();
    Ok(Named { name: word.to_string_lossy().into_owned(), path })
}

/// Returns the path of the file's text in the output directory.
fn target(file: &Named, format: OutputFormat) -> PathBuf {
    let path = file.path.as_ref().unwrap_or(&file.name);
    let mut name = Path::new(path).file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(format.name());
    name.into()
}

/// Transcribes all files. The exit code is that of the first failure.
///
/// # Errors
/// Only for failures that would affect every further file too: standard output fails.
pub(crate) fn transcribe(wanted: &FilesToTranscribe, json: bool) -> Result<Exit, SendError> {
    if let Some(directory) = &wanted.output {
        fs::create_dir_all(directory).map_err(|error| {
            SendError::Io(tr!("cannot make {path}: {error}", path = directory.display(), error))
        })?;
    }
    let bar = Bar::start(wanted.files.len());
    let (mut first_failure, mut texts) = (Exit::Ok, 0);
    for (index, file) in wanted.files.iter().enumerate() {
        let Some(path) = &file.path else {
            let name = format_args!("{:?}", file.name);
            complain(&tr!("{name} is not UTF-8; give it another name", name));
            if first_failure == Exit::Ok {
                first_failure = Exit::Usage;
            }
            continue;
        };
        bar.begin(index, file);
        let answer = ask(path, wanted.track);
        bar.end();
        let exit = match answer {
            Ok((answer, raw)) if json => {
                say(&(raw + "\n"))?;
                exit_of_file(&answer)
            }
            Ok((answer, _)) => put(wanted, file, &answer, &mut texts)?,
            Err(error) => SendError::Client(error).report(),
        };
        if first_failure == Exit::Ok {
            first_failure = exit;
        }
        // Later files would fail too.
        if exit == Exit::CannotConnect {
            break;
        }
    }
    Ok(first_failure)
}

/// Opens a connection for each file: if the service drops one, the next file must still get its
/// answer.
fn ask(path: &str, track: Option<u32>) -> Result<(Response, String), client::ClientError> {
    open::connect()?.request_raw(&Command::TranscribeFile { file_path: path.to_owned(), track })
}

fn exit_of_file(answer: &Response) -> Exit {
    match answer.code.as_deref() {
        Some("no_speech") => Exit::NoSpeech,
        Some(_) | None => exit_of(answer.status),
    }
}

/// Prints or saves one answer. `texts` counts those on standard output.
fn put(
    wanted: &FilesToTranscribe,
    file: &Named,
    answer: &Response,
    texts: &mut usize,
) -> Result<Exit, SendError> {
    let exit = exit_of_file(answer);
    if answer.status == ResponseStatus::Success {
        for remark in print::remarks(answer) {
            complain(&remark);
        }
    } else {
        let sentence = print::error(answer);
        let told = file.path.as_ref().is_some_and(|path| sentence.contains(path));
        complain(&if told { sentence } else { format!("{}: {sentence}", file.name) });
    }
    let text = wanted.format.render(&file.name, answer);
    match &wanted.output {
        Some(directory) if exit == Exit::Ok => {
            save(&directory.join(target(file, wanted.format)), &text)
        }
        None if exit == Exit::Ok || wanted.format == OutputFormat::Json => {
            if wanted.files.len() > 1 && wanted.format == OutputFormat::Text {
                let gap = if *texts == 0 { "" } else { "\n" };
                say(&format!("{gap}==> {} <==\n", file.name))?;
            }
            *texts += 1;
            say(&text)?;
            Ok(exit)
        }
        Some(_) | None => Ok(exit),
    }
}

/// Writes one text, and prints its path.
fn save(path: &Path, text: &str) -> Result<Exit, SendError> {
    if let Err(error) = fs::write(path, text) {
        complain(&tr!("cannot write {path}: {error}", path = path.display(), error));
        return Ok(Exit::Io);
    }
    say(&format!("{}\n", path.display()))
}
