//! The daemon's configuration file. It is read again with each question, because every client of
//! the socket can name any endpoint in a question.
//!
//! Each program reads only the keys that name its allowed endpoint.

use rustix::fs::{FileType, Mode, OFlags, fstat, open, stat};
use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use v2m_messages::{tr, verbatim};

/// The largest size in bytes, the same as the daemon's limit.
const LONGEST: u64 = 1 << 20;

/// The file that the sandbox allows to be read, by device and inode. `None` inside: it did not
/// exist.
static OPENED: OnceLock<Option<(u64, u64)>> = OnceLock::new();

/// Why the file cannot be read.
#[derive(Debug)]
pub enum Unread {
    /// It was replaced by another file that this process must not read. The next process can read
    /// it.
    Replaced,
    /// It cannot be read.
    Io(io::Error),
}

/// Returns the path of the file, as the daemon finds it. `None` if the user's folders are unknown.
pub fn path() -> Option<PathBuf> {
    let named = env::var_os("V2M_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(folder()?.join("config.toml")))
}

/// Returns v2m's folder in `$XDG_CONFIG_HOME` (`~/.config`).
pub fn folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".config"));
    config.or_else(home).map(|config| config.join("v2m"))
}

/// Notes which file the sandbox allows to be read. Landlock identifies files, not names: a file
/// that replaces it cannot be read, unless it is in [`folder`].
pub fn opened() {
    let _ = OPENED.set(path().and_then(|path| identity(&path)));
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// Returns the file's text. A missing file counts as empty.
///
/// # Errors
/// [`Unread`].
pub fn text(path: &Path) -> Result<String, Unread> {
    contents(path).map_err(|error| {
        let replaced = OPENED.get().is_some_and(|opened| *opened != identity(path));
        if error.kind() == io::ErrorKind::PermissionDenied && replaced {
            Unread::Replaced
        } else {
            Unread::Io(error)
        }
    })
}

fn contents(path: &Path) -> io::Result<String> {
    // Do not wait for the writer of a FIFO.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other(tr!("it is not a regular file")));
    }
    let mut text = String::new();
    let got = file.take(LONGEST + 1).read_to_string(&mut text)?;
    if got as u64 > LONGEST {
        return Err(io::Error::other(tr!("it is longer than 1 MiB")));
    }
    Ok(text)
}

/// Returns the section and key that a variable such as `V2M_LLM__PROVIDER` sets, in lower case.
pub fn variable(name: &str) -> Option<(String, String)> {
    let (section, key) = name.strip_prefix("V2M_")?.split_once("__")?;
    Some((section.to_ascii_lowercase(), key.to_ascii_lowercase()))
}

/// Ends the process. Landlock rights cannot be extended, so only the next process can read the new
/// file. A client that waits for an answer loses its connection and asks again, which starts that
/// process.
#[expect(
    clippy::exit,
    reason = "the whole process has to be replaced, and it holds nothing to save"
)]
pub fn renew() -> ! {
    let name = crate::program().name;
    crate::log::info(&verbatim!(format!(
        "another file has replaced the configuration: {name} ends, and starts anew with the next question"
    )));
    std::process::exit(0)
}
