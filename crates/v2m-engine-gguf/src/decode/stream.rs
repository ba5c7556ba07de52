//! transcribe.cpp's streams: sound in, the text so far out.
//!
//! A stream is never finished here, because nobody waits for its last words. The library computes a
//! chunk once all of its sound is there, and looks for an interruption between chunks.

use super::{Transcriber, failed, on_abort, text, words};
use std::ffi::{CString, c_int, c_void};
use std::mem;
use std::ptr;
use transcribe_cpp_sys as sys;
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor};

impl Transcriber {
    /// Begins a stream in this language, by the model's name for it; `None`: it finds out. It hears so
    /// many frames of 80 ms ahead. The stream before is over.
    ///
    /// # Errors
    /// When the model does not stream, or does not know the language.
    pub fn begin_stream(
        &mut self,
        language: Option<&str>,
        lookahead: u64,
    ) -> Result<(), DecodeError> {
        let language = language.map(CString::new).transpose();
        let language = language.map_err(|error| failed(error.to_string()))?;
        let lookahead = i32::try_from(lookahead).map_err(|error| failed(error.to_string()))?;
        // SAFETY: the session is valid, and this is the only thread that uses it. The initialisers
        // fill the whole structures, which the library copies, with their texts, before it returns.
        let status = unsafe {
            sys::transcribe_stream_reset(self.session);
            let mut run = mem::zeroed::<sys::transcribe_run_params>();
            sys::transcribe_run_params_init(&raw mut run);
            run.language = language.as_ref().map_or(ptr::null(), |code| code.as_ptr());
            run.timestamps = sys::transcribe_timestamp_kind::TRANSCRIBE_TIMESTAMPS_NONE;
            let mut family = mem::zeroed::<sys::transcribe_parakeet_stream_ext>();
            sys::transcribe_parakeet_stream_ext_init(&raw mut family);
            family.att_context_right = lookahead;
            let mut stream = mem::zeroed::<sys::transcribe_stream_params>();
            sys::transcribe_stream_params_init(&raw mut stream);
            stream.family = (&raw const family).cast();
            sys::transcribe_stream_begin(self.session, &raw const run, &raw const stream)
        };
        match status {
            sys::transcribe_status::TRANSCRIBE_OK => Ok(()),
            status => Err(DecodeError::Refused(words(status))),
        }
    }

    /// Gives the stream its next sound (16 kHz mono). Returns the whole text, if it is another one than
    /// before. `watch` is asked before each chunk.
    ///
    /// # Errors
    /// [`DecodeError`]. The stream is then over.
    pub fn feed_stream(
        &mut self,
        audio: &[f32],
        watch: &dyn DecodeMonitor,
    ) -> Result<Option<String>, DecodeError> {
        if audio.is_empty() {
            return Ok(None);
        }
        let samples = c_int::try_from(audio.len()).map_err(|error| failed(error.to_string()))?;
        let watch: *const &dyn DecodeMonitor = &raw const watch;
        // SAFETY: the session is valid, and this is the only thread that uses it. The audio, the update
        // and `watch` outlive the call. The callback, which reads `watch`, is taken away before this
        // function returns.
        let (status, is_new) = unsafe {
            let mut update = mem::zeroed::<sys::transcribe_stream_update>();
            sys::transcribe_stream_update_init(&raw mut update);
            let data = watch.cast_mut().cast::<c_void>();
            sys::transcribe_set_abort_callback(self.session, Some(on_abort), data);
            let status =
                sys::transcribe_stream_feed(self.session, audio.as_ptr(), samples, &raw mut update);
            sys::transcribe_set_abort_callback(self.session, None, ptr::null_mut());
            (status, update.result_changed)
        };
        match status {
            sys::transcribe_status::TRANSCRIBE_OK if is_new => Ok(Some(self.streamed())),
            sys::transcribe_status::TRANSCRIBE_OK => Ok(None),
            sys::transcribe_status::TRANSCRIBE_ERR_ABORTED => Err(DecodeError::Aborted),
            status => Err(failed(words(status))),
        }
    }

    /// The text of the stream so far.
    fn streamed(&self) -> String {
        // SAFETY: the session is valid; the text belongs to it until the next call that computes, and
        // is copied.
        unsafe { text(sys::transcribe_full_text(self.session)) }
    }
}
