//! The dictations under way, oldest first. The newest may be recording; the others wait for their
//! texts.

use super::event::CaptureSummary;
use super::preset::ApplicationPreset;
use super::talk::Talk;
use super::types::{Asker, Code, DeliverMode, Failure, JobId, Ticket, Transcript, Wishes};
use crate::language::spoken;
use std::collections::VecDeque;
use std::time::Duration;
use v2m_messages::tr;

/// The phase of a dictation.
#[derive(Debug)]
pub(super) enum Phase {
    /// Capture was requested, but no audio has come yet. The clients that started it wait.
    Opening { waiting: Vec<Ticket> },
    /// Recording. Clients wait here only until a doubtful press is judged: the recording is not
    /// announced before.
    Recording { waiting: Vec<Ticket>, announced: bool },
    /// Capture is stopping; its last samples are still to come.
    Draining { waiting: Vec<Ticket> },
    /// The recogniser is working on the recording, or will after the older ones.
    Transcribing { waiting: Vec<Ticket>, heard: CaptureSummary },
    /// A language model is working on the text.
    Rewriting { waiting: Vec<Ticket>, draft: Transcript, within: Duration },
    /// The text is finished and waits for its turn to be delivered.
    Ready { waiting: Vec<Ticket>, transcript: Transcript },
    /// The text is being delivered.
    Delivering { waiting: Vec<Ticket>, transcript: Transcript },
    /// A sentence of a talk that has no text. Its outcome is stored and shown. It waits for the
    /// sentences before it, so that the talk's whole text says where it is missing. `samples`: the
    /// length of its recording, if known.
    Failed { waiting: Vec<Ticket>, samples: Option<u64>, failure: Failure },
}

impl Phase {
    pub(super) fn is_recording(&self) -> bool {
        matches!(self, Self::Opening { .. } | Self::Recording { .. })
    }

    /// Whether capture is working for it.
    pub(super) fn is_capturing(&self) -> bool {
        self.is_recording() || matches!(self, Self::Draining { .. })
    }

    /// Whether the recogniser or the desktop is working for it.
    pub(super) fn is_transcribing(&self) -> bool {
        let draining = matches!(self, Self::Draining { .. });
        draining || matches!(self, Self::Transcribing { .. } | Self::Delivering { .. })
    }

    /// Whether it is a sentence without a text that the store keeps, whatever happens to the
    /// others.
    pub(super) fn is_kept_without_text(&self) -> bool {
        match self {
            // The store keeps no empty recording.
            Self::Failed { samples, .. } => *samples != Some(0),
            // Silence is not settled yet.
            Self::Ready { transcript, .. } => is_taken_back(transcript),
            Self::Opening { .. }
            | Self::Recording { .. }
            | Self::Draining { .. }
            | Self::Transcribing { .. }
            | Self::Rewriting { .. }
            | Self::Delivering { .. } => false,
        }
    }

    /// The clients that wait for this dictation.
    pub(super) fn waiting(&mut self) -> &mut Vec<Ticket> {
        match self {
            Self::Opening { waiting }
            | Self::Recording { waiting, .. }
            | Self::Draining { waiting }
            | Self::Transcribing { waiting, .. }
            | Self::Rewriting { waiting, .. }
            | Self::Ready { waiting, .. }
            | Self::Delivering { waiting, .. }
            | Self::Failed { waiting, .. } => waiting,
        }
    }
}

/// Whether the speaker took back all of it. Then the store has its record already.
pub(super) fn is_taken_back(transcript: &Transcript) -> bool {
    transcript.text.is_empty() && transcript.unrefined.is_some()
}

/// The options that the dictation's clients have requested so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Wished {
    wishes: Wishes,
    /// Why the preset cannot be used.
    unfit: Option<Failure>,
    /// The settings for the application that had the keyboard when the recording began.
    application: Option<ApplicationPreset>,
    /// The application is unknown, and the settings keep the texts of some applications from
    /// language models.
    is_withheld: bool,
    /// The language that a later request named. It came too late: the recogniser had started.
    too_late: Option<String>,
}

impl Wished {
    /// The options of the client that starts the dictation.
    pub(super) fn new(wishes: Wishes, unfit: Option<Failure>) -> Self {
        Self { wishes, unfit, application: None, is_withheld: false, too_late: None }
    }

