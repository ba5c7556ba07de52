//! The thread `v2m-capture` and its loop. The thread sleeps until PipeWire, a command, the realtime
//! thread or a deadline wakes it. With no job and no lingering stream there is no deadline.

use super::clock::{self, NEVER, Nanos};
use super::ring::{Control, Tap, hush};
use super::worker::Worker;
use super::{CaptureCommand, CaptureError};
use pipewire::channel::Receiver;
use pipewire::loop_::Timeout;
use pipewire::main_loop::MainLoopRc;
use pipewire::spa::support::system::IoFlags;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// A message from the handle to the thread.
pub(super) enum Order {
    Command { command: CaptureCommand, at: Nanos },
    Shutdown,
}

/// Makes a PipeWire loop for this thread.
pub(super) fn new_loop() -> Result<MainLoopRc, CaptureError> {
    pipewire::init();
    MainLoopRc::new(None).map_err(|error| CaptureError::Setup(error.to_string()))
}

/// Sleeps until something happens or `deadline` has passed.
pub(super) fn turn(mainloop: &MainLoopRc, deadline: Nanos) {
    let timeout = match deadline {
        NEVER => Timeout::Infinite,
        // The loop rounds down to whole milliseconds. Add one, or it would spin through the last
        // millisecond.
        _ => Timeout::Finite(clock::between(clock::now(), deadline) + Duration::from_millis(1)),
    };
    mainloop.loop_().iterate(timeout);
}

/// Runs the thread until shutdown. Sends to `ready` once whether the thread can work.
pub(super) fn run(
    inbox: Receiver<Order>,
    nudge: OwnedFd,
    tap: Tap,
    control: Control,
    linger: Duration,
    ready: &SyncSender<Result<(), CaptureError>>,
) {
    let (mainloop, can_work) = match new_loop() {
        Ok(mainloop) => (Some(mainloop), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // The caller that spawned the thread waits for this.
    let _ = ready.send(can_work);
    let Some(mainloop) = mainloop else { return };
    let orders = Rc::new(RefCell::new(VecDeque::new()));
    let queue = Rc::clone(&orders);
    let _inbox = inbox.attach(mainloop.loop_(), move |order| queue.borrow_mut().push_back(order));
    // Waking the loop is enough: the worker reads for itself what the realtime thread noted.
    let _nudge = mainloop.loop_().add_io(nudge, IoFlags::IN, |fd| drop(hush(fd)));
    let mut worker = Worker::new(mainloop.clone(), tap, control, linger);
    loop {
        turn(&mainloop, worker.deadline());
        worker.step();
        loop {
            // Do not put this in a `while let`: the borrow would last through the body.
            let Some(order) = orders.borrow_mut().pop_front() else { break };
            match order {
                Order::Command { command, at } => worker.obey(command, at),
                Order::Shutdown => return,
            }
            worker.step();
        }
    }
}
