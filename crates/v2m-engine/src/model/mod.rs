//! Checks before whisper.cpp is used: the machine ([`cpu`]) and the model's file ([`whisper`]).
//!
//! whisper.cpp trusts its input: it reads a truncated model as garbage, a wrong number makes it
//! allocate terabytes, divide by zero or write out of bounds, and a missing CPU feature ends it
//! with SIGILL. The checks here read only headers and table, no weights. `v2m-model verify` checks
//! whether the weights are the published ones, and [`crate::decode`] checks whether they compute
//! numbers at all.

pub mod cpu;
pub mod whisper;
