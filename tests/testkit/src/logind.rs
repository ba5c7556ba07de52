//! A double of logind on a private system bus, as far as sleep is concerned.

use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;

use crate::private_bus::PrivateBus;

/// Far longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(30);
const PATH: &str = "/org/freedesktop/login1";

struct Manager {
    locks: SyncSender<Lock>,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: String, who: String, why: String, mode: String) -> zbus::OwnedFd {
        assert_eq!((&*what, &*who, &*mode), ("sleep", "v2m", "delay"));
        assert!(!why.is_empty());
        let (ours, theirs) = pipe().unwrap();
        self.locks.send(Lock(ours)).unwrap();
        OwnedFd::from(theirs).into()
    }
}

/// An inhibitor lock that logind has handed out.
pub struct Lock(PipeReader);

impl Lock {
    /// Waits until the lock is released.
    pub fn released(mut self) {
        // End of file: the holder has closed it, so nobody can write to it.
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }

    /// Returns whether the lock is held.
    pub fn is_held(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 0
    }
}

/// A running double. It serves on its own thread until this is dropped.
pub struct Logind {
    /// Signals to send, each with a channel that confirms it.
    words: mpsc::Sender<(bool, SyncSender<()>)>,
    locks: Receiver<Lock>,
    bus: PrivateBus,
}

async fn serve(
    bus: zbus::connection::Builder<'static>,
    locks: SyncSender<Lock>,
    mut words: mpsc::Receiver<(bool, SyncSender<()>)>,
    ready: SyncSender<()>,
) {
    let builder = bus.serve_at(PATH, Manager { locks }).name("org.freedesktop.login1");
    let connection = builder.build().await.unwrap();
    ready.send(()).unwrap();
    while let Some((about_to_sleep, said)) = words.recv().await {
        let manager = "org.freedesktop.login1.Manager";
        let signal =
            connection.emit_signal(None::<&str>, PATH, manager, "PrepareForSleep", &about_to_sleep);
        signal.await.unwrap();
        said.send(()).unwrap();
    }
}

impl Logind {
    pub fn start() -> Self {
        Self::on(PrivateBus::start())
    }

    /// Restarts the bus, and logind on it.
    pub fn restarted(mut self) -> Self {
        self.bus.restart();
        Self::on(self.bus)
    }

    fn on(bus: PrivateBus) -> Self {
        let (lock_sender, locks) = sync_channel(8);
        let (words, words_in) = mpsc::channel(1);
        let (ready_sender, ready) = sync_channel(1);
        let builder = bus.builder();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(builder, lock_sender, words_in, ready_sender));
        });
        ready.recv_timeout(PATIENCE).expect("the double is on the bus");
        Self { words, locks, bus }
    }

    /// The value for `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> String {
        self.bus.address.clone()
    }

    /// Waits for the next request for a lock.
    pub fn lock(&self) -> Lock {
        self.locks.recv_timeout(PATIENCE).expect("a lock is asked for")
    }

    /// Returns whether no lock was requested.
    pub fn is_unasked(&self) -> bool {
        self.locks.try_recv().is_err()
    }

    /// Signals that the machine is about to sleep, or that it is awake.
    pub fn say(&self, about_to_sleep: bool) {
        let (sender, said) = sync_channel(1);
        self.words.blocking_send((about_to_sleep, sender)).unwrap();
        said.recv_timeout(PATIENCE).expect("it is said");
    }
}
