//! Finds the keymap's groups that may be active, in GNOME's settings. Mutter reports the active
//! group only to the window that has the keyboard.
//!
//! The Shell builds one keymap from up to three of the user's layouts, one group each, in the order
//! of the settings, and adds a group for the user's language (js/misc/keyboardManager.js). The
//! settings also say which layout was used last, but not if each window has its own, and not before
//! an input method's daemon has started. So v2m does not rely on it.

use crate::deliver::error::DeliverError;
use std::ops::Range;
use tokio::process::Command;
use tracing::debug;
use v2m_messages::tr;

const SCHEMA: &str = "org.gnome.desktop.input-sources";

/// The number of groups that the Shell gives to the user's layouts (MAX_LAYOUTS_PER_GROUP less
/// one).
const GROUPS: usize = 3;

/// Returns the groups that may be active.
pub(crate) async fn groups() -> Result<Range<u32>, DeliverError> {
    let get = ["get", SCHEMA, "sources"];
    // `kill_on_drop` ends it for a cancelled delivery too.
    let asked = Command::new("gsettings").args(get).kill_on_drop(true).output().await;
    match asked {
        Ok(output) if output.status.success() => read(&String::from_utf8_lossy(&output.stdout)),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            debug!(%reason, "gsettings does not tell the input sources");
            Err(DeliverError::NoLayout(tr!("gsettings failed")))
        }
        Err(error) => {
            debug!(%error, "gsettings cannot be run");
            Err(DeliverError::NoLayout(tr!("gsettings cannot be run")))
        }
    }
}

/// Reads the groups from the list of sources in GVariant's text form: `[('xkb', 'us'), ('ibus',
/// 'anthy')]`.
fn read(sources: &str) -> Result<Range<u32>, DeliverError> {
    let strings = sources.split('\'').skip(1).step_by(2);
    let kinds: Vec<&str> = strings.step_by(2).collect();
    if kinds.iter().any(|kind| *kind != "xkb") {
        return Err(DeliverError::NoLayout(tr!("an input method may be in use")));
    }
    // Without any source, the Shell uses the system's only layout.
    let groups = kinds.len().clamp(1, GROUPS);
    Ok(0..u32::try_from(groups).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_layout_has_a_group_as_far_as_they_go() {
        let cases = [
            ("@a(ss) []", 1),
            ("[('xkb', 'es')]", 1),
            ("[('xkb', 'es'), ('xkb', 'us+intl')]", 2),
            ("[('xkb', 'es'), ('xkb', 'us'), ('xkb', 'ru'), ('xkb', 'fr')]", 3),
        ];
        for (sources, groups) in cases {
            assert_eq!(read(sources).unwrap(), 0..groups, "{sources}");
        }
    }

    #[test]
    fn input_methods_have_no_group() {
        assert!(read("[('xkb', 'us'), ('ibus', 'anthy')]").is_err());
    }

    proptest! {
        #[test]
        fn anything_told_is_read_without_harm(text in "\\PC{0,60}") {
            if let Ok(groups) = read(&text) {
                prop_assert!((1..=3).contains(&groups.end));
            }
        }
    }
}
