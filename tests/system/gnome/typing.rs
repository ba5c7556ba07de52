//! Typing on GNOME with the user's keyboard layouts.

use super::desktop::{Desktop, key};
use super::keymap::right_of_l;
use super::{TEXT, lab as machine};
use crate::lab::{self, run, words};
use v2m::deliver::{DeliveryOptions, Sinks};
use v2m::session::{DeliverMode, Delivery};

/// Characters of a Spanish keyboard: with dead keys, a third level and capitals.
const SPANISH: &str =
    "¿Qué pasó en España, señor Íñigo? «Sí» 100 % [5 €] pingüino ~ ^ ` ' \"fin\"!";

/// A layout, and the character that the key right of L types on it.
const ES: (&str, char) = ("es", 'ñ');
const US: (&str, char) = ("us", ';');
const RU: (&str, char) = ("ru", 'ж');

const SOURCES: &str = "org.gnome.desktop.input-sources";

/// Sets the user's layouts.
fn lay_out(desktop: &Desktop, layouts: &[(&str, char)]) {
    let first = layouts[0];
    let list: Vec<String> = layouts.iter().map(|(name, _)| format!("('xkb', '{name}')")).collect();
    run("gsettings", &["set", SOURCES, "sources", &format!("[{}]", list.join(", "))]);
    // GNOME Shell adopts the layouts with a delay, with the next key press. So press a key without
    // effect until the new keymap is in force.
    lab::wait_for("the layouts", || {
        desktop.press(&[key::F24]);
        (right_of_l() == first.1).then_some(())
    });
}

fn put(desktop: &Desktop, sinks: &mut Sinks, text: &str) -> Vec<Delivery> {
    let wanted = DeliveryOptions { mode: DeliverMode::Type, ..DeliveryOptions::default() };
    desktop.runtime.block_on(sinks.hand_over(text, &wanted))
}

fn typed(deliveries: &[Delivery]) {
    let typed =
        Delivery { by: "type", backend: Some("mutter"), ok: true, detail: "typed".to_owned() };
    assert_eq!(deliveries, [typed]);
}

#[test]
fn a_text_is_typed_as_the_users_layout_has_it() {
    let (_lab, desktop) = machine();
    let window = desktop.window(true);
    let mut sinks = Sinks::new();
    let mut expected = String::new();
    let mut write = |text: &str| {
        for _ in 0..2 {
            typed(&put(&desktop, &mut sinks, text));
            expected += text;
        }
        window.wait_for_all_of(&expected);
    };
    lay_out(&desktop, &[ES]);
    write(SPANISH);
    lay_out(&desktop, &[RU]);
    write("Привет, мир!");
    // The layout in force is either of the two.
    lay_out(&desktop, &[US, ES]);
    write("what both write alike, say, 5 % of it");
    let deliveries = put(&desktop, &mut sinks, "it's");
    assert!(deliveries[0].detail.contains("several") && deliveries[1].ok, "{deliveries:?}");
    expected += "it's";
    window.wait_for_all_of(&expected);
    lay_out(&desktop, &[US]);
    desktop.press(&[key::CAPS_LOCK]);
    typed(&put(&desktop, &mut sinks, "aBc"));
    desktop.press(&[key::CAPS_LOCK]);
    expected += "aBc";
    window.wait_for_all_of(&expected);
    let deliveries = put(&desktop, &mut sinks, "señor");
    assert!(
        deliveries[0].detail.contains("no key for one of") && deliveries[1].ok,
        "{deliveries:?}"
    );
    expected += "señor";
    window.wait_for_all_of(&expected);
    desktop.runtime.block_on(sinks.settle());
    assert_eq!(desktop.clipboard(TEXT).as_deref(), Some(&b"before"[..]));
    // The keys typed by hand at the end show that no key is still held.
    desktop.press(&[key::CTRL, key::A]);
    desktop.press(&[key::DELETE]);
    window.wait_for("an empty window", str::is_empty);
}

#[test]
fn a_window_that_hangs_meanwhile_gets_the_whole_text_afterwards() {
    let (_lab, desktop) = machine();
    lay_out(&desktop, &[ES]);
    let window = desktop.window(true);
    // About the longest text that v2m types. GNOME Shell 43 kills programs with too many pending
    // events.
    let text = "Áé ".repeat(if desktop.version() < 48 { 20 } else { 120 });
    window.stop(true);
    let deliveries = put(&desktop, &mut Sinks::new(), &text);
    window.stop(false);
    typed(&deliveries);
    window.wait_for_all_of(&text);
    lay_out(&desktop, &[US]);
}

#[test]
fn a_dictation_is_typed_and_the_answer_says_by_which_way() {
    let (lab, desktop) = machine();
    lay_out(&desktop, &[US]);
    let window = desktop.window(true);
    run("v2m-send", &["config", "set", "deliver.mode=type"]);
    let answer = lab.dictate();
    let told = &answer["deliveries"][0];
    assert_eq!((&told["by"], &told["backend"]), (&"type".into(), &"mutter".into()), "{answer}");
    window.wait_for("the text in the window", |text| words(text) == words(lab::PHRASE));
}
