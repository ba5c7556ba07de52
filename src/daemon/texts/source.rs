//! Sources of a client's text, and the wait for the result.

use super::question::with_text;
use crate::deliver::NoText;
use crate::llm::{self, Question};
use crate::session::{Code, Failure};
use crate::store::{self, StoreError};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;
use v2m_messages::tr;

/// Source of a client's text, ready to be awaited.
pub(super) enum ClientText {
    Given(String),
    Clipboard(Pin<Box<dyn Future<Output = Result<String, NoText>> + Send>>),
    Last(String),
    LastOnDisk(PathBuf),
}

impl ClientText {
    /// Returns the text, and whether the client knows it.
    async fn text(self) -> Result<(String, bool), Failure> {
        match self {
            Self::Given(text) => Ok((text, true)),
            Self::Last(text) => Ok((text, false)),
            Self::Clipboard(reading) => {
                let text = reading.await;
                let refused = |error: NoText| Failure::new(Code::NoText, error.to_string());
                Ok((text.map_err(refused)?, false))
            }
            Self::LastOnDisk(folder) => {
                let read = tokio::task::spawn_blocking(move || store::last_text(&folder)).await;
                let text = read.map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
                Ok((found(text)?, false))
            }
        }
    }
}

/// Returns the last dictation's text found in the store.
///
/// # Errors
/// If there is none, or the store cannot be read.
pub(super) fn found(read: Result<Option<String>, StoreError>) -> Result<String, Failure> {
    let none =
        tr!("There is no text yet: no dictation gave one, or v2m keeps none (store.keep_count).");
    let text = read.map_err(|error| Failure::new(Code::File, error.to_string()))?;
    text.ok_or_else(|| Failure::new(Code::NoText, none))
}

/// Returns the text after the model, and the one before if the client does not know it.
pub(super) async fn ask(
    source: ClientText,
    question: Question,
    permits: Arc<Semaphore>,
) -> (Option<String>, Result<String, Failure>) {
    // Never closed; an error here would mean no limit.
    let _permit = permits.acquire().await;
    let (text, known) = match source.text().await {
        Ok(found) => found,
        Err(failure) => return (None, Err(failure)),
    };
    let original = (!known).then(|| text.clone());
    let asked = async {
        let question = with_text(question, text)?;
        let answer = llm::ask(&question).await;
        answer.map_err(|error| Failure::new(error.code(), error.to_string()))
    };
    (original, asked.await)
}
