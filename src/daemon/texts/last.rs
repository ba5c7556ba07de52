//! The last dictation's text, for LAST_TEXT and for requests to a language model.

use super::{Texts, source};
use crate::call::Answer;
use crate::daemon::chores::Chore;
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, Reply};
use crate::store::{self, StoreError};

impl Texts {
    /// Stores the text of a dictation of this run.
    pub(in crate::daemon) fn remember(&mut self, text: &str) {
        if !text.is_empty() {
            self.last = Some(text.to_owned());
            self.last_is_older = false;
        }
    }

    /// Stores the text of an earlier run's dictation, unless this run has one. They come oldest
    /// first.
    pub(in crate::daemon) fn remember_older(&mut self, text: &str) {
        if !text.is_empty() && (self.last.is_none() || self.last_is_older) {
            self.last = Some(text.to_owned());
            self.last_is_older = true;
        }
    }
}

impl Texts {
    /// Forgets a deleted dictation's text. The store has the one before.
    pub(in crate::daemon) fn forget(&mut self, deleted: &str) {
        if self.last.as_deref() == Some(deleted) {
            self.forget_all();
        }
    }

    /// Forgets the text, because all dictations are deleted.
    pub(in crate::daemon) fn forget_all(&mut self) {
        self.last = None;
        self.last_is_older = false;
    }
}

impl Daemon {
    /// Answers LAST_TEXT: the text goes only to the client that asks.
    pub(in crate::daemon) fn last_text(&mut self, reply: Reply) {
        if let Some(text) = self.texts.last.clone() {
            let state = self.session.state();
            return answer(reply, Ok(Answer::LastText { state, text }));
        }
        self.texts.last_asked.push(reply);
        // The look-up already running will answer this request too.
        if self.texts.last_asked.len() > 1 {
            return;
        }
        let folder = self.under_way.folder().to_owned();
        self.chores.spawn_blocking(move || Chore::LastTextRead(store::last_text(&folder)));
    }

    pub(in crate::daemon) fn last_text_read(&mut self, result: Result<Option<String>, StoreError>) {
        let state = self.session.state();
        // A dictation that ended meanwhile is more recent.
        let found = source::found(result);
        let found = self.texts.last.clone().map_or(found, Ok);
        for reply in std::mem::take(&mut self.texts.last_asked) {
            answer(reply, found.clone().map(|text| Answer::LastText { state, text }));
        }
    }
}
