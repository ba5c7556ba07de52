//! The state of the screen, and the effects of keys on it. Nothing is drawn here.

use crate::entry;
use crate::field::Field;
use crate::store::{Change, Store};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;
use v2m::config::{Explained, Kind};
use v2m_messages::tr;

/// Rows to move for Page Up and Page Down.
const PAGE: usize = 8;

/// The current meaning of the keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Select from the list of settings.
    List,
    /// Type a search.
    Search(Field),
    /// Type a value.
    Edit {
        /// The setting when editing began.
        key: Box<Explained>,
        field: Field,
        /// Why the value was rejected.
        refusal: Option<String>,
    },
    /// Choose one of these words.
    Choose {
        /// The setting when choosing began.
        key: Box<Explained>,
        words: Vec<String>,
        /// Index of the selected word.
        at: usize,
        /// Why the word was rejected.
        refusal: Option<String>,
    },
    /// Read all documentation of one setting, from this line on.
    Details(u16),
}

/// The state of the program.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) mode: Mode,
    /// The search that selects the displayed settings.
    pub(crate) filter: String,
    /// Index of the selected setting among the displayed ones.
    at: usize,
    /// Message about the last action.
    pub(crate) notice: Option<String>,
    pub(crate) is_over: bool,
}

impl App {
    pub(crate) fn new(store: Store) -> Self {
        let (mode, filter) = (Mode::List, String::new());
        Self { store, mode, filter, at: 0, notice: None, is_over: false }
    }

    /// Returns the displayed settings.
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

    /// Returns the selected setting, and its index among the displayed ones.
    pub(crate) fn selected(&self) -> Option<(usize, Explained)> {
        let shown = self.shown();
        let at = self.at.min(shown.len().checked_sub(1)?);
        Some((at, shown[at].clone()))
    }

    /// Checks whether another program has changed the file. Returns whether the display must
    /// change.
    pub(crate) fn look(&mut self) -> bool {
        let before = self.name();
        let is_new = self.store.look();
        if is_new {
            self.keep(before);
            self.notice = Some(match &self.store.problem {
                Some(problem) => problem.clone(),
                None => tr!("Another program has changed the file; it was read again.").to_owned(),
            });
        }
        is_new
    }

    /// Returns the selected setting's section and name.
    fn name(&self) -> Option<(&'static str, &'static str)> {
        self.selected().map(|(_, key)| (key.section, key.name))
    }

    /// Selects that setting again, if it is displayed: the search includes values, which may have
    /// changed.
    fn keep(&mut self, name: Option<(&'static str, &'static str)>) {
        let place = self.shown().iter().position(|key| Some((key.section, key.name)) == name);
        self.at = place.unwrap_or(self.at);
    }

    /// Returns the current state of the setting being changed, or else of the selected one.
    pub(crate) fn looked_at(&self) -> Option<Explained> {
        match &self.mode {
            Mode::Edit { key, .. } | Mode::Choose { key, .. } => {
                self.store.key(key.section, key.name)
            }
            Mode::List | Mode::Search(_) | Mode::Details(_) => self.selected().map(|(_, key)| key),
        }
    }

    /// Inserts pasted text into the input line.
    pub(crate) fn paste(&mut self, text: &str) {
        match &mut self.mode {
            Mode::Search(field) | Mode::Edit { field, .. } => field.insert(text),
            Mode::List | Mode::Choose { .. } | Mode::Details(_) => {}
        }
        self.search_as_typed();
    }

    /// Handles a key.
    pub(crate) fn key(&mut self, key: KeyEvent) {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            self.is_over = true;
            return;
        }
        match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::List => self.in_list(key),
            Mode::Search(field) => self.in_search(key, field),
            Mode::Edit { key: of, field, refusal } => self.in_edit(key, of, field, refusal),
            Mode::Choose { key: of, words, at, refusal } => {
                self.in_choice(key, of, words, at, refusal);
            }
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

