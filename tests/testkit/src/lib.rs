//! What v2m's tests and benches share: surroundings of their own, and doubles of what is around
//! v2m.
//!
//! | module | what it is for |
//! |---|---|
//! | [`pipewire`] | a PipeWire with virtual microphones |
//! | [`xserver`], [`sway`] | an X server and a Wayland compositor without a screen |
//! | [`wayland_keyboard`] | the user's keyboard on such a compositor |
//! | [`private_bus`] | a session bus, and a gate to it that can be shut |
//! | [`accessible`] | programs as the bus of assistive technologies shows them |
//! | [`portal`] | xdg-desktop-portal, as far as pasting goes |
//! | [`media_player`], [`logind`], [`llm`], [`speech_server`] | other services that v2m talks to |
//! | [`house`] | a program that systemd starts for its socket, in folders of its own |
//! | [`x11_programs`], [`x11_window`] | the other programs of an X11 desktop |
//! | [`kept_sound`], [`kept_words`] | whether a recording and its text hold what was said |
//! | [`digest`] | what the double of an engine says it heard |
//! | [`terminal`] | a terminal, and what a person types in it |
//! | [`wait`] | waiting for what no event tells |
//!
//! The doubles that are programs or libraries are in `programs/`. Nothing of this is in what is
//! installed.

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
