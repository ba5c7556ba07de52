//! Any body of a server with a recogniser: it becomes a text or a reason. A text is plain, trimmed
//! and not too long, whoever reads it again reads the same, and white space around the body changes
//! nothing. What is told of an error is what stood in it.

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
