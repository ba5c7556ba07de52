//! What has the keyboard: a terminal, a password field, or anything else, as far as somebody tells.
//!
//! GNOME and KDE on Wayland tell no other program which window has the keyboard. The programs
//! themselves do, to assistive technologies (AT-SPI): GTK's always, Qt's and Firefox only while
//! such a technology runs (`org.a11y.Status`), kitty, foot and Alacritty never. So this also lists
//! the running programs that tell nothing: if no terminal is among them, none has the
//! keyboard. Nothing is switched on for it, and no program is asked to report events.
//!
//! Which keys follow from it is not decided here (see `press`).

mod around;
mod atspi;
mod running;
mod tree;

pub use around::Around;
pub(crate) use running::names_of as names_of_running;

use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;
use zbus::Connection;

/// How long the programs may take to answer: a program that hangs must not delay the text. Measured
/// on GNOME 43.9 and 48.7 with two cores and six times as much to do: 8 to 60 ms for the programs,
/// 20 to 70 ms with the search of a window.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long they may take once more where it matters only for what is shown.
const LONG_PATIENCE: Duration = Duration::from_millis(300);
/// How long a field may take to tell what is written in it. Measured: see `docs/performance.md`.
const READ: Duration = Duration::from_millis(50);
/// How long it may take to list the running programs; a few milliseconds as a rule.
const LIST: Duration = Duration::from_millis(300);

/// What takes the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Widget {
    /// Nobody tells.
    #[default]
    Unknown,
    /// Not all has been told in time. Where the program is known, it has not told what in its
    /// window has the keyboard.
    Unfinished,
    /// A terminal, perhaps one inside an editor.
    Terminal,
    /// A field that hides what is typed.
    Password,
    /// None of these.
    Other,
}

/// A text field, by the program's name on the bus of assistive technologies and the object's path
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(atspi::Object);

/// What has the keyboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focused {
    /// The widget.
    pub widget: Widget,
    /// The widget itself, if it is a text field that shows what is written.
    pub field: Option<Field>,
    /// Names of its program: the one it gives itself, its executable's. Empty: nobody tells.
    pub programs: Vec<String>,
    /// Names of running programs that have told nothing of their windows, where no program is
    /// known. `None`: they are not known either.
    pub silent: Option<Vec<String>>,
}

impl Focused {
    /// Whether the text is hidden where it is typed. `None`: that was not told in time.
    pub fn is_password(&self) -> Option<bool> {
        match self.widget {
            Widget::Password => Some(true),
            Widget::Unfinished => None,
            Widget::Unknown | Widget::Terminal | Widget::Other => Some(false),
        }
    }
}

/// Asks. Reaches for no bus before the first question.
#[derive(Debug, Default)]
pub struct Observer {
    /// The session bus's address; `None`: the user's.
    session: Option<String>,
    /// The bus of assistive technologies.
    bus: Option<Connection>,
}

impl Observer {
    /// One for the session bus at this address.
    pub fn on(session: &str) -> Self {
        Self { session: Some(session.to_owned()), bus: None }
    }

    /// What has the keyboard now. `is_terminal` knows terminals by a program's name: their windows
    /// are not searched. Bounded: 100 ms, and 300 ms if the kernel takes its time to list the
    /// programs.
    pub async fn look(&mut self, is_terminal: impl Fn(&str) -> bool) -> Focused {
        let until = Instant::now() + PATIENCE;
        let running = running();
        let told = self.ask(until, is_terminal).await;
        let atspi::AccessibilityReport { active, answered, late } = told;
        if let Some(atspi::Active { widget, field, programs }) = active {
            debug!(?widget, ?programs, "what has the keyboard");
            return Focused { widget, field: field.map(Field), programs, silent: None };
        }
        let running = timeout(LIST, running).await.ok().and_then(Result::ok);
        let silent = running.map(|running| {
            let silent = running.into_iter().filter(|program| !answered.contains(&program.pid));
            silent.map(|program| program.name).collect()
        });
        let widget = if late { Widget::Unfinished } else { Widget::Unknown };
        Focused { widget, silent, ..Focused::default() }
    }

    /// What is written around the cursor in a field that [`Self::look`] has told of. `None`: it
    /// does not tell. Bounded: 50 ms.
    pub async fn read(&self, field: &Field) -> Option<Around> {
        timeout(READ, around::around(self.bus.as_ref()?, field)).await.ok().flatten()
    }

    /// Whether a field has the keyboard that hides what is written in it, for who has more time.
    /// Bounded: 300 ms.
    pub(crate) async fn is_password(&mut self) -> bool {
        let told = self.ask(Instant::now() + LONG_PATIENCE, |_| false).await;
        told.active.is_some_and(|active| active.widget == Widget::Password)
    }

    async fn ask(
        &mut self,
        until: Instant,
        is_terminal: impl Fn(&str) -> bool,
    ) -> atspi::AccessibilityReport {
        let bus = match &self.bus {
            Some(bus) => bus,
            None => match timeout_at(until, atspi::connect(self.session.as_deref())).await {
                Ok(Ok(Some(bus))) => self.bus.insert(bus),
                Ok(Ok(None)) => return atspi::AccessibilityReport::default(),
                Ok(Err(error)) => {
                    debug!(%error, "the bus of assistive technologies cannot be reached");
                    return atspi::AccessibilityReport::default();
                }
                Err(_late) => {
                    return atspi::AccessibilityReport {
                        late: true,
                        ..atspi::AccessibilityReport::default()
                    };
                }
            },
        };
        let told = atspi::look(bus, until, is_terminal).await;
        told.unwrap_or_else(|error| {
            debug!(%error, "the programs do not tell which of them has the keyboard");
            // The bus may have gone with its desktop.
            self.bus = None;
            atspi::AccessibilityReport::default()
        })
    }
}

/// The user's programs, read beside the event loop.
fn running() -> oneshot::Receiver<Vec<running::RunningProcess>> {
    let (tell, told) = oneshot::channel();
    let read = move || {
        let _ = tell.send(running::running()); // nobody waits any more
    };
    drop(tokio::task::spawn_blocking(read));
    told
}
