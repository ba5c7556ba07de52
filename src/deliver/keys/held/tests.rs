//! Tests the wait on a simulated desktop: a seat that counts keys as Mutter does, a user's hand, a
//! mouse and a window.

use super::probe::{ProbeKey, ProbeKeys, Seat, press, press_one, wait};
use super::{PATIENCE, Wait};
use crate::deliver::error::DeliverError;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

const CTRL: ProbeKey = ProbeKey::Code(29);
const ALT: ProbeKey = ProbeKey::Code(56);
const SUPER: ProbeKey = ProbeKey::Code(125);
const V: ProbeKey = ProbeKey::Symbol(0x76);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A key that the user holds, with the times of its press and release.
type Hold = (ProbeKey, Duration, Duration);

/// A simulated desktop. Its clock advances only when the code reads the idle time, presses a key or
/// pauses.
struct Desk {
    start: Instant,
    user: Vec<Hold>,
    /// The times at which the mouse moves.
    mouse: Vec<Duration>,
    /// How long an answer takes (`round_trip`), and how long it is until activity shows in the idle
    /// time (`delay`).
    round_trip: Duration,
    delay: Duration,
    /// How long the window takes to ask for the pasted text.
    window: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: Duration,
    ours: Vec<ProbeKey>,
    /// The times of all activity: keys and the mouse.
    activity: Vec<Duration>,
    /// The time up to which `activity` contains the user's actions.
    seen: Duration,
    /// All keys that were down, the user's included, each time that one of our keys counted.
    counted: Vec<(Duration, Vec<String>)>,
    /// How many of our key presses were sent, whether they counted or not.
    pressed: usize,
    answer: Option<Duration>,
}

