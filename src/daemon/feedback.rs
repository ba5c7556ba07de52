//! What there is to hear of a dictation, read from what the session asks for: it needs no state of its own
//! for that. The sounds and the players are `crate::feedback`'s.

use super::Daemon;
use crate::feedback::{MediaPlayers, Sound, Speaker};
use crate::session::{Effect, Event, Notice, State};

/// What the daemon is heard by, and hears less beside.
#[derive(Debug)]
pub(super) struct Feedback {
    speaker: Speaker,
    players: MediaPlayers,
}

impl Feedback {
    /// Within a tokio runtime.
    pub(super) fn new() -> Self {
        Self { speaker: Speaker::spawn(), players: MediaPlayers::spawn(None) }
    }

    /// Lets media play again. Takes 2 s at most; then the last sound is heard out.
    pub(super) async fn end(self) {
        let Self { speaker, players } = self;
        players.finish().await;
        drop(speaker);
    }
}

impl Daemon {
    /// Once all has been done that the session asked for: nothing waits for this, and the stop of a
    /// recording comes before its sound.
    pub(super) fn give_feedback(&self, sound: Option<Sound>) {
        let settings = &self.settings.feedback;
        if let Some(sound) = sound.filter(|_| settings.sounds) {
            self.feedback.speaker.play(sound);
        }
        let recording = self.session.state() == State::Recording;
        self.feedback.players.quiet(recording && settings.pause_media);
    }
}

/// Whether what the session makes of `event` can have a sound: what becomes of the model is shown, and is
/// no dictation.
pub(super) fn concerns_dictation(event: &Event) -> bool {
    match event {
        Event::Engine(..) | Event::TextWork(_) => false,
        Event::Command { .. } | Event::Job(..) | Event::Elapsed(_) | Event::Terminate => true,
    }
}

