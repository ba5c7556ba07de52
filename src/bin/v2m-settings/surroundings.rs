//! The service's environment variables, which override the file.
//!
//! systemd starts the service with the user manager's variables, those of its unit, and those in
//! the files that its unit names, including drop-ins. If no manager answers, this process's own
//! variables are used.

use crate::environment_file::assignments;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use v2m::regular::{self, Refused, Trust};

/// Prefix of v2m's variables.
const OWN: &str = "V2M_";
/// Size limit, above any real file of variables.
const MAX_BYTES: u64 = 1 << 20;

const MANAGER: &str = "/org/freedesktop/systemd1";
/// The object path of v2m.service in systemd.
const UNIT: &str = "/org/freedesktop/systemd1/unit/v2m_2eservice";

/// The variables that override settings, and which of them the unit sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// Names and values.
    pub(crate) variables: Vec<(String, String)>,
    /// Names of the variables that the unit or its drop-ins set, directly or by a file.
    pub(crate) of_the_unit: Vec<String>,
    /// Whether the unit has unknown variables: it uses files that are unreadable here or are named
    /// by a pattern.
    pub(crate) has_unknown: bool,
}

impl Surroundings {
    /// Queries the user manager, which takes milliseconds.
    pub(crate) fn ask() -> Self {
        let Some(manager) = property(MANAGER, "Manager", "Environment") else {
            let variables = own(std::env::vars()).collect();
            return Self { variables, ..Self::default() };
        };
        let unit = property(UNIT, "Service", "Environment").unwrap_or_default();
        let files = property(UNIT, "Service", "EnvironmentFiles").unwrap_or_default();
        Self::of(&manager, &unit, &files)
    }

    /// Reads systemd's properties: two lists of assignments, and the unit's files, each with
    /// whether it may be missing.
    fn of(manager: &Value, unit: &Value, files: &Value) -> Self {
        let mut all: BTreeMap<String, String> = own(pairs(manager)).collect();
        let mut of_the_unit: BTreeMap<String, String> = own(pairs(unit)).collect();
        let mut has_unknown = false;
        for file in files.as_array().into_iter().flatten() {
            let (path, may_be_missing) = (file[0].as_str().unwrap_or_default(), &file[1]);
            match read(Path::new(path)) {
                // A file overrides the unit, and the files above it.
                Ok(text) => of_the_unit.extend(own(assignments(&text).into_iter())),
                Err(Refused::Io(error))
                    if error.kind() == std::io::ErrorKind::NotFound
                        && *may_be_missing == true
                        && !path.contains(['*', '?', '[']) => {}
                Err(_) => has_unknown = true,
            }
        }
        let names = of_the_unit.keys().cloned().collect();
        all.extend(of_the_unit);
        Self { variables: all.into_iter().collect(), of_the_unit: names, has_unknown }
    }
}

fn read(path: &Path) -> Result<String, Refused> {
    let bytes = regular::read(path, Trust::Named, MAX_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the assignments `NAME=value` in a list.
fn pairs(list: &Value) -> impl Iterator<Item = (String, String)> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Keeps the variables that name a setting.
fn own(all: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = (String, String)> {
    all.filter(|(name, _)| name.strip_prefix(OWN).is_some_and(|rest| rest.contains("__")))
}

/// Reads a property from the user manager's bus. Unlike systemctl, busctl prints every character of
/// it.
fn property(path: &str, interface: &str, name: &str) -> Option<Value> {
    let interface = format!("org.freedesktop.systemd1.{interface}");
    let mut busctl = Command::new("busctl");
    busctl.args(["--user", "--json=short", "get-property", "org.freedesktop.systemd1", path]);
    let output = busctl.args([&interface, name]).output().ok()?;
    let mut told: Value = serde_json::from_slice(&output.stdout).ok()?;
    output.status.success().then(|| told["data"].take())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_units_variables_go_before_the_managers() {
        let manager = json!([
            "PATH=/bin",
            "V2M_LOG=debug",
            "V2M_ENGINE__LANGUAGE=es",
            "V2M_STORE__KEEP_DAYS=3"
        ]);
        let unit = json!(["V2M_ENGINE__LANGUAGE=de", "OTHER=1"]);
        let all = Surroundings::of(&manager, &unit, &json!([]));
        let wanted = [pair("V2M_ENGINE__LANGUAGE", "de"), pair("V2M_STORE__KEEP_DAYS", "3")];
        assert_eq!(all.variables, wanted);
        assert_eq!(all.of_the_unit, ["V2M_ENGINE__LANGUAGE"]);
        assert!(!all.has_unknown);
    }

    #[test]
    fn the_units_files_go_before_it_and_the_last_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let one = file("one", "# mine\nV2M_ENGINE__LANGUAGE=de\nV2M_ENGINE__THREADS=2\nOTHER=1\n");
        let two = file("two", "V2M_ENGINE__THREADS=\"3\"\n");
        let missing = folder.path().join("none").to_str().unwrap().to_owned();
        let unit = json!(["V2M_ENGINE__LANGUAGE=es", "V2M_STORE__KEEP_DAYS=3"]);
        let files = json!([[one, false], [missing, true], [two, false]]);
        let all = Surroundings::of(&json!([]), &unit, &files);
        let wanted = [
            pair("V2M_ENGINE__LANGUAGE", "de"),
            pair("V2M_ENGINE__THREADS", "3"),
            pair("V2M_STORE__KEEP_DAYS", "3"),
        ];
        assert_eq!(all.variables, wanted);
        assert_eq!(all.of_the_unit.len(), 3);
        assert!(!all.has_unknown);
    }

    #[test]
    fn files_that_cannot_be_read_are_noticed() {
        for (path, may_be_missing) in
            [("/nowhere/v2m.env", false), ("/nowhere/*.env", true), ("/", true)]
        {
            let files = json!([[path, may_be_missing]]);
            assert!(Surroundings::of(&json!([]), &json!([]), &files).has_unknown, "{path}");
        }
    }
}
