//! Finds sound that is missing from a recording, by the graph's own clock. Pure.
//!
//! For each cycle PipeWire gives the driver's position in its stream of samples (`ticks`) and the
//! time when the cycle began (`now`). Between two cycles, as many samples must come as the position
//! advanced. If fewer came, cycles passed without us (the service was frozen, or was not
//! scheduled), or the ring was full. If the time advanced further than the position, the driver
//! itself stood still (PipeWire was frozen, or the sound card's buffer overran). A driver may catch
//! up after that, with cycles that follow one another faster than real time. So such a gap is
//! reported only after a while, and the samples that come meanwhile are held back.

use super::clock::Nanos;
use crate::session::GapCause;
use std::collections::VecDeque;
use v2m_ipc::pcm::SAMPLE_RATE;

/// Sound that is missing, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The length of the gap in samples at 16 kHz.
    pub samples: u64,
    /// Why the sound is missing.
    pub cause: GapCause,
}

/// A cycle of the graph, as it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    /// The position in our stream of samples before this cycle's samples.
    pub(super) at: u64,
    /// The driver's position in ticks.
    pub(super) ticks: u64,
    /// The number of ticks in a second.
    pub(super) rate: u32,
    /// When the cycle began.
    pub(super) now: Nanos,
}

/// A driver that stands still for less than this is only late, because timers are late on a busy
/// machine. Shorter than one cycle of PipeWire's default quantum (1024 at 48 kHz, 21 ms).
const LATE: i64 = samples_in_ms(20);
/// How long a driver may take to catch up, in samples received since it stood still. ALSA's largest
/// buffers are emptied within a few cycles.
const CATCHING_UP: u64 = samples_in_ms(300) as u64;
/// How many samples the resampler may hold back or add, compared with the clock: part of its window
/// of 64 samples, at the stream's beginning.
const SLACK: i64 = 64;

const fn samples_in_ms(ms: i64) -> i64 {
    ms * SAMPLE_RATE as i64 / 1000
}

/// A driver that stood still before the position `at`. It may still catch up.
#[derive(Clone, Copy, Debug)]
struct Stall {
    at: u64,
    /// How long it stood still, in samples.
    missing: i64,
}

/// Watches the cycles of one recording.
#[derive(Debug, Default)]
pub(super) struct GapFinder {
    last: Option<Cycle>,
    stall: Option<Stall>,
    found: VecDeque<(u64, Missing)>,
}

impl GapFinder {
    /// Takes the next cycle.
    pub(super) fn take(&mut self, cycle: Cycle) {
        let Some(last) = self.last else {
            self.last = Some(cycle);
            return;
        };
        // This cycle brought nothing. Its samples may come with the next one.
        if cycle.at == last.at {
            return;
        }
        self.last = Some(cycle);
        let came = count(cycle.at - last.at);
        let time = i128::from(cycle.now) - i128::from(last.now);
        let time = rounded(time * i128::from(SAMPLE_RATE), 1_000_000_000);
        let advanced = (cycle.rate == last.rate && cycle.rate > 0)
            .then(|| i128::from(cycle.ticks) - i128::from(last.ticks))
            .map(|ticks| rounded(ticks * i128::from(SAMPLE_RATE), i128::from(cycle.rate)))
            // A new driver counts ticks from another start. Then only the time counts.
            .filter(|&advanced| (0..=time.max(came) + LATE).contains(&advanced));
        let not_taken = advanced.map_or(0, |advanced| advanced - came);
        // A difference of half a cycle or more counts as a missed cycle.
        let not_taken = if not_taken > SLACK.max(came / 2) { not_taken } else { 0 };
        if not_taken > 0 {
            self.found(cycle.at, not_taken, GapCause::NotTaken);
        }
        self.stood_still(cycle.at, time - (came + not_taken).max(advanced.unwrap_or(0)));
    }

    /// Updates the stall. `late` is by how much longer a cycle took than its sound, in samples. It
    /// is negative when the driver catches up.
    fn stood_still(&mut self, at: u64, late: i64) {
        match &mut self.stall {
            Some(stall) => {
                stall.missing += late;
                if at >= stall.at + CATCHING_UP || stall.missing < LATE {
                    self.settle();
                }
            }
            None if late >= LATE => self.stall = Some(Stall { at, missing: late }),
            None => {}
        }
    }

