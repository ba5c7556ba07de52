//! Adapts a decoder of whole pieces for the preview: the open piece, which the user is still
//! speaking, is decoded again and again while it grows.
//!
//! Each decode costs more than the last one. So pieces are short, and the longer a decode takes,
//! the more new sound the next one waits for.

use super::PreviewDecoder;
use crate::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use crate::model::PieceLimits;
use crate::stream::VoiceActivity;
use crate::stream::cut::{Cutter, Cutting, Piece};
use crate::text;
use crate::vad::FRAME;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use v2m_ipc::pcm::{SAMPLE_RATE, milliseconds, samples_in, seconds};

/// The length limit of a piece.
const LONGEST: u64 = seconds(10);
/// The minimum of new voice before the open piece is decoded again.
const STEP: u64 = milliseconds(500);
/// The new voice must last this many times as long as the last decode took. So decoding takes at
/// most a third of one core.
const RARER: u32 = 3;

/// A preview decoder made of a decoder of whole pieces.
#[derive(Debug)]
pub struct Growing<D, V> {
    decoder: D,
    voice: V,
    cutter: Cutter,
    /// The samples of the recording from `kept_from` on.
    audio: VecDeque<f32>,
    kept_from: u64,
    /// How many samples have gone through the voice activity model.
    framed: u64,
    language: Option<String>,
    /// The text of the finished pieces.
    settled: String,
    /// The text of the open piece.
    open: String,
    /// The position, in samples, up to which voice has been decoded.
    written: u64,
    /// How long the last decode took.
    took: Duration,
    /// The whole text.
    text: String,
}

impl<D: Decoder, V: VoiceActivity> Growing<D, V> {
    /// Creates it from a decoder of pieces and a voice activity model.
    pub fn new(decoder: D, voice: V) -> Self {
        Self {
            decoder,
            voice,
            cutter: cutter(),
            audio: VecDeque::new(),
            kept_from: 0,
            framed: 0,
            language: None,
            settled: String::new(),
            open: String::new(),
            written: 0,
            took: Duration::ZERO,
            text: String::new(),
        }
    }

    /// Processes the next frame. Returns the piece that it ends, if any.
    fn frame(&mut self) -> Option<Piece> {
        let offset = usize::try_from(self.framed - self.kept_from).unwrap_or(usize::MAX);
        let mut frame = [0.0; FRAME];
        for (slot, sample) in frame.iter_mut().zip(self.audio.range(offset..)) {
            *slot = *sample;
        }
        self.framed += FRAME as u64;
        let level = frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32;
        self.cutter.push(self.voice.probability(&frame), level)
    }

    /// Whether there is enough new voice since the open piece was last decoded to decode it again.
    fn has_grown(&self, open: Piece) -> bool {
        let step = STEP.max(samples_in(self.took * RARER));
        open.voice_end.saturating_sub(self.written.max(open.voice_start)) >= step
    }

    fn decode(&mut self, piece: Piece, watch: &dyn DecodeMonitor) -> Result<String, DecodeError> {
        let [start, end] = [piece.start, piece.end]
            .map(|at| usize::try_from(at.saturating_sub(self.kept_from)).unwrap_or(usize::MAX));
        let end = end.min(self.audio.len());
        let audio: Vec<f32> = self.audio.range(start.min(end)..end).copied().collect();
        let language = match self.language.clone() {
            Some(language) => language,
            None => self.decoder.detect(&audio, &[], None, &[], watch)?,
        };
        let began = Instant::now();
        let heard = self.decoder.decode(
            &DecodeRequest {
                audio: &audio,
                voice: (piece.voice_end - piece.voice_start) as f32 / SAMPLE_RATE as f32,
                language: &language,
                translate: false,
                vocabulary: &[],
                beams: 1,
                effort: Effort::Quick,
            },
            watch,
        )?;
        self.took = began.elapsed();
        Ok(heard.text)
    }

    fn write(&mut self) {
        self.text.clone_from(&self.settled);
        text::append(&mut self.text, &self.open);
    }

    /// Drops samples that no piece will need any more.
    fn forget(&mut self) {
        let from = self.cutter.needed_from().min(self.framed).max(self.kept_from);
        let count = usize::try_from(from - self.kept_from).unwrap_or(usize::MAX);
        self.audio.drain(..count.min(self.audio.len()));
        self.kept_from = from;
    }
}

impl<D: Decoder, V: VoiceActivity> PreviewDecoder for Growing<D, V> {
    fn multilingual(&self) -> bool {
        self.decoder.multilingual()
    }

    fn memory(&self) -> u64 {
        self.decoder.memory()
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        self.decoder.warm_up()
    }

    fn begin(&mut self, language: Option<&str>) -> Result<(), DecodeError> {
        self.cutter = cutter();
        self.audio.clear();
        (self.kept_from, self.framed, self.written) = (0, 0, 0);
        self.language = language.map(str::to_owned);
        for text in [&mut self.settled, &mut self.open, &mut self.text] {
            text.clear();
        }
        Ok(())
    }

