//! Carries samples and events from the realtime thread to the event loop. Samples go through a
//! lock-free ring. Events are marks at positions in the stream of samples. So the reader never
//! takes one job's samples for another's, and never sees a job end before its last sample.
//!
//! The ring has three ends: [`Tap`] (realtime thread) copies samples in, [`Control`] (loop thread)
//! opens, closes and marks, [`Reader`] (event loop) awaits. This module does not use PipeWire, so
//! it can be tested without it.

use super::clock::{self, NEVER, Nanos};
use super::gaps::{Cycle, GapFinder};
use super::{CaptureEvent, CaptureOutput, End};
use crate::session::JobId;
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::io::unix::AsyncFd;

/// How many samples the ring holds: 10 s at 16 kHz. A live event loop never stalls for that long.
const CAPACITY: usize = 160_000;
/// How many marks may wait for the reader. A job makes two. If the reader falls this far behind,
/// the loop thread waits and memory does not grow.
const MARKS: usize = 32;
/// How many cycles may wait for the reader: 10 s of cycles of 2.5 ms. If cycles are shorter and the
/// event loop is that late, some are not noted. The next noted cycle then covers them.
const CYCLES: usize = 4_096;

/// The graph's clock at the start of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The driver's position in ticks.
    pub(super) ticks: u64,
    /// The number of ticks in a second.
    pub(super) rate: u32,
    /// When the cycle began.
    pub(super) now: Nanos,
}

/// The state that the threads share. SeqCst is used throughout: these operations run once per
/// quantum, so it costs nothing, and [`Control::close`] needs the store of one flag ordered before
/// the load of another.
struct Shared {
    /// Whether samples are wanted.
    open: AtomicBool,
    /// True while the realtime thread is between its load of `open` and its last store.
    busy: AtomicBool,
    /// How many samples were put into the ring since its creation. This is the position in the
    /// stream.
    written: AtomicU64,
    /// How many of this job's samples found the ring full.
    lost: AtomicU64,
    /// When this job's first sample came. [`NEVER`]: it has not come yet.
    first_at: AtomicI64,
    /// The realtime thread's id. Set when this job's first sample has come.
    thread: AtomicI32,
    /// Audio captured until this time is still wanted.
    stop_at: AtomicI64,
    /// Whether all audio until `stop_at` is in the ring.
    drained: AtomicBool,
    /// Wakes the reader.
    wake: OwnedFd,
    /// Wakes the loop thread.
    nudge: OwnedFd,
}

/// An event at a position in the stream of samples.
struct Mark {
    at: u64,
    event: CaptureEvent,
}

/// Creates the ring's three ends. Must be called within a tokio runtime with IO enabled.
pub(super) fn ring() -> io::Result<(Tap, Control, Reader)> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let shared = Arc::new(Shared {
        open: AtomicBool::new(false),
        busy: AtomicBool::new(false),
        written: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        first_at: AtomicI64::new(NEVER),
        thread: AtomicI32::new(0),
        stop_at: AtomicI64::new(NEVER),
        drained: AtomicBool::new(false),
        wake: eventfd(0, flags)?,
        nudge: eventfd(0, flags)?,
    });
    let (producer, samples) = rtrb::RingBuffer::new(CAPACITY);
    let (noting, noted) = rtrb::RingBuffer::new(CYCLES);
    let (sender, marks) = sync_channel(MARKS);
    // SAFETY: an OwnedFd returns the same open descriptor for as long as it lives. This one is
    // moved in, so nobody else can close it.
    let wake = unsafe { AsyncFd::register(shared.wake.try_clone()?) }?;
    let reader = Reader {
        samples,
        noted,
        marks,
        wake,
        read: 0,
        job: None,
        pending: None,
        cycles: VecDeque::new(),
        finder: GapFinder::default(),
    };
    let control = Control { marks: sender, shared: Arc::clone(&shared) };
    Ok((Tap { samples: producer, cycles: noting, shared }, control, reader))
}

/// Adds one to an eventfd. This fails only if its counter is full, and then it is readable anyway.
fn ring_bell(fd: &OwnedFd) {
    let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
}

/// Resets an eventfd. An error means that it was reset already.
pub(super) fn hush(fd: &OwnedFd) -> io::Result<()> {
    rustix::io::read(fd, &mut [0u8; 8])?;
    Ok(())
}

/// The realtime thread's end of the ring. It neither locks nor allocates.
pub(super) struct Tap {
    samples: rtrb::Producer<f32>,
    cycles: rtrb::Producer<Cycle>,
    shared: Arc<Shared>,
}

