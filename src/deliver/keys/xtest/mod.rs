//! Pressing keys (the XTEST extension), and which ones the user holds at this moment.

mod keymap;
pub(crate) mod typing;

use self::keymap::{KeyMeaning, Keymap};
use crate::chord::Chord;
use crate::deliver::display::x11::Server;
use crate::deliver::problem::Problem;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode, ModMask,
};
use x11rb::protocol::xtest::ConnectionExt as _;

/// The keys of a combination on this keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strokes {
    modifiers: Vec<Keycode>,
    key: Keycode,
    /// All keys that would change what the combination means.
    in_the_way: Vec<Keycode>,
}

impl Strokes {
    /// Finds `chord` on the keyboard as it is laid out now.
    pub(crate) fn find(server: &Server, chord: &Chord) -> Result<Self, Problem> {
        let keyboard = xkb::ID::USE_CORE_KBD.into();
        let state = server.conn.xkb_get_state(keyboard)?;
        let keymap = keymap(server)?;
        let group = u8::from(state.reply()?.group);
        let missing = || Problem::NoKey(chord.to_string());
        let modifiers = chord.modifiers.iter().map(|modifier| keymap.modifier(*modifier));
        let modifiers = modifiers.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
        let key = keymap.key(chord.key, group).ok_or_else(missing)?;
        let mut in_the_way = keymap.modifiers;
        in_the_way.push(key);
        Ok(Self { modifiers, key, in_the_way })
    }

    /// All keys that would change what the combination means.
    pub(crate) fn in_the_way(&self) -> &[Keycode] {
        &self.in_the_way
    }

    /// Presses and releases the combination. The number of the request that pressed its last key.
    pub(crate) fn press(&self, server: &Server) -> Result<u64, Problem> {
        let pressed = strike(server, self.modifiers.iter().chain([&self.key]).copied())?;
        carried_out(server)?;
        Ok(pressed)
    }
}

/// Whether any of `keys` is down: the user has not let go of the shortcut yet, as a rule.
pub(crate) fn are_down(server: &Server, keys: &[Keycode]) -> Result<bool, Problem> {
    let down = server.conn.query_keymap()?.reply()?.keys;
    Ok(keys.iter().any(|code| down[usize::from(code / 8)] & (1 << (code % 8)) != 0))
}

/// Presses `keys` in their order, and releases them in the other one, whatever happens. The number of the request that pressed the last one.
pub(crate) fn strike(server: &Server, keys: impl Iterator<Item = Keycode>) -> Result<u64, Problem> {
    let mut down = Vec::new();
    let mut outcome = Ok(0);
    for code in keys {
        down.push(code);
        outcome = fake(server, KEY_PRESS_EVENT, code);
        if outcome.is_err() {
            break;
        }
    }
    let mut released = Ok(0);
    for code in down.into_iter().rev() {
        released = released.and(fake(server, KEY_RELEASE_EVENT, code));
    }
    released?;
    outcome
}

/// Waits until all keys have been pressed.
pub(crate) fn carried_out(server: &Server) -> Result<(), Problem> {
    server.conn.get_input_focus()?.reply()?;
    Ok(())
}

fn fake(server: &Server, kind: u8, code: Keycode) -> Result<u64, Problem> {
    let sent = server.conn.xtest_fake_input(kind, code, 0, x11rb::NONE, 0, 0, 0)?;
    Ok(sent.sequence_number())
}

fn keymap(server: &Server) -> Result<Keymap, Problem> {
    let parts = xkb::MapPart::KEY_SYMS | xkb::MapPart::MODIFIER_MAP;
    let (none, no_mods) = (xkb::MapPart::from(0u16), xkb::VMod::from(0u16));
    let keyboard = xkb::ID::USE_CORE_KBD.into();
    let map = server
        .conn
        .xkb_get_map(keyboard, parts, none, 0, 0, 0, 0, 0, 0, 0, 0, no_mods, 0, 0, 0, 0, 0, 0)?
        .reply()?;
    let meaning = |key: xkb::KeySymMap| KeyMeaning {
        groups: key.group_info,
        width: key.width,
        keysyms: key.syms,
    };
    let modifies = |key: &xkb::KeyModMap| u16::from(key.mods) & !u16::from(ModMask::LOCK) != 0;
    let modifiers = map.map.modmap_rtrn.unwrap_or_default();
    Ok(Keymap {
        first: map.first_key_sym,
        keys: map.map.syms_rtrn.unwrap_or_default().into_iter().map(meaning).collect(),
        modifiers: modifiers.into_iter().filter(modifies).map(|key| key.keycode).collect(),
    })
}
