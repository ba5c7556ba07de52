//! The thread `v2m-preview`: loads the model, hears what has come, and reports what it has written.
//!
//! The main thread polls [`Hearer::wake`], a file descriptor, beside the socket. Sound that comes while
//! the thread computes waits, and is heard at once afterwards, so a slow decoder writes less often and
//! loses nothing.

use super::{PreviewDecoder, PreviewModel};
use crate::decoder::{DecodeError, DecodeMonitor};
use crate::model::LoadError;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::pcm::{seconds, to_float};
use v2m_messages::tr;

/// The most samples that are heard at once: a second. Between two such the recording may be over.
const AT_ONCE: usize = seconds(1) as usize;

/// News of the thread.
#[derive(Debug)]
pub(super) enum Heard {
    /// The model is loaded.
    Loaded {
        /// Whether the model knows languages beside English.
        multilingual: bool,
        /// How long loading took.
        took: Duration,
        /// How much of that the first second of sound took.
        warm_up: Duration,
        /// Bytes that it takes on the device.
        memory: u64,
    },
    /// The model could not be loaded. The thread has ended.
    LoadFailed(LoadError),
    /// Sound of a recording was heard.
    Wrote {
        /// The recording.
        job: u32,
        /// Samples heard of it.
        samples: u64,
        /// The whole text, if it is another one than before.
        text: Option<String>,
    },
    /// All sound of a recording was heard, and it had been marked as complete.
    Done {
        /// The recording.
        job: u32,
        /// Samples heard of it.
        samples: u64,
        /// The whole text.
        text: String,
    },
    /// Nothing more is written for this recording, for this reason.
    Failed {
        /// The recording.
        job: u32,
        /// Why.
        error: DecodeError,
    },
}

/// What the thread is to do.
#[derive(Debug, Default)]
struct Inbox {
    recording: Option<Recording>,
    /// Counts recordings, so that the thread notices that its own is over.
    count: u64,
}

/// The recording that is heard.
#[derive(Debug)]
struct Recording {
    job: u32,
    language: Option<String>,
    /// Samples that were not taken yet.
    waiting: VecDeque<i16>,
    /// Whether no more come.
    is_complete: bool,
}

#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    news: Condvar,
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        // No code that holds it panics halfway through a change.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The main thread's handle.
#[derive(Debug)]
pub(super) struct Hearer {
    shared: Arc<Shared>,
    events: std::sync::mpsc::Receiver<Heard>,
    wake: UnixStream,
}

impl Hearer {
    /// Starts the thread, which begins to load at once.
    ///
    /// # Errors
    /// When there is no thread or socketpair to be had.
    pub(super) fn start(model: impl PreviewModel) -> io::Result<Self> {
        let (sender, events) = std::sync::mpsc::sync_channel(16);
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let shared = Arc::new(Shared::default());
        let reporter = Reporter { events: sender, waker };
        let given = Arc::clone(&shared);
        thread::Builder::new()
            .name("v2m-preview".into())
            .spawn(move || work(model, &given, &reporter))?;
        Ok(Self { shared, events, wake })
    }

    /// A file descriptor that becomes readable when [`Self::news`] has an event.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The next event, if there is one.
    pub(super) fn news(&mut self) -> Option<Heard> {
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        // Only when nothing is left may the wake-ups be taken back, and then one must look again:
        // an event sent in between had its wake-up taken too.
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(n) if n > 0) {}
        self.events.try_recv().ok()
    }

    /// Begins a recording. The one before is over.
    pub(super) fn begin(&self, job: u32, language: Option<String>) {
        let waiting = VecDeque::new();
        let recording = Recording { job, language, waiting, is_complete: false };
        self.change(|inbox| {
            inbox.count += 1;
            inbox.recording = Some(recording);
        });
    }

    /// Ends the recording, whatever of it was not heard yet.
    pub(super) fn end(&self) {
        self.change(|inbox| {
            inbox.count += 1;
            inbox.recording = None;
        });
    }

    /// Adds sound to this recording, if it is the one.
    pub(super) fn feed(&self, job: u32, samples: &[i16]) {
        self.change(|inbox| {
            if let Some(recording) = inbox.recording.as_mut().filter(|it| it.job == job) {
                recording.waiting.extend(samples);
            }
        });
    }

    /// Marks this recording as complete. Returns whether it is the one.
    pub(super) fn complete(&self, job: u32) -> bool {
        let mut is_known = false;
        self.change(|inbox| {
            let recording = inbox.recording.as_mut().filter(|it| it.job == job);
            is_known = recording.map(|it| it.is_complete = true).is_some();
        });
        is_known
    }

    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut self.shared.inbox());
        self.shared.news.notify_one();
    }
}

