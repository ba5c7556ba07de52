//! Cuts a recording into pieces: at pauses, and in speech without pauses at its quietest frame. A
//! pure function of the frames: how they arrive and how fast they are decoded changes nothing.
//!
//! Pieces do not overlap, are in order, and contain every frame with voice. Silence between them
//! belongs to no piece.

use crate::model::PieceLimits;
use std::collections::VecDeque;
use v2m_ipc::pcm::milliseconds as ms;

/// Samples in one frame of the voice activity model.
pub const FRAME: u64 = crate::vad::FRAME as u64;

/// The cutter's parameters, in samples except for the two probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cutting {
    /// Probability from which silence becomes voice. Below Silero's customary 0.5: a missed word is
    /// worse than a superfluous decode. The measured noises stay below 0.2.
    pub voice: f32,
    /// Probability below which voice becomes silence. Silero's own code also uses 0.15 less than
    /// for the start.
    pub silence: f32,
    /// A pause of this length ends a piece.
    pub pause: u64,
    /// A pause of this length ends a piece that is longer than [`Cutting::grown`].
    pub short_pause: u64,
    /// Length from which a piece ends at the shorter pause.
    pub grown: u64,
    /// Audio kept before the first voice, up to the end of the piece before. The network is up to
    /// half a second late on soft beginnings, and decoding more silence costs nothing.
    pub lead: u64,
    /// Audio kept after the last voice. A speculative decode waits for a pause of this length too,
    /// so that it decodes exactly the piece that results if the pause goes on. Measured: with 200
    /// ms the ends of words are cut off, and one word in a hundred is wrong because of that; more
    /// than 350 ms gains nothing.
    pub tail: u64,
    /// The longest piece. Whisper takes 30 s at once, other families less ([`Cutting::within`]).
    pub longest: u64,
    /// How far before that length to search for the quietest frame.
    pub search: u64,
}

impl Default for Cutting {
    fn default() -> Self {
        Self {
            voice: 0.3,
            silence: 0.15,
            pause: ms(700),
            short_pause: ms(400),
            grown: ms(8_000),
            lead: ms(1_000),
            tail: ms(350),
            longest: ms(25_000),
            search: ms(10_000),
        }
    }
}

impl Cutting {
    /// The usual figures, with no piece longer than the model allows. If that is short, speech
    /// without a pause is cut in the later half of the piece, and shorter pauses end a piece
    /// earlier.
    pub fn within(limits: PieceLimits) -> Self {
        let usual = Self::default();
        let longest = usual.longest.min(limits.longest);
        let [search, grown] = [usual.search, usual.grown].map(|length| length.min(longest / 2));
        Self { longest, search, grown, ..usual }
    }
}

/// A part of the recording that is decoded at once. Positions count samples from the start of the
/// recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First sample to decode.
    pub start: u64,
    /// One past the last sample to decode.
    pub end: u64,
    /// First sample with voice.
    pub voice_start: u64,
    /// One past the last sample with voice.
    pub voice_end: u64,
}

/// Cuts a recording into pieces, frame by frame.
#[derive(Clone, Debug)]
pub struct Cutter {
    cutting: Cutting,
    /// The number of samples so far.
    position: u64,
    /// The end of the last piece. The next one cannot begin before it.
    floor: u64,
    speaking: bool,
    /// One past the last sample with voice, over all pieces.
    last_voice: Option<u64>,
    open: Option<Open>,
}

#[derive(Clone, Debug)]
struct Open {
    start: u64,
    voice_start: u64,
    voice_end: u64,
    /// Frames since the one that contains `voice_start`; the last ends at `position`.
    frames: VecDeque<VoiceFrame>,
}

#[derive(Clone, Copy, Debug)]
struct VoiceFrame {
    voice: bool,
    /// Mean square.
    level: f32,
}

impl Cutter {
    /// Makes a cutter for the start of a recording.
    pub fn new(cutting: Cutting) -> Self {
        Self { cutting, position: 0, floor: 0, speaking: false, last_voice: None, open: None }
    }

