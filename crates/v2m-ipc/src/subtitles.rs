//! Formats the recognised pieces as subtitles: SubRip (`.srt`) and WebVTT (`.vtt`).
//!
//! A piece may be 25 s of speech, far more than fits on a screen. It is shown as several cues of
//! two lines each. The piece's time is divided among them by their numbers of characters, because
//! the service knows no times within a piece.

use std::fmt::Write;

/// The number of characters in a line. Broadcasters' guidelines for Latin scripts agree on 42.
const LINE: usize = 42;
/// The number of lines in a cue.
const LINES: usize = 2;
/// The latest time of a cue, in milliseconds: ten thousand hours. A service may send any number.
const LATEST: u64 = 36_000_000_000;

/// A piece of speech, with its times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenSpan {
    /// The start.
    pub start: f64,
    /// The end.
    pub end: f64,
    /// The text.
    pub text: String,
}

/// A text on the screen, with its times in milliseconds.
#[derive(Debug, PartialEq)]
struct Cue {
    start: u64,
    end: u64,
    lines: Vec<String>,
}

/// Formats SubRip: numbered cues, and a comma before the milliseconds.
pub fn srt(pieces: &[SpokenSpan]) -> String {
    let mut text = String::new();
    for (number, cue) in (1..).zip(cues(pieces)) {
        // The format has no escapes. Only an arrow can break it.
        let mut lines = cue.lines.join("\n");
        while lines.contains("-->") {
            lines = lines.replace("-->", "->");
        }
        let (start, end) = (time(cue.start, ','), time(cue.end, ','));
        let _ = write!(text, "{number}\n{start} --> {end}\n{lines}\n\n"); // a String takes everything
    }
    text
}

/// Formats WebVTT, <https://www.w3.org/TR/webvtt1/>: a header, a point before the milliseconds, and
/// `&`, `<` and `>` escaped (which also keeps `-->` out of the text).
pub fn vtt(pieces: &[SpokenSpan]) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues(pieces) {
        let lines = cue.lines.join("\n");
        let lines = lines.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (start, end) = (time(cue.start, '.'), time(cue.end, '.'));
        let _ = write!(text, "{start} --> {end}\n{lines}\n\n"); // a String takes everything
    }
    text
}

/// Formats `hh:mm:ss,mmm`. Hours may have more digits.
fn time(ms: u64, point: char) -> String {
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, ms % 1000)
}

/// Makes the cues: in order, without overlap, each at least a millisecond long.
fn cues(pieces: &[SpokenSpan]) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut free = 0;
    for piece in pieces {
        let lines = wrap(&piece.text);
        let count = |lines: &[String]| lines.iter().map(|l| l.chars().count() as u64).sum::<u64>();
        let start = millis(piece.start).max(free);
        let length = millis(piece.end).saturating_sub(start);
        let (all, mut said) = (count(&lines).max(1), 0);
        for lines in lines.chunks(LINES) {
            let begin = (start + length * said / all).max(free);
            said += count(lines);
            let end = (start + length * said / all).max(begin + 1);
            cues.push(Cue { start: begin, end, lines: lines.to_vec() });
            free = end;
        }
    }
    cues
}

fn millis(seconds: f64) -> u64 {
    // `as` saturates: negative numbers and NaN become 0.
    ((seconds * 1000.0).round() as u64).min(LATEST)
}

/// Wraps a text into as few lines as it needs, as even as possible.
fn wrap(text: &str) -> Vec<String> {
    let fewest = fill(text, LINE);
    let narrower = (1..LINE).rev().map(|width| fill(text, width));
    narrower.take_while(|lines| lines.len() == fewest.len()).last().unwrap_or(fewest)
}

