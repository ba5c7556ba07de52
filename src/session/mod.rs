//! The state machine of dictation. Pure: events and the time come in, effects go out.
//!
//! [`Session::handle`] is one exhaustive match on (phase, event). A late event of an old job, or a
//! late timer, is recognised by its number and ignored by name. No runtime, no clock, no file here.

mod ending;
mod event;
mod hand;
mod machine;
mod progress;
mod trigger;
mod types;

#[cfg(test)]
mod tests;

pub use event::{Effect, Event, Heard, JobEvent, Notice, Outcome, Timer};
pub use machine::{Limits, Session};
pub use trigger::TriggerMode;
pub use types::{
    Brief, Code, Command, DeliverMode, Delivery, EngineState, Failure, JobId, Reply, Segment,
    State, Ticket, Transcript,
};
