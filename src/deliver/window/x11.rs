//! Finds the window that has the keyboard, and its program.

use super::Window;
use super::programs::name_of_own;
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

/// Returns the names of the application that has the keyboard, over a separate connection: the
/// class of its window, the instance's name, and its program. Empty: no window has the keyboard, or
/// the window has none of them. Blocks.
pub(crate) fn names() -> Result<Vec<String>, DeliverError> {
    let server = Server::connect()?;
    let Some(Window { id, class }) = focused(&server)? else { return Ok(Vec::new()) };
    let instance = class_parts(&server, id)?.and_then(|parts| parts.into_iter().next());
    let mut names = vec![class];
    names.extend(instance);
    names.extend(program(&server, id)?);
    names.retain(|name| !name.is_empty());
    Ok(names)
}

/// Returns the name of the program behind a window, if it is an executable of this user on this
/// machine.
fn program(server: &Server, id: xproto::Window) -> Result<Option<String>, DeliverError> {
    let (pid, cardinal) = (server.atoms._NET_WM_PID, AtomEnum::CARDINAL);
    let asked = server.conn.get_property(false, id, pid, cardinal, 0, 1)?;
    let (machine, any) = (AtomEnum::WM_CLIENT_MACHINE, AtomEnum::ANY);
    let machine = server.conn.get_property(false, id, machine, any, 0, NAME)?;
    // The window may close at any time.
    let (Ok(told), Ok(machine)) = (asked.reply(), machine.reply()) else { return Ok(None) };
    let pid = told.value32().and_then(|mut pids| pids.next());
    // A process id of another machine means another program here.
    let is_local = is_this_machine(&machine.value);
    Ok(pid.filter(|_| is_local).and_then(name_of_own))
}

/// Whether `name`, from WM_CLIENT_MACHINE, is the kernel's name for this machine.
fn is_this_machine(name: &[u8]) -> bool {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = own.trim_end();
    !own.is_empty() && name.strip_suffix(b"\0").unwrap_or(name) == own.as_bytes()
}

/// Reads a window's class. Returns `None` for a window without a class.
fn class(server: &Server, id: xproto::Window) -> Result<Option<String>, DeliverError> {
    Ok(class_parts(server, id)?.and_then(|parts| parts.into_iter().nth(1)))
}

/// Reads WM_CLASS: the instance's name and the class, each with a terminating zero (ICCCM, section
/// 4.1.2.5).
fn class_parts(server: &Server, id: xproto::Window) -> Result<Option<Vec<String>>, DeliverError> {
    let (name, string) = (AtomEnum::WM_CLASS, AtomEnum::STRING);
    // The window may close at any time.
    let Ok(told) = server.conn.get_property(false, id, name, string, 0, NAME)?.reply() else {
        return Ok(None);
    };
    let parts = told.value.split(|byte| *byte == 0);
    Ok(Some(parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_on_another_machine_is_not_looked_up_here() {
        let own = std::fs::read("/proc/sys/kernel/hostname").unwrap();
        let own = own.strip_suffix(b"\n").unwrap_or(&own);
        assert!(is_this_machine(own));
        assert!(is_this_machine(&[own, b"\0"].concat()));
        for other in [&b""[..], b"\0", &[b"x", own].concat()] {
            assert!(!is_this_machine(other), "{other:?}");
        }
    }
}
