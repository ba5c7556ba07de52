//! When the user becomes active and idle, as the compositor tells (ext-idle-notify): whether keys or only the mouse, it does not say.

use super::{Grain, Recorder, Watch};
use crate::deliver::clipboard::data_control::server::{ANSWER, Woken, broken, connection, wait};
use crate::deliver::problem::Problem;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use tracing::debug;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::ext::idle_notify::v1::client::{
    ext_idle_notification_v1::{self, ExtIdleNotificationV1},
    ext_idle_notifier_v1::ExtIdleNotifierV1,
};

/// After how long the user counts as idle.
const IDLE: Duration = Duration::from_secs(1);
/// The version that tells of the user's hands alone, whatever keeps the screen from going dark.
const HANDS_ALONE: u32 = 2;

#[derive(Debug)]
struct Told {
    seat: Option<WlSeat>,
    notifier: Option<ExtIdleNotifierV1>,
    rounds: u32,
    recorder: Recorder,
    is_over: bool,
}

/// Watches from now on. `None`: the compositor does not tell.
pub(crate) async fn watch() -> Option<Watch> {
    Watch::by_thread(Grain::Coarse, |recorder, end| {
        if let Err(problem) = work(recorder, &end) {
            debug!(reason = %problem, "the compositor does not tell when somebody is active");
        }
    })
    .await
}

fn work(recorder: Recorder, end: &OwnedFd) -> Result<(), Problem> {
    let conn = connection()?;
    let mut queue = conn.new_event_queue();
    let handle = queue.handle();
    let mut told = Told { seat: None, notifier: None, rounds: 0, recorder, is_over: false };
    let _registry = conn.display().get_registry(&handle, ());
    // First what there is, then the beginning of the watch.
    for round in 1..=2 {
        conn.display().sync(&handle, ());
        let until = Instant::now() + ANSWER;
        while told.rounds < round {
            if wait(&mut queue, &mut told, Some(until), None, Vec::new())? == Woken::TimeIsUp {
                return Err(Problem::Hanging);
            }
        }
        queue.dispatch_pending(&mut told).map_err(broken)?;
        if round == 1 {
            let (Some(seat), Some(notifier)) = (&told.seat, &told.notifier) else {
                return Err(Problem::NoWay);
            };
            let time = u32::try_from(IDLE.as_millis()).unwrap_or(u32::MAX);
            if notifier.version() >= HANDS_ALONE {
                notifier.get_input_idle_notification(time, seat, &handle, ());
            } else {
                notifier.get_idle_notification(time, seat, &handle, ());
            }
        }
    }
    told.is_over = !told.recorder.begin();
    while !told.is_over {
        if wait(&mut queue, &mut told, None, Some(end.as_fd()), Vec::new())? == Woken::Rung {
            return Ok(());
        }
    }
    Ok(())
}

impl Dispatch<WlRegistry, ()> for Told {
    fn event(
        told: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_registry::Event::Global { name, interface, version } = event else { return };
        if interface == WlSeat::interface().name && told.seat.is_none() {
            told.seat = Some(registry.bind(name, 1, queue, ()));
        } else if interface == ExtIdleNotifierV1::interface().name {
            told.notifier = Some(registry.bind(name, version.min(HANDS_ALONE), queue, ()));
        }
    }
}

impl Dispatch<WlCallback, ()> for Told {
    fn event(
        told: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        told.rounds += 1;
    }
}

impl Dispatch<ExtIdleNotificationV1, ()> for Told {
    fn event(
        told: &mut Self,
        _: &ExtIdleNotificationV1,
        event: ext_idle_notification_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            ext_idle_notification_v1::Event::Idled => told.recorder.idle(IDLE),
            ext_idle_notification_v1::Event::Resumed => told.is_over |= !told.recorder.active(),
            _ => {}
        }
    }
}

impl Dispatch<WlSeat, ()> for Told {
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

// It has no events.
delegate_noop!(Told: ExtIdleNotifierV1);
