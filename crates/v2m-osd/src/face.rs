//! Decides what is shown, and until when. Pure: time is an argument.

use crate::news::{Kind, Sign};
use std::time::{Duration, Instant};

/// The number of bars of the level, a tenth of a second each.
pub const BARS: usize = 16;

/// Sound below this level has no bar, in dB relative to full scale: the noise of a room.
const QUIET_DBFS: f64 = -55.0;
/// Sound from this level on has a full bar. Speech close to a microphone has about −20 dBFS.
const LOUD_DBFS: f64 = -14.0;

/// The duration of a tick. It is noticed in half a second, and should disappear before the next
/// sentence.
const TICK: Duration = Duration::from_millis(1500);
/// The duration of a cancelled dictation: the user expects it.
const CANCELLED: Duration = Duration::from_secs(1);
/// The duration for a text on the clipboard, which the user should paste.
const WAITING: Duration = Duration::from_secs(6);
/// The duration of a small reminder of it afterwards.
const REMINDER: Duration = Duration::from_secs(60);
/// The duration for an earlier dictation, which the user did not wait for.
const RECOVERED: Duration = Duration::from_secs(8);
/// The shortest and the longest duration for a problem, and the additional time for each character:
/// people read 15 to 25 characters a second, and have to look there first.
const PROBLEM: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));
const CHARACTER: Duration = Duration::from_millis(60);
/// The duration while the next text is spoken, because its own sign matters more.
const IN_BETWEEN: Duration = Duration::from_secs(4);
/// The interval at which the dots of a state without a level move.
const STEP: Duration = Duration::from_millis(400);

/// The symbol at the start of the pill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A recording.
    Dot,
    /// Work in progress. This number of the three dots are bright.
    Dots(u8),
    /// The text was delivered.
    Tick,
    /// The text is on the clipboard.
    Clipboard,
    /// The dictation was cancelled.
    Cross,
    /// A problem.
    Warning,
}

/// The visible part of a text that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The beginning.
    Beginning,
    /// The end, which is the new part of a draft.
    End,
}

/// The picture to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The symbol at the start.
    pub mark: Mark,
    /// The levels of the last tenths of a second, newest last, 0 to 100.
    pub bars: Option<[u8; BARS]>,
    /// The length of the recording. May be empty.
    pub time: String,
    /// The state or the outcome. May be empty.
    pub title: String,
    /// The text, in one line. May be empty.
    pub text: String,
    /// The visible part of the text.
    pub keep: Keep,
    /// What to do, in a few lines. May be empty.
    pub body: String,
    /// Whether only the mark is shown.
    pub is_small: bool,
}

/// v2m's last news, and the parts that are shown.
#[derive(Debug)]
pub struct Face {
    state: Sign,
    /// When the current recording began.
    since: Instant,
    outcome: Option<(Sign, Instant)>,
    /// The end of the reminder that a text is on the clipboard.
    reminds: Option<Instant>,
    bars: [u8; BARS],
    /// When the last news came.
    told: Instant,
    /// Whether animations are allowed.
    pub moves: bool,
}

impl Face {
    /// Makes a face before any news.
    pub fn new(now: Instant) -> Self {
        Self {
            state: Sign::default(),
            since: now,
            outcome: None,
            reminds: None,
            bars: [0; BARS],
            told: now,
            moves: true,
        }
    }

    /// Takes news.
    pub fn tell(&mut self, sign: Sign, now: Instant) {
        self.told = now;
        if sign.kind.is_state() {
            if sign.kind == Kind::Recording && self.state.kind != Kind::Recording {
                (self.since, self.bars) = (now, [0; BARS]);
                (self.outcome, self.reminds) = (None, None);
            }
            self.state = sign;
            return;
        }
        if self.state.kind != sign.then {
            self.state = Sign { kind: sign.then, ..Sign::default() };
        }
        let until = now + lasts(&sign);
        self.reminds = sign.on_clipboard.then_some(until + REMINDER);
        self.outcome = Some((sign, until));
    }

    /// Whether v2m is recording.
    pub fn is_recording(&self) -> bool {
        self.state.kind == Kind::Recording
    }

    /// Sets the time since the current recording began.
    pub fn began(&mut self, ago: Duration, now: Instant) {
        self.since = now.checked_sub(ago).unwrap_or(now);
    }

    /// Takes the level of a tenth of a second, in dB relative to full scale.
    pub fn hear(&mut self, rms_dbfs: f64) {
        let share = (rms_dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS);
        // NaN becomes 0.
        let bar = (share.clamp(0.0, 1.0) * 100.0) as u8;
        if self.moves {
            self.bars.rotate_left(1);
            self.bars[BARS - 1] = bar;
        } else {
            // A row of equal bars that grow and shrink, so that nothing moves across the screen.
            let mean = u16::from(self.bars[0]) * 3 + u16::from(bar);
            self.bars = [u8::try_from(mean / 4).unwrap_or(0); BARS];
        }
    }

