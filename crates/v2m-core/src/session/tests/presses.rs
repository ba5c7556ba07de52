//! Tests of a shortcut's presses: taps, holds and their repeats.

use super::*;
use std::collections::HashSet;

/// A session with a simulated shortcut. Timers run when they are due.
struct Desk {
    session: Session,
    now: Duration,
    hand: Option<Duration>,
    presses: u64,
    effects: Vec<Effect>,
}

impl Desk {
    fn new(trigger: TriggerMode) -> Self {
        let session = Session::new(SessionLimits { trigger, ..LIMITS }, 1);
        let now = Duration::from_secs(100);
        let mut desk = Self { session, now, hand: None, presses: 0, effects: Vec::new() };
        desk.event(Event::Engine(EngineState::Warm, None));
        desk.effects.clear();
        desk
    }

    fn event(&mut self, event: Event) {
        for effect in self.session.handle(event, self.now) {
            match effect {
                Effect::Arm(Timer::Hand, after) => self.hand = Some(self.now + after),
                Effect::Disarm(Timer::Hand) => self.hand = None,
                effect => self.effects.push(effect),
            }
        }
    }

    /// Sends the commands of a press at these times, in milliseconds after it, and nothing more.
    fn press(&mut self, arrivals: impl IntoIterator<Item = u64>) {
        let down = self.now;
        for ms in arrivals {
            self.until(down + Duration::from_millis(ms));
            self.presses += 1;
            let ticket = Ticket(self.presses);
            self.event(Event::Command { asker: ticket.into(), command: Command::Toggle });
        }
        self.until(down + Duration::from_secs(8));
    }

    /// Lets time pass.
    fn until(&mut self, at: Duration) {
        while let Some(due) = self.hand.take_if(|due| *due <= at) {
            self.now = due;
            self.event(Event::Elapsed(Timer::Hand));
        }
        self.now = self.now.max(at);
    }

    /// Sends a single press and then waits.
    fn tap(&mut self, ms: u64) {
        self.presses += 1;
        self.event(Event::Command { asker: Ticket(self.presses).into(), command: Command::Toggle });
        self.until(self.now + Duration::from_millis(ms));
    }

    fn deliveries(&self) -> usize {
        self.count(|e| matches!(e, Effect::Deliver(..)))
    }

    /// Sends an event of an older dictation: `age` is how many were started after it.
    fn older(&mut self, age: u32, event: JobEvent) {
        let JobId(newest) = self.session.newest().unwrap();
        self.event(Event::Job(JobId(newest - age), event));
    }

    fn job(&mut self, event: JobEvent) {
        let job = self.session.newest().unwrap_or(JobId(0));
        self.event(Event::Job(job, event));
    }

    /// Finishes a dictation from stop to idle.
    fn text(&mut self) {
        self.job(JobEvent::CaptureEnded(heard(16_000)));
        self.job(JobEvent::Transcribed(transcript("words")));
        self.job(JobEvent::Delivered(vec![delivery(true)]));
    }

    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn starts_and_stops(&self) -> (usize, usize) {
        (
            self.count(|e| matches!(e, Effect::StartCapture(_))),
            self.count(|e| matches!(e, Effect::StopCapture(_))),
        )
    }

    fn answered(&self) -> HashSet<Ticket> {
        replies(&self.effects).into_iter().map(|(ticket, _)| ticket).collect()
    }
}

/// Arrivals as measured on GNOME: at once, after 500 ms, then every 30 ms.
fn held() -> impl Iterator<Item = u64> {
    [7].into_iter().chain((0..50).map(|n| 508 + n * 30))
}

#[test]
fn a_held_key_records_until_it_is_let_go() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (1, 1));
    let open: Vec<_> =
        (1..=desk.presses).filter(|n| !desk.answered().contains(&Ticket(*n))).collect();
    assert!(
        open.is_empty(),
        "{open:?}: the command of a held key must not pile up: each is answered"
    );
    desk.text();
    assert_eq!(desk.count(|e| matches!(e, Effect::Deliver(..))), 1);
}

#[test]
fn a_held_key_is_one_tap_where_taps_are_wanted() {
    let mut desk = Desk::new(TriggerMode::Toggle);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (1, 0));
    desk.job(JobEvent::CaptureStarted);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (2, 1));
    assert_eq!(desk.count(|e| *e == Effect::Discard(JobId(2))), 1, "unheard");
}

#[test]
fn taps_toggle_and_a_key_held_too_long_for_the_stop_starts_nothing() {
    for trigger in [TriggerMode::Auto, TriggerMode::Toggle] {
        let mut desk = Desk::new(trigger);
        desk.press([7]);
        desk.job(JobEvent::CaptureStarted);
        assert_eq!(desk.starts_and_stops(), (1, 0));
        desk.press(held());
        // The first repeat might have been a press of its own. Its recording is dropped.
        assert_eq!(desk.starts_and_stops(), (2, 1));
        assert_eq!(desk.count(|e| *e == Effect::Discard(JobId(2))), 1);
        assert_eq!(desk.count(|e| *e == Effect::Show(Notice::Recording)), 1);
        assert_eq!(desk.session.state(), State::Transcribing);
    }
}