    /// Ends the recording: no cycle follows, so a gap that is open now stays.
    pub(super) fn settle(&mut self) {
        if let Some(stall) = self.stall.take()
            && stall.missing >= LATE
        {
            self.found(stall.at, stall.missing, GapCause::NotGiven);
        }
    }

    fn found(&mut self, at: u64, samples: i64, cause: GapCause) {
        let gap = Missing { samples: samples.unsigned_abs(), cause };
        // A stall is settled later than gaps that lie behind it.
        let place = self.found.partition_point(|&(other, _)| other <= at);
        self.found.insert(place, (at, gap));
    }

    /// Returns the next gap that lies before this position and was not reported yet.
    pub(super) fn next_before(&mut self, position: u64) -> Option<Missing> {
        let is_reached = self.found.front().is_some_and(|&(at, _)| at <= position);
        if is_reached { self.found.pop_front().map(|(_, gap)| gap) } else { None }
    }

    /// Returns the position until which samples may be passed on: the next gap, or a stall that is
    /// not settled.
    pub(super) fn clear_until(&self) -> Option<u64> {
        let gap = self.found.front().map(|&(at, _)| at);
        let stall = self.stall.map(|stall| stall.at);
        gap.into_iter().chain(stall).min()
    }
}

fn count(samples: u64) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX)
}

