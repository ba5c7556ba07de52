//! The models as the run loop knows them: a file that is checked, and the decoder that it becomes.

use crate::decode::{Transcriber, Transcript};
use crate::device;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use v2m_ipc::pcm::seconds;
use v2m_messages::tr;
use v2m_models::family::{self, Family, Summary, Unheard};
use v2m_models::{ModelError, gguf};
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use v2m_recogniser::model::{Device, LoadError, Model, PieceLimits};
use v2m_recogniser::processor;
use v2m_recogniser::stream::{Hypothesis, Token};
use v2m_recogniser::text;

/// The longest piece, by the model's family, in samples. Moonshine writes 194 tokens at most, and was
/// trained on pieces of up to 30 s; quick English has 7 tokens a second. Canary is reported to be at
/// its best up to 10 s. Parakeet's attention reaches 20.5 s, and nothing interrupts its encoder, so a
/// longer piece would delay the next recording.
fn longest(family: Family) -> u64 {
    match family {
        Family::Canary => seconds(10),
        Family::Moonshine | Family::Parakeet | Family::DriftingParakeet | Family::Nemotron => {
            seconds(20)
        }
    }
}

/// How much longer than the longest piece a piece may be, in samples: it ends with a whole frame of the
/// voice activity model. What is longer was not cut for this model.
const FRAMES: u64 = seconds(1);

/// The language as the decoder is told it. Parakeet takes none.
fn hint(family: Family, language: &str) -> Option<&str> {
    match family {
        Family::Moonshine | Family::Canary => Some(language),
        Family::Parakeet | Family::DriftingParakeet | Family::Nemotron => None,
    }
}

/// The least that the decoder hears, in samples: shorter pieces get silence behind them. Moonshine's
/// convolutions need some tenths of a second, and Canary was trained on a second and more.
const SHORTEST: usize = seconds(1) as usize;

/// Samples of silence before a piece that is decoded again: 50 ms, which change all that the
/// encoder computes. There is no randomness in the decoder that could.
const SHIFT: usize = 800;

/// Seconds of voice that are no cough: a short word has about 0.3.
const SPEECH: f32 = 0.5;

/// A model that was named on the command line.
#[derive(Clone, Debug)]
pub struct GgufModel {
    /// GGUF.
    pub file: PathBuf,
    /// What computes.
    pub device: device::Device,
    /// Threads of the decoder; `None`: as many as make sense here.
    pub threads: Option<NonZeroUsize>,
}

impl Model for GgufModel {
    type Decoder = Loaded;

    fn program(&self) -> &'static str {
        crate::NAME
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn device(&self) -> Device {
        let device::Device { backend, name, .. } = &self.device;
        Device { backend: backend.name().into(), name: name.clone() }
    }

    fn limits(&self) -> PieceLimits {
        // A file that is no model is refused before a piece is cut.
        let summary = self.inspect();
        summary.map_or_else(
            |_| PieceLimits::default(),
            |s| PieceLimits { longest: longest(s.family), flat: 0 },
        )
    }

    fn check(&self) -> Result<u64, LoadError> {
        self.inspect().map(|summary| summary.bytes)
    }

    fn load(self) -> Result<Loaded, LoadError> {
        // The file may have been replaced since it was checked.
        let summary = self.inspect()?;
        self.check_weights()?;
        let before = self.device.free();
        let transcriber = Transcriber::load(&self.file, &self.device, self.threads())?;
        Ok(Loaded { transcriber, summary, device: self.device, before })
    }
}

impl GgufModel {
    /// What the file is, for its text: not for previews only.
    fn inspect(&self) -> Result<Summary, LoadError> {
        let summary = self.summary()?;
        if !summary.is_for_previews_only() {
            return Ok(summary);
        }
        Err(LoadError::Broken { path: self.file.clone(), why: family::for_previews_only().into() })
    }

    /// As many threads as it is to have.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(processor::threads)
    }

    /// What the file is, from its head.
    pub(crate) fn summary(&self) -> Result<Summary, LoadError> {
        gguf::inspect(&self.file).map_err(|error| self.refused(error))
    }

    /// Checks that the weights are numbers. transcribe.cpp loads others, and the model then writes
    /// nothing, also for silence.
    pub(crate) fn check_weights(&self) -> Result<(), LoadError> {
        gguf::check_weights(&self.file).map_err(|error| self.refused(error))
    }

    fn refused(&self, error: ModelError) -> LoadError {
        let path = self.file.clone();
        match error {
            ModelError::Io { source, .. } => LoadError::Missing { path, source },
            ModelError::Bad { what, .. } => LoadError::Broken { path, why: what },
            other => LoadError::Broken { path, why: other.to_string() },
        }
    }
}

/// The loaded model.
#[derive(Debug)]
pub struct Loaded {
    transcriber: Transcriber,
    summary: Summary,
    device: device::Device,
    /// Bytes free on the GPU before it was loaded.
    before: Option<u64>,
}

impl Decoder for Loaded {
    fn multilingual(&self) -> bool {
        !self.summary.is_for_english()
    }

    fn memory(&self) -> u64 {
        self.device.taken(self.before)
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        struct Undisturbed;
        impl DecodeMonitor for Undisturbed {
            fn tick(&self) -> bool {
                false
            }
        }
        let codes = self.summary.codes();
        let language = codes.first().and_then(|code| hint(self.summary.family, code));
        self.transcriber.run(&[0.0; SHORTEST], language, &Undisturbed).map(drop)
    }

