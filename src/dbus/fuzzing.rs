//! What the fuzz target `bus` needs of this room's private parts. Compiled for fuzzing only.

use super::options::{bounded, given};
use crate::session::Failure;

/// A text as a caller gave it, plain; an error if it is too long.
///
/// # Errors
/// What the caller is told.
pub fn text(text: String) -> Result<String, Failure> {
    bounded(text).map_err(|refusal| refusal.0)
}

/// A choice as a caller gave it: empty means none.
pub fn choice(text: String) -> Option<String> {
    given(text)
}