/// Returns `dividend` / `divisor`, rounded. Cut-off remainders would add up over many cycles.
fn rounded(dividend: i128, divisor: i128) -> i64 {
    let samples = (dividend + divisor / 2).div_euclid(divisor);
    i64::try_from(samples).unwrap_or(if samples < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const MS: i64 = 1_000_000;

    /// A graph that the test advances cycle by cycle.
    struct Graph {
        finder: GapFinder,
        cycle: Cycle,
        quantum: u64,
        told: Vec<(u64, Missing)>,
        position: u64,
    }

    impl Graph {
        fn new(quantum: u64) -> Self {
            let cycle = Cycle { at: 0, ticks: 7_000, rate: RATE, now: 5_000 * MS };
            let mut finder = GapFinder::default();
            finder.take(cycle);
            Self { finder, cycle, quantum, told: Vec::new(), position: 0 }
        }

        fn samples(&self) -> u64 {
            // Rounds like a resampler.
            (self.cycle.ticks + self.quantum) / 3 - self.cycle.ticks / 3
        }

        fn duration(&self) -> Nanos {
            i64::try_from(self.quantum * 1_000_000_000 / u64::from(RATE)).unwrap()
        }

        /// Advances the graph: this cycle's samples come, and the next cycle begins on time.
        fn goes_on(&mut self, cycles: usize) {
            for _ in 0..cycles {
                self.cycle.at += self.samples();
                self.cycle.ticks += self.quantum;
                self.cycle.now += self.duration();
                self.next();
            }
        }

        /// Skips cycles. The last cycle's samples come, and the next cycle that we see is `cycles`
        /// later.
        fn missed(&mut self, cycles: u64) {
            self.cycle.at += self.samples();
            self.cycle.ticks += self.quantum * (cycles + 1);
            self.cycle.now += self.duration() * i64::try_from(cycles + 1).unwrap();
            self.next();
        }

        /// Makes the driver stand still before the next cycle.
        fn stalls(&mut self, time: Nanos) {
            self.cycle.now += time;
            self.goes_on(1);
        }

        fn next(&mut self) {
            self.finder.take(self.cycle);
            self.read();
        }

        /// Reads as the ring's reader does.
        fn read(&mut self) {
            loop {
                let until = self.finder.clear_until().unwrap_or(u64::MAX);
                self.position = self.cycle.at.min(until);
                match self.finder.next_before(self.position) {
                    Some(gap) => self.told.push((self.position, gap)),
                    None => break,
                }
            }
        }
    }

    /// Asserts these gaps. Each length may differ by a cycle's rounding.
    #[track_caller]
    fn assert_told(graph: &Graph, told: &[(u64, Missing)]) {
        assert_eq!(graph.told.len(), told.len(), "{:?}", graph.told);
        for ((at, missing), (wanted_at, wanted)) in graph.told.iter().zip(told) {
            assert_eq!((at, missing.cause), (wanted_at, wanted.cause));
            assert!(missing.samples.abs_diff(wanted.samples) <= 20, "{missing:?}");
        }
    }

    fn gap(samples: u64, cause: GapCause) -> Missing {
        Missing { samples, cause }
    }

    #[test]
    fn a_steady_graph_has_no_gaps_whatever_its_quantum() {
        for quantum in [32, 256, 1024, 8192] {
            let mut graph = Graph::new(quantum);
            graph.goes_on(2_000);
            graph.quantum = 1024;
            graph.goes_on(50);
            graph.quantum = quantum;
            graph.goes_on(50);
            assert_eq!(graph.told, []);
            assert_eq!(graph.position, graph.cycle.at, "nothing is held back");
        }
    }

    #[test]
    fn cycles_that_passed_without_us_are_told_at_once_and_where() {
        let mut graph = Graph::new(1024);
        graph.goes_on(30);
        graph.missed(56);
        let place = graph.cycle.at;
        assert_told(&graph, &[(place, gap(56 * 1024 / 3, GapCause::NotTaken))]);
        graph.goes_on(100);
        graph.missed(1);
        assert_eq!(graph.told.len(), 2);
        assert_told(
            &graph,
            &[
                (place, gap(19_114, GapCause::NotTaken)),
                (graph.told[1].0, gap(341, GapCause::NotTaken)),
            ],
        );
        assert_eq!(graph.position, graph.cycle.at);
    }

    #[test]
    fn a_cycle_of_a_small_quantum_is_missed_too() {
        let mut graph = Graph::new(256);
        graph.goes_on(30);
        graph.missed(2);
        assert_eq!(graph.told.len(), 1);
        assert_told(&graph, &[(graph.cycle.at, gap(171, GapCause::NotTaken))]);
    }

    #[test]
    fn a_driver_that_stood_still_is_told_once_it_has_not_caught_up() {
        let mut graph = Graph::new(1024);
        graph.goes_on(30);
        graph.stalls(1_200 * MS);
        let place = graph.cycle.at;
        graph.goes_on(10);
        assert_eq!((graph.told.len(), graph.position), (0, place), "held back");
        graph.goes_on(10);
        assert_told(&graph, &[(place, gap(19_200, GapCause::NotGiven))]);
        assert_eq!(graph.position, graph.cycle.at);
    }

    #[test]
    fn a_driver_that_catches_up_has_lost_nothing() {
        let mut graph = Graph::new(1024);
        graph.goes_on(30);
        graph.stalls(200 * MS);
        for _ in 0..10 {
            // Twice as fast.
            graph.cycle.now -= 20 * MS;
            graph.goes_on(1);
        }
        assert_eq!((&graph.told[..], graph.position), (&[][..], graph.cycle.at));
        graph.goes_on(100);
        assert_eq!(graph.told, []);
    }

    #[test]
    fn the_recordings_end_settles_what_is_open() {
        let mut graph = Graph::new(1024);
        graph.goes_on(30);
        graph.stalls(100 * MS);
        let place = graph.cycle.at;
        graph.goes_on(2);
        graph.finder.settle();
        graph.read();
        assert_told(&graph, &[(place, gap(1_600, GapCause::NotGiven))]);
    }

    #[test]
    fn late_timers_are_not_gaps() {
        let mut graph = Graph::new(1024);
        for late in [5, 19, 12, 3, 18] {
            graph.goes_on(7);
            graph.stalls(late * MS);
            graph.cycle.now -= late * MS;
            graph.goes_on(1);
        }
        graph.goes_on(30);
        assert_eq!(graph.told, []);
    }

    #[test]
    fn a_cycle_without_samples_whose_samples_come_later_is_no_gap() {
        let mut graph = Graph::new(1024);
        graph.goes_on(10);
        let samples = graph.samples();
        graph.cycle.at += samples;
        for _ in 0..2 {
            graph.cycle.ticks += 1024;
            graph.cycle.now += graph.duration();
            graph.next();
        }
        graph.cycle.at += 2 * samples;
        graph.cycle.ticks += 1024;
        graph.cycle.now += graph.duration();
        graph.next();
        graph.goes_on(30);
        assert_eq!(graph.told, []);
    }

    #[test]
    fn another_driver_with_another_clock_is_no_gap() {
        let mut graph = Graph::new(1024);
        graph.goes_on(10);
        graph.cycle.ticks = 900_000_000;
        graph.goes_on(10);
        graph.cycle.ticks = 3;
        graph.goes_on(40);
        assert_eq!(graph.told, []);
        // The time reveals a standstill during the change of drivers.
        graph.cycle.ticks = 77;
        graph.stalls(500 * MS);
        graph.goes_on(30);
        assert_told(&graph, &[(graph.told[0].0, gap(8_000, GapCause::NotGiven))]);
    }
}
