//! For how long nobody has done anything, as a compositor tells it that has ext-idle-notify (KWin, wlroots).
//!
//! On a thread of its own, which ends with its owner: the compositor tells when somebody does something after a moment of rest,
//! and when that moment has come.

use super::super::Problem;
use super::server::{ANSWER, Woken, broken, connection, wait};
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::ext::idle_notify::v1::client::{
    ext_idle_notification_v1::{self, ExtIdleNotificationV1},
    ext_idle_notifier_v1::ExtIdleNotifierV1,
};

/// The moment of rest.
const REST: Duration = Duration::from_millis(2);

/// Since when nobody has done anything; `None`: somebody does.
type Since = Arc<Mutex<Option<Instant>>>;

/// The watch. Ends when dropped.
#[derive(Debug)]
pub(in super::super) struct Idle {
    since: Since,
    /// Its end wakes the thread.
    _bell: OwnedFd,
}

#[derive(Debug)]
struct Told {
    notifier: Option<ExtIdleNotifierV1>,
    seat: Option<WlSeat>,
    rounds: u32,
    since: Since,
}

impl Idle {
    /// Begins to watch. Blocking.
    ///
    /// # Errors
    /// [`Problem::NoWay`]: the compositor does not tell.
    pub(in super::super) fn watch() -> Result<Self, Problem> {
        let conn = connection()?;
        let mut queue = conn.new_event_queue();
        let handle = queue.handle();
        let since = Since::default();
        let mut told = Told { notifier: None, seat: None, rounds: 0, since: Arc::clone(&since) };
        let _registry = conn.display().get_registry(&handle, ());
        conn.display().sync(&handle, ());
        catch_up(&mut queue, &mut told)?;
        let (Some(notifier), Some(seat)) = (&told.notifier, &told.seat) else {
            return Err(Problem::NoWay);
        };
        let milliseconds = u32::try_from(REST.as_millis()).unwrap_or(u32::MAX);
        notifier.get_idle_notification(milliseconds, seat, &handle, ());
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (heard, bell) = pipe.map_err(|errno| Problem::NoThread(errno.into()))?;
        let thread = std::thread::Builder::new().name("v2m-idle".to_owned());
        let watching = thread.spawn(move || {
            while matches!(
                wait(&mut queue, &mut told, None, Some(heard.as_fd()), Vec::new()),
                Ok(Woken::News | Woken::TimeIsUp)
            ) {}
            // Nobody knows any more.
            *told.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        });
        watching.map_err(Problem::NoThread)?;
        Ok(Self { since, _bell: bell })
    }

    /// For how long nobody has done anything.
    pub(in super::super) fn time(&self) -> Duration {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

fn catch_up(queue: &mut EventQueue<Told>, told: &mut Told) -> Result<(), Problem> {
    let until = Instant::now() + ANSWER;
    while told.rounds == 0 {
        if wait(queue, told, Some(until), None, Vec::new())? == Woken::TimeIsUp {
            return Err(Problem::Hanging);
        }
    }
    queue.dispatch_pending(told).map_err(broken).map(drop)
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
        let wl_registry::Event::Global { name, interface, .. } = event else { return };
        if interface == ExtIdleNotifierV1::interface().name {
            told.notifier = Some(registry.bind(name, 1, queue, ()));
        } else if interface == WlSeat::interface().name && told.seat.is_none() {
            told.seat = Some(registry.bind(name, 1, queue, ()));
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

impl Dispatch<WlSeat, ()> for Told {
    fn event(
        _: &mut Self,
        _: &WlSeat,
        _: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        // What it has does not matter here.
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
        let mut since = told.since.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ext_idle_notification_v1::Event::Idled => *since = Instant::now().checked_sub(REST),
            ext_idle_notification_v1::Event::Resumed => *since = None,
            _ => {}
        }
    }
}

delegate_noop!(Told: ExtIdleNotifierV1);