    /// Adds later requests. For each option the last request counts, except for the language: the
    /// recogniser decodes while the user speaks, so the request that started the dictation counts.
    pub(super) fn add(&mut self, wishes: Wishes, unfit: Option<Failure>) {
        // A recording that has begun does not become continuous or stop being it.
        let Wishes { deliver, preset, language, continuous: _ } = wishes;
        self.too_late = language.or(self.too_late.take());
        self.wishes.deliver = deliver.or(self.wishes.deliver);
        if preset.is_some() {
            self.wishes.preset = preset;
            self.unfit = unfit;
        }
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Returns the message for the user if a later request named another language than the text's.
    pub(super) fn other_language(&self, language: &str) -> Option<Failure> {
        let other = self.too_late.as_deref().filter(|it| ![language, spoken::AUTO].contains(it))?;
        let [is, named] = [language, other].map(spoken::name);
        let text = tr!(
            "The dictation was transcribed in {is}: the press that starts a dictation sets its language, and the \
             press that stopped it named {named}. If you spoke {named}: `v2m-send retry --language {other}`.",
            is,
            named,
            other
        );
        let brief = (
            tr!("Transcribed in {is}, not in {named}", is, named),
            tr!("If you spoke {named}: v2m-send retry --language {other}", named, other),
        );
        Some(Failure::new(Code::BadRequest, text).in_brief(brief.0, brief.1))
    }

    /// Returns the requested preset, or why it cannot be used.
    pub(super) fn preset(&self) -> Option<Result<&str, &Failure>> {
        let preset = self.wishes.preset.as_deref()?;
        Some(self.unfit.as_ref().map_or(Ok(preset), Err))
    }

    pub(super) fn application_is(&mut self, preset: ApplicationPreset) {
        self.application = Some(preset);
    }

    /// Returns the settings for the application that had the keyboard when the recording began.
    pub(super) fn application(&self) -> Option<&ApplicationPreset> {
        self.application.as_ref()
    }

    /// Keeps the text from the language model that rewrites all texts.
    pub(super) fn withhold(&mut self) {
        self.is_withheld = true;
    }

    /// Whether the text is kept from the language model that rewrites all texts. A preset that a
    /// client requested takes precedence.
    pub(super) fn is_withheld(&self) -> bool {
        self.is_withheld && self.wishes.preset.is_none()
    }
}

/// One dictation under way.
#[derive(Debug)]
pub(super) struct Dictation {
    pub(super) job: JobId,
    pub(super) wished: Wished,
    pub(super) talk: Talk,
    pub(super) phase: Phase,
}

impl Dictation {
    /// Adds a client that waits for the text.
    pub(super) fn join(&mut self, asker: Asker) {
        let Asker { ticket, wishes, unfit, unspoken: _ } = asker;
        self.phase.waiting().push(ticket);
        self.wished.add(wishes, unfit);
    }
}

/// The dictations under way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Dictations(VecDeque<Dictation>);

impl Dictations {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn phases(&self) -> impl DoubleEndedIterator<Item = &Phase> {
        self.0.iter().map(|dictation| &dictation.phase)
    }

    pub(super) fn jobs(&self) -> Vec<JobId> {
        self.0.iter().map(|dictation| dictation.job).collect()
    }

    /// The dictation that was started last, unless it is over.
    pub(super) fn newest(&self) -> Option<JobId> {
        self.0.back().map(|dictation| dictation.job)
    }

    pub(super) fn newest_mut(&mut self) -> Option<&mut Dictation> {
        self.0.back_mut()
    }

    /// The dictation that is being recorded. Only the newest can be.
    pub(super) fn recording(&self) -> Option<JobId> {
        self.0.back().filter(|newest| newest.phase.is_recording()).map(|newest| newest.job)
    }

    /// The number of dictations that wait for their texts.
    pub(super) fn pending(&self) -> usize {
        self.0.len() - usize::from(self.recording().is_some())
    }

    pub(super) fn get(&self, job: JobId) -> Option<&Dictation> {
        self.0.iter().find(|dictation| dictation.job == job)
    }

    pub(super) fn get_mut(&mut self, job: JobId) -> Option<&mut Dictation> {
        self.0.iter_mut().find(|dictation| dictation.job == job)
    }

    /// The oldest dictation of the talk that began with `first`.
    pub(super) fn next_of(&mut self, first: JobId) -> Option<&mut Dictation> {
        self.0.iter_mut().find(|dictation| dictation.talk.first == Some(first))
    }

    /// Among the dictations before this place, the last one of the talk that began with `first`.
    pub(super) fn last_of(&self, first: JobId, place: usize) -> Option<&Dictation> {
        let mut before = self.0.iter().take(place);
        before.rfind(|dictation| dictation.talk.first == Some(first))
    }

    pub(super) fn push(&mut self, dictation: Dictation) {
        self.0.push_back(dictation);
    }

    /// Takes a dictation out and returns its place among the others.
    pub(super) fn take(&mut self, job: JobId) -> Option<(usize, Dictation)> {
        let place = self.0.iter().position(|dictation| dictation.job == job)?;
        self.0.remove(place).map(|dictation| (place, dictation))
    }

    /// Puts a dictation back into the place it was taken from.
    pub(super) fn put_back(&mut self, place: usize, dictation: Dictation) {
        self.0.insert(place, dictation);
    }

    /// Returns the oldest dictation's text if it is finished, and marks it as being delivered. Also
    /// returns where the text should go, if a client requested that.
    pub(super) fn oldest_ready(&mut self) -> Option<(JobId, Transcript, Option<DeliverMode>)> {
        let Dictation { job, wished, phase, .. } = self.0.front_mut()?;
        match phase {
            Phase::Ready { waiting, transcript } => {
                let (waiting, transcript) = (std::mem::take(waiting), transcript.clone());
                *phase = Phase::Delivering { waiting, transcript: transcript.clone() };
                Some((*job, transcript, wished.wishes.deliver))
            }
            Phase::Opening { .. }
            | Phase::Recording { .. }
            | Phase::Draining { .. }
            | Phase::Transcribing { .. }
            | Phase::Rewriting { .. }
            | Phase::Delivering { .. }
            | Phase::Failed { .. } => None,
        }
    }

    /// The oldest dictation, if it is a sentence of a talk that failed.
    pub(super) fn oldest_failed(&self) -> Option<JobId> {
        let oldest = self.0.front()?;
        matches!(oldest.phase, Phase::Failed { .. }).then_some(oldest.job)
    }

    /// Whether the oldest dictation can be delivered now, or ended because it has no text.
    pub(super) fn has_ready(&self) -> bool {
        let oldest = self.0.front().map(|oldest| &oldest.phase);
        matches!(oldest, Some(Phase::Ready { .. } | Phase::Failed { .. }))
    }
}
