//! whisper.cpp: what it is asked, how it is interrupted, what it answers.
//!
//! What to decode, and whether to believe the answer, is decided in [`crate::stream`].

mod leads;
mod numbers;

use crate::model::{LoadError, whisper};
use crate::stream::seam::Lead;
use crate::stream::seams::Question;
use crate::stream::{Decoder, Hypothesis, Request, Token};
use crate::text;
use numbers::Numbers;
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::num::NonZeroUsize;
use std::path::Path;
use thiserror::Error;
use v2m_ipc::engine::DecodeOptions;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError,
    WhisperState, WhisperTokenId, whisper_rs_sys,
};

/// More beams than this whisper.cpp refuses (`WHISPER_MAX_DECODERS`).
const MOST_BEAMS: u8 = 8;

/// Tokens that fit in the prompt: half the text context, less the token that introduces it.
const PROMPT: usize = 223;

/// Bytes of a text beyond which it is not made into tokens: more than a prompt's worth.
const LONGEST_TEXT: usize = 4096;

/// A language takes the place of the one before if its probability is so many times as great, as a natural logarithm.
const SURER: f32 = 1.5;

/// Step between the temperatures tried as a last resort: 0, 0.4 and 0.8.
const TEMPERATURE_STEP: f32 = 0.4;

/// What went wrong in one decode; the engine goes on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Somebody asked for it.
    #[error("cancelled")]
    Aborted,
    /// Not among Whisper's languages.
    #[error("Whisper knows no language {0:?}; use an ISO 639-1 code such as \"en\"")]
    UnknownLanguage(String),
    /// A model for English alone was asked for another language.
    #[error("this model knows English only, not {0:?}; choose a model without \".en\"")]
    EnglishOnly(String),
    /// Some value is infinite or none at all. The weights are damaged, or what computes is.
    #[error(
        "the model computed values that are no numbers; `v2m-model verify` tells whether its file is damaged"
    )]
    NoNumbers,
    /// whisper.cpp's own failure.
    #[error("the recogniser failed: {0}")]
    Whisper(#[from] WhisperError),
}

/// Asked while decoding, about once per token, from whisper.cpp's threads.
pub trait Watch: Sync {
    /// The decoder got on. True ends the decode as soon as whisper.cpp can.
    fn tick(&self) -> bool;
}

/// How the model is run; the same for all decodes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of the processor; on a GPU they do what little is left to it.
    pub threads: NonZeroUsize,
    /// Off but for measurements: whisper.cpp 1.8.3 then rounds contexts up to a multiple of 256 and, without a
    /// mask, attends to whatever the decode before left in the rest, so that the text of a piece with
    /// a fitted context depends on the pieces before it: on an H100 121 of 1136 words were wrong with it, 97 without.
    /// On the CPU it is no faster either; on the H100 it took 0.6 to 0.95 of the time, and 2.6 times as long for 24 s.
    pub flash_attention: bool,
}

/// The loaded model with its working memory.
#[derive(Debug)]
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    threads: c_int,
    /// The setter of the language leaks, so each combination is built once and cloned.
    templates: HashMap<(u8, String), FullParams<'static, 'static>>,
}

impl Whisper {
    /// Checks the file and loads it.
    ///
    /// # Errors
    /// When the file is missing or no whole model, or memory does not suffice.
    pub fn load(path: &Path, options: Options) -> Result<Self, LoadError> {
        whisper::check(path)?;
        // SAFETY: the callback does not panic and touches nothing.
        unsafe { whisper_rs::set_log_callback(Some(log), std::ptr::null_mut()) };
        let refused = |error| LoadError::Broken {
            path: path.into(),
            why: format!("whisper.cpp refuses it: {error}"),
        };
        let mut parameters = WhisperContextParameters::new();
        parameters.flash_attn(options.flash_attention);
        let context = WhisperContext::new_with_params(path, parameters).map_err(refused)?;
        let state = context.create_state().map_err(|_| {
            LoadError::Unsupported("there is too little memory for this model".into())
        })?;
        let threads = c_int::try_from(options.threads.get()).unwrap_or(1);
        Ok(Self { context, state, threads, templates: HashMap::new() })
    }

    /// Whether the model knows languages beside English.
    pub fn multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    /// Runs encoder and decoder once over a second of silence with a context of `context` units of 20 ms, so that the
    /// buffers and kernels are there; and to see whether what computes still does.
    ///
    /// # Errors
    /// whisper.cpp's: it does not; or [`DecodeError::NoNumbers`].
    pub fn warm_up(&mut self, context: usize) -> Result<(), DecodeError> {
        let mut parameters = self.template(DecodeOptions::default().beam_size, "en");
        parameters.set_audio_ctx(self.audio_context(context));
        parameters.set_max_tokens(1);
        self.full(parameters, &[0.0; 16_000], &Undisturbed)
    }

