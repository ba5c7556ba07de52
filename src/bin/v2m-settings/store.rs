//! The configuration: read with the origin of each value, changed with the checks of UPDATE_CONFIG,
//! and read again when another program changes the file.

use crate::surroundings::Surroundings;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use v2m::config::{self, ConfigError, Explained, Explanation, Giver};
use v2m_messages::tr;

/// The configuration when it was last read.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    surroundings: Surroundings,
    read: Explanation,
    /// Why the file is invalid at present; the previous settings remain displayed.
    pub(crate) problem: Option<String>,
}

/// Result of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is in the file.
    Done,
    /// Another program has changed the file since it was read. It was read again, and not changed.
    Stale,
    /// The value is not valid or the file cannot be written, for this reason. Nothing was changed.
    Refused(String),
}

impl Store {
    /// Reads the user's configuration.
    ///
    /// # Errors
    /// Any of [`config::explain`].
    pub(crate) fn open() -> Result<Self, ConfigError> {
        Self::at(config::default_path()?, Surroundings::ask())
    }

    pub(crate) fn at(path: PathBuf, surroundings: Surroundings) -> Result<Self, ConfigError> {
        let read = config::explain(&path, surroundings.variables.clone())?;
        Ok(Self { path, surroundings, read, problem: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keys(&self) -> &[Explained] {
        &self.read.keys
    }

    /// Returns a setting as it was last read.
    pub(crate) fn key(&self, section: &str, name: &str) -> Option<Explained> {
        self.keys().iter().find(|key| key.section == section && key.name == name).cloned()
    }

    /// Describes the origin of a value.
    pub(crate) fn giver(&self, key: &Explained) -> String {
        let giver = self.known_giver(key);
        if self.surroundings.has_unknown {
            return tr!(
                "{giver}, unless a variable of v2m.service that is not known here overrides it",
                giver
            );
        }
        giver
    }

    fn known_giver(&self, key: &Explained) -> String {
        match &key.giver {
            Giver::Default => tr!("the default").to_owned(),
            Giver::File(line) => tr!("the file, line {line}", line),
            Giver::Environment(name) if self.surroundings.of_the_unit.contains(name) => {
                tr!("{name}, in v2m.service or a drop-in of it", name)
            }
            Giver::Environment(name) => tr!("the environment variable {name}", name),
        }
    }

    /// Reads the file again if another program has changed it. Returns whether it has.
    pub(crate) fn look(&mut self) -> bool {
        match config::explain(&self.path, self.surroundings.variables.clone()) {
            Ok(new) => {
                let was_bad = self.problem.take().is_some();
                let is_new = new.text != self.read.text;
                self.read = new;
                is_new || was_bad
            }
            Err(error) => {
                let problem = Some(error.to_string());
                let is_new = self.problem != problem;
                self.problem = problem;
                is_new
            }
        }
    }

    /// Sets a key's value, or removes the key from the file (`None`).
    pub(crate) fn set(&mut self, key: &Explained, value: Option<Value>) -> Change {
        if self.look() || self.problem.is_some() {
            return Change::Stale;
        }
        let value = value.map_or(Value::Null, |value| crate::entry::replacing(&key.value, value));
        let partial = Map::from_iter([(key.section.to_owned(), json!({ key.name: value }))]);
        let variables = self.surroundings.variables.clone();
        match config::update(&self.path, variables, &self.read.settings, &partial) {
            Ok(_) => {
                self.look();
                Change::Done
            }
            Err(error) => Change::Refused(error.to_string()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a configuration with that text, in a temporary folder.
    pub(crate) fn store(text: &str) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let variable = ("V2M_STORE__KEEP_DAYS".to_owned(), "3".to_owned());
        let surroundings = Surroundings {
            of_the_unit: vec![variable.0.clone()],
            variables: vec![variable],
            has_unknown: false,
        };
        let store = Store::at(path, surroundings).unwrap();
        (folder, store)
    }

    fn key(store: &Store, section: &str, name: &str) -> Explained {
        let mut keys = store.keys().iter();
        keys.find(|key| key.section == section && key.name == name).unwrap().clone()
    }

    fn text(store: &Store) -> String {
        std::fs::read_to_string(store.path()).unwrap()
    }

    #[test]
    fn a_change_keeps_comments_and_a_reset_takes_the_key_out() {
        let (_folder, mut store) = store("# mine\n[engine] # the ear\nthreads = 2 # few\n");
        let threads = key(&store, "engine", "threads");
        assert_eq!(store.giver(&threads), "the file, line 3");
        assert_eq!(store.set(&threads, Some(json!(4))), Change::Done);
        assert_eq!(text(&store), "# mine\n[engine] # the ear\nthreads = 4 # few\n");
        let threads = key(&store, "engine", "threads");
        assert_eq!(store.set(&threads, None), Change::Done);
        assert_eq!(text(&store), "# mine\n[engine] # the ear\n");
        assert_eq!(store.giver(&key(&store, "engine", "threads")), "the default");
    }

    #[test]
    fn a_giver_that_is_not_certain_is_told_so() {
        let (_folder, mut store) = store("[engine]\nthreads = 2\n");
        store.surroundings.has_unknown = true;
        let told = store.giver(&key(&store, "engine", "threads"));
        assert!(told.starts_with("the file, line 2, unless a variable of v2m.service"), "{told}");
    }

    #[test]
    fn what_is_not_valid_is_refused_in_the_checkers_words() {
        let (_folder, mut store) = store("");
        let threads = key(&store, "engine", "threads");
        let Change::Refused(why) = store.set(&threads, Some(json!(999))) else { panic!("taken") };
        assert!(why.contains("engine.threads = 999 is not allowed: it takes a whole"), "{why}");
        let days = key(&store, "store", "keep_days");
        assert!(store.giver(&days).contains("a drop-in"), "{}", store.giver(&days));
        let Change::Refused(why) = store.set(&days, Some(json!(9))) else { panic!("taken") };
        assert!(why.contains("V2M_STORE__KEEP_DAYS overrides it"), "{why}");
        assert_eq!(text(&store), "");
    }

    #[test]
    fn another_programs_change_is_noticed_and_not_overwritten() {
        let (_folder, mut store) = store("[engine]\nthreads = 2\n");
        assert!(!store.look());
        let threads = key(&store, "engine", "threads");
        let theirs = "[engine]\nthreads = 3 # by hand\n";
        std::fs::write(store.path(), theirs).unwrap();
        assert_eq!(store.set(&threads, Some(json!(4))), Change::Stale);
        assert_eq!(text(&store), theirs);
        assert_eq!(key(&store, "engine", "threads").value, 3);
        // A file that is being edited may be invalid for a while.
        std::fs::write(store.path(), "[engine\n").unwrap();
        assert!(store.look() && store.problem.is_some());
        assert!(!store.look(), "told once");
        assert_eq!(store.set(&threads, Some(json!(4))), Change::Stale);
        assert_eq!(key(&store, "engine", "threads").value, 3);
        std::fs::write(store.path(), theirs).unwrap();
        assert!(store.look() && store.problem.is_none());
    }

    #[test]
    fn entries_of_a_table_go_and_come() {
        let (_folder, mut store) = store("[text.replace]\n\"a b\" = \"c\" # one\nd = \"e\"\n");
        let replace = key(&store, "text", "replace");
        assert_eq!(store.set(&replace, Some(json!({"a b": "c", "f": "g"}))), Change::Done);
        assert_eq!(key(&store, "text", "replace").value, json!({"a b": "c", "f": "g"}));
        assert!(text(&store).contains("# one"), "{}", text(&store));
    }
}
