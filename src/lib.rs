//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`call`] | pure | what any door may ask of the daemon, and what it is answered |
//! | [`deliver`] | edge | clipboard and notification; each sink tells what it did or why not |
//! | [`dbus`] | edge | the session-bus interface: state, events, commands |
//! | [`systemd`] | edge | listening socket, readiness, status, watchdog |
//! | [`logging`] | edge | the journal with fields, or stderr |
//!
//! Edges never import one another; `session` imports no runtime, clock, file or channel; only
//! `daemon` sees every room, and only `main` names `daemon`.

pub mod call;
pub mod dbus;
pub mod deliver;
pub mod logging;
pub mod session;
pub mod systemd;