    /// Displays the settings that match these words, and selects the one with that name, or else
    /// the first with the words in its name. Without words, the selection stays.
    fn search_for(&mut self, words: String) {
        let before = self.name();
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
        let key = Box::new(key);
        let words = match &key.kind {
            Kind::Choice(words) => words.clone(),
            Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
            Kind::Number | Kind::Text | Kind::List | Kind::Table => {
                let field = Field::with(entry::typed(&key.kind, &key.value));
                self.mode = Mode::Edit { key, field, refusal: None };
                return;
            }
        };
        let value = entry::typed(&key.kind, &key.value);
        let at = words.iter().position(|word| *word == value).unwrap_or(0);
        self.mode = Mode::Choose { key, words, at, refusal: None };
    }

    fn in_edit(
        &mut self,
        key: KeyEvent,
        mut of: Box<Explained>,
        mut field: Field,
        refusal: Option<String>,
    ) {
        match key.code {
            KeyCode::Esc => {}
            KeyCode::Enter => {
                // Keep the typed text if it is rejected.
                let refusal = self.take(&mut of, field.text());
                if refusal.is_some() {
                    self.mode = Mode::Edit { key: of, field, refusal };
                }
            }
            _ => {
                let refusal = if field.key(key) { None } else { refusal };
                self.mode = Mode::Edit { key: of, field, refusal };
            }
        }
    }

    fn in_choice(
        &mut self,
        key: KeyEvent,
        mut of: Box<Explained>,
        words: Vec<String>,
        mut at: usize,
        refusal: Option<String>,
    ) {
        let last = words.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return,
            KeyCode::Enter => {
                let refusal = self.take(&mut of, &words[at]);
                if refusal.is_some() {
                    self.mode = Mode::Choose { key: of, words, at, refusal };
                }
                return;
            }
            KeyCode::Up | KeyCode::Char('k') => at = at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => at = (at + 1).min(last),
            KeyCode::Home => at = 0,
            KeyCode::End => at = last,
            _ => {}
        }
        self.mode = Mode::Choose { key: of, words, at, refusal };
    }

    fn in_details(&mut self, key: KeyEvent, line: u16) {
        let line = match key.code {
            KeyCode::Up | KeyCode::Char('k') => line.saturating_sub(1),
            // The view limits it.
            KeyCode::Down | KeyCode::Char('j') => line.saturating_add(1),
            KeyCode::Enter => return self.begin(),
            KeyCode::Esc | KeyCode::Tab | KeyCode::Char('q' | '?') => return,
            _ => line,
        };
        self.mode = Mode::Details(line);
    }

    /// Sets the setting to the typed value. Returns why it was rejected. If its value has changed
    /// meanwhile, the user is notified, and `key` is updated.
    fn take(&mut self, key: &mut Explained, text: &str) -> Option<String> {
        let value = match entry::read(&key.kind, text) {
            Ok(value) => value,
            Err(problem) => return Some(problem),
        };
        self.look();
        if self.store.problem.is_none()
            && let Some(now) = self.store.key(key.section, key.name)
            && now.value != key.value
        {
            *key = now;
            return Some(stale());
        }
        self.set(key, Some(value))
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
        let change = self.store.set(key, value);
        self.keep(Some((key.section, key.name)));
        match change {
            Change::Done => {
                self.notice = Some(match (is_reset, key.restart) {
                    (true, _) => tr!("{name} is back at its default.", name),
                    (false, true) => {
                        tr!(
                            "{name} is changed. It takes effect with the next start of v2m.service.",
                            name
                        )
                    }
                    (false, false) => tr!("{name} is changed.", name),
                });
                None
            }
            Change::Stale => Some(match &self.store.problem {
                Some(problem) => problem.clone(),
                None => stale(),
            }),
            Change::Refused(why) => Some(why),
        }
    }
}

fn stale() -> String {
    tr!("Another program has changed the file meanwhile. It was read again, and not changed; do \
         this once more if it is still right.")
    .to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
