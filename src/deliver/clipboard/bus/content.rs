//! Transfers clipboard content over the bus: content in pipes, one format after the other, and
//! lists of formats.

use crate::deliver::clipboard::Before;
use crate::deliver::clipboard::content::{Content, is_format, is_secret};
use crate::deliver::error::DeliverError;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::timeout_at;
use tracing::debug;
use zbus::{Message, OwnedFd, Variant};

/// A clipboard that is read one format at a time.
pub(crate) trait ReadFormat: Sync {
    /// Reads the content in this format. `None`: it is longer than `most` bytes. The caller must
    /// bound the time.
    fn read(
        &self,
        format: &str,
        most: usize,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, DeliverError>> + Send;
}

/// Reads a clipboard's content in these formats, as far as it can be read within `patience`.
pub(crate) async fn remember(
    source: &impl ReadFormat,
    formats: &[String],
    patience: Duration,
) -> Before<Arc<Content>> {
    if formats.is_empty() {
        return Before::Nothing;
    }
    if is_secret(formats) {
        debug!("the clipboard holds a secret, which is not given back");
        return Before::Unknown;
    }
    let until = tokio::time::Instant::now() + patience;
    let mut content = Content::default();
    let mut left = Content::LIMIT;
    for format in formats.iter().filter(|name| is_format(name)) {
        match timeout_at(until, source.read(format, left)).await {
            Ok(Ok(Some(bytes))) => {
                left -= bytes.len();
                content.formats.push((format.clone(), bytes));
            }
            Ok(Ok(None)) => {
                debug!(format, "a format of the clipboard is too large to remember");
            }
            // Some programs offer formats that they cannot deliver.
            Ok(Err(error)) => debug!(%error, format, "a format of the clipboard was not read"),
            Err(_late) => {
                debug!(format, "the clipboard could not be read in time");
                break;
            }
        }
    }
    let is_lost = content.formats.is_empty();
    if is_lost { Before::Unknown } else { Before::Content(Arc::new(content)) }
}

/// Reads the pipe of an answer to its end. `None`: it holds more than `most` bytes. The caller must
/// bound the time.
pub(crate) async fn read(reply: &Message, most: usize) -> Result<Option<Vec<u8>>, DeliverError> {
    let pipe = pipe::Receiver::from_owned_fd(fd(reply)?.into()).map_err(io)?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    pipe.take(bound).read_to_end(&mut bytes).await.map_err(io)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Writes `bytes` into the pipe of an answer and closes it, which marks the end of the content. The
/// caller must bound the time.
pub(crate) async fn write(reply: &Message, bytes: &[u8]) -> Result<(), DeliverError> {
    let mut pipe = pipe::Sender::from_owned_fd(fd(reply)?.into()).map_err(io)?;
    pipe.write_all(bytes).await.map_err(io)
}

fn fd(reply: &Message) -> Result<OwnedFd, DeliverError> {
    reply.body().deserialize().map_err(DeliverError::Refused)
}

fn io(error: std::io::Error) -> DeliverError {
    DeliverError::Refused(zbus::Error::from(error))
}

/// Lists the formats in a signal, without duplicates. Mutter 43 wraps the list in a structure of
/// one field, and GNOME's portal passes it on.
pub(crate) fn formats(list: Option<&Variant<'_>>) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::clipboard::content::SECRET;
    use std::future::pending;

    /// Returns `size` bytes for the format `good`, refuses `bad`, and never answers for any other.
    struct Scripted {
        size: usize,
    }

    impl ReadFormat for Scripted {
        async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, DeliverError> {
            match format {
                "good" => Ok((self.size <= most).then(|| vec![7; self.size])),
                "bad" => Err(DeliverError::NoWay),
                _ => pending().await,
            }
        }
    }

    /// Returns the remembered formats and their lengths. `None`: nothing could be read.
    fn remembered(size: usize, formats: &[&str]) -> Option<Vec<(String, usize)>> {
        let formats: Vec<String> = formats.iter().map(|name| (*name).to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (source, patience) = (Scripted { size }, Duration::from_millis(20));
        match runtime.block_on(remember(&source, &formats, patience)) {
            Before::Nothing => Some(Vec::new()),
            Before::Content(held) => {
                Some(held.formats.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect())
            }
            Before::Unknown => None,
        }
    }

    #[test]
    fn a_format_that_is_offered_and_refused_does_not_count() {
        let good = Some(vec![("good".to_owned(), 3)]);
        assert_eq!(remembered(3, &["bad", "good", "TARGETS"]), good);
    }

    #[test]
    fn what_can_be_had_in_no_format_is_not_taken_for_an_empty_clipboard() {
        assert_eq!(remembered(3, &["bad"]), None);
        assert_eq!(remembered(3, &[]), Some(Vec::new()));
    }

    #[test]
    fn what_is_too_large_or_comes_too_late_is_left_out_and_a_secret_is_not_remembered() {
        let good = |size| Some(vec![("good".to_owned(), size)]);
        assert_eq!(remembered(Content::LIMIT + 1, &["good"]), None);
        let half = Content::LIMIT / 2 + 1;
        assert_eq!(remembered(half, &["good", "good"]), good(half));
        assert_eq!(remembered(3, &["good", "hangs", "good"]), good(3));
        assert_eq!(remembered(3, &["hangs", "good"]), None);
        assert_eq!(remembered(3, &["good", SECRET]), None);
    }
}
