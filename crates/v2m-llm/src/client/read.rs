//! Reads an answer's body while it arrives, within its limits, to its end.

use super::{EndpointError, Target};
use crate::answer::{self, LONGEST_END, LONGEST_TAG};
use crate::wire::{self, FinishReason, PieceError, StreamChunk, stream::Parts};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, Instant};
use ureq::Body;
use ureq::http::Response;
use v2m_messages::tr;
use v2m_net::connection;

/// The longest time that the end of an answer may come after its last word.
const TAIL: Duration = Duration::from_millis(50);

/// The largest size in bytes of one part of an answer, or of a whole one. As JSON it takes many
/// times its length in memory.
const MOST_PART: usize = 2 << 20;

/// The number of characters beyond [`super::QuestionLimits::letters`] that are read until a thought
/// ends. Everything so far may be a thought, because some servers mark only its end. Such a thought
/// cannot be distinguished from an endless answer, so this limits the cost of the latter: some
/// 10000 tokens of 4 characters. The value is chosen, not measured. A thought with a marked
/// beginning has no such limit.
const UNMARKED_THOUGHT: usize = 40_000;

/// The same number once a thought has ended: for notes and the like, which are removed from the
/// answer later.
const AROUND: usize = 1000;

/// Returns the text of an answer, streamed or whole. Adds the number of bytes read to `received`.
///
/// # Errors
/// [`EndpointError`] for an answer that breaks off, is invalid or has no end.
pub(super) fn answer(
    target: &Target,
    response: Response<Body>,
    received: &mut u64,
) -> Result<String, EndpointError> {
    let limit = target.limits.body;
    let mut lines = BufReader::new(response.into_body().into_reader().take(limit));
    let mut parts = Parts::default();
    let mut said = ResponseText::default();
    let mut line = Vec::new();
    let mut known = false;
    let end = loop {
        line.clear();
        let got = read_line(&mut lines, &mut line);
        *received += line.len() as u64;
        let got = got.map_err(|error| broken(target, &error))?;
        if lines.get_ref().limit() == 0 {
            return Err(EndpointError::TooLong(target.url()));
        }
        if line.len() > MOST_PART || parts.pending() > MOST_PART {
            return Err(EndpointError::TooLong(target.url()));
        }
        let line = String::from_utf8_lossy(&line);
        let part = if got == 0 { parts.end() } else { parts.line(&line) };
        if parts.is_page() {
            return Err(EndpointError::Page(target.url(), None));
        }
        if let Some(part) = part {
            let piece = understood(target, &part)?;
            known |= piece.known;
            said.push(&piece.text);
            if said.text.len() > target.limits.text {
                return Err(EndpointError::TooLong(target.url()));
            }
            if said.letters > target.limits.letters.saturating_add(said.allowance()) {
                return Err(EndpointError::Endless);
            }
            if let Some(end) = piece.end {
                break end;
            }
        }
        if got == 0 {
            return Err(if known {
                EndpointError::Broken(target.url(), tr!("it ended in the middle").into())
            } else {
                EndpointError::Answer(target.url(), PieceError::Form.to_string())
            });
        }
    };
    match end {
        FinishReason::Complete => {
            finish(lines);
            Ok(said.text)
        }
        FinishReason::Cut(why) => Err(EndpointError::Broken(target.url(), target.said(&why))),
    }
}

/// Reads a line including its LF, CR LF or CR, as in event streams.
fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        let (used, is_whole) = {
            let ready = match from.fill_buf() {
                Ok(ready) => ready,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            match ready.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(at) => {
                    line.extend_from_slice(&ready[..=at]);
                    (at + 1, true)
                }
                None => {
                    line.extend_from_slice(ready);
                    (ready.len(), false)
                }
            }
        };
        from.consume(used);
        if is_whole || used == 0 || line.len() > MOST_PART {
            return Ok(line.len());
        }
    }
}

/// The model's text so far.
#[derive(Default)]
struct ResponseText {
    text: String,
    /// The number of characters without white space, and without thoughts as far as they are known
    /// to be thoughts.
    letters: usize,
    /// The end of the thought that the text is in.
    thinks: Option<&'static str>,
    /// The length of the text up to the end of the last finished thought, in bytes; 0 before that.
    thought: usize,
}

impl ResponseText {
    /// Returns how many characters beyond the answer's limit are read.
    fn allowance(&self) -> usize {
        if self.thought == 0 { UNMARKED_THOUGHT } else { AROUND }
    }

