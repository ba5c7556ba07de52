//! Types a text with the keys that write it on the active layout (XTEST).

use super::{carried_out, strike};
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::layout::{Layout, Locked, NotALayout, Stroke};
use kbvm::xkb::x11::KbvmX11Ext as _;
use v2m_messages::tr;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::Keycode;

/// The number of strokes that are typed between two checks of the keyboard focus.
const PIECE: usize = 16;

/// The keys of a text.
#[derive(Debug)]
pub(crate) struct Typing {
    strokes: Vec<Vec<Keycode>>,
    in_the_way: Vec<Keycode>,
}

impl Typing {
    /// Finds the keys for `text` on the keyboard's current layout.
    pub(crate) fn find(server: &Server, text: &str) -> Result<Self, DeliverError> {
        let layout = layout(server)?;
        let state = server.conn.xkb_get_state(xkb::ID::USE_CORE_KBD.into())?.reply()?;
        // A latched modifier would change only the first key.
        if u16::from(state.latched_mods) != 0 || state.latched_group != 0 {
            return Err(DeliverError::NoLayout(tr!("a sticky key is waiting for its letter")));
        }
        let locked = Locked(u32::from(u16::from(state.locked_mods)));
        let strokes = layout.strokes(text, u32::from(u8::from(state.group)), locked)?;
        let strokes: Option<Vec<_>> = strokes.iter().map(codes).collect();
        let strokes =
            strokes.ok_or(DeliverError::NoLayout(tr!("it has keys that X11 has no codes for")))?;
        let mut in_the_way: Vec<Keycode> = strokes.iter().flatten().copied().collect();
        in_the_way.extend(layout.modifier_keys().filter_map(|code| u8::try_from(code).ok()));
        in_the_way.sort_unstable();
        in_the_way.dedup();
        Ok(Self { strokes, in_the_way })
    }

    /// Returns all keys that would change the typed text if they were down.
    pub(crate) fn in_the_way(&self) -> &[Keycode] {
        &self.in_the_way
    }

    /// Types the text. `go_on` is asked before each piece.
    pub(crate) fn write(
        &self,
        server: &Server,
        go_on: impl Fn() -> Result<bool, DeliverError>,
    ) -> Result<(), DeliverError> {
        for (number, piece) in self.strokes.chunks(PIECE).enumerate() {
            if !go_on()? {
                return Err(if number == 0 { DeliverError::Moved } else { DeliverError::InPart });
            }
            for stroke in piece {
                strike(server, stroke.iter().copied())?;
            }
            carried_out(server)?;
        }
        Ok(())
    }
}

fn codes(stroke: &Stroke) -> Option<Vec<Keycode>> {
    stroke.hold.iter().chain([&stroke.key]).map(|code| u8::try_from(*code).ok()).collect()
}

fn layout(server: &Server) -> Result<Layout, DeliverError> {
    let read = || {
        server.conn.setup_xkb_extension()?;
        server.conn.get_xkb_keymap(server.conn.get_xkb_core_device_id()?)
    };
    let keymap = read().map_err(|error| NotALayout::new(&error))?;
    Ok(Layout::new(&keymap))
}
