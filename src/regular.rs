//! Opens files that may have been replaced by a pipe, a device, a link, or another user's file.
//!
//! A leaf. Everything the daemon reads is opened here, so that no file can block it: a pipe may
//! never get a writer. The checks apply to the open file, not to its name, which may refer to
//! another one a moment later.

use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use v2m_messages::tr;

/// Which files are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A file that v2m wrote: owned by the user, and not a symbolic link.
    Own,
    /// Configuration: owned by the user or the system, symbolic links followed. Dotfile managers
    /// (stow, chezmoi, home-manager) put links there; home-manager's lead to files owned by root.
    Configured,
    /// A file that the user has named: any owner, symbolic links followed.
    Named,
}

/// The owner of files of users outside of a user namespace, as seen inside it: `overflowuid` of
/// proc_sys_kernel(5). Under `PrivateUsers=` this includes root. Network file systems without users
/// (NFS with `all_squash`) report it for everybody, including this user.
const OVERFLOW_UID: u32 = 65_534;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A directory, a pipe, a device, a socket.
    #[error("{}", tr!("it is not a regular file; replace it with one"))]
    NotAFile,
    /// Its name is a symbolic link, and none is followed.
    #[error(
        "{}",
        tr!(
            "it is a symbolic link, which v2m does not follow there; replace it with the file \
             itself"
        )
    )]
    Link,
    /// Its owner is another user.
    #[error("{}", tr!("it belongs to another user; make yourself its owner"))]
    Foreign,
    /// It is longer than any such file should be.
    #[error("{}", tr!("it is longer than {limit} bytes", limit = .0))]
    TooLong(u64),
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Io(error) => error,
            other => Self::other(other),
        }
    }
}

impl Trust {
    fn judge(self, file: &Metadata) -> Result<(), Refused> {
        let user = rustix::process::geteuid().as_raw();
        let owner = file.uid();
        let is_trusted = match self {
            Self::Own => [user, OVERFLOW_UID].contains(&owner),
            Self::Configured => [user, 0, OVERFLOW_UID].contains(&owner),
            Self::Named => true,
        };
        match (file.is_file(), is_trusted) {
            (false, _) => Err(Refused::NotAFile),
            (true, false) => Err(Refused::Foreign),
            (true, true) => Ok(()),
        }
    }
}

/// Opens a regular file for reading. Never waits for another program; a file system may take its
/// time.
///
/// # Errors
/// [`Refused`], except `TooLong`.
pub fn open(path: &Path, trust: Trust) -> Result<File, Refused> {
    open_for(path, trust, OFlags::RDONLY)
}

/// Opens a file of v2m's own for reading and writing, as [`open`] does. It is not truncated.
///
/// # Errors
/// As [`open`].
pub fn open_to_change(path: &Path) -> Result<File, Refused> {
    open_for(path, Trust::Own, OFlags::RDWR)
}

/// Opens a file as [`open_to_change`] does, and creates it (0600) if there is none.
///
/// # Errors
/// As [`open`].
pub fn open_or_make(path: &Path) -> Result<File, Refused> {
    open_for(path, Trust::Own, OFlags::RDWR | OFlags::CREATE)
}

/// Reads a whole regular file of at most `most` bytes.
///
/// # Errors
/// [`Refused`].
pub fn read(path: &Path, trust: Trust, most: u64) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    open(path, trust)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Refused::TooLong(most)) } else { Ok(bytes) }
}

/// Returns the metadata of a regular file of v2m's own without opening it; `None` if there is none.
pub fn look_at(path: &Path) -> Option<Metadata> {
    let file = std::fs::symlink_metadata(path).ok()?;
    Trust::Own.judge(&file).is_ok().then_some(file)
}

fn open_for(path: &Path, trust: Trust, how: OFlags) -> Result<File, Refused> {
    // Checked also before it is opened: opening alone may have an effect on a device.
    let seen = match trust {
        Trust::Own => std::fs::symlink_metadata(path),
        Trust::Configured | Trust::Named => std::fs::metadata(path),
    };
    match seen {
        Ok(seen) if seen.is_symlink() => return Err(Refused::Link),
        Ok(seen) if !seen.is_file() => return Err(Refused::NotAFile),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && how.contains(OFlags::CREATE) => {}
        Err(error) => return Err(error.into()),
    }
    let links = if trust == Trust::Own { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = how | links | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.map_err(|error| match error {
        rustix::io::Errno::LOOP if trust == Trust::Own => Refused::Link,
        error => Refused::Io(error.into()),
    })?);
    trust.judge(&file.metadata()?)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const ALL: [Trust; 3] = [Trust::Own, Trust::Configured, Trust::Named];

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, to_pipe) = (dir.path().join("pipe"), dir.path().join("to pipe"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        symlink("pipe", &to_pipe).unwrap();
        for trust in ALL {
            for path in [&pipe, dir.path(), Path::new("/dev/null")] {
                assert!(matches!(open(path, trust), Err(Refused::NotAFile)), "{path:?} {trust:?}");
            }
            assert!(open(&to_pipe, trust).is_err());
            assert!(matches!(open(&dir.path().join("none"), trust), Err(Refused::Io(_))));
        }
        assert!(matches!(open_to_change(&pipe), Err(Refused::NotAFile)));
        assert!(matches!(open_or_make(&pipe), Err(Refused::NotAFile)));
    }

    #[test]
    fn links_lead_to_configuration_and_to_nothing_of_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "text").unwrap();
        symlink("file", &link).unwrap();
        for trust in [Trust::Configured, Trust::Named] {
            assert_eq!(read(&link, trust, 4).unwrap(), b"text");
        }
        assert!(matches!(open(&link, Trust::Own), Err(Refused::Link)));
        assert!(matches!(open_to_change(&link), Err(Refused::Link)));
        assert!(matches!(open_or_make(&link), Err(Refused::Link)));
        assert!(look_at(&link).is_none() && look_at(&file).is_some());
        symlink("nowhere", dir.path().join("dangling")).unwrap();
        assert!(matches!(open_or_make(&dir.path().join("dangling")), Err(Refused::Link)));
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all_and_made_for_the_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "text").unwrap();
        assert!(matches!(read(&path, Trust::Own, 3), Err(Refused::TooLong(3))));
        let new = dir.path().join("new");
        open_or_make(&new).unwrap();
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_strangers_file_is_nobodys_configuration() {
        let user = rustix::process::geteuid().as_raw();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "text").unwrap();
        // Only root may give a file away.
        if user == 0 {
            std::os::unix::fs::chown(&path, Some(4242), None).unwrap();
            assert!(matches!(open(&path, Trust::Own), Err(Refused::Foreign)));
            assert!(matches!(open(&path, Trust::Configured), Err(Refused::Foreign)));
        }
        assert!(open(&path, Trust::Named).is_ok());
        // Owned by the system.
        assert!(open(Path::new("/etc/passwd"), Trust::Configured).is_ok());
    }
}
