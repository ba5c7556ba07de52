//! The protocols between v2m's programs.
//!
//! - [`frame`]: framing of the clients' socket, both forms, without IO.
//! - [`message`]: requests, answers and events on that socket; [`data`]: the contents of answers
//!   and events.
//! - [`client`]: a small blocking client for that socket.
//! - `listen`: the socket that systemd passes, for programs with the feature of that name.
//! - [`engine`]: the frames between the daemon and its engine child.
//! - `arguments`: the command line of programs that other programs start, for those with the
//!   feature of that name.
//! - [`backend`]: the engines, one for each backend.
//! - [`pcm`]: sound between the programs.
//! - [`llm`]: the protocol between the daemon and `v2m-llm`.
//! - [`reading`]: reads that a signal does not end.
//! - [`remote`]: the protocol between an engine without a model and `v2m-remote`.
//! - [`spacing`]: joins pieces of a text.
//! - [`subtitles`]: the segments of an answer as subtitles.
//! - [`value`]: values of settings as users write them.
//! - [`plain`]: text from outside without characters that control a terminal, a bus or a reader.
//!
//! Without features this crate uses only the standard library, serde, serde_json, rustix and
//! v2m-messages, because `v2m-send` must start in about a millisecond. Nothing here knows the
//! daemon's own types; `server` and `recognise` convert.

#![forbid(unsafe_code)]

#[cfg(feature = "arguments")]
pub mod arguments;
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
pub mod reading;
pub mod remote;
pub mod spacing;
pub mod subtitles;
pub mod value;
