//! The words shown during speech: the preview's, or the recogniser's own drafts.

use super::Daemon;
use super::engine::{Draft, PreviewNews};
use crate::call::{Event, PreviewStatus};
use crate::session::{JobId, Notice, Wishes};
use crate::text;

impl Daemon {
    /// Begins a recording with the preview.
    pub(super) fn begin_preview(&mut self, job: JobId, wishes: &Wishes) {
        self.engine.forget_words(|job| self.session.has(job));
        let settings = self.config.settings();
        if let Some(failure) = self.engine.begin_preview(job, settings, wishes) {
            self.notify(Notice::Problem(failure));
        }
    }

    /// Feeds recorded sound to the preview.
    pub(super) fn feed_preview(&mut self, job: JobId, pcm: &[i16]) {
        if let Some(news) = self.engine.feed_preview(job, pcm) {
            self.preview_news(news);
        }
    }

    /// Shows the recogniser's draft, unless the preview's words take precedence.
    pub(super) fn drafted(&mut self, job: JobId, draft: Draft) {
        if let Some(draft) = self.engine.drafted(job, draft) {
            self.show_draft(job, draft);
        }
    }

    /// Ends the preview of a recording: texts from now on will be delivered. `is_wanted`: the text
    /// is still wanted.
    pub(super) fn end_preview(&mut self, job: JobId, is_wanted: bool) {
        if let Some(draft) = self.engine.end_preview(job).filter(|_| is_wanted) {
            self.publish_draft(job, draft);
        }
        if !is_wanted {
            self.engine.forget_words(|other| other != job);
        }
    }

    /// Shows the preview's last words again, after a notice without words has replaced them.
    pub(super) fn show_last_words(&self) {
        if let Some((job, words)) =
            self.engine.last_words().filter(|(job, _)| self.session.has(*job))
        {
            self.show_growth(job, &text::polish(words));
        }
    }

    pub(super) fn preview_news(&mut self, news: PreviewNews) {
        match news {
            PreviewNews::Words(job, words) => {
                if self.session.recording() == Some(job) {
                    self.show_draft(job, Draft { text: words, is_final: false, end: 0 });
                }
            }
            PreviewNews::LeftOff { notice, draft } => {
                if let Some((job, draft)) = draft.filter(|(job, _)| self.session.has(*job)) {
                    self.show_draft(job, draft);
                }
                // It is already in the journal.
                if let Some(failure) = notice {
                    self.notify(Notice::Problem(failure));
                }
            }
        }
    }

    fn show_draft(&self, job: JobId, draft: Draft) {
        self.show_growth(job, &text::polish(&draft.text));
        self.publish_draft(job, draft);
    }

    fn publish_draft(&self, job: JobId, draft: Draft) {
        let Draft { text, is_final, end: _ } = draft;
        let text = text::polish(&text);
        self.doors.publish(Event::TranscriptionUpdate { job, text, is_final });
    }

    /// Returns the preview's state, if one is configured.
    pub(super) fn preview_status(&self) -> Option<PreviewStatus> {
        let report = self.engine.preview_report(self.config.settings())?;
        Some(PreviewStatus {
            model: report.model,
            state: report.state,
            memory_bytes: report.memory_bytes,
            problem: report.problem,
        })
    }
}
