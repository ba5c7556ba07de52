//! Detects the language of a recording, if the daemon wants nothing else
//! ([`DecodeOptions::language_after`]): voice is collected until there is enough of it, and the
//! decoder is asked once. Pure, like the stream: samples in, work and answers out.
//!
//! Nothing is transcribed here, so no text leaves.

use crate::decoder::DecodeError;
use crate::stream::VoiceActivity;
use crate::stream::cut::Cutting;
use crate::stream::piece::DecodeSettings;
use crate::task::{TaskId, TaskResult, Work};
use crate::vad::FRAME;
use std::collections::VecDeque;
use std::sync::Arc;
use v2m_ipc::engine::{DecodeOptions, FromEngine};
use v2m_ipc::pcm::{milliseconds, seconds, to_float};

/// Samples of silence that are kept before the first voice and in each pause. The voice activity
/// model is up to half a second late on soft beginnings. The rest of a pause would only fill the
/// decoder's window.
const SILENCE: u64 = milliseconds(500);

/// The silence ([`PAUSE`]) after enough voice ([`WORD`]) that ends an utterance, in samples. If the
/// daemon acts on silence ([`DecodeOptions::quiet_after`] or [`DecodeOptions::sentences`]), the
/// language is then detected without waiting for more voice: the recogniser that transcribes gets
/// the silence only after that.
const PAUSE: u64 = seconds(1);
const WORD: u64 = milliseconds(250);

/// The daemon gets a progress report each time this many more samples came: five seconds, as with
/// recordings.
const TOLD_EVERY: u64 = seconds(5);

/// A recording for language detection only.
#[derive(Debug)]
pub struct Probe {
    /// The daemon's job number.
    pub job: u32,
    /// The settings. Only the languages to choose from are used.
    pub settings: Arc<DecodeSettings>,
    /// The language spoken before. It is the answer unless another is far likelier.
    before: Option<String>,
    /// The number of samples with voice that suffices.
    enough: u64,
    /// Whether the daemon acts on silence, and after how many samples, regardless of what was said
    /// before.
    minds_silence: bool,
    quiet_after: Option<u64>,
    /// The number of samples received, and of those that were reported to the daemon.
    heard: u64,
    told: u64,
    /// Samples of an unfinished frame.
    frame: Vec<f32>,
    speaking: bool,
    /// Samples with voice.
    voice: u64,
    /// Samples since the last voice.
    quiet: u64,
    /// The samples for the decoder.
    audio: VecDeque<f32>,
    finished: bool,
    /// Whether the decoder has got the work.
    asked: bool,
    /// The worker's task number.
    pub task: Option<TaskId>,
}

impl Probe {
    /// Begins a recording for language detection only.
    #[must_use]
    pub fn new(job: u32, options: DecodeOptions) -> Self {
        let settings = DecodeSettings { languages: options.languages, ..DecodeSettings::default() };
        Self {
            job,
            settings: Arc::new(settings),
            before: options.language,
            enough: options.language_after.max(1),
            minds_silence: options.sentences || options.quiet_after > 0,
            quiet_after: Some(options.quiet_after).filter(|samples| *samples > 0),
            heard: 0,
            told: 0,
            frame: Vec::with_capacity(FRAME),
            speaking: false,
            voice: 0,
            quiet: 0,
            audio: VecDeque::new(),
            finished: false,
            asked: false,
            task: None,
        }
    }

    /// Takes the next samples.
    pub fn hear(&mut self, samples: &[i16], vad: &mut impl VoiceActivity) {
        self.heard += samples.len() as u64;
        for sample in samples {
            if self.is_decided() {
                return;
            }
            self.frame.push(to_float(*sample));
            if self.frame.len() == FRAME {
                self.take_frame(vad);
            }
        }
    }

    /// Notes that no more samples come.
    pub fn finish(&mut self, vad: &mut impl VoiceActivity) {
        if !self.is_decided() && !self.frame.is_empty() {
            self.frame.resize(FRAME, 0.0);
            self.take_frame(vad);
        }
        self.finished = true;
    }

