//! Decodes files in a separate process, which a bad file may crash without harm.
//!
//! The child writes the samples to its standard output (little-endian), which is a file without a
//! name. On success it ends with 0, after writing one line to standard error for each thing that is
//! missing. Otherwise it writes one line of reason to standard error and ends with [`DATA_ERROR`].
//! Anything else is a crash. A child that takes too long is ended: by its own limit of processor
//! time if it computes, by its parent if it waits.
//!
//! Only the child opens the file. A file system that does not answer (NFS, FUSE) blocks the child,
//! which then cannot even be killed, but nothing else: the parent has no thread that waits for it.

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
use v2m_messages::tr;

/// `EX_DATAERR` of sysexits.h.
const DATA_ERROR: u8 = 65;
/// How many seconds of processor time a child may use. Hours of sound take less than a minute.
const CPU_SECONDS: u64 = 600;
/// How long a child may take in all, on a machine that is also busy with other things.
const LONGEST: Duration = Duration::from_secs(900);
/// How much memory a child may ask for, in bytes, programs and libraries included. Broken headers
/// ask for more.
const MEMORY: u64 = 1 << 30;
/// The longest reason that is passed on, in bytes.
const MAX_REASON: u64 = 4096;

/// The result of decoding a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The number of samples.
    pub samples: u64,
    /// Notes about missing sound and the chosen track: one sentence each, without its full stop.
    pub notes: Vec<String>,
}

/// Decodes a file in a child process. `command` starts the child, with `path` as its last argument;
/// the child must call [`serve`]. It writes the samples at 16 kHz, mono, little-endian, to the
/// empty file `spool`. To choose a sound track, `command` must name it. A file that ends too early
/// or is damaged yields its readable part, and notes about the rest. The caller continues even if
/// the file crashes the decoder. Hours of sound take some seconds. Dropping this future kills the
/// child. Must be called within a tokio runtime.
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

/// Runs as the child: decodes `path` to standard output. `track` is the sound track, counted from
/// 1; `None`: the first audible one. The process should end with the returned code. It first limits
/// its own memory and processor time, and keeps access only to that file and its open files. Must
/// be called while the process has one thread.
pub fn serve(path: &Path, track: Option<u32>) -> ExitCode {
    let limits = [
        (Resource::Cpu, CPU_SECONDS),
        (Resource::As, MEMORY),
        (Resource::Core, 0),
        // A bit more than the longest sound allowed, so that a sound that is too long can be
        // reported as such.
        (Resource::Fsize, max_samples() * 2 + (1 << 20)),
    ];
    for (resource, most) in limits {
        // If a tighter limit is already in force, it stays.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let files = AllowedFiles { read: vec![path.to_owned()], ..AllowedFiles::default() };
    // An old kernel enforces less, but the file is decoded nevertheless.
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
            // If the reader is gone, the error cannot be reported.
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
    // After a timeout the child is dropped: it is killed, and not waited for.
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
            reason: tr!("its decoder failed, {status}", status),
        }),
    }
}

/// Reads the child's standard error: the reason for a failure, or one note on each line.
async fn reason(stderr: Option<ChildStderr>) -> Option<String> {
    let mut text = Vec::new();
    stderr?.take(MAX_REASON).read_to_end(&mut text).await.ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(plain::text(text.trim()).into_owned()).filter(|text| !text.is_empty())
}
