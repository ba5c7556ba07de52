//! What is on the screen, and what keys do to it. Nothing is drawn here.

use crate::entry;
use crate::field::Field;
use crate::store::{Change, Store};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;
use v2m::config::{Explained, Kind};
use v2m_messages::tr;

/// Rows that Page Up and Page Down go.
const PAGE: usize = 8;

/// What the keys are for at the moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mode {
    /// The list of settings.
    List,
    /// What is searched for is typed.
    Search(Field),
    /// A value is typed. The message says why it was not taken.
    Edit {
        /// What is typed.
        field: Field,
        /// Why it was not taken.
        refusal: Option<String>,
    },
    /// One of these words is chosen.
    Choose {
        /// The words.
        words: Vec<String>,
        /// The one that is selected.
        at: usize,
        /// Why it was not taken.
        refusal: Option<String>,
    },
    /// All that is to be read of one setting, from this line on.
    Details(u16),
}

/// The state of the program.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) mode: Mode,
    /// What the settings that are shown have in common.
    pub(crate) filter: String,
    /// The selected one of those that are shown.
    at: usize,
    /// What has just happened.
    pub(crate) notice: Option<String>,
    pub(crate) is_over: bool,
}

impl App {
    pub(crate) fn new(store: Store) -> Self {
        let (mode, filter) = (Mode::List, String::new());
        Self { store, mode, filter, at: 0, notice: None, is_over: false }
    }

