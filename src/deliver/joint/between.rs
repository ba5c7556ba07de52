//! What the user's hands did between two texts, as far as the desktop tells. Pure: the caller has
//! the clock.
//!
//! The presses of the shortcut itself lie between two dictations, and the desktop tells of them as
//! of any other key. Their commands come to v2m shortly after, so each command explains what was
//! done around its time. Anything that no command explains was meant for the window.

use std::time::{Duration, Instant};

/// How long before its command a shortcut's last key may have been pressed: some 100 ms as a rule,
/// more on a busy machine. A key that was meant for the window is not taken for it, as that one
/// came too.
const BEFORE: Duration = Duration::from_millis(500);
/// How long before its command the hand may reach for the shortcut, its modifiers included. What
/// was done earlier was meant for the window.
const REACHING: Duration = Duration::from_millis(400);
/// How long after a command the hand may be at the shortcut: it holds it for 100 to 300 ms. Also
/// covers the second after which the desktop calls the user idle.
const AFTER: Duration = Duration::from_millis(1_500);
/// How long after a text the desktop may call somebody active because of v2m's own keys, or tell so
/// late. Nobody can act on the text by then: people take 0.2 to 0.3 s to answer to what they see.
const OWN: Duration = Duration::from_millis(250);
/// A held shortcut repeats its command every 30 ms or so. What comes later is another press, or the
/// first repeat.
const REPEAT: Duration = Duration::from_millis(200);
/// Presses that are remembered. Who presses more often has done something else as well.
const PRESSES: usize = 16;
/// What was done is noted so many times. Then nobody waits any more for a command that explains it,
/// and v2m sleeps on.
const NOTED: usize = 8;

/// What was done between two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// The shortcut was pressed, and nothing else.
    Nothing,
    /// Keys or buttons were pressed.
    Something,
    /// Nobody tells, or only that somebody was active: perhaps the mouse moved.
    Unknown,
}

/// Commands of the shortcut, oldest first: each press with the repeats of a key that is held.
#[derive(Clone, Debug, Default)]
pub struct ShortcutPresses(Vec<(Instant, Instant)>);

impl ShortcutPresses {
    /// A command has come. They come in their order.
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

/// How finely the desktop tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grain {
    /// Each key and button that is pressed; movements of the mouse are not told.
    Exact,
    /// When the user becomes active and idle, whatever they do.
    Coarse,
}

/// What was told since a text was put at the cursor.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    grain: Grain,
    begun: Instant,
    /// From when to when somebody was active; `None`: still.
    spans: Vec<(Instant, Option<Instant>)>,
    /// Nobody watches any more.
    verdict: Option<Between>,
}

impl Log {
    /// `now`: when the desktop began to tell. Whether somebody is active then, is not known where
    /// it tells only of changes.
    pub(crate) fn new(grain: Grain, now: Instant) -> Self {
        let spans = match grain {
            Grain::Exact => Vec::new(),
            Grain::Coarse => vec![(now, None)],
        };
        Self { grain, begun: now, spans, verdict: None }
    }

    /// A key or a button was pressed, or the user has become active. Whether more is worth being
    /// told.
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

    /// The user has been idle since `since`.
    pub(crate) fn idle(&mut self, since: Instant) {
        if let Some((start, end @ None)) = self.spans.last_mut() {
            *end = Some(since.max(*start));
        }
    }

    /// The desktop tells no more.
    pub(crate) fn end(&mut self) {
        self.verdict.get_or_insert(Between::Unknown);
    }

    /// What was done until now, beside these presses.
    pub(crate) fn between(&self, presses: &ShortcutPresses, now: Instant) -> Between {
        match (self.verdict, self.grain) {
            (Some(verdict), _) => verdict,
            (None, Grain::Exact) if self.is_each_a_press(presses) => Between::Nothing,
            (None, Grain::Exact) => Between::Something,
            (None, Grain::Coarse) if self.is_all_around(presses, now) => Between::Nothing,
            (None, Grain::Coarse) => Between::Unknown,
        }
    }

    /// Whether there is a press for each key: one of a shortcut's keys is no modifier.
    fn is_each_a_press(&self, presses: &ShortcutPresses) -> bool {
        let mut presses = presses.0.clone();
        self.spans.iter().all(|(at, _)| {
            let is_it = |(first, last): &(Instant, Instant)| *at <= *last && *first <= *at + BEFORE;
            let found = presses.iter().position(is_it);
            found.map(|found| presses.remove(found)).is_some()
        })
    }

    /// Whether somebody was active only around presses.
    fn is_all_around(&self, presses: &ShortcutPresses, now: Instant) -> bool {
        self.spans.iter().all(|(start, end)| {
            let end = end.unwrap_or(now);
            // As far as presses explain it, one after the other.
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
            // The shortcut to start and to stop.
            (&[5_000, 9_000], &[5_040, 9_100], Between::Nothing),
            // A service that is started by a command from elsewhere.
            (&[], &[5_040, 9_100], Between::Nothing),
            (&[4_900, 5_000], &[5_040], Between::Something),
            (&[5_000, 7_000, 9_000], &[5_040, 9_100], Between::Something),
            (&[5_000, 9_000, 9_200], &[5_040, 9_100], Between::Something),
            (&[1_000], &[5_000], Between::Something),
            // Held down: one key, many commands.
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
            // Not known to be idle since, and no press.
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
            // The next dictation begins at once, and is a short one.
            (&[(0, None)], &[400, 2_600, 9_100], Between::Unknown),
            (&[(0, None)], &[400, 2_200, 3_900, 5_600, 7_300, 9_100], Between::Nothing),
            // What was done half a second before the key was pressed was meant for the window.
            (&[(0, Some(0)), (5_000, Some(6_200))], &[5_640], Between::Unknown),
            (&[(0, Some(700)), (9_000, None)], &[400, 9_100], Between::Nothing),
            // Held down for four seconds.
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
