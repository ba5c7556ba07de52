//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`config`] | edge | the file and the environment, checked, as settings |
//! | [`media`] | edge | any sound file as 16 kHz mono |
//! | [`store`] | edge | every dictation's audio and text on disk; recovery |
//! | [`watch`] | leaf | tells when files or directories change |
//! | [`atomic`] | leaf | files that are written whole or not at all |
//! | [`call`] | pure | what any door may ask of the daemon, and what it is answered |
//!
//! Edges never import one another; `session` imports no runtime, clock, file or channel; only
//! `daemon` sees every room, and only `main` names `daemon`.

pub mod atomic;
pub mod call;
pub mod config;
pub mod media;
pub mod session;
pub mod store;
pub mod watch;
