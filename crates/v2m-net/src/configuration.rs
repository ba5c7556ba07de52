//! The daemon's configuration file, read anew with each question, because whoever reaches the socket
//! can name any endpoint in a question.
//!
//! Each program looks at the keys that say whom it may ask, and at nothing else.

use rustix::fs::{FileType, Mode, OFlags, fstat, open, stat};
use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use v2m_messages::{tr, verbatim};

/// As long as the daemon reads it, in bytes.
const LONGEST: u64 = 1 << 20;

/// The file that the sandbox lets be read, by device and inode; `None` within: there was none then.
static OPENED: OnceLock<Option<(u64, u64)>> = OnceLock::new();

/// Why the file has no text.
#[derive(Debug)]
pub enum Unread {
    /// It is another file than the one that may be read: this process cannot read it, and the next
    /// one can.
    Replaced,
    /// It cannot be read.
    Io(io::Error),
}

/// The file, as the daemon finds it; `None` where nothing tells where the user's files are.
pub fn path() -> Option<PathBuf> {
    let named = env::var_os("V2M_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(folder()?.join("config.toml")))
}

/// v2m's folder in `$XDG_CONFIG_HOME` (`~/.config`).
pub fn folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".config"));
    config.or_else(home).map(|config| config.join("v2m"))
}

/// Notes which file the sandbox lets be read. Landlock knows files, not names: one that takes its
/// place is closed, unless it lies in [`folder`].
pub fn opened() {
    let _ = OPENED.set(path().and_then(|path| identity(&path)));
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// The file's text. A missing file has none.
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
    // Not to wait for who writes into a FIFO.
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

/// The section and key that a variable sets, such as `V2M_LLM__PROVIDER`, in small letters.
pub fn variable(name: &str) -> Option<(String, String)> {
    let (section, key) = name.strip_prefix("V2M_")?.split_once("__")?;
    Some((section.to_ascii_lowercase(), key.to_ascii_lowercase()))
}

/// Ends the process. Landlock cannot be widened, so only the next process can read the new file. A
/// client that waits for an answer loses its connection and asks again, which starts that process.
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
