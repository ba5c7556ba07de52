//! A line of input: text, and the cursor's position.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The line. The cursor is a position between characters, counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    text: String,
    cursor: usize,
}

impl Field {
    /// Creates a line with that text, and the cursor at its end.
    pub(crate) fn with(text: String) -> Self {
        let cursor = text.chars().count();
        Self { text, cursor }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    pub(crate) fn before(&self) -> &str {
        &self.text[..self.at()]
    }

    /// Returns the cursor's position in bytes.
    fn at(&self) -> usize {
        self.text.char_indices().nth(self.cursor).map_or(self.text.len(), |(at, _)| at)
    }

    /// Inserts pasted text at the cursor, on one line.
    pub(crate) fn insert(&mut self, text: &str) {
        for c in v2m_ipc::plain::line(text).chars() {
            self.text.insert(self.at(), c);
            self.cursor += 1;
        }
    }

    /// Applies a key to the line. Returns false if it has no effect.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let length = self.text.chars().count();
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if is_control => *self = Self::default(),
            KeyCode::Char('a') if is_control => self.cursor = 0,
            KeyCode::Char('e') if is_control => self.cursor = length,
            KeyCode::Char(_) if is_control || key.modifiers.contains(KeyModifiers::ALT) => {
                return false;
            }
            KeyCode::Char(c) => {
                self.text.insert(self.at(), c);
                self.cursor += 1;
            }
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.at());
            }
            KeyCode::Delete if self.cursor < length => {
                self.text.remove(self.at());
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(length),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = length,
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_between_characters() {
        let mut field = Field::with("año".into());
        let mut press = |code| field.key(KeyEvent::from(code));
        assert!(press(KeyCode::Left) && press(KeyCode::Backspace) && press(KeyCode::Char('ñ')));
        assert!(press(KeyCode::Home) && press(KeyCode::Char('€')) && press(KeyCode::Delete));
        assert!(!press(KeyCode::Enter));
        assert_eq!((field.text(), field.before()), ("€ño", "€"));
        field.insert("\n\u{1b}x");
        assert_eq!(field.text(), "€ xño");
        assert!(field.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
        assert_eq!(field, Field::default());
        assert!(!field.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    }
}
