//! A second try at a file, with a Whisper model, if a model in GGUF form left speech out. Those models
//! sometimes write nothing although somebody spoke. A recording gets such a try from the store later
//! (`attempt`), but nothing is kept of a file, and its client waits.

use super::JobPurpose;
use super::files::{DecodedFile, FileRequest};
use crate::daemon::Daemon;
use crate::daemon::engine::Plan;
use crate::daemon::refine::RefinedRecognition;
use crate::daemon::rescue::{is_better, left_out};
use crate::recognise::{Recognition, Recorded};
use crate::session::{Failure, JobId};
use tracing::info;
use v2m_messages::tr;

/// The outcome of a try.
pub(super) type Outcome = Result<RefinedRecognition, Failure>;

/// What a second try needs.
#[derive(Debug)]
pub(super) enum Second {
    /// None was made: the file's sound, if it could be kept open.
    Possible(Option<Recorded>),
    /// One is under way: the outcome of the first one, and the model of this one.
    UnderWay(Box<Outcome>, String),
    /// It is over: the note for the client, if its text is better.
    Over(Option<String>),
}

fn recognised(outcome: &Outcome) -> Result<&Recognition, &Failure> {
    outcome.as_ref().map(|refined| &refined.recognition)
}

impl Daemon {
    /// Starts the second try at a file, if the first outcome calls for one. Returns the better outcome
    /// if there is none to start, or it is over.
    pub(super) fn try_again(
        &mut self,
        job: JobId,
        file: FileRequest,
        mut read: DecodedFile,
        outcome: Outcome,
    ) -> Option<(FileRequest, DecodedFile, Outcome)> {
        if self.engine.aside_job() == Some(job) {
            self.engine.end_aside();
        }
        match std::mem::replace(&mut read.second, Second::Over(None)) {
            Second::UnderWay(first, model) => {
                if !is_better(recognised(&outcome).ok(), recognised(&first).ok()) {
                    return Some((file, read, *first));
                }
                let note = tr!(
                    "the model that you have chosen left speech out, so {model} has transcribed it",
                    model
                );
                read.second = Second::Over(Some(note));
                Some((file, read, outcome))
            }
            Second::Possible(Some(recorded)) if left_out(recognised(&outcome)) => {
                self.start_second(file, read, outcome, recorded)
            }
            Second::Possible(_) | Second::Over(_) => Some((file, read, outcome)),
        }
    }

    fn start_second(
        &mut self,
        file: FileRequest,
        mut read: DecodedFile,
        outcome: Outcome,
        recorded: Recorded,
    ) -> Option<(FileRequest, DecodedFile, Outcome)> {
        let settings = self.config.settings();
        let heard = outcome.as_ref().ok().map(|refined| &*refined.recognition.language);
        let model = self.engine.models().whisper_for(settings, heard);
        // A recording has the separate engine.
        let Some(model) = model.filter(|_| self.engine.aside_job().is_none()) else {
            return Some((file, read, outcome));
        };
        let plan = Plan { model: Some(model.clone()), ..Plan::default() };
        let job = self.background.number();
        if self.engine.transcribe_by(job, settings, recorded, &plan).is_err() {
            return Some((file, read, outcome));
        }
        info!(job = job.0, model, "a file is transcribed again with {model}: speech was left out");
        read.second = Second::UnderWay(Box::new(outcome), model);
        self.background.jobs.push((job, JobPurpose::File(file, read)));
        None
    }

    /// Ends a second try, because a dictation takes precedence. The client gets the first outcome.
    pub(super) fn end_second(&mut self, job: JobId, file: FileRequest, mut read: DecodedFile) {
        if let Second::UnderWay(first, _) = std::mem::replace(&mut read.second, Second::Over(None))
        {
            self.file_done(job, file, read, *first);
        }
    }
}
