//! v2m's models on disk: which there are, where they lie, what is in them, and how one is made from another.
//!
//! | module | what it is for |
//! |---|---|
//! | [`catalogue`] | the published models: size, digest, languages, memory |
//! | [`paths`] | where models and the shipped files lie; from a name to a file |
//!
//! No network and no async here: the program `v2m-model` fetches. No inference either: `v2m-engine` recognises.

pub mod catalogue;
pub mod paths;
