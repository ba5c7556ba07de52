//! What is checked before whisper.cpp sees anything: the machine ([`cpu`]) and the model's file
//! ([`whisper`]).
//!
//! whisper.cpp trusts its input: a truncated model is read as garbage, a wrong number makes it
//! allocate terabytes, divide by zero or write beyond its memory, a missing CPU feature ends it
//! with SIGILL. The checks here read headers and table only, no weights; whether the weights are
//! the published ones is for `v2m-model verify`, and whether they compute numbers at all for
//! [`crate::decode`].

pub mod cpu;
pub mod whisper;
