//! Handles Ctrl+C at any moment: partial work is finished or dropped, and the user gets a summary
//! of the state.
//!
//! A thread waits for the signal. Changes are made within [`whole`], which the thread waits for. A
//! recording that the set-up has started in the service is cancelled.

use super::dialogue;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use v2m_ipc::client::{Client, ClientError};
use v2m_ipc::message::Command;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The exit status of a program ended by SIGINT, as in shells.
pub(super) const INTERRUPTED: u8 = 130;

/// How long the service may take to cancel a recording. Ctrl+C ends the set-up in any case.
const ANSWER: Duration = Duration::from_secs(2);

/// A recording requested by the set-up. Times are in seconds since 1970, as in `recording_since` of
/// the status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Recording {
    /// None, or it has ended.
    None,
    /// Requested at this time, and not known to have begun.
    Asked(f64),
    /// Begun at this time, according to the service.
    Begun(f64),
}

impl Recording {
    /// Creates a recording requested now.
    pub(super) fn asked() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self::Asked(now.map_or(0.0, |since| since.as_secs_f64()))
    }

    /// Whether it is the one that began at that time: somebody may have ended it and begun another.
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

/// State that must not be left incomplete.
#[derive(Debug)]
struct UnderWay {
    recording: Recording,
}

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay { recording: Recording::None });

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a change that signals do not interrupt.
pub(super) fn whole<T>(change: impl FnOnce() -> T) -> T {
    let _held = under_way();
    change()
}

/// Notes the service's recording for the set-up.
pub(super) fn recording(recording: Recording) {
    under_way().recording = recording;
}

/// Returns when the service's current recording began, if there is one.
///
/// # Errors
/// If the service does not answer.
pub(super) fn recording_since(client: &mut Client) -> Result<Option<f64>, ClientError> {
    Ok(client.request(&Command::GetStatus)?.data["recording_since"].as_f64())
}

/// Cancels that recording, if it is the service's current one.
///
/// # Errors
/// If the service does not answer.
pub(super) fn cancel(client: &mut Client, recording: Recording) -> Result<(), ClientError> {
    if recording_since(client)?.is_some_and(|since| recording.is(since)) {
        client.request(&Command::CancelRecording)?;
    }
    Ok(())
}

/// Makes SIGINT, SIGTERM and SIGHUP end the set-up in order from now on.
///
/// # Errors
/// If the thread or its signal handlers cannot be created.
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
        // Use a separate connection: the other one is waiting for an answer.
        if let Ok(mut client) = Client::connect()
            && client.answer_within(ANSWER).is_ok()
        {
            let _ = cancel(&mut client, under_way.recording);
        }
    }
    let told =
        tr!("The set-up was interrupted. What is done stays; `v2m setup` continues with the rest.");
    plain::complain(dialogue::fitted(&format!("\n{told}"), &std::io::stderr()));
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
