//! Distinguishes taps from holds when a shortcut repeats its command while the key is held and
//! sends no release. A single press is a tap, a run of presses is a hold, and the end of the run is
//! the release.
//!
//! Desktops repeat a held key after a delay (GNOME's default: 500 ms) at even intervals (30 ms).
//! X11 and KDE have other defaults, and users have other settings, so this code assumes none of
//! them. What follows the second arrival shows whether it was the first repeat or a second tap, and
//! a run's own intervals show when it ends.
//!
//! Pure. The tests use arrivals measured on GNOME 43.

use std::time::Duration;

/// The effect of a shortcut's presses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TriggerMode {
    /// A tap toggles; a key that is held records until it is released.
    #[default]
    Auto,
    /// A tap toggles. A held key counts as one tap, however long it is held.
    Toggle,
    /// Like `Auto`, but a tap also ends once it cannot become a hold any more.
    Hold,
}

impl TriggerMode {
    /// All modes, the default first.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Toggle, Self::Hold];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Toggle => "toggle",
            Self::Hold => "hold",
        }
    }
}

/// Two presses closer than this count as one: hands tremble, and keys bounce.
const BOUNCE: Duration = Duration::from_millis(300);
/// If a run's first two arrivals are this close, it is not a held key but a program or a bouncing
/// key: no keyboard repeats so soon after the press (the shortest delay in desktops' settings is
/// 100 ms). Such a run is one tap. Arrivals closer than this range waited together for the service
/// to start, and show nothing.
const TOO_SOON: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(90);
/// The longest delay before a held key begins to repeat. GNOME's slider ends at 2 s; the defaults
/// are 660 ms in X11 and 600 ms in KDE. Allowing longer delays would make a quick second tap wait
/// longer.
pub(super) const LONGEST_DELAY: Duration = Duration::from_millis(1_200);
/// A repeat follows another one within this time, however busy the machine is. A second tap shortly
/// after the first takes effect after this time.
const JUDGED: Duration = Duration::from_millis(200);
/// A run is over when it has been silent for this many of its mean intervals.
const SILENT_INTERVALS: u32 = 6;
/// A run is not over before this many times its longest interval, because a busy machine starts the
/// command late.
const LATE_INTERVALS: u32 = 3;
/// A run is never over before the first of these times, and always over at the second.
const SILENCE: [Duration; 2] = [Duration::from_millis(180), Duration::from_millis(600)];

/// The immediate classification of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A press.
    Press,
    /// A second press, or the first repeat of the press before. A [`PressVerdict`] follows.
    Doubtful,
    /// The key is still down.
    Repeat,
}

/// The later classification of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PressVerdict {
    /// The doubtful arrival was a press of its own.
    Pressed,
    /// The doubtful arrival was the same press as the one before it.
    Bounced,
    /// The doubtful arrival was a repeat: the key has been held since the press before.
    Held,
    /// The key was released.
    Released,
}

/// The state of the key, as far as the arrivals show it.
#[derive(Clone, Copy, Debug)]
enum Hand {
    /// No arrival matters any more.
    Away,
    /// One press. It may become a hold.
    Pressed { at: Duration },
    /// A second arrival.
    Doubt { pressed: Duration, at: Duration },
    /// A run. `intervals` counts the intervals between repeats. `key`: whether it is a held key, or
    /// else one that counts as a tap.
    Held { key: bool, first: Duration, last: Duration, intervals: u32, longest: Duration },
    /// A run has ended. Late arrivals still belong to it.
    Released { last: Duration },
}

/// Distinguishes taps from holds.
#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) mode: TriggerMode,
    hand: Hand,
}

impl Trigger {
    pub(super) fn new(mode: TriggerMode) -> Self {
        Self { mode, hand: Hand::Away }
    }

