//! The object `com.canonical.dbusmenu`: the menu, which the host draws.

use crate::layout::{Layout, Properties, layout, properties};
use crate::menu::ROOT;
use crate::model::{Model, Wish};
use std::sync::Arc;
use zbus::fdo;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant, Variant};

/// The object's path.
pub const PATH: &str = "/MenuBar";

/// The version of the protocol.
const VERSION: u32 = 3;

/// The menu's object on the bus.
#[derive(Debug)]
pub struct Menu {
    model: Arc<Model>,
}

impl Menu {
    /// Creates the object for the model's menu.
    pub fn new(model: Arc<Model>) -> Self {
        Self { model }
    }

    fn has(&self, id: i32) -> bool {
        self.model.shown().entries().find(id).is_some()
    }

    /// Handles an event of an entry. Returns whether the entry exists.
    async fn happened(&self, id: i32, what: &str, bus: &Connection) -> bool {
        match what {
            "clicked" => {
                let action = self.model.shown().menu.action(id);
                let is_known = action.is_some();
                if let Some(action) = action {
                    self.model.wish(Wish::Do(action));
                }
                return is_known || self.has(id);
            }
            // Some hosts send only this, and not AboutToShow.
            "opened" if id == ROOT => {
                let is_filled = self.model.shown().menu.has_content();
                if !is_filled {
                    self.model.open(bus).await;
                }
            }
            "closed" if id == ROOT => self.model.close(),
            _ => {}
        }
        self.has(id)
    }
}

#[zbus::interface(name = "com.canonical.dbusmenu", introspection_docs = false)]
impl Menu {
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> u32 {
        VERSION
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn text_direction(&self) -> &'static str {
        // Right for all languages of v2m's messages.
        "ltr"
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn status(&self) -> &'static str {
        "normal"
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(out_args("revision", "layout"))]
    fn get_layout(
        &self,
        parent_id: i32,
        recursion_depth: i32,
        property_names: Vec<String>,
    ) -> fdo::Result<(u32, Layout)> {
        let shown = self.model.shown();
        let entries = shown.entries();
        let entry = entries.find(parent_id).ok_or_else(|| unknown(parent_id))?;
        Ok((shown.menu.revision(), layout(entry, recursion_depth, &property_names)))
    }

    #[zbus(out_args("properties"))]
    fn get_group_properties(
        &self,
        ids: Vec<i32>,
        property_names: Vec<String>,
    ) -> Vec<(i32, Properties)> {
        let entries = self.model.shown().entries();
        // No numbers means all entries.
        let ids = if ids.is_empty() { all(&entries) } else { ids };
        let found = ids.into_iter().filter_map(|id| entries.find(id));
        found.map(|entry| (entry.id, properties(entry, &property_names))).collect()
    }

    #[zbus(out_args("value"))]
    fn get_property(&self, id: i32, name: String) -> fdo::Result<OwnedVariant> {
        let entries = self.model.shown().entries();
        let entry = entries.find(id).ok_or_else(|| unknown(id))?;
        let mut found = properties(entry, std::slice::from_ref(&name));
        found.remove(&name).ok_or_else(|| fdo::Error::InvalidArgs(name))
    }

    async fn event(
        &self,
        id: i32,
        event_id: String,
        _data: Variant<'_>,
        _timestamp: u32,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<()> {
        match self.happened(id, &event_id, bus).await {
            true => Ok(()),
            false => Err(unknown(id)),
        }
    }

    #[zbus(out_args("id_errors"))]
    async fn event_group(
        &self,
        events: Vec<(i32, String, OwnedVariant, u32)>,
        #[zbus(connection)] bus: &Connection,
    ) -> Vec<i32> {
        let mut unknown = Vec::new();
        for (id, what, _, _) in events {
            if !self.happened(id, &what, bus).await {
                unknown.push(id);
            }
        }
        unknown
    }

    /// Returns whether the host should ask for the layout again.
    #[zbus(out_args("need_update"))]
    async fn about_to_show(
        &self,
        id: i32,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<bool> {
        if id == ROOT {
            return Ok(self.model.open(bus).await);
        }
        // Otherwise Plasma would show the submenu's entries from the last time.
        if self.has(id) { Ok(true) } else { Err(unknown(id)) }
    }

    #[zbus(out_args("updates_needed", "id_errors"))]
    async fn about_to_show_group(
        &self,
        ids: Vec<i32>,
        #[zbus(connection)] bus: &Connection,
    ) -> (Vec<i32>, Vec<i32>) {
        let is_other = ids.contains(&ROOT) && self.model.open(bus).await;
        let unknown = ids.into_iter().filter(|id| !self.has(*id)).collect();
        (is_other.then_some(ROOT).into_iter().collect(), unknown)
    }

    #[zbus(signal)]
    async fn layout_updated(
        emitter: &SignalEmitter<'_>,
        revision: u32,
        parent: i32,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn items_properties_updated(
        emitter: &SignalEmitter<'_>,
        updated: Vec<(i32, Properties)>,
        removed: Vec<(i32, Vec<String>)>,
    ) -> zbus::Result<()>;
}

/// Sends hosts the revision of the changed menu. They then ask for the menu.
///
/// # Errors
/// If the connection to the bus is lost.
pub async fn tell(revision: u32, bus: &Connection) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(bus, PATH)?;
    Menu::layout_updated(&emitter, revision, ROOT).await
}

fn all(entry: &crate::menu::Entry) -> Vec<i32> {
    let below = entry.children().iter().flat_map(all);
    std::iter::once(entry.id).chain(below).collect()
}

fn unknown(id: i32) -> fdo::Error {
    fdo::Error::InvalidArgs(v2m_messages::verbatim!(format!("the menu has no entry {id}")))
}