    /// Calls `whisper_full`. What it computes is looked at before it is used.
    fn full(
        &mut self,
        mut parameters: FullParams<'_, '_>,
        audio: &[f32],
        watch: &dyn Watch,
    ) -> Result<(), DecodeError> {
        let numbers = Numbers::new(self.context.n_vocab(), self.context.token_eot());
        let call = Call { watch, numbers };
        // SAFETY: `call` outlives the call of `full` below, the only user of the pointer, and the
        // callbacks read it as the type it has here. They do not unwind.
        unsafe {
            let data = std::ptr::from_ref(&call).cast_mut().cast::<c_void>();
            parameters.set_abort_callback(Some(on_abort));
            parameters.set_abort_callback_user_data(data);
            parameters.set_filter_logits_callback(Some(on_logits));
            parameters.set_filter_logits_callback_user_data(data);
        }
        let result = self.state.full(parameters, audio);
        if call.numbers.missed() {
            return Err(DecodeError::NoNumbers);
        }
        Ok(result?)
    }

    /// How many languages the model knows: `whisper_vocab::num_languages`.
    fn languages(&self) -> usize {
        let special = if self.multilingual() { 51_766 } else { 51_765 };
        usize::try_from(self.context.n_vocab() - special).unwrap_or(0)
    }

    /// A decoder that reports to `watch`.
    pub fn watched<'a>(&'a mut self, watch: &'a dyn Watch) -> Watched<'a> {
        Watched { whisper: self, watch }
    }

    fn template(&mut self, beams: u8, language: &str) -> FullParams<'static, 'static> {
        let threads = self.threads;
        self.templates
            .entry((beams, language.to_owned()))
            .or_insert_with(|| template(beams, language, threads))
            .clone()
    }

    fn check_language(&self, code: &str) -> Result<(), DecodeError> {
        if code.contains('\0') || whisper_rs::get_lang_id(code).is_none() {
            return Err(DecodeError::UnknownLanguage(code.into()));
        }
        if !self.multilingual() && code != "en" {
            return Err(DecodeError::EnglishOnly(code.into()));
        }
        Ok(())
    }

    /// As many entries of the vocabulary as fit in the prompt, as a plain enumeration.
    fn prompt(&self, vocabulary: &[String]) -> Vec<WhisperTokenId> {
        let mut tokens = Vec::new();
        for entry in vocabulary {
            let separator = if tokens.is_empty() { " " } else { ", " };
            // Too long for the prompt, or not to be written in tokens: left out.
            let more = self.tokens(&format!("{separator}{entry}"));
            let Some(more) = more.filter(|more| more.len() <= PROMPT) else { continue };
            if tokens.len() + more.len() > PROMPT {
                break;
            }
            tokens.extend(more);
        }
        tokens
    }

    /// A text as tokens, if it is one and not too long.
    fn tokens(&self, text: &str) -> Option<Vec<WhisperTokenId>> {
        // whisper.cpp answers with a negative count if there is too little room, and whisper-rs 0.16 takes all but -1 for the
        // length of what was written. A token is a byte at least, so there is always room. Its regular expression takes
        // stack for each character of a word.
        if text.len() > LONGEST_TEXT {
            return None;
        }
        self.context.tokenize(text, text.len().max(1)).ok()
    }

    /// `context` as whisper.cpp takes it: 0 for the model's own.
    fn audio_context(&self, context: usize) -> c_int {
        let whole = self.context.n_audio_ctx();
        c_int::try_from(context).ok().filter(|units| *units < whole).unwrap_or(0)
    }

    fn hypothesis(&self, most_tokens: Option<u16>) -> Hypothesis {
        let mut raw = String::new();
        let mut tokens = Vec::new();
        let (mut sum, mut count) = (0.0, 0_u32);
        let mut ended = false;
        let end = self.context.token_eot();
        for segment in self.state.as_iter() {
            raw.push_str(&segment.to_str_lossy().unwrap_or_default());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                let data = token.token_data();
                if data.id <= end {
                    sum += data.plog;
                    count += 1;
                }
                ended |= data.id == end;
                if data.id < end {
                    let bytes = self.context.token_to_bytes(data.id).unwrap_or_default().to_vec();
                    tokens.push(Token { id: data.id, bytes, log_probability: data.plog });
                }
            }
        }
        let mean_log_probability = if count == 0 { 0.0 } else { sum / count as f32 };
        let text = text::clean(&raw);
        if !raw.split_whitespace().eq(text.split_whitespace()) {
            tokens.clear();
        }
        // One that is cut off has a token more than it may have, and no end.
        let cut_off = !ended && most_tokens.is_some_and(|most| count > u32::from(most));
        Hypothesis { text, mean_log_probability, cut_off, tokens }
    }
}

/// [`Whisper`] for the length of one task.
pub struct Watched<'a> {
    whisper: &'a mut Whisper,
    watch: &'a dyn Watch,
}

