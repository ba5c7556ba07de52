//! Decoding in a process of its own, which may die of a file without harm.
//!
//! The child writes the samples to its standard output (little-endian), which is a file without a
//! name, and ends with 0, having written a line for each thing that is missing of them to standard
//! error, or writes one line of reason to standard error and ends with [`DATA_ERROR`]. Anything
//! else is a crash. One that takes too long is ended: by its own limit of processor time when it
//! computes, by its parent when it waits.
//!
//! The child alone opens the file. A file system that does not answer (NFS, FUSE) holds the child,
//! which then cannot even be killed, and nothing else: the parent has no thread that waits for it.

use super::{MediaError, max_samples, read};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::time::timeout;
use v2m_confine::{AllowedFiles, CallPolicy};
use v2m_ipc::plain;

/// `EX_DATAERR` of sysexits.h.
const DATA_ERROR: u8 = 65;
/// Processor seconds a child may use: hours of sound take less than a minute.
const CPU_SECONDS: u64 = 600;
/// Time a child may take in all, on a machine that is busy with other things too.
const LONGEST: Duration = Duration::from_secs(900);
/// Bytes of memory a child may ask for, programs and libraries included; broken headers ask for
/// more.
const MEMORY: u64 = 1 << 30;
/// Longest reason that is passed on, in bytes.
const MAX_REASON: u64 = 4096;

/// What came of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// How many samples there are.
    pub samples: u64,
    /// What of its sound is missing or was chosen, a sentence each without its full stop.
    pub notes: Vec<String>,
}

/// The sound of a file as samples at 16 kHz, mono, little-endian, written to the empty file `spool`
/// by the child process that `command` starts with `path` as its last argument; that process is to
/// call [`serve`]. The track of sound, if one is asked for, is the command's to tell. A file that
/// ends too early or is damaged gives what there is, and notes on the rest. Whatever the file does
/// to the decoder, the caller goes on. Takes some seconds for hours of sound. When this is dropped,
/// the child is killed. Within a tokio runtime.
///
/// # Errors
/// [`MediaError`].
pub async fn read_apart(
    command: std::process::Command,
    path: &Path,
    spool: &File,
) -> Result<Decoded, MediaError> {
    read_within(command, path, spool, LONGEST).await
}

/// The child's side: decodes `path` to standard output, the sound track `track`, counted from 1, or
/// the first that can be heard. The process should end with what this returns. It limits its own
/// memory and processor time first, and leaves itself that one file and what it has open.
/// To be called while the process has one thread.
pub fn serve(path: &Path, track: Option<u32>) -> ExitCode {
    let limits = [
        (Resource::Cpu, CPU_SECONDS),
        (Resource::As, MEMORY),
        (Resource::Core, 0),
        // A bit more than the longest sound, which is told as such.
        (Resource::Fsize, max_samples() * 2 + (1 << 20)),
    ];
    for (resource, most) in limits {
        // A tighter limit may be in force already; then that one holds.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let files = AllowedFiles { read: vec![path.to_owned()], ..AllowedFiles::default() };
    // An old kernel enforces less; the file is wanted all the same.
    let _ = v2m_confine::confine(&files, CallPolicy::Compute);
    answer(path, track, &mut io::stdout().lock(), &mut io::stderr().lock()).into()
}

pub(super) fn answer(
    path: &Path,
    track: Option<u32>,
    output: &mut impl Write,
    errors: &mut impl Write,
) -> u8 {
    let flushed = |output: &mut _| {
        Write::flush(output).map_err(|source| MediaError::Spool { path: path.into(), source })
    };
    match read(path, track, output).and_then(|decoded| flushed(output).map(|()| decoded)) {
        Ok(decoded) => {
            for note in decoded.notes {
                let _ = writeln!(errors, "{note}");
            }
            0
        }
        Err(error) => {
            // Without its reader there is nobody to tell.
            let _ = writeln!(errors, "{error}");
            DATA_ERROR
        }
    }
}

pub(super) async fn read_within(
    command: std::process::Command,
    path: &Path,
    spool: &File,
    longest: Duration,
) -> Result<Decoded, MediaError> {
    let failed = |source| MediaError::Child { path: path.into(), source };
    let output = spool.try_clone().map_err(failed)?;
    let mut command = Command::from(command);
    command.arg(path).stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let stderr = child.stderr.take();
    let ended = async { tokio::join!(reason(stderr), child.wait()) };
    // Dropped after that, it is killed and not waited for.
    let (reason, status) = timeout(longest, ended)
        .await
        .map_err(|_| MediaError::Stuck { path: path.into(), after: longest })?;
    let status = status.map_err(failed)?;
    let bytes = spool.metadata().map_err(failed)?.len();
    if bytes > max_samples() * 2 {
        return Err(MediaError::TooLong { path: path.into() });
    }
    match (status.code(), reason) {
        (Some(0), notes) if bytes > 0 && bytes.is_multiple_of(2) => {
            let notes = notes.iter().flat_map(|notes| notes.lines()).map(str::to_owned).collect();
            Ok(Decoded { samples: bytes / 2, notes })
        }
        (Some(code), Some(reason)) if code == i32::from(DATA_ERROR) => {
            Err(MediaError::Told(plain::line(&reason).into_owned()))
        }
        _ => Err(MediaError::Broken {
            path: path.into(),
            reason: format!("its decoder failed, {status}"),
        }),
    }
}

/// What it says: why not, or a note on each line.
async fn reason(stderr: Option<ChildStderr>) -> Option<String> {
    let mut text = Vec::new();
    stderr?.take(MAX_REASON).read_to_end(&mut text).await.ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(plain::text(text.trim()).into_owned()).filter(|text| !text.is_empty())
}
