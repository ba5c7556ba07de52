//! An entry of the menu, as it looks. Pure.

/// How an entry looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of text.
    Plain,
    /// A line between entries.
    Separator,
    /// One of several; whether it is the chosen one.
    Choice(bool),
    /// A menu of its own.
    Submenu(Vec<Entry>),
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the host calls it.
    pub id: i32,
    /// What people read.
    pub label: String,
    /// How it looks.
    pub kind: Kind,
    /// Whether it can be chosen.
    pub is_enabled: bool,
}

impl Entry {
    /// A line of text.
    pub(crate) fn plain(id: i32, label: &str, is_enabled: bool) -> Self {
        Self { id, label: label.to_owned(), kind: Kind::Plain, is_enabled }
    }

    /// A line between entries.
    pub(crate) fn separator(id: i32) -> Self {
        Self { id, label: String::new(), kind: Kind::Separator, is_enabled: true }
    }

    /// A menu of its own, which cannot be opened if there is nothing in it.
    pub(crate) fn submenu(id: i32, label: &str, entries: Vec<Self>) -> Self {
        let is_enabled = !entries.is_empty();
        Self { id, label: label.to_owned(), kind: Kind::Submenu(entries), is_enabled }
    }

    /// The entries below it.
    pub fn children(&self) -> &[Self] {
        match &self.kind {
            Kind::Submenu(entries) => entries,
            Kind::Plain | Kind::Separator | Kind::Choice(_) => &[],
        }
    }

    /// The entry of this number, itself or below it.
    pub fn find(&self, id: i32) -> Option<&Self> {
        if self.id == id {
            return Some(self);
        }
        self.children().iter().find_map(|entry| entry.find(id))
    }
}
