//! Makes one recording at a time, from the search for its source to its last sample. It sets
//! deadlines for everything that others may fail to do, and keeps the stream that lingers
//! afterwards.
//!
//! PipeWire's callbacks only note what happened. After each turn of the loop the worker reads the
//! notes and takes the next step. So all decisions are made in one place, and nothing is
//! re-entered. The loop itself and the thread are not here.

use super::clock::{self, NEVER, Nanos};
use super::connection::{self, Connection, Node};
use super::realtime::{self, AskAgain, Priority};
use super::ring::{Control, Tap};
use super::stream::{Stream, TapShelf};
use super::{CaptureCommand, CaptureError, CaptureEvent, End};
use crate::session::JobId;
use pipewire::context::ContextRc;
use pipewire::main_loop::MainLoopRc;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long PipeWire and a source may take from Start to the first audio. Waking a suspended sound
/// card takes tenths of a second; a Bluetooth headset takes one to two seconds.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
/// How long a source may send nothing (no buffers at all, not silence) while recording.
const MUTE: Duration = Duration::from_secs(3);
/// If this thread notices a deadline later than this, it was late itself, for example because it
/// was stopped. The source then gets its whole time again.
const LATE: Duration = Duration::from_millis(500);
/// How long draining may take: two of the longest quanta that PipeWire uses (8192 at 48 kHz,
/// 171 ms), and some more. It takes this long only if the source stops running at that moment.
const DRAIN: Duration = Duration::from_millis(500);

/// One recording under way.
struct Recording {
    id: JobId,
    /// `node.name` of the configured source.
    wanted: Option<String>,
    /// When Start was sent.
    pressed: Nanos,
    /// The position in the stream of samples where the recording begins.
    begins: u64,
    /// Whether [`CaptureEvent::Started`] was sent.
    started: bool,
    /// Whether Stop was requested.
    stopping: bool,
    /// Whether the recording uses a connection that lingered. Such a connection may have died
    /// before this recording began.
    reused: bool,
    /// When to check for something that did not happen.
    deadline: Nanos,
    /// The position at the last check.
    seen: u64,
}

/// The worker of the thread. Fields are dropped in this order: the stream before its connection, and
/// that before its context.
pub(super) struct Worker {
    stream: Option<Stream>,
    connection: Option<Connection>,
    /// Kept between recordings. Replaced after a failure, and to get a thread with real-time
    /// priority.
    context: Option<ContextRc>,
    mainloop: MainLoopRc,
    control: Control,
    shelf: TapShelf,
    linger: Duration,
    job: Option<Recording>,
    linger_until: Nanos,
    priority: Priority,
    /// Whether the next connection gets a new context, with a new thread.
    renews: bool,
}

impl Worker {
    pub(super) fn new(mainloop: MainLoopRc, tap: Tap, control: Control, linger: Duration) -> Self {
        Self {
            stream: None,
            connection: None,
            context: None,
            mainloop,
            control,
            shelf: Arc::new(Mutex::new(Some(tap))),
            linger,
            job: None,
            linger_until: NEVER,
            priority: Priority::default(),
            renews: false,
        }
    }

    /// Returns when to call [`Self::step`] even if nothing happens. [`NEVER`] when idle.
    pub(super) fn deadline(&self) -> Nanos {
        self.job.as_ref().map_or(self.linger_until, |job| job.deadline)
    }

    /// Executes a command that was sent at the time `at`.
    pub(super) fn obey(&mut self, command: CaptureCommand, at: Nanos) {
        match command {
            CaptureCommand::Start { job, source } => self.start(job, source, at),
            CaptureCommand::Stop { job } => self.stop(job, at),
            CaptureCommand::Cancel { job } => {
                if self.job.as_ref().is_some_and(|running| running.id == job) {
                    self.end(End::Cancelled);
                }
            }
        }
    }

    fn start(&mut self, id: JobId, wanted: Option<String>, at: Nanos) {
        match &self.job {
            // The earlier recording only waits for the rest of a quantum. The new press matters
            // more.
            Some(job) if job.stopping => self.end(End::Stopped),
            Some(_) => {
                let at = self.control.written();
                let failed = CaptureEvent::Failed { job: id, error: CaptureError::Busy };
                return self.control.mark(at, failed);
            }
            None => {}
        }
        self.linger_until = NEVER;
        // The thread may have lost its priority since the last recording.
        if self.context.is_some() {
            self.watch_priority();
        }
        self.job = Some(Recording {
            id,
            wanted,
            pressed: at,
            begins: self.control.open(),
            started: false,
            stopping: false,
            reused: self.connection.is_some(),
            deadline: clock::after(at, ANSWER),
            seen: 0,
        });
        if let Err(error) = self.resume() {
            tracing::debug!(%error, "the lingering stream is of no use");
            self.stream = None;
        }
    }

