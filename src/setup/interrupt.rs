//! Ctrl+C, at any moment: what is half done is finished or dropped, and the user is told where
//! things stand.
//!
//! A thread waits for the signal. Changes are made within [`whole`], which it waits for. A recording
//! that the set-up has started in the service is cancelled.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use v2m_ipc::client::Client;
use v2m_ipc::message::Command;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The exit status of a program that SIGINT has ended, as shells give it.
pub(super) const INTERRUPTED: u8 = 130;

/// What must not stay half done.
#[derive(Debug)]
struct UnderWay {
    is_recording: bool,
}

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay { is_recording: false });

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a change that no signal interrupts.
pub(super) fn whole<T>(change: impl FnOnce() -> T) -> T {
    let _held = under_way();
    change()
}

/// Notes whether the service records for the set-up.
pub(super) fn recording(is_recording: bool) {
    under_way().is_recording = is_recording;
}

/// Has SIGINT, SIGTERM and SIGHUP end the set-up in order from now on.
///
/// # Errors
/// If the thread or its signal handlers cannot be had.
pub(super) fn watch() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _within = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(|kind| signal(kind))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?
    };
    std::thread::Builder::new().name("v2m-setup-stop".into()).spawn(move || {
        runtime.block_on(std::future::poll_fn(|context| {
            let is_here = signals.iter_mut().any(|one| one.poll_recv(context).is_ready());
            if is_here { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }));
        end();
    })?;
    Ok(())
}

#[expect(clippy::exit, reason = "the main thread waits for a line that does not come")]
fn end() {
    let under_way = under_way();
    if under_way.is_recording {
        // Over a connection of its own: the other one waits for an answer.
        let _ = Client::connect().and_then(|mut client| client.request(&Command::CancelRecording));
    }
    plain::complain(format_args!(
        "\n{}",
        tr!("The set-up was interrupted. What is done stays; `v2m setup` continues with the rest.")
    ));
    std::process::exit(INTERRUPTED.into());
}
