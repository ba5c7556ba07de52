//! Watches when the user becomes active and idle, as reported by the compositor (ext-idle-notify).
//! It does not say whether keys or only the mouse caused it.

use super::{Grain, InputWatch, Recorder};
use crate::deliver::display::wayland::{CompositorState, WaylandConnection, Woken};
use crate::deliver::error::DeliverError;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tracing::debug;
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::ext::idle_notify::v1::client::{
    ext_idle_notification_v1::{self, ExtIdleNotificationV1},
    ext_idle_notifier_v1::ExtIdleNotifierV1,
};

/// The time without activity after which the user counts as idle.
const IDLE: Duration = Duration::from_secs(1);
/// The version that reports only the user's input, and ignores programs that keep the screen on.
const HANDS_ALONE: u32 = 2;

#[derive(Debug)]
struct IdleListener {
    recorder: Recorder,
    is_over: bool,
}

/// Starts a watch. `None`: the compositor does not report activity.
pub(crate) async fn watch() -> Option<InputWatch> {
    InputWatch::by_thread(Grain::Coarse, |recorder, end| {
        if let Err(problem) = work(recorder, &end) {
            debug!(reason = %problem, "the compositor does not tell when somebody is active");
        }
    })
    .await
}

fn work(recorder: Recorder, end: &OwnedFd) -> Result<(), DeliverError> {
    let mut compositor = WaylandConnection::begin(IdleListener { recorder, is_over: false })?;
    let (seat, handle) = (compositor.bind::<WlSeat>(1), compositor.handle());
    let notifier = compositor.bind::<ExtIdleNotifierV1>(HANDS_ALONE);
    let (Some(seat), Some(notifier)) = (seat, notifier) else { return Err(DeliverError::NoWay) };
    let time = u32::try_from(IDLE.as_millis()).unwrap_or(u32::MAX);
    if notifier.version() >= HANDS_ALONE {
        notifier.get_input_idle_notification(time, &seat, &handle, ());
    } else {
        notifier.get_idle_notification(time, &seat, &handle, ());
    }
    compositor.catch_up()?;
    compositor.heard.state.is_over = !compositor.heard.state.recorder.begin();
    while !compositor.heard.state.is_over {
        if compositor.wait(None, Some(end.as_fd()), Vec::new())? == Woken::Rung {
            return Ok(());
        }
    }
    Ok(())
}

impl Dispatch<ExtIdleNotificationV1, ()> for CompositorState<IdleListener> {
    fn event(
        heard: &mut Self,
        _: &ExtIdleNotificationV1,
        event: ext_idle_notification_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let told = &mut heard.state;
        match event {
            ext_idle_notification_v1::Event::Idled => told.recorder.idle(IDLE),
            ext_idle_notification_v1::Event::Resumed => told.is_over |= !told.recorder.active(),
            _ => {}
        }
    }
}

impl Dispatch<WlSeat, ()> for CompositorState<IdleListener> {
    fn event(
        _: &mut Self,
        _: &WlSeat,
        _: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

// The notifier has no events.
delegate_noop!(CompositorState<IdleListener>: ExtIdleNotifierV1);
