//! The appearance of a menu entry. Pure.

/// The kind of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Plain,
    /// A separator between entries.
    Separator,
    /// One of several choices. True: the chosen one.
    Choice(bool),
    /// A submenu.
    Submenu(Vec<Entry>),
}

/// An entry of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number by which hosts refer to it.
    pub id: i32,
    /// The text that the user sees.
    pub label: String,
    /// The entry's kind.
    pub kind: Kind,
    /// Whether it can be chosen.
    pub is_enabled: bool,
}

impl Entry {
    /// Creates an entry with a text.
    pub(crate) fn plain(id: i32, label: &str, is_enabled: bool) -> Self {
        Self { id, label: label.to_owned(), kind: Kind::Plain, is_enabled }
    }

    /// Creates a separator.
    pub(crate) fn separator(id: i32) -> Self {
        Self { id, label: String::new(), kind: Kind::Separator, is_enabled: true }
    }

    /// Creates a submenu. It cannot be opened if it is empty.
    pub(crate) fn submenu(id: i32, label: &str, entries: Vec<Self>) -> Self {
        let is_enabled = !entries.is_empty();
        Self { id, label: label.to_owned(), kind: Kind::Submenu(entries), is_enabled }
    }

    /// Returns the entries of a submenu.
    pub fn children(&self) -> &[Self] {
        match &self.kind {
            Kind::Submenu(entries) => entries,
            Kind::Plain | Kind::Separator | Kind::Choice(_) => &[],
        }
    }

    /// Returns the entry with this number: this one, or one below it.
    pub fn find(&self, id: i32) -> Option<&Self> {
        if self.id == id {
            return Some(self);
        }
        self.children().iter().find_map(|entry| entry.find(id))
    }
}
