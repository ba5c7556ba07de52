//! Plays one sound through PipeWire: connects, plays to the default sink, disconnects.
//!
//! Blocking, on the caller's thread, with a deadline. The callback on the realtime thread only
//! copies. Not here: the choice of the sound, and whether it is still timely.

use super::sounds::RATE;
use crate::pipewire_client;
use pipewire::buffer::Buffer;
use pipewire::context::ContextRc;
use pipewire::core::{self, CoreRc};
use pipewire::loop_::Timeout;
use pipewire::main_loop::MainLoopRc;
use pipewire::properties::{PropertiesBox, properties};
use pipewire::spa::param::ParamType;
use pipewire::spa::param::audio::{AudioFormat, AudioInfoRaw, MAX_CHANNELS};
use pipewire::spa::pod::{Object, Pod, Value, serialize::PodSerializer};
use pipewire::spa::utils::{Direction, SpaTypes};
use pipewire::stream::{StreamFlags, StreamListener, StreamRc, StreamState};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use v2m_messages::{tr, verbatim};

/// The silence after the sound, in samples. When PipeWire reports that everything was played, its
/// converters still hold some samples; these are then silence.
const TAIL: usize = RATE as usize / 50;

verbatim! {
    /// The reason why a sound was not played to its end. It is only logged.
    #[derive(Debug, thiserror::Error)]
    pub(super) enum SoundError {
        #[error("PipeWire cannot be reached: {0}")]
        NoPipeWire(pipewire::Error),
        #[error("PipeWire refused the stream: {0}")]
        Refused(String),
        #[error("it was not played in time; is there a sink, and does PipeWire answer?")]
        Late,
    }
}

/// The progress of a sound. Callbacks set it, and the loop reads it.
enum PlaybackProgress {
    Going,
    Played,
    Failed(String),
}

type SharedProgress = Rc<RefCell<PlaybackProgress>>;

/// The PipeWire context for playing sounds. Keep it for the next sound: with PipeWire 0.3.65, each
/// new context leaks some kilobytes.
pub(super) struct Playback {
    context: ContextRc,
    mainloop: MainLoopRc,
}

impl Playback {
    /// Loads PipeWire's modules. Connects to nothing.
    pub(super) fn new() -> Result<Self, SoundError> {
        pipewire::init();
        let mainloop = MainLoopRc::new(None).map_err(SoundError::NoPipeWire)?;
        let properties = properties! {
            *pipewire::keys::CONFIG_NAME => pipewire_client::configuration(),
            *pipewire::keys::APP_NAME => "v2m",
            *pipewire::keys::APP_ID => "v2m",
        };
        let context =
            ContextRc::new(&mainloop, Some(properties)).map_err(SoundError::NoPipeWire)?;
        Ok(Self { context, mainloop })
    }

    /// Plays `samples` (mono, at [`RATE`]), and returns when the last sample is on its way to the
    /// sink, or at `deadline`.
    pub(super) fn play(&self, samples: Vec<f32>, deadline: Instant) -> Result<(), SoundError> {
        // Keep this order: each object depends on the one before, and is dropped before it.
        let core = self.context.connect_rc(None).map_err(SoundError::NoPipeWire)?;
        let noted = Rc::new(RefCell::new(PlaybackProgress::Going));
        let _core_listener = listen(&core, &noted);
        let _stream = PlaybackStream::open(&core, samples, &noted)?;
        loop {
            match &*noted.borrow() {
                PlaybackProgress::Going => {}
                PlaybackProgress::Played => return Ok(()),
                PlaybackProgress::Failed(reason) => {
                    return Err(SoundError::Refused(reason.clone()));
                }
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(SoundError::Late);
            };
            // The loop rounds down to whole milliseconds. Add one, or it would spin through the
            // last millisecond.
            let wait = Timeout::Finite(left + Duration::from_millis(1));
            self.mainloop.loop_().iterate(wait);
        }
    }
}

fn listen(core: &CoreRc, noted: &SharedProgress) -> core::Listener {
    let noted = Rc::clone(noted);
    core.add_listener_local()
        .error(move |id, _, _, message| {
            if id == core::PW_ID_CORE {
                *noted.borrow_mut() = PlaybackProgress::Failed(message.into());
            }
        })
        .register()
}

/// The sound that the realtime callback plays.
struct SoundSource {
    samples: Vec<f32>,
    /// The number of samples given to PipeWire so far, including the tail.
    given: usize,
}

impl SoundSource {
    fn is_over(&self) -> bool {
        self.given >= self.samples.len() + TAIL
    }

    /// Fills the buffer with `wanted` samples, or as many as fit (0: as many as fit). Returns their
    /// number. Silence follows the sound, because converters that get less than they want swallow
    /// half a cycle.
    fn fill(&mut self, bytes: &mut [u8], wanted: usize) -> usize {
        let (room, _) = bytes.as_chunks_mut::<4>();
        let count = if wanted == 0 { room.len() } else { room.len().min(wanted) };
        let rest = self.samples.iter().skip(self.given).copied().chain(std::iter::repeat(0.0));
        for (place, sample) in room[..count].iter_mut().zip(rest) {
            *place = sample.to_le_bytes();
        }
        self.given += count;
        count
    }
}

/// Requires `Send` at compile time for data that pipewire-rs moves to the data thread: pipewire-rs
/// itself does not.
fn sendable<T: Send>(value: T) -> T {
    value
}

