//! Connections to the desktop: display servers and the session bus, and the worker thread that
//! waits for a display server.

pub(crate) mod mutter;
pub(crate) mod portal;
pub(crate) mod wayland;
pub(crate) mod worker;
pub(crate) mod x11;
