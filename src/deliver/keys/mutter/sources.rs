//! Which of the keymap's groups may be in force, as far as GNOME's settings say: Mutter tells it to
//! the window with the keyboard alone.
//!
//! The Shell makes one keymap of up to three of the user's layouts, a group each, in the order of
//! the settings, and adds one for the user's language (js/misc/keyboardManager.js). Which of
//! several was used last is in the settings too, but not where each window has its own, and not
//! before an input method's daemon has come: that is not built upon.

use crate::deliver::error::DeliverError;
use std::ops::Range;
use tokio::process::Command;
use tracing::debug;

const SCHEMA: &str = "org.gnome.desktop.input-sources";

/// Groups that the Shell gives to the user's layouts (MAX_LAYOUTS_PER_GROUP less one).
const GROUPS: usize = 3;

/// The groups of which one is in force.
pub(crate) async fn groups() -> Result<Range<u32>, DeliverError> {
    let get = ["get", SCHEMA, "sources"];
    // Also for a delivery that is given up.
    let asked = Command::new("gsettings").args(get).kill_on_drop(true).output().await;
    match asked {
        Ok(output) if output.status.success() => read(&String::from_utf8_lossy(&output.stdout)),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            debug!(%reason, "gsettings does not tell the input sources");
            Err(DeliverError::NoLayout("gsettings failed"))
        }
        Err(error) => {
            debug!(%error, "gsettings cannot be run");
            Err(DeliverError::NoLayout("gsettings cannot be run"))
        }
    }
}

/// The groups by the list of sources, in GVariant's text form: `[('xkb', 'us'), ('ibus',
/// 'anthy')]`.
fn read(sources: &str) -> Result<Range<u32>, DeliverError> {
    let strings = sources.split('\'').skip(1).step_by(2);
    let kinds: Vec<&str> = strings.step_by(2).collect();
    if kinds.iter().any(|kind| *kind != "xkb") {
        return Err(DeliverError::NoLayout("an input method may be in use"));
    }
    // Without any the Shell takes the system's one layout.
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
