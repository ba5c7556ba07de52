//! whisper.cpp: what it is asked, how it is interrupted, what it answers.
//!
//! What to decode and whether to believe the answer is not decided here.

use crate::model::{LoadError, file};
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::num::NonZeroUsize;
use std::path::Path;
use thiserror::Error;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError,
    WhisperState,
};

/// Samples in 10 ms, the unit of whisper.cpp's timestamps.
const CENTISECOND: u64 = 160;

/// More beams than this whisper.cpp refuses (`WHISPER_MAX_DECODERS`).
const MOST_BEAMS: u8 = 8;

/// What went wrong in one decode; the engine goes on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Somebody asked for it.
    #[error("cancelled")]
    Aborted,
    /// Not among Whisper's languages.
    #[error("Whisper knows no language {0:?}; use an ISO 639-1 code such as \"en\"")]
    Language(String),
    /// whisper.cpp's own failure.
    #[error("the recogniser failed: {0}")]
    Whisper(#[from] WhisperError),
}

/// Asked while decoding, about once per token, from whisper.cpp's threads.
pub trait Watch: Sync {
    /// The decoder got on. True ends the decode as soon as whisper.cpp can.
    fn tick(&self) -> bool;
}

/// One stretch of audio to decode.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// 16 kHz mono.
    pub audio: &'a [f32],
    /// ISO 639-1 code; `None` lets the model guess.
    pub language: Option<&'a str>,
    /// To English.
    pub translate: bool,
    /// Beams; 1 is greedy.
    pub beams: u8,
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Stretches of text as the model wrote them.
    pub parts: Vec<Part>,
    /// ISO 639-1 code.
    pub language: String,
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// First sample, from the start of the audio.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// As the model wrote it.
    pub text: String,
}

/// The loaded model with its working memory.
#[derive(Debug)]
pub struct Decoder {
    context: WhisperContext,
    state: WhisperState,
    threads: c_int,
    /// The setter of the language leaks, so each combination is built once and cloned.
    templates: HashMap<(u8, Option<String>), FullParams<'static, 'static>>,
}

impl Decoder {
    /// Checks the file and loads it.
    ///
    /// # Errors
    /// When the file is missing or no whole model, or memory does not suffice.
    pub fn load(path: &Path, threads: NonZeroUsize) -> Result<Self, LoadError> {
        file::whisper(path)?;
        // SAFETY: the callback does not panic and touches nothing but its arguments.
        unsafe { whisper_rs::set_log_callback(Some(log), std::ptr::null_mut()) };
        let refused = |error| LoadError::Broken {
            path: path.into(),
            why: format!("whisper.cpp refuses it: {error}"),
        };
        let mut parameters = WhisperContextParameters::new();
        parameters.flash_attn(true);
        let context = WhisperContext::new_with_params(path, parameters).map_err(refused)?;
        let state = context.create_state().map_err(|_| {
            LoadError::Unsupported("there is too little memory for this model".into())
        })?;
        let threads = c_int::try_from(threads.get()).unwrap_or(1);
        Ok(Self { context, state, threads, templates: HashMap::new() })
    }

    /// Whether the model knows languages beside English.
    pub fn multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    /// Runs encoder and decoder once over a little silence, so that the buffers are there.
    pub fn warm_up(&mut self) {
        let mut parameters = self.template(5, Some("en"));
        parameters.set_audio_ctx(64);
        parameters.set_max_tokens(1);
        // Only the time is wanted: a model that cannot do this will say so at the first decode.
        let _ = self.state.full(parameters, &[0.0; 16_000]);
    }

    /// Decodes.
    ///
    /// # Errors
    /// When aborted, when the language is unknown, or when whisper.cpp fails.
    pub fn decode(&mut self, request: &Request, watch: &dyn Watch) -> Result<Decoded, DecodeError> {
        if request.audio.is_empty() {
            return Ok(Decoded { parts: Vec::new(), language: self.fallback_language(request) });
        }
        let language = request.language.filter(|_| self.multilingual());
        if let Some(code) = language
            && (code.contains('\0') || whisper_rs::get_lang_id(code).is_none())
        {
            return Err(DecodeError::Language(code.into()));
        }
        let mut parameters = self.template(request.beams, language);
        parameters.set_translate(request.translate);
        let watch = &watch;
        // SAFETY: `watch` outlives the call of `full` below, the only user of the pointer, and the
        // callbacks read it as the type it has here. They do not unwind.
        unsafe {
            let data = std::ptr::from_ref(watch).cast_mut().cast::<c_void>();
            parameters.set_abort_callback(Some(on_abort));
            parameters.set_abort_callback_user_data(data);
        }
        let result = self.state.full(parameters, request.audio);
        if watch.tick() {
            return Err(DecodeError::Aborted);
        }
        result?;
        Ok(self.result(request))
    }

    fn result(&self, request: &Request) -> Decoded {
        let samples = |centiseconds: i64| {
            (centiseconds.max(0).unsigned_abs() * CENTISECOND).min(request.audio.len() as u64)
        };
        let parts = self
            .state
            .as_iter()
            .map(|segment| Part {
                start: samples(segment.start_timestamp()),
                end: samples(segment.end_timestamp()),
                text: segment.to_str_lossy().map_or_else(|_| String::new(), Into::into),
            })
            .collect();
        Decoded { parts, language: self.fallback_language(request) }
    }

    fn fallback_language(&self, request: &Request) -> String {
        if !self.multilingual() {
            return "en".into();
        }
        let detected = || whisper_rs::get_lang_str(self.state.full_lang_id_from_state());
        request.language.or_else(detected).unwrap_or_default().into()
    }

    fn template(&mut self, beams: u8, language: Option<&str>) -> FullParams<'static, 'static> {
        let key = (beams, language.map(str::to_owned));
        let threads = self.threads;
        self.templates.entry(key).or_insert_with(|| template(beams, language, threads)).clone()
    }
}

fn template(beams: u8, language: Option<&str>, threads: c_int) -> FullParams<'static, 'static> {
    let strategy = match beams {
        0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
        n => SamplingStrategy::BeamSearch { beam_size: n.min(MOST_BEAMS).into(), patience: -1.0 },
    };
    let mut parameters = FullParams::new(strategy);
    parameters.set_n_threads(threads);
    // The setter copies the text, so a longer life than the call's is not needed; the English-only
    // models ignore it.
    let code: Option<&'static str> =
        language.and_then(whisper_rs::get_lang_id).and_then(whisper_rs::get_lang_str);
    parameters.set_language(Some(code.unwrap_or("auto")));
    parameters.set_no_context(true);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters.set_print_special(false);
    parameters
}

unsafe extern "C" fn on_abort(data: *mut c_void) -> bool {
    // SAFETY: set in `decode` to a `&dyn Watch` that lives as long as the call.
    let watch = unsafe { *data.cast::<&dyn Watch>() };
    watch.tick()
}

/// ggml and whisper.cpp log a page for each load and, in debug builds, every token: text must not
/// reach the journal. What fails is reported by return values.
unsafe extern "C" fn log(_level: u32, _text: *const c_char, _data: *mut c_void) {}
