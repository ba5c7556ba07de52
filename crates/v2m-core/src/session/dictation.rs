//! The dictations under way, oldest first. The newest may be recording; the others wait for their texts.

use super::event::Heard;
use super::types::{JobId, Ticket, Transcript};
use std::collections::VecDeque;
use std::time::Duration;

/// How far one dictation has got.
#[derive(Debug)]
pub(super) enum Phase {
    /// Capture was asked for; no audio yet. The clients that started it wait.
    Opening { waiting: Vec<Ticket> },
    /// Recording. Clients wait here only while a doubtful press has not been judged yet: the recording is not
    /// announced before.
    Recording { waiting: Vec<Ticket>, announced: bool },
    /// Capture was told to stop; its last samples are coming.
    Draining { waiting: Vec<Ticket> },
    /// The recogniser has the recording, or will have it once it is done with the older ones.
    Transcribing { waiting: Vec<Ticket>, heard: Heard },
    /// A language model has the text.
    Rewriting { waiting: Vec<Ticket>, draft: Transcript, within: Duration },
    /// The text is finished and waits for its turn to be delivered.
    Ready { waiting: Vec<Ticket>, transcript: Transcript },
    /// The text is being delivered.
    Delivering { waiting: Vec<Ticket>, transcript: Transcript },
}

impl Phase {
    pub(super) fn is_recording(&self) -> bool {
        matches!(self, Self::Opening { .. } | Self::Recording { .. })
    }

    /// Whether capture is at work for it.
    pub(super) fn is_capturing(&self) -> bool {
        self.is_recording() || matches!(self, Self::Draining { .. })
    }

    /// Whether the recogniser or the desktop is at work for it.
    pub(super) fn is_transcribing(&self) -> bool {
        let draining = matches!(self, Self::Draining { .. });
        draining || matches!(self, Self::Transcribing { .. } | Self::Delivering { .. })
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
            | Self::Delivering { waiting, .. } => waiting,
        }
    }
}

/// The dictations under way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Dictations(VecDeque<(JobId, Phase)>);

impl Dictations {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn phases(&self) -> impl DoubleEndedIterator<Item = &Phase> {
        self.0.iter().map(|(_, phase)| phase)
    }

    pub(super) fn jobs(&self) -> Vec<JobId> {
        self.0.iter().map(|(job, _)| *job).collect()
    }

    /// The dictation that was started last, if it is not over.
    pub(super) fn newest(&self) -> Option<JobId> {
        self.0.back().map(|(job, _)| *job)
    }

    pub(super) fn newest_phase(&mut self) -> Option<&mut Phase> {
        self.0.back_mut().map(|(_, phase)| phase)
    }

    /// The dictation that is being recorded. Only the newest can be.
    pub(super) fn recording(&self) -> Option<JobId> {
        self.0.back().filter(|(_, phase)| phase.is_recording()).map(|(job, _)| *job)
    }

    /// How many dictations wait for their texts.
    pub(super) fn pending(&self) -> usize {
        self.0.len() - usize::from(self.recording().is_some())
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.0.iter().any(|(own, _)| *own == job)
    }

    pub(super) fn phase_mut(&mut self, job: JobId) -> Option<&mut Phase> {
        self.0.iter_mut().find(|(own, _)| *own == job).map(|(_, phase)| phase)
    }

    pub(super) fn push(&mut self, job: JobId, phase: Phase) {
        self.0.push_back((job, phase));
    }

    /// Takes a dictation out, with its place among the others.
    pub(super) fn take(&mut self, job: JobId) -> Option<(usize, Phase)> {
        let place = self.0.iter().position(|(own, _)| *own == job)?;
        self.0.remove(place).map(|(_, phase)| (place, phase))
    }

    /// Puts a dictation that was taken out back into its place.
    pub(super) fn put_back(&mut self, place: usize, job: JobId, phase: Phase) {
        self.0.insert(place, (job, phase));
    }

    /// The oldest dictation, if its text is finished and not being delivered yet.
    pub(super) fn oldest_ready(&mut self) -> Option<(JobId, Transcript)> {
        let (job, phase) = self.0.front_mut()?;
        match phase {
            Phase::Ready { waiting, transcript } => {
                let (waiting, transcript) = (std::mem::take(waiting), transcript.clone());
                *phase = Phase::Delivering { waiting, transcript: transcript.clone() };
                Some((*job, transcript))
            }
            Phase::Opening { .. }
            | Phase::Recording { .. }
            | Phase::Draining { .. }
            | Phase::Transcribing { .. }
            | Phase::Rewriting { .. }
            | Phase::Delivering { .. } => None,
        }
    }

    /// Whether the oldest dictation could be delivered now.
    pub(super) fn has_ready(&self) -> bool {
        matches!(self.0.front(), Some((_, Phase::Ready { .. })))
    }
}
