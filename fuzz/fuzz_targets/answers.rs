//! Fuzzes the body of a language model's answer, under each provider's API. It must become a text
//! or an error, within the limits, however it is split into reads and however its lines end. The
//! text without thoughts, tags and prefaces must be a part of the original text.
//!
//! The input's first byte selects the provider, the second how the body is split.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{self, Read};
use std::time::Duration;
use v2m_ipc::llm::{Bounds, Provider};
use v2m_llm::accept;
use v2m_llm::client::{Address, QuestionLimits, Target, fuzzing};
use v2m_llm::prompt::{Prompt, PromptTask};
use v2m_llm::wire::stream::Parts;

const ORIGINAL: &str = "so um please send the the report to Ann";

fuzz_target!(|input: &[u8]| {
    let [which, size, body @ ..] = input else { return };
    let provider = Provider::ALL[usize::from(*which) % 3];
    let target = target(provider);
    let size = usize::from(*size).max(1);
    let (whole, read) = fuzzing::answer(&target, io::Cursor::new(body.to_vec()));
    let chopped = Chopped { bytes: body.to_vec(), at: 0, size };
    let (again, _) = fuzzing::answer(&target, chopped);
    assert_eq!(whole.as_ref().ok(), again.as_ref().ok());
    assert_eq!(whole.as_ref().err().map(|e| e.word()), again.as_ref().err().map(|e| e.word()));
    assert!(read <= target.limits.body && read <= body.len() as u64);
    if let Ok(text) = &whole {
        assert!(text.len() <= target.limits.text);
        let prompt = Prompt::new(PromptTask::Rewrite { instruction: "Correct it." }, ORIGINAL, 7);
        let answer = prompt.unwrap_answer(text);
        assert!(text.contains(&answer), "{answer:?} is not in {text:?}");
        let bounds = Bounds::default();
        if accept::judge(ORIGINAL, &answer, &bounds).is_ok() {
            let letters = answer.chars().filter(|c| !c.is_whitespace()).count();
            assert!(letters > 0 && letters <= accept::most_letters(ORIGINAL, &bounds));
        }
    }
    if let Ok(text) = std::str::from_utf8(body)
        && !text.contains('\r')
    {
        assert_eq!(parts(text), parts(&text.replace('\n', "\r\n")));
    }
});

/// Returns the parts of a body, without white space.
fn parts(body: &str) -> Vec<String> {
    let mut parts = Parts::default();
    let lines = body.split_inclusive(['\n', '\r']);
    let mut found: Vec<_> = lines.filter_map(|line| parts.line(line)).collect();
    found.extend(parts.end());
    found.iter().map(|part| part.split_whitespace().collect()).collect()
}

fn target(provider: Provider) -> Target {
    Target {
        provider,
        address: Address::parse("http://127.0.0.1:1").expect("it is an address"),
        model: "m".into(),
        temperature: 0.0,
        key: None,
        limits: QuestionLimits {
            connect: Duration::from_secs(1),
            total: Duration::from_secs(1),
            text: 4 << 10,
            letters: 2 << 10,
            body: 32 << 10,
            attempts: 1,
        },
    }
}

/// A connection that returns at most `size` bytes per read.
struct Chopped {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
}

impl Read for Chopped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.size.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
