//! State and menu together, which the objects on the bus show.

use crate::menu::{Action, Content, Entry, Menu};
use crate::state::State;
use crate::v2m;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Choices of the user that may wait for the loop.
const CHOICES: usize = 16;

/// How long texts stay in a menu that nobody closes: some hosts do not tell.
const OPEN: Duration = Duration::from_secs(120);
/// How long they stay after it was closed: hosts may ask for something just before they tell what
/// was chosen.
const CLOSED: Duration = Duration::from_secs(1);

/// What the loop is told by the objects.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// The user has chosen something in the menu.
    Do(Action),
    /// The user has clicked the icon.
    Click,
    /// The menu was opened or closed, so there is something to wait for.
    Changed,
}

/// What is shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// What is known of v2m.
    pub state: State,
    /// v2m's unique name. `None`: it does not run.
    pub v2m: Option<String>,
    /// The menu.
    pub menu: Menu,
    /// Whether something else shows the states, so that the icon hides.
    pub is_hidden: bool,
    /// Until when the menu has texts.
    texts: Option<Instant>,
}

impl Shown {
    /// The menu's entries now.
    pub fn entries(&self) -> Entry {
        self.menu.entries(&self.state)
    }

    /// When texts leave the menu.
    pub fn texts_until(&self) -> Option<Instant> {
        self.texts
    }

    /// Removes texts whose time is over. Whether there were any.
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
    /// Where the icons are, if v2m was installed into a folder of its own.
    icons: String,
}

impl Model {
    /// Nothing is known yet. The receiver is the loop's.
    pub fn new() -> (Self, mpsc::Receiver<Wish>) {
        let (wishes, wished) = mpsc::channel(CHOICES);
        (Self { shown: Mutex::default(), wishes, icons: icons() }, wished)
    }

    /// What is shown. Never held across a wait.
    pub fn shown(&self) -> MutexGuard<'_, Shown> {
        // Nothing is left half done in there.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of the icons, or nothing.
    pub fn icons(&self) -> &str {
        &self.icons
    }

    /// Has the loop carry out what the user has chosen.
    pub fn wish(&self, wish: Wish) {
        // Whoever clicks faster than that is not waited for.
        let _ = self.wishes.try_send(wish);
    }

    /// The menu is about to be shown: asks v2m for what it has. Whether the menu is another one now.
    /// Bounded.
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

    /// The menu was closed.
    pub fn close(&self) {
        self.shown().texts = Some(Instant::now() + CLOSED);
        self.wish(Wish::Changed);
    }
}

/// Seconds since 1970.
pub fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The folder with the icons that were installed with this program. Hosts look there if they find
/// them nowhere else.
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
