//! The state machine of dictation. Pure: events and the time come in, effects go out.
//!
//! Dictations follow one another without waiting: while the newest is recorded, the older ones are
//! transcribed and delivered, in the order in which they were spoken.
//!
//! [`Session::handle`] is one exhaustive match on (phase, event) for each dictation. It recognises
//! late timers and late events of old jobs by their number, and ignores them explicitly. There is
//! no runtime, no clock and no file here.
//!
//! | file | what it is for |
//! |---|---|
//! | `machine` | the session; finds the dictation that an event concerns |
//! | `dictation` | the dictations under way and their phases |
//! | `commands` | start, stop, cancel |
//! | `hand`, `trigger` | interpret the presses of a shortcut: taps, holds, repeats |
//! | `progress` | the effect of a dictation's own events in each phase |
//! | `preset` | which preset a language model uses, and who chose it |
//! | `rewriting` | texts that a language model rewrites |
//! | `talk` | continuous dictations: several dictations from one recording |
//! | `ending` | the orderly end |
//! | `gap` | sound that could not be recorded |
//! | `event`, `types` | the vocabulary: events, effects, answers |

mod commands;
mod dictation;
mod ending;
mod event;
pub mod gap;
mod hand;
mod machine;
mod preset;
mod progress;
mod rewriting;
mod talk;
mod trigger;
mod types;

#[cfg(test)]
mod tests;

pub use event::{CaptureSummary, Cue, Effect, Event, JobEvent, Measured, Notice, Outcome, Timer};
pub use gap::{Gap, GapCause};
pub use machine::{Rewriting, Session, SessionLimits};
pub use preset::{ApplicationPreset, ChosenPreset, NO_PRESET, PresetBy};
pub use trigger::TriggerMode;
pub use types::{
    Asker, Brief, Code, Command, DeliverMode, Delivery, EngineState, Failure, JobId, Reply,
    Segment, State, Ticket, Transcript, Wishes,
};