impl Tap {
    /// Runs one cycle. If samples are wanted, calls `fill`, which pushes the samples that came.
    /// `fill` returns the time until which the pushed samples cover the sound in the room (`None`:
    /// unknown).
    pub(super) fn cycle(&mut self, fill: impl FnOnce(&mut Pour<'_>) -> Option<Nanos>) {
        self.shared.busy.store(true, SeqCst);
        if self.shared.open.load(SeqCst) {
            let mut pour = Pour { tap: self, count: 0 };
            let until = fill(&mut pour);
            let count = pour.count;
            self.publish(count, until);
        }
        self.shared.busy.store(false, SeqCst);
    }

    fn publish(&mut self, count: u64, until: Option<Nanos>) {
        let shared = &self.shared;
        if count > 0 {
            shared.written.fetch_add(count, SeqCst);
            if shared.first_at.load(SeqCst) == NEVER {
                shared.thread.store(rustix::thread::gettid().as_raw_pid(), SeqCst);
                shared.first_at.store(clock::now(), SeqCst);
                ring_bell(&shared.nudge);
            }
            ring_bell(&shared.wake);
        }
        if until.is_some_and(|until| until >= shared.stop_at.load(SeqCst)) {
            shared.open.store(false, SeqCst);
            shared.drained.store(true, SeqCst);
            ring_bell(&shared.nudge);
        }
    }
}

/// Takes the samples of one cycle.
pub(super) struct Pour<'t> {
    tap: &'t mut Tap,
    count: u64,
}

impl Pour<'_> {
    /// Notes the time on the graph's clock. Call it before the cycle's samples are pushed, so that
    /// the reader never sees samples without their cycle.
    pub(super) fn note(&mut self, Moment { ticks, rate, now }: Moment) {
        let at = self.tap.shared.written.load(SeqCst) + self.count;
        // If there is no room, the next note covers this cycle too.
        let _ = self.tap.cycles.push(Cycle { at, ticks, rate, now });
    }

    /// Copies samples in. Samples that find no room are counted as lost.
    pub(super) fn push(&mut self, samples: impl ExactSizeIterator<Item = f32>) {
        let offered = samples.len();
        let room = offered.min(self.tap.samples.slots());
        if let Ok(chunk) = self.tap.samples.write_chunk_uninit(room) {
            self.count += chunk.fill_from_iter(samples.take(room)) as u64;
        }
        self.tap.shared.lost.fetch_add((offered - room) as u64, SeqCst);
    }
}

/// The loop thread's end of the ring.
pub(super) struct Control {
    marks: SyncSender<Mark>,
    shared: Arc<Shared>,
}

impl Control {
    /// Starts a new job: samples belong to it from now on. Returns the position where it begins.
    pub(super) fn open(&self) -> u64 {
        let shared = &self.shared;
        shared.lost.store(0, SeqCst);
        shared.first_at.store(NEVER, SeqCst);
        shared.stop_at.store(NEVER, SeqCst);
        shared.drained.store(false, SeqCst);
        shared.open.store(true, SeqCst);
        self.written()
    }

    /// Asks the realtime thread to close the ring once all audio until `time` is in it.
    pub(super) fn drain_until(&self, time: Nanos) {
        self.shared.stop_at.store(time, SeqCst);
    }

    /// Closes the ring: no more samples are taken once this returns. Returns the position where the
    /// job ends.
    pub(super) fn close(&self) -> u64 {
        self.shared.open.store(false, SeqCst);
        // The realtime thread either saw that `open` is false, or copies one quantum: wait for
        // that, microseconds.
        while self.shared.busy.load(SeqCst) {
            std::thread::yield_now();
        }
        self.written()
    }

    /// Puts an event at a position. Waits while the reader is [`MARKS`] events behind.
    pub(super) fn mark(&self, at: u64, event: CaptureEvent) {
        // This fails only if the reader is gone. Then its owner is gone too, and nobody needs the
        // event.
        let _ = self.marks.send(Mark { at, event });
        ring_bell(&self.shared.wake);
    }

    /// Returns the position in the stream of samples.
    pub(super) fn written(&self) -> u64 {
        self.shared.written.load(SeqCst)
    }

    /// Returns how many of this job's samples found the ring full.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(SeqCst)
    }

    /// Returns when this job's first sample came.
    pub(super) fn first_at(&self) -> Option<Nanos> {
        Some(self.shared.first_at.load(SeqCst)).filter(|&at| at != NEVER)
    }

    /// Returns the id of the realtime thread that delivered the first sample.
    pub(super) fn thread(&self) -> i32 {
        self.shared.thread.load(SeqCst)
    }

    /// Whether all audio that [`Self::drain_until`] asked for is in the ring.
    pub(super) fn drained(&self) -> bool {
        self.shared.drained.load(SeqCst)
    }

    /// Returns a descriptor that becomes readable when the realtime thread has news.
    pub(super) fn nudge(&self) -> io::Result<OwnedFd> {
        self.shared.nudge.try_clone()
    }
}

