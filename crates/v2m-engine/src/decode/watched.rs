//! Uses Whisper for one task: decoding a piece, or detecting its language.

use super::effort::{Attempt, fitted, fitted_to_seam};
use super::{Whisper, WhisperDecodeError, numbers};
use std::ffi::c_int;
use v2m_ipc::pcm::seconds;
use v2m_recogniser::decoder::DecodeMonitor;
use v2m_recogniser::stream::Hypothesis;
use whisper_rs::{FullParams, WhisperError};

/// A language replaces the one before if the natural logarithm of the ratio of their probabilities
/// is at least this.
const SURER: f32 = 1.5;

/// Step between the temperatures tried as a last resort: 0, 0.4 and 0.8.
const TEMPERATURE_STEP: f32 = 0.4;

/// [`Whisper`] during one task.
pub struct Watched<'a> {
    pub(super) whisper: &'a mut Whisper,
    pub(super) watch: &'a dyn DecodeMonitor,
}

impl Watched<'_> {
    /// Turns audio into text.
    ///
    /// # Errors
    /// [`WhisperDecodeError`].
    pub fn decode(&mut self, attempt: &Attempt) -> Result<Hypothesis, WhisperDecodeError> {
        self.whisper.check_language(attempt.language)?;
        let prompt = self.whisper.prompt(attempt.vocabulary);
        let mut parameters: FullParams<'_, '_> =
            self.whisper.template(attempt.beams, attempt.language);
        parameters.set_translate(attempt.translate);
        parameters.set_audio_ctx(self.whisper.audio_context(attempt.context));
        parameters.set_temperature_inc(if attempt.fallback { TEMPERATURE_STEP } else { 0.0 });
        // Pieces fit in one window, where timestamp tokens only reduce accuracy. A whole recording
        // needs them to move from window to window.
        parameters.set_no_timestamps(attempt.audio.len() as u64 <= seconds(30));
        parameters.set_max_tokens(attempt.most_tokens.map_or(0, c_int::from));
        if !prompt.is_empty() {
            parameters.set_tokens(&prompt);
        }
        self.run(parameters, attempt.audio)?;
        Ok(self.whisper.hypothesis(attempt.most_tokens))
    }

    /// Detects the spoken language, among `languages` (empty: all). The result is `before`, the
    /// language spoken before, unless another is far likelier.
    ///
    /// # Errors
    /// [`WhisperDecodeError`].
    pub fn detect(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
    ) -> Result<String, WhisperDecodeError> {
        // If the language may have changed, nothing is decoded with this context, so the short one
        // suffices.
        let context = match before {
            Some(_) => fitted_to_seam(audio.len()),
            None => fitted(audio.len()),
        };
        self.likeliest(audio, languages, before, context)
    }

    /// Like [`Self::detect`], with the short context, because nothing is decoded afterwards.
    ///
    /// # Errors
    /// [`WhisperDecodeError`].
    pub fn identify(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
    ) -> Result<String, WhisperDecodeError> {
        self.likeliest(audio, languages, before, fitted_to_seam(audio.len()))
    }

    fn likeliest(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        context: usize,
    ) -> Result<String, WhisperDecodeError> {
        if !self.whisper.multilingual() {
            return Ok("en".into());
        }
        for code in languages {
            self.whisper.check_language(code)?;
        }
        // `lang_detect` reads the spectrum and the context of the previous call of `full`. This
        // call sets both and ends before its first window.
        let mut parameters: FullParams<'_, '_> = self.whisper.template(1, "en");
        parameters.set_audio_ctx(self.whisper.audio_context(context));
        parameters.set_duration_ms(100);
        self.run(parameters, audio)?;
        let threads = self.threads();
        self.whisper.state.encode(0, threads)?;
        let start = self.whisper.context.token_sot();
        self.whisper.state.decode(&[start], 0, threads)?;
        if self.watch.tick() {
            return Err(WhisperDecodeError::Aborted);
        }
        // Do not use `lang_detect` here: it sorts the values even if they are not numbers.
        let logits = numbers::all(self.whisper.state.get_logits()?)?;
        let first = usize::try_from(start).unwrap_or(0) + 1;
        let codes = logits
            .iter()
            .skip(first)
            .take(self.whisper.languages())
            .enumerate()
            .filter_map(|(id, logit)| {
                Some((whisper_rs::get_lang_str(c_int::try_from(id).ok()?)?, logit))
            })
            .filter(|(code, _)| languages.is_empty() || languages.iter().any(|l| l == code));
        let likeliest = codes.clone().max_by(|a, b| a.1.total_cmp(b.1));
        let before = codes.into_iter().find(|(code, _)| Some(*code) == before);
        let stays = |(_, most): (&str, &f32)| before.filter(|(_, logit)| most - *logit < SURER);
        let spoken = likeliest.and_then(stays).or(likeliest);
        Ok(spoken.map_or("en", |(code, _)| code).into())
    }

    pub(super) fn run(
        &mut self,
        parameters: FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<(), WhisperDecodeError> {
        if self.watch.tick() {
            return Err(WhisperDecodeError::Aborted);
        }
        let result = self.whisper.full(parameters, audio, self.watch);
        if self.watch.tick() {
            return Err(WhisperDecodeError::Aborted);
        }
        match result {
            Ok(()) | Err(WhisperDecodeError::Whisper(WhisperError::NoSamples)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
