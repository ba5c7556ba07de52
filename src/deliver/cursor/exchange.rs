//! What the clipboards on the session bus have in common, Mutter's and the portal's: what is asked for is served through pipes, and
//! formats come as lists.

use super::Problem;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use zbus::{Message, OwnedFd, Variant};

/// How long one request for content may take to be served: a program that stops reading must not hold up the rest.
pub(super) const TRANSFER: Duration = Duration::from_secs(2);

/// Which requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// One, if it comes within this time.
    Once(Duration),
    /// All, until none has come for the first time, or the second one is over.
    UntilQuiet(Duration, Duration),
}

/// Reads from the pipe of an answer to its end. `None`: it is longer than `most`. To be bounded in time by the caller.
pub(super) async fn read(reply: &Message, most: usize) -> Result<Option<Vec<u8>>, Problem> {
    let pipe = pipe::Receiver::from_owned_fd(fd(reply)?.into()).map_err(io)?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    pipe.take(bound).read_to_end(&mut bytes).await.map_err(io)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Writes into the pipe of an answer, and closes it: the end of the content. To be bounded in time by the caller.
pub(super) async fn write(reply: &Message, bytes: &[u8]) -> Result<(), Problem> {
    let mut pipe = pipe::Sender::from_owned_fd(fd(reply)?.into()).map_err(io)?;
    pipe.write_all(bytes).await.map_err(io)
}

fn fd(reply: &Message) -> Result<OwnedFd, Problem> {
    reply.body().deserialize().map_err(Problem::Refused)
}

fn io(error: std::io::Error) -> Problem {
    Problem::Refused(zbus::Error::from(error))
}

/// The formats of a signal's list, none twice. Mutter 43 wraps the list in a structure of one, and GNOME's portal passes it on.
pub(super) fn formats(list: Option<&Variant<'_>>) -> Vec<String> {
    let mut formats = Vec::new();
    if let Some(list) = list {
        strings(list, &mut formats);
    }
    formats
}

fn strings(value: &Variant<'_>, into: &mut Vec<String>) {
    match value {
        Variant::Str(text) if !into.iter().any(|known| known == text.as_str()) => {
            into.push(text.as_str().to_owned());
        }
        Variant::Array(array) => array.iter().for_each(|inner| strings(inner, into)),
        Variant::Structure(structure) => {
            structure.fields().iter().for_each(|inner| strings(inner, into));
        }
        Variant::Variant(inner) => strings(inner, into),
        _ => {}
    }
}
