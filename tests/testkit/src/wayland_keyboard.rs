//! The user's keyboard, on a compositor without devices.

use kbvm::xkb;
use kbvm::xkb::diagnostic::WriteToLog;
use kbvm::xkb::rmlvo::Group;
use std::io::Write;
use std::os::fd::AsFd;
use wayland_client::protocol::wl_keyboard::{KeyState, KeymapFormat};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::{
    zwp_virtual_keyboard_manager_v1::ZwpVirtualKeyboardManagerV1,
    zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1,
};

/// A keyboard, plugged in until this is dropped.
pub struct Keyboard {
    queue: EventQueue<Globals>,
    keyboard: ZwpVirtualKeyboardV1,
}

#[derive(Default)]
struct Globals {
    seat: Option<WlSeat>,
    keyboards: Option<ZwpVirtualKeyboardManagerV1>,
}

impl Keyboard {
    /// Plugs in a keyboard with these layouts, and calls [`Self::press`].
    pub fn plug_in(layouts: &[&str]) -> Self {
        Self::plug_into(Connection::connect_to_env().unwrap(), layouts)
    }

    /// Like [`Self::plug_in`], for one of several compositors.
    pub fn plug_into(conn: Connection, layouts: &[&str]) -> Self {
        let mut queue = conn.new_event_queue();
        let handle = queue.handle();
        let mut globals = Globals::default();
        let _registry = conn.display().get_registry(&handle, ());
        queue.roundtrip(&mut globals).unwrap();
        let (seat, keyboards) = (globals.seat.clone().unwrap(), globals.keyboards.clone().unwrap());
        let keyboard = keyboards.create_virtual_keyboard(&seat, &handle, ());
        let groups: Vec<Group<'_>> =
            layouts.iter().map(|layout| Group { layout, variant: "" }).collect();
        let context = xkb::Context::builder().build();
        let keymap = context.keymap_from_names(WriteToLog, None, None, Some(&groups), None);
        let text = format!("{}\0", keymap.format());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let size = u32::try_from(text.len()).unwrap();
        keyboard.keymap(KeymapFormat::XkbV1.into(), file.as_fd(), size);
        let mut keyboard = Self { queue, keyboard };
        keyboard.press();
        keyboard
    }

    /// Presses a key without a meaning, as the user presses a shortcut. From then on, the
    /// compositor uses this keyboard's layout.
    pub fn press(&mut self) {
        // F24's code in Linux's input-event-codes.h.
        self.hold(0, 194, || ());
    }

    /// Presses or releases a key, and sets the modifiers that are down from then on. The code is
    /// that of input-event-codes.h.
    pub fn key(&mut self, code: u32, down: bool, modifiers: u32) {
        let state = if down { KeyState::Pressed } else { KeyState::Released };
        self.keyboard.key(0, code, state.into());
        self.keyboard.modifiers(modifiers, 0, 0, 0);
        self.queue.roundtrip(&mut Globals::default()).unwrap();
    }

    /// Holds a key down with a set of modifiers while `meanwhile` runs. The code is that of
    /// input-event-codes.h.
    pub fn hold(&mut self, modifiers: u32, code: u32, meanwhile: impl FnOnce()) {
        self.keyboard.modifiers(modifiers, 0, 0, 0);
        self.keyboard.key(0, code, KeyState::Pressed.into());
        self.queue.roundtrip(&mut Globals::default()).unwrap();
        meanwhile();
        self.keyboard.key(0, code, KeyState::Released.into());
        self.keyboard.modifiers(0, 0, 0, 0);
        self.queue.roundtrip(&mut Globals::default()).unwrap();
    }
}

impl Dispatch<WlRegistry, ()> for Globals {
    fn event(
        globals: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_registry::Event::Global { name, interface, .. } = event else { return };
        if interface == WlSeat::interface().name {
            globals.seat = Some(registry.bind(name, 1, queue, ()));
        } else if interface == ZwpVirtualKeyboardManagerV1::interface().name {
            globals.keyboards = Some(registry.bind(name, 1, queue, ()));
        }
    }
}

impl Dispatch<WlSeat, ()> for Globals {
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

delegate_noop!(Globals: ZwpVirtualKeyboardManagerV1);
delegate_noop!(Globals: ZwpVirtualKeyboardV1);
