//! What the integration tests share. Each test file is a program of its own and uses some of it.
#![allow(dead_code, unreachable_pub)]

pub mod pipewire;
pub mod xserver;