    /// Handles the end of v2m: it does nothing any more, and its clipboard is gone too.
    pub fn left_alone(&mut self, now: Instant) {
        (self.state, self.reminds, self.told) = (Sign::default(), None, now);
    }

    /// Returns the current picture. `None`: nothing is shown.
    pub fn picture(&self, now: Instant) -> Option<Picture> {
        if let Some((outcome, _)) = self.outcome(now) {
            return Some(picture_of(outcome));
        }
        let state = |mark| Picture {
            mark,
            bars: None,
            time: String::new(),
            title: self.state.title.clone(),
            text: self.state.text.clone(),
            keep: Keep::End,
            body: String::new(),
            is_small: false,
        };
        match self.state.kind {
            Kind::Recording => {
                let seconds = now.saturating_duration_since(self.since).as_secs();
                let time = format!("{}:{:02}", seconds / 60, seconds % 60);
                // The dot and the level show the state.
                let title = String::new();
                Some(Picture { bars: Some(self.bars), time, title, ..state(Mark::Dot) })
            }
            Kind::Transcribing | Kind::Rewriting => Some(state(Mark::Dots(self.step(now)))),
            _ if self.reminds.is_some_and(|until| now < until) => {
                let title = String::new();
                Some(Picture { title, is_small: true, ..state(Mark::Clipboard) })
            }
            _ => None,
        }
    }

    /// Returns the time when the picture changes without news. `None`: never.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if let Some((_, until)) = self.outcome(now) {
            return Some(until);
        }
        match self.state.kind {
            Kind::Recording => {
                let seconds = now.saturating_duration_since(self.since).as_secs();
                Some(self.since + Duration::from_secs(seconds + 1))
            }
            Kind::Transcribing | Kind::Rewriting => self.moves.then(|| {
                let steps = now.saturating_duration_since(self.told).as_millis() / STEP.as_millis();
                self.told + STEP * u32::try_from(steps + 1).unwrap_or(u32::MAX)
            }),
            _ => self.reminds.filter(|until| now < *until),
        }
    }

    /// Returns the time when nothing has been shown for `idle`. `None` while v2m is busy.
    pub fn over(&self, idle: Duration) -> Option<Instant> {
        if self.state.kind != Kind::Idle {
            return None;
        }
        let until = self.outcome.as_ref().map(|(_, until)| *until);
        let last = [Some(self.told), until, self.reminds].into_iter().flatten().max()?;
        Some(last + idle)
    }

    fn outcome(&self, now: Instant) -> Option<(&Sign, Instant)> {
        let (sign, until) = self.outcome.as_ref()?;
        (now < *until).then_some((sign, *until))
    }

    fn step(&self, now: Instant) -> u8 {
        if !self.moves {
            return 3;
        }
        let steps = now.saturating_duration_since(self.told).as_millis() / STEP.as_millis();
        u8::try_from(steps % 3).unwrap_or(0) + 1
    }
}

/// Returns how long an outcome is shown.
fn lasts(sign: &Sign) -> Duration {
    let to_read = |text: &str| CHARACTER * u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (shortest, longest) = PROBLEM;
    let alone = match sign.kind {
        Kind::Delivered => TICK + to_read(&sign.hint),
        Kind::Waiting => WAITING + to_read(&sign.hint),
        Kind::Recovered => RECOVERED,
        Kind::Cancelled => CANCELLED,
        _ => shortest + to_read(&sign.body),
    };
    if sign.then == Kind::Idle { alone.min(longest) } else { alone.min(IN_BETWEEN) }
}

