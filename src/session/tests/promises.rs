//! Random sequences, through which the session must keep its promises.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// One random thing that may happen.
#[derive(Clone, Debug)]
enum Step {
    Command(Command),
    /// To the running job (0), or to one that is over.
    Job(u32, JobEvent),
    Engine(EngineState),
    Longest,
    Drain,
    Rewrite,
    TextWork(bool),
    Hand,
}

fn step() -> impl Strategy<Value = Step> {
    use Command::*;
    let command = prop::sample::select(vec![Start, Stop, Toggle, Toggle, Cancel, Pause, Resume]);
    let event = prop::sample::select(vec![
        JobEvent::CaptureStarted,
        JobEvent::CaptureFailed(Failure::new(Code::NoMicrophone, "x")),
        JobEvent::CaptureEnded(heard(16_000)),
        JobEvent::CaptureEnded(heard(0)),
        JobEvent::Transcribed(transcript("words")),
        JobEvent::Transcribed(transcript("")),
        JobEvent::Drafted(transcript("draft"), WITHIN),
        JobEvent::Rewritten(Ok("rewritten".into())),
        JobEvent::Rewritten(Err(Failure::new(Code::LlmUnavailable, "x"))),
        JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "x")),
        JobEvent::Delivered(vec![delivery(true)]),
    ]);
    let engine =
        prop::sample::select(vec![EngineState::Loading, EngineState::Warm, EngineState::Absent]);
    prop_oneof![
        4 => command.prop_map(Step::Command),
        6 => (0_u32..2, event).prop_map(|(age, event)| Step::Job(age, event)),
        1 => engine.prop_map(Step::Engine),
        1 => Just(Step::Longest),
        1 => Just(Step::Drain),
        1 => Just(Step::Rewrite),
        1 => any::<bool>().prop_map(Step::TextWork),
        3 => Just(Step::Hand),
    ]
}

proptest! {
    /// Whatever happens: each request is answered exactly once, a job's number is used once, a
    /// recording that was heard is delivered, kept, or dropped by a cancel and never just forgotten.
    #[test]
    fn promises_hold_for_any_sequence(steps in prop::collection::vec((step(), 0_u64..900), 0..60)) {
        let mut session = Session::new(LIMITS, 1);
        let mut now = Duration::from_secs(10);
        let (mut asked, mut answered) = (0_u64, HashSet::new());
        let mut settled: HashSet<JobId> = HashSet::new();
        let mut started: HashSet<JobId> = HashSet::new();
        let mut inputs: Vec<(Event, u64)> = Vec::new();
        session.handle(Event::Engine(EngineState::Warm, None), now);
        for (step, ms) in steps {
            let job = session.job().unwrap_or(JobId(0));
            let event = match step {
                Step::Command(command) => {
                    asked += 1;
                    Event::Command { ticket: Ticket(asked), command }
                }
                Step::Job(age, event) => Event::Job(JobId(job.0.wrapping_sub(age)), event),
                Step::Engine(state) => Event::Engine(state, None),
                Step::Longest => Event::Elapsed(Timer::Longest(job)),
                Step::Drain => Event::Elapsed(Timer::Drain(job)),
                Step::Rewrite => Event::Elapsed(Timer::Rewrite(job)),
                Step::TextWork(under_way) => Event::TextWork(under_way),
                Step::Hand => Event::Elapsed(Timer::Hand),
            };
            inputs.push((event.clone(), ms));
            now += Duration::from_millis(ms);
            check(&mut session, event, now, &mut answered, &mut settled, &mut started)?;
        }
        asked += 1;
        let last = Event::Command { ticket: Ticket(asked), command: Command::Shutdown };
        check(&mut session, last, now, &mut answered, &mut settled, &mut started)?;
        let unsettled_at_end = session.job();
        let grace = Event::Elapsed(Timer::Grace);
        check(&mut session, grace, now, &mut answered, &mut settled, &mut started)?;
        prop_assert_eq!(answered.len() as u64, asked, "every request has its answer: {:?}", inputs);
        for job in started {
            prop_assert!(settled.contains(&job) || unsettled_at_end == Some(job), "{job:?} was forgotten");
        }
    }
}

fn check(
    session: &mut Session,
    event: Event,
    now: Duration,
    answered: &mut HashSet<Ticket>,
    settled: &mut HashSet<JobId>,
    started: &mut HashSet<JobId>,
) -> Result<(), TestCaseError> {
    for effect in session.handle(event, now) {
        match effect {
            Effect::Answer(ticket, _) => prop_assert!(answered.insert(ticket), "answered twice"),
            Effect::StartCapture(job) => {
                prop_assert!(started.insert(job), "a job's number is used once");
            }
            Effect::StopCapture(job) | Effect::CancelCapture(job) => {
                prop_assert!(started.contains(&job));
            }
            Effect::Keep(job, _) | Effect::Discard(job) => {
                prop_assert!(settled.insert(job), "one outcome for one job");
            }
            Effect::Abandon(_)
            | Effect::Transcribe(_)
            | Effect::Rewrite(..)
            | Effect::LeaveRewriting(_)
            | Effect::Deliver(..)
            | Effect::Show(_)
            | Effect::Publish(_)
            | Effect::Arm(..)
            | Effect::Disarm(_)
            | Effect::Exit => {}
        }
    }
    Ok(())
}
