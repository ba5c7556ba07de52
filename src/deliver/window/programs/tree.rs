//! Finds the object inside a window that has the keyboard. Objects are asked level by level, all of
//! one level at the same time.

use super::Widget;
use super::atspi::{Object, States, children, role, states};
use tokio::task::JoinSet;
use zbus::Connection;

/// Roles, numbered as in at-spi2-core's `atspi-constants.h`.
mod roles {
    pub(crate) const PASSWORD_TEXT: u32 = 40;
    pub(crate) const TERMINAL: u32 = 60;
    pub(crate) const TEXT: u32 = 61;
    pub(crate) const ENTRY: u32 = 79;
}

/// The most objects that are asked. A window of GNOME's programs has some hundred. A browser's page
/// may have any number.
const MOST: usize = 1_000;

/// One object's answer.
struct ObjectState {
    object: Object,
    /// The object's role, if it has the keyboard.
    focused: Option<u32>,
    inside: Vec<Object>,
}

/// Finds the widget in `window` that has the keyboard, and the object itself if it is a text field.
/// The caller must bound the time.
pub(crate) async fn focused(bus: &Connection, window: Object) -> (Widget, Option<Object>) {
    let mut asked = JoinSet::new();
    asked.spawn(look(bus.clone(), window));
    let mut left = MOST;
    while let Some(seen) = asked.join_next().await {
        // The object may be gone.
        let Ok(Ok(seen)) = seen else { continue };
        match seen.focused {
            Some(roles::TERMINAL) => return (Widget::Terminal, None),
            Some(roles::PASSWORD_TEXT) => return (Widget::Password, None),
            Some(roles::TEXT | roles::ENTRY) => return (Widget::Other, Some(seen.object)),
            // An object around a field may also report that it has the keyboard.
            Some(_) | None => {}
        }
        if seen.inside.len() > left {
            return (Widget::Unfinished, None);
        }
        left -= seen.inside.len();
        for object in seen.inside {
            asked.spawn(look(bus.clone(), object));
        }
    }
    (Widget::Other, None)
}

async fn look(bus: Connection, object: Object) -> zbus::Result<ObjectState> {
    let states = states(&bus, &object).await?;
    let focused = if states.has(States::FOCUSED) { Some(role(&bus, &object).await?) } else { None };
    let is_searched = states.has(States::SHOWING) && !states.has(States::MANAGES_DESCENDANTS);
    let (name, path) = &object;
    let inside = if is_searched { children(&bus, name, path.as_str()).await? } else { Vec::new() };
    Ok(ObjectState { object, focused, inside })
}