    /// Wakes the lingering stream if it still fits the request.
    fn resume(&mut self) -> Result<(), CaptureError> {
        let (Some(stream), Some(connection), Some(job)) =
            (&self.stream, &self.connection, &self.job)
        else {
            return Ok(());
        };
        let input = connection.find(job.wanted.as_deref())?;
        let feeders = connection.feeders(stream.node_id());
        if input != stream.input || feeders != BTreeSet::from([input.source.id]) {
            return Err(gone(&stream.input.source));
        }
        stream.set_active(true)
    }

    fn stop(&mut self, id: JobId, at: Nanos) {
        let Some(job) = self.job.as_mut().filter(|job| job.id == id && !job.stopping) else {
            return;
        };
        job.stopping = true;
        job.deadline = clock::after(at, DRAIN);
        self.control.drain_until(at);
    }

    /// Checks what has happened and takes the next step.
    pub(super) fn step(&mut self) {
        if let Err(error) = self.check() {
            self.fail(error);
        }
        if self.job.is_none() && clock::now() >= self.linger_until {
            self.disconnect();
        }
    }

    fn check(&mut self) -> Result<(), CaptureError> {
        if let Some(reason) = self.connection.as_ref().and_then(Connection::dead) {
            self.disconnect();
            return self.redo(CaptureError::PipeWireStopped(reason));
        }
        if self.job.is_none() {
            return Ok(());
        }
        self.catch_up_with_channels();
        if self.stream.is_none() {
            self.reach_source()?;
        }
        if let Some(stream) = &self.stream {
            self.check_links(stream)?;
        }
        self.check_audio()
    }

    /// Replaces a lingering connection that has died. Any other error is returned.
    fn redo(&mut self, error: CaptureError) -> Result<(), CaptureError> {
        match &mut self.job {
            Some(job) if job.reused && !job.started => {
                job.reused = false;
                self.reach_source()
            }
            Some(_) => Err(error),
            None => Ok(()),
        }
    }

