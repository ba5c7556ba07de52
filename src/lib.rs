//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`capture`] | edge | the microphone, through PipeWire: samples and events out |
//! | [`call`] | pure | what any door may ask of the daemon, and what it is answered |
//!
//! Edges never import one another; `session` imports no runtime, clock, file or channel; only
//! `daemon` sees every room, and only `main` names `daemon`.

pub mod call;
pub mod capture;
pub mod session;
