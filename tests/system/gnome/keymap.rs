//! GNOME Shell's current keymap, as sent to every program.

use kbvm::xkb::diagnostic::WriteToLog;
use kbvm::{GroupIndex, Keycode, ModifierMask, xkb};
use std::os::unix::fs::FileExt;
use wayland_client::protocol::wl_keyboard::{self, WlKeyboard};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle};

#[derive(Default)]
struct Told {
    seat: Option<WlSeat>,
    text: String,
}

/// Returns the character that the key right of L types on the first layout.
pub(crate) fn right_of_l() -> char {
    const KEY: Keycode = Keycode::from_evdev(39);
    let keymap = xkb::Context::builder().build().keymap_from_bytes(WriteToLog, None, keymap());
    let table = keymap.unwrap().to_builder().build_lookup_table();
    let meaning = table.lookup(GroupIndex(0), ModifierMask::default(), KEY);
    meaning.into_iter().next().unwrap().char().unwrap()
}

/// Returns the keymap in xkb's text format.
fn keymap() -> String {
    let conn = Connection::connect_to_env().unwrap();
    let mut queue = conn.new_event_queue();
    let handle = queue.handle();
    let mut told = Told::default();
    conn.display().get_registry(&handle, ());
    queue.roundtrip(&mut told).unwrap();
    told.seat.as_ref().unwrap().get_keyboard(&handle, ());
    queue.roundtrip(&mut told).unwrap();
    told.text
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
        {
            told.seat = Some(registry.bind(name, 1, queue, ()));
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

impl Dispatch<WlKeyboard, ()> for Told {
    fn event(
        told: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_keyboard::Event::Keymap { fd, size, .. } = event {
            let mut text = vec![0; size.try_into().unwrap()];
            let file = std::fs::File::from(fd);
            file.read_exact_at(&mut text, 0).unwrap();
            told.text = String::from_utf8(text).unwrap().trim_end_matches('\0').to_owned();
        }
    }
}
