//! Tests `v2m-engine` as the daemon uses it: a child process with a socketpair as standard input, a
//! real model and a real recording. Needs `V2M_TEST_MODELS`, a folder with `ggml-tiny.en-q8_0.bin`
//! and `ggml-silero-v6.2.0.bin`; without it these tests fail. `make test` sets it.
//!
//! `V2M_TEST_ENGINE` and `V2M_TEST_ENGINE_MODEL` select another engine and a model in that folder:
//! `make test-engines` runs the tests that do not depend on Whisper with both programs.
//!
//! The recogniser's accuracy is not tested here: a bench measures it.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod harness;
mod jobs;
mod loading;
mod sentences;
