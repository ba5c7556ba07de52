//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`text`] | pure | from raw transcript to what is delivered |
//! | [`capture`] | edge | the microphone, through PipeWire: samples and events out |
//! | [`config`] | edge | the file and the environment, checked, as settings |
//! | [`store`] | edge | every dictation's audio and text on disk; recovery |
//! | [`watch`] | leaf | tells when files or directories change |
//! | [`atomic`] | leaf | files that are written whole or not at all |
//! | [`call`] | pure | what any door may ask of the daemon, and what it is answered |
//! | [`recognise`] | edge | the engine child: spawned, fed, replaced, fed again |
//! | [`deliver`] | edge | clipboard and notification; each sink tells what it did or why not |
//! | [`systemd`] | edge | listening socket, readiness, status, watchdog |
//! | [`logging`] | edge | the journal with fields, or stderr |
//! | [`server`] | edge | the socket: accept, peer check, frames, limits; wire types to and from the daemon's |
//! | [`daemon`] | wiring | the one event loop: events in, `session`, effects out |
//!
//! Edges never import one another; `session` imports no runtime, clock, file or channel; only
//! `daemon` sees every room, and only `main` names `daemon`.

pub mod atomic;
pub mod call;
pub mod capture;
pub mod config;
pub mod daemon;
pub mod deliver;
pub mod logging;
pub mod recognise;
pub mod server;
pub mod session;
pub mod store;
pub mod systemd;
pub mod text;
pub mod watch;
