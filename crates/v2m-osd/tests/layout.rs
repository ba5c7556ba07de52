//! Tests the layout of the canvas with the fonts of this machine.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use v2m_osd::draw::{self, Painted, paint};
use v2m_osd::face::{BARS, Keep, Mark, Picture};
use v2m_osd::text::{Style, Writer};

const WORDS: &str = "and so my fellow Americans, ask not what your country can do for you";
const ARABIC: &str = "السلام عليكم ورحمة الله وبركاته";

fn picture(mark: Mark) -> Picture {
    Picture {
        mark,
        bars: None,
        time: String::new(),
        title: String::new(),
        text: String::new(),
        keep: Keep::Beginning,
        body: String::new(),
        is_small: false,
    }
}

fn recording(text: &str) -> Picture {
    let (time, text, keep) = ("0:07".into(), text.into(), Keep::End);
    Picture { bars: Some([40; BARS]), time, text, keep, ..picture(Mark::Dot) }
}

fn problem(lines: usize) -> Picture {
    let title = "Not pasted: the focus moved while you spoke, and then some more of it".repeat(2);
    Picture { title, body: format!("{WORDS}\n").repeat(lines), ..picture(Mark::Warning) }
}

/// Panics unless everything painted is in the pill, and the pill is on the canvas.
fn checked(painted: &Painted, scale: f32) {
    let (width, height) = draw::size(scale);
    let pill = painted.pill;
    let right = pill.left + i32::try_from(pill.width).unwrap();
    let bottom = pill.top + i32::try_from(pill.height).unwrap();
    assert!(pill.left >= 0 && pill.top >= 0, "{pill:?}");
    assert!(right <= i32::try_from(width).unwrap() && bottom <= i32::try_from(height).unwrap());
    for (at, pixel) in painted.pixels.pixels().iter().enumerate() {
        let at = i32::try_from(at).unwrap();
        let width = i32::try_from(width).unwrap();
        let (x, y) = (at % width, at / width);
        // Allow one more pixel on each side for anti-aliasing.
        let inside = (pill.left - 1..=right).contains(&x) && (pill.top - 1..=bottom).contains(&y);
        assert!(inside || pixel.alpha() == 0, "something is at {x}, {y}, beside {pill:?}");
    }
}

#[test]
fn everything_is_in_the_pill_whatever_is_said_and_however_fine_the_screen() {
    let mut writer = Writer::new();
    let long = "Wörter ".repeat(100);
    for scale in [1.0, 1.25, 1.5, 2.0] {
        for picture in [
            recording(""),
            recording(&long),
            recording(ARABIC),
            problem(0),
            problem(1),
            problem(20),
            Picture { title: long.clone(), text: long.clone(), ..picture(Mark::Clipboard) },
            Picture { is_small: true, ..picture(Mark::Clipboard) },
        ] {
            for is_dark in [true, false] {
                let painted = paint(&picture, is_dark, scale, Some(&mut writer)).unwrap();
                checked(&painted, scale);
            }
        }
    }
}

#[test]
fn the_pill_stands_still_while_a_draft_grows() {
    let mut writer = Writer::new();
    let mut pill = |text: &str| paint(&recording(text), true, 1.0, Some(&mut writer)).unwrap().pill;
    let short = pill("and");
    assert_eq!(pill(WORDS), short);
    assert_eq!(pill(ARABIC), short);
    assert!(pill("").width < short.width);
}

#[test]
fn before_the_fonts_are_known_the_marks_are_seen() {
    let picture = recording(WORDS);
    let painted = paint(&picture, true, 1.0, None).unwrap();
    checked(&painted, 1.0);
    let red = |pixel: &&tiny_skia::PremultipliedColorU8| pixel.red() > 200 && pixel.green() < 120;
    assert!(painted.pixels.pixels().iter().filter(red).count() > 100);
}

#[test]
fn scripts_keep_their_direction_and_long_texts_their_new_end() {
    let mut writer = Writer::new();
    let style = Style { size: 14.0, line: 20.0, is_bold: false, lines: 1, keep: Keep::End };
    assert!(Writer::is_from_right(&writer.write(ARABIC, style, 300.0)));
    assert!(!Writer::is_from_right(&writer.write(WORDS, style, 300.0)));
    let long = writer.write(&WORDS.repeat(5), style, 300.0);
    assert!(long.width <= 300.0 && long.width > 250.0 && long.height <= 20.0, "{long:?}");
    let few = writer.write(WORDS, Style { lines: 3, keep: Keep::Beginning, ..style }, 100.0);
    assert!(few.height <= 60.0 && few.height > 40.0, "{few:?}");
    assert_eq!(writer.write("", style, 300.0).width, 0.0);
}
