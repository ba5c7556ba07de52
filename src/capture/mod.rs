//! Records the microphone through PipeWire, on its own thread, `v2m-capture`. It takes commands,
//! and returns 16 kHz mono f32 samples and events in one order.
//!
//! | file | what it is for |
//! |---|---|
//! | `ring` | samples and marks, from the realtime thread to the event loop |
//! | `gaps` | finds missing samples by the graph's clock |
//! | `thread` | the thread `v2m-capture` and its loop |
//! | `worker` | the thread's work: one recording at a time, deadlines, linger |
//! | `connection` | PipeWire's side: available sources, and links between nodes |
//! | `session_manager` | whether PipeWire's session manager has found all sources |
//! | `channels` | the channels of a source |
//! | `stream` | our node in the graph and its realtime callback |
//! | `realtime` | whether the thread that receives the sound has real-time priority |
//! | `volume` | whether a source is muted |
//! | `sources` | lists the available sources, for `v2m doctor` |
//!
//! Deliberately not here: resampling (PipeWire does it), how several channels become one
//! ([`crate::mix`]), level metering, WAV files, and the decision what to do about a failure.

mod channels;
mod clock;
mod connection;
mod error;
mod gaps;
mod realtime;
mod ring;
mod session_manager;
mod sources;
mod stream;
mod thread;
mod volume;
mod worker;

pub use error::CaptureError;
pub use gaps::Missing;
pub use sources::{Source, sources};

use crate::session::JobId;
use std::thread::JoinHandle;
use std::time::Duration;
use thread::Order;
use v2m_ipc::pcm;
use v2m_messages::tr;

/// Converts samples of full scale ±1.0 to signed 16 bit, the format of the store and the
/// recogniser.
pub fn to_pcm16(samples: &[f32]) -> Vec<i16> {
    samples.iter().copied().map(pcm::from_float).collect()
}

/// A command to the capture thread. Stop and Cancel of a recording that is not under way (it may
/// have failed in the meantime) are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureCommand {
    /// Starts a recording. [`CaptureEvent::Started`] or [`CaptureEvent::Failed`] answers it within
    /// 3 s.
    Start {
        /// Identifies the recording.
        job: JobId,
        /// `node.name` of the source, or `node.name:port.name` for one of its channels. `None`: the
        /// default source.
        source: Option<String>,
    },
    /// Ends the recording and keeps everything said until now. [`CaptureEvent::Ended`] answers it
    /// within half a second, even if the job has not started yet.
    Stop {
        /// Identifies the recording.
        job: JobId,
    },
    /// Drops the recording. [`CaptureEvent::Ended`] with [`End::Cancelled`] answers it.
    Cancel {
        /// Identifies the recording.
        job: JobId,
    },
}

/// A report about a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEvent {
    /// The first audio has arrived. Its samples follow.
    Started {
        /// Identifies the recording.
        job: JobId,
        /// The time from sending Start until PipeWire's first samples arrived.
        latency: Duration,
        /// Whether the thread that receives the sound has real-time priority. `None`: unknown.
        realtime: Option<bool>,
        /// The source's description, which names it for the user.
        microphone: String,
    },
    /// Nothing could be recorded. The job is over, and no [`CaptureEvent::Ended`] follows.
    Failed {
        /// Identifies the recording.
        job: JobId,
        /// Why it failed.
        error: CaptureError,
    },
    /// The recording is over. All its samples came before this event.
    Ended {
        /// Identifies the recording.
        job: JobId,
        /// How it ended.
        end: End,
        /// The recording's length, in samples at 16 kHz.
        samples: u64,
        /// Samples that found no room because the event loop did not read for 10 s. They are also
        /// in the gaps, if PipeWire gives its clock.
        lost: u64,
    },
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was stopped, and contains everything said until then.
    Stopped,
    /// The source or PipeWire disappeared. The samples recorded before that have been delivered.
    Lost(CaptureError),
    /// It was cancelled and dropped.
    Cancelled,
}

/// An output of [`Capture::next`].
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureOutput {
    /// Samples at 16 kHz, mono, full scale ±1.0; never empty.
    Pcm {
        /// Identifies the recording.
        job: JobId,
        /// The samples that follow those delivered before.
        samples: Vec<f32>,
    },
    /// Sound that is missing between the samples before this and those after it.
    Gap {
        /// Identifies the recording.
        job: JobId,
        /// The length of the gap, and its cause.
        missing: Missing,
    },
    /// An event, in order with the samples.
    Event(CaptureEvent),
}

/// The handle of the capture thread. Dropping it ends the thread, and any recording with it, and
/// waits milliseconds for that.
pub struct Capture {
    orders: pipewire::channel::Sender<Order>,
    /// `None` only while the handle is being dropped.
    reader: Option<ring::Reader>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts the thread, which then sleeps until the first command. There is no connection to
    /// PipeWire yet. Blocks for the millisecond or two that loading PipeWire's library takes.
    ///
    /// After a recording the stream stays paused for `linger` (zero: not at all), so that the next
    /// recording starts sooner. Then the stream and the connection are closed. (The session manager
    /// suspends an unused source after some seconds, 5 in WirePlumber. Waking it takes another
    /// quantum, and the time the sound card needs.) Must be called within a tokio runtime with IO
    /// enabled.
    ///
    /// # Errors
    /// [`CaptureError::Setup`] if the thread or its file descriptors cannot be created.
    pub fn spawn(linger: Duration) -> Result<Self, CaptureError> {
        let setup = |error: std::io::Error| CaptureError::Setup(error.to_string());
        let (tap, control, reader) = ring::ring().map_err(setup)?;
        let nudge = control.nudge().map_err(setup)?;
        let (orders, inbox) = pipewire::channel::channel();
        let (ready, answer) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("v2m-capture".into())
            .spawn(move || thread::run(inbox, nudge, tap, control, linger, &ready))
            .map_err(setup)?;
        answer.recv().map_err(|_| CaptureError::Setup(tr!("its thread ended").into()))??;
        Ok(Self { orders, reader: Some(reader), thread: Some(thread) })
    }

    /// Sends a command. The moment of this call counts as the press. Never blocks.
    pub fn send(&self, command: CaptureCommand) {
        // This fails only if the thread is gone, and the thread ends only when this handle is
        // dropped.
        let _ = self.orders.send(Order::Command { command, at: clock::now() });
    }

    /// Returns the next samples or event. Cancel-safe: use it in `tokio::select!`.
    pub async fn next(&mut self) -> CaptureOutput {
        match &mut self.reader {
            Some(reader) => reader.next().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Drop the reader first: that frees a thread that waits for room among the marks.
        self.reader = None;
        let _ = self.orders.send(Order::Shutdown);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
