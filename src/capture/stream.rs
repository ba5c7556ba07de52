//! Our node in PipeWire's graph, and the callback on its realtime thread.

use super::CaptureError;
use super::channels::Channels;
use super::clock::{Nanos, now};
use super::connection::Input;
use super::ring::{Moment, Pour, Tap};
use crate::mix::Mix;
use pipewire::core::CoreRc;
use pipewire::properties::{PropertiesBox, properties};
use pipewire::spa::buffer::Data;
use pipewire::spa::param::ParamType;
use pipewire::spa::param::audio::{AudioFormat, AudioInfoRaw, MAX_CHANNELS};
use pipewire::spa::pod::{Object, Pod, Value, serialize::PodSerializer};
use pipewire::spa::utils::{Direction, SpaTypes};
use pipewire::stream::{StreamFlags, StreamListener, StreamRc, StreamState};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use v2m_ipc::pcm::SAMPLE_RATE;
use v2m_messages::tr;

/// How many frames are mixed at a time: 32 ms, so that most quanta are one piece.
const PIECE: usize = 512;

/// Holds the tap while no stream uses it.
pub(super) type TapShelf = Arc<Mutex<Option<Tap>>>;

/// The realtime callback's data: the mixer, and the tap, which returns to its shelf when the
/// callback is dropped.
struct Borrowed {
    tap: Option<Tap>,
    shelf: TapShelf,
    mixer: Mixer,
}

impl Borrowed {
    fn take(shelf: &TapShelf, channels: &Channels) -> Self {
        let tap = shelf.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { tap, shelf: Arc::clone(shelf), mixer: Mixer::new(channels) }
    }
}

/// Mixes the bytes of interleaved samples to one channel. Allocates all its memory at the start.
struct Mixer {
    mix: Mix,
    piece: Vec<f32>,
}

impl Mixer {
    fn new(channels: &Channels) -> Self {
        let count = channels.positions.len();
        let mix = match channels.only {
            Some(only) => Mix::only(only, count, SAMPLE_RATE),
            None => Mix::new(count, SAMPLE_RATE),
        };
        Self { mix, piece: vec![0.0; PIECE * count] }
    }

    fn pour(&mut self, bytes: &[u8], pour: &mut Pour<'_>) {
        let (samples, _) = bytes.as_chunks::<4>();
        for samples in samples.chunks(self.piece.len()) {
            for (sample, bytes) in self.piece.iter_mut().zip(samples) {
                *sample = f32::from_le_bytes(*bytes);
            }
            pour.push(self.mix.push(&self.piece[..samples.len()]));
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = self.tap.take();
    }
}

/// Requires `Send` at compile time for data that pipewire-rs moves to the data thread: pipewire-rs
/// itself does not.
fn sendable<T: Send>(value: T) -> T {
    value
}

/// Our node, made for one source and its channels. Fields are dropped in this order: listeners
/// before the stream.
pub(super) struct Stream {
    _process: StreamListener<Borrowed>,
    _states: StreamListener<()>,
    stream: StreamRc,
    error: Rc<RefCell<Option<String>>>,
    /// The input that the stream was made for.
    pub(super) input: Input,
}

impl Stream {
    /// Makes the node, active at once, and asks for links with the input's source only.
    pub(super) fn open(
        core: &CoreRc,
        input: Input,
        shelf: &TapShelf,
    ) -> Result<Self, CaptureError> {
        let refused = |error: pipewire::Error| CaptureError::Stream(error.to_string());
        let stream =
            StreamRc::new(core.clone(), "v2m", node_properties(&input)).map_err(refused)?;
        // Two listeners, because their callbacks run on two threads and pipewire-rs gives each a
        // `&mut` to its listener's data.
        let process = stream
            .add_local_listener_with_user_data(sendable(Borrowed::take(shelf, &input.channels)))
            .process(process)
            .register()
            .map_err(refused)?;
        let error = Rc::new(RefCell::new(None));
        let noted = Rc::clone(&error);
        let states = stream
            .add_local_listener::<()>()
            .state_changed(move |_, (), old, new| match new {
                StreamState::Error(message) => *noted.borrow_mut() = Some(message),
                StreamState::Unconnected if old != StreamState::Unconnected => {
                    noted.borrow_mut().get_or_insert_with(|| tr!("the node was removed").into());
                }
                _ => {}
            })
            .register()
            .map_err(refused)?;
        let opened = Self { _process: process, _states: states, stream, error, input };
        opened.connect()?;
        Ok(opened)
    }

    fn connect(&self) -> Result<(), CaptureError> {
        let format = format_pod(&self.input.channels)?;
        let pod = Pod::from_bytes(&format).ok_or_else(unusable)?;
        let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::RT_PROCESS;
        self.stream
            .connect(Direction::Input, None, flags, &mut [pod])
            .map_err(|error| CaptureError::Stream(error.to_string()))
    }

    /// Starts or pauses the audio.
    pub(super) fn set_active(&self, active: bool) -> Result<(), CaptureError> {
        self.stream.set_active(active).map_err(|error| CaptureError::Stream(error.to_string()))
    }

