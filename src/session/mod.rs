//! The state machine of dictation. Pure: events and the time come in, effects go out.

mod types;

pub use types::{
    Code, Command, Delivery, EngineState, Failure, JobId, Segment, State, Ticket, Transcript,
};
