//! The last dictation's text, for LAST_TEXT and for what a language model is to do with it.

use super::{Texts, source};
use crate::call::Answer;
use crate::daemon::chores::Chore;
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, Reply};
use crate::store::{self, StoreError};

impl Texts {
    /// A dictation of this run has a text.
    pub(in crate::daemon) fn remember(&mut self, text: &str) {
        if !text.is_empty() {
            self.last = Some(text.to_owned());
            self.last_is_older = false;
        }
    }

    /// The text of an earlier run's dictation, which is older than any of this run. They come oldest
    /// first.
    pub(in crate::daemon) fn remember_older(&mut self, text: &str) {
        if !text.is_empty() && (self.last.is_none() || self.last_is_older) {
            self.last = Some(text.to_owned());
            self.last_is_older = true;
        }
    }
}

impl Texts {
    /// A dictation is deleted: its text is not the last one any more. The store has the one before.
    pub(in crate::daemon) fn forget(&mut self, deleted: &str) {
        if self.last.as_deref() == Some(deleted) {
            self.forget_all();
        }
    }

    /// All dictations are deleted.
    pub(in crate::daemon) fn forget_all(&mut self) {
        self.last = None;
        self.last_is_older = false;
    }
}

impl Daemon {
    /// LAST_TEXT: to the client that asks, and nowhere else.
    pub(in crate::daemon) fn last_text(&mut self, reply: Reply) {
        if let Some(text) = self.texts.last.clone() {
            let state = self.session.state();
            return answer(reply, Ok(Answer::LastText { state, text }));
        }
        self.texts.last_asked.push(reply);
        // The reading under way answers this one too.
        if self.texts.last_asked.len() > 1 {
            return;
        }
        let folder = self.under_way.folder().to_owned();
        self.chores.spawn_blocking(move || Chore::LastTextRead(store::last_text(&folder)));
    }

    pub(in crate::daemon) fn last_text_read(&mut self, result: Result<Option<String>, StoreError>) {
        let state = self.session.state();
        // A dictation that has ended meanwhile is a later one.
        let found = source::found(result);
        let found = self.texts.last.clone().map_or(found, Ok);
        for reply in std::mem::take(&mut self.texts.last_asked) {
            answer(reply, found.clone().map(|text| Answer::LastText { state, text }));
        }
    }
}
