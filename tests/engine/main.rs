//! `v2m-engine` as the daemon uses it: a child with a socketpair as standard input, a real model, a
//! real recording. Needs `V2M_TEST_MODELS`, a folder with `ggml-tiny.en-q8_0.bin` and
//! `ggml-silero-v6.2.0.bin`; without it these tests fail. `make test` sets it.
//!
//! `V2M_TEST_ENGINE` and `V2M_TEST_ENGINE_MODEL` name another engine and a model in that folder:
//! `make test-engines` runs what does not depend on Whisper with both programs.
//!
//! How accurate the recogniser is, is measured by a bench, not judged here.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod harness;
mod jobs;
mod loading;
mod sentences;
