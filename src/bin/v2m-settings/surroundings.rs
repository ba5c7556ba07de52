//! The environment variables in which the service runs, because they override the file.
//!
//! systemd starts the service with the user manager's variables and those of its unit, drop-ins
//! included. Where no manager answers, this process's own count.

use std::collections::BTreeMap;
use std::process::Command;

/// What begins the names of v2m's variables.
const OWN: &str = "V2M_";

/// The variables that override settings, and which of them the unit sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// Names and values.
    pub(crate) variables: Vec<(String, String)>,
    /// Names of those that the unit or a drop-in of it sets.
    pub(crate) of_the_unit: Vec<String>,
    /// Whether the unit has variables that are not known here: it reads files of them, or systemctl
    /// does not print them.
    pub(crate) has_unknown: bool,
}

/// What systemctl prints instead of a variable with a control character in it.
const UNPRINTABLE: &str = "[unprintable]";

impl Surroundings {
    /// Asks the user manager. Milliseconds.
    pub(crate) fn ask() -> Self {
        let Some(manager) = systemctl(&["show-environment"]) else {
            let variables = own(std::env::vars()).collect();
            return Self { variables, ..Self::default() };
        };
        let unit = systemctl(&["show", "--property=Environment", "--value", "v2m.service"]);
        let files = systemctl(&["show", "--property=EnvironmentFiles", "--value", "v2m.service"]);
        Self::of(&manager, &unit.unwrap_or_default(), &files.unwrap_or_default())
    }

    /// From what systemctl prints of the manager, of the unit and of the unit's files.
    fn of(manager: &str, unit: &str, files: &str) -> Self {
        let has_unknown = !files.trim().is_empty() || unit.contains(UNPRINTABLE);
        let unit: Vec<_> = own(pairs(unit.split_whitespace())).collect();
        let mut all: BTreeMap<String, String> = own(pairs(manager.lines())).collect();
        let of_the_unit = unit.iter().map(|(name, _)| name.clone()).collect();
        all.extend(unit);
        Self { variables: all.into_iter().collect(), of_the_unit, has_unknown }
    }
}

/// Lines `NAME=value`; a value with signs that a shell minds comes as `$'…'`.
fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (String, String)> {
    lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let inner = value.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\''));
        Some((name.to_owned(), inner.unwrap_or(value).replace("\\\"", "\"")))
    })
}

/// Those that name a setting.
fn own(all: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = (String, String)> {
    all.filter(|(name, _)| name.strip_prefix(OWN).is_some_and(|rest| rest.contains("__")))
}

fn systemctl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("systemctl").arg("--user").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_variables_go_before_the_managers() {
        let manager = "PATH=/bin\nV2M_LOG=debug\nV2M_ENGINE__LANGUAGE=es\nV2M_STORE__KEEP_DAYS=3\n";
        let all = Surroundings::of(manager, "V2M_ENGINE__LANGUAGE=de OTHER=1\n", "\n");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = [pair("V2M_ENGINE__LANGUAGE", "de"), pair("V2M_STORE__KEEP_DAYS", "3")];
        assert_eq!(all.variables, wanted);
        assert_eq!(all.of_the_unit, ["V2M_ENGINE__LANGUAGE"]);
        assert!(!all.has_unknown);
    }

    #[test]
    fn variables_that_cannot_be_known_are_noticed() {
        assert!(Surroundings::of("", "", "/etc/v2m.env (ignore_errors=yes)\n").has_unknown);
        assert!(Surroundings::of("", "A=1 [unprintable]\n", "").has_unknown);
    }

    #[test]
    fn a_quoted_value_is_read() {
        let all = Surroundings::of("V2M_ENGINE__LANGUAGES=$'[\\\"es\\\"]'\n", "", "");
        assert_eq!(all.variables[0].1, "[\"es\"]");
    }
}