impl Decoder for Watched<'_> {
    type Error = DecodeError;

    fn decode(&mut self, request: &Request) -> Result<Hypothesis, DecodeError> {
        self.whisper.check_language(request.language)?;
        let prompt = self.whisper.prompt(request.vocabulary);
        let mut parameters: FullParams<'_, '_> =
            self.whisper.template(request.beams, request.language);
        parameters.set_translate(request.translate);
        parameters.set_audio_ctx(self.whisper.audio_context(request.context));
        parameters.set_temperature_inc(if request.fallback { TEMPERATURE_STEP } else { 0.0 });
        // Pieces fit in one window, and there the tokens of time only cost accuracy; a whole
        // recording needs them to move on from window to window.
        parameters.set_no_timestamps(request.audio.len() <= 30 * 16_000);
        parameters.set_max_tokens(request.most_tokens.map_or(0, c_int::from));
        if !prompt.is_empty() {
            parameters.set_tokens(&prompt);
        }
        self.run(parameters, request.audio)?;
        Ok(self.whisper.hypothesis(request.most_tokens))
    }

    fn detect(
        &mut self,
        audio: &[f32],
        context: usize,
        languages: &[String],
        before: Option<&str>,
    ) -> Result<String, DecodeError> {
        if !self.whisper.multilingual() {
            return Ok("en".into());
        }
        for code in languages {
            self.whisper.check_language(code)?;
        }
        // `lang_detect` reads the spectrum and the context of the call of `full` before it; this
        // one ends before its first window, having set both.
        let mut parameters: FullParams<'_, '_> = self.whisper.template(1, "en");
        parameters.set_audio_ctx(self.whisper.audio_context(context));
        parameters.set_duration_ms(100);
        self.run(parameters, audio)?;
        let threads = self.threads();
        self.whisper.state.encode(0, threads)?;
        let start = self.whisper.context.token_sot();
        self.whisper.state.decode(&[start], 0, threads)?;
        if self.watch.tick() {
            return Err(DecodeError::Aborted);
        }
        // Not by `lang_detect`, which sorts them whatever they are: it was made for numbers.
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

    fn leads(&mut self, question: &Question) -> Result<Vec<Lead>, DecodeError> {
        self.ask(question)
    }
}

impl Watched<'_> {
    fn run(&mut self, parameters: FullParams<'_, '_>, audio: &[f32]) -> Result<(), DecodeError> {
        if self.watch.tick() {
            return Err(DecodeError::Aborted);
        }
        let result = self.whisper.full(parameters, audio, self.watch);
        if self.watch.tick() {
            return Err(DecodeError::Aborted);
        }
        match result {
            Ok(()) | Err(DecodeError::Whisper(WhisperError::NoSamples)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn template(beams: u8, language: &str, threads: c_int) -> FullParams<'static, 'static> {
    // whisper.cpp 1.8.3 draws a beam's candidates at random, by a generator that lives as long as the state: the text of
    // a piece may depend on what was decoded before it. Greedy decoding has no chance in it, and more errors.
    let strategy = match beams {
        0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
        n => SamplingStrategy::BeamSearch { beam_size: n.min(MOST_BEAMS).into(), patience: -1.0 },
    };
    let mut parameters = FullParams::new(strategy);
    parameters.set_n_threads(threads);
    // The name's own copy: the setter asks for a text as long-lived as the template.
    let code = whisper_rs::get_lang_id(language).and_then(whisper_rs::get_lang_str);
    parameters.set_language(code);
    parameters.set_no_context(true);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters.set_print_special(false);
    parameters
}

/// What the callbacks of one call of `whisper_full` need.
struct Call<'a> {
    watch: &'a dyn Watch,
    numbers: Numbers,
}

/// Nobody waits for it, and nobody ends it.
struct Undisturbed;

impl Watch for Undisturbed {
    fn tick(&self) -> bool {
        false
    }
}

unsafe extern "C" fn on_abort(data: *mut c_void) -> bool {
    // SAFETY: set in `full` to a `Call` that lives as long as the call.
    let call = unsafe { &*data.cast::<Call<'_>>() };
    call.watch.tick() || call.numbers.missed()
}

/// From the threads of whisper.cpp that choose tokens, one for each beam.
unsafe extern "C" fn on_logits(
    _context: *mut whisper_rs_sys::whisper_context,
    _state: *mut whisper_rs_sys::whisper_state,
    _tokens: *const whisper_rs_sys::whisper_token_data,
    _count: c_int,
    logits: *mut f32,
    data: *mut c_void,
) {
    // SAFETY: set in `full` to a `Call` that lives as long as the call.
    let call = unsafe { &*data.cast::<Call<'_>>() };
    // SAFETY: `whisper_process_logits` gives a vector of its own with one value for each token of the vocabulary.
    let logits = unsafe { std::slice::from_raw_parts_mut(logits, call.numbers.tokens()) };
    call.numbers.look(logits);
}

/// ggml and whisper.cpp log a page for each load and, in debug builds, every token: text must not
/// reach the journal. What fails is reported by return values.
unsafe extern "C" fn log(_level: u32, _text: *const c_char, _data: *mut c_void) {}
