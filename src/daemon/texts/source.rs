//! Where a client's text comes from, and the wait for what becomes of it.

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

/// Where a client's text comes from, ready to be waited for.
pub(super) enum ClientText {
    Given(String),
    Clipboard(Pin<Box<dyn Future<Output = Result<String, NoText>> + Send>>),
    Last(String),
    LastOnDisk(PathBuf),
}

impl ClientText {
    /// The text, and whether the client knows it.
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

/// The last dictation's text as it was found in the store.
///
/// # Errors
/// When there is none, or the store cannot be read.
pub(super) fn found(read: Result<Option<String>, StoreError>) -> Result<String, Failure> {
    let none =
        tr!("There is no text yet: no dictation gave one, or v2m keeps none (store.keep_count).");
    let text = read.map_err(|error| Failure::new(Code::File, error.to_string()))?;
    text.ok_or_else(|| Failure::new(Code::NoText, none))
}

/// The text before, where the client does not know it, and after.
pub(super) async fn ask(
    source: ClientText,
    question: Question,
    permits: Arc<Semaphore>,
) -> (Option<String>, Result<String, Failure>) {
    // Never closed; if it were, there would be no limit.
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
