//! What passes between v2m's programs.
//!
//! - [`frame`]: framing of the clients' socket, both forms, without IO.
//! - [`message`]: requests, answers and events of that socket, as they stand on the wire; [`data`]:
//!   what answers and events hold.
//! - [`client`]: a small blocking client of it.
//! - `listen`: the socket that systemd passes, for programs with the feature of that name.
//! - [`engine`]: the frames between the daemon and its engine child.
//! - [`backend`]: which engines there are, by what each computes with.
//! - [`pcm`]: sound as it passes between the programs.
//! - [`llm`]: what the daemon asks of `v2m-llm`.
//! - [`subtitles`]: the segments of an answer as subtitles.
//! - [`value`]: values of settings as people write them.
//! - [`plain`]: text from outside without characters that command a terminal, a bus or a reader.
//!
//! Without features: standard library, serde, serde_json and rustix only: `v2m-send` must start in
//! about a millisecond. Nothing here knows the daemon's own types; `server` and `recognise`
//! convert.

#![forbid(unsafe_code)]

pub mod backend;
pub mod client;
pub mod data;
pub mod engine;
pub mod frame;
#[cfg(feature = "listen")]
pub mod listen;
pub mod llm;
pub mod message;
pub mod pcm;
pub mod plain;
pub mod subtitles;
pub mod value;
