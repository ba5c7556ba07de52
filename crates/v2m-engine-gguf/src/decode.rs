//! transcribe.cpp: what it is asked, how it is interrupted, what it answers.
//!
//! The library's C interface is used as it is: the crate `transcribe-cpp` above it lets a run be
//! cancelled, and does not report its progress.

mod stream;

use crate::device::Device;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use transcribe_cpp_sys as sys;
use v2m_messages::tr;
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor};
use v2m_recogniser::model::LoadError;

/// What one run has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// As the model wrote it.
    pub text: String,
    /// Whether the decoder came to its end: it neither repeated itself nor ran out of room.
    pub whole: bool,
}

/// The loaded model with its working memory.
#[derive(Debug)]
pub struct Transcriber {
    model: *mut sys::transcribe_model,
    session: *mut sys::transcribe_session,
}

impl Transcriber {
    /// Loads the model, which must have been checked.
    ///
    /// # Errors
    /// When transcribe.cpp refuses the file, or memory does not suffice.
    pub fn load(path: &Path, device: &Device, threads: NonZeroUsize) -> Result<Self, LoadError> {
        be_quiet();
        let broken = |why| LoadError::Broken { path: path.into(), why };
        let file = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| broken(tr!("its name has a zero byte").into()))?;
        let failed = |status: sys::transcribe_status| match status {
            sys::transcribe_status::TRANSCRIBE_ERR_OOM => {
                LoadError::NoMemory { on_gpu: device.backend.is_gpu() }
            }
            // The file was checked: the device is at fault.
            sys::transcribe_status::TRANSCRIBE_ERR_BACKEND => {
                LoadError::Unsupported { program: crate::NAME, why: words(status) }
            }
            status => broken(tr!("transcribe.cpp refuses it: {error}", error = words(status))),
        };
        // Frees the model if there is no session for it.
        let mut loaded = Self { model: ptr::null_mut(), session: ptr::null_mut() };
        // SAFETY: the initialisers fill the whole structures. The texts and structures live as long
        // as the calls, which keep nothing of them. A model and a session are only written if the
        // status is 0.
        unsafe {
            let mut parameters = std::mem::zeroed::<sys::transcribe_model_load_params>();
            sys::transcribe_model_load_params_init(&raw mut parameters);
            (parameters.backend, parameters.device) = device.request();
            accept(sys::transcribe_model_load_file(
                file.as_ptr(),
                &raw const parameters,
                &raw mut loaded.model,
            ))
            .map_err(failed)?;
            let mut parameters = std::mem::zeroed::<sys::transcribe_session_params>();
            sys::transcribe_session_params_init(&raw mut parameters);
            parameters.n_threads = c_int::try_from(threads.get()).unwrap_or(1);
            accept(sys::transcribe_session_init(
                loaded.model,
                &raw const parameters,
                &raw mut loaded.session,
            ))
            .map_err(failed)?;
        }
        Ok(loaded)
    }

    /// Transcribes audio (16 kHz mono) in this language; `None`: the model takes none. `watch` is asked
    /// once per token by models that write one after the other (Moonshine, Canary), and by others only
    /// before they begin.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn run(
        &mut self,
        audio: &[f32],
        language: Option<&str>,
        watch: &dyn DecodeMonitor,
    ) -> Result<Transcript, DecodeError> {
        let language = language.map(CString::new).transpose();
        let language = language.map_err(|error| failed(error.to_string()))?;
        let samples = c_int::try_from(audio.len()).map_err(|error| failed(error.to_string()))?;
        let watch: *const &dyn DecodeMonitor = &raw const watch;
        // SAFETY: the session is valid, and this is the only thread that uses it. The parameters,
        // the audio, the language and `watch` outlive the run. The callback, which reads `watch`, is
        // taken away before this function returns.
        let status = unsafe {
            let mut parameters = std::mem::zeroed::<sys::transcribe_run_params>();
            sys::transcribe_run_params_init(&raw mut parameters);
            parameters.language = language.as_ref().map_or(ptr::null(), |code| code.as_ptr());
            parameters.timestamps = sys::transcribe_timestamp_kind::TRANSCRIBE_TIMESTAMPS_NONE;
            let data = watch.cast_mut().cast::<c_void>();
            sys::transcribe_set_abort_callback(self.session, Some(on_abort), data);
            let status =
                sys::transcribe_run(self.session, audio.as_ptr(), samples, &raw const parameters);
            sys::transcribe_set_abort_callback(self.session, None, ptr::null_mut());
            status
        };
        use sys::transcribe_status as Status;
        let whole = match status {
            Status::TRANSCRIBE_OK => true,
            Status::TRANSCRIBE_ERR_OUTPUT_TRUNCATED | Status::TRANSCRIBE_ERR_OUTPUT_REPETITION => {
                false
            }
            Status::TRANSCRIBE_ERR_ABORTED => return Err(DecodeError::Aborted),
            status => return Err(failed(words(status))),
        };
        // SAFETY: the session is valid; the text belongs to it until the next run, and is copied.
        let text = unsafe { text(sys::transcribe_full_text(self.session)) };
        Ok(Transcript { text, whole })
    }
}

