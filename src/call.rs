//! The channel by which doors (socket, session bus) ask the daemon, and the words that it carries:
//! those of [`v2m_core::call`].

use crate::session::Failure;
use tokio::sync::{mpsc, oneshot};

pub use v2m_core::call::*;

/// A request with the way back for its answer. Dropping `reply` unanswered is a bug of the
/// daemon's, which the door reports as [`crate::session::Code::Internal`].
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// Where doors put their calls. Bounded: a door that finds it full waits, its clients with it.
pub type CallSender = mpsc::Sender<Call>;
