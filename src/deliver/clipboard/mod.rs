//! Clipboards: what is on one, and the ways to read it and to put a text there.

pub(crate) mod bus;
pub(crate) mod content;
pub(crate) mod data_control;
pub(crate) mod portal;
pub(crate) mod x11;