fn picture_of(outcome: &Sign) -> Picture {
    let (mark, body) = match outcome.kind {
        Kind::Delivered => (Mark::Tick, &outcome.hint),
        Kind::Waiting => (Mark::Clipboard, &outcome.hint),
        Kind::Recovered => (Mark::Tick, &outcome.body),
        Kind::Cancelled => (Mark::Cross, &outcome.hint),
        _ => (Mark::Warning, &outcome.body),
    };
    let text = match outcome.kind {
        // The text is at the cursor, where the user looks.
        Kind::Waiting => outcome.text.clone(),
        _ => String::new(),
    };
    Picture {
        mark,
        bars: None,
        time: String::new(),
        title: outcome.title.clone(),
        text,
        keep: Keep::Beginning,
        body: body.clone(),
        is_small: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sign(kind: Kind) -> Sign {
        Sign { kind, title: "title".into(), text: "words".into(), ..Sign::default() }
    }

    fn mark(face: &Face, now: Instant) -> Option<Mark> {
        face.picture(now).map(|picture| picture.mark)
    }

    #[test]
    fn a_dictation_is_seen_from_its_beginning_to_its_tick() {
        let start = Instant::now();
        let mut face = Face::new(start);
        assert_eq!(face.picture(start), None);
        face.tell(Sign { text: String::new(), ..sign(Kind::Recording) }, start);
        let seen = face.picture(start + 61 * SECOND).unwrap();
        assert_eq!((seen.mark, seen.time.as_str(), seen.text.as_str()), (Mark::Dot, "1:01", ""));
        assert_eq!(face.due(start + SECOND / 2), Some(start + SECOND));
        // A draft does not restart the recording's time.
        face.tell(sign(Kind::Recording), start + 2 * SECOND);
        let seen = face.picture(start + 3 * SECOND).unwrap();
        assert_eq!(
            (seen.time.as_str(), seen.text.as_str(), seen.keep),
            ("0:03", "words", Keep::End)
        );
        face.tell(sign(Kind::Transcribing), start + 4 * SECOND);
        assert_eq!(mark(&face, start + 4 * SECOND), Some(Mark::Dots(1)));
        assert_eq!(face.over(SECOND), None);
        let done = start + 5 * SECOND;
        face.tell(sign(Kind::Delivered), done);
        assert_eq!(mark(&face, done), Some(Mark::Tick));
        assert_eq!(face.due(done), Some(done + TICK));
        assert_eq!(face.picture(done + TICK), None);
        assert_eq!(face.due(done + TICK), None, "it sleeps");
        assert_eq!(face.over(SECOND), Some(done + TICK + SECOND));
    }

    #[test]
    fn a_cancelled_dictation_is_seen_for_a_second() {
        let start = Instant::now();
        let mut face = Face::new(start);
        face.tell(sign(Kind::Recording), start);
        face.tell(sign(Kind::Cancelled), start);
        // The state follows, and does not hide it.
        face.tell(Sign::default(), start);
        let seen = face.picture(start).unwrap();
        assert_eq!(
            (seen.mark, seen.title.as_str(), seen.text.as_str()),
            (Mark::Cross, "title", "")
        );
        assert_eq!(face.due(start), Some(start + CANCELLED));
        assert_eq!(face.picture(start + CANCELLED), None);
        // An earlier dictation goes on.
        face.tell(Sign { then: Kind::Transcribing, ..sign(Kind::Cancelled) }, start);
        assert_eq!(mark(&face, start + CANCELLED), Some(Mark::Dots(3)));
    }

    #[test]
    fn an_outcome_is_seen_for_a_while_over_the_recording_that_goes_on() {
        let start = Instant::now();
        let mut face = Face::new(start);
        face.tell(sign(Kind::Recording), start);
        let problem = Sign { then: Kind::Recording, body: "b".repeat(400), ..sign(Kind::Problem) };
        face.tell(problem, start + SECOND);
        // Neither a draft nor a level hides it.
        face.tell(sign(Kind::Recording), start + 2 * SECOND);
        assert_eq!(mark(&face, start + 2 * SECOND), Some(Mark::Warning));
        let seen = face.picture(start + SECOND + IN_BETWEEN).unwrap();
        assert_eq!((seen.mark, seen.time.as_str()), (Mark::Dot, "0:05"));
        // The next recording does.
        let problem = sign(Kind::Problem);
        face.tell(problem, start + 6 * SECOND);
        assert_eq!(face.state.kind, Kind::Idle);
        face.tell(sign(Kind::Recording), start + 7 * SECOND);
        assert_eq!(mark(&face, start + 7 * SECOND), Some(Mark::Dot));
    }

    #[test]
    fn a_text_on_the_clipboard_is_remembered_until_the_next_recording() {
        let start = Instant::now();
        let mut face = Face::new(start);
        let waiting = Sign { on_clipboard: true, ..sign(Kind::Waiting) };
        face.tell(waiting.clone(), start);
        assert_eq!(face.picture(start).unwrap().text, "words");
        let later = start + WAITING;
        let seen = face.picture(later).unwrap();
        assert_eq!((seen.mark, seen.is_small), (Mark::Clipboard, true));
        assert_eq!(face.due(later), Some(later + REMINDER));
        assert_eq!(face.over(SECOND), Some(later + REMINDER + SECOND));
        face.tell(Sign::default(), later);
        assert!(face.picture(later).unwrap().is_small, "being idle does not paste it");
        face.tell(sign(Kind::Recording), later);
        face.tell(sign(Kind::Delivered), later);
        assert_eq!(face.picture(later + TICK), None);
        face.tell(waiting, later);
        face.left_alone(later);
        assert_eq!(face.picture(later + WAITING), None, "its clipboard has ended with it");
    }

    #[test]
    fn levels_run_through_the_bars_and_stand_still_if_nothing_may_move() {
        let mut face = Face::new(Instant::now());
        for level in [-120.0, -14.0, 0.0, f64::NAN, -34.5] {
            face.hear(level);
        }
        assert_eq!(face.bars[BARS - 5..], [0, 100, 100, 0, 50]);
        face.moves = false;
        face.hear(-14.0);
        assert!(face.bars.iter().all(|bar| *bar == face.bars[0]));
        assert_eq!(face.due(Instant::now()), None);
    }

    #[test]
    fn a_problem_stays_long_enough_to_be_read() {
        let short = lasts(&sign(Kind::Problem));
        let long = lasts(&Sign { body: "b".repeat(500), ..sign(Kind::Problem) });
        assert_eq!((short, long), PROBLEM);
    }
}
