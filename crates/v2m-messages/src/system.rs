//! The system's commonest errors. The standard library has them only in English.

use crate::tr;
use std::io::{self, ErrorKind};

/// Returns the error in the user's language, if it is common; otherwise in the system's words.
#[must_use]
pub fn system_error(error: &io::Error) -> String {
    // An error without a number has its own text.
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let known = match error.kind() {
        ErrorKind::NotFound => tr!("No such file or directory"),
        ErrorKind::PermissionDenied => tr!("Permission denied"),
        ErrorKind::ConnectionRefused => tr!("Connection refused"),
        _ => return error.to_string(),
    };
    tr!("{known} (os error {code})", known, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_english_the_text_is_the_systems() {
        // ENOENT, EACCES, ECONNREFUSED and ENOSPC of Linux.
        for code in [2, 13, 111, 28] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(system_error(&error), error.to_string());
        }
        assert_eq!(system_error(&io::Error::other("own text")), "own text");
    }
}
