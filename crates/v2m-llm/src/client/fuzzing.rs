//! What the fuzz target `answers` needs of this module's private parts. Compiled for fuzzing only.

use super::{EndpointError, Target, read};
use std::io::Read;
use ureq::Body;
use ureq::http::Response;

/// The text of an answer with this body, as it comes from a server, and how many bytes of it were
/// read.
pub fn answer(
    target: &Target,
    body: impl Read + Send + Sync + 'static,
) -> (Result<String, EndpointError>, u64) {
    let mut received = 0;
    let response = Response::new(Body::builder().reader(body));
    let text = read::answer(target, response, &mut received);
    (text, received)
}
