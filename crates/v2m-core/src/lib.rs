//! What v2m decides, without doing any of it: the state machine of dictation, the text rules, and
//! the words that the daemon's rooms and its doors share.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`session`] | pure | the state machine: events in, effects out |
//! | [`text`] | pure | from raw transcript to what is delivered |
//! | [`call`] | pure | what a door may ask of the daemon, and what it is answered |
//! | [`chord`] | pure | key combinations as the configuration writes them |
//! | [`language`] | pure | languages that are spoken or translated into, by code or by name |
//!
//! Pure means: no runtime, clock, file, thread or channel. The compiler holds that wall: this crate
//! depends on nothing that has them, and its `clippy.toml` refuses those of the standard library.
//! So its tests compile no C++ and link no library: `cargo test -p v2m-core`.

#![forbid(unsafe_code)]

pub mod call;
pub mod chord;
pub mod language;
pub mod session;
pub mod text;
