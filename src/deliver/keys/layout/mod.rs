//! Finds the keys that write a text on the keyboard's current layout.
//!
//! Pure. The layout is read and never changed, and no key is pressed to learn it: the display
//! server sends it, and kbvm parses it. A key counts as writing a character only if the layout,
//! looked up as programs do, gives exactly that character. Letters with accents may also be written
//! with a dead key and the letter, as the user would.

pub(crate) mod compositor;

use crate::chord::Modifier;
use kbvm::lookup::LookupTable;
use kbvm::xkb::Keymap;
use kbvm::xkb::diagnostic::WriteToLog;
use kbvm::xkb::keymap::Action;
use kbvm::{GroupIndex, Keycode, Keysym, ModifierMask, syms, xkb};
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;
use v2m_messages::tr;

/// One key, and the modifiers that are held while it is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stroke {
    /// xkb's code of the key, which X11 uses too. The kernel's code is [`OFFSET`] lower.
    pub(crate) key: u32,
    /// The codes of the modifier keys to hold.
    pub(crate) hold: Vec<u32>,
    /// The modifiers that these keys set, as real modifiers.
    pub(crate) mask: u32,
}

/// The difference between xkb's codes and the kernel's.
pub(crate) const OFFSET: u32 = 8;

/// The modifiers that are locked on the keyboard, as real modifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locked(pub(crate) u32);

impl Locked {
    /// Caps Lock, which is the same bit on every keyboard.
    pub(crate) const CAPS: Self = Self(ModifierMask::LOCK.0);
    /// Num Lock, which is the same bit on all keyboards of xkb's own files.
    pub(crate) const NUM: Self = Self(ModifierMask::NUM_LOCK.0);

    /// Combines both sets.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The last code of the keys that people type on, in xkb's "evdev" numbering. Layouts define more
/// keys, with characters that other keys have too.
const LAST_KEY: u32 = 135;

/// xkb's `<LVL3>`, which every layout defines for programs and no keyboard has.
const NO_KEY: u32 = 92;

/// A character that a layout cannot write. The message does not name it, because it goes to the
/// journal and the character was dictated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", tr!("the keyboard has no key for one of the characters"))]
pub(crate) struct Lacks(pub(crate) char);

/// The error for a layout that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", tr!("the keyboard's layout cannot be read ({reason})", reason = .0))]
pub(crate) struct NotALayout(String);

impl NotALayout {
    pub(crate) fn new(reason: &dyn std::error::Error) -> Self {
        Self(reason.to_string())
    }
}

/// The dead keys that are used, and the combining character of each (X11's keysymdef.h, Unicode).
const DEAD: [(Keysym, char); 13] = [
    (syms::dead_grave, '\u{300}'),
    (syms::dead_acute, '\u{301}'),
    (syms::dead_circumflex, '\u{302}'),
    (syms::dead_tilde, '\u{303}'),
    (syms::dead_macron, '\u{304}'),
    (syms::dead_breve, '\u{306}'),
    (syms::dead_abovedot, '\u{307}'),
    (syms::dead_diaeresis, '\u{308}'),
    (syms::dead_abovering, '\u{30a}'),
    (syms::dead_doubleacute, '\u{30b}'),
    (syms::dead_caron, '\u{30c}'),
    (syms::dead_cedilla, '\u{327}'),
    (syms::dead_ogonek, '\u{328}'),
];

/// The characters that a dead key and a space write (libX11's Compose file for UTF-8, which
/// toolkits and xkbcommon share). Layouts with dead keys in place of these characters have no other
/// way.
const WITH_SPACE: [(char, Keysym); 5] = [
    ('`', syms::dead_grave),
    ('\'', syms::dead_acute),
    ('^', syms::dead_circumflex),
    ('~', syms::dead_tilde),
    ('"', syms::dead_diaeresis),
];

/// A keyboard's layout.
#[derive(Debug)]
pub(crate) struct Layout {
    table: LookupTable,
    keys: Vec<Keycode>,
    groups: u32,
    /// The modifier keys of each group.
    holders: Vec<ModifierKey>,
}

/// A key that is a modifier while it is held.
#[derive(Clone, Copy, Debug)]
struct ModifierKey {
    key: Keycode,
    group: u32,
    sign: Keysym,
    mask: ModifierMask,
}

/// The strokes of a layout's characters for one active group and some locked modifiers.
#[derive(Debug, Default)]
struct Characters {
    plain: HashMap<char, Stroke>,
    dead: HashMap<Keysym, Stroke>,
}

impl Layout {
    /// Parses a layout in xkb's text form, version 1, as compositors send it. Such a layout names
    /// no files, and none are read.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, NotALayout> {
        let mut context = xkb::Context::builder();
        context.clear();
        context.enable_default_includes(false);
        context.enable_environment(false);
        // Compositors send the text with its terminating zero byte.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let keymap = context.build().keymap_from_bytes(WriteToLog, None, text);
        keymap.map(|keymap| Self::new(&keymap)).map_err(|error| NotALayout::new(&error))
    }

    pub(crate) fn new(keymap: &Keymap) -> Self {
        let groups = keymap.keys().map(|key| key.groups().count()).max().unwrap_or(0);
        let keys = keymap.keys().map(|key| key.keycode());
        let mut keys: Vec<Keycode> = keys.filter(|key| key.raw() <= LAST_KEY).collect();
        keys.sort_unstable_by_key(|key| key.raw());
        Self {
            table: keymap.to_builder().build_lookup_table(),
            keys,
            groups: u32::try_from(groups).unwrap_or(u32::MAX),
            holders: holders(keymap),
        }
    }

