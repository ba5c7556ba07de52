//! Parses moments as people write them.

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, Unit, Zoned};
use v2m_messages::{mark, tr, translations};

/// Words accepted in each language of v2m's messages.
const WORDS: [&str; 16] = [
    mark!("today"),
    mark!("yesterday"),
    mark!("second"),
    mark!("seconds"),
    mark!("minute"),
    mark!("minutes"),
    mark!("hour"),
    mark!("hours"),
    mark!("day"),
    mark!("days"),
    mark!("week"),
    mark!("weeks"),
    mark!("month"),
    mark!("months"),
    mark!("year"),
    mark!("years"),
];
/// Stands before the span in some languages. It is dropped, because the span means the same without
/// it.
const AGO: &str = mark!("ago");

/// Parses `words` relative to `now`, in its time zone: `today`, `yesterday`, a date, a time of
/// today, both, an RFC 3339 time, or how long ago (`2h`, `3 days`, `1 week ago`). A date means its
/// beginning.
///
/// # Errors
/// If `words` cannot be parsed; the text lists the accepted forms.
pub(super) fn moment(words: &str, now: &Zoned) -> Result<Timestamp, String> {
    let english = in_english(words);
    let trimmed = english.as_str();
    let found = match trimmed {
        "today" => now.start_of_day().ok(),
        "yesterday" => now.yesterday().and_then(|day| day.start_of_day()).ok(),
        _ => written(trimmed, now),
    };
    let found = found.map(|zoned| zoned.timestamp()).or_else(|| trimmed.parse().ok());
    found.ok_or_else(|| {
        tr!(
            "{words} is not a time. Write today, yesterday, a date (2026-11-21), a time (10:30), both \
             (2026-11-21 10:30), or how long ago (2h, 3 days).",
            words = format_args!("{words:?}")
        )
    })
}

/// Translates to English: `hace 3 días` becomes `3 days`. English stays unchanged.
fn in_english(words: &str) -> String {
    let word = |said: &str| {
        let low = said.to_lowercase();
        let known = WORDS.iter().find(|word| translations(word).any(|other| other == low));
        known.map_or_else(|| said.to_owned(), |word| (*word).to_owned())
    };
    let said = words.split_whitespace();
    let said = said.filter(|said| translations(AGO).all(|ago| ago != said.to_lowercase()));
    said.map(word).collect::<Vec<_>>().join(" ")
}

fn written(words: &str, now: &Zoned) -> Option<Zoned> {
    // A time with an offset is RFC 3339, and its offset counts.
    if words.parse::<Timestamp>().is_ok() {
        return None;
    }
    if let Ok(moment) = words.parse::<DateTime>() {
        return moment.to_zoned(now.time_zone().clone()).ok();
    }
    if let Some(time) = words.contains(':').then(|| words.parse::<Time>().ok()).flatten() {
        return now.date().to_datetime(time).to_zoned(now.time_zone().clone()).ok();
    }
    let span: Span = words.parse().ok()?;
    // “2 days ago” parses as a negative span.
    let span = span.abs();
    span.total((Unit::Second, now)).ok()?;
    now.checked_sub(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_moments_in_many_ways() {
        let now: Zoned = "2026-11-21T10:30:00+01:00[Europe/Madrid]".parse().unwrap();
        for (words, expected) in [
            ("today", "2026-11-20T23:00:00Z"),
            ("yesterday", "2026-11-19T23:00:00Z"),
            ("2026-11-18", "2026-11-17T23:00:00Z"),
            // Daylight-saving time.
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-11-18 09:15", "2026-11-18T08:15:00Z"),
            ("2026-11-18T09:15:30", "2026-11-18T08:15:30Z"),
            ("09:15", "2026-11-21T08:15:00Z"),
            (" 2h ", "2026-11-21T07:30:00Z"),
            ("90 minutes", "2026-11-21T08:00:00Z"),
            ("3 days", "2026-11-18T09:30:00Z"),
            ("1 week ago", "2026-11-14T09:30:00Z"),
            ("Ayer", "2026-11-19T23:00:00Z"),
            ("3 días", "2026-11-18T09:30:00Z"),
            ("hace 1 semana", "2026-11-14T09:30:00Z"),
            ("2026-11-18T09:15:00Z", "2026-11-18T09:15:00Z"),
            ("2026-11-18T09:15:00+05:00", "2026-11-18T04:15:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(moment(words, &now), Ok(expected), "{words}");
        }
        for words in ["", "5", "soon", "25:00", "2026-13-01", "900000 years"] {
            let why = moment(words, &now).unwrap_err();
            assert!(why.contains("yesterday"), "{words}: {why}");
        }
    }
}
