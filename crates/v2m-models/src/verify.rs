//! Digests of files. Not here: the expected digests ([`crate::catalogue`]).

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Doing, ModelError};

/// Returns the SHA-256 of a file, 64 lowercase hexadecimal digits. `progress` receives the number
/// of bytes read since the last call.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(ModelError::io(Doing::Open, path))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        let n = file.read(&mut buffer).map_err(ModelError::io(Doing::Read, path))?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        progress(n as u64);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Checks that a file has this digest.
///
/// # Errors
/// [`ModelError::Digest`] if it has another one, or an error if it cannot be read.
pub fn check(path: &Path, expected: &str, progress: &mut dyn FnMut(u64)) -> Result<(), ModelError> {
    let found = sha256(path, progress)?;
    if found == expected {
        return Ok(());
    }
    Err(ModelError::Digest { path: path.to_owned(), expected: expected.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_standards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-2, example B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut told = 0;
        assert_eq!(sha256(&path, &mut |n| told += n).unwrap(), abc);
        assert_eq!(told, 3);
        assert!(check(&path, abc, &mut |_| ()).is_ok());
        let wrong = check(&path, &abc.replace('b', "c"), &mut |_| ()).unwrap_err().to_string();
        assert!(wrong.contains("v2m-model pull"), "{wrong}");
    }
}