    /// When to call [`Self::look`] next.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.hand {
            Hand::Pressed { at } if self.mode == TriggerMode::Hold => {
                Some(at + LONGEST_DELAY + JUDGED)
            }
            Hand::Away | Hand::Pressed { .. } | Hand::Released { .. } => None,
            Hand::Doubt { at, .. } => Some(at + JUDGED),
            Hand::Held { first, last, intervals, longest, .. } => {
                let mean = (last - first) / intervals.max(1);
                let silence = (mean * SILENT_INTERVALS).max(longest * LATE_INTERVALS);
                Some(last + silence.clamp(SILENCE[0], SILENCE[1]))
            }
        }
    }

    /// Whether the key that was pressed last may still be down.
    pub(super) fn is_down(&self, now: Duration) -> bool {
        match self.hand {
            Hand::Away | Hand::Released { .. } => false,
            Hand::Pressed { .. } => self.tap_is_known_at().is_some_and(|at| now < at),
            Hand::Doubt { .. } | Hand::Held { .. } => true,
        }
    }

    /// The time when a press without a repeat is known to be a tap. `None` if there is no such
    /// press.
    pub(super) fn tap_is_known_at(&self) -> Option<Duration> {
        match self.hand {
            Hand::Pressed { at } => Some(at + LONGEST_DELAY),
            Hand::Away | Hand::Doubt { .. } | Hand::Held { .. } | Hand::Released { .. } => None,
        }
    }

    /// Draws conclusions from the time that has passed. Call it before each arrival, and when it is
    /// due.
    pub(super) fn look(&mut self, now: Duration) -> Option<PressVerdict> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        let (hand, verdict) = match self.hand {
            Hand::Doubt { pressed, at } if at < pressed + BOUNCE => {
                (Hand::Pressed { at: pressed }, PressVerdict::Bounced)
            }
            Hand::Doubt { at, .. } => (Hand::Pressed { at }, PressVerdict::Pressed),
            Hand::Held { key: false, last, .. } if self.mode != TriggerMode::Hold => {
                (Hand::Released { last }, PressVerdict::Bounced)
            }
            Hand::Pressed { at: last } | Hand::Held { last, .. } => {
                (Hand::Released { last }, PressVerdict::Released)
            }
            Hand::Away | Hand::Released { .. } => return None,
        };
        self.hand = hand;
        Some(verdict)
    }

    /// Takes an arrival. Call it when [`Self::look`] returns no more verdicts for this moment. The
    /// verdict is about the doubtful arrival before it.
    pub(super) fn arrives(&mut self, now: Duration) -> (Option<PressVerdict>, Arrival) {
        let (hand, verdict, arrival) = match self.hand {
            Hand::Pressed { at } if now < at + LONGEST_DELAY => {
                (Hand::Doubt { pressed: at, at: now }, None, Arrival::Doubtful)
            }
            Hand::Doubt { pressed, at } => {
                let key = !TOO_SOON.contains(&at.saturating_sub(pressed));
                let longest = now.saturating_sub(at);
                let held = Hand::Held { key, first: at, last: now, intervals: 1, longest };
                (held, Some(PressVerdict::Held), Arrival::Repeat)
            }
            Hand::Held { key, first, last, intervals, longest } => {
                let longest = longest.max(now.saturating_sub(last));
                let held = Hand::Held { key, first, last: now, intervals: intervals + 1, longest };
                (held, None, Arrival::Repeat)
            }
            Hand::Released { last } if now < last + BOUNCE => {
                (Hand::Released { last: now }, None, Arrival::Repeat)
            }
            Hand::Away | Hand::Pressed { .. } | Hand::Released { .. } => {
                (Hand::Pressed { at: now }, None, Arrival::Press)
            }
        };
        self.hand = hand;
        (verdict, arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Turns arrivals in milliseconds into presses and releases with their times, as seen by a
    /// clock that calls `look` when it is due.
    fn read(mode: TriggerMode, arrivals: &[u64]) -> Vec<(u64, &'static str)> {
        let (mut trigger, mut said) = (Trigger::new(mode), Vec::new());
        let tell = |said: &mut Vec<_>, at: Duration, verdict| match verdict {
            PressVerdict::Pressed => said.push((at.as_millis() as u64, "press")),
            PressVerdict::Released => said.push((at.as_millis() as u64, "release")),
            PressVerdict::Bounced | PressVerdict::Held => {}
        };
        for arrival in arrivals.iter().map(|at| Some(ms(*at))).chain([None]) {
            while let Some(due) = trigger.due()
                && arrival.is_none_or(|now| due <= now)
            {
                let verdict = trigger.look(due).expect("it is due");
                tell(&mut said, due, verdict);
            }
            let Some(now) = arrival else { break };
            let (verdict, arrival) = trigger.arrives(now);
            if let Some(verdict) = verdict {
                tell(&mut said, now, verdict);
            }
            if arrival == Arrival::Press {
                said.push((now.as_millis() as u64, "press"));
            }
        }
        said
    }

    /// Arrivals of a GNOME 43 custom shortcut's command while its key was held, in milliseconds
    /// after the press. Keyboard delay 500 ms, interval 30 ms. Each entry: how long the key was
    /// held, and the arrivals.
    const MEASURED: [(u64, &[u64]); 7] = [
        (52, &[7]),
        (203, &[7]),
        (454, &[8]),
        (602, &[7, 508, 536, 567, 596]),
        (802, &[6, 508, 536, 566, 596, 626, 656, 686, 716, 746, 776]),
        (802, &[6, 508, 537, 566, 596, 625, 655, 685, 715, 746, 776, 807]),
        (
            1202,
            &[
                7, 509, 537, 566, 596, 626, 657, 687, 717, 747, 777, 807, 837, 867, 897, 927, 958,
                988, 1018, 1048, 1077, 1107, 1138, 1168, 1198,
            ],
        ),
    ];

    #[test]
    fn measured_taps_and_holds_are_told_apart() {
        for (held, arrivals) in MEASURED {
            let said = read(TriggerMode::Auto, arrivals);
            if held < 500 {
                assert_eq!(said, [(arrivals[0], "press")], "{held}");
                continue;
            }
            let [(_, "press"), (release, "release")] = said[..] else { panic!("{held}: {said:?}") };
            assert!((held..held + 250).contains(&release), "{held}: {said:?}");
        }
    }

    #[test]
    fn jitter_of_a_busy_machine_neither_ends_a_hold_nor_makes_presses() {
        for (held, arrivals) in MEASURED.iter().filter(|(held, _)| *held > 600) {
            // Every third command starts 70 ms late. The commands after it are late too, and then
            // all come at once.
            let mut late: Vec<u64> = (0u64..)
                .zip(*arrivals)
                .map(|(i, at)| if i % 3 == 2 { at + 70 } else { *at })
                .collect();
            (1..late.len()).for_each(|i| late[i] = late[i].max(late[i - 1]));
            let said = read(TriggerMode::Auto, &late);
            assert!(matches!(said[..], [(_, "press"), (_, "release")]), "{held}: {said:?}");
        }
    }

    #[test]
    fn other_keyboards_settings_are_holds_too() {
        let run = |delay: u64, interval: u64, count: u64| -> Vec<u64> {
            [0].into_iter().chain((0..count).map(|i| delay + i * interval)).collect()
        };
        for (delay, interval) in
            [(150, 10), (200, 33), (250, 30), (600, 40), (660, 40), (1_000, 100)]
        {
            let arrivals = run(delay, interval, 20);
            let said = read(TriggerMode::Auto, &arrivals);
            let [(0, "press"), (release, "release")] = said[..] else {
                panic!("{delay} {interval}: {said:?}");
            };
            let last = arrivals[arrivals.len() - 1];
            assert!(release > last && release <= last + (6 * interval).max(180) + interval);
        }
    }

    #[test]
    fn a_second_tap_is_a_press_soon_or_late() {
        assert_eq!(read(TriggerMode::Auto, &[0, 5_000]), [(0, "press"), (5_000, "press")]);
        assert_eq!(read(TriggerMode::Auto, &[0, 1_200]), [(0, "press"), (1_200, "press")]);
        // If a repeat might have come, the verdict comes as soon as none has followed.
        assert_eq!(read(TriggerMode::Auto, &[0, 700]), [(0, "press"), (900, "press")]);
        let said = read(TriggerMode::Auto, &[0, 700, 1_400, 9_000]);
        assert_eq!(said, [(0, "press"), (900, "press"), (1_600, "press"), (9_000, "press")]);
    }

    #[test]
    fn a_run_that_no_keyboard_makes_is_one_tap() {
        let run: Vec<u64> = (0..50).map(|i| i * 40).collect();
        assert_eq!(read(TriggerMode::Auto, &run), [(0, "press")]);
        let again: Vec<u64> = run.iter().copied().chain([9_000]).collect();
        assert_eq!(read(TriggerMode::Auto, &again), [(0, "press"), (9_000, "press")]);
    }

    #[test]
    fn what_waited_for_the_service_to_start_is_a_hold_all_the_same() {
        let mut arrivals = vec![0, 0, 1, 1];
        arrivals.extend((1..30).map(|i| 1 + i * 30));
        let said = read(TriggerMode::Auto, &arrivals);
        assert!(matches!(said[..], [(0, "press"), (_, "release")]), "{said:?}");
    }

    #[test]
    fn presses_that_come_at_once_are_one() {
        assert_eq!(read(TriggerMode::Auto, &[0, 250]), [(0, "press")]);
        assert_eq!(read(TriggerMode::Auto, &[0, 299, 4_000]), [(0, "press"), (4_000, "press")]);
    }

    #[test]
    fn a_tap_and_then_a_hold_are_two_presses_and_one_release() {
        let mut arrivals = vec![0, 3_000];
        arrivals.extend((0..20).map(|i| 3_500 + i * 30));
        let said = read(TriggerMode::Auto, &arrivals);
        assert!(matches!(said[..], [(0, "press"), (3_000, "press"), (_, "release")]), "{said:?}");
    }

    #[test]
    fn in_hold_mode_a_tap_ends_by_itself() {
        assert_eq!(read(TriggerMode::Hold, &[0]), [(0, "press"), (1_400, "release")]);
        let said = read(TriggerMode::Hold, MEASURED[6].1);
        assert!(matches!(said[..], [(7, "press"), (1_378..1_500, "release")]), "{said:?}");
    }

    proptest! {
        /// For any arrivals: a release never comes without a press before it, and a press counts
        /// whenever the hand has rested for longer than all limits.
        #[test]
        fn any_arrivals(gaps in proptest::collection::vec(0u64..3_000, 1..60), hold: bool) {
            let mode = if hold { TriggerMode::Hold } else { TriggerMode::Auto };
            let arrivals: Vec<u64> =
                gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let said = read(mode, &arrivals);
            let mut down = false;
            for (_, what) in &said {
                prop_assert!(*what == "press" || down, "{said:?}");
                down = *what == "press";
            }
            let mut last = None;
            for at in arrivals {
                if last.is_none_or(|last| at > last + 2_500) {
                    prop_assert!(said.contains(&(at, "press")), "{at}: {said:?}");
                }
                last = Some(at);
            }
        }

        #[test]
        fn any_hold(delay in 310u64..1_150, intervals in proptest::collection::vec(20u64..45, 8..200)) {
            let mut arrivals = vec![0, delay];
            arrivals.extend(intervals.iter().scan(delay, |at, gap| { *at += gap; Some(*at) }));
            let said = read(TriggerMode::Auto, &arrivals);
            prop_assert!(matches!(said[..], [(0, "press"), (_, "release")]), "{said:?}");
            prop_assert!(said[1].0 > arrivals[arrivals.len() - 1], "{said:?}");
        }
    }
}