    /// Returns the number of groups, which are layouts that the user switches between.
    pub(crate) fn groups(&self) -> u32 {
        self.groups
    }

    /// Returns the codes of all keys that act as modifiers while they are held.
    pub(crate) fn modifier_keys(&self) -> impl Iterator<Item = u32> {
        self.holders.iter().map(|holder| holder.key.raw())
    }

    /// Returns the codes of all keys that are this modifier on real keyboards, the left one first.
    pub(crate) fn keys_of(&self, modifier: Modifier) -> Vec<u32> {
        let signs: &[Keysym] = match modifier {
            Modifier::Ctrl => &[syms::Control_L, syms::Control_R],
            Modifier::Shift => &[syms::Shift_L, syms::Shift_R],
            Modifier::Alt => &[syms::Alt_L, syms::Alt_R, syms::Meta_L, syms::Meta_R],
            Modifier::Super => &[syms::Super_L, syms::Super_R],
        };
        let on_keyboards = |key: &u32| *key <= LAST_KEY && *key != NO_KEY;
        let mut found = Vec::new();
        for sign in signs {
            let keys = self.holders.iter().filter(|holder| holder.sign == *sign);
            for key in keys.map(|holder| holder.key.raw()).filter(on_keyboards) {
                if !found.contains(&key) {
                    found.push(key);
                }
            }
        }
        found
    }

    /// Returns the strokes that write `text`, in order, when `group` is active and `locked` is
    /// locked.
    pub(crate) fn strokes(
        &self,
        text: &str,
        group: u32,
        locked: Locked,
    ) -> Result<Vec<Stroke>, Lacks> {
        let characters = self.characters(GroupIndex(group), ModifierMask(locked.0));
        let mut strokes = Vec::new();
        for character in text.chars() {
            strokes.extend(characters.write(character).ok_or(Lacks(character))?);
        }
        Ok(strokes)
    }

    fn characters(&self, group: GroupIndex, locked: ModifierMask) -> Characters {
        let mut characters = Characters::default();
        for (hold, mask) in self.combinations(group) {
            for key in &self.keys {
                let found = self.table.lookup(group, mask | locked, *key);
                let remaining = found.remaining_mods();
                let mut found = found.into_iter();
                let (Some(meaning), None) = (found.next(), found.next()) else { continue };
                // If programs saw the modifiers besides the character, they would take it as a
                // shortcut.
                if (remaining & mask).0 != 0 || meaning.keysym().is_keypad() {
                    continue;
                }
                let stroke = || Stroke { key: key.raw(), hold: hold.clone(), mask: mask.0 };
                match meaning.char().filter(|character| !character.is_control()) {
                    Some(character) => {
                        characters.plain.entry(character).or_insert_with(stroke);
                    }
                    None => {
                        characters.dead.entry(meaning.keysym()).or_insert_with(stroke);
                    }
                }
            }
        }
        characters
    }

    /// Returns the combinations of modifiers to try for a character: nothing first, then Shift,
    /// AltGr (xkb's third level), and both.
    fn combinations(&self, group: GroupIndex) -> Vec<(Vec<u32>, ModifierMask)> {
        let holder = |signs: &[Keysym]| {
            let is_here = |holder: &&ModifierKey| {
                let here = self.table.effective_group(group, holder.key);
                signs.contains(&holder.sign) && here == Some(GroupIndex(holder.group))
            };
            let all = self.holders.iter().filter(is_here);
            all.min_by_key(|holder| (holder.key.raw() == NO_KEY, holder.key.raw()))
        };
        let shift = holder(&[syms::Shift_L, syms::Shift_R]);
        let level3 = holder(&[syms::ISO_Level3_Shift]);
        let sets = [vec![], vec![shift], vec![level3], vec![shift, level3]];
        let sets = sets.into_iter().filter_map(|set| set.into_iter().collect::<Option<Vec<_>>>());
        sets.map(|set| {
            let codes = set.iter().map(|holder| holder.key.raw()).collect();
            (codes, set.iter().fold(ModifierMask::default(), |all, holder| all | holder.mask))
        })
        .collect()
    }
}

impl Characters {
    fn write(&self, character: char) -> Option<Vec<Stroke>> {
        if let Some(stroke) = self.plain.get(&character) {
            return Some(vec![stroke.clone()]);
        }
        let (sign, letter) = by_dead_key(character)?;
        Some(vec![self.dead.get(&sign)?.clone(), self.plain.get(&letter)?.clone()])
    }
}

/// Splits `character` into a dead key and the character that is pressed after it.
fn by_dead_key(character: char) -> Option<(Keysym, char)> {
    if let Some((_, sign)) = WITH_SPACE.iter().find(|(known, _)| *known == character) {
        return Some((*sign, ' '));
    }
    let mut parts = std::iter::once(character).nfd();
    let (letter, mark) = (parts.next()?, parts.next()?);
    let (sign, _) = DEAD.iter().find(|(_, known)| *known == mark)?;
    (parts.next().is_none() && letter.is_ascii_alphabetic()).then_some((*sign, letter))
}

fn holders(keymap: &Keymap) -> Vec<ModifierKey> {
    let mut found = Vec::new();
    for key in keymap.keys() {
        for (group, meaning) in (0..).zip(key.groups()) {
            let Some(level) = meaning.and_then(|meaning| meaning.levels().next()) else { continue };
            let ([sign], [Action::ModsSet(action)]) = (level.symbols(), level.actions()) else {
                continue;
            };
            found.push(ModifierKey { key: key.keycode(), group, sign: *sign, mask: action.mask() });
        }
    }
    found
}

#[cfg(test)]
mod tests;