    /// Returns the stream's error, if there is one.
    pub(super) fn error(&self) -> Option<String> {
        self.error.borrow().clone()
    }

    /// Returns the id of our node in the registry.
    pub(super) fn node_id(&self) -> u32 {
        self.stream.node_id()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Do this first: a connected stream keeps calling `process`, whatever the loop does.
        let _ = self.stream.disconnect();
    }
}

fn node_properties(input: &Input) -> PropertiesBox {
    let mut properties = properties! {
        *pipewire::keys::NODE_NAME => "v2m",
        *pipewire::keys::NODE_DESCRIPTION => tr!("v2m dictation"),
        *pipewire::keys::MEDIA_NAME => tr!("Dictation"),
        *pipewire::keys::APP_NAME => "v2m",
        *pipewire::keys::APP_ID => "v2m",
        *pipewire::keys::MEDIA_TYPE => "Audio",
        *pipewire::keys::MEDIA_CATEGORY => "Capture",
        // Not Communication: for that, session managers switch a Bluetooth headset out of stereo
        // (the source changes for a second or two) and share one volume with all calls.
        *pipewire::keys::MEDIA_ROLE => "Accessibility",
        // The serial is the only identity that is never reused, so this never links another
        // microphone.
        *pipewire::keys::TARGET_OBJECT => input.source.serial.as_str(),
        *pipewire::keys::NODE_DONT_RECONNECT => "true",
        "state.restore-target" => "false",
    };
    if input.channels.positions.len() > 1 {
        // Otherwise a session manager may give our node two channels, and link only two of the
        // source's.
        properties.insert(*pipewire::keys::STREAM_DONT_REMIX, "true");
    }
    properties
}

/// Builds the only format we accept: the source's own channels, which PipeWire resamples.
fn format_pod(channels: &Channels) -> Result<Vec<u8>, CaptureError> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32LE);
    info.set_rate(SAMPLE_RATE);
    let mut position = [0; MAX_CHANNELS];
    let mut count = 0;
    for (place, channel) in position.iter_mut().zip(&channels.positions) {
        *place = *channel;
        count += 1;
    }
    info.set_channels(count);
    info.set_position(position);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: info.into(),
    };
    PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object))
        .map(|(cursor, _)| cursor.into_inner())
        .map_err(|_| unusable())
}

fn unusable() -> CaptureError {
    CaptureError::Stream(tr!("its format cannot be written").to_owned())
}

/// Mixes and copies the samples that came. Runs on the realtime thread, so it does nothing else. A
/// panic cannot unwind into PipeWire: the trampoline is `extern "C"`, which aborts.
fn process(stream: &pipewire::stream::Stream, borrowed: &mut Borrowed) {
    let Borrowed { tap: Some(tap), mixer, .. } = borrowed else { return };
    tap.cycle(|pour| {
        if let Some(moment) = moment(stream) {
            pour.note(moment);
        }
        while let Some(mut buffer) = stream.dequeue_buffer() {
            if let Some(data) = buffer.datas_mut().first_mut() {
                pour_data(data, mixer, pour);
            }
        }
        captured_until(stream)
    });
    // Samples that are not wanted go back to PipeWire unread.
    while stream.dequeue_buffer().is_some() {}
}

fn pour_data(data: &mut Data, mixer: &mut Mixer, pour: &mut Pour<'_>) {
    if data.as_raw().chunk.is_null() {
        return;
    }
    let (offset, size) = (data.chunk().offset() as usize, data.chunk().size() as usize);
    let Some(bytes) = data.data().and_then(|all| all.get(offset..offset.checked_add(size)?)) else {
        return;
    };
    mixer.pour(bytes, pour);
}

/// Reads the graph's clock in this cycle.
fn moment(stream: &pipewire::stream::Stream) -> Option<Moment> {
    let time = stream.time().ok()?;
    let rate = time.rate();
    // No driver is known to use a tick other than one sample.
    let told = time.now() > 0 && rate.num == 1 && rate.denom > 0;
    told.then(|| Moment { ticks: time.ticks(), rate: rate.denom, now: time.now() })
}

/// Returns the time until which the dequeued samples cover the sound in the room. It is the start
/// of this cycle, minus the delay from the device through the graph (`delay`, which the source
/// reports: a quantum and its own buffers) and through the resampler (`buffered`).
fn captured_until(stream: &pipewire::stream::Stream) -> Option<Nanos> {
    let time = stream.time().ok()?;
    let rate = time.rate();
    if time.now() <= 0 || rate.denom == 0 {
        return None;
    }
    let ticks = i128::from(time.delay()) * i128::from(rate.num) * 1_000_000_000;
    let graph = i64::try_from(ticks / i128::from(rate.denom)).ok()?;
    let resampler = i64::try_from(time.buffered()).ok()?.checked_mul(1_000_000_000)?;
    // `buffered` may be at either of two rates. Use the lower one: that waits a millisecond too
    // long rather than too short.
    Some(time.now().min(now()) - graph - resampler / i64::from(SAMPLE_RATE))
}