impl Desk {
    fn new(user: &[Hold]) -> Self {
        let state = State { now: ms(1_000), ..State::default() };
        Self {
            start: Instant::now(),
            user: user.to_vec(),
            mouse: Vec::new(),
            round_trip: Duration::from_micros(500),
            delay: ms(1),
            window: ms(3),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn is_held(&self, key: ProbeKey, at: Duration) -> bool {
        self.user.iter().any(|(held, from, until)| *held == key && (*from..*until).contains(&at))
    }

    /// Advances the clock, and performs the user's actions that are due. A user's key counts unless
    /// our press holds it down too.
    fn go_on(&self, time: Duration) {
        let mut state = self.state();
        let (from, to) = (state.seen, state.now + time);
        let due = |at: &Duration| *at > from && *at <= to;
        let keys = self.user.iter().flat_map(|(key, from, until)| [(*key, *from), (*key, *until)]);
        let keys: Vec<_> = keys.filter(|(key, at)| due(at) && !state.ours.contains(key)).collect();
        state.activity.extend(keys.into_iter().map(|(_, at)| at));
        state.activity.extend(self.mouse.iter().copied().filter(due));
        state.now = to;
        state.seen = to;
    }

    /// Returns the combinations that the windows received: each V press, with the keys that were
    /// down with it.
    fn combinations(&self) -> Vec<Vec<String>> {
        let counted = self.state().counted.clone();
        let key = format!("{V:?}");
        counted.into_iter().map(|(_, down)| down).filter(|down| down.last() == Some(&key)).collect()
    }

    fn pasted_at(&self) -> Duration {
        let key = format!("{V:?}");
        let counted = self.state().counted.clone();
        counted.iter().find(|(_, down)| down.last() == Some(&key)).unwrap().0
    }

    /// Returns the time of the user's last release, over all keys that matter.
    fn released(&self) -> Duration {
        self.user.iter().map(|(_, _, until)| *until).max().unwrap_or_default()
    }

    fn paste(&self, others: &[ProbeKey]) -> Result<(), DeliverError> {
        run(press(self, &ProbeKeys { control: CTRL, others: others.to_vec() }, &[CTRL], V))
    }

    /// Asserts that there was exactly one Ctrl+V, after the user's last release, and that none of
    /// our keys is left down.
    fn pasted_once(&self) {
        let expected = [CTRL, V].map(|key| format!("{key:?}")).to_vec();
        assert_eq!(self.combinations(), [expected]);
        assert!(self.pasted_at() >= self.released());
        assert_eq!(self.state().ours, []);
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

impl Seat for Desk {
    fn now(&self) -> Instant {
        self.start + self.state().now
    }

    async fn pause(&self, time: Duration) {
        self.go_on(time + Duration::from_micros(700));
    }

    async fn idle(&self) -> Result<Duration, DeliverError> {
        self.go_on(self.round_trip / 2);
        let idle = {
            let state = self.state();
            let shown = state.activity.iter().map(|at| *at + self.delay);
            let last = shown.filter(|at| *at <= state.now).max().unwrap_or_default();
            let idle = (state.now - last).as_millis();
            Duration::from_millis(idle.try_into().unwrap())
        };
        self.go_on(self.round_trip / 2);
        Ok(idle)
    }

    async fn key(&self, key: ProbeKey, down: bool) -> Result<(), DeliverError> {
        self.go_on(self.round_trip / 2);
        let now = self.state().now;
        let is_held = self.is_held(key, now);
        let users = self.user.iter().map(|(key, ..)| *key);
        let users: Vec<ProbeKey> = users.filter(|key| self.is_held(*key, now)).collect();
        let mut state = self.state();
        if down {
            assert!(!state.ours.contains(&key), "{key:?} is pressed twice");
            state.ours.push(key);
            state.pressed += 1;
        } else {
            state.ours.retain(|ours| *ours != key);
        }
        if !is_held {
            state.activity.push(now);
        }
        if !is_held && down {
            let others = state.ours.iter().copied().filter(|ours| *ours != key).chain(users);
            let mut all: BTreeSet<String> = others.map(|key| format!("{key:?}")).collect();
            all.remove(&format!("{key:?}"));
            let all = all.into_iter().chain([format!("{key:?}")]).collect();
            state.counted.push((now, all));
            state.answer =
                matches!(key, ProbeKey::Symbol(_)).then_some(now + self.window).or(state.answer);
        }
        drop(state);
        self.go_on(self.round_trip / 2);
        Ok(())
    }

    fn delay(&self) -> Duration {
        ms(5)
    }

    fn stall(&self) -> Duration {
        ms(150)
    }

    fn is_answered(&self) -> bool {
        let state = self.state();
        state.answer.is_some_and(|answer| answer <= state.now)
    }
}

#[test]
fn a_desktop_that_tells_is_asked_until_the_patience_is_over() {
    let begun = Instant::now();
    let wait = Wait::from(begun);
    let next = |down, after| wait.next(down, begun + after, ms(10));
    assert!(matches!(next(false, ms(0)), Ok(None)));
    assert!(matches!(next(true, ms(30)), Ok(Some(at)) if at == begun + ms(40)));
    assert!(matches!(next(true, PATIENCE - ms(1)), Ok(Some(at)) if at == begun + PATIENCE));
    assert!(matches!(next(true, PATIENCE), Err(DeliverError::KeysHeld)));
    assert!(matches!(next(false, PATIENCE), Ok(None)));
}

#[test]
fn with_all_keys_up_the_combination_is_pressed_at_once() {
    let desk = Desk::new(&[]);
    desk.paste(&[ALT]).unwrap();
    desk.pasted_once();
    assert!(desk.pasted_at() < ms(1_030), "{:?}", desk.pasted_at());
}

#[test]
fn a_key_that_is_held_too_long_gets_no_paste() {
    for key in [CTRL, ALT, V] {
        let desk = Desk::new(&[(key, ms(900), ms(9_000))]);
        assert!(matches!(desk.paste(&[ALT]), Err(DeliverError::KeysHeld)), "{key:?}");
        assert_eq!(desk.combinations(), [[""; 0]; 0], "{key:?}");
        assert_eq!(desk.state().ours, [], "{key:?}");
        assert!(desk.state().now < ms(1_000) + PATIENCE + ms(100), "{key:?}");
    }
}

#[test]
fn while_control_is_held_no_window_hears_of_the_questions() {
    let desk = Desk::new(&[(CTRL, ms(900), ms(9_000))]);
    assert!(desk.paste(&[ALT]).is_err());
    assert!(desk.state().pressed > 10);
    assert!(desk.state().counted.is_empty(), "{:?}", desk.state().counted);
}

#[test]
fn a_mouse_that_moves_is_waited_for() {
    let mut desk = Desk::new(&[(CTRL, ms(900), ms(1_050)), (ALT, ms(900), ms(1_050))]);
    desk.mouse = (0..200).map(|n| ms(600 + 8 * n)).collect();
    desk.paste(&[ALT]).unwrap();
    desk.pasted_once();
    assert!(desk.pasted_at() > ms(600 + 8 * 199), "{:?}", desk.pasted_at());
    desk.mouse = (0..5_000).map(|n| ms(n + 1)).collect();
    *desk.state() = State { now: ms(1_000), ..State::default() };
    assert!(matches!(desk.paste(&[ALT]), Err(DeliverError::KeysUnclear)));
    assert_eq!(desk.state().pressed, 0, "something was pressed blindly");
}

#[test]
fn a_slow_desktop_and_a_slow_window_get_the_text_once() {
    for (delay, window) in [(1, 400), (12, 3), (28, 400), (60, 3), (60, 90), (140, 400)] {
        let mut desk = Desk::new(&[]);
        (desk.delay, desk.window) = (ms(delay), ms(window));
        let outcome = desk.paste(&[]);
        let pressed = desk.combinations().len();
        assert!(pressed <= 1, "a text is pasted {pressed} times ({delay}, {window})");
        assert_eq!(outcome.is_ok(), pressed == 1, "({delay}, {window})");
    }
}

#[test]
fn a_modifier_that_is_pressed_anew_between_two_questions_is_seen() {
    let desk = Desk::new(&[(ALT, ms(1_004), ms(1_100))]);
    desk.paste(&[ALT]).unwrap();
    desk.pasted_once();
}

#[test]
fn modifiers_alone_are_waited_for_before_typing() {
    let desk = Desk::new(&[(SUPER, ms(900), ms(1_200)), (ALT, ms(900), ms(1_100))]);
    run(wait(&desk, &ProbeKeys { control: CTRL, others: vec![ALT, SUPER] })).unwrap();
    assert!(desk.state().now > ms(1_200));
    assert_eq!(desk.state().ours, []);
}

#[test]
fn a_key_of_the_text_that_is_held_is_waited_for() {
    let desk = Desk::new(&[(V, ms(900), ms(1_300))]);
    run(press_one(&desk, &[ProbeKey::Code(42)], V)).unwrap();
    assert!(desk.pasted_at() >= ms(1_300));
    assert_eq!(desk.combinations(), [[format!("{:?}", ProbeKey::Code(42)), format!("{V:?}")]]);
    assert_eq!(desk.state().ours, []);
    let desk = Desk::new(&[(V, ms(900), ms(9_300))]);
    assert!(matches!(run(press_one(&desk, &[], V)), Err(DeliverError::KeysHeld)));
}

proptest! {
    /// A shortcut may be held for any time and released in any order. The delays are as observed.
    #[test]
    fn what_is_held_is_waited_for(
        control in 1u64..1_500,
        alt in 1u64..1_500,
        v in 1u64..1_500,
        delay in 0u64..=2,
        round_trip in 100u64..1_500,
    ) {
        let until = |held: u64| ms(1_000 + held);
        let mut desk =
            Desk::new(&[(CTRL, ms(900), until(control)), (ALT, ms(910), until(alt)), (V, ms(920), until(v))]);
        (desk.delay, desk.round_trip) = (ms(delay), Duration::from_micros(round_trip));
        desk.paste(&[ALT]).unwrap();
        let late = desk.pasted_at().saturating_sub(desk.released());
        prop_assert!(late < ms(400), "{:?} after the last release", late);
        // The user's Control key does no harm.
        desk.user.retain(|(key, ..)| *key != CTRL);
        desk.pasted_once();
    }

    /// Whatever the user types and however the mouse moves, no text is pasted twice, and none of
    /// our keys stays down.
    #[test]
    fn no_text_is_pasted_twice(
        holds in proptest::collection::vec((0usize..3, 0u64..2_500, 5u64..300), 0..12),
        mouse in proptest::collection::vec((0u64..2_500, 1u64..30), 0..4),
        delay in 0u64..60,
        window in 1u64..90,
    ) {
        let keys = [CTRL, ALT, V];
        let mut user: Vec<Hold> = Vec::new();
        for (key, from, time) in holds {
            let (key, from, until) = (keys[key], ms(1_000 + from), ms(1_000 + from + time));
            // A key cannot be pressed while it is down.
            if user.iter().all(|(other, a, b)| *other != key || until < *a || from > *b) {
                user.push((key, from, until));
            }
        }
        let mut desk = Desk::new(&user);
        (desk.delay, desk.window) = (ms(delay), ms(window));
        desk.mouse = mouse.iter().flat_map(|(from, n)| (0..*n).map(move |n| ms(1_000 + from + 8 * n))).collect();
        let outcome = desk.paste(&[ALT]);
        prop_assert!(desk.combinations().len() <= 1);
        // A mouse that starts to move may be taken for the key. Then the window's receipt decides.
        prop_assert!(outcome.is_ok() || desk.combinations().is_empty());
        prop_assert_eq!(&desk.state().ours, &[]);
        prop_assert!(desk.state().now < ms(1_000) + PATIENCE + ms(200));
    }
}
