//! Finds a key on the keyboard's current layout: keysyms to key codes.
//!
//! The layout is the user's. It is read and never changed. Pure: the parent module parses the
//! server's answer.

use crate::chord::{Key, Modifier};
use crate::deliver::keys::codes;

/// The keysyms of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyMeaning {
    /// XKB's group info: how many groups the key has, and which group replaces one that it lacks.
    pub(crate) groups: u8,
    /// The number of keysyms per group.
    pub(crate) width: u8,
    /// The keysyms, group by group, level by level.
    pub(crate) keysyms: Vec<u32>,
}

/// A keyboard's layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keymap {
    /// The code of the first key.
    pub(crate) first: u8,
    pub(crate) keys: Vec<KeyMeaning>,
    /// The codes of keys that are modifiers, without locks.
    pub(crate) modifiers: Vec<u8>,
}

/// The most groups in XKB (layouts that the user switches between).
const GROUPS: u8 = 4;

impl KeyMeaning {
    /// Returns the keysym without any modifier when `group` is active.
    fn plain(&self, group: u8) -> Option<u32> {
        let count = self.groups & 0x0f;
        if count == 0 {
            return None;
        }
        // XKB protocol, section 7.2.2: the treatment of a group outside a key's range.
        let group = match self.groups >> 6 {
            _ if group < count => group,
            0b01 => count - 1,
            0b10 => Some((self.groups >> 4) & 0b11).filter(|to| *to < count).unwrap_or(0),
            _ => group % count,
        };
        self.keysyms.get(usize::from(group) * usize::from(self.width)).copied()
    }
}

impl Keymap {
    /// Returns the key that has `keysym` in `group`, or else in another group. With a Cyrillic
    /// layout active, programs take a shortcut's letter from the Latin layout beside it.
    pub(crate) fn find(&self, keysym: u32, group: u8) -> Option<u8> {
        std::iter::once(group).chain(0..GROUPS).find_map(|group| {
            let at = self.keys.iter().position(|key| key.plain(group) == Some(keysym))?;
            u8::try_from(usize::from(self.first) + at).ok()
        })
    }

    /// Returns the key for `modifier`, left or right.
    pub(crate) fn modifier(&self, modifier: Modifier) -> Option<u8> {
        // X11's keysymdef.h.
        let sides: [u32; 2] = match modifier {
            Modifier::Ctrl => [0xffe3, 0xffe4],
            Modifier::Shift => [0xffe1, 0xffe2],
            Modifier::Alt => [0xffe9, 0xffea],
            Modifier::Super => [0xffeb, 0xffec],
        };
        let found = sides.into_iter().filter_map(|keysym| self.find(keysym, 0));
        found.into_iter().find(|code| self.modifiers.contains(code))
    }

    /// Returns the key for `key` when `group` is active.
    pub(crate) fn key(&self, key: Key, group: u8) -> Option<u8> {
        self.find(codes::keysym(key).into(), group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V: u32 = b'v' as u32;
    const CYRILLIC_EM: u32 = 0x6cd;

    fn key(groups: &[&[u32]]) -> KeyMeaning {
        let width = groups.iter().map(|group| group.len()).max().unwrap_or(0);
        let padded = groups.iter().flat_map(|group| {
            group.iter().copied().chain(std::iter::repeat(0)).take(width).collect::<Vec<_>>()
        });
        KeyMeaning {
            groups: u8::try_from(groups.len()).unwrap(),
            width: u8::try_from(width).unwrap(),
            keysyms: padded.collect(),
        }
    }

    fn keymap(keys: Vec<KeyMeaning>, modifiers: &[u8]) -> Keymap {
        Keymap { first: 8, keys, modifiers: modifiers.to_vec() }
    }

    #[test]
    fn a_letter_is_where_the_layout_in_force_has_it() {
        let (k, period) = (u32::from('k'), u32::from('.'));
        // QWERTY first, Dvorak second.
        let map = keymap(vec![key(&[&[V, 86], &[k, 75]]), key(&[&[period, 62], &[V, 86]])], &[]);
        assert_eq!(map.key(Key::Letter('v'), 0), Some(8));
        assert_eq!(map.key(Key::Letter('v'), 1), Some(9));
    }

    #[test]
    fn a_letter_that_the_layout_in_force_lacks_is_taken_from_another() {
        let map = keymap(vec![key(&[]), key(&[&[CYRILLIC_EM], &[V]])], &[]);
        assert_eq!(map.key(Key::Letter('v'), 0), Some(9));
        assert_eq!(map.key(Key::Letter('q'), 0), None);
    }

    #[test]
    fn a_letter_only_behind_a_modifier_is_not_found() {
        let map = keymap(vec![key(&[&[CYRILLIC_EM, V]])], &[]);
        assert_eq!(map.key(Key::Letter('v'), 0), None);
    }

    #[test]
    fn a_group_out_of_range_means_what_the_key_says() {
        let mut three = key(&[&[1], &[2], &[3]]);
        assert_eq!(three.plain(3), Some(1));
        three.groups |= 0b0100_0000;
        assert_eq!(three.plain(3), Some(3));
        three.groups = 0b1001_0011;
        assert_eq!(three.plain(3), Some(2));
        assert_eq!(key(&[]).plain(0), None);
    }

    #[test]
    fn a_modifier_is_a_key_that_modifies() {
        let control = key(&[&[0xffe3]]);
        let map = keymap(vec![key(&[&[V]]), control.clone(), key(&[&[0xffe4]])], &[10]);
        assert_eq!(map.modifier(Modifier::Ctrl), Some(10));
        assert_eq!(keymap(vec![control], &[]).modifier(Modifier::Ctrl), None);
        assert_eq!(map.modifier(Modifier::Super), None);
    }

    proptest! {
        #[test]
        fn any_keymap_is_searched_without_harm(
            first in any::<u8>(),
            keys in proptest::collection::vec(
                (any::<u8>(), any::<u8>(), proptest::collection::vec(0u32..8, 0..12)),
                0..256,
            ),
            wanted in 0u32..8,
            group in any::<u8>(),
        ) {
            let keys = keys.into_iter();
            let keys = keys.map(|(groups, width, keysyms)| KeyMeaning { groups, width, keysyms });
            let map = Keymap { first, keys: keys.collect(), modifiers: Vec::new() };
            if let Some(code) = map.find(wanted, group) {
                let key = &map.keys[usize::from(code - first)];
                prop_assert!(key.keysyms.contains(&wanted));
            }
        }
    }
}
