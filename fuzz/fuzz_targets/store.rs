//! Fuzzes the directory of dictations. At its start, the service must list each dictation once,
//! read a recording by its length whatever its header says, count each attempt, give up after six,
//! and offer no text that could control a terminal. The WAV header that it writes must be correct,
//! and the record must read back equal.
//!
//! The input is a record, a zero byte, and a recording.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::Path;
use v2m::store::{self, MAX_ATTEMPTS, Record, Text, Unfinished, fuzzing};
use v2m_ipc::plain;

const NAME: &str = "20261128T101010.000Z-1";
/// The size of a WAV header in bytes.
const HEADER: usize = 44;

fuzz_target!(|input: &[u8]| {
    let (record, wav) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    };
    let folder = v2m_fuzz::folder();
    let (json, audio) =
        (folder.join(NAME).with_extension("000Z-1.json"), folder.join(format!("{NAME}.wav")));
    fs::write(&json, record).expect("the folder takes files");
    fs::write(&audio, wav).expect("the folder takes files");

    let known = serde_json::from_slice::<Record>(record).ok();
    if let Some(known) = &known {
        let again = serde_json::to_vec(known).expect("a record is JSON");
        let again: Record = serde_json::from_slice(&again).expect("it reads what it writes");
        // serde_json reads a printed number back with an error in its last digit at most.
        assert_eq!(Record { seconds: known.seconds, ..again }, *known);
    }
    let last = store::last_text(folder).expect("the folder can be listed");
    assert!(last.is_none_or(|text| plain::is_plain(&text) && !text.is_empty()));

    let mut before = listed(folder);
    for _ in 0..=MAX_ATTEMPTS {
        let Some(left) = before else { return };
        assert_eq!(left.path, audio);
        assert_eq!(left.samples, (wav.len().saturating_sub(HEADER) / 2) as u64);
        assert_eq!(store::read_pcm(&audio).expect("it is there").len() as u64, left.samples);
        if let Some(text) = &left.text {
            assert!(plain::is_plain(&text.text), "{:?}", text.text);
            fuzzing::deliver(audio.clone(), text.clone()).expect("it is written");
            assert_eq!(listed(folder), None, "it was delivered");
            return;
        }
        assert!(left.attempts < MAX_ATTEMPTS);
        let samples = fuzzing::adopt(audio.clone()).expect("it is written");
        assert_eq!(samples, Some(left.samples));
        let header = fs::read(&audio).expect("it is there");
        assert_eq!(header.len() as u64, HEADER as u64 + 2 * left.samples);
        assert_eq!(&header[40..HEADER], (2 * left.samples as u32).to_le_bytes());
        before = listed(folder);
        if let Some(next) = &before {
            assert_eq!(next.attempts, left.attempts + 1);
            assert_eq!(next.started_at, left.started_at);
        }
    }
    assert_eq!(before, None, "it was tried often enough");
    // A text completes the dictation, whatever was in the files.
    fuzzing::deliver(audio, Text::default()).expect("it is written");
    assert_eq!(listed(folder), None);
});

fn listed(folder: &Path) -> Option<Unfinished> {
    let mut all = store::unfinished(folder).expect("the folder can be listed");
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}