/// The event loop's end of the ring.
pub(super) struct Reader {
    samples: rtrb::Consumer<f32>,
    noted: rtrb::Consumer<Cycle>,
    marks: Receiver<Mark>,
    wake: AsyncFd<OwnedFd>,
    /// The reader's position in the stream.
    read: u64,
    /// The job that the samples belong to. Without one they are dropped.
    job: Option<JobId>,
    /// A mark that was taken from the channel but is not reached yet.
    pending: Option<Mark>,
    /// Cycles that are not yet assigned to a job.
    cycles: VecDeque<Cycle>,
    /// Finds gaps in the job's samples.
    finder: GapFinder,
}

impl Reader {
    /// Returns the next samples or event. Cancel-safe: nothing is taken before it is returned.
    pub(super) async fn next(&mut self) -> CaptureOutput {
        loop {
            if let Some(output) = self.ready() {
                return output;
            }
            match self.wake.readable().await {
                Ok(mut guard) => drop(guard.try_io(|fd| hush(fd.get_ref()))),
                // The runtime is shutting down, and so is the caller.
                Err(_) => std::future::pending().await,
            }
        }
    }

    fn ready(&mut self) -> Option<CaptureOutput> {
        // Read the count first. Samples beyond a mark are written after the mark was sent, so a
        // mark that is not seen below cannot come before any of these samples. The same holds for
        // cycles: they are noted before their samples.
        let available = self.samples.slots();
        if self.pending.is_none() {
            self.pending = self.marks.try_recv().ok();
        }
        self.look_at_cycles();
        let Some(mark) = &self.pending else {
            return self.pass_on(available);
        };
        let left = usize::try_from(mark.at - self.read).unwrap_or(usize::MAX);
        if !matches!(mark.event, CaptureEvent::Ended { end: End::Cancelled, .. })
            && let Some(output) = self.pass_on(left)
        {
            return Some(output);
        }
        self.skip(left);
        let event = self.pending.take()?.event;
        match event {
            CaptureEvent::Started { job, .. } => self.job = Some(job),
            // A job that was refused because another is under way is not the one being read.
            CaptureEvent::Failed { job, .. } | CaptureEvent::Ended { job, .. } => {
                self.job = self.job.filter(|&reading| reading != job);
            }
        }
        if self.job.is_none() || matches!(event, CaptureEvent::Started { .. }) {
            self.finder = GapFinder::default();
            let read = self.read;
            self.cycles.retain(|cycle| cycle.at >= read);
        }
        Some(CaptureOutput::Event(event))
    }

    /// Passes the job's cycles to the gap finder, up to the job's end if that is known.
    fn look_at_cycles(&mut self) {
        self.cycles.extend(std::iter::from_fn(|| self.noted.pop().ok()));
        let Some(reading) = self.job else { return };
        // A cycle that begins where the recording ends belongs to the next recording.
        let end = self.pending.as_ref().and_then(|mark| match mark.event {
            CaptureEvent::Ended { job, .. } if job == reading => Some(mark.at),
            _ => None,
        });
        while let Some(&cycle) = self.cycles.front()
            && end.is_none_or(|end| cycle.at < end)
        {
            self.cycles.pop_front();
            self.finder.take(cycle);
        }
        if end.is_some() {
            self.finder.settle();
        }
    }

    /// Returns the job's next gap, or samples up to the next gap, `count` at most.
    fn pass_on(&mut self, count: usize) -> Option<CaptureOutput> {
        let job = self.job?;
        if let Some(missing) = self.finder.next_before(self.read) {
            return Some(CaptureOutput::Gap { job, missing });
        }
        let clear = self.finder.clear_until().map(|until| until.saturating_sub(self.read));
        let clear = clear.map_or(usize::MAX, |clear| usize::try_from(clear).unwrap_or(usize::MAX));
        self.take(count.min(clear))
    }

    fn take(&mut self, count: usize) -> Option<CaptureOutput> {
        let job = self.job.filter(|_| count > 0)?;
        let chunk = self.samples.read_chunk(count).ok()?;
        let samples: Vec<f32> = chunk.into_iter().collect();
        self.read += count as u64;
        Some(CaptureOutput::Pcm { job, samples })
    }

    fn skip(&mut self, count: usize) {
        if let Ok(chunk) = self.samples.read_chunk(count) {
            chunk.commit_all();
            self.read += count as u64;
        }
    }
}

#[cfg(test)]
mod tests;
