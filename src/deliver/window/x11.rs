//! Finds the window that has the keyboard, and its program.

use super::Window;
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use x11rb::protocol::xproto::{self, AtomEnum, ConnectionExt as _};

/// How many levels above the focused window its program's window may be.
const DEPTH: usize = 16;
/// The longest program name that is read, in words of four bytes.
const NAME: u32 = 64;

/// Asks as [`focused`] does, over a separate connection. Blocks.
pub(crate) fn ask() -> Result<Option<Window>, DeliverError> {
    focused(&Server::connect()?)
}

/// Finds the window that has the keyboard. `None`: no window has it, or the window is already gone.
pub(crate) fn focused(server: &Server) -> Result<Option<Window>, DeliverError> {
    if let Some(id) = active(server)? {
        let class = class(server, id)?.unwrap_or_default();
        return Ok(Some(Window { id, class }));
    }
    // There is no window manager, or only a very simple one.
    let focus = server.conn.get_input_focus()?.reply()?.focus;
    let pointer_root = xproto::Window::from(xproto::InputFocus::POINTER_ROOT);
    if focus == x11rb::NONE || focus == pointer_root || focus == server.root {
        return Ok(None);
    }
    Ok(Some(with_class_above(server, focus)?))
}

/// Reads the active window from the window manager's property.
fn active(server: &Server) -> Result<Option<xproto::Window>, DeliverError> {
    let (root, active) = (server.root, server.atoms._NET_ACTIVE_WINDOW);
    let told = server.conn.get_property(false, root, active, AtomEnum::WINDOW, 0, 1)?.reply()?;
    let id = told.value32().and_then(|mut ids| ids.next());
    Ok(id.filter(|id| *id != x11rb::NONE))
}

/// Finds the window with the program's name. A toolkit may give the keyboard to a window inside it.
fn with_class_above(server: &Server, focus: xproto::Window) -> Result<Window, DeliverError> {
    let mut id = focus;
    for _ in 0..DEPTH {
        if let Some(class) = class(server, id)? {
            return Ok(Window { id, class });
        }
        let Ok(tree) = server.conn.query_tree(id)?.reply() else { break };
        if tree.parent == x11rb::NONE || tree.parent == tree.root {
            break;
        }
        id = tree.parent;
    }
    Ok(Window { id: focus, class: String::new() })
}

/// Reads a window's class. WM_CLASS holds the instance's name and the class, each with a
/// terminating zero (ICCCM, section 4.1.2.5).
fn class(server: &Server, id: xproto::Window) -> Result<Option<String>, DeliverError> {
    let (name, string) = (AtomEnum::WM_CLASS, AtomEnum::STRING);
    // The window may close at any time.
    let Ok(told) = server.conn.get_property(false, id, name, string, 0, NAME)?.reply() else {
        return Ok(None);
    };
    let class = told.value.split(|byte| *byte == 0).nth(1);
    Ok(class.map(|class| String::from_utf8_lossy(class).into_owned()))
}
