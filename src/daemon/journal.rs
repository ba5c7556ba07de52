//! Journal messages about a dictation. The message is for people, the fields are for programs.
//! Neither contains dictated text. Messages are in English, except texts that users also see
//! elsewhere.

use crate::recognise::{Author, Recognition};
use crate::session::{Command, Delivery, State};
use std::time::Duration;
pub(super) use v2m_ipc::pcm::in_seconds as seconds;
use v2m_messages::verbatim;

/// Returns a command's name as on the command line.
pub(super) fn name(command: Command) -> &'static str {
    match command {
        Command::Start => "start",
        Command::Stop => "stop",
        Command::Toggle => "toggle",
        Command::Cancel => "cancel",
        Command::Pause => "pause",
        Command::Resume => "resume",
        Command::Shutdown => "shutdown",
    }
}

/// Returns the message for the state after a command or an event.
pub(super) fn doing(state: State) -> &'static str {
    verbatim!(match state {
        State::Idle => "idle",
        State::Recording => "recording",
        State::Transcribing => "transcribing",
        State::Processing => "waiting for the language model",
        State::Paused => "paused",
    })
}

/// Returns the message for a transcribed recording: the model, the engine, and the time since its
/// stop.
pub(super) fn transcribed(recognition: &Recognition, since_stop: Option<Duration>) -> String {
    let stats = &recognition.stats;
    let Author { engine, model } = &recognition.author;
    let mut line = verbatim!(format!(
        "transcribed {:.1} s of speech in {:.1} s",
        seconds(stats.samples),
        Duration::from_millis(stats.decode_ms).as_secs_f64(),
    ));
    line += &verbatim!(format!(" with {model} ({engine})"));
    if let Some(since_stop) = since_stop {
        line += &verbatim!(format!(", {:.1} s after the stop", since_stop.as_secs_f64()));
    }
    verbatim!(match stats.redone {
        0 => {}
        1 => line += "; one piece was decoded again",
        more => line += &format!("; {more} pieces were decoded again"),
    });
    verbatim!(match stats.failed {
        0 => {}
        1 => line += "; one piece could not be transcribed",
        more => line += &format!("; {more} pieces could not be transcribed"),
    });
    if recognition.attempts > 1 {
        line += &format!("; attempt {}", recognition.attempts);
    }
    line
}

/// Returns the message for a delivery. Each way that was tried is on a line of its own. `took`: the
/// total time of all of them.
pub(super) fn delivered(delivery: &Delivery, took: Option<Duration>) -> String {
    let Delivery { by, backend, ok, detail } = delivery;
    let done = verbatim!(match *by {
        "paste" => "pasted",
        "type" => "typed",
        "clipboard" => "put on the clipboard",
        "notification" if *ok => return "shown in a notification".to_owned(),
        "notification" => return format!("notification {detail}"),
        _ => return detail.clone(),
    });
    if !ok {
        return detail.clone();
    }
    let backend = backend.map(|backend| format!(" by {backend}")).unwrap_or_default();
    let took = took.map(|took| format!(" in {} ms", took.as_millis())).unwrap_or_default();
    let why = detail.split_once("; ").map(|(_, why)| format!("; {why}")).unwrap_or_default();
    format!("{done}{backend}{took}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_ipc::engine::DecodeStats;

    #[test]
    fn a_transcription_is_told_in_seconds_of_speech_and_of_work() {
        let stats = DecodeStats { samples: 78_400, decode_ms: 612, ..DecodeStats::default() };
        let mut recognition = Recognition {
            text: "hello".into(),
            language: "en".into(),
            segments: Vec::new(),
            stats,
            attempts: 1,
            author: Author { engine: "cpu-v4".into(), model: "base".into() },
        };
        let stop = Some(Duration::from_millis(230));
        let line = transcribed(&recognition, None);
        assert_eq!(line, "transcribed 4.9 s of speech in 0.6 s with base (cpu-v4)");
        recognition.stats.redone = 2;
        recognition.stats.failed = 1;
        recognition.attempts = 2;
        recognition.author.engine = "cuda".into();
        let line = transcribed(&recognition, stop);
        let told = "transcribed 4.9 s of speech in 0.6 s with base (cuda), 0.2 s after the stop; \
                    2 pieces were decoded again; one piece could not be transcribed; attempt 2";
        assert_eq!(line, told);
    }

    #[test]
    fn a_delivery_says_how_or_why_not() {
        let told = |by, backend, ok, detail: &str, ms| {
            let delivery = Delivery { by, backend, ok, detail: detail.into() };
            delivered(&delivery, Some(Duration::from_millis(ms)))
        };
        let pasted = told("paste", Some("mutter"), true, "pasted", 7);
        assert_eq!(pasted, "pasted by mutter in 7 ms");
        let kept = told("paste", Some("mutter"), false, "not pasted: keys were held", 2_000);
        assert_eq!(kept, "not pasted: keys were held");
        let copied = told("clipboard", None, true, "on the clipboard", 3);
        assert_eq!(copied, "put on the clipboard in 3 ms");
        let unseen = told("notification", None, false, "not shown: no bus", 3);
        assert_eq!(unseen, "notification not shown: no bus");
    }
}
