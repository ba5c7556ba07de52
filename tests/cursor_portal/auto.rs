//! Tests `deliver.mode = "auto"` with a portal: texts go to the clipboard as long as the portal
//! would ask the user, and to the cursor once the user has allowed it.

use super::{Desktop, WORDS};
use std::collections::HashMap;
use v2m::deliver::{DeliveryOptions, PasteKeys, Way, way};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::portal::User;
use zbus::OwnedVariant;

const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";

impl Desktop {
    /// Delivers a text in the mode `auto`, and returns the deliveries.
    fn puts(&mut self, text: &str) -> Vec<Delivery> {
        let keys = PasteKeys { usual: "ctrl+v".parse().ok(), ..PasteKeys::default() };
        let wanted =
            DeliveryOptions { mode: DeliverMode::Auto, keys, ..DeliveryOptions::default() };
        self.runtime.block_on(self.sinks.hand_over(text, &wanted))
    }

    fn way(&self) -> Way {
        self.runtime.block_on(way(DeliverMode::Auto))
    }

    /// Asserts that v2m tries only the clipboard. The copy fails here, because this desktop has no
    /// display.
    fn copies(&mut self) {
        let deliveries = self.puts(WORDS);
        let [copied] = deliveries.as_slice() else { panic!("{deliveries:?}") };
        assert!(copied.by == "clipboard", "{deliveries:?}");
    }

    fn pastes_without_a_question(&mut self) {
        let asked = self.asked();
        let deliveries = self.puts(WORDS);
        let [pasted] = deliveries.as_slice() else { panic!("{deliveries:?}") };
        assert!(pasted.by == "paste" && pasted.ok, "{deliveries:?}");
        assert_eq!(self.asked(), asked);
    }
}

#[test]
fn nobody_is_asked_and_the_way_says_how_to_allow_it() {
    let mut desktop = Desktop::start();
    for _ in 0..2 {
        desktop.copies();
    }
    let Way { mode, backend, reason } = desktop.way();
    assert_eq!((mode, backend), (DeliverMode::Clipboard, None));
    assert!(reason.contains("would first ask"), "{reason}");
    assert!(reason.contains("v2m-send config set deliver.mode=paste"), "{reason}");
    let Way { mode, reason, .. } = desktop.runtime.block_on(way(DeliverMode::Paste));
    assert_eq!(mode, DeliverMode::Paste);
    assert!(reason.ends_with("the desktop asks you when the next text comes"), "{reason}");
    assert_eq!(desktop.asked(), 0);
    assert_eq!(desktop.restored().len(), 0, "no session was opened");
}

#[test]
fn once_allowed_texts_are_pasted_in_this_run_and_the_next() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    desktop.pastes_without_a_question();
    // The session is open, so the token is not needed.
    std::fs::remove_file(desktop.token()).unwrap();
    desktop.pastes_without_a_question();
    desktop.restart_v2m();
    desktop.copies();
    desktop.pastes(WORDS);
    desktop.restart_v2m();
    assert_eq!(desktop.way().mode, DeliverMode::Paste);
    desktop.pastes_without_a_question();
}

#[test]
fn a_permission_that_was_withdrawn_is_not_asked_for_at_each_start() {
    let mut desktop = Desktop::start();
    desktop.pastes(WORDS);
    // The portal does not know this token, and asks the user.
    std::fs::write(desktop.token(), "another token").unwrap();
    desktop.portal.state().user = User::No;
    desktop.restart_v2m();
    for _ in 0..2 {
        desktop.copies();
    }
    assert_eq!(desktop.asked(), 2);
    assert!(!desktop.token().exists());
    desktop.restart_v2m();
    desktop.copies();
    assert_eq!(desktop.asked(), 2);
}

#[test]
fn without_a_portal_the_clipboard_is_no_error() {
    let mut desktop = Desktop::start();
    desktop.portal.end();
    desktop.copies();
    let Way { mode, reason, .. } = desktop.way();
    assert_eq!(mode, DeliverMode::Clipboard);
    assert!(reason.contains("cannot paste into other programs"), "{reason}");
}

/// A double of Plasma's permission store, with this answer for host programs.
struct Store(&'static str);

#[zbus::interface(name = "org.freedesktop.impl.portal.PermissionStore")]
impl Store {
    fn lookup(&self, table: &str, id: &str) -> (HashMap<String, Vec<String>>, OwnedVariant) {
        assert_eq!((table, id), ("kde-authorized", "remote-desktop"));
        let answers = HashMap::from([(String::new(), vec![self.0.to_owned()])]);
        (answers, OwnedVariant::from(0_u8))
    }
}

#[test]
fn an_answer_in_advance_is_a_permission() {
    for (answer, mode) in [("no", DeliverMode::Clipboard), ("yes", DeliverMode::Paste)] {
        let desktop = Desktop::start();
        let path = "/org/freedesktop/impl/portal/PermissionStore";
        let builder = desktop.bus.builder().name(STORE).serve_at(path, Store(answer));
        let _store = desktop.runtime.block_on(builder.build()).unwrap();
        assert_eq!(desktop.way().mode, mode, "{answer}");
    }
}
