//! The order of a paste's steps and what is given back, on a desktop that is played. The real ones
//! are in `tests/cursor_*`.

use super::*;
use crate::chord::Chord;
use crate::deliver::order::Means;
use crate::deliver::window::{Focused, PasteKeys};
use std::cell::{Cell, RefCell};

/// What was done, in order.
#[derive(Default)]
struct Desktop {
    done: RefCell<Vec<String>>,
    /// How often something is copied between the reading and the text.
    copies: Cell<usize>,
    /// Another program takes the clipboard at the end.
    is_overtaken: bool,
    /// No window takes the text.
    is_ignored: bool,
    /// Who ordered the text gives up once it is on the clipboard.
    is_given_up: bool,
    /// Another window gets the keyboard once the text is on the clipboard.
    is_left: bool,
}

impl Desktop {
    fn note(&self, step: impl Into<String>) {
        self.done.borrow_mut().push(step.into());
    }

    fn has_text(&self) -> bool {
        self.done.borrow().iter().any(|step| step == "offer")
    }
}

struct Board<'d> {
    desktop: &'d Desktop,
    before: Before<usize>,
}

impl Clipboard for Board<'_> {
    type Content = usize;

    const WINDOWS: To = To::Wayland;

    async fn remember(&mut self, _: Duration) -> Result<Before<usize>, DeliverError> {
        self.desktop.note("remember");
        if let Before::Content(copies) = &mut self.before {
            *copies += 1;
        }
        Ok(self.before.clone())
    }

    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError> {
        assert!(text == "text" && is_sensitive);
        let copies = self.desktop.copies.get();
        if copies > 0 {
            self.desktop.copies.set(copies - 1);
            return Ok(false);
        }
        self.desktop.note("offer");
        Ok(true)
    }

    fn reader(&mut self) -> Result<ClipboardManager, DeliverError> {
        Ok(ClipboardManager::Known)
    }

    fn note_reader(&mut self, _: bool) {}

    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError> {
        match requests {
            UNTIL_QUIET if self.desktop.is_overtaken => return Err(DeliverError::Overtaken),
            UNTIL_QUIET => self.desktop.note("until quiet"),
            Serve::One(_) => self.desktop.note("manager"),
            Serve::For(_) | Serve::UntilQuiet { .. } => {}
        }
        Ok(true)
    }

    async fn mark(&mut self, _: bool) -> Result<(), DeliverError> {
        self.desktop.note("mark");
        Ok(())
    }

    async fn receipt(
        &mut self,
        _: Option<&Window>,
        _: Option<&Loan>,
        _: Duration,
    ) -> Result<bool, DeliverError> {
        Ok(!self.desktop.is_ignored)
    }

    async fn give_back(&mut self, content: usize) -> Result<(), DeliverError> {
        self.desktop.note(format!("give back {content}"));
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), DeliverError> {
        self.desktop.note("clear");
        Ok(())
    }
}

/// Keys that the user holds at the first two looks.
struct Pressed<'d>(&'d Desktop, usize);

impl Keys for Pressed<'_> {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        self.0.note(format!("find {chord}"));
        Ok(())
    }

    fn are_held(&mut self) -> Result<bool, DeliverError> {
        self.1 += 1;
        self.0.note("look");
        Ok(self.1 <= 2)
    }

    async fn press(&mut self) -> Result<(), DeliverError> {
        self.0.note("press");
        Ok(())
    }
}

/// Pastes over `before` and gives it back: what was done, and what came of it.
fn paste_over(desktop: &Desktop, before: Before<usize>) -> (Vec<String>, Result<(), DeliverError>) {
    let window = |id| Window { id, class: "editor".to_owned() };
    let order = Insertion {
        text: "text".to_owned(),
        means: Means::Paste,
        keys: PasteKeys::default(),
        only: Some(window(1)),
        focused: Focused::default(),
        is_sensitive: true,
    };
    let (mut board, mut keys) = (Board { desktop, before }, Pressed(desktop, 0));
    let focused = || {
        let is_left = desktop.is_left && desktop.has_text();
        Ok(Some(window(if is_left { 2 } else { 1 })))
    };
    let is_wanted = || !(desktop.is_given_up && desktop.has_text());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let outcome = runtime.block_on(async {
        let pasted = paste(&order, &mut board, &mut keys, focused, is_wanted).await?;
        give_back(&mut board, pasted).await
    });
    (desktop.done.take(), outcome)
}

const TO_THE_KEYS: [&str; 9] =
    ["find ctrl+v", "remember", "offer", "manager", "look", "look", "look", "mark", "press"];

#[test]
fn the_old_clipboard_comes_back_once_a_window_has_taken_the_text() {
    for (before, last) in [
        (Before::Content(6), Some("give back 7")),
        (Before::Nothing, Some("clear")),
        (Before::Unknown, None),
    ] {
        let (done, outcome) = paste_over(&Desktop::default(), before);
        outcome.unwrap();
        let expected = TO_THE_KEYS.into_iter().chain(["until quiet"]).chain(last);
        assert_eq!(done, expected.collect::<Vec<_>>());
    }
}

#[test]
fn what_is_copied_before_the_text_is_there_comes_back() {
    let desktop = Desktop { copies: Cell::new(2), ..Desktop::default() };
    let (done, outcome) = paste_over(&desktop, Before::Content(0));
    outcome.unwrap();
    assert_eq!(done.last().unwrap(), "give back 3");
    assert_eq!(done[..5], ["find ctrl+v", "remember", "remember", "remember", "offer"]);
}

#[test]
fn what_is_copied_after_the_text_is_there_stays() {
    let desktop = Desktop { is_overtaken: true, ..Desktop::default() };
    let (done, outcome) = paste_over(&desktop, Before::Content(0));
    outcome.unwrap();
    assert_eq!(done, TO_THE_KEYS);
}

#[test]
fn a_text_that_no_window_takes_stays_on_the_clipboard() {
    let desktop = Desktop { is_ignored: true, ..Desktop::default() };
    let (done, outcome) = paste_over(&desktop, Before::Content(0));
    assert!(matches!(outcome, Err(DeliverError::NotTaken(keys)) if keys == "ctrl+v"));
    assert_eq!(done, TO_THE_KEYS);
}

#[test]
fn nothing_is_pressed_for_who_has_given_up_or_gone_to_another_window() {
    let desktop = Desktop { is_given_up: true, ..Desktop::default() };
    let (done, outcome) = paste_over(&desktop, Before::Content(0));
    assert!(matches!(outcome, Err(DeliverError::Hanging)));
    assert_eq!(done[7..], ["until quiet", "give back 1"]);
    let desktop = Desktop { is_left: true, ..Desktop::default() };
    let (done, outcome) = paste_over(&desktop, Before::Content(0));
    assert!(matches!(outcome, Err(DeliverError::Moved)));
    assert_eq!(done, TO_THE_KEYS[..7]);
}
