//! Determines the user's activity between two texts, as far as the desktop reports it. Pure: the
//! caller has the clock.
//!
//! The presses of the shortcut itself lie between two dictations, and the desktop reports them like
//! any other key. Their commands reach v2m shortly after, so each command explains the activity
//! around its time. Activity that no command explains was meant for the window.

use std::time::{Duration, Instant};

/// How long before its command a shortcut's last key may have been pressed: usually some 100 ms,
/// more on a busy machine. A key that was meant for the window is not mistaken for the shortcut's
/// key, because that one was reported too.
const BEFORE: Duration = Duration::from_millis(500);
/// How long before its command the user may reach for the shortcut, its modifiers included. Earlier
/// activity was meant for the window.
const REACHING: Duration = Duration::from_millis(400);
/// How long after a command the user may still hold the shortcut (usually 100 to 300 ms). This also
/// covers the second after which the desktop reports the user as idle.
const AFTER: Duration = Duration::from_millis(1_500);
/// How long after a text the desktop may report activity that comes from v2m's own keys, or report
/// late. No user can react to the text within this time: people take 0.2 to 0.3 s to react to what
/// they see.
const OWN: Duration = Duration::from_millis(250);
/// The longest gap between two commands of one held shortcut, which repeats about every 30 ms. A
/// later command is another press, or the first repeat.
const REPEAT: Duration = Duration::from_millis(200);
/// The most presses that are remembered. A user who presses more often has done something else as
/// well.
const PRESSES: usize = 16;
/// The most activities that are noted. After that, no command is expected to explain them all, and
/// v2m can sleep.
const NOTED: usize = 8;

/// The user's activity between two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// The shortcut was pressed, and nothing else.
    Nothing,
    /// Keys or buttons were pressed.
    Something,
    /// The desktop reports nothing, or only that the user was active, perhaps with the mouse.
    Unknown,
}

/// The shortcut's commands, oldest first. Each entry is one press with the repeats of a held key.
#[derive(Clone, Debug, Default)]
pub struct ShortcutPresses(Vec<(Instant, Instant)>);

impl ShortcutPresses {
    /// Adds a command. Commands must be added in order.
    pub fn add(&mut self, now: Instant) {
        if let Some((_, last)) = self.0.last_mut().filter(|(_, last)| now < *last + REPEAT) {
            *last = now;
            return;
        }
        if self.0.len() == PRESSES {
            self.0.remove(0);
        }
        self.0.push((now, now));
    }
}

/// The precision of the desktop's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grain {
    /// The desktop reports each key and button press, but no mouse movements.
    Exact,
    /// The desktop reports when the user becomes active and idle, but not how.
    Coarse,
}

/// The activity that was reported since a text was put at the cursor.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    grain: Grain,
    begun: Instant,
    /// The start and end of each activity. `None`: it has not ended.
    spans: Vec<(Instant, Option<Instant>)>,
    /// The result, once the watch has ended.
    verdict: Option<Between>,
}

impl Log {
    /// Creates a log. `now` is when the desktop starts to report. With [`Grain::Coarse`], the user
    /// counts as active at that time, because only changes are reported.
    pub(crate) fn new(grain: Grain, now: Instant) -> Self {
        let spans = match grain {
            Grain::Exact => Vec::new(),
            Grain::Coarse => vec![(now, None)],
        };
        Self { grain, begun: now, spans, verdict: None }
    }

    /// Notes that a key or a button was pressed, or that the user has become active. Returns
    /// whether further reports are useful.
    pub(crate) fn active(&mut self, now: Instant) -> bool {
        if self.spans.len() == NOTED {
            self.verdict = Some(match self.grain {
                Grain::Exact => Between::Something,
                Grain::Coarse => Between::Unknown,
            });
            return false;
        }
        self.spans.push((now, (self.grain == Grain::Exact).then_some(now)));
        true
    }

    /// Notes that the user has been idle since `since`.
    pub(crate) fn idle(&mut self, since: Instant) {
        if let Some((start, end @ None)) = self.spans.last_mut() {
            *end = Some(since.max(*start));
        }
    }

    /// Notes that the desktop has stopped reporting.
    pub(crate) fn end(&mut self) {
        self.verdict.get_or_insert(Between::Unknown);
    }

    /// Returns the activity until `now`, apart from these presses.
    pub(crate) fn between(&self, presses: &ShortcutPresses, now: Instant) -> Between {
        match (self.verdict, self.grain) {
            (Some(verdict), _) => verdict,
            (None, Grain::Exact) if self.is_each_a_press(presses) => Between::Nothing,
            (None, Grain::Exact) => Between::Something,
            (None, Grain::Coarse) if self.is_all_around(presses, now) => Between::Nothing,
            (None, Grain::Coarse) => Between::Unknown,
        }
    }

    /// Whether there is a press for each key. Only one of a shortcut's keys is not a modifier.
    fn is_each_a_press(&self, presses: &ShortcutPresses) -> bool {
        let mut presses = presses.0.clone();
        self.spans.iter().all(|(at, _)| {
            let is_it = |(first, last): &(Instant, Instant)| *at <= *last && *first <= *at + BEFORE;
            let found = presses.iter().position(is_it);
            found.map(|found| presses.remove(found)).is_some()
        })
    }

