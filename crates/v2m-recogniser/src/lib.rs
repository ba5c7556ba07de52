//! The common part of v2m's recognisers: everything between the daemon's socket and the decoder.
//!
//! | module | what it is for |
//! |---|---|
//! | [`run`] | the main thread: frames in, frames out, one recording at a time |
//! | [`recording`] | one recording: its stream, its clock, its answer |
//! | [`probe`] | a recording for language detection only |
//! | [`stream`] | the policy, pure: what to decode when, and whether to believe it |
//! | [`vad`] | Silero: detects voice |
//! | [`model`] | the trait of a model's file: checked, then loaded |
//! | [`decoder`] | the trait of a loaded model: audio in, a hypothesis out |
//! | `serving` | what the main threads of a recogniser and of a preview have in common |
//! | `news` | what the threads that compute tell the main thread |
//! | [`worker`] | the thread `v2m-decoder`: loads the model, decodes, reports |
//! | [`task`] | the worker's tasks and results |
//! | [`wire`] | the socketpair on standard input, as frames |
//! | [`confine`] | the files and system calls that an engine may use |
//! | [`preview`] | words while the user speaks, from a model that writes as it receives sound |
//! | [`remote`] | the decoder without a model: a server's answers, through `v2m-remote` |
//! | [`openmp`] | how a decoder's threads wait for one another |
//! | [`processor`] | the processor's missing instructions, its name, a sensible number of threads |
//! | [`ggml_file`] | files in ggml's format, checked while they are read |
//! | [`text`] | removes text that was never said: bracketed artefacts |
//!
//! An engine (`v2m-engine`) is a program that implements [`model::Model`] and [`decoder::Decoder`]
//! for one family of models and calls [`run::serve`]. This crate links no decoder and compiles no
//! C++; its tests need no model.
//!
//! The frames themselves are [`v2m_ipc::engine`]. This crate does not know the desktop, the
//! daemon's config or its store. Dictated text leaves only through the socket and is never printed.

#![forbid(unsafe_code)]

pub mod confine;
pub mod decoder;
pub mod ggml_file;
pub mod model;
mod news;
pub mod openmp;
pub mod preview;
pub mod probe;
pub mod processor;
pub mod recording;
pub mod remote;
pub mod run;
mod serving;
pub mod stream;
pub mod task;
pub mod text;
pub mod vad;
pub mod wire;
pub mod worker;
