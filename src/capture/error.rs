//! Reasons why audio capture failed, in words for the user. Source errors are deliberately not
//! included: PipeWire's are a bare errno at best, and events must be comparable values.

use crate::session::{Code, Failure};
use std::time::Duration;
use v2m_messages::tr;

/// The reason why capture failed. The text says what was being done, what went wrong and what to do
/// now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The thread or its file descriptors could not be created.
    #[error("{}", tr!("cannot set up audio capture: {reason}; restart the service", reason = .0))]
    Setup(String),
    /// Nothing listens on PipeWire's socket.
    #[error(
        "{}",
        tr!(
            "cannot record: PipeWire cannot be reached ({reason}); start it with `systemctl \
             --user start pipewire wireplumber`",
            reason = .0
        )
    )]
    NoPipeWire(String),
    /// PipeWire accepted the connection and then sent nothing.
    #[error(
        "{}",
        tr!(
            "cannot record: PipeWire gave no answer within {seconds} s; restart it with \
             `systemctl --user restart pipewire wireplumber`",
            seconds = .0.as_secs()
        )
    )]
    NoAnswer(Duration),
    /// PipeWire stopped, or cut the connection.
    #[error(
        "{}",
        tr!(
            "recording ended: PipeWire stopped ({reason}); see `systemctl --user status \
             pipewire`, then dictate again",
            reason = .0
        )
    )]
    PipeWireStopped(String),
    /// PipeWire knows no source of audio at all.
    #[error(
        "{}",
        tr!(
            "cannot record: there is no microphone; plug one in or enable one in the sound \
             settings (`wpctl status` lists what PipeWire sees)"
        )
    )]
    NoSource,
    /// There are sources, but no session manager that chose a default one.
    #[error(
        "{}",
        tr!(
            "cannot record: PipeWire has no default source (available: {available}); choose one \
             in the sound settings, or start the session manager with `systemctl --user start \
             wireplumber`",
            available = list(.there)
        )
    )]
    NoDefault {
        /// `node.name` of each source.
        there: Vec<String>,
    },
    /// The configured source is not there.
    #[error(
        "{}",
        tr!(
            "cannot record: the configured source \"{wanted}\" is missing (available: \
             {available}); connect it, or set capture.source to one of these, or to \"\" for the \
             default one",
            wanted,
            available = list(.there)
        )
    )]
    SourceMissing {
        /// The configured `node.name`.
        wanted: String,
        /// `node.name` of each source.
        there: Vec<String>,
    },
    /// No source has the configured name. It begins with the name of a source that is there, but
    /// the rest is not the name of one of its channels.
    #[error(
        "{}",
        tr!(
            "cannot record: there is no source and no channel named \"{wanted}\" (available: \
             {available}); connect it, or set capture.source to one of these, or to a source's \
             name for all of its channels",
            wanted,
            available = list(.there)
        )
    )]
    ChannelMissing {
        /// The configured `node.name:port.name`, or `node.name` with a colon.
        wanted: String,
        /// `node.name:port.name` of each channel. Empty while the ports are not known.
        there: Vec<String>,
    },
    /// The session manager linked a node other than the one asked for.
    #[error(
        "{}",
        tr!(
            "cannot record: the session manager connected another source instead of \"{wanted}\"; \
             reconnect it, or choose another one in the configuration",
            wanted
        )
    )]
    WrongSource {
        /// `node.name` of the source asked for.
        wanted: String,
    },
    /// The source is there, but no audio comes.
    #[error(
        "{}",
        tr!(
            "cannot record: no audio came from \"{wanted}\" within {seconds} s; check that it is \
             connected and not in exclusive use (`wpctl status`), or choose another one in the \
             configuration",
            wanted,
            seconds = .waited.as_secs()
        )
    )]
    NoAudio {
        /// `node.name` of the source.
        wanted: String,
        /// How long v2m waited.
        waited: Duration,
    },
    /// The source vanished while recording.
    #[error(
        "{}",
        tr!(
            "recording ended: the source \"{source}\" was disconnected; reconnect it, or choose \
             another one, then dictate again",
            source = .0
        )
    )]
    SourceGone(String),
    /// The source is still there, but its audio stopped coming.
    #[error(
        "{}",
        tr!(
            "recording ended: no more audio came from \"{wanted}\" for {seconds} s; reconnect it, \
             then dictate again",
            wanted,
            seconds = .waited.as_secs()
        )
    )]
    Silent {
        /// `node.name` of the source.
        wanted: String,
        /// How long no audio came.
        waited: Duration,
    },
    /// PipeWire refused the stream.
    #[error(
        "{}",
        tr!(
            "cannot record: PipeWire refused the stream ({reason}); see `systemctl --user status \
             pipewire wireplumber`, then dictate again",
            reason = .0
        )
    )]
    Stream(String),
    /// Another recording is under way.
    #[error("{}", tr!("cannot record: a recording is under way already; stop it first"))]
    Busy,
}

