//! Reads an engine's output: passes it to the journal, and keeps the line that says why the engine
//! ended.

use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use v2m_ipc::plain;
use v2m_messages::verbatim;

/// The longest line that is kept whole, in bytes. Longer lines are cut.
const LONGEST: usize = 400;
/// The longest line in a message for people, in characters.
const SHOWN: usize = 200;
/// How many lines are kept. A driver's error message may be followed by a stack of calls.
const KEPT: usize = 40;

/// Reads an engine's standard error until it ends.
#[derive(Debug)]
pub(super) struct Listener(JoinHandle<VecDeque<String>>);

impl Listener {
    pub(super) fn spawn(stderr: impl AsyncRead + Unpin + Send + 'static) -> Self {
        Self(tokio::spawn(listen(stderr)))
    }

    /// Returns the engine's own reason, if it printed one. Call it once the process has ended. All
    /// output is there by then, but another process may hold the pipe open, so this waits until
    /// `limit` at most. Cancel-safe.
    pub(super) async fn reason(&mut self, limit: Instant) -> Option<String> {
        let lines = timeout_at(limit, &mut self.0).await.ok()?.ok()?;
        reason(&lines).map(str::to_owned)
    }
}

/// Cuts an engine's line for a message for people.
pub(super) fn short(line: &str) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Picks the first line that reports an error, because a stack of calls may follow it. Otherwise
/// picks the last line, as with an engine's own message, after which nothing follows.
fn reason(lines: &VecDeque<String>) -> Option<&str> {
    // Typical words of drivers and libraries. An engine's own message is in the user's language.
    const WORDS: [&str; 4] = verbatim!(["error", "failed", "cannot", "could not"]);
    let tells = |line: &&String| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    let line = lines.iter().find(tells).or(lines.back())?;
    // Remove the program's own name, which programs put before their messages.
    let named = line.split_once(": ").filter(|(name, _)| name.starts_with("v2m-engine"));
    Some(named.map_or(line, |(_, said)| said))
}

async fn listen(mut stderr: impl AsyncRead + Unpin) -> VecDeque<String> {
    let (mut lines, mut line, mut chunk) = (VecDeque::new(), Vec::new(), [0; 1024]);
    loop {
        // An error counts as the end.
        let read = stderr.read(&mut chunk).await.unwrap_or(0);
        for &byte in &chunk[..read] {
            match byte {
                b'\n' => keep(&mut lines, &mut line),
                _ if line.len() < LONGEST => line.push(byte),
                _ => {}
            }
        }
        if read == 0 {
            keep(&mut lines, &mut line);
            return lines;
        }
    }
}

fn keep(lines: &mut VecDeque<String>, line: &mut Vec<u8>) {
    // Bytes that are no text show as replacement characters, which say nothing.
    let text = String::from_utf8_lossy(line).replace(char::REPLACEMENT_CHARACTER, "");
    let text = plain::line(&text).trim().to_owned();
    line.clear();
    if text.is_empty() {
        return;
    }
    info!("the recogniser says: {text}");
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reason_in(text: impl AsRef<[u8]>) -> Option<String> {
        let limit = Instant::now() + std::time::Duration::from_secs(30);
        Listener::spawn(std::io::Cursor::new(text.as_ref().to_vec())).reason(limit).await
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_removed() {
        let junk = b"\x7fELF\xff\xfe\x1b[31mno\0 \xc3device\x07\xe2\x82\n\xff\xff\n\x80";
        assert_eq!(reason_in(junk).await.as_deref(), Some("ELF[31mno device"));
    }

    #[tokio::test]
    async fn the_line_that_says_why_is_found() {
        let cases = [
            ("", None),
            ("\n\n", None),
            ("v2m-engine-cuda: there is no GPU\n", Some("there is no GPU")),
            (
                "loading\nv2m-engine-cuda: no se puede abrir la GPU\n",
                Some("no se puede abrir la GPU"),
            ),
            (
                "hello\nCUDA error: out of memory\n  in f\n#0 main\n",
                Some("CUDA error: out of memory"),
            ),
            ("one\ntwo", Some("two")),
        ];
        for (text, expected) in cases {
            assert_eq!(reason_in(text).await.as_deref(), expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_flood_is_cut() {
        let reason = reason_in(&"x".repeat(1 << 20)).await.unwrap();
        assert_eq!(reason.len(), LONGEST);
        assert_eq!(short(&reason), format!("{}…", "x".repeat(SHOWN)));
        assert_eq!(short(&"ñ".repeat(SHOWN)), "ñ".repeat(SHOWN));
        let many = (0..1000).map(|n| format!("line {n}\n")).collect::<String>();
        assert_eq!(reason_in(&many).await.unwrap(), "line 999");
    }
}
