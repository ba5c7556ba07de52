//! Tests typing with the user's keyboard layout, into a window of a real toolkit.

use crate::desktop::{Desktop, wait_for};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::wayland_keyboard::Keyboard;

/// Characters of a Spanish keyboard, with dead keys, a third level and capitals.
const SPANISH: &str =
    "¿Qué pasó en España, señor Íñigo? «Sí» 100 % [5 €] pingüino ~ ^ ` ' \"fin\"!";

fn typed(deliveries: &[Delivery]) {
    let typed =
        Delivery { by: "type", backend: Some("wayland"), ok: true, detail: "typed".to_owned() };
    assert_eq!(deliveries, [typed]);
}

#[test]
fn a_text_is_typed_as_the_users_keyboard_is_laid_out() {
    let mut desktop = Desktop::start();
    let mut keyboard = Keyboard::plug_in(&["es", "ru"]);
    desktop.copy("text/plain", b"before");
    let window = desktop.window(true);
    let mut expected = String::new();
    for text in [SPANISH, "Привет, мир!", SPANISH] {
        typed(&desktop.put(DeliverMode::Type, text));
        expected += text;
        window.wait_for(&expected);
        keyboard.press();
    }
    assert!(window.is_active(), "the focus was moved");
    assert_eq!(desktop.clipboard("text/plain").unwrap(), b"before");
    // No modifier is stuck, and other keyboards type as before.
    desktop.type_text("vx");
    window.wait_for(&(expected + "vx"));
}

#[test]
fn a_program_that_hangs_meanwhile_gets_the_whole_text_afterwards() {
    let mut desktop = Desktop::start();
    let _keyboard = Keyboard::plug_in(&["es"]);
    let window = desktop.window(true);
    // Nearly the longest text that is typed.
    let text = "Áé ".repeat(140);
    desktop.stop_programs(true);
    typed(&desktop.put(DeliverMode::Type, &text));
    desktop.stop_programs(false);
    window.wait_for(&text);
}

#[test]
fn what_the_layout_lacks_is_pasted() {
    let mut desktop = Desktop::start();
    let mut keyboard = Keyboard::plug_in(&["us", "ru"]);
    let window = desktop.window(true);
    let mut expected = String::new();
    // Each of the two layouts has only a part of the second text's characters.
    for text in ["señor", "hello, мир", "a\nb"] {
        let deliveries = desktop.put(DeliverMode::Type, text);
        let [typed, pasted] = &deliveries[..] else { panic!("{deliveries:?}") };
        // The character must not be in the journal, because it was dictated.
        let lacking = "no key for one of the characters";
        assert!(typed.by == "type" && !typed.ok && typed.detail.contains(lacking), "{typed:?}");
        assert!(pasted.by == "paste" && pasted.ok, "{pasted:?}");
        expected += text;
        window.wait_for(&expected);
        keyboard.press();
    }
}

#[test]
fn without_a_keyboard_there_is_no_layout_and_the_text_is_pasted() {
    let mut desktop = Desktop::start();
    // Without a keyboard, GTK considers no window active.
    let window = desktop.open(true);
    wait_for("the window", || {
        desktop.compositor.ask("get_tree").contains("org.v2m.Field").then_some(())
    });
    let deliveries = desktop.put(DeliverMode::Type, "hello");
    assert!(deliveries[0].detail.contains("there is no keyboard"), "{deliveries:?}");
    assert!(deliveries[1].ok, "{deliveries:?}");
    window.wait_for("hello");
}