impl CaptureError {
    /// Whether waiting may help: the ports of a source appear after the source.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::ChannelMissing { there, .. } if there.is_empty())
    }

    /// Returns the machine-readable reason.
    pub fn code(&self) -> Code {
        match self {
            Self::Setup(_) => Code::Internal,
            Self::Busy => Code::Busy,
            Self::NoPipeWire(_)
            | Self::NoAnswer(_)
            | Self::PipeWireStopped(_)
            | Self::NoSource
            | Self::NoDefault { .. }
            | Self::SourceMissing { .. }
            | Self::ChannelMissing { .. }
            | Self::WrongSource { .. }
            | Self::NoAudio { .. }
            | Self::SourceGone(_)
            | Self::Silent { .. }
            | Self::Stream(_) => Code::NoMicrophone,
        }
    }
}

impl CaptureError {
    /// Returns the title and the body of a notification.
    fn in_brief(&self) -> (String, &'static str) {
        let (cause, remedy) = match self {
            Self::Setup(_) => {
                (tr!("Recording is not possible"), tr!("Restart v2m: systemctl --user restart v2m"))
            }
            Self::NoPipeWire(_) => (
                tr!("PipeWire is not running"),
                tr!("Start it: systemctl --user start pipewire wireplumber"),
            ),
            Self::NoAnswer(_) => (
                tr!("PipeWire does not answer"),
                tr!("Restart it: systemctl --user restart pipewire wireplumber"),
            ),
            Self::PipeWireStopped(_) => (
                tr!("PipeWire stopped"),
                tr!("Dictate again. If it stops again, see why: systemctl --user status pipewire"),
            ),
            Self::NoSource => {
                (tr!("No microphone"), tr!("Connect one, or turn one on in the sound settings."))
            }
            Self::NoDefault { .. } => {
                (tr!("No microphone is selected"), tr!("Select one in the sound settings."))
            }
            Self::SourceMissing { wanted, .. } => {
                let cause = tr!("Microphone {wanted} is missing", wanted);
                let remedy = tr!(
                    "Connect it, or use the default one: v2m-send config set capture.source=''"
                );
                return (cause, remedy);
            }
            Self::ChannelMissing { wanted, .. } => {
                let cause = tr!("Microphone or channel {wanted} is missing", wanted);
                let remedy =
                    tr!("Connect it, or see which there are, v2m doctor, and set capture.source.");
                return (cause, remedy);
            }
            Self::WrongSource { .. } => (
                tr!("The desktop connected another microphone"),
                tr!("Reconnect yours, or choose one: capture.source in the configuration."),
            ),
            Self::NoAudio { .. } => (
                tr!("The microphone sends no sound"),
                tr!("Reconnect it, close programs that use it alone, or choose another one."),
            ),
            Self::SourceGone(_) => {
                (tr!("The microphone was disconnected"), tr!("Reconnect it, then dictate again."))
            }
            Self::Silent { .. } => {
                (tr!("The microphone stopped sending"), tr!("Reconnect it, then dictate again."))
            }
            Self::Stream(_) => (
                tr!("PipeWire refused to record"),
                tr!("See why: systemctl --user status pipewire wireplumber"),
            ),
            Self::Busy => {
                (tr!("Another recording is running"), tr!("Stop it first: v2m-send stop"))
            }
        };
        (cause.to_owned(), remedy)
    }
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        let (cause, remedy) = error.in_brief();
        Failure::new(error.code(), error.to_string()).in_brief(cause, remedy)
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { tr!("sources" => "none").into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_source_names_those_that_are_there() {
        let error = CaptureError::SourceMissing {
            wanted: "usb".into(),
            there: vec!["built-in".into(), "webcam".into()],
        };
        let failure = Failure::from(error);
        assert_eq!(failure.code, Code::NoMicrophone);
        assert!(failure.message.contains("\"usb\" is missing (available: built-in, webcam);"));
    }

    #[test]
    fn titles_are_short_enough_for_a_banner() {
        use CaptureError::*;
        let (name, wait) = (String::new, Duration::ZERO);
        let errors = [
            Setup(name()),
            NoPipeWire(name()),
            NoAnswer(wait),
            PipeWireStopped(name()),
            NoSource,
            NoDefault { there: vec![] },
            WrongSource { wanted: name() },
            NoAudio { wanted: name(), waited: wait },
            SourceGone(name()),
            Silent { wanted: name(), waited: wait },
            Stream(name()),
            Busy,
        ];
        let spanish = v2m_messages::Catalogue::of("es").unwrap();
        for (title, _) in errors.iter().map(CaptureError::in_brief) {
            // Tests run in English.
            for title in [&*title, spanish.text(&title).unwrap()] {
                assert!(title.chars().count() <= 42, "{title}");
            }
        }
    }

    #[test]
    fn no_sources_at_all_read_as_none() {
        let error = CaptureError::SourceMissing { wanted: "usb".into(), there: vec![] };
        assert!(error.to_string().contains("(available: none);"));
    }
}