struct Reporter {
    events: std::sync::mpsc::SyncSender<Heard>,
    waker: UnixStream,
}

impl Reporter {
    /// Reports an event. False: the main thread has ended.
    fn report(&self, event: Heard) -> bool {
        let sent = self.events.send(event).is_ok();
        // A full socket already holds wake-ups.
        let _ = (&self.waker).write(&[1]);
        sent
    }
}

fn work(model: impl PreviewModel, shared: &Shared, reporter: &Reporter) {
    let started = Instant::now();
    let (program, file) = (model.program(), model.file().to_owned());
    let mut decoder = match model.load() {
        Ok(decoder) => decoder,
        Err(error) => {
            reporter.report(Heard::LoadFailed(error));
            return;
        }
    };
    let read = Instant::now();
    if let Err(error) = decoder.warm_up() {
        let why =
            tr!("the model is loaded, and a second of silence cannot be decoded: {error}", error);
        reporter.report(Heard::LoadFailed(match error {
            DecodeError::NoNumbers => LoadError::Broken { path: file, why },
            _ => LoadError::Unsupported { program, why },
        }));
        return;
    }
    let loaded = Heard::Loaded {
        multilingual: decoder.multilingual(),
        took: started.elapsed(),
        warm_up: read.elapsed(),
        memory: decoder.memory(),
    };
    if reporter.report(loaded) {
        hear_all(&mut *decoder, shared, reporter);
    }
}

/// One recording after the other, until the main thread ends.
fn hear_all(decoder: &mut dyn PreviewDecoder, shared: &Shared, reporter: &Reporter) {
    let mut current = 0;
    let mut samples = 0;
    let mut before = String::new();
    loop {
        let Task { count, job, language, audio, is_last } = next_task(shared);
        let watch = Watch { shared, count };
        let mut heard = Ok(());
        if count != current {
            (current, samples) = (count, 0);
            before.clear();
            heard = decoder.begin(language.as_deref());
        }
        let heard = heard.and_then(|()| match audio.is_empty() {
            true => Ok(()),
            false => decoder.hear(&audio, &watch),
        });
        samples += audio.len() as u64;
        let told = match heard {
            Ok(()) if is_last => Heard::Done { job, samples, text: decoder.text().to_owned() },
            Ok(()) => {
                let text = Some(decoder.text()).filter(|text| *text != before).map(str::to_owned);
                if let Some(text) = &text {
                    before.clone_from(text);
                }
                Heard::Wrote { job, samples, text }
            }
            // The recording is over.
            Err(DecodeError::Aborted) => continue,
            Err(error) => Heard::Failed { job, error },
        };
        let is_over = matches!(told, Heard::Done { .. } | Heard::Failed { .. });
        if is_over {
            let mut inbox = shared.inbox();
            if inbox.count == count {
                inbox.recording = None;
            }
        }
        if !reporter.report(told) {
            return;
        }
    }
}

/// What is to be heard next.
struct Task {
    count: u64,
    job: u32,
    language: Option<String>,
    audio: Vec<f32>,
    /// Whether that is all of the recording.
    is_last: bool,
}

/// Waits for sound, or for the end of a recording.
fn next_task(shared: &Shared) -> Task {
    let is_idle = |inbox: &mut Inbox| {
        let recording = inbox.recording.as_ref();
        recording.is_none_or(|it| it.waiting.is_empty() && !it.is_complete)
    };
    let mut inbox =
        shared.news.wait_while(shared.inbox(), is_idle).unwrap_or_else(PoisonError::into_inner);
    let count = inbox.count;
    let recording = inbox.recording.as_mut().expect("there is work");
    let most = recording.waiting.len().min(AT_ONCE);
    let audio = recording.waiting.drain(..most).map(to_float).collect();
    let is_last = recording.is_complete && recording.waiting.is_empty();
    Task { count, job: recording.job, language: recording.language.clone(), audio, is_last }
}

/// Whether the recording is over.
struct Watch<'a> {
    shared: &'a Shared,
    count: u64,
}

impl DecodeMonitor for Watch<'_> {
    fn tick(&self) -> bool {
        self.shared.inbox().count != self.count
    }
}
