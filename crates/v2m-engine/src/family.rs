//! Whisper for the run loop: a model's file with its device, and the decoder that is loaded from
//! it.

use crate::backend;
use crate::decode::effort::{self, Attempt};
use crate::decode::{Options, Whisper};
use crate::device::{self, Memory};
use crate::model::whisper;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use v2m_ipc::backend::Backend;
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder};
use v2m_recogniser::model::{Device, LoadError, Model, PieceLimits};
use v2m_recogniser::processor;
use v2m_recogniser::stream::Hypothesis;
use v2m_recogniser::stream::seam::Lead;
use v2m_recogniser::stream::seams::SeamQuestion;

/// The context of the first decode on a processor, in units of 20 ms: as short as possible, to
/// allocate the buffers.
const CPU_WARM_UP: usize = 64;
/// The context of the first decode on a GPU, in units of 20 ms: that of a short piece. CUDA loads
/// each kernel when it is first used, and the choice of kernels depends on the size: after a decode
/// of 64 units, the first text took 60 ms longer than later ones (base-q8_0, H100).
const GPU_WARM_UP: usize = 640;

/// A Whisper model that was named on the command line.
#[derive(Clone, Debug)]
pub struct WhisperModel {
    /// The model's file, in ggml's format.
    pub file: PathBuf,
    /// The engine's backend.
    pub backend: Backend,
    /// The device that computes.
    pub device: device::Device,
    /// The number of decoder threads. `None`: a sensible number for this machine.
    pub threads: Option<NonZeroUsize>,
    /// whisper.cpp's flash attention. [`Options::flash_attention`] explains why it is off.
    pub flash_attention: bool,
}

impl Model for WhisperModel {
    type Decoder = Loaded;

    fn program(&self) -> &'static str {
        crate::NAME
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn device(&self) -> Device {
        Device {
            backend: backend::protocol_name(self.backend).into(),
            name: backend::device_name(self.backend, &self.device.name),
        }
    }

    fn limits(&self) -> PieceLimits {
        effort::limits()
    }

    fn check(&self) -> Result<u64, LoadError> {
        whisper::check(&self.file)
    }

    fn load(self) -> Result<Loaded, LoadError> {
        let before = self.device.memory();
        let default_threads = || {
            if self.device.is_gpu() {
                processor::threads_beside_gpu()
            } else {
                processor::threads()
            }
        };
        let threads = self.threads.unwrap_or_else(default_threads);
        let options = Options { threads, flash_attention: self.flash_attention };
        let whisper = Whisper::load(&self.file, options).map_err(|error| match error {
            // The file was checked to its last byte. What whisper.cpp cannot do on a GPU after that
            // is to find memory for it.
            LoadError::Broken { .. } | LoadError::NoMemory { .. } if self.device.is_gpu() => {
                LoadError::NoMemory { on_gpu: true }
            }
            error => error,
        })?;
        Ok(Loaded { whisper, device: self.device, before })
    }
}

/// The loaded model and its device.
#[derive(Debug)]
pub struct Loaded {
    whisper: Whisper,
    device: device::Device,
    /// The device's memory before the model was loaded.
    before: Option<Memory>,
}

impl Decoder for Loaded {
    fn multilingual(&self) -> bool {
        self.whisper.multilingual()
    }

    fn memory(&self) -> u64 {
        self.device.taken(self.before)
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        let context = if self.device.is_gpu() { GPU_WARM_UP } else { CPU_WARM_UP };
        Ok(self.whisper.warm_up(context)?)
    }

    fn still_computes(&mut self) -> Result<(), DecodeError> {
        Ok(self.whisper.warm_up(CPU_WARM_UP)?)
    }

    fn decode(
        &mut self,
        request: &DecodeRequest,
        watch: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        Ok(self.whisper.watched(watch).decode(&Attempt::new(request))?)
    }

    fn detect(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        _vocabulary: &[String],
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        Ok(self.whisper.watched(watch).detect(audio, languages, before)?)
    }

    fn identify(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        Ok(self.whisper.watched(watch).identify(audio, languages, before)?)
    }

    fn leads(
        &mut self,
        question: &SeamQuestion,
        watch: &dyn DecodeMonitor,
    ) -> Result<Vec<Lead>, DecodeError> {
        Ok(self.whisper.watched(watch).ask(question)?)
    }
}
