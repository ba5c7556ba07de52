//! Tracks the connections, and decides which one gives way when there are too many: a press must
//! always get in.
//!
//! A connection with a request under way never gives way. Of the others, those without a whole
//! request go first, then idle ones, then subscribers. Within each kind, the one that has been
//! silent longest goes first. A connection that has just come is spared for a moment
//! ([`super::Limits::grace`]). So a crowd that comes at once does not push out a press between its
//! connect and its request.

use super::Limits;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A connection's activity. Earlier kinds give way before later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It has sent nothing yet, or only part of a request.
    Beginning,
    /// All its requests are answered.
    Idle,
    /// It receives events.
    Listening,
    /// It has a request under way, so it stays.
    Asking,
}

#[derive(Clone, Copy, Debug)]
struct State {
    doing: Doing,
    /// The time since which it has been silent.
    since: Instant,
    /// Whether it must give way.
    leaves: bool,
}

/// A connection's place.
#[derive(Debug)]
pub(super) struct Seat {
    state: Mutex<State>,
    leave: Notify,
}

impl Seat {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the connection's current activity. Setting the same again counts as a sign of life.
    pub(super) fn is_now(&self, doing: Doing) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.doing, state.since) = (doing, Instant::now());
    }

    /// Waits until the connection must give way. Cancel-safe.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    fn leave(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).leaves = true;
        self.leave.notify_one();
    }
}

/// Whether a newcomer gets a place.
#[derive(Debug)]
pub(super) enum Entry {
    /// The newcomer gets a place.
    In(Arc<Seat>),
    /// The newcomer gets a place, and others must give way for it.
    InPlaceOf(Arc<Seat>),
    /// The newcomer gets no place: all possible connections have a request under way.
    Full,
}

/// All seats in use.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<Vec<Weak<Seat>>>);

impl Seats {
    fn all(&self) -> Vec<Arc<Seat>> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|seat| seat.strong_count() > 0);
        seats.iter().filter_map(Weak::upgrade).collect()
    }

    /// Gives a newcomer a place, and makes others give way if there are too many.
    pub(super) fn enter(&self, limits: &Limits) -> Entry {
        let seats = self.all();
        let now = Instant::now();
        let is_full = seats.len() >= limits.connections + limits.newcomers;
        let is_ripe = |state: &State| now.duration_since(state.since) >= limits.grace;
        let mut someone_leaves = false;
        // If the next one to give way is a newcomer in its grace time, do not make a later kind
        // give way instead. Otherwise several hundred clients that come at once and send nothing
        // would push out subscribers.
        while count_staying(&seats) >= limits.connections
            && let Some(seat) = first_to_go(&seats)
            && is_ripe(&seat.state())
        {
            seat.leave();
            someone_leaves = true;
        }
        if is_full && !someone_leaves {
            let Some(seat) = first_to_go(&seats) else { return Entry::Full };
            seat.leave();
            someone_leaves = true;
        }
        let state = State { doing: Doing::Beginning, since: now, leaves: false };
        let seat = Arc::new(Seat { state: Mutex::new(state), leave: Notify::new() });
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats.push(Arc::downgrade(&seat));
        if someone_leaves { Entry::InPlaceOf(seat) } else { Entry::In(seat) }
    }

    /// Makes one connection give way because no descriptors are left. Returns whether there was
    /// one.
    pub(super) fn free_one(&self) -> bool {
        let seats = self.all();
        let seat = first_to_go(&seats);
        seat.inspect(|seat| seat.leave()).is_some()
    }

    /// Returns the number of requests under way.
    pub(super) fn asking(&self) -> usize {
        self.all().iter().filter(|seat| seat.state().doing == Doing::Asking).count()
    }
}

fn count_staying(seats: &[Arc<Seat>]) -> usize {
    seats.iter().filter(|seat| !seat.state().leaves).count()
}

fn first_to_go(seats: &[Arc<Seat>]) -> Option<&Arc<Seat>> {
    let states = seats.iter().map(|seat| (seat, seat.state()));
    let those = states.filter(|(_, state)| !state.leaves && state.doing != Doing::Asking);
    those.min_by_key(|(_, state)| (state.doing, state.since)).map(|(seat, _)| seat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits(connections: usize, newcomers: usize, grace_ms: u64) -> Limits {
        let grace = Duration::from_millis(grace_ms);
        Limits { connections, newcomers, grace, ..Limits::default() }
    }

    fn seat(seats: &Seats, limits: &Limits, doing: Doing) -> Arc<Seat> {
        let (Entry::In(seat) | Entry::InPlaceOf(seat)) = seats.enter(limits) else {
            panic!("no place");
        };
        seat.is_now(doing);
        seat
    }

    fn leaves(seats: &[&Arc<Seat>]) -> Vec<bool> {
        seats.iter().map(|seat| seat.state().leaves).collect()
    }

    #[test]
    fn the_half_open_go_before_the_idle_and_those_before_subscribers() {
        let seats = Seats::default();
        let few = limits(4, 9, 0);
        let asks = seat(&seats, &few, Doing::Asking);
        let listens = seat(&seats, &few, Doing::Listening);
        let idle = seat(&seats, &few, Doing::Idle);
        let begins = seat(&seats, &few, Doing::Beginning);
        let all = [&begins, &idle, &listens, &asks];
        let mut newcomers = Vec::new();
        for gone in 1..=3 {
            let newcomer = seats.enter(&few);
            let Entry::InPlaceOf(newcomer) = newcomer else { panic!("{newcomer:?}") };
            newcomer.is_now(Doing::Asking);
            newcomers.push(newcomer);
            assert_eq!(leaves(&all), [gone > 0, gone > 1, gone > 2, false]);
        }
        // All that stay have a request under way. There is still room for newcomers, up to a limit.
        assert!(matches!(seats.enter(&few), Entry::In(_)));
        assert_eq!(seats.asking(), 4);
        let none = limits(4, 0, 0);
        assert!(matches!(seats.enter(&none), Entry::Full));
        assert!(!seats.free_one());
    }

    #[test]
    fn the_longest_silent_goes_first_and_a_sign_of_life_counts() {
        let seats = Seats::default();
        let two = limits(2, 9, 0);
        let first = seat(&seats, &two, Doing::Listening);
        let second = seat(&seats, &two, Doing::Listening);
        first.is_now(Doing::Listening);
        let third = seat(&seats, &two, Doing::Asking);
        assert_eq!(leaves(&[&first, &second, &third]), [false, true, false]);
    }

    #[test]
    fn newcomers_are_spared_until_there_is_no_other_place() {
        let seats = Seats::default();
        let spared = limits(2, 2, 3_600_000);
        let all: Vec<_> = (0..4).map(|_| seat(&seats, &spared, Doing::Beginning)).collect();
        assert!(all.iter().all(|seat| !seat.state().leaves));
        assert!(matches!(seats.enter(&spared), Entry::InPlaceOf(_)));
        assert_eq!(leaves(&all.iter().collect::<Vec<_>>()), [true, false, false, false]);
        // Later, all connections beyond the limit go at once.
        let ripe = limits(2, 2, 0);
        drop(seats.enter(&ripe));
        assert_eq!(leaves(&all.iter().collect::<Vec<_>>()), [true, true, true, false]);
    }
}