    /// Returns the decoder's work, once.
    pub fn work(&mut self) -> Option<Work> {
        let is_due = self.is_decided() || self.finished && self.voice > 0;
        if self.asked || !is_due {
            return None;
        }
        self.asked = true;
        let audio = std::mem::take(&mut self.audio).into();
        Some(Work::Language { audio, before: self.before.clone() })
    }

    /// Returns a progress report, if many samples came since the last one.
    pub fn advance(&mut self) -> Option<FromEngine> {
        (self.heard >= self.told + TOLD_EVERY).then(|| self.progress())
    }

    /// Returns a progress report.
    pub fn progress(&mut self) -> FromEngine {
        self.told = self.heard;
        FromEngine::Progress { job: self.job, settled: self.heard }
    }

    /// Returns the answer for a recording that is over and has no voice.
    #[must_use]
    pub fn silent(&self) -> Option<FromEngine> {
        let is_silent = self.finished && self.voice == 0;
        is_silent.then_some(FromEngine::Language { job: self.job, language: None, voice: 0 })
    }

    /// Returns the answer for the decoder's result.
    #[must_use]
    pub fn answer(&self, result: Result<TaskResult, DecodeError>) -> FromEngine {
        let job = self.job;
        match result.map(TaskResult::language) {
            Ok(language) => FromEngine::Language { job, language, voice: self.voice },
            Err(error) => FromEngine::Failed { job, reason: error.to_string() },
        }
    }

    /// Whether further samples are ignored.
    fn is_decided(&self) -> bool {
        self.voice >= self.enough || self.is_over()
    }

    /// Whether the user spoke and has stopped, and the daemon acts on that.
    fn is_over(&self) -> bool {
        let pause = self.quiet_after.map_or(PAUSE, |samples| samples.min(PAUSE));
        let is_said = self.minds_silence && self.voice >= WORD && self.quiet >= pause;
        // After a sound as short as a cough, more may come before the daemon would stop.
        let is_long = self.quiet_after.is_some_and(|samples| self.quiet >= samples);
        is_said || self.voice > 0 && is_long
    }