    /// Takes the next step towards a stream: connect, learn which sources there are, choose one.
    fn reach_source(&mut self) -> Result<(), CaptureError> {
        let Some(job) = &self.job else { return Ok(()) };
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let context = match &self.context {
                    Some(context) => context,
                    None => self.context.insert(connection::new_context(&self.mainloop)?),
                };
                none.insert(Connection::open(context)?)
            }
        };
        if !connection.ready() {
            return Ok(());
        }
        match connection.find(job.wanted.as_deref()) {
            Ok(input) => {
                self.stream = Some(Stream::open(connection.core(), input, &self.shelf)?);
                Ok(())
            }
            // Right after login PipeWire runs before its session manager has found the sources and
            // chosen a default. Wait for them; the deadline brings the error.
            Err(_) if !connection.settled() => Ok(()),
            Err(error) if error.may_pass() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Recreates the stream when ports are added, until the audio has come. A source that has just
    /// appeared reports its ports one by one.
    fn catch_up_with_channels(&mut self) {
        let (Some(stream), Some(connection), Some(job)) =
            (&self.stream, &self.connection, &self.job)
        else {
            return;
        };
        if !job.started
            && connection.has(&stream.input.source)
            && connection.has_grown(&stream.input)
        {
            self.stream = None;
        }
    }

    /// Checks that the requested source feeds us and that, at the start, no other node does. (Links
    /// that are added later are made by hand, and are intended.)
    fn check_links(&self, stream: &Stream) -> Result<(), CaptureError> {
        let (Some(connection), Some(job)) = (&self.connection, &self.job) else { return Ok(()) };
        let source = &stream.input.source;
        if !connection.has(source) {
            return Err(gone(source));
        }
        let feeders = connection.feeders(stream.node_id());
        if !job.started && feeders.iter().any(|&feeder| feeder != source.id) {
            return Err(CaptureError::WrongSource { wanted: source.name.clone() });
        }
        if job.started && !feeders.contains(&source.id) {
            return Err(gone(source));
        }
        stream.error().map_or(Ok(()), |message| Err(CaptureError::Stream(message)))
    }

    fn check_audio(&mut self) -> Result<(), CaptureError> {
        self.tell_started();
        let written = self.control.written();
        let Some(job) = &mut self.job else { return Ok(()) };
        // Audio has come but was not reported: the link is not known yet. The samples would be
        // dropped.
        let untold = !job.started && self.control.first_at().is_some();
        if job.stopping && self.control.drained() && !untold {
            self.end(End::Stopped);
            return Ok(());
        }
        if clock::now() < job.deadline {
            return Ok(());
        }
        if job.stopping {
            tracing::warn!(job = job.id.0, "the source did not run until the recording's end");
            self.end(End::Stopped);
        } else if !job.started {
            return Err(self.no_audio());
        } else if job.seen == written && clock::now() < clock::after(job.deadline, LATE) {
            let wanted = self.source_name();
            return Err(CaptureError::Silent { wanted, waited: MUTE });
        } else {
            job.seen = written;
            job.deadline = clock::after(clock::now(), MUTE);
        }
        Ok(())
    }

    /// Reports the first audio, once it is known to come from the right source.
    fn tell_started(&mut self) {
        let (Some(job), Some(first_at)) = (&mut self.job, self.control.first_at()) else { return };
        let (Some(stream), Some(connection)) = (&self.stream, &self.connection) else { return };
        if job.started || connection.feeders(stream.node_id()).is_empty() {
            return;
        }
        job.started = true;
        if !job.stopping {
            job.deadline = clock::after(clock::now(), MUTE);
        }
        let latency = clock::between(job.pressed, first_at);
        tracing::debug!(
            job = job.id.0,
            source = stream.input.source.name,
            channels = stream.input.channels.positions.len(),
            latency_us = latency.as_micros(),
            "first audio"
        );
        let realtime = realtime::has_priority(self.control.thread());
        // The thread asked for priority when it started. If it has it now, a loss during the
        // recording is recognised.
        if realtime == Some(true) {
            self.priority.seen(realtime);
        }
        let microphone = stream.input.source.description.clone();
        let started = CaptureEvent::Started { job: job.id, latency, realtime, microphone };
        self.control.mark(job.begins, started);
    }

    /// Finds out what prevented the first audio.
    fn no_audio(&mut self) -> CaptureError {
        let Some(connection) = &mut self.connection else {
            return CaptureError::NoAnswer(ANSWER);
        };
        if !connection.ready() {
            return CaptureError::NoAnswer(ANSWER);
        }
        let wanted = self.job.as_ref().and_then(|job| job.wanted.as_deref());
        match connection.find(wanted) {
            Err(error) => error,
            Ok(input) => CaptureError::NoAudio { wanted: input.source.name, waited: ANSWER },
        }
    }

    fn source_name(&self) -> String {
        self.stream.as_ref().map_or_else(String::new, |stream| stream.input.source.name.clone())
    }

    /// Ends a job that cannot go on. If it had started, its samples are kept.
    fn fail(&mut self, error: CaptureError) {
        match &self.job {
            Some(job) if job.started => self.end(End::Lost(error)),
            Some(job) => {
                let failed = CaptureEvent::Failed { job: job.id, error };
                let at = self.control.close();
                self.control.mark(at, failed);
                self.job = None;
            }
            None => {}
        }
        self.drop_context();
    }

    fn end(&mut self, end: End) {
        let Some(job) = self.job.take() else { return };
        let at = self.control.close();
        let (samples, lost) = (at - job.begins, self.control.lost());
        if lost > 0 {
            // The daemon tells the user.
            tracing::debug!(job = job.id.0, lost, "the event loop read too slowly, samples lost");
        }
        self.control.mark(at, CaptureEvent::Ended { job: job.id, end, samples, lost });
        self.pause();
        if job.started {
            self.watch_priority();
        }
    }

    /// Replaces the thread by one that asks for real-time priority, if the current one lacks it.
    fn watch_priority(&mut self) {
        match self.priority.seen(realtime::has_priority(self.control.thread())) {
            AskAgain::No => {}
            AskAgain::Later => self.renews = true,
            AskAgain::Now => {
                tracing::debug!("the capture thread has lost its real-time priority");
                self.drop_context();
            }
        }
        if self.renews && self.connection.is_none() {
            self.drop_context();
        }
    }

    fn pause(&mut self) {
        let paused = self.stream.as_ref().is_some_and(|stream| stream.set_active(false).is_ok());
        if paused && !self.linger.is_zero() {
            self.linger_until = clock::after(clock::now(), self.linger);
        } else {
            self.disconnect();
        }
    }

    fn disconnect(&mut self) {
        self.stream = None;
        self.connection = None;
        self.linger_until = NEVER;
        if self.renews {
            self.drop_context();
        }
    }

    fn drop_context(&mut self) {
        self.renews = false;
        self.disconnect();
        self.context = None;
        self.priority.thread_ends();
    }
}

fn gone(source: &Node) -> CaptureError {
    CaptureError::SourceGone(source.name.clone())
}
