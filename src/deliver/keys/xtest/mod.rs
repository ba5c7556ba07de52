//! Presses keys with the XTEST extension, and finds the keys that the user holds now.

mod keymap;
pub(crate) mod typing;

use self::keymap::{KeyMeaning, Keymap};
use crate::chord::Chord;
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::Keys;
use std::rc::Rc;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode, ModMask,
};
use x11rb::protocol::xtest::ConnectionExt as _;

/// The key codes of a combination on this keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Strokes {
    modifiers: Vec<Keycode>,
    key: Keycode,
    /// All keys that would change the combination if the user held them.
    in_the_way: Vec<Keycode>,
}

impl Strokes {
    /// Finds `chord` on the keyboard's current layout.
    fn find(server: &Server, chord: &Chord) -> Result<Self, DeliverError> {
        let keyboard = xkb::ID::USE_CORE_KBD.into();
        let state = server.conn.xkb_get_state(keyboard)?;
        let keymap = keymap(server)?;
        let group = u8::from(state.reply()?.group);
        let missing = || DeliverError::NoKey(chord.to_string());
        let modifiers = chord.modifiers.iter().map(|modifier| keymap.modifier(*modifier));
        let modifiers = modifiers.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
        let key = keymap.key(chord.key, group).ok_or_else(missing)?;
        let mut in_the_way = keymap.modifiers;
        in_the_way.push(key);
        Ok(Self { modifiers, key, in_the_way })
    }

    /// Presses and releases the combination.
    fn press(&self, server: &Server) -> Result<(), DeliverError> {
        strike(server, self.modifiers.iter().chain([&self.key]).copied())?;
        carried_out(server)
    }
}

/// The keyboard of an X server.
#[derive(Debug)]
pub(crate) struct Xtest {
    server: Rc<Server>,
    strokes: Option<Strokes>,
}

impl Xtest {
    /// Creates the keyboard of this server.
    pub(crate) fn of(server: Rc<Server>) -> Self {
        Self { server, strokes: None }
    }
}

impl Keys for Xtest {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        self.strokes = Some(Strokes::find(&self.server, chord)?);
        Ok(())
    }

    fn are_held(&mut self) -> Result<bool, DeliverError> {
        match &self.strokes {
            Some(strokes) => are_down(&self.server, &strokes.in_the_way),
            None => Ok(false),
        }
    }

    async fn press(&mut self) -> Result<(), DeliverError> {
        self.strokes.as_ref().ok_or(DeliverError::NoWay)?.press(&self.server)
    }
}

/// Whether any of `keys` is down. Usually the user has not released the shortcut yet.
pub(crate) fn are_down(server: &Server, keys: &[Keycode]) -> Result<bool, DeliverError> {
    let down = server.conn.query_keymap()?.reply()?.keys;
    Ok(keys.iter().any(|code| down[usize::from(code / 8)] & (1 << (code % 8)) != 0))
}

/// Presses `keys` in order, and releases them in reverse order, whatever happens.
pub(crate) fn strike(
    server: &Server,
    keys: impl Iterator<Item = Keycode>,
) -> Result<(), DeliverError> {
    let mut down = Vec::new();
    let mut outcome = Ok(());
    for code in keys {
        down.push(code);
        outcome = fake(server, KEY_PRESS_EVENT, code);
        if outcome.is_err() {
            break;
        }
    }
    let mut released = Ok(());
    for code in down.into_iter().rev() {
        released = released.and(fake(server, KEY_RELEASE_EVENT, code));
    }
    released?;
    outcome
}

/// Waits until the server has processed all keys.
pub(crate) fn carried_out(server: &Server) -> Result<(), DeliverError> {
    server.conn.get_input_focus()?.reply()?;
    Ok(())
}

fn fake(server: &Server, kind: u8, code: Keycode) -> Result<(), DeliverError> {
    server.conn.xtest_fake_input(kind, code, 0, x11rb::NONE, 0, 0, 0)?;
    Ok(())
}

fn keymap(server: &Server) -> Result<Keymap, DeliverError> {
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