    fn hear(&mut self, audio: &[f32], watch: &dyn DecodeMonitor) -> Result<(), DecodeError> {
        self.audio.extend(audio);
        while self.kept_from + self.audio.len() as u64 >= self.framed + FRAME as u64 {
            let Some(piece) = self.frame() else { continue };
            let last = self.decode(piece, watch)?;
            // The text shown so far is better than nothing.
            let last = if last.is_empty() { std::mem::take(&mut self.open) } else { last };
            text::append(&mut self.settled, &last);
            self.open.clear();
            self.written = piece.voice_end;
        }
        if let Some(open) = self.cutter.open().filter(|open| self.has_grown(*open)) {
            let text = self.decode(open, watch)?;
            if !text.is_empty() {
                self.open = text;
            }
            self.written = open.voice_end;
        }
        self.write();
        self.forget();
        Ok(())
    }

    fn text(&self) -> &str {
        &self.text
    }
}

fn cutter() -> Cutter {
    Cutter::new(Cutting::within(PieceLimits { longest: LONGEST, flat: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::DecodeMonitor;
    use crate::stream::Hypothesis;

    /// Returns the length of the audio in tenths of a second as the text.
    #[derive(Default)]
    struct Lengths {
        decodes: usize,
        languages: Vec<String>,
        /// Returns no text from this decode on.
        fades: Option<usize>,
    }

    impl Decoder for Lengths {
        fn multilingual(&self) -> bool {
            false
        }

        fn memory(&self) -> u64 {
            0
        }

        fn warm_up(&mut self) -> Result<(), DecodeError> {
            Ok(())
        }

        fn decode(
            &mut self,
            request: &DecodeRequest,
            _: &dyn DecodeMonitor,
        ) -> Result<Hypothesis, DecodeError> {
            self.decodes += 1;
            self.languages.push(request.language.to_owned());
            let text = match self.fades.is_some_and(|from| self.decodes >= from) {
                true => String::new(),
                false => format!("w{}", request.audio.len() / 1_600),
            };
            Ok(Hypothesis { text, ..Hypothesis::default() })
        }

        fn detect(
            &mut self,
            _: &[f32],
            _: &[String],
            _: Option<&str>,
            _: &[String],
            _: &dyn DecodeMonitor,
        ) -> Result<String, DecodeError> {
            Ok("en".into())
        }
    }

    struct Loud;

    impl VoiceActivity for Loud {
        fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
            f32::from(u8::from(frame.iter().any(|sample| *sample != 0.0)))
        }
    }

    struct Undisturbed;

    impl DecodeMonitor for Undisturbed {
        fn tick(&self) -> bool {
            false
        }
    }

    fn growing() -> Growing<Lengths, Loud> {
        Growing::new(Lengths::default(), Loud)
    }

    /// Feeds this many tenths of a second of voice or silence, in chunks as from a microphone.
    /// Returns the texts that appear.
    fn hear(growing: &mut Growing<Lengths, Loud>, tenths: usize, sample: f32) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..tenths {
            growing.hear(&[sample; 1_600], &Undisturbed).unwrap();
            if texts.last().map(String::as_str) != Some(growing.text()) {
                texts.push(growing.text().to_owned());
            }
        }
        texts
    }

    #[test]
    fn words_come_while_a_piece_is_spoken_and_stay_when_it_is_over() {
        let mut it = growing();
        it.begin(Some("en")).unwrap();
        let texts = hear(&mut it, 30, 0.5);
        assert!(texts.len() >= 4, "every half a second: {texts:?}");
        assert!(texts.last().unwrap().starts_with("w2"), "{texts:?}");
        hear(&mut it, 10, 0.0);
        let first = it.text().to_owned();
        // A second piece after the first one.
        hear(&mut it, 20, 0.5);
        let both = it.text();
        assert!(both.starts_with(&format!("{first} w")), "{first:?} {both:?}");
        it.begin(None).unwrap();
        assert_eq!(it.text(), "", "another recording");
        hear(&mut it, 10, 0.5);
        assert_eq!(it.decoder.languages.last().unwrap(), "en", "found out");
    }

    #[test]
    fn silence_costs_no_decode() {
        let mut it = growing();
        it.begin(Some("en")).unwrap();
        hear(&mut it, 100, 0.0);
        assert_eq!((it.decoder.decodes, it.text()), (0, ""));
        assert!(it.audio.len() <= 2 * 16_000, "{}", it.audio.len());
    }

    #[test]
    fn speech_without_a_pause_is_cut_and_no_sound_is_kept_for_ever() {
        let mut it = growing();
        it.begin(Some("en")).unwrap();
        hear(&mut it, 600, 0.5);
        assert!(it.text().split(' ').count() >= 6, "{}", it.text());
        assert!(it.audio.len() as u64 <= LONGEST + seconds(1), "{}", it.audio.len());
    }

    #[test]
    fn what_was_seen_of_a_piece_stays_if_the_last_look_sees_nothing() {
        let mut it = growing();
        it.begin(Some("en")).unwrap();
        it.decoder.fades = Some(3);
        hear(&mut it, 30, 0.5);
        let seen = it.text().to_owned();
        assert!(seen.starts_with('w'));
        hear(&mut it, 10, 0.0);
        assert_eq!(it.text(), seen);
    }

    #[test]
    fn the_longer_a_decode_takes_the_rarer_it_is() {
        let mut it = growing();
        it.begin(Some("en")).unwrap();
        it.took = Duration::from_secs(1);
        let piece = |end| Piece { start: 0, end, voice_start: 0, voice_end: end };
        assert!(!it.has_grown(piece(seconds(2))) && it.has_grown(piece(seconds(3))));
        it.took = Duration::ZERO;
        assert!(!it.has_grown(piece(STEP - 1)) && it.has_grown(piece(STEP)));
    }
}
