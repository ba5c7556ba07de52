//! v2m's decisions, without any IO: the state machine of dictation, the text rules, and the types
//! that the daemon's rooms and its doors share.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`text`] | pure | turns a raw transcript into the text to deliver |
//! | [`call`] | pure | requests to the daemon through its doors, and the answers |
//! | [`chord`] | pure | key combinations as the configuration writes them |
//! | [`language`] | pure | spoken languages and target languages, by code or by name |
//!
//! Pure means: no runtime, clock, file, thread or channel. The compiler enforces this: no
//! dependency of this crate has them, and its `clippy.toml` forbids those of the standard library.
//! So its tests compile no C++ and link no library: `cargo test -p v2m-core`.

#![forbid(unsafe_code)]

pub mod call;
pub mod chord;
pub mod language;
pub mod session;
pub mod text;
