//! The keymap of v2m's own keyboard, which has the modifiers and one key, as text in xkb's
//! language.
//!
//! The keys have the codes of a real keyboard's keys (the kernel's, from input-event-codes.h),
//! because some programs use the code instead of the meaning. The user's layout is neither read nor
//! changed. The text is complete, and includes none of xkb's own files.

use crate::chord::{Chord, Key, Modifier};
use crate::deliver::keys::codes;
use crate::deliver::keys::layout::OFFSET;

/// The letters' places on a keyboard, row by row, with the code of the first letter of each row.
const ROWS: [(&str, u32); 3] = [("qwertyuiop", 16), ("asdfghjkl", 30), ("zxcvbnm", 44)];
const INSERT: u32 = 110;

const CONTROL: u32 = xkb(Modifier::Ctrl);
const SHIFT: u32 = xkb(Modifier::Shift);
const ALT: u32 = xkb(Modifier::Alt);
const SUPER: u32 = xkb(Modifier::Super);

/// Returns xkb's code of the modifier's left key.
const fn xkb(modifier: Modifier) -> u32 {
    codes::of_modifier(modifier) as u32 + OFFSET
}

/// Returns the kernel's code of a key.
pub(crate) fn code(key: Key) -> u32 {
    let place = |letter| {
        ROWS.iter().find_map(|(row, first)| Some(first + u32::try_from(row.find(letter)?).ok()?))
    };
    match key {
        Key::Letter(letter) => place(letter).unwrap_or_default(),
        Key::Insert => INSERT,
    }
}

/// Returns the modifiers of a combination as a bit set in X11's order, which the keymap keeps.
pub(crate) fn mask(chord: &Chord) -> u32 {
    let bit = |modifier: &Modifier| match modifier {
        Modifier::Shift => 1,
        Modifier::Ctrl => 1 << 2,
        Modifier::Alt => 1 << 3,
        Modifier::Super => 1 << 6,
    };
    chord.modifiers.iter().map(bit).fold(0, |all, bit| all | bit)
}

/// Builds a keymap that has `key`.
pub(crate) fn keymap(key: Key) -> String {
    let code = code(key) + OFFSET;
    let symbols = match key {
        // Both cases, as on every layout: programs may recognise a combination with Shift by either
        // letter.
        Key::Letter(letter) => {
            format!("type = \"ALPHABETIC\", [ {letter}, {} ]", letter.to_ascii_uppercase())
        }
        Key::Insert => "type = \"ONE_LEVEL\", [ Insert ]".to_owned(),
    };
    format!(
        r#"xkb_keymap {{
xkb_keycodes "v2m" {{
  minimum = 8;
  maximum = 255;
  <LCTL> = {CONTROL};
  <LFSH> = {SHIFT};
  <LALT> = {ALT};
  <LWIN> = {SUPER};
  <KEY> = {code};
}};
xkb_types "v2m" {{
  virtual_modifiers Alt, Super;
  type "ONE_LEVEL" {{
    modifiers = none;
    level_name[Level1] = "Any";
  }};
  type "ALPHABETIC" {{
    modifiers = Shift + Lock;
    map[Shift] = Level2;
    map[Lock] = Level2;
    level_name[Level1] = "Base";
    level_name[Level2] = "Caps";
  }};
}};
xkb_compatibility "v2m" {{
  virtual_modifiers Alt, Super;
  interpret Alt_L + AnyOf(all) {{
    virtualModifier = Alt;
    action = SetMods(modifiers = modMapMods, clearLocks);
  }};
  interpret Super_L + AnyOf(all) {{
    virtualModifier = Super;
    action = SetMods(modifiers = modMapMods, clearLocks);
  }};
  interpret Any + AnyOf(all) {{
    action = SetMods(modifiers = modMapMods, clearLocks);
  }};
}};
xkb_symbols "v2m" {{
  key <LCTL> {{ type = "ONE_LEVEL", [ Control_L ] }};
  key <LFSH> {{ type = "ONE_LEVEL", [ Shift_L ] }};
  key <LALT> {{ type = "ONE_LEVEL", [ Alt_L ] }};
  key <LWIN> {{ type = "ONE_LEVEL", [ Super_L ] }};
  key <KEY> {{ {symbols} }};
  modifier_map Control {{ <LCTL> }};
  modifier_map Shift {{ <LFSH> }};
  modifier_map Mod1 {{ <LALT> }};
  modifier_map Mod4 {{ <LWIN> }};
}};
}};
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_the_code_of_its_key() {
        let codes: Vec<u32> = "qpalzvm".chars().map(|letter| code(Key::Letter(letter))).collect();
        assert_eq!(codes, [16, 25, 30, 38, 44, 47, 50]);
        let mut all: Vec<u32> = ('a'..='z').map(|letter| code(Key::Letter(letter))).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 26);
        assert!(all[0] > 0);
    }

    #[test]
    fn modifiers_are_bits_as_x11_has_them() {
        let mask = |text: &str| mask(&text.parse().unwrap());
        assert_eq!(mask("ctrl+v"), 0x04);
        assert_eq!(mask("ctrl+shift+v"), 0x05);
        assert_eq!(mask("super+alt+insert"), 0x48);
    }
}
