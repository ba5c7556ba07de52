//! State and menu together, shown by the objects on the bus.

use crate::menu::{Action, Content, Entry, Menu};
use crate::state::State;
use crate::v2m;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// How many of the user's choices may wait for the loop.
const CHOICES: usize = 16;

/// How long texts stay in a menu without a report that it was closed. Some hosts send none.
const OPEN: Duration = Duration::from_secs(120);
/// How long texts stay after the menu was closed. Hosts may still ask for something just before
/// they report what was chosen.
const CLOSED: Duration = Duration::from_secs(1);

/// A message from the objects on the bus to the loop.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// The user has chosen something in the menu.
    Do(Action),
    /// The user has clicked the icon.
    Click,
    /// The menu was opened or closed, so the loop must compute its deadlines again.
    Changed,
}

/// The state that is shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// v2m's state.
    pub state: State,
    /// v2m's unique name. `None`: it does not run.
    pub v2m: Option<String>,
    /// The menu.
    pub menu: Menu,
    /// Whether something else shows the states, so that the icon hides.
    pub is_hidden: bool,
    /// When texts leave the menu.
    texts: Option<Instant>,
}

impl Shown {
    /// Returns the menu's current entries.
    pub fn entries(&self) -> Entry {
        self.menu.entries(&self.state)
    }

    /// Returns when texts leave the menu.
    pub fn texts_until(&self) -> Option<Instant> {
        self.texts
    }

    /// Removes v2m's data from the menu if its time is over. Returns whether there was any.
    pub fn expire(&mut self, now: Instant) -> bool {
        if self.texts.is_none_or(|until| now < until) {
            return false;
        }
        self.texts = None;
        let had = self.menu.has_content();
        if had {
            self.menu.empty();
        }
        had
    }
}

/// The model, shared by the loop and the objects on the bus.
#[derive(Debug)]
pub struct Model {
    shown: Mutex<Shown>,
    wishes: mpsc::Sender<Wish>,
    /// The folder of the icons, if v2m is installed in its own folder. Otherwise empty.
    icons: String,
}

impl Model {
    /// Creates an empty model. The receiver is for the loop.
    pub fn new() -> (Self, mpsc::Receiver<Wish>) {
        let (wishes, wished) = mpsc::channel(CHOICES);
        (Self { shown: Mutex::default(), wishes, icons: icons() }, wished)
    }

    /// Locks the state that is shown. Never hold the lock across an `await`.
    pub fn shown(&self) -> MutexGuard<'_, Shown> {
        // No code that holds the lock leaves a change half done.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the folder of the icons, or an empty text.
    pub fn icons(&self) -> &str {
        &self.icons
    }

    /// Sends a message to the loop.
    pub fn wish(&self, wish: Wish) {
        // Clicks that are too fast for the queue are dropped.
        let _ = self.wishes.try_send(wish);
    }

    /// Asks v2m for the menu's data just before the menu is shown. Returns whether the menu may
    /// have changed. Bounded in time.
    pub async fn open(&self, bus: &zbus::Connection) -> bool {
        let v2m = self.shown().v2m.clone();
        let content = match v2m {
            Some(v2m) => v2m::content(bus, &v2m).await,
            None => Content::default(),
        };
        let mut shown = self.shown();
        shown.texts = Some(Instant::now() + OPEN);
        let is_other = shown.menu.has_content() || content != Content::default();
        if is_other {
            shown.menu.fill(content);
        }
        drop(shown);
        self.wish(Wish::Changed);
        is_other
    }

    /// Notes that the menu was closed.
    pub fn close(&self) {
        self.shown().texts = Some(Instant::now() + CLOSED);
        self.wish(Wish::Changed);
    }
}

/// Returns the time in seconds since 1970.
pub fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Returns the folder of the icons that were installed with this program. Hosts look there if they
/// find the icons nowhere else.
fn icons() -> String {
    let folder = std::env::current_exe().ok().and_then(|program| {
        let icons = program.parent()?.parent()?.join("share/icons");
        icons.is_dir().then(|| icons.to_str().map(str::to_owned))?
    });
    folder.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::Text;

    #[tokio::test]
    async fn texts_leave_the_menu_after_it_was_closed() {
        let (model, mut wished) = Model::new();
        let text = Text { id: "1".to_owned(), first_words: "secret".to_owned() };
        model.shown().menu.fill(Content { texts: vec![text], ..Content::default() });
        model.close();
        assert_eq!(wished.recv().await, Some(Wish::Changed));
        let until = model.shown().texts_until().unwrap();
        assert!(!model.shown().expire(until - Duration::from_millis(1)));
        assert!(model.shown().expire(until));
        assert!(!format!("{:?}", model.shown().entries()).contains("secret"));
        assert_eq!(model.shown().texts_until(), None, "it sleeps");
    }
}