/// The sound for what the session asks for, the most important one.
pub(super) fn sound_of(effects: &[Effect]) -> Option<Sound> {
    let any = |wanted: fn(&Effect) -> bool| effects.iter().any(wanted);
    let problem = |effect: &Effect| match effect {
        Effect::Show(Notice::Problem(_)) => true,
        // The text is there, and not as it was meant to be.
        Effect::Deliver(_, transcript) => !transcript.problems.is_empty(),
        _ => false,
    };
    if effects.iter().any(problem) {
        Some(Sound::Problem)
    } else if any(|effect| matches!(effect, Effect::Show(Notice::Recording))) {
        Some(Sound::Start)
    } else if any(|effect| matches!(effect, Effect::StopCapture(_)))
        // Cancelled by the user. What is kept took too long to stop, and had its sound; what nobody is shown was a
        // key held too long, and had none.
        || any(|effect| matches!(effect, Effect::CancelCapture(_)))
            && any(|effect| matches!(effect, Effect::Discard(_)))
            && any(|effect| matches!(effect, Effect::Show(_)))
    {
        Some(Sound::Stop)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{
        Code, Command, EngineState, Failure, Heard, JobEvent, JobId, Limits, Session, Ticket,
        Timer, Transcript, TriggerMode,
    };
    use std::time::Duration;

    const JOB: JobId = JobId(1);

    fn failure() -> Failure {
        Failure::new(Code::NoMicrophone, "The microphone is gone.")
    }

    fn command(command: Command) -> Event {
        Event::Command { ticket: Ticket(1), command }
    }

    fn heard(problem: Option<Failure>) -> Event {
        let heard = Heard { samples: 16_000, peak_dbfs: -10.0, problem };
        Event::Job(JOB, JobEvent::CaptureEnded(heard))
    }

    fn text(text: &str) -> Event {
        let transcript = Transcript {
            text: text.into(),
            unrefined: None,
            language: "en".into(),
            samples: 16_000,
            segments: Vec::new(),
            audio_path: None,
            deliveries: Vec::new(),
            problems: Vec::new(),
        };
        Event::Job(JOB, JobEvent::Transcribed(transcript))
    }

    /// What each of the events sounds like, in a session that had none before.
    fn sounds(events: impl IntoIterator<Item = Event>) -> Vec<Option<Sound>> {
        let longest = Duration::from_secs(600);
        let mut session = Session::new(Limits { longest, trigger: TriggerMode::Toggle }, JOB.0);
        let sound = |event: Event| {
            let concerned = concerns_dictation(&event);
            let effects = session.handle(event, Duration::ZERO);
            sound_of(&effects).filter(|_| concerned)
        };
        events.into_iter().map(sound).collect()
    }

    fn started() -> Event {
        Event::Job(JOB, JobEvent::CaptureStarted)
    }

    #[test]
    fn a_dictation_sounds_at_its_first_audio_and_at_its_stop() {
        let delivered = Event::Job(JOB, JobEvent::Delivered(Vec::new()));
        let events =
            [command(Command::Start), started(), command(Command::Stop), heard(None), text("hi")];
        let told = sounds(events.into_iter().chain([delivered]));
        assert_eq!(told, [None, Some(Sound::Start), Some(Sound::Stop), None, None, None]);
    }

    #[test]
    fn the_longest_length_and_the_end_of_the_service_stop_it_too() {
        for last in [Event::Elapsed(Timer::Longest(JOB)), Event::Terminate] {
            let told = sounds([command(Command::Start), started(), last]);
            assert_eq!(told[2], Some(Sound::Stop));
        }
    }

    #[test]
    fn a_cancelled_recording_stops_and_a_cancelled_transcription_is_silent() {
        let told = sounds([command(Command::Start), started(), command(Command::Cancel)]);
        assert_eq!(told[2], Some(Sound::Stop));
        let stop = command(Command::Stop);
        let events = [command(Command::Start), started(), stop, heard(None)];
        let told = sounds(events.into_iter().chain([command(Command::Cancel)]));
        assert_eq!(told[4], None);
    }

    #[test]
    fn each_of_two_dictations_has_its_sounds_and_so_has_a_refusal() {
        let stop = || command(Command::Stop);
        let next = |event| Event::Job(JobId(2), event);
        let told = sounds([
            command(Command::Start),
            started(),
            stop(),
            heard(None),
            command(Command::Start),
            next(JobEvent::CaptureStarted),
            text("the first"),
            command(Command::Cancel),
            Event::Job(JOB, JobEvent::Delivered(Vec::new())),
        ]);
        let (start, stop) = (Some(Sound::Start), Some(Sound::Stop));
        assert_eq!(told, [None, start, stop, None, None, start, None, stop, None]);
        let paused = sounds([command(Command::Pause), command(Command::Start)]);
        assert_eq!(paused, [None, Some(Sound::Problem)]);
    }

    #[test]
    fn a_dictation_that_comes_to_nothing_sounds_so() {
        let failed = Event::Job(JOB, JobEvent::CaptureFailed(failure()));
        assert_eq!(sounds([command(Command::Start), failed]), [None, Some(Sound::Problem)]);
        let broken = Event::Job(JOB, JobEvent::RecognitionFailed(failure()));
        for last in [broken, text("")] {
            let stop = command(Command::Stop);
            let told = sounds([command(Command::Start), started(), stop, heard(None), last]);
            assert_eq!(told[4], Some(Sound::Problem));
        }
    }

    #[test]
    fn a_microphone_that_vanishes_sounds_when_its_text_is_told_about() {
        let gone = heard(Some(failure()));
        let told = sounds([command(Command::Start), started(), gone, text("half a sen")]);
        assert_eq!(told[2..], [None, Some(Sound::Problem)]);
    }

    #[test]
    fn a_stop_that_hangs_sounds_once() {
        let overdue = Event::Elapsed(Timer::Drain(JOB));
        let told = sounds([command(Command::Start), started(), command(Command::Stop), overdue]);
        assert_eq!(told[2..], [Some(Sound::Stop), None]);
    }

    #[test]
    fn a_model_that_fails_is_silent_until_somebody_wants_to_speak() {
        let broken = Event::Engine(EngineState::Failed, Some(failure()));
        assert_eq!(sounds([broken, command(Command::Start)]), [None, Some(Sound::Problem)]);
    }
}