    fn take_frame(&mut self, vad: &mut impl VoiceActivity) {
        let cutting = Cutting::default();
        let mut frame = [0.0; FRAME];
        frame.copy_from_slice(&self.frame);
        self.frame.clear();
        let probability = vad.probability(&frame);
        let threshold = if self.speaking { cutting.silence } else { cutting.voice };
        self.speaking = probability >= threshold;
        if self.speaking {
            self.voice += FRAME as u64;
            self.quiet = 0;
        } else {
            self.quiet += FRAME as u64;
        }
        if self.voice > 0 && self.quiet > SILENCE {
            return;
        }
        self.audio.extend(frame);
        if self.voice == 0 {
            let most = usize::try_from(SILENCE).unwrap_or(usize::MAX);
            self.audio.drain(..self.audio.len().saturating_sub(most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Treats loud samples as voice.
    struct Loud;

    impl VoiceActivity for Loud {
        fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
            if frame[0] > 0.1 { 1.0 } else { 0.0 }
        }
    }

    fn probe(language_after: u64) -> Probe {
        let language = Some("es".into());
        Probe::new(3, DecodeOptions { language, language_after, ..DecodeOptions::default() })
    }

    fn sound(value: i16, ms: u64) -> Vec<i16> {
        vec![value; usize::try_from(milliseconds(ms)).unwrap()]
    }

    /// Returns the number of samples that the decoder gets, and the language spoken before.
    fn asked(probe: &mut Probe) -> Option<(usize, Option<String>)> {
        match probe.work()? {
            Work::Language { audio, before } => Some((audio.len(), before)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_decoder_is_asked_once_as_soon_as_there_is_enough_voice() {
        let mut probe = probe(seconds(1));
        probe.hear(&sound(0, 4_000), &mut Loud);
        probe.hear(&sound(9_000, 600), &mut Loud);
        assert!(asked(&mut probe).is_none(), "silence is no speech");
        probe.hear(&sound(0, 9_000), &mut Loud);
        assert!(asked(&mut probe).is_none());
        // In small chunks: frames do not depend on how samples arrive.
        for piece in sound(9_000, 600).chunks(77) {
            probe.hear(piece, &mut Loud);
        }
        let (samples, before) = asked(&mut probe).unwrap();
        // The silence before, the voice, and a part of the pause.
        let least = milliseconds(500) + seconds(1);
        let most = least + 2 * SILENCE;
        assert!((least..most).contains(&(samples as u64)), "{samples}");
        assert_eq!(before.as_deref(), Some("es"));
        probe.hear(&sound(9_000, 5_000), &mut Loud);
        probe.finish(&mut Loud);
        assert!(asked(&mut probe).is_none() && probe.silent().is_none());
    }

    #[test]
    fn a_short_recording_is_asked_about_at_its_end_and_a_silent_one_not_at_all() {
        let mut short = probe(seconds(3));
        short.hear(&sound(9_000, 300), &mut Loud);
        assert!(asked(&mut short).is_none());
        short.finish(&mut Loud);
        let (samples, _) = asked(&mut short).unwrap();
        assert!(samples as u64 >= milliseconds(300), "{samples}");
        let answer = short.answer(Ok(TaskResult::Language("es".into())));
        let FromEngine::Language { job: 3, language: Some(code), voice } = answer else {
            panic!("{answer:?}");
        };
        assert!(code == "es" && voice >= milliseconds(300), "{voice}");

        let mut silent = probe(seconds(3));
        silent.hear(&sound(0, 9_000), &mut Loud);
        assert!(silent.silent().is_none(), "somebody may yet speak");
        silent.finish(&mut Loud);
        assert!(asked(&mut silent).is_none());
        let answer = silent.silent();
        assert_eq!(answer, Some(FromEngine::Language { job: 3, language: None, voice: 0 }));
    }

    /// "Yes, please." to a daemon that stops after some silence.
    #[test]
    fn a_few_words_before_a_silence_are_asked_about_where_silence_matters() {
        let on = DecodeOptions { language_after: seconds(2), ..DecodeOptions::default() };
        let stops = DecodeOptions { quiet_after: milliseconds(2_500), ..on.clone() };
        let at_once = DecodeOptions { quiet_after: milliseconds(500), ..on.clone() };
        let goes_on = DecodeOptions { sentences: true, ..on.clone() };
        for (options, voice, least, most) in [
            (&stops, 900, 1_000, 1_100),
            (&at_once, 900, 500, 600),
            (&goes_on, 900, 1_000, 1_100),
            // A cough is decided only when the recording would end.
            (&stops, 100, 2_500, 2_600),
        ] {
            let mut probe = Probe::new(3, options.clone());
            probe.hear(&sound(0, 4_000), &mut Loud);
            probe.hear(&sound(9_000, voice), &mut Loud);
            probe.hear(&sound(0, least - 50), &mut Loud);
            assert!(asked(&mut probe).is_none(), "{options:?}");
            probe.hear(&sound(0, most - least + 50), &mut Loud);
            assert!(asked(&mut probe).is_some(), "{options:?}");
            // Later samples change nothing.
            probe.hear(&sound(9_000, 5_000), &mut Loud);
            probe.finish(&mut Loud);
            assert!(asked(&mut probe).is_none() && probe.silent().is_none());
        }
        for (options, voice) in [(&on, 900), (&goes_on, 100), (&stops, 0)] {
            let mut probe = Probe::new(3, options.clone());
            probe.hear(&sound(9_000, voice), &mut Loud);
            probe.hear(&sound(0, 60_000), &mut Loud);
            assert!(asked(&mut probe).is_none(), "{options:?}");
        }
    }

    #[test]
    fn it_says_that_it_listens_and_why_it_failed() {
        let mut probe = probe(seconds(3));
        probe.hear(&sound(0, 4_000), &mut Loud);
        assert_eq!(probe.advance(), None);
        probe.hear(&sound(0, 2_000), &mut Loud);
        let settled = seconds(6);
        assert_eq!(probe.advance(), Some(FromEngine::Progress { job: 3, settled }));
        assert_eq!(probe.advance(), None);
        let failed = probe.answer(Err(DecodeError::NoNumbers));
        assert!(matches!(failed, FromEngine::Failed { job: 3, .. }), "{failed:?}");
    }
}