    /// The settings that are shown.
    pub(crate) fn shown(&self) -> Vec<&Explained> {
        let words: Vec<String> =
            self.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let matches = |key: &&Explained| {
            let name = format!("{}.{}", key.section, key.name);
            let text = format!("{name} {} {}", key.doc, entry::shown(key)).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.store.keys().iter().filter(matches).collect()
    }

    /// The selected setting, and its place among those that are shown.
    pub(crate) fn selected(&self) -> Option<(usize, Explained)> {
        let shown = self.shown();
        let at = self.at.min(shown.len().checked_sub(1)?);
        Some((at, shown[at].clone()))
    }

    /// Looks whether another program has changed the file. Returns whether there is something new to
    /// show.
    pub(crate) fn look(&mut self) -> bool {
        let is_new = self.store.look();
        if is_new {
            self.notice = Some(match &self.store.problem {
                Some(problem) => problem.clone(),
                None => tr!("Another program has changed the file; it was read again.").to_owned(),
            });
        }
        is_new
    }

    /// Puts pasted text where text is typed.
    pub(crate) fn paste(&mut self, text: &str) {
        match &mut self.mode {
            Mode::Search(field) | Mode::Edit { field, .. } => field.insert(text),
            Mode::List | Mode::Choose { .. } | Mode::Details(_) => {}
        }
        self.search_as_typed();
    }

    /// Does what a key means.
    pub(crate) fn key(&mut self, key: KeyEvent) {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            self.is_over = true;
            return;
        }
        match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::List => self.in_list(key),
            Mode::Search(field) => self.in_search(key, field),
            Mode::Edit { field, refusal } => self.in_edit(key, field, refusal),
            Mode::Choose { words, at, refusal } => self.in_choice(key, words, at, refusal),
            Mode::Details(line) => self.in_details(key, line),
        }
    }

    fn in_list(&mut self, key: KeyEvent) {
        self.notice = None;
        let last = self.shown().len().saturating_sub(1);
        self.at = self.at.min(last);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.at = (self.at + 1).min(last),
            KeyCode::PageUp => self.at = self.at.saturating_sub(PAGE),
            KeyCode::PageDown => self.at = (self.at + PAGE).min(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Char('/') => self.mode = Mode::Search(Field::with(self.filter.clone())),
            KeyCode::Enter | KeyCode::Char('e') => self.begin(),
            KeyCode::Char('r') | KeyCode::Delete => self.reset(),
            KeyCode::Tab | KeyCode::Char('?') => self.mode = Mode::Details(0),
            KeyCode::Esc if !self.filter.is_empty() => self.search_for(String::new()),
            KeyCode::Esc | KeyCode::Char('q') => self.is_over = true,
            _ => {}
        }
    }

    fn in_search(&mut self, key: KeyEvent, mut field: Field) {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => return self.search_for(String::new()),
            KeyCode::Up | KeyCode::Down => return self.in_list(key),
            _ => {}
        }
        field.key(key);
        self.mode = Mode::Search(field);
        self.search_as_typed();
    }

    fn search_as_typed(&mut self) {
        if let Mode::Search(field) = &self.mode {
            self.search_for(field.text().to_owned());
        }
    }

    /// Shows those that have these words, and selects the one whose name they are, or else the first
    /// with them in its name. Without words the selected one stays selected.
    fn search_for(&mut self, words: String) {
        let before = self.selected().map(|(_, key)| (key.section, key.name));
        self.filter = words;
        let wanted = self.filter.trim().to_lowercase();
        let full = |key: &Explained| format!("{}.{}", key.section, key.name);
        let shown = self.shown();
        let place = |is_it: &dyn Fn(&Explained) -> bool| shown.iter().position(|key| is_it(key));
        let found = if wanted.is_empty() {
            place(&|key| Some((key.section, key.name)) == before)
        } else {
            place(&|key| key.name == wanted || full(key) == wanted)
                .or_else(|| place(&|key| full(key).contains(&wanted)))
        };
        self.at = found.unwrap_or(0);
    }

    /// Begins to change the selected setting.
    fn begin(&mut self) {
        let Some((_, key)) = self.selected() else { return };
        let words = match &key.kind {
            Kind::Choice(words) => words.clone(),
            Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
            Kind::Number | Kind::Text | Kind::List | Kind::Table => {
                let field = Field::with(entry::typed(&key.kind, &key.value));
                self.mode = Mode::Edit { field, refusal: None };
                return;
            }
        };
        let value = entry::typed(&key.kind, &key.value);
        let at = words.iter().position(|word| *word == value).unwrap_or(0);
        self.mode = Mode::Choose { words, at, refusal: None };
    }

    fn in_edit(&mut self, key: KeyEvent, mut field: Field, refusal: Option<String>) {
        match key.code {
            KeyCode::Esc => {}
            KeyCode::Enter => {
                // What was typed is kept where it is not taken.
                let refusal = self.take(field.text());
                if refusal.is_some() {
                    self.mode = Mode::Edit { field, refusal };
                }
            }
            _ => {
                let refusal = if field.key(key) { None } else { refusal };
                self.mode = Mode::Edit { field, refusal };
            }
        }
    }

    fn in_choice(
        &mut self,
        key: KeyEvent,
        words: Vec<String>,
        mut at: usize,
        refusal: Option<String>,
    ) {
        let last = words.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return,
            KeyCode::Enter => {
                let refusal = self.take(&words[at]);
                if refusal.is_some() {
                    self.mode = Mode::Choose { words, at, refusal };
                }
                return;
            }
            KeyCode::Up | KeyCode::Char('k') => at = at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => at = (at + 1).min(last),
            KeyCode::Home => at = 0,
            KeyCode::End => at = last,
            _ => {}
        }
        self.mode = Mode::Choose { words, at, refusal };
    }

    fn in_details(&mut self, key: KeyEvent, line: u16) {
        let line = match key.code {
            KeyCode::Up | KeyCode::Char('k') => line.saturating_sub(1),
            // The view knows where it ends.
            KeyCode::Down | KeyCode::Char('j') => line.saturating_add(1),
            KeyCode::Enter => return self.begin(),
            KeyCode::Esc | KeyCode::Tab | KeyCode::Char('q' | '?') => return,
            _ => line,
        };
        self.mode = Mode::Details(line);
    }

    /// Gives the selected setting the value that was typed. Returns why it was not taken.
    fn take(&mut self, text: &str) -> Option<String> {
        let (_, key) = self.selected()?;
        match entry::read(&key.kind, text) {
            Ok(value) => self.set(&key, Some(value)),
            Err(problem) => Some(problem),
        }
    }

    fn reset(&mut self) {
        let Some((_, key)) = self.selected() else { return };
        if let Some(refusal) = self.set(&key, None) {
            self.notice = Some(refusal);
        }
    }

    fn set(&mut self, key: &Explained, value: Option<Value>) -> Option<String> {
        let name = format!("{}.{}", key.section, key.name);
        let is_reset = value.is_none();
        match self.store.set(key, value) {
            Change::Done => {
                self.notice = Some(match (is_reset, key.restart) {
                    (true, _) => tr!("{name} is back at its default.", name),
                    (false, true) => {
                        tr!("{name} is changed. It takes effect with the next start of v2m.service.", name)
                    }
                    (false, false) => tr!("{name} is changed.", name),
                });
                None
            }
            Change::Stale => Some(match &self.store.problem {
                Some(problem) => problem.clone(),
                None => tr!(
                    "Another program has changed the file meanwhile. It was read again, and not changed; do \
                     this once more if it is still right."
                )
                .to_owned(),
            }),
            Change::Refused(why) => Some(why),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::tests::store;

    /// The program with a configuration of that text.
    pub(crate) fn app(text: &str) -> (tempfile::TempDir, App) {
        let (folder, store) = store(text);
        (folder, App::new(store))
    }

    pub(crate) fn press(app: &mut App, keys: &[KeyCode]) {
        keys.iter().for_each(|code| app.key(KeyEvent::from(*code)));
    }

    pub(crate) fn type_in(app: &mut App, text: &str) {
        text.chars().for_each(|c| press(app, &[KeyCode::Char(c)]));
    }

    fn name(app: &App) -> String {
        let (_, key) = app.selected().unwrap();
        format!("{}.{}", key.section, key.name)
    }

    fn file(app: &App) -> String {
        std::fs::read_to_string(app.store.path()).unwrap()
    }

    #[test]
    fn a_setting_is_found_by_the_words_of_its_documentation() {
        let (_folder, mut app) = app("");
        let all = app.shown().len();
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "hypotheses DECODER");
        press(&mut app, &[KeyCode::Enter]);
        assert_eq!(name(&app), "engine.beam_size");
        press(&mut app, &[KeyCode::Esc]);
        assert_eq!((app.shown().len(), app.is_over), (all, false), "Escape ends the search first");
        assert_eq!(name(&app), "engine.beam_size", "and the selection stays");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "mode");
        assert_eq!(name(&app), "trigger.mode", "not engine.model, which has the word too");
        press(&mut app, &[KeyCode::Esc, KeyCode::Char('/')]);
        type_in(&mut app, "nothing has this");
        assert!(app.shown().is_empty() && app.selected().is_none());
        press(&mut app, &[KeyCode::Enter, KeyCode::Enter, KeyCode::Down, KeyCode::Delete]);
        press(&mut app, &[KeyCode::Esc, KeyCode::Esc]);
        assert!(app.is_over);
    }

    #[test]
    fn an_invalid_value_keeps_what_was_typed_and_says_why() {
        let (_folder, mut app) = app("");
        app.search_for("engine.threads".into());
        press(&mut app, &[KeyCode::Enter, KeyCode::Backspace]);
        type_in(&mut app, "999");
        press(&mut app, &[KeyCode::Enter]);
        let Mode::Edit { field, refusal: Some(why) } = &app.mode else { panic!("{:?}", app.mode) };
        assert_eq!(field.text(), "999");
        assert!(why.contains("a whole number from 0 to 256"), "{why}");
        assert_eq!(file(&app), "");
        press(&mut app, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!(app.mode, Mode::List);
        assert!(file(&app).contains("threads = 99\n"), "{}", file(&app));
    }

    #[test]
    fn words_are_chosen_and_reset() {
        let (_folder, mut app) = app("# mine\n[deliver]\nmode = \"paste\" # so\n");
        app.search_for("deliver.mode".into());
        press(&mut app, &[KeyCode::Enter]);
        let Mode::Choose { words, at, .. } = &app.mode else { panic!("{:?}", app.mode) };
        assert_eq!((words[*at].as_str(), words.len()), ("paste", 5));
        press(&mut app, &[KeyCode::Up, KeyCode::Enter]);
        assert_eq!(file(&app), "# mine\n[deliver]\nmode = \"clipboard\" # so\n");
        press(&mut app, &[KeyCode::Char('r')]);
        assert_eq!(file(&app), "# mine\n[deliver]\n");
        assert!(app.notice.as_ref().unwrap().contains("back at its default"));
    }

    #[test]
    fn a_change_by_an_editor_while_a_value_is_typed_is_told_and_not_overwritten() {
        let (_folder, mut app) = app("[engine]\nthreads = 2\n");
        app.search_for("engine.threads".into());
        press(&mut app, &[KeyCode::Enter]);
        let theirs = "[engine]\nthreads = 5\n";
        std::fs::write(app.store.path(), theirs).unwrap();
        type_in(&mut app, "1");
        press(&mut app, &[KeyCode::Enter]);
        let Mode::Edit { field, refusal: Some(why) } = &app.mode else { panic!("{:?}", app.mode) };
        assert_eq!(field.text(), "21");
        assert!(why.contains("changed the file meanwhile"), "{why}");
        assert_eq!(file(&app), theirs);
        press(&mut app, &[KeyCode::Enter]);
        assert_eq!(file(&app), "[engine]\nthreads = 21\n");
    }

    #[test]
    fn a_list_is_typed_with_commas_and_pasted_lines_are_one() {
        let (_folder, mut app) = app("");
        app.search_for("engine.vocabulary".into());
        press(&mut app, &[KeyCode::Enter]);
        app.paste("PipeWire,\nAna María");
        press(&mut app, &[KeyCode::Enter]);
        assert!(
            file(&app).contains("vocabulary = [\"PipeWire\", \"Ana María\"]"),
            "{}",
            file(&app)
        );
    }

    #[test]
    fn keys_at_the_ends_stay_there() {
        let (_folder, mut app) = app("");
        press(&mut app, &[KeyCode::Up, KeyCode::PageUp]);
        assert_eq!(name(&app), "engine.model");
        press(&mut app, &[KeyCode::End, KeyCode::Down, KeyCode::PageDown]);
        assert_eq!(name(&app), "log.level");
        press(&mut app, &[KeyCode::Tab, KeyCode::Down, KeyCode::Down, KeyCode::Up]);
        assert_eq!(app.mode, Mode::Details(1));
        press(&mut app, &[KeyCode::Esc, KeyCode::Home]);
        assert_eq!(name(&app), "engine.model");
        app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(app.is_over);
    }
}
