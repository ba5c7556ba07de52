//! The channel from the doors (socket, session bus) to the daemon. Its messages are in
//! [`v2m_core::call`].

use crate::session::Failure;
use tokio::sync::{mpsc, oneshot};

pub use v2m_core::call::*;

/// A request with the channel for its answer. Dropping `reply` unanswered is a bug in the daemon,
/// which the door reports as [`crate::session::Code::Internal`].
#[derive(Debug)]
pub struct Call {
    /// The request of a client.
    pub request: Request,
    /// Channel for the answer.
    pub reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// Sender for the doors' calls. Bounded: if it is full, the door waits, and its clients too.
pub type CallSender = mpsc::Sender<Call>;