/// Puts words into lines of at most `width` characters. A longer word is broken, because some
/// scripts have no spaces.
fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (index, part) in letters.chunks(width).enumerate() {
            match lines.last_mut() {
                Some(line) if index == 0 && part.len() < room => {
                    line.push(' ');
                    line.extend(part);
                    room -= part.len() + 1;
                }
                _ => {
                    lines.push(part.iter().collect());
                    room = width - part.len();
                }
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(start: f64, end: f64, text: &str) -> SpokenSpan {
        SpokenSpan { start, end, text: text.to_owned() }
    }

    #[test]
    fn subrip_is_numbered_and_has_commas() {
        let pieces = [piece(0.0, 1.5, "One."), piece(3661.0625, 3662.0, "Two --> three & <i>.")];
        let expected = "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n\
                        2\n01:01:01,063 --> 01:01:02,000\nTwo -> three & <i>.\n\n";
        assert_eq!(srt(&pieces), expected);
        assert_eq!(srt(&[]), "");
    }

    #[test]
    fn webvtt_has_a_header_and_points_and_escapes() {
        let pieces = [piece(0.0, 1.5, "a --> b & <i>"), piece(360_000.0, 360_001.0, "Late.")];
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na --&gt; b &amp; &lt;i&gt;\n\n\
                        100:00:00.000 --> 100:00:01.000\nLate.\n\n";
        assert_eq!(vtt(&pieces), expected);
        assert_eq!(vtt(&[]), "WEBVTT\n\n");
    }

    #[test]
    fn long_pieces_become_several_cues_of_two_even_lines() {
        let text = "The quick brown fox jumps over the lazy dog and then it goes home to have a \
                    long sleep, from which nobody will wake it before noon.";
        let cues = cues(&[piece(10.0, 20.0, text)]);
        let lines: Vec<_> = cues.iter().flat_map(|cue| &cue.lines).map(String::as_str).collect();
        assert_eq!(lines.join(" "), text);
        assert_eq!(cues.len(), 2);
        assert!(lines.iter().all(|line| (25..=LINE).contains(&line.chars().count())), "{lines:?}");
        assert_eq!((cues[0].start, cues[0].end, cues[1].end), (10_000, cues[1].start, 20_000));
        assert!((14_000..16_000).contains(&cues[1].start), "{}", cues[1].start);
    }

    #[test]
    fn long_arrows_become_short_ones() {
        assert!(
            srt(&[piece(0.0, 1.0, "a --> b ---> c -----> d")]).ends_with("\na -> b -> c -> d\n\n")
        );
    }

    #[test]
    fn times_that_no_recording_has_are_shown_in_their_order() {
        let pieces =
            [piece(0.0, 1e300, "a"), piece(f64::NAN, f64::INFINITY, "b"), piece(1e19, -1.0, "c")];
        let shown: Vec<_> = cues(&pieces).iter().map(|cue| (cue.start, cue.end)).collect();
        assert_eq!(shown, [(0, LATEST), (LATEST, LATEST + 1), (LATEST + 1, LATEST + 2)]);
    }

    #[test]
    fn words_without_spaces_are_broken_and_blank_pieces_left_out() {
        let cues = cues(&[piece(0.0, 1.0, " \n"), piece(1.0, 2.0, &"语".repeat(100))]);
        assert_eq!(cues.iter().map(|cue| cue.lines.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(cues[0].start, 1000);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_cue_overlaps(
            pieces in proptest::collection::vec((0.0..100.0, 0.0..30.0, "[a-z é\n&<>-]{0,300}"), 0..6),
        ) {
            let pieces: Vec<_> =
                pieces.iter().map(|(at, long, text)| piece(*at, at + long, text)).collect();
            let cues = cues(&pieces);
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            let said: String = pieces.iter().map(|piece| letters(&piece.text)).collect();
            let shown: String = cues.iter().flat_map(|cue| &cue.lines).map(|l| letters(l)).collect();
            prop_assert_eq!(said, shown);
            for cue in &cues {
                prop_assert!(cue.start < cue.end && cue.lines.len() <= LINES);
                prop_assert!(cue.lines.iter().all(|l| l.chars().count() <= LINE && !l.is_empty()));
            }
            prop_assert!(cues.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
