//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`call`] | pure | what any door may ask of the daemon, and what it is answered |
//! | [`server`] | edge | the socket: accept, peer check, frames, limits; wire types to and from the daemon's |
//!
//! Edges never import one another; `session` imports no runtime, clock, file or channel; only
//! `daemon` sees every room, and only `main` names `daemon`.

pub mod call;
pub mod server;
pub mod session;
