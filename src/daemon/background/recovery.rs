//! Dictations that an earlier run left unfinished. While nobody dictates they are transcribed, if
//! they have no text yet, kept and shown. They are never put anywhere: who knows what the user is
//! doing by now.

use super::{Background, JobPurpose, transcript};
use crate::daemon::chores::Chore;
use crate::daemon::refine::RefinedRecognition;
use crate::daemon::{Daemon, delivering, journal};
use crate::deliver::Notice;
use crate::recognise::Recorded;
use crate::session::{Code, EngineState, Failure, JobId, State};
use crate::store::{self, RecordUpdate, StoreError, Text, Unfinished};
use std::collections::VecDeque;
use tracing::{info, warn};

#[derive(Debug, Default)]
pub(super) struct Recovery {
    waiting: VecDeque<Unfinished>,
    /// Those that only have to be shown.
    texts: VecDeque<(Unfinished, Text)>,
    /// One of them at a time is transcribed.
    is_busy: bool,
}

impl Background {
    /// Dictations that an earlier run left.
    pub(in crate::daemon) fn recover(&mut self, left: Vec<Unfinished>) {
        let Recovery { waiting, texts, .. } = &mut self.recovery;
        for mut left in left {
            match left.text.take() {
                Some(text) => texts.push_back((left, text)),
                None => waiting.push_back(left),
            }
        }
        if !waiting.is_empty() {
            let recordings = waiting.len();
            info!(
                recordings,
                "{recordings} recordings of an earlier run have no text yet; they are transcribed"
            );
        }
    }
}

impl Daemon {
    /// Shows the texts, and opens the next recording if the recogniser could transcribe it now.
    pub(super) fn recover_next(&mut self) {
        // Nobody would see what is shown by a service, or on a desktop, that ends.
        let ends = self.service.is_ending() || self.desktop.has_ended();
        if ends || !matches!(self.session.state(), State::Idle | State::Paused) {
            return;
        }
        self.texts_recovered();
        let state = self.engine.report().state;
        let usable = matches!(state, EngineState::Warm | EngineState::Unloaded);
        let recovery = &mut self.background.recovery;
        if !usable || recovery.is_busy {
            return;
        }
        if let Some(left) = recovery.waiting.pop_front() {
            recovery.is_busy = true;
            self.chores.spawn_blocking(move || Chore::LeftOverOpened {
                result: store::open_pcm(&left.path),
                left,
            });
        }
    }

    pub(in crate::daemon) fn left_over_opened(
        &mut self,
        result: Result<store::Pcm, StoreError>,
        left: Unfinished,
    ) {
        match result {
            Ok(store::Pcm { file, offset, samples }) => {
                let recorded = Recorded { file, offset, samples, is_kept: true };
                let purpose = JobPurpose::Recovery { samples, cut_off: left.cut_off };
                let job = self.background_begin(purpose, recorded);
                self.under_way.adopt(job, &left);
            }
            Err(error) => {
                let recording = left.path.display();
                warn!(%error, %recording, "the recording {recording} cannot be recovered: {error}");
                self.background.recovery.is_busy = false;
            }
        }
    }

    pub(super) fn recovered(
        &mut self,
        job: JobId,
        result: Result<RefinedRecognition, Failure>,
        samples: u64,
        cut_off: bool,
    ) {
        self.background.recovery.is_busy = false;
        let outcome = match result {
            Ok(refined) => {
                let transcript = transcript(refined, samples, None);
                let (seconds, characters) =
                    (journal::seconds(samples), transcript.text.chars().count());
                info!(
                    job = job.0,
                    seconds,
                    characters,
                    "transcribed a recording of an earlier run ({seconds:.1} s)"
                );
                if transcript.text.is_empty() && transcript.unrefined.is_none() {
                    RecordUpdate::Failed(Code::NoSpeech, "nothing sounded like speech".to_owned())
                } else {
                    self.show_recovered(&transcript.text, cut_off);
                    RecordUpdate::Delivered(delivering::store_text(&transcript), Vec::new())
                }
            }
            Err(failure) => {
                let reason = &failure.message;
                warn!(job = job.0, reason, "a recording of an earlier run has no text: {reason}");
                RecordUpdate::Failed(failure.code, failure.message)
            }
        };
        self.under_way.finish(job, outcome);
    }

    /// Shows all texts together: each notice takes the place of the one before.
    fn texts_recovered(&mut self) {
        let texts = std::mem::take(&mut self.background.recovery.texts);
        if texts.is_empty() {
            return;
        }
        let all: Vec<_> = texts.iter().map(|(_, text)| text.text.trim()).collect();
        let cut_off = texts.iter().any(|(left, _)| left.cut_off);
        self.show_recovered(&all.join("\n\n"), cut_off);
        for (left, text) in texts {
            let job = self.background.number();
            let characters = text.text.chars().count();
            info!(
                job = job.0,
                characters, "a text of an earlier run was not delivered; it is shown"
            );
            self.under_way.adopt(job, &left);
            self.under_way.finish(job, RecordUpdate::Delivered(text, Vec::new()));
        }
    }

    fn show_recovered(&mut self, text: &str, cut_off: bool) {
        let screen = self.desktop.screen(self.config.settings());
        if let Some(screen) = screen.filter(|_| !text.is_empty()) {
            screen.progress(Notice::Recovered { text: text.to_owned(), cut_off });
        }
        self.texts.remember_older(text);
    }
}
