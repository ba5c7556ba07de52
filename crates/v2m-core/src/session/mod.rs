//! The state machine of dictation. Pure: events and the time come in, effects go out.
//!
//! Dictations follow one another without waiting: while the newest is recorded, the older ones are
//! transcribed and delivered, in the order in which they were spoken.
//!
//! [`Session::handle`] is one exhaustive match on (phase, event) for each dictation. It recognises
//! a late event of an old job, or a late timer, by its number, and ignores it explicitly. There is
//! no runtime, no clock and no file here.
//!
//! | file | what it is for |
//! |---|---|
//! | `machine` | the session, and which part of it an event concerns |
//! | `dictation` | the dictations under way and how far each has got |
//! | `commands` | start, stop, cancel |
//! | `hand`, `trigger` | what presses of a shortcut mean: taps, holds, repeats |
//! | `progress` | what a dictation's own events do in each phase |
//! | `preset` | which preset a language model uses, and who chose it |
//! | `rewriting` | texts that a language model rewrites |
//! | `talk` | continuous dictations: one after the other from one recording |
//! | `ending` | the orderly end |
//! | `gap` | sound that could not be recorded |
//! | `event`, `types` | the words: events, effects, answers |

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
