//! The thread `v2m-preview`: loads the model, hears what has come, and reports what it has written.
//!
//! The main thread polls [`Hearer::wake`], a file descriptor, beside the socket. Sound that comes while
//! the thread computes waits, and is heard at once afterwards, so a slow decoder writes less often and
//! loses nothing.

use super::{PreviewDecoder, PreviewModel};
use crate::decoder::{DecodeError, DecodeMonitor};
use crate::model::LoadError;
use crate::news::{self, News, Reporter};
use crate::serving::{self, Readied};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use v2m_ipc::pcm::{seconds, to_float};

/// The most samples that are heard at once: a second. Between two such the recording may be over.
const AT_ONCE: usize = seconds(1) as usize;

/// News of the thread.
#[derive(Debug)]
pub(super) enum Heard {
    /// The model is loaded.
    Loaded(Readied),
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
    events: News<Heard>,
}

impl Hearer {
    /// Starts the thread, which begins to load at once.
    ///
    /// # Errors
    /// When there is no thread or socketpair to be had.
    pub(super) fn start(model: impl PreviewModel) -> io::Result<Self> {
        let (reporter, events) = news::channel()?;
        let shared = Arc::new(Shared::default());
        let given = Arc::clone(&shared);
        thread::Builder::new()
            .name("v2m-preview".into())
            .spawn(move || work(model, &given, &reporter))?;
        Ok(Self { shared, events })
    }

    /// A file descriptor that becomes readable when [`Self::news`] has an event.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.events.wake()
    }

    /// The next event, if there is one.
    pub(super) fn news(&mut self) -> Option<Heard> {
        self.events.next()
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

fn work(model: impl PreviewModel, shared: &Shared, reporter: &Reporter<Heard>) {
    let (program, file) = (model.program(), model.file().to_owned());
    let loaded = serving::load(program, file, || model.load(), |decoder| decoder.warm_up());
    let (mut decoder, took, warm_up) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            reporter.report(Heard::LoadFailed(error));
            return;
        }
    };
    let (multilingual, memory) = (decoder.multilingual(), decoder.memory());
    if reporter.report(Heard::Loaded(Readied { multilingual, took, warm_up, memory })) {
        hear_all(&mut *decoder, shared, reporter);
    }
}

/// One recording after the other, until the main thread ends.
fn hear_all(decoder: &mut dyn PreviewDecoder, shared: &Shared, reporter: &Reporter<Heard>) {
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
