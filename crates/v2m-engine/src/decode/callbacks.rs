//! The callbacks from whisper.cpp, called from its threads while it decodes.

use super::numbers::Numbers;
use std::ffi::{c_char, c_int, c_void};
use v2m_recogniser::decoder::DecodeMonitor;
use whisper_rs::whisper_rs_sys;

/// The data for the callbacks of one call of `whisper_full`.
pub(super) struct CallbackData<'a> {
    pub(super) watch: &'a dyn DecodeMonitor,
    pub(super) numbers: Numbers,
}

/// A monitor that never ends a decode.
pub(super) struct Undisturbed;

impl DecodeMonitor for Undisturbed {
    fn tick(&self) -> bool {
        false
    }
}

/// # Safety
/// `data` is a [`CallbackData`].
pub(super) unsafe extern "C" fn on_abort(data: *mut c_void) -> bool {
    // SAFETY: set in `Whisper::full` to a `CallbackData` that lives as long as the call.
    let call = unsafe { &*data.cast::<CallbackData<'_>>() };
    call.watch.tick() || call.numbers.missed()
}

/// Called from the threads of whisper.cpp that choose tokens, one for each beam.
///
/// # Safety
/// `data` is a [`CallbackData`], and `logits` one value for each token of the vocabulary.
pub(super) unsafe extern "C" fn on_logits(
    _context: *mut whisper_rs_sys::whisper_context,
    _state: *mut whisper_rs_sys::whisper_state,
    _tokens: *const whisper_rs_sys::whisper_token_data,
    _count: c_int,
    logits: *mut f32,
    data: *mut c_void,
) {
    // SAFETY: set in `Whisper::full` to a `CallbackData` that lives as long as the call.
    let call = unsafe { &*data.cast::<CallbackData<'_>>() };
    // SAFETY: `whisper_process_logits` passes its own vector, with one value for each token of the
    // vocabulary.
    let logits = unsafe { std::slice::from_raw_parts_mut(logits, call.numbers.tokens()) };
    call.numbers.look(logits);
}

/// Keeps whisper.cpp and ggml from logging. They write a page for each load and, in debug builds,
/// every token, but text must not reach the journal. Errors are reported by return values.
pub(super) fn silence() {
    // SAFETY: the callback does not panic and touches nothing.
    unsafe { whisper_rs::set_log_callback(Some(log), std::ptr::null_mut()) };
}

unsafe extern "C" fn log(_level: u32, _text: *const c_char, _data: *mut c_void) {}
