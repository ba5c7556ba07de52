//! Shared by v2m's tests and benches: private environments, and doubles of the programs and
//! services around v2m.
//!
//! | module | content |
//! |---|---|
//! | [`pipewire`] | a PipeWire with virtual microphones |
//! | [`xserver`], [`sway`] | an X server and a Wayland compositor without a screen |
//! | [`wayland_keyboard`] | the user's keyboard on such a compositor |
//! | [`private_bus`] | a session bus, and a gate that can cut connections to it |
//! | [`accessible`] | programs on the accessibility bus |
//! | [`portal`] | xdg-desktop-portal, as far as pasting needs it |
//! | [`media_player`], [`logind`], [`llm`], [`speech_server`] | other services that v2m talks to |
//! | [`house`] | a private environment for a program that systemd starts for its socket |
//! | [`x11_programs`], [`x11_window`] | the other programs of an X11 desktop |
//! | [`kept_sound`], [`kept_words`] | whether a recording and its text are complete |
//! | [`digest`] | the text that the engine's double returns |
//! | [`terminal`] | a terminal with a program in it, and a user who types |
//! | [`wait`] | waiting for conditions that send no event |
//!
//! Doubles that are programs or libraries are in `programs/`. None of this is installed.

#![allow(missing_docs, reason = "its readers are the tests, which show how it is used")]
#![allow(clippy::unwrap_used, reason = "where panics are the report")]

pub mod accessible;
pub mod digest;
pub mod house;
pub mod kept_sound;
pub mod kept_words;
pub mod llm;
pub mod logind;
pub mod media_player;
pub mod pipewire;
pub mod portal;
pub mod private_bus;
pub mod speech_server;
pub mod sway;
pub mod terminal;
pub mod wait;
pub mod wayland_keyboard;
pub mod x11_programs;
pub mod x11_window;
pub mod xserver;

pub use wait::wait_for;