/// Our node. Fields are dropped in this order: listeners before the stream.
struct PlaybackStream {
    _process: StreamListener<SoundSource>,
    _states: StreamListener<()>,
    stream: StreamRc,
}

impl PlaybackStream {
    fn open(core: &CoreRc, samples: Vec<f32>, noted: &SharedProgress) -> Result<Self, SoundError> {
        let refused = |error: pipewire::Error| SoundError::Refused(error.to_string());
        let stream =
            StreamRc::new(core.clone(), "v2m-sounds", node_properties()).map_err(refused)?;
        // Two listeners, because their callbacks run on two threads and pipewire-rs gives each a
        // `&mut` to its listener's data.
        let voice = sendable(SoundSource { samples, given: 0 });
        let process = stream
            .add_local_listener_with_user_data(voice)
            .process(process)
            .register()
            .map_err(refused)?;
        let (state, drained) = (Rc::clone(noted), Rc::clone(noted));
        let states = stream
            .add_local_listener::<()>()
            .state_changed(move |_, (), old, new| match new {
                StreamState::Error(message) => {
                    *state.borrow_mut() = PlaybackProgress::Failed(message)
                }
                StreamState::Unconnected if old != StreamState::Unconnected => {
                    *state.borrow_mut() =
                        PlaybackProgress::Failed(verbatim!("the node was removed").into());
                }
                _ => {}
            })
            .drained(move |_, ()| *drained.borrow_mut() = PlaybackProgress::Played)
            .register()
            .map_err(refused)?;
        let opened = Self { _process: process, _states: states, stream };
        let format = format_pod().ok_or_else(unusable)?;
        let pod = Pod::from_bytes(&format).ok_or_else(unusable)?;
        let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::RT_PROCESS;
        opened.stream.connect(Direction::Output, None, flags, &mut [pod]).map_err(refused)?;
        Ok(opened)
    }
}

impl Drop for PlaybackStream {
    fn drop(&mut self) {
        // Do this first: a connected stream keeps calling `process`, whatever the loop does.
        let _ = self.stream.disconnect();
    }
}

fn node_properties() -> PropertiesBox {
    properties! {
        *pipewire::keys::NODE_NAME => "v2m-sounds",
        *pipewire::keys::NODE_DESCRIPTION => tr!("v2m sounds"),
        *pipewire::keys::MEDIA_NAME => tr!("Sounds"),
        *pipewire::keys::APP_NAME => "v2m",
        *pipewire::keys::APP_ID => "v2m",
        *pipewire::keys::MEDIA_TYPE => "Audio",
        *pipewire::keys::MEDIA_CATEGORY => "Playback",
        // Session managers keep a volume for each role. This is the role of the desktop's own
        // sounds.
        *pipewire::keys::MEDIA_ROLE => "Notification",
    }
}

/// Builds the only format we provide. PipeWire converts it to the sink's format.
fn format_pod() -> Option<Vec<u8>> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32LE);
    info.set_rate(RATE);
    info.set_channels(1);
    let mut position = [0; MAX_CHANNELS];
    position[0] = pipewire::spa::sys::SPA_AUDIO_CHANNEL_MONO;
    info.set_position(position);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: info.into(),
    };
    let pod = PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object));
    pod.ok().map(|(cursor, _)| cursor.into_inner())
}

fn unusable() -> SoundError {
    SoundError::Refused(verbatim!("its format cannot be written").into())
}

/// Copies the requested samples. Runs on the realtime thread, so it does nothing else. A panic
/// cannot unwind into PipeWire: the trampoline is `extern "C"`, which aborts.
fn process(stream: &pipewire::stream::Stream, voice: &mut SoundSource) {
    if voice.is_over() {
        return;
    }
    let Some(buffer) = stream.dequeue_buffer() else { return };
    give(buffer, voice);
    if voice.is_over() {
        // All samples were given. PipeWire calls `drained` when they are played.
        let _ = stream.flush(true);
    }
}

/// Fills the buffer. Dropping it passes it to PipeWire.
fn give(mut buffer: Buffer<'_>, voice: &mut SoundSource) {
    let wanted = usize::try_from(buffer.requested()).unwrap_or(0);
    let Some(data) = buffer.datas_mut().first_mut() else { return };
    if data.as_raw().chunk.is_null() {
        return;
    }
    let count = data.data().map_or(0, |bytes| voice.fill(bytes, wanted));
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = 4;
    *chunk.size_mut() = u32::try_from(count * 4).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_gives_all_its_samples_once_and_then_silence() {
        let mut voice = SoundSource { samples: vec![0.5; 1000], given: 0 };
        let mut given = Vec::new();
        let mut buffer = [0xAA; 1024 * 4];
        for wanted in [300, 0, 64] {
            let count = voice.fill(&mut buffer, wanted);
            assert_eq!(count, if wanted == 0 { 1024 } else { wanted });
            let (samples, _) = buffer.as_chunks::<4>();
            given.extend(samples[..count].iter().map(|s| f32::from_le_bytes(*s)));
        }
        assert!(given[..1000].iter().all(|s| *s == 0.5) && given[1000..].iter().all(|s| *s == 0.0));
        assert!(!voice.is_over());
        while !voice.is_over() {
            voice.fill(&mut buffer, 480);
        }
        assert!(voice.given >= 1000 + TAIL && voice.given < 1000 + TAIL + 480);
    }
}