/// The text arrived before the first repeat of the press that requested it.
#[test]
fn repeats_that_find_it_idle_leave_no_recording() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7]);
    desk.job(JobEvent::CaptureStarted);
    let stop = Event::Command { asker: Ticket(900).into(), command: Command::Toggle };
    desk.event(stop);
    desk.text();
    assert_eq!(desk.session.state(), State::Idle);
    desk.press(held().skip(1));
    assert_eq!(desk.session.state(), State::Idle);
    let (starts, stops) = desk.starts_and_stops();
    let dropped = desk.count(|e| matches!(e, Effect::Discard(_)));
    assert_eq!((starts, stops, dropped), (2, 1, 1), "what the first repeat began is dropped");
    let cleared = desk.count(|e| matches!(e, Effect::Show(Notice::Nothing)));
    assert_eq!(cleared, 1, "what went on before the press has ended meanwhile");
}

#[test]
fn a_press_soon_after_the_last_text_records_from_its_first_moment() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7]);
    desk.job(JobEvent::CaptureStarted);
    desk.event(Event::Command { asker: Ticket(900).into(), command: Command::Toggle });
    desk.text();
    desk.now += Duration::from_millis(600);
    desk.event(Event::Command { asker: Ticket(901).into(), command: Command::Toggle });
    assert_eq!(desk.session.state(), State::Recording);
    desk.press([]);
    assert_eq!(desk.session.state(), State::Recording);
    assert_eq!(desk.count(|e| matches!(e, Effect::Discard(_))), 0);
}

#[test]
fn a_short_dictation_between_two_quick_taps_ends_at_the_second() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7, 800]);
    assert_eq!(desk.starts_and_stops(), (1, 1));
    desk.text();
    assert_eq!(desk.answered().len(), 2);
}

#[test]
fn twenty_five_presses_a_second_are_one() {
    let mut desk = Desk::new(TriggerMode::Toggle);
    desk.press((0..50).map(|n| n * 40));
    assert_eq!(desk.starts_and_stops(), (1, 0));
}

#[test]
fn letting_go_ends_only_the_recording_that_the_press_began() {
    let mut desk = Desk::new(TriggerMode::Auto);
    let begin = held().collect::<Vec<_>>();
    // The recording is cancelled and started again by other means while the key is down.
    for (n, ms) in begin.iter().enumerate() {
        desk.now = Duration::from_secs(100) + Duration::from_millis(*ms);
        if n == 20 {
            desk.event(Event::Command { asker: Ticket(900).into(), command: Command::Cancel });
            desk.event(Event::Command { asker: Ticket(901).into(), command: Command::Start });
        }
        desk.event(Event::Command { asker: Ticket(n as u64).into(), command: Command::Toggle });
    }
    desk.press([]);
    assert_eq!(desk.starts_and_stops(), (2, 0));
}

#[test]
fn in_hold_mode_a_tap_is_a_short_hold() {
    let mut desk = Desk::new(TriggerMode::Hold);
    desk.press([7]);
    assert_eq!(desk.starts_and_stops(), (1, 1));
}

#[test]
fn taps_follow_one_another_without_waiting_for_texts() {
    let mut desk = Desk::new(TriggerMode::Auto);
    for _ in 0..3 {
        desk.tap(3_000);
        desk.job(JobEvent::CaptureStarted);
        desk.tap(3_000);
        desk.job(JobEvent::CaptureEnded(heard(16_000)));
    }
    assert_eq!(desk.starts_and_stops(), (3, 3));
    assert_eq!(desk.session.pending(), 3);
    for age in (0..3).rev() {
        desk.older(age, JobEvent::Transcribed(transcript("words")));
        desk.older(age, JobEvent::Delivered(vec![delivery(true)]));
    }
    assert_eq!((desk.deliveries(), desk.answered().len()), (3, 6));
}

#[test]
fn a_press_soon_after_the_stop_records_from_its_first_moment_and_is_announced_once_it_is_sure() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.tap(3_000);
    desk.job(JobEvent::CaptureStarted);
    desk.tap(600);
    desk.job(JobEvent::CaptureEnded(heard(16_000)));
    desk.tap(50);
    assert_eq!(desk.starts_and_stops(), (2, 1), "what is said now is heard");
    let shown = |e: &Effect| *e == Effect::Show(Notice::Recording);
    desk.job(JobEvent::CaptureStarted);
    assert_eq!((desk.count(shown), desk.answered().len()), (1, 1), "it may be a repeat");
    desk.until(desk.now + Duration::from_millis(200));
    assert_eq!((desk.count(shown), desk.answered().len()), (2, 2));
    assert_eq!(desk.count(|e| matches!(e, Effect::Discard(_))), 0);
}

