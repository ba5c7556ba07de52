//! Fuzzes segments that become subtitles. No word may be lost, no cue may be empty or overlap the
//! next one, and no part of a text may be read as a time or as markup.
//!
//! The input is lines of two floating-point numbers (8 bytes each, little-endian) and a text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m_ipc::subtitles::{SpokenSpan, srt, vtt};

fuzz_target!(|input: &[u8]| {
    let pieces: Vec<SpokenSpan> = input.split(|byte| *byte == b'\n').filter_map(piece).collect();
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let said: String = pieces.iter().map(|piece| letters(&piece.text)).collect();
    let (shown, times) = cues(&vtt(&pieces), ".");
    let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(letters(&shown), said);
    assert!(times.iter().all(|(start, end)| start < end), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{times:?}");
    let (_, same) = cues(&srt(&pieces), ",");
    assert_eq!(same, times);
});

fn piece(line: &[u8]) -> Option<SpokenSpan> {
    let (start, rest) = line.split_first_chunk::<8>()?;
    let (end, text) = rest.split_first_chunk::<8>()?;
    let text = std::str::from_utf8(text).ok()?.to_owned();
    Some(SpokenSpan { start: f64::from_le_bytes(*start), end: f64::from_le_bytes(*end), text })
}

/// Returns the text of all cues, and their times in milliseconds.
fn cues(file: &str, point: &str) -> (String, Vec<(u64, u64)>) {
    let (mut text, mut times) = (String::new(), Vec::new());
    for block in file.split("\n\n").filter(|block| block.contains(" --> ")) {
        let (head, lines) = block.split_once('\n').expect("a cue has lines");
        // In SubRip, a number precedes each cue.
        let (head, lines) = match head.contains(" --> ") {
            true => (head, lines),
            false => lines.split_once('\n').expect("a number, a time, lines"),
        };
        let (start, end) = head.split_once(" --> ").expect("a time");
        times.push((millis(start, point), millis(end, point)));
        assert!(!lines.contains("-->"), "{lines:?}");
        text += lines;
    }
    (text, times)
}

fn millis(time: &str, point: &str) -> u64 {
    let (rest, millis) = time.split_once(point).expect("a time has milliseconds");
    let seconds = rest.split(':').fold(0, |sum, part| sum * 60 + number(part));
    seconds * 1000 + number(millis)
}

fn number(digits: &str) -> u64 {
    digits.parse().expect("a number")
}