    /// Takes the next frame's probability of speech and mean square. Returns a piece if this frame
    /// ends one.
    pub fn push(&mut self, probability: f32, level: f32) -> Option<Piece> {
        let threshold = if self.speaking { self.cutting.silence } else { self.cutting.voice };
        self.speaking = probability >= threshold;
        let frame_start = self.position;
        self.position += FRAME;
        if self.speaking {
            let open = self.open.get_or_insert_with(|| Open {
                start: frame_start.saturating_sub(self.cutting.lead).max(self.floor),
                voice_start: frame_start,
                voice_end: frame_start,
                frames: VecDeque::new(),
            });
            open.voice_end = self.position;
            self.last_voice = Some(self.position);
        }
        let open = self.open.as_mut()?;
        open.frames.push_back(VoiceFrame { voice: self.speaking, level });
        let needed = if open.voice_end - open.start >= self.cutting.grown {
            self.cutting.short_pause
        } else {
            self.cutting.pause
        };
        if self.position - open.voice_end >= needed {
            return self.close();
        }
        if self.position - open.start >= self.cutting.longest {
            return self.cut();
        }
        None
    }

    /// Returns the piece that results if nothing more is said, once the pause is as long as the
    /// tail.
    pub fn candidate(&self) -> Option<Piece> {
        let open = self.open.as_ref()?;
        (self.position - open.voice_end >= self.cutting.tail)
            .then(|| open.piece(self.cutting.tail, self.position))
    }

    /// Returns the piece that has begun and not ended.
    pub fn open(&self) -> Option<Piece> {
        self.open.as_ref().map(|open| Piece { end: self.position, ..open.piece(0, self.position) })
    }

    /// Returns how many samples have come since the last one with voice, if there was any voice.
    pub fn quiet(&self) -> Option<u64> {
        self.last_voice.map(|last| self.position.saturating_sub(last))
    }

    /// Ends the recording after `total` samples. Returns the open piece, if there is one.
    pub fn finish(&mut self, total: u64) -> Option<Piece> {
        self.position = self.position.min(total).max(self.floor);
        self.close()
    }

    /// Returns the first sample that may still become part of a piece.
    pub fn needed_from(&self) -> u64 {
        match &self.open {
            Some(open) => open.start,
            None => self.position.saturating_sub(self.cutting.lead).max(self.floor),
        }
    }

    fn close(&mut self) -> Option<Piece> {
        let piece = self.open.take()?.piece(self.cutting.tail, self.position);
        self.floor = piece.end;
        Some(piece)
    }

    /// Ends the open piece at its quietest frame, preferring frames without voice.
    fn cut(&mut self) -> Option<Piece> {
        let open = self.open.as_mut()?;
        let count = open.frames.len();
        let first = count.saturating_sub(usize::try_from(self.cutting.search / FRAME).unwrap_or(0));
        let quietest = (first.max(1)..count.saturating_sub(1)).min_by(|a, b| {
            let [a, b] = [a, b].map(|i| (open.frames[*i].voice, open.around(*i)));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        })?;
        let after = (count - quietest) as u64 * FRAME;
        let at = self.position - after + FRAME / 2;
        if at >= open.voice_end {
            // Only the pause since the last voice is quieter: this is an ordinary end.
            return self.close();
        }
        let first_frame = self.position - count as u64 * FRAME;
        let last_voice = open.frames.iter().take(quietest + 1).rposition(|frame| frame.voice);
        open.frames.drain(..=quietest);
        let piece = Piece {
            start: open.start,
            end: at,
            voice_start: open.voice_start,
            voice_end: last_voice
                .map_or(open.voice_start, |frame| first_frame + (frame as u64 + 1) * FRAME)
                .clamp(open.voice_start, at),
        };
        open.start = at;
        open.voice_start = at;
        self.floor = at;
        Some(piece)
    }
}

impl Open {
    fn piece(&self, tail: u64, position: u64) -> Piece {
        Piece {
            start: self.start,
            end: (self.voice_end + tail).min(position).max(self.start),
            voice_start: self.voice_start,
            voice_end: self.voice_end.min(position),
        }
    }

    /// Returns the level of a frame and its two neighbours: a single quiet frame inside a vowel is
    /// not a gap.
    fn around(&self, frame: usize) -> f32 {
        [frame - 1, frame, frame + 1].iter().map(|i| self.frames[*i].level).sum()
    }
}