/// Keys that v2m presses for the user while a shortcut is held go astray.
#[test]
fn a_text_waits_while_the_key_is_held_for_the_next_dictation() {
    for trigger in [TriggerMode::Auto, TriggerMode::Hold, TriggerMode::Toggle] {
        let mut desk = Desk::new(trigger);
        desk.event(Event::Command { asker: Ticket(900).into(), command: Command::Start });
        desk.job(JobEvent::CaptureStarted);
        desk.event(Event::Command { asker: Ticket(901).into(), command: Command::Stop });
        desk.job(JobEvent::CaptureEnded(heard(16_000)));
        let down = desk.now;
        for (n, ms) in held().enumerate() {
            desk.until(down + Duration::from_millis(ms));
            desk.event(Event::Command { asker: Ticket(n as u64).into(), command: Command::Toggle });
            if n == 10 {
                desk.older(1, JobEvent::Transcribed(transcript("first")));
            }
        }
        assert_eq!(desk.deliveries(), 0, "{trigger:?}: the key is down");
        desk.until(desk.now + Duration::from_secs(1));
        assert_eq!(desk.deliveries(), 1, "{trigger:?}: it was let go");
        let stops = if trigger == TriggerMode::Toggle { 1 } else { 2 };
        assert_eq!(desk.starts_and_stops(), (2, stops));
    }
}

#[test]
fn a_text_waits_until_a_press_is_known_to_be_a_tap_and_no_longer() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.tap(3_000);
    desk.job(JobEvent::CaptureStarted);
    desk.tap(3_000);
    desk.job(JobEvent::CaptureEnded(heard(16_000)));
    desk.tap(100);
    desk.older(1, JobEvent::Transcribed(transcript("first")));
    assert_eq!(desk.deliveries(), 0);
    desk.until(desk.now + Duration::from_millis(1_000));
    assert_eq!(desk.deliveries(), 0);
    desk.until(desk.now + Duration::from_millis(200));
    assert_eq!(desk.deliveries(), 1);
    assert_eq!(desk.session.state(), State::Recording);
}

/// Regression: the finished text after it waited until the new recording was stopped.
#[test]
fn a_sentence_that_fails_after_a_press_holds_no_text_up() {
    let mut desk = Desk::new(TriggerMode::Auto);
    let wishes = Wishes { continuous: true, ..Wishes::default() };
    let asker = Asker { wishes, ..Ticket(900).into() };
    desk.event(Event::Command { asker, command: Command::Start });
    desk.job(JobEvent::CaptureStarted);
    desk.job(JobEvent::SentenceOver(16_000, heard(16_000)));
    desk.event(Event::Command { asker: Ticket(901).into(), command: Command::Stop });
    desk.job(JobEvent::CaptureEnded(heard(16_000)));
    desk.job(JobEvent::Transcribed(transcript("B.")));
    desk.tap(100);
    desk.older(2, JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "it died")));
    assert_eq!(desk.deliveries(), 0, "the key may be down");
    desk.until(desk.now + Duration::from_millis(1_200));
    assert_eq!(desk.deliveries(), 1);
    desk.older(1, JobEvent::Delivered(vec![delivery(true)]));
    assert!(desk.answered().contains(&Ticket(901)));
}

#[test]
fn the_press_that_stops_holds_no_text_up() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.tap(3_000);
    desk.job(JobEvent::CaptureStarted);
    desk.tap(10);
    desk.job(JobEvent::CaptureEnded(heard(16_000)));
    desk.job(JobEvent::Transcribed(transcript("words")));
    assert_eq!(desk.deliveries(), 1);
}

/// Regression: the answer was `busy`, or the press started an unwanted recording.
#[test]
fn a_press_for_a_recording_that_ends_by_itself_meanwhile_is_its_stop() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.tap(700);
    desk.job(JobEvent::CaptureStarted);
    desk.tap(50);
    desk.job(JobEvent::CaptureEnded(heard(16_000)));
    desk.until(desk.now + Duration::from_secs(2));
    assert_eq!(desk.starts_and_stops().0, 1);
    desk.job(JobEvent::Transcribed(transcript("words")));
    desk.job(JobEvent::Delivered(vec![delivery(true)]));
    assert_eq!(desk.answered().len(), 2, "it gets the text");
}

#[test]
fn a_stop_key_held_too_long_where_no_more_can_wait_is_no_refusal() {
    let mut desk = Desk::new(TriggerMode::Auto);
    for _ in 0..super::commands::MOST_PENDING {
        desk.tap(3_000);
        desk.job(JobEvent::CaptureStarted);
        desk.press(held());
        desk.job(JobEvent::CaptureEnded(heard(16_000)));
    }
    assert_eq!(desk.count(|e| matches!(e, Effect::Show(Notice::Problem(_)))), 0);
    desk.tap(3_000);
    assert_eq!(desk.count(|e| matches!(e, Effect::Show(Notice::Problem(_)))), 1);
}
