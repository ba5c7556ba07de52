//! Asks whisper.cpp for the continuations of a text that it takes as already written.
//!
//! `whisper_full` cannot do that: it takes an earlier text only as a prompt, which belongs to other
//! audio. So encoder and decoder are run one by one. Neither can be interrupted; the monitor is
//! checked between them.

use super::effort::fitted_to_seam;
use super::{Watched, WhisperDecodeError, numbers};
use v2m_recogniser::stream::marks;
use v2m_recogniser::stream::seam::Lead;
use v2m_recogniser::stream::seams::{PromptText, SeamQuestion};
use whisper_rs::{WhisperError, WhisperTokenId};

/// The number of following tokens that are kept. Less likely ones are irrelevant.
const NEXT: usize = 48;

/// Marks, or tokens after them, with a lower logarithm of a probability are ignored.
const LEAST: f32 = -8.0;

impl Watched<'_> {
    /// Returns possible continuations of the written text.
    ///
    /// # Errors
    /// [`WhisperDecodeError`].
    pub fn ask(&mut self, question: &SeamQuestion) -> Result<Vec<Lead>, WhisperDecodeError> {
        self.whisper.check_language(&question.language)?;
        self.encode(question)?;
        let prompt = self.written(question)?;
        // whisper.cpp returns the logits of one token only, so the last token is decoded alone.
        let (last, first) = prompt.split_last().ok_or(WhisperError::InvalidText)?;
        self.decode_tokens(first, 0)?;
        let plain = self.logits_after(*last, first.len())?;
        let mut leads = vec![self.lead("", 0.0, &plain)];
        for mark in marks::between(&question.language) {
            let Some(token) = self.single(mark) else { continue };
            let log_probability = usize::try_from(token).map_or(LEAST, |at| plain[at]);
            if log_probability > LEAST {
                let after = self.logits_after(token, prompt.len())?;
                leads.push(self.lead(mark, log_probability, &after));
            }
        }
        Ok(leads)
    }

    /// Computes the encoder's output for the audio.
    fn encode(&mut self, question: &SeamQuestion) -> Result<(), WhisperDecodeError> {
        // This call sets spectrum and context, and ends before its first window.
        let context = fitted_to_seam(question.audio.len());
        let mut parameters = self.whisper.template(1, &question.language);
        parameters.set_audio_ctx(self.whisper.audio_context(context));
        parameters.set_duration_ms(100);
        self.run(parameters, &question.audio)?;
        let threads = self.threads();
        self.whisper.state.encode(0, threads)?;
        self.go_on()
    }

    /// Returns the decoder's input: the task, and the text so far.
    fn written(&self, question: &SeamQuestion) -> Result<Vec<WhisperTokenId>, WhisperDecodeError> {
        let context = &self.whisper.context;
        let mut tokens = vec![context.token_sot()];
        if self.whisper.multilingual() {
            let language = whisper_rs::get_lang_id(&question.language)
                .ok_or_else(|| WhisperDecodeError::UnknownLanguage(question.language.clone()))?;
            tokens.extend([context.token_lang(language), context.token_transcribe()]);
        }
        tokens.push(context.token_not());
        for part in &question.written {
            match part {
                PromptText::Tokens(ids) => tokens.extend(ids),
                PromptText::Text(text) => {
                    tokens.extend(self.whisper.tokens(text).unwrap_or_default());
                }
            }
        }
        Ok(tokens)
    }

    /// Returns the logarithms of the probabilities of all text tokens after `token`, which is at
    /// the position `place`.
    fn logits_after(
        &mut self,
        token: WhisperTokenId,
        place: usize,
    ) -> Result<Vec<f32>, WhisperDecodeError> {
        self.decode_tokens(&[token], place)?;
        let end = usize::try_from(self.whisper.context.token_eot()).unwrap_or(0);
        let mut logits = numbers::all(self.whisper.state.get_logits()?)?.to_vec();
        logits.truncate(end + 1);
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = logits.iter().map(|x| (x - most).exp()).sum();
        let log_sum = most + sum.ln();
        logits.iter_mut().for_each(|x| *x -= log_sum);
        // The end of the text is not a continuation.
        logits.truncate(end);
        Ok(logits)
    }

    fn decode_tokens(
        &mut self,
        tokens: &[WhisperTokenId],
        place: usize,
    ) -> Result<(), WhisperDecodeError> {
        if !tokens.is_empty() {
            let threads = self.threads();
            self.whisper.state.decode(tokens, place, threads)?;
        }
        self.go_on()
    }

    fn lead(&self, mark: &str, log_probability: f32, after: &[f32]) -> Lead {
        let mut likely: Vec<(WhisperTokenId, f32)> =
            (0..).zip(after.iter().copied()).filter(|(_, p)| *p > LEAST).collect();
        likely.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
        let words = likely.into_iter().filter_map(|(token, p)| {
            let text =
                std::str::from_utf8(self.whisper.context.token_to_bytes(token).ok()?).ok()?;
            marks::begins_words(text).then(|| (text.to_owned(), p))
        });
        Lead { mark: mark.into(), log_probability, next: words.take(NEXT).collect() }
    }

    /// Returns the token with exactly this text.
    fn single(&self, text: &str) -> Option<WhisperTokenId> {
        match self.whisper.tokens(text)?[..] {
            [token] => Some(token),
            _ => None,
        }
    }

    pub(super) fn threads(&self) -> usize {
        usize::try_from(self.whisper.threads).unwrap_or(1)
    }

    fn go_on(&self) -> Result<(), WhisperDecodeError> {
        if self.watch.tick() { Err(WhisperDecodeError::Aborted) } else { Ok(()) }
    }
}