    fn push(&mut self, piece: &str) {
        let before = self.text.len();
        self.text.push_str(piece);
        // The end of a thought may be split across two pieces.
        let mut from = before.saturating_sub(LONGEST_END).max(self.thought);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let tail = &self.text[from..];
        if let Some(close) = self.thinks {
            let Some(at) = answer::find(tail, close) else { return };
            self.thinks = None;
            self.end_thought(from + at + close.len());
        } else if let Some(rest) = answer::after_thoughts(tail) {
            // With or without its beginning.
            self.end_thought(self.text.len() - rest.len());
        } else {
            self.letters += letters(piece);
        }
        // A thought may follow another one.
        let rest = &self.text[self.thought..];
        if before.saturating_sub(self.thought) < LONGEST_TAG
            && let Some((_, close)) = answer::opening_thought(rest)
            && answer::find(rest, close).is_none()
        {
            self.letters = 0;
            self.thinks = Some(close);
        }
    }

    fn end_thought(&mut self, at: usize) {
        self.thought = at;
        self.letters = letters(&self.text[at..]);
    }
}

/// Counts the characters without white space.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn understood(target: &Target, part: &str) -> Result<StreamChunk, EndpointError> {
    wire::part(target.provider, part).map_err(|error| match error {
        PieceError::Form => EndpointError::Answer(target.url(), error.to_string()),
        PieceError::Service(why) => EndpointError::Broken(target.url(), target.said(&why)),
    })
}

/// Reads the few bytes after the last word: a connection can be kept for the next question only if
/// its answer was read to its end. If the end does not come soon, stop waiting; the text is
/// complete.
fn finish(mut rest: impl Read) {
    let begun = Instant::now();
    let _hurry = connection::hurry(TAIL);
    let mut bytes = [0; 1024];
    while begun.elapsed() < TAIL && rest.read(&mut bytes).is_ok_and(|got| got > 0) {}
}

/// Whether an answer's body is a web page.
pub(super) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Reads a complete list of models.
///
/// # Errors
/// [`EndpointError`] for a list that breaks off, is not JSON or is too long.
pub(super) fn list(
    target: &Target,
    response: Response<Body>,
    limit: u64,
    received: &mut u64,
) -> Result<Value, EndpointError> {
    let mut bytes = Vec::new();
    let body = response.into_body().into_reader();
    body.take(limit).read_to_end(&mut bytes).map_err(|error| broken(target, &error))?;
    *received += bytes.len() as u64;
    if bytes.len() as u64 == limit {
        return Err(EndpointError::TooLong(target.url()));
    }
    if is_page(&bytes) {
        return Err(EndpointError::Page(target.url(), None));
    }
    serde_json::from_slice(&bytes)
        .map_err(|_| EndpointError::Answer(target.url(), tr!("it is not a list of models").into()))
}

fn broken(target: &Target, error: &io::Error) -> EndpointError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    if matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut {
        EndpointError::Timeout(target.url(), target.limits.total)
    } else {
        EndpointError::Broken(target.url(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_and_thoughts_are_not() {
        for (pieces, letters) in [
            (&["Hel", "lo ", "you."][..], 9),
            (&["<th", "ink>", "They ", "greet</thi", "nk>", "Hi."], 3),
            (&["<think>They greet</think>", " Hi."], 3),
            (&["<think>", "ñandú é", "ñ</think>", "¡Hola!"], 6),
            (&["<think>on and on"], 0),
            (&["I <think>"], 8),
            (&["They gre", "et.</th", "ink>", "Hi."], 3),
            (&["They greet.</think>Hi ñ", "andú."], 8),
            (&["<|channel|>ana", "lysis<|message|>They", "<|channel|>final", "Hi."], 3),
            (&["<think>a</think>\n<thi", "nk>They", " greet"], 0),
            (&["<think>a</think>\n<think>They", " greet</think>Hi."], 3),
            (&["<think>a</think>", "<think>They greet</think>", "Hi."], 3),
            (&["They greet.</think><thinking>b</thinking>", "Hi."], 3),
        ] {
            let mut said = ResponseText::default();
            pieces.iter().for_each(|piece| said.push(piece));
            assert_eq!(said.letters, letters, "{pieces:?}");
        }
    }

    #[test]
    fn more_is_read_until_a_thought_ends() {
        let mut said = ResponseText::default();
        for (piece, allowance) in [
            ("They greet", UNMARKED_THOUGHT),
            (". Hi.</thi", UNMARKED_THOUGHT),
            ("nk>Hi.", AROUND),
            (" And more.", AROUND),
        ] {
            said.push(piece);
            assert_eq!(said.allowance(), allowance, "{piece}");
        }
    }
}
