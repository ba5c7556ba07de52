//! The models that write while somebody speaks: Nemotron by transcribe.cpp's own streams, Moonshine by
//! decoding what is being said again and again.

use crate::decode::Transcriber;
use crate::device;
use crate::family::{GgufModel, Loaded};
use std::path::{Path, PathBuf};
use v2m_ipc::pcm::seconds;
use v2m_messages::tr;
use v2m_models::family::{Family, Summary};
use v2m_models::gguf::{self, Streaming};
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor};
use v2m_recogniser::model::{Device, LoadError, Model};
use v2m_recogniser::preview::growing::Growing;
use v2m_recogniser::preview::{PreviewDecoder, PreviewModel};
use v2m_recogniser::text;
use v2m_recogniser::vad::VoiceDetector;

/// More sound than a first chunk and one after it have, with the longest lookahead: each makes a graph
/// of its own.
const WARM_UP: usize = seconds(3) as usize;

/// A model that was named on the command line, to be a preview.
#[derive(Clone, Debug)]
pub struct GgufPreview {
    /// The file and what computes.
    pub model: GgufModel,
    /// Silero model, for the models that cannot tell voice from silence.
    pub vad: Option<PathBuf>,
}

impl PreviewModel for GgufPreview {
    fn program(&self) -> &'static str {
        crate::NAME
    }

    fn file(&self) -> &Path {
        &self.model.file
    }

    fn device(&self) -> Device {
        self.model.device()
    }

    fn check(&self) -> Result<u64, LoadError> {
        self.inspect().map(|summary| summary.bytes)
    }

    fn load(self) -> Result<Box<dyn PreviewDecoder>, LoadError> {
        // The file may have been replaced since it was checked.
        match self.inspect()?.family {
            Family::Nemotron => Ok(Box::new(Streamed::load(self.model)?)),
            _ => {
                let voice = VoiceDetector::load(self.vad.as_deref())?;
                Ok(Box::new(Growing::<Loaded, _>::new(self.model.load()?, voice)))
            }
        }
    }
}

impl GgufPreview {
    fn inspect(&self) -> Result<Summary, LoadError> {
        let summary = self.model.summary()?;
        if summary.can_preview() {
            return Ok(summary);
        }
        let why = tr!("it is too slow to show words while you speak; choose Nemotron or Moonshine");
        Err(LoadError::Broken { path: self.model.file.clone(), why: why.into() })
    }
}

/// A loaded model that streams.
#[derive(Debug)]
struct Streamed {
    transcriber: Transcriber,
    summary: Summary,
    streaming: Streaming,
    device: device::Device,
    /// Bytes free on the GPU before it was loaded.
    before: Option<u64>,
    /// The text so far.
    text: String,
}

impl Streamed {
    fn load(model: GgufModel) -> Result<Self, LoadError> {
        let summary = model.summary()?;
        let streaming = gguf::streaming(&model.file).map_err(|error| LoadError::Broken {
            path: model.file.clone(),
            why: error.to_string(),
        })?;
        model.check_weights()?;
        let before = model.device.free();
        let transcriber = Transcriber::load(&model.file, &model.device, model.threads())?;
        let (device, text) = (model.device, String::new());
        Ok(Self { transcriber, summary, streaming, device, before, text })
    }
}

impl PreviewDecoder for Streamed {
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
        self.begin(None)?;
        self.hear(&[0.0; WARM_UP], &Undisturbed)
    }

    fn begin(&mut self, language: Option<&str>) -> Result<(), DecodeError> {
        self.text.clear();
        let locale = match language {
            Some(code) => match self.streaming.locale(code) {
                Some(locale) => Some(locale),
                None => {
                    let (language, known) =
                        (format_args!("{code:?}"), self.summary.codes().join(", "));
                    return Err(DecodeError::Refused(tr!(
                        "this model does not know the language {language}, but: {known}",
                        language,
                        known
                    )));
                }
            },
            None => None,
        };
        self.transcriber.begin_stream(locale, self.streaming.lookahead)
    }

    fn hear(&mut self, audio: &[f32], watch: &dyn DecodeMonitor) -> Result<(), DecodeError> {
        if let Some(text) = self.transcriber.feed_stream(audio, watch)? {
            self.text = text::clean(&text);
        }
        Ok(())
    }

    fn text(&self) -> &str {
        &self.text
    }
}
