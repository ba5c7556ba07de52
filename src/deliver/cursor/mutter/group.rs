//! Which of the user's layouts is in force, as GNOME Shell's settings say: Mutter tells it to the window with the keyboard alone.
//!
//! The Shell makes one keymap of up to three of the user's layouts, a group each, in the order of the settings, and adds
//! one for the user's language (js/misc/keyboardManager.js). The one used last is the one in force; a user who has it
//! switched per window too.

use super::super::Problem;
use tokio::process::Command;
use tracing::debug;

const SCHEMA: &str = "org.gnome.desktop.input-sources";

/// Groups that the Shell gives to the user's layouts (MAX_LAYOUTS_PER_GROUP less one).
const GROUPS: usize = 3;

/// The group in force.
pub(super) async fn group() -> Result<u32, Problem> {
    // Also for a delivery that is given up.
    let asked =
        Command::new("gsettings").args(["list-recursively", SCHEMA]).kill_on_drop(true).output();
    let told = match asked.await {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            debug!(%reason, "gsettings does not tell the input sources");
            return Err(Problem::NoLayout("gsettings failed"));
        }
        Err(error) => {
            debug!(%error, "gsettings cannot be run");
            return Err(Problem::NoLayout("gsettings cannot be run"));
        }
    };
    in_force(&told)
}

/// The group in force by what gsettings tells of the schema.
fn in_force(told: &str) -> Result<u32, Problem> {
    let sources = |key| {
        let lines = told.lines().filter_map(|line| line.strip_prefix(SCHEMA));
        let mut lines = lines.filter_map(|line| line.trim_start().split_once(' '));
        lines.find(|(known, _)| *known == key).map(|(_, value)| pairs(value)).unwrap_or_default()
    };
    let (all, used) = (sources("sources"), sources("mru-sources"));
    let last = used.iter().find(|source| all.contains(source)).or(all.first());
    // Without any the Shell takes the system's one layout.
    let Some((kind, name)) = last else { return Ok(0) };
    if kind != "xkb" {
        return Err(Problem::NoLayout("an input method is in use"));
    }
    let layouts = all.iter().filter(|(kind, _)| kind == "xkb");
    let place = layouts.map(|(_, name)| name).position(|known| known == name).unwrap_or(0);
    Ok(u32::try_from(place % GROUPS).unwrap_or(0))
}

/// A list of pairs of strings in GVariant's text form: `[('xkb', 'us'), ('ibus', 'anthy')]`.
fn pairs(value: &str) -> Vec<(String, String)> {
    let strings: Vec<&str> = value.split('\'').skip(1).step_by(2).collect();
    strings.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(sources: &str, used: &str) -> Option<u32> {
        let told = format!(
            "{SCHEMA} current uint32 0\n{SCHEMA} mru-sources {used}\n{SCHEMA} sources {sources}\n\
             {SCHEMA} xkb-options @as []\n"
        );
        in_force(&told).ok()
    }

    #[test]
    fn the_layout_used_last_is_in_force() {
        let three = "[('xkb', 'es'), ('xkb', 'us+intl'), ('xkb', 'ru')]";
        assert_eq!(told(three, "[('xkb', 'us+intl'), ('xkb', 'es')]"), Some(1));
        assert_eq!(told(three, "@a(ss) []"), Some(0));
        // Of before the user took it out of the list.
        assert_eq!(told(three, "[('xkb', 'de'), ('xkb', 'ru')]"), Some(2));
        assert_eq!(told("@a(ss) []", "@a(ss) []"), Some(0));
        let four = "[('xkb', 'es'), ('xkb', 'us'), ('xkb', 'ru'), ('xkb', 'fr')]";
        assert_eq!(told(four, "[('xkb', 'fr')]"), Some(0));
    }

    #[test]
    fn input_methods_have_no_group() {
        let both = "[('ibus', 'anthy'), ('xkb', 'us')]";
        assert_eq!(told(both, "[('ibus', 'anthy')]"), None);
        assert_eq!(told(both, "[('xkb', 'us'), ('ibus', 'anthy')]"), Some(0));
    }

    proptest! {
        #[test]
        fn anything_told_is_read_without_harm(text in "\\PC{0,60}") {
            let _ = told(&text, &text);
        }
    }
}
