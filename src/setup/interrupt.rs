//! Ctrl+C, at any moment: what is half done is finished or dropped, and the user is told where
//! things stand.
//!
//! A thread waits for the signal. Changes are made within [`whole`], which it waits for. A recording
//! that the set-up has started in the service is cancelled.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::message::Command;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The exit status of a program that SIGINT has ended, as shells give it.
pub(super) const INTERRUPTED: u8 = 130;

/// How long the service may take to cancel a recording. Ctrl+C ends the set-up in any case.
const ANSWER: Duration = Duration::from_secs(2);

/// A recording that the set-up has asked for. Times are in seconds since 1970, as the status has
/// them in `recording_since`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Recording {
    /// None, or it is over.
    None,
    /// Asked for at this moment, and not begun as far as is known.
    Asked(f64),
    /// Begun at this moment, as the service says.
    Begun(f64),
}

impl Recording {
    /// Asked for now.
    pub(super) fn asked() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self::Asked(now.map_or(0.0, |since| since.as_secs_f64()))
    }

    /// Whether it is the one that began at that moment: somebody may have ended it and begun another.
    fn is(self, since: f64) -> bool {
        // The status may be rounded.
        const ROUNDED: f64 = 0.01;
        match self {
            Self::None => false,
            Self::Asked(from) => since >= from - ROUNDED,
            Self::Begun(at) => (since - at).abs() < ROUNDED,
        }
    }
}

/// What must not stay half done.
#[derive(Debug)]
struct UnderWay {
    recording: Recording,
}

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay { recording: Recording::None });

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a change that no signal interrupts.
pub(super) fn whole<T>(change: impl FnOnce() -> T) -> T {
    let _held = under_way();
    change()
}

/// Notes what the service records for the set-up.
pub(super) fn recording(recording: Recording) {
    under_way().recording = recording;
}

/// When the recording began that the service is making, if it is making one.
///
/// # Errors
/// If the service does not answer.
pub(super) fn recording_since(client: &mut Client) -> Result<Option<f64>, ClientError> {
    Ok(client.request(&Command::GetStatus)?.data["recording_since"].as_f64())
}

/// Cancels that recording, if it is the one that the service is making.
///
/// # Errors
/// If the service does not answer.
pub(super) fn cancel(client: &mut Client, recording: Recording) -> Result<(), ClientError> {
    if recording_since(client)?.is_some_and(|since| recording.is(since)) {
        client.request(&Command::CancelRecording)?;
    }
    Ok(())
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
    if under_way.recording != Recording::None {
        // Over a connection of its own: the other one waits for an answer.
        if let Ok(mut client) = Client::connect()
            && client.answer_within(ANSWER).is_ok()
        {
            let _ = cancel(&mut client, under_way.recording);
        }
    }
    plain::complain(format_args!(
        "\n{}",
        tr!("The set-up was interrupted. What is done stays; `v2m setup` continues with the rest.")
    ));
    std::process::exit(INTERRUPTED.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_set_ups_own_recording_is_cancelled() {
        assert!(!Recording::None.is(5.0));
        assert!(Recording::Asked(5.0).is(5.1) && !Recording::Asked(5.0).is(4.0));
        assert!(Recording::Begun(5.12).is(5.12) && !Recording::Begun(5.12).is(7.0));
    }
}
