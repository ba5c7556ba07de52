//! Adds full paths to v2m's programs in advice, if the shell would not find them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Commands that appear in advice.
const COMMANDS: [&str; 6] =
    ["v2m-model ", "v2m-send ", "v2m doctor", "v2m check-config", "v2m shortcut", "v2m setup"];

/// Returns the folder of this program, unless it is on the `PATH`.
pub(crate) fn folder_off_path() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    (!is_found(&path)).then_some(folder)
}

fn is_found(path: &OsStr) -> bool {
    std::env::split_paths(path).any(|folder| folder.join("v2m-send").is_file())
}

/// Returns the advice with full paths in its commands.
pub(crate) fn with_paths(advice: &str, folder: &Path) -> String {
    let mut whole = String::new();
    let mut rest = advice;
    let starts = |at: usize| {
        let before = advice[..at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "`(“«".contains(c))
    };
    while let Some(next) = rest.chars().next() {
        let at = advice.len() - rest.len();
        if starts(at) && COMMANDS.iter().any(|command| rest.starts_with(command)) {
            whole.push_str(&format!("{}/", folder.display()));
        }
        whole.push(next);
        rest = &rest[next.len_utf8()..];
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_their_folder_and_nothing_else_does() {
        let advice = "“v2m doctor” or `v2m-model list`: journalctl --user -u v2m -n 20; \
                      v2m-send toggle, v2m.service, ~/v2m-send x";
        let whole = "“/a b/v2m doctor” or `/a b/v2m-model list`: journalctl --user -u v2m -n 20; \
                     /a b/v2m-send toggle, v2m.service, ~/v2m-send x";
        assert_eq!(with_paths(advice, Path::new("/a b")), whole);
    }

    #[test]
    fn a_folder_of_the_path_that_has_the_client_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        assert!(!is_found(&path));
        std::fs::write(folder.path().join("v2m-send"), "").unwrap();
        assert!(is_found(&path));
    }
}
