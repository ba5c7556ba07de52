//! Writes texts on the layouts from the system's own files, and reads them back as programs do.

use super::*;
use kbvm::Components;
use kbvm::state_machine::{Direction, Event};
use kbvm::xkb::rmlvo::Group;
use proptest::prelude::*;
use std::sync::LazyLock;

/// Builds a keymap from the system's own files (package xkb-data).
fn keymap(layouts: &[(&str, &str)]) -> Keymap {
    let group = |(layout, variant)| Group { layout, variant };
    let groups: Vec<Group<'_>> = layouts.iter().copied().map(group).collect();
    let context = xkb::Context::builder().build();
    context.keymap_from_names(WriteToLog, None, None, Some(&groups), None)
}

/// Returns the text that a program sees when it looks up the keys and composes dead keys.
fn read(keymap: &Keymap, group: u32, locked: Locked, strokes: &[Stroke]) -> String {
    let builder = keymap.to_builder();
    let (machine, table) = (builder.build_state_machine(), builder.build_lookup_table());
    let mut state = machine.create_state();
    let mut components = Components::default();
    components.group_locked = GroupIndex(group);
    components.update_effective();
    let (mut written, mut dead) = (String::new(), None);
    let mut send = |key: u32, direction, components: &mut Components| {
        let mut events = Vec::new();
        machine.handle_key(&mut state, &mut events, Keycode::from_x11(key), direction);
        for event in events {
            components.apply_event(event);
            let Event::KeyDown(key) = event else { continue };
            for meaning in table.lookup(components.group, components.mods, key) {
                if meaning.keysym().is_modifier() || meaning.keysym() == syms::Num_Lock {
                    continue;
                }
                match (meaning.char(), dead.take()) {
                    (Some(' '), Some(sign)) => {
                        let known = WITH_SPACE.iter().find(|(_, known)| *known == sign);
                        written.push(known.unwrap().0);
                    }
                    (Some(letter), Some(sign)) => {
                        let known = DEAD.iter().find(|(known, _)| *known == sign);
                        written.extend([letter, known.unwrap().1].into_iter().nfc());
                    }
                    (Some(letter), None) => written.push(letter),
                    (None, None) => dead = Some(meaning.keysym()),
                    (None, Some(_)) => panic!("two dead keys"),
                }
            }
        }
    };
    // X11's codes of the lock keys. The state machine must know which locks are on.
    for (key, mask) in [(66, ModifierMask::LOCK), (77, ModifierMask::NUM_LOCK)] {
        if locked.0 & mask.0 != 0 {
            send(key, Direction::Down, &mut components);
            send(key, Direction::Up, &mut components);
        }
    }
    for stroke in strokes {
        for key in stroke.hold.iter().chain([&stroke.key]) {
            send(*key, Direction::Down, &mut components);
        }
        for key in stroke.hold.iter().chain([&stroke.key]).rev() {
            send(*key, Direction::Up, &mut components);
        }
    }
    assert_eq!(components.mods_pressed, ModifierMask::default(), "a modifier is left down");
    written
}

/// Builds a keymap, and parses a layout from the text that a compositor would send for it.
fn layout(layouts: &[(&str, &str)]) -> (Keymap, Layout) {
    let keymap = keymap(layouts);
    let text = format!("{}\0", keymap.format());
    let layout = Layout::parse(text.as_bytes()).unwrap();
    (keymap, layout)
}

static SPANISH: LazyLock<(Keymap, Layout)> = LazyLock::new(|| layout(&[("es", "")]));

