//! Checks the language model if one is configured, through `v2m-llm`.

use super::Finding::{self, Good, Poor};
use crate::config;
use crate::llm::{self, Question};
use std::time::Duration;
use v2m_messages::tr;

/// Lists of models are long, and some providers slow.
const WITHIN: Duration = Duration::from_secs(10);

/// Checks the model. Dictation works without it, so no finding is worse than poor.
pub(super) fn check() -> Finding {
    // Errors of the configuration have their own line.
    let settings = config::default_path().and_then(|path| config::load(&path, std::env::vars_os()));
    let Ok(settings) = settings else { return Finding::None };
    let Some(endpoint) = settings.llm.endpoint(WITHIN) else { return Finding::None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => match runtime.block_on(llm::ask(&Question::Check { endpoint })) {
            Ok(found) => Good(found),
            Err(error) => Poor(error.to_string()),
        },
        Err(error) => Poor(tr!("asking v2m-llm: {error}", error)),
    }
}
