//! The object `org.kde.StatusNotifierItem`: what a tray shows, and what a click does.

use crate::dbusmenu;
use crate::model::{Model, Wish, clock};
use crate::pixels::{self, Pixels};
use crate::state::NAME;
use std::sync::Arc;
use std::time::Instant;
use zbus::names::BusName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath};

/// Where hosts look for the object if they are told only who has it.
pub const PATH: &str = "/StatusNotifierItem";

/// The object.
#[derive(Debug)]
pub struct Item {
    model: Arc<Model>,
}

impl Item {
    /// Shows the model.
    pub fn new(model: Arc<Model>) -> Self {
        Self { model }
    }
}

/// The protocol has signals of its own for changes, and not `PropertiesChanged`.
#[zbus::interface(name = "org.kde.StatusNotifierItem", introspection_docs = false)]
impl Item {
    #[zbus(property(emits_changed_signal = "const"))]
    fn category(&self) -> &'static str {
        "ApplicationStatus"
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> &'static str {
        NAME
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn title(&self) -> String {
        self.model.shown().state.title()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn status(&self) -> &'static str {
        status(self.model.shown().is_hidden)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn window_id(&self) -> i32 {
        0
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn icon_theme_path(&self) -> String {
        self.model.icons().to_owned()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_name(&self) -> &'static str {
        self.model.shown().state.icon(Instant::now())
    }

    /// For hosts that find no icon of that name.
    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_pixmap(&self) -> Pixels {
        pixels::icon(self.model.shown().state.icon(Instant::now()))
    }

    /// For screen readers (libappindicator).
    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_accessible_desc(&self) -> String {
        self.model.shown().state.title()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn overlay_icon_name(&self) -> &'static str {
        ""
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn overlay_icon_pixmap(&self) -> Pixels {
        Pixels::new()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn attention_icon_name(&self) -> &'static str {
        ""
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn attention_icon_pixmap(&self) -> Pixels {
        Pixels::new()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn attention_movie_name(&self) -> &'static str {
        ""
    }

    /// Icon, pixels, title and text.
    #[zbus(property(emits_changed_signal = "false"))]
    fn tool_tip(&self) -> (String, Pixels, String, String) {
        let shown = self.model.shown();
        (String::new(), Pixels::new(), shown.state.title(), shown.state.detail(clock()))
    }

    /// A click activates it; the menu is for the other button.
    #[zbus(property(emits_changed_signal = "const"))]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn menu(&self) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked(dbusmenu::PATH)
    }

    /// A click.
    fn activate(&self, _x: i32, _y: i32) {
        self.model.wish(Wish::Click);
    }

    /// A click with the middle button. On GNOME a plain click opens the menu.
    fn secondary_activate(&self, _x: i32, _y: i32) {
        self.model.wish(Wish::Click);
    }

    /// Hosts show the menu themselves.
    fn context_menu(&self, _x: i32, _y: i32) {}

    /// There is nothing to scroll.
    fn scroll(&self, _delta: i32, _orientation: &str) {}

    /// KDE gives a token for windows before each click. A click opens none.
    fn provide_xdg_activation_token(&self, _token: &str) {}

    #[zbus(signal)]
    async fn new_title(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_icon(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_tool_tip(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_status(emitter: &SignalEmitter<'_>, status: &str) -> zbus::Result<()>;
}

fn status(is_hidden: bool) -> &'static str {
    if is_hidden { "Passive" } else { "Active" }
}

/// What hosts were last told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    icon: &'static str,
    title: String,
    detail: String,
    is_hidden: bool,
}

impl Seen {
    /// What they should see now.
    pub fn of(model: &Model) -> Self {
        let shown = model.shown();
        Self {
            icon: shown.state.icon(Instant::now()),
            title: shown.state.title(),
            detail: shown.state.detail(clock()),
            is_hidden: shown.is_hidden,
        }
    }

    /// Tells hosts what is another thing than `before`. They ask for it then.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn tell(&self, before: &Self, bus: &Connection) -> zbus::Result<()> {
        let emitter = SignalEmitter::new(bus, PATH)?;
        if self.icon != before.icon {
            Item::new_icon(&emitter).await?;
        }
        if self.title != before.title {
            Item::new_title(&emitter).await?;
        }
        if (&self.title, &self.detail) != (&before.title, &before.detail) {
            Item::new_tool_tip(&emitter).await?;
        }
        if self.is_hidden != before.is_hidden {
            Item::new_status(&emitter, status(self.is_hidden)).await?;
        }
        Ok(())
    }
}

/// The one who gives items to hosts.
pub const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";

/// Has the watcher give this item to all hosts.
///
/// By the connection's unique name: a well-known one could be talked to by sandboxed programs that
/// may talk to `org.kde.*`.
///
/// # Errors
/// The watcher does not take it.
pub async fn register(bus: &Connection, watcher: &str) -> zbus::Result<()> {
    let own = bus.unique_name().map(|name| name.as_str()).unwrap_or_default();
    let watcher = BusName::try_from(watcher)?;
    let method = "RegisterStatusNotifierItem";
    bus.call_method(Some(watcher), WATCHER_PATH, Some(WATCHER), method, &own).await.map(|_| ())
}