impl Drop for Transcriber {
    fn drop(&mut self) {
        // SAFETY: both were made by the library and are freed once, the session first. It takes
        // null pointers.
        unsafe {
            sys::transcribe_session_free(self.session);
            sys::transcribe_model_free(self.model);
        }
    }
}

/// # Safety
/// `data` is a pointer to a `&dyn DecodeMonitor`.
unsafe extern "C" fn on_abort(data: *mut c_void) -> bool {
    // SAFETY: set in `Transcriber::run` to a reference that lives as long as the run.
    let watch = unsafe { &*data.cast::<&dyn DecodeMonitor>() };
    watch.tick()
}

fn accept(status: sys::transcribe_status) -> Result<(), sys::transcribe_status> {
    match status {
        sys::transcribe_status::TRANSCRIBE_OK => Ok(()),
        status => Err(status),
    }
}

fn failed(reason: String) -> DecodeError {
    DecodeError::Failed(reason)
}

/// The library's words for a status.
fn words(status: sys::transcribe_status) -> String {
    // SAFETY: the function takes any number and answers with a constant.
    unsafe { text(sys::transcribe_status_string(status.0.cast_signed())) }
}

/// Stops the library's log: a page for each load, and for some runs a warning.
pub(crate) fn be_quiet() {
    // SAFETY: no callback is set, so none can be called.
    unsafe { sys::transcribe_log_set(None, ptr::null_mut()) };
}

/// Runs `ask`, and hands back what the library or a driver complained about meanwhile: the last error,
/// without the function's name. While there is one thread.
pub(crate) fn listening<T>(ask: impl FnOnce() -> T) -> (T, String) {
    static HEARD: Mutex<String> = Mutex::new(String::new());

    unsafe extern "C" fn hear(
        level: sys::transcribe_log_level,
        text: *const c_char,
        _: *mut c_void,
    ) {
        if level == sys::transcribe_log_level::TRANSCRIBE_LOG_LEVEL_ERROR {
            // SAFETY: the library's texts end with a zero byte.
            let logged = plain(&unsafe { self::text(text) });
            *HEARD.lock().unwrap_or_else(PoisonError::into_inner) = logged;
        }
    }

    // SAFETY: the callback uses nothing that ends, and does not unwind.
    unsafe { sys::transcribe_log_set(Some(hear), ptr::null_mut()) };
    let answer = ask();
    be_quiet();
    (answer, std::mem::take(&mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// "ggml_cuda_init: failed to …: no device\n" as part of a sentence on one line.
fn plain(logged: &str) -> String {
    let line = logged.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(": ") {
        Some((function, rest)) if !function.contains(' ') => rest.to_owned(),
        _ => line,
    }
}

/// # Safety
/// `text` is null, or ends with a zero byte.
pub(crate) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and ends with a zero byte.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_error_becomes_part_of_a_sentence() {
        let logged = "ggml_cuda_init: failed to initialize CUDA: no device\n";
        assert_eq!(plain(logged), "failed to initialize CUDA: no device");
        assert_eq!(plain("two words: stay"), "two words: stay");
        assert_eq!(plain(""), "");
    }
}
