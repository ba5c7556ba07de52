//! Fuzzes the answers of a server that transcribes. Each must become a text or an error. A text
//! must be plain, trimmed and not too long, read back equal from another answer, and not depend on
//! white space around the body. The message of an error must be no longer than the answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m_ipc::plain;
use v2m_ipc::remote::MAX_TEXT;
use v2m_remote::answer::{self, Heard};

fuzz_target!(|body: &[u8]| {
    let read = answer::read(body);
    let padded = [b" \n\t", body, b"\r\n "].concat();
    assert_eq!(read, answer::read(&padded));
    if let Ok(Heard { text, language }) = read {
        assert!(text.len() <= 3 * MAX_TEXT && text.trim() == text);
        assert_eq!(plain::text(&text), text);
        let again = serde_json::json!({ "text": text, "language": language }).to_string();
        assert_eq!(answer::read(again.as_bytes()), Ok(Heard { text, language }));
    }
    if let Some(said) = answer::error_of(body) {
        assert!(said.len() <= body.len());
    }
});
