//! The keyboard's layout as the compositor tells it to every program: no window is needed for it.
//!
//! Which of its groups is in force only the window with the keyboard is told.

use super::Stroke;
use crate::deliver::clipboard::data_control::server::{ANSWER, Woken, broken, connection, wait};
use crate::deliver::problem::Problem;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::Instant;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_keyboard::{self, KeymapFormat, WlKeyboard};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, WEnum};

/// Of a layout in text form. Those of four groups take some 100 kB.
const MOST: usize = 4 << 20;

#[derive(Debug, Default)]
struct Told {
    seat: Option<WlSeat>,
    has_keyboard: bool,
    layout: Option<(OwnedFd, u32)>,
    rounds: u32,
}

/// The layout in xkb's text form. `None`: there is no keyboard. Blocking.
pub(crate) fn layout() -> Result<Option<Vec<u8>>, Problem> {
    let conn = connection()?;
    let mut queue = conn.new_event_queue();
    let handle = queue.handle();
    let mut told = Told::default();
    let _registry = conn.display().get_registry(&handle, ());
    // First what there is, then whether it has a keyboard, then what the keyboard is like.
    for round in 1..=3 {
        conn.display().sync(&handle, ());
        let until = Instant::now() + ANSWER;
        while told.rounds < round {
            if wait(&mut queue, &mut told, Some(until), None, Vec::new())? == Woken::TimeIsUp {
                return Err(Problem::Hanging);
            }
        }
        queue.dispatch_pending(&mut told).map_err(broken)?;
        if round == 2 {
            // To ask a seat for what it never had is an error that ends the connection.
            let Some(seat) = told.seat.as_ref().filter(|_| told.has_keyboard) else {
                return Ok(None);
            };
            seat.get_keyboard(&handle, ());
        }
    }
    told.layout.map(|(file, size)| read(file, size)).transpose()
}

/// Refuses what takes too many keys. A compositor that finds some 200 kB waiting for a program takes it for dead (libwayland
/// before 1.23) and ends its connection, and the program with it. So a program that hangs must live through all the keys of
/// a text. They are sent at once: what comes in drops takes more of the kernel's room than what comes in a gush.
pub(crate) fn check(strokes: &[Stroke]) -> Result<(), Problem> {
    /// Bytes of events that a program may be sent: in the kernel they take twice that.
    const MOST: usize = 48 << 10;
    /// A key's events, pressed and released: 24 bytes each.
    const KEY: usize = 48;
    /// An event that tells the modifiers: 28 bytes, before and after the key.
    const MODIFIERS: usize = 56;
    let bytes = |stroke: &Stroke| match stroke.hold.len() {
        0 => KEY,
        held => KEY + held * (KEY + MODIFIERS),
    };
    if strokes.iter().map(bytes).sum::<usize>() > MOST { Err(Problem::TooLong) } else { Ok(()) }
}

fn read(file: OwnedFd, size: u32) -> Result<Vec<u8>, Problem> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > MOST {
        return Err(Problem::NoLayout("it is too large"));
    }
    let mut text = vec![0; size];
    File::from(file).read_exact_at(&mut text, 0).map_err(broken)?;
    Ok(text)
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
        if let wl_registry::Event::Global { name, interface, .. } = event
            && interface == WlSeat::interface().name
            && told.seat.is_none()
        {
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
        told: &mut Self,
        _: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(all) } = event {
            told.has_keyboard = all.contains(Capability::Keyboard);
        }
    }
}

impl Dispatch<WlKeyboard, ()> for Told {
    fn event(
        told: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_keyboard::Event::Keymap { format, fd, size } = event {
            let is_text = format == WEnum::Value(KeymapFormat::XkbV1);
            told.layout = is_text.then_some((fd, size));
        }
    }
}