    /// Whether the user was active only around presses.
    fn is_all_around(&self, presses: &ShortcutPresses, now: Instant) -> bool {
        self.spans.iter().all(|(start, end)| {
            let end = end.unwrap_or(now);
            // The time up to which presses explain the activity, one after the other.
            let mut explained = (*start).max(self.begun + OWN);
            for (first, last) in &presses.0 {
                if *first <= explained + REACHING && *last + AFTER > explained {
                    explained = *last + AFTER;
                }
            }
            explained >= end
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn presses(start: Instant, at: &[u64]) -> ShortcutPresses {
        let mut presses = ShortcutPresses::default();
        at.iter().for_each(|at| presses.add(start + ms(*at)));
        presses
    }

    #[test]
    fn keys_that_no_command_explains_were_meant_for_the_window() {
        let start = Instant::now();
        for (keys, commands, expected) in [
            (&[][..], &[][..], Between::Nothing),
            (&[5_000], &[], Between::Something),
            // The shortcut starts and stops the recording.
            (&[5_000, 9_000], &[5_040, 9_100], Between::Nothing),
            // A command from elsewhere controls the service.
            (&[], &[5_040, 9_100], Between::Nothing),
            (&[4_900, 5_000], &[5_040], Between::Something),
            (&[5_000, 7_000, 9_000], &[5_040, 9_100], Between::Something),
            (&[5_000, 9_000, 9_200], &[5_040, 9_100], Between::Something),
            (&[1_000], &[5_000], Between::Something),
            // The shortcut is held down: one key, many commands.
            (&[5_000], &[5_040, 5_540, 5_570, 5_600, 5_630], Between::Nothing),
        ] {
            let mut log = Log::new(Grain::Exact, start);
            keys.iter().for_each(|at| assert!(log.active(start + ms(*at))));
            let between = log.between(&presses(start, commands), start + ms(10_000));
            assert_eq!(between, expected, "{keys:?} {commands:?}");
        }
    }

    #[test]
    fn who_is_active_apart_from_the_shortcut_may_have_done_something() {
        let start = Instant::now();
        for (spans, commands, expected) in [
            // The user is not known to be idle since, and there is no press.
            (&[(0, None)][..], &[][..], Between::Unknown),
            (&[(0, Some(251))], &[], Between::Unknown),
            (&[(0, Some(250))], &[], Between::Nothing),
            (
                &[(0, Some(0)), (5_000, Some(5_300)), (9_000, None)],
                &[5_040, 9_100],
                Between::Nothing,
            ),
            (
                &[(0, Some(0)), (5_000, Some(7_300)), (9_000, None)],
                &[5_040, 9_100],
                Between::Unknown,
            ),
            (
                &[(0, Some(0)), (3_000, Some(5_300)), (9_000, None)],
                &[5_040, 9_100],
                Between::Unknown,
            ),
            (&[(0, Some(0)), (7_000, Some(7_100))], &[5_040, 9_100], Between::Unknown),
            // The next dictation starts at once, and is short.
            (&[(0, None)], &[400, 2_600, 9_100], Between::Unknown),
            (&[(0, None)], &[400, 2_200, 3_900, 5_600, 7_300, 9_100], Between::Nothing),
            // Activity half a second before the shortcut's key was meant for the window.
            (&[(0, Some(0)), (5_000, Some(6_200))], &[5_640], Between::Unknown),
            (&[(0, Some(700)), (9_000, None)], &[400, 9_100], Between::Nothing),
            // The shortcut is held down for four seconds.
            (
                &[(0, Some(0)), (5_000, None)],
                &[5_040, 5_540, 5_640, 5_740, 5_940, 6_120, 7_300, 8_900],
                Between::Nothing,
            ),
        ] {
            let mut log = Log::new(Grain::Coarse, start);
            log.spans = spans
                .iter()
                .map(|(from, to)| (start + ms(*from), to.map(|to: u64| start + ms(to))))
                .collect();
            let between = log.between(&presses(start, commands), start + ms(10_000));
            assert_eq!(between, expected, "{spans:?} {commands:?}");
        }
    }

    #[test]
    fn a_span_ends_when_the_user_is_idle_and_begins_when_they_are_active() {
        let start = Instant::now();
        let mut log = Log::new(Grain::Coarse, start);
        log.idle(start);
        assert_eq!(log.between(&ShortcutPresses::default(), start + ms(9_000)), Between::Nothing);
        assert!(log.active(start + ms(5_000)));
        assert_eq!(log.between(&presses(start, &[5_040]), start + ms(5_100)), Between::Nothing);
        log.idle(start + ms(5_200));
        assert_eq!(log.between(&presses(start, &[5_040]), start + ms(9_000)), Between::Nothing);
        log.end();
        assert_eq!(log.between(&presses(start, &[5_040]), start + ms(9_000)), Between::Unknown);
    }

    #[test]
    fn who_goes_on_typing_is_not_listened_to_any_more() {
        let start = Instant::now();
        for (grain, expected) in
            [(Grain::Exact, Between::Something), (Grain::Coarse, Between::Unknown)]
        {
            let mut log = Log::new(grain, start);
            let noted = (0..100).take_while(|at| log.active(start + ms(*at))).count();
            assert!(noted <= NOTED, "{noted}");
            log.end();
            assert_eq!(log.between(&ShortcutPresses::default(), start + ms(200)), expected);
        }
    }
}
