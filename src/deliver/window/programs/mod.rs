//! Finds out which widget has the keyboard: a terminal, a password field, or another one, as far as
//! it is reported.
//!
//! GNOME and KDE on Wayland do not tell other programs which window has the keyboard. The programs
//! themselves report it to assistive technologies (AT-SPI). GTK always does, Qt and Firefox only
//! while such a technology runs (`org.a11y.Status`), and kitty, foot and Alacritty never do. So
//! this module also lists the running programs that report nothing: if no terminal is among them,
//! no terminal has the keyboard. Nothing is switched on for this, and no program is asked to report
//! events.
//!
//! The choice of the keys to press is in `press`.

mod around;
mod atspi;
mod running;
mod shell;
mod tree;

pub use around::Around;
pub(crate) use around::TakenBack;
pub(crate) use running::{listed_as, name_of_own, names_of as names_of_running};
pub(crate) use shell::focused_within as shell_tells;

use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;
use zbus::Connection;

/// How long the programs may take to answer. A program that hangs must not delay the text. Measured
/// on GNOME 43.9 and 48.7 with two cores and six times as much load: 8 to 60 ms for the programs,
/// 20 to 70 ms with the search of a window.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a second question may take. Its answer affects only the notification.
const LONG_PATIENCE: Duration = Duration::from_millis(300);
/// How long programs may take if no text waits for them.
const LOOK_LONG: Duration = Duration::from_secs(1);
/// How long a field may take to return its text. Measured: see `docs/performance.md`.
const READ: Duration = Duration::from_millis(50);
/// How long a field may take to return a whole text, or to delete it. No text is delayed meanwhile.
const CHANGE: Duration = Duration::from_millis(500);
/// How long listing the running programs may take. It usually takes a few milliseconds.
const LIST: Duration = Duration::from_millis(300);

/// The kind of widget that has the keyboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Widget {
    /// No program reports it.
    #[default]
    Unknown,
    /// The answers did not arrive in time. If the program is known, it has not reported which
    /// widget in its window has the keyboard.
    Unfinished,
    /// A terminal, perhaps one inside an editor.
    Terminal,
    /// A field that hides its text.
    Password,
    /// Another widget.
    Other,
}

/// A text field, identified by the program's name on the bus of assistive technologies and the
/// object's path there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(atspi::Object);

/// The widget and the program that have the keyboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focused {
    /// The kind of the widget.
    pub widget: Widget,
    /// The widget itself, if it is a text field that shows its text.
    pub field: Option<Field>,
    /// The program's names: its own name, and its executable's. Empty: not reported.
    pub programs: Vec<String>,
    /// If no program is known, the names of the running programs that have reported nothing about
    /// their windows. `None`: these are not known either.
    pub silent: Option<Vec<String>>,
}

impl Focused {
    /// Whether the field hides its text. `None`: this was not reported in time.
    pub fn is_password(&self) -> Option<bool> {
        match self.widget {
            Widget::Password => Some(true),
            Widget::Unfinished => None,
            Widget::Unknown | Widget::Terminal | Widget::Other => Some(false),
        }
    }
}

/// Asks the programs which of them has the keyboard. Connects to no bus before the first question.
#[derive(Debug, Default)]
pub struct Observer {
    /// The session bus's address. `None`: the user's.
    session: Option<String>,
    /// The bus of assistive technologies.
    bus: Option<Connection>,
}

impl Observer {
    /// Creates an observer for the session bus at this address.
    pub fn on(session: &str) -> Self {
        Self { session: Some(session.to_owned()), bus: None }
    }

    /// Finds out which widget has the keyboard now. `is_terminal` recognises terminals by a
    /// program's name. Their windows are not searched. Takes 100 ms at most, and 300 ms more if the
    /// kernel is slow to list the programs.
    pub async fn look(&mut self, is_terminal: impl Fn(&str) -> bool) -> Focused {
        self.look_within(PATIENCE, is_terminal).await
    }

    /// Like [`Self::look`], for callers with more time. Takes a second at most, and 300 ms more.
    pub(crate) async fn look_patiently(&mut self, is_terminal: impl Fn(&str) -> bool) -> Focused {
        self.look_within(LOOK_LONG, is_terminal).await
    }

    async fn look_within(
        &mut self,
        patience: Duration,
        is_terminal: impl Fn(&str) -> bool,
    ) -> Focused {
        let until = Instant::now() + patience;
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

    /// Reads the text around the cursor in a field that [`Self::look`] has found. `None`: the field
    /// does not report it. Takes 50 ms at most.
    pub async fn read(&self, field: &Field) -> Option<Around> {
        timeout(READ, around::around(self.bus.as_ref()?, field)).await.ok().flatten()
    }

    /// Deletes `text` right before the cursor in a field that [`Self::look`] has found. Takes half a
    /// second at most.
    pub(crate) async fn take_back(&self, field: &Field, text: &str) -> TakenBack {
        let Some(bus) = &self.bus else { return TakenBack::NotTold };
        let done = timeout(CHANGE, around::take_back(bus, field, text)).await;
        done.unwrap_or(TakenBack::Unclear)
    }

    /// Whether `text` stands right before the cursor in that field. `None`: the field does not
    /// report it. Takes half a second at most.
    pub(crate) async fn stands(&self, field: &Field, text: &str) -> Option<bool> {
        timeout(CHANGE, around::stands(self.bus.as_ref()?, field, text)).await.ok().flatten()
    }

    /// Whether a password field has the keyboard, for callers with more time. Takes 300 ms at most.
    pub(crate) async fn is_password(&mut self) -> bool {
        let told = self.ask(Instant::now() + LONG_PATIENCE, |_| false).await;
        told.active.is_some_and(|active| active.widget == Widget::Password)
    }

    /// Asks GNOME Shell, through v2m's extension, if no program has reported that it has the
    /// keyboard. Takes 100 ms at most.
    pub(crate) async fn with_shell(&self, focused: Focused) -> Focused {
        if !focused.programs.is_empty() || focused.widget == Widget::Terminal {
            return focused;
        }
        match shell::focused(self.session.as_deref()).await {
            programs if programs.is_empty() => focused,
            programs => Focused { programs, silent: None, ..focused },
        }
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
            // The bus may have ended with its desktop.
            self.bus = None;
            atspi::AccessibilityReport::default()
        })
    }
}

/// Lists the user's programs in the background.
fn running() -> oneshot::Receiver<Vec<running::RunningProcess>> {
    let (tell, told) = oneshot::channel();
    let read = move || {
        let _ = tell.send(running::running()); // the caller may have given up
    };
    drop(tokio::task::spawn_blocking(read));
    told
}