    fn decode(
        &mut self,
        request: &DecodeRequest,
        watch: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        refuse(&self.summary, Some(request.language), &[])?;
        if request.audio.len() as u64 > longest(self.summary.family) + FRAMES {
            return Err(DecodeError::Refused(
                tr!("the sound is longer than this model can process at once").into(),
            ));
        }
        let audio = prepared(request.audio, request.effort);
        let language = hint(self.summary.family, request.language);
        let transcript = self.transcriber.run(&audio, language, watch)?;
        let heard = hypothesis(&transcript);
        if is_lost(&heard, request) {
            return Err(DecodeError::Refused(
                tr!("the model wrote nothing, although somebody spoke; another model may hear it")
                    .into(),
            ));
        }
        Ok(heard)
    }

    /// Nothing is detected: it is the model's only language, or the only one that may be spoken.
    fn detect(
        &mut self,
        _audio: &[f32],
        languages: &[String],
        _before: Option<&str>,
        _vocabulary: &[String],
        _watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        // A model for English hears English, whatever was spoken.
        if matches!(self.summary.family, Family::Moonshine | Family::Parakeet) {
            return Ok("en".into());
        }
        refuse(&self.summary, None, languages)?;
        Summary::spoken(None, languages)
            .map(str::to_owned)
            .ok_or_else(|| DecodeError::Refused(Unheard::Untold.reason(&self.summary)))
    }
}

/// Refuses what the model cannot transcribe: a language, or one that is to be detected among these.
fn refuse(summary: &Summary, code: Option<&str>, among: &[String]) -> Result<(), DecodeError> {
    let Some(why) = summary.unheard(code, among) else { return Ok(()) };
    let reason = why.reason(summary);
    Err(DecodeError::Refused(match code {
        Some(code) => {
            let language = format_args!("{code:?}");
            tr!(
                "this model was asked for {language}, and {reason}; choose another model",
                language,
                reason
            )
        }
        None => tr!("this model was not told the language, and {reason}", reason),
    }))
}

/// The audio as the decoder hears it.
fn prepared(audio: &[f32], effort: Effort) -> Vec<f32> {
    let before = if effort == Effort::Thorough { SHIFT } else { 0 };
    let mut all = vec![0.0; before];
    all.extend_from_slice(audio);
    all.resize(all.len().max(SHORTEST), 0.0);
    all
}

/// Whether the last attempt gave nothing, although the voice was longer than a cough. The text then
/// says that something is missing, and a recording of nothing else has failed, so that the daemon
/// tries it again with another model.
fn is_lost(heard: &Hypothesis, request: &DecodeRequest) -> bool {
    request.effort == Effort::Thorough && heard.text.is_empty() && request.voice >= SPEECH
}

/// Somebody spoke in the piece. So a decoder that writes nothing gave up at its first token, as one
/// that repeats itself gave up later.
fn hypothesis(transcript: &Transcript) -> Hypothesis {
    let text = text::clean(&transcript.text);
    let cut_off = !transcript.whole || text.is_empty();
    Hypothesis { tokens: Token::words(&text), cut_off, text, ..Hypothesis::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_ipc::backend::Backend;

    #[test]
    fn a_short_piece_gets_silence_behind_it_and_a_second_attempt_some_before_it() {
        let quick = prepared(&[1.0; 100], Effort::Quick);
        assert_eq!((quick.len(), quick[0], quick[100]), (SHORTEST, 1.0, 0.0));
        let again = prepared(&[1.0; 20_000], Effort::Thorough);
        assert_eq!((again.len(), again[SHIFT - 1], again[SHIFT]), (20_000 + SHIFT, 0.0, 1.0));
    }

    #[test]
    fn what_is_empty_or_was_stopped_is_decoded_again() {
        let heard = |text: &str, whole| hypothesis(&Transcript { text: text.into(), whole });
        assert!(!heard(" Six.", true).cut_off);
        assert_eq!(heard(" Six, seven.", true).tokens, Token::words("Six, seven."));
        assert_eq!(heard(" Six. [noise]", true).text, "Six.");
        assert!(heard("no no no no", false).cut_off);
        assert!(heard("", true).cut_off && heard(" [blank]", true).cut_off);
    }

    #[test]
    fn nothing_for_much_voice_is_a_failure_the_second_time() {
        let lost = |text: &str, voice, effort| {
            let request = DecodeRequest {
                audio: &[],
                voice,
                language: "en",
                translate: false,
                vocabulary: &[],
                beams: 5,
                effort,
            };
            is_lost(&Hypothesis { text: text.into(), ..Hypothesis::default() }, &request)
        };
        assert!(lost("", 1.0, Effort::Thorough));
        assert!(!lost("", 1.0, Effort::Quick));
        assert!(!lost("", 0.3, Effort::Thorough));
        assert!(!lost("Six.", 1.0, Effort::Thorough));
    }

    #[test]
    fn what_is_no_model_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let device = device::find(Backend::Cpu).unwrap();
        let model = |name: &str| GgufModel {
            file: folder.path().join(name),
            device: device.clone(),
            threads: None,
        };
        assert!(matches!(model("none").check(), Err(LoadError::Missing { .. })));
        std::fs::write(folder.path().join("text"), "not a model, and long enough for one").unwrap();
        let error = model("text").check().unwrap_err();
        assert!(matches!(error, LoadError::Broken { .. }));
        assert!(error.to_string().contains("not a model in GGUF form"), "{error}");
    }
}
