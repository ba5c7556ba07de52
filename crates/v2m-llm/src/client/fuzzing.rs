//! Gives the fuzz target `answers` access to private parts of this module. Compiled for fuzzing
//! only.

use super::{EndpointError, Target, read};
use std::io::Read;
use ureq::Body;
use ureq::http::Response;

/// Returns the text of an answer with this body, as a server sends it, and the number of bytes that
/// were read.
pub fn answer(
    target: &Target,
    body: impl Read + Send + Sync + 'static,
) -> (Result<String, EndpointError>, u64) {
    let mut received = 0;
    let response = Response::new(Body::builder().reader(body));
    let text = read::answer(target, response, &mut received);
    (text, received)
}
