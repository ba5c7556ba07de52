//! How `v2m-send` exits, and its error messages.

use v2m_ipc::client;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Exit codes. Scripts rely on them: codes may be added, but never changed. `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// The service returned an error.
    Refused = 1,
    /// The command line or the text is wrong; no request was sent.
    Usage = 2,
    /// Nothing listens on the socket; no request was sent.
    CannotConnect = 3,
    /// The connection ended before the answer; the service may have acted.
    Lost = 4,
    /// The answer cannot be understood.
    BadAnswer = 5,
    /// Standard input or output failed.
    Io = 6,
    /// A file yielded no text: nobody spoke, or the model did not understand.
    NoSpeech = 7,
}

/// Why there is nothing to print.
#[derive(Debug)]
pub(crate) enum SendError {
    /// See [`Exit::Usage`].
    Usage(String),
    /// The client's side of the socket failed.
    Client(client::ClientError),
    /// The service closed the stream of events.
    Ended,
    /// See [`Exit::Io`].
    Io(String),
    /// The reader of standard output has closed the pipe (`| head`).
    NobodyReads,
}

impl From<client::ClientError> for SendError {
    fn from(error: client::ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<lexopt::Error> for SendError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(v2m_messages::arguments::refusal(&error))
    }
}

impl SendError {
    /// Prints the error on standard error and returns the exit code.
    pub(crate) fn report(&self) -> Exit {
        match self {
            Self::Usage(what) => complain(&format!("{what}\n{}", tr!("Try: v2m-send --help"))),
            Self::Client(error) => complain(&error.to_string()),
            Self::Ended => {
                complain(tr!(
                    "v2m closed the stream of events: it is stopping, or this program read too slowly"
                ));
            }
            Self::Io(what) => complain(what),
            Self::NobodyReads => {}
        }
        self.exit()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Client(error) => match error {
                client::ClientError::Connect { .. }
                | client::ClientError::Foreign { .. }
                | client::ClientError::NoPath(_) => Exit::CannotConnect,
                client::ClientError::Lost(_) => Exit::Lost,
                client::ClientError::BadAnswer(_) => Exit::BadAnswer,
                client::ClientError::TooLong => Exit::Usage,
                client::ClientError::Refused(_) => Exit::Refused,
            },
            Self::Ended => Exit::Lost,
            Self::Io(_) => Exit::Io,
            Self::NobodyReads => Exit::Ok,
        }
    }
}

/// Prints an error message. A closed standard error does not change the exit.
pub(crate) fn complain(what: &str) {
    plain::complain(format_args!("v2m-send: {what}"));
}
