//! The real `v2m-send` against a scripted service: what it asks, what it prints, how it ends.

#![allow(clippy::unwrap_used)]

mod asking;
mod files;
mod harness;
mod troubles;
