//! Calls whisper.cpp: parameters, interruption and results.
//!
//! [`v2m_recogniser::stream`] decides what to decode, and whether to believe the result.

mod callbacks;
pub mod effort;
mod error;
mod leads;
mod numbers;
mod watched;

use crate::model::whisper;
use callbacks::{CallbackData, Undisturbed, on_abort, on_logits};
pub use error::WhisperDecodeError;
use numbers::Numbers;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::num::NonZeroUsize;
use std::path::Path;
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::seconds;
use v2m_messages::tr;
use v2m_recogniser::decoder::DecodeMonitor;
use v2m_recogniser::model::LoadError;
use v2m_recogniser::stream::{Hypothesis, Token};
use v2m_recogniser::text;
pub use watched::Watched;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState,
    WhisperTokenId,
};

/// The largest number of beams that whisper.cpp accepts (`WHISPER_MAX_DECODERS`).
const MOST_BEAMS: u8 = 8;

/// The number of tokens that fit in the prompt: half the text context, minus the token that
/// introduces it.
const PROMPT: usize = 223;

/// The longest text that is converted to tokens, in bytes: more than fits in a prompt.
const LONGEST_TEXT: usize = 4096;

/// Settings for running the model, the same for all decodes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of processor threads. With a GPU, they do the little work that remains.
    pub threads: NonZeroUsize,
    /// Whether to use flash attention. Off except for measurements: whisper.cpp 1.8.3 then rounds
    /// contexts up to a multiple of 256 and, without a mask, attends to the data that the decode
    /// before left in the rest. So the text of a piece with a fitted context depends on the pieces
    /// before it: on an H100 121 of 1136 words were wrong with it, 97 without. On the CPU it is no
    /// faster either; on the H100 it took 0.6 to 0.95 of the time, and 2.6 times as long for 24 s.
    pub flash_attention: bool,
}

/// The loaded model with its working memory.
#[derive(Debug)]
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    threads: c_int,
    /// Setting the language leaks memory, so each combination is built once and cloned.
    templates: HashMap<(u8, String), FullParams<'static, 'static>>,
}

impl Whisper {
    /// Checks the file and loads it.
    ///
    /// # Errors
    /// When the file is missing or not a complete model, or there is not enough memory.
    pub fn load(path: &Path, options: Options) -> Result<Self, LoadError> {
        whisper::check(path)?;
        callbacks::silence();
        let refused = |error| LoadError::Broken {
            path: path.into(),
            why: tr!("whisper.cpp refuses it: {error}", error),
        };
        let mut parameters = WhisperContextParameters::new();
        parameters.flash_attn(options.flash_attention);
        let context = WhisperContext::new_with_params(path, parameters).map_err(refused)?;
        let state = context.create_state().map_err(|_| LoadError::NoMemory { on_gpu: false })?;
        let threads = c_int::try_from(options.threads.get()).unwrap_or(1);
        Ok(Self { context, state, threads, templates: HashMap::new() })
    }

    /// Whether the model knows languages besides English.
    pub fn multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    /// Runs encoder and decoder once over a second of silence with a context of `context` units of
    /// 20 ms, so that the buffers and kernels exist. Also checks whether the device still works.
    ///
    /// # Errors
    /// whisper.cpp's error if the device does not work, or [`WhisperDecodeError::NoNumbers`].
    pub fn warm_up(&mut self, context: usize) -> Result<(), WhisperDecodeError> {
        let mut parameters = self.template(DecodeOptions::default().beam_size, "en");
        parameters.set_audio_ctx(self.audio_context(context));
        parameters.set_max_tokens(1);
        self.full(parameters, &[0.0; seconds(1) as usize], &Undisturbed)
    }

    /// Calls `whisper_full`, and checks its values before they are used.
    fn full(
        &mut self,
        mut parameters: FullParams<'_, '_>,
        audio: &[f32],
        watch: &dyn DecodeMonitor,
    ) -> Result<(), WhisperDecodeError> {
        let numbers = Numbers::new(self.context.n_vocab(), self.context.token_eot());
        let call = CallbackData { watch, numbers };
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
            return Err(WhisperDecodeError::NoNumbers);
        }
        Ok(result?)
    }

    /// Returns the number of languages that the model knows: `whisper_vocab::num_languages`.
    fn languages(&self) -> usize {
        let special = if self.multilingual() { 51_766 } else { 51_765 };
        usize::try_from(self.context.n_vocab() - special).unwrap_or(0)
    }

    /// Returns a decoder that reports to `watch`.
    pub fn watched<'a>(&'a mut self, watch: &'a dyn DecodeMonitor) -> Watched<'a> {
        Watched { whisper: self, watch }
    }

    fn template(&mut self, beams: u8, language: &str) -> FullParams<'static, 'static> {
        let threads = self.threads;
        self.templates
            .entry((beams, language.to_owned()))
            .or_insert_with(|| template(beams, language, threads))
            .clone()
    }

    fn check_language(&self, code: &str) -> Result<(), WhisperDecodeError> {
        if code.contains('\0') || whisper_rs::get_lang_id(code).is_none() {
            return Err(WhisperDecodeError::UnknownLanguage(code.into()));
        }
        if !self.multilingual() && code != "en" {
            return Err(WhisperDecodeError::EnglishOnly(code.into()));
        }
        Ok(())
    }

    /// Returns the tokens of a plain enumeration with as many entries of the vocabulary as fit in
    /// the prompt.
    fn prompt(&self, vocabulary: &[String]) -> Vec<WhisperTokenId> {
        let mut tokens = Vec::new();
        for entry in vocabulary {
            let separator = if tokens.is_empty() { " " } else { ", " };
            // Leave out entries that are too long for the prompt, or have no tokens.
            let more = self.tokens(&format!("{separator}{entry}"));
            let Some(more) = more.filter(|more| more.len() <= PROMPT) else { continue };
            if tokens.len() + more.len() > PROMPT {
                break;
            }
            tokens.extend(more);
        }
        tokens
    }

    /// Converts a text to tokens, if it is valid and not too long.
    fn tokens(&self, text: &str) -> Option<Vec<WhisperTokenId>> {
        // whisper.cpp returns a negative count if there is not enough room, and whisper-rs 0.16
        // takes any number except -1 as the written length. A token has at least a byte, so there
        // is always enough room. Its regular expression uses stack for each character of a word.
        if text.len() > LONGEST_TEXT {
            return None;
        }
        self.context.tokenize(text, text.len().max(1)).ok()
    }

    /// Converts `context` for whisper.cpp: 0 for the model's own.
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
        // A text that is cut off has one token more than allowed, and no end.
        let cut_off = !ended && most_tokens.is_some_and(|most| count > u32::from(most));
        Hypothesis { text, mean_log_probability, cut_off, tokens }
    }
}

fn template(beams: u8, language: &str, threads: c_int) -> FullParams<'static, 'static> {
    // whisper.cpp 1.8.3 draws a beam's candidates at random, with a generator that lives as long as
    // the state: the text of a piece may depend on earlier decodes. Greedy decoding has no
    // randomness, but more errors.
    let strategy = match beams {
        0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
        n => SamplingStrategy::BeamSearch { beam_size: n.min(MOST_BEAMS).into(), patience: -1.0 },
    };
    let mut parameters = FullParams::new(strategy);
    parameters.set_n_threads(threads);
    // Use whisper.cpp's own copy of the code: the setter needs a text that lives as long as the
    // template.
    let code = whisper_rs::get_lang_id(language).and_then(whisper_rs::get_lang_str);
    parameters.set_language(code);
    parameters.set_no_context(true);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters.set_print_special(false);
    parameters
}