#[test]
fn texts_are_written_as_the_layout_has_them() {
    let cases = [
        (("us", ""), "Hello, World! It's 5% of \"all\" {a|b}~"),
        (("es", ""), "¿Qué pasó en España, señor Íñigo? «Ñandú» 5 €, pingüino"),
        (("de", ""), "Grün, Übermut: 5 € – „ja“ @home [x] è"),
        (("fr", ""), "Où être ? 5 €, naïve, à l'école"),
        (("us", "intl"), "don't \"quote\" á ñ ç ü ^ ~"),
        (("us", "dvorak"), "Hello, World; it's"),
        (("ru", ""), "Привет, мир!"),
        (("gb", ""), "£5 \"x\" @ # ~ é"),
        (("br", ""), "ação, não, é à 'x' \"y\""),
    ];
    for (name, text) in cases {
        let (keymap, layout) = layout(&[name]);
        for locked in [Locked::default(), Locked::CAPS, Locked(ModifierMask::NUM_LOCK.0)] {
            let strokes = layout.strokes(text, 0, locked);
            let strokes = strokes.unwrap_or_else(|lacks| panic!("{name:?} {locked:?}: {lacks}"));
            assert_eq!(read(&keymap, 0, locked, &strokes), text, "{name:?} {locked:?}");
        }
    }
}

#[test]
fn what_a_layout_lacks_is_named() {
    let (_, us) = layout(&[("us", "")]);
    for (text, lacking) in
        [("señor", 'ñ'), ("a\nb", '\n'), ("日", '日'), ("a\tb", '\t'), ("“", '“')]
    {
        assert_eq!(us.strokes(text, 0, Locked::default()), Err(Lacks(lacking)), "{text}");
    }
    // A letter and its accent as two characters have no key for the accent.
    let (_, es) = layout(&[("es", "")]);
    assert_eq!(es.strokes("a\u{301}", 0, Locked::default()), Err(Lacks('\u{301}')));
    // The layout has this accent, but no program composes it with this letter.
    assert_eq!(es.strokes("ṩ", 0, Locked::default()), Err(Lacks('ṩ')));
}

#[test]
fn what_caps_lock_hides_is_lacking() {
    // The key of ß writes a capital with Caps Lock, and a question mark with Shift.
    let (_, de) = layout(&[("de", "")]);
    assert!(de.strokes("Grüße", 0, Locked::default()).is_ok());
    assert_eq!(de.strokes("Grüße", 0, Locked::CAPS), Err(Lacks('ß')));
}

#[test]
fn each_group_is_a_layout_of_its_own() {
    let (keymap, layout) = layout(&[("es", ""), ("ru", ""), ("us", "")]);
    assert_eq!(layout.groups(), 3);
    let none = Locked::default();
    for (group, text) in [(0, "año"), (1, "год"), (2, "year")] {
        let strokes = layout.strokes(text, group, none).unwrap();
        assert_eq!(read(&keymap, group, none, &strokes), text);
    }
    assert_eq!(layout.strokes("año", 1, none), Err(Lacks('a')));
    assert_eq!(layout.strokes("año", 2, none), Err(Lacks('ñ')));
}

#[test]
fn plain_keys_come_before_the_number_pad_and_before_modifiers() {
    let (_, us) = layout(&[("us", "")]);
    let strokes = us.strokes("1 A", 0, Locked::default()).unwrap();
    let stroke = |key, hold: &[u32], mask| Stroke { key, hold: hold.to_vec(), mask };
    // X11's codes on a PC keyboard: 10 is 1, 65 the space bar, 38 is A, 50 the left Shift.
    assert_eq!(strokes, [stroke(10, &[], 0), stroke(65, &[], 0), stroke(38, &[50], 1)]);
}

#[test]
fn what_is_no_layout_is_refused() {
    for text in ["", "xkb_keymap {", "no keymap", "\u{0}"] {
        assert!(Layout::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    // Parsing never reads files.
    let including = "xkb_keymap { xkb_keycodes { include \"evdev\" }; xkb_types { include \"complete\" }; \
                     xkb_compat { include \"complete\" }; xkb_symbols { include \"pc+us\" }; };";
    let read = Layout::parse(including.as_bytes());
    assert!(read.map_or(true, |layout| layout.strokes("a", 0, Locked::default()).is_err()));
}

proptest! {
    #[test]
    fn what_is_written_is_what_was_meant(text in "[ -~¡-ÿ–—‘-”€]{0,40}", caps in any::<bool>()) {
        let (keymap, layout) = &*SPANISH;
        let locked = if caps { Locked::CAPS } else { Locked::default() };
        if let Ok(strokes) = layout.strokes(&text, 0, locked) {
            prop_assert_eq!(read(keymap, 0, locked, &strokes), text);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Layout::parse(&bytes);
    }
}
