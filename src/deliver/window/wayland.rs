//! Finds the program that has the keyboard, on compositors that report it (with
//! wlr-foreign-toplevel-management).
//!
//! The compositor describes a window by the application's id and its title, and titles change. So a
//! window stands for its application here, and another window of the same program counts as the
//! same. The connection lasts for one question, because otherwise every later change anywhere on
//! the desktop would wake v2m.

use super::Window;
use crate::deliver::display::wayland::{CompositorState, WaylandConnection};
use crate::deliver::error::DeliverError;
use std::hash::{DefaultHasher, Hash, Hasher};
use wayland_client::backend::ObjectId;
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, event_created_child};
use wayland_protocols_wlr::foreign_toplevel::v1::client::{
    zwlr_foreign_toplevel_handle_v1::{self, State, ZwlrForeignToplevelHandleV1},
    zwlr_foreign_toplevel_manager_v1::{self, ZwlrForeignToplevelManagerV1},
};

/// The windows that the compositor has reported.
#[derive(Debug, Default)]
struct Windows {
    all: Vec<Toplevel>,
}

#[derive(Debug)]
struct Toplevel {
    handle: ObjectId,
    application: String,
    is_active: bool,
}

/// Finds the window that has the keyboard. `None`: no window has it, or the compositor does not
/// report it. Blocks.
pub(crate) fn focused() -> Result<Option<Window>, DeliverError> {
    let mut compositor = WaylandConnection::begin(Windows::default())?;
    if compositor.bind::<ZwlrForeignToplevelManagerV1>(1).is_none() {
        return Ok(None);
    }
    compositor.catch_up()?;
    let active = compositor.heard.state.all.into_iter().find(|toplevel| toplevel.is_active);
    Ok(active
        .filter(|toplevel| !toplevel.application.is_empty())
        .map(|toplevel| window(toplevel.application)))
}

fn window(application: String) -> Window {
    let mut hasher = DefaultHasher::new();
    application.hash(&mut hasher);
    // Only half of the hash is used, because window numbers are as short as X11's.
    Window { id: (hasher.finish() >> 32) as u32, class: application }
}

impl Windows {
    fn find(&mut self, handle: &ZwlrForeignToplevelHandleV1) -> Option<&mut Toplevel> {
        let handle = handle.id();
        self.all.iter_mut().find(|toplevel| toplevel.handle == handle)
    }
}

impl Dispatch<ZwlrForeignToplevelManagerV1, ()> for CompositorState<Windows> {
    fn event(
        heard: &mut Self,
        _: &ZwlrForeignToplevelManagerV1,
        event: zwlr_foreign_toplevel_manager_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwlr_foreign_toplevel_manager_v1::Event::Toplevel { toplevel } = event {
            let handle = toplevel.id();
            heard.state.all.push(Toplevel { handle, application: String::new(), is_active: false });
        }
    }

    event_created_child!(CompositorState<Windows>, ZwlrForeignToplevelManagerV1, [
        zwlr_foreign_toplevel_manager_v1::EVT_TOPLEVEL_OPCODE => (ZwlrForeignToplevelHandleV1, ()),
    ]);
}

impl Dispatch<ZwlrForeignToplevelHandleV1, ()> for CompositorState<Windows> {
    fn event(
        heard: &mut Self,
        handle: &ZwlrForeignToplevelHandleV1,
        event: zwlr_foreign_toplevel_handle_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwlr_foreign_toplevel_handle_v1::Event;
        let Some(toplevel) = heard.state.find(handle) else { return };
        match event {
            Event::AppId { app_id } => toplevel.application = app_id,
            Event::State { state } => toplevel.is_active = is_active(&state),
            Event::Closed => toplevel.is_active = false,
            _ => {}
        }
    }
}

/// Whether a list of states, numbers in the machine's byte order, contains the state of the window
/// that has the keyboard.
fn is_active(states: &[u8]) -> bool {
    let active = (State::Activated as u32).to_ne_bytes();
    states.chunks_exact(active.len()).any(|state| state == active)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_active_if_its_states_say_so() {
        let states =
            |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>();
        assert!(is_active(&states(&[0, 2])));
        assert!(!is_active(&states(&[0, 1, 3])));
        assert!(!is_active(&[]));
        // This is not a whole number of states. No compositor sends it.
        assert!(!is_active(&states(&[2])[..3]));
    }

    #[test]
    fn a_window_is_known_by_its_application() {
        assert_eq!(window("foot".into()), window("foot".into()));
        assert_ne!(window("foot".into()).id, window("firefox".into()).id);
    }
}
