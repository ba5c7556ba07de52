//! Chooses the next decode or question.

use super::seams::{Beginning, Joined, SeamQuestion, TELLING};
use super::{Busy, DecodeId, Effect, Piece, SeamQuestions, Stream, between};
use v2m_ipc::pcm::to_float;

impl Stream {
    pub(super) fn schedule(&mut self, effects: &mut Vec<Effect>) {
        self.promote(effects);
        let next = self.waiting.front().copied();
        // The open piece is decoded speculatively only when nothing else waits.
        let wanted = next.or_else(|| self.cutter.candidate());
        let to_do = wanted.filter(|piece| !self.drafted(piece));
        let useless = |busy: &Busy| match busy {
            Busy::Piece(piece) => Some(*piece) != wanted,
            Busy::Seam | Busy::Last(_) => false,
            Busy::Join => to_do.is_some() && !self.patient,
        };
        if let Some((id, busy)) = self.busy.take_if(|(_, busy)| useless(busy)) {
            if busy == Busy::Join {
                self.seams.give_up();
            }
            effects.push(Effect::Abort(id));
        }
        self.show(effects);
        if self.busy.is_some() {
            return;
        }
        // A draft takes precedence over the seam: the speaker may stop now.
        let ask = next.is_some() || to_do.is_none();
        if self.patient
            && let Some(joined) = self.join()
        {
            self.begin(Busy::Join, effects, |id| Effect::Join { id, joined });
        } else if ask && let Some(question) = self.question() {
            self.begin(Busy::Seam, effects, |id| Effect::Ask { id, question });
        } else if let Some((piece, joined)) =
            to_do.and_then(|piece| Some((piece, self.last(piece)?)))
        {
            self.begin(Busy::Last(piece), effects, |id| Effect::Join { id, joined });
        } else if let Some(piece) = to_do {
            self.decode(piece, effects);
        } else if let Some(joined) = self.join() {
            self.begin(Busy::Join, effects, |id| Effect::Join { id, joined });
        } else if wanted.is_none() && self.finished {
            self.tell(self.transcript.segments.len(), effects);
            let transcript = std::mem::take(&mut self.transcript);
            effects.push(Effect::Done(transcript.whole()));
        }
    }

    /// Returns the last piece together with those before it, if that is allowed.
    fn last(&mut self, piece: Piece) -> Option<Joined> {
        let is_last = self.finished && self.waiting.len() == 1;
        let known = self.language.as_deref() == Some(self.transcript.language.as_str());
        if !is_last || !known || !self.mending || !self.joining || self.alone == Some(piece) {
            return None;
        }
        let audio = between(&self.audio, self.kept_from, piece.start, piece.end);
        self.seams.last(piece, &audio, self.flat)
    }

    fn begin(
        &mut self,
        busy: Busy,
        effects: &mut Vec<Effect>,
        effect: impl FnOnce(DecodeId) -> Effect,
    ) {
        let id = self.next_id();
        self.busy = Some((id, busy));
        effects.push(effect(id));
    }

    /// Returns pieces to decode as one, if there are any.
    fn join(&mut self) -> Option<Joined> {
        if !self.mending || (self.finished && !self.patient) {
            return None;
        }
        self.seams.join()
    }

    /// Returns the next question about a seam, if one is due.
    fn question(&mut self) -> Option<SeamQuestion> {
        let allowed = match self.asking {
            SeamQuestions::All => true,
            SeamQuestions::ButTheLast => self.waiting.len() > 1,
            SeamQuestions::No => false,
        };
        if !self.mending || !allowed {
            return None;
        }
        let right = match self.waiting.front() {
            Some(piece) => Some(*piece),
            None => self.cutter.open().filter(|open| {
                let draft = self.draft.as_ref().map(|(piece, _)| piece.voice_start);
                draft == Some(open.voice_start) || open.voice_end - open.voice_start >= TELLING
            }),
        };
        let (audio, kept_from) = (&self.audio, self.kept_from);
        self.seams.ask(&self.transcript.segments, || {
            let right = right?;
            let end = right.end.min(right.voice_start + TELLING);
            let audio = between(audio, kept_from, right.start, end);
            Some(Beginning { voice_start: right.voice_start, audio })
        })
    }

    pub(super) fn drafted(&self, piece: &Piece) -> bool {
        self.draft.as_ref().is_some_and(|(drafted, _)| drafted == piece)
    }

    fn decode(&mut self, piece: Piece, effects: &mut Vec<Effect>) {
        let audio = between(&self.audio, self.kept_from, piece.start, piece.end);
        let audio = audio.into_iter().map(to_float).collect();
        let language = self.language.clone();
        self.begin(Busy::Piece(piece), effects, |id| Effect::Decode { id, piece, audio, language });
    }

    fn next_id(&mut self) -> DecodeId {
        self.ids += 1;
        DecodeId(self.ids)
    }
}
