//! Checks of the running service, through its socket like any client.

use super::Finding::{self, Bad, Good, Poor};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, Response, ResponseStatus};
use v2m_ipc::remote;
use v2m_messages::tr;
use v2m_models::paths;

/// Interval between two checks of a loading model.
const LOOK: Duration = Duration::from_millis(200);
/// Time limit for loading. The largest models load in about a minute from a slow disk.
const LOADING: Duration = Duration::from_secs(180);
/// Time limit, more than enough for the service to notice a new model or a changed configuration.
const NOTICING: Duration = Duration::from_secs(5);
/// Minimum share of the sample's words in the text: the smallest model recognises them all, and a
/// broken one none.
const ENOUGH: f64 = 0.8;

/// What the service recognises in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Words {
        language: String,
        text: String,
    },
    Nothing,
    /// It was not transcribed, for this reason.
    Problem(String),
}

/// The connection, once there is one.
#[derive(Debug, Default)]
pub(super) struct ServiceCheck(Option<Client>);

impl ServiceCheck {
    pub(super) fn ping(&mut self) -> Finding {
        let before = Instant::now();
        let answered = Client::connect().and_then(|mut client| {
            client.request(&Command::Ping)?;
            self.0 = Some(client);
            Ok(())
        });
        match answered {
            Ok(()) => {
                Good(tr!("the service answers after {ms} ms", ms = before.elapsed().as_millis()))
            }
            Err(error) => Bad(tr!("{error}. See: journalctl --user -u v2m -n 20", error)),
        }
    }

    pub(super) fn engine(&mut self) -> Finding {
        let Some(client) = self.0.as_mut() else {
            return Bad(tr!("the service does not answer").into());
        };
        let engine = match warm(client, None) {
            Ok(engine) => engine,
            Err(problem) => return Bad(problem),
        };
        let field = |name: &str| engine[name].as_str().unwrap_or("?").to_owned();
        let works = match engine["state"].as_str() {
            Some("unloaded") => tr!(
                "{model} is unloaded, because it was not used for a while (engine.unload_after); \
                 the next dictation loads it",
                model = field("model")
            ),
            _ => tr!(
                "{model} on {backend} ({device}), loaded in {ms} ms",
                model = field("model"),
                backend = field("backend"),
                device = field("device"),
                ms = engine["loaded_in_ms"]
            ),
        };
        with_notes(works, &engine)
    }

    pub(super) fn sample(&mut self) -> Finding {
        let (Ok(sound), Ok(words)) =
            (paths::resolve_asset(paths::SAMPLE.0), paths::resolve_asset(paths::SAMPLE.1))
        else {
            return Bad(
                tr!("the sample recording is not installed: run `make install` again").into()
            );
        };
        let expected = match std::fs::read_to_string(&words) {
            Ok(text) => text,
            Err(error) => {
                return Bad(tr!("reading {path}: {error}", path = words.display(), error));
            }
        };
        let before = Instant::now();
        let command =
            Command::TranscribeFile { file_path: sound.display().to_string(), track: None };
        let answer = match self.ask(&command) {
            Ok(answer) => answer,
            Err(problem) => return Bad(problem),
        };
        let seconds = answer.data["seconds"].as_f64().unwrap_or(0.0);
        let took = before.elapsed().as_secs_f64();
        let text = answer.data["text"].as_str().unwrap_or("");
        let share = heard(&expected, text);
        let said = tr!(
            "{seconds} s of speech in {took} s: “{text}”",
            seconds = format_args!("{seconds:.0}"),
            took = format_args!("{took:.1}"),
            text
        );
        if share >= ENOUGH {
            Good(said)
        } else {
            let percent = share * 100.0;
            Bad(tr!(
                "{said}; {percent} % of the words are right. Check the model (v2m-model verify), and \
                 engine.language, which must allow English for this recording",
                said,
                percent = format_args!("{percent:.0}")
            ))
        }
    }

    /// Returns what the service recognises in a sound file.
    pub(super) fn hears(&mut self, file: &Path) -> Heard {
        let command =
            Command::TranscribeFile { file_path: file.display().to_string(), track: None };
        let Some(client) = self.0.as_mut() else {
            return Heard::Problem(tr!("the service does not answer").into());
        };
        let answer = match client.request(&command) {
            Ok(answer) => answer,
            Err(error) => return Heard::Problem(error.to_string()),
        };
        let word = |key: &str| answer.data[key].as_str().unwrap_or("?").to_owned();
        match (answer.status, answer.code.as_deref()) {
            (ResponseStatus::Success, _) => {
                Heard::Words { language: word("language"), text: word("text") }
            }
            (_, Some("no_speech")) => Heard::Nothing,
            _ => Heard::Problem(answer.error.unwrap_or_else(|| tr!("it gave no reason").into())),
        }
    }

    /// Returns how recording has worked since the service started.
    pub(super) fn recording(&mut self) -> Finding {
        match self.ask(&Command::GetStatus) {
            Ok(status) => recorded(&status.data["capture"]),
            Err(problem) => Bad(problem),
        }
    }

    fn ask(&mut self, command: &Command) -> Result<Response, String> {
        ask(self.0.as_mut().ok_or(tr!("the service does not answer"))?, command)
    }
}

fn ask(client: &mut Client, command: &Command) -> Result<Response, String> {
    let answer = client.request(command).map_err(|error| error.to_string())?;
    match answer.status {
        ResponseStatus::Success => Ok(answer),
        _ => Err(answer.error.unwrap_or_else(|| tr!("it gave no reason").into())),
    }
}

/// Waits until the recogniser is ready, and returns its status. `model`: a model selected just now,
/// which the service needs a moment to notice. Bounded: three minutes.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn warm(client: &mut Client, model: Option<&str>) -> Result<Value, String> {
    let (end, soon) = (Instant::now() + LOADING, Instant::now() + NOTICING);
    loop {
        let status = ask(client, &Command::GetStatus)?.data;
        let engine = &status["engine"];
        let is_other = model.is_some_and(|name| engine["model"].as_str() != Some(name));
        match engine["state"].as_str() {
            Some("loading") if Instant::now() < end => {}
            Some("warm" | "unloaded") if !is_other => return Ok(engine.clone()),
            _ if model.is_some() && Instant::now() < soon => {}
            state => {
                let problem = status["problem"]["error"].as_str();
                return Err(problem.map_or_else(|| in_state(state), str::to_owned));
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// Describes the state of a recogniser that cannot be used.
fn in_state(state: Option<&str>) -> String {
    match state {
        Some("absent") => tr!("it is absent").to_owned(),
        Some("loading") => tr!("it is loading").to_owned(),
        Some("failed") => tr!("it is failed").to_owned(),
        Some(state) => tr!("it is {state}", state),
        None => tr!("it is in no known state").to_owned(),
    }
}

/// Returns the finding from the status of recording; nothing before the first one.
fn recorded(capture: &Value) -> Finding {
    let gaps = capture["gaps"].as_u64().unwrap_or_default();
    let missing = capture["missing_s"].as_f64().unwrap_or_default();
    let told = match gaps {
        0 => tr!("nothing was missing since the service started").to_owned(),
        _ => tr!(
            "{seconds} s of sound were missing since the service started, in {n} place"
                | "{seconds} s of sound were missing since the service started, in {n} places"
                    % gaps,
            seconds = format_args!("{missing:.1}")
        ),
    };
    match (capture["realtime"].as_bool(), gaps) {
        (None, _) => Finding::None,
        (Some(true), 0) => Good(tr!("with real-time priority; {told}", told)),
        (Some(true), _) => {
            Poor(tr!("with real-time priority; {told}. See: journalctl --user -u v2m", told))
        }
        (Some(false), _) => Poor(tr!(
            "without real-time priority, so a busy machine can miss sound; {told}. Install rtkit and log in again",
            told
        )),
    }
}

/// Adds notes on settings that are not followed.
fn with_notes(works: String, engine: &Value) -> Finding {
    let unfollowed = engine["unfollowed"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let told = unfollowed.iter().fold(works, |told, setting| {
        let (key, reason) = (text(&setting["key"]), text(&setting["reason"]));
        match setting["prevents_recording"] == true {
            true => tr!("{told}; {key}: {reason}", told, key, reason),
            false => tr!("{told}; no effect: {key} ({reason})", told, key, reason),
        }
    });
    let told = with_server(told, engine);
    // If it has no effect, only that is said.
    let is_without = unfollowed.iter().any(|setting| setting["key"] == "engine.preview");
    let (told, is_previewed) = match is_without {
        true => (told, false),
        false => with_preview(told, &engine["preview"]),
    };
    match with_passed_over(told, engine) {
        Good(told) if !unfollowed.is_empty() || !is_previewed => Poor(told),
        other => other,
    }
}

/// Adds the preview model, if one is configured, and whether it works.
fn with_preview(works: String, preview: &Value) -> (String, bool) {
    let Some(model) = preview["model"].as_str() else { return (works, true) };
    match preview["problem"].as_str() {
        Some(reason) => (
            tr!(
                "{told}; {model} does not show words while you speak: {reason}",
                told = works,
                model,
                reason
            ),
            false,
        ),
        None => (tr!("{told}; {model} shows words while you speak", told = works, model), true),
    }
}

/// Adds the server that receives the sound.
fn with_server(works: String, engine: &Value) -> String {
    let Some(server) = engine["server"].as_str() else { return works };
    let mut passed_over = engine["passed_over"].as_array().into_iter().flatten();
    let is_used = !passed_over.any(|engine| engine["backend"] == "remote");
    let goes = remote::where_sound_goes(server, is_used);
    tr!("{told}; what you say {goes}", told = works, goes)
}

/// Adds the engines that are installed and preferred, but not used. For a GPU, the finding is poor.
fn with_passed_over(works: String, engine: &Value) -> Finding {
    let passed_over = engine["passed_over"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let told = passed_over.iter().fold(works, |told, engine| {
        tr!(
            "{told}; not used: {backend} ({reason})",
            told,
            backend = text(&engine["backend"]),
            reason = text(&engine["reason"])
        )
    });
    let gpus = passed_over.iter().any(|engine| !text(&engine["backend"]).starts_with("cpu"));
    if gpus { Poor(told) } else { Good(told) }
}

/// Returns the share (0–1) of `expected`'s words that are in `text`, each counted as often as it
/// occurs.
fn heard(expected: &str, text: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let expected = words(expected);
    let mut there: HashMap<String, usize> = HashMap::new();
    for word in words(text) {
        *there.entry(word).or_default() += 1;
    }
    let mut hits = 0_u32;
    for word in &expected {
        if let Some(count) = there.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            hits += 1;
        }
    }
    f64::from(hits) / expected.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn engines_that_are_not_used_are_named_and_a_gpu_among_them_is_a_warning() {
        let engine =
            |backend| json!({"passed_over": [{"backend": backend, "reason": "no driver"}]});
        let works = || "base on cpu".to_owned();
        assert_eq!(with_passed_over(works(), &json!({})), Good(works()));
        let told = "base on cpu; not used: cpu-v4 (no driver)".to_owned();
        assert_eq!(with_passed_over(works(), &engine("cpu-v4")), Good(told));
        let told = "base on cpu; not used: cuda (no driver)".to_owned();
        assert_eq!(with_passed_over(works(), &engine("cuda")), Poor(told));
    }

    #[test]
    fn the_place_that_the_sound_goes_to_is_told() {
        let used = json!({"server": "http://gpu.lan:80/v1"});
        let told = "m on remote; what you say goes to http://gpu.lan:80/v1, on another computer";
        assert_eq!(with_notes("m on remote".into(), &used), Good(told.into()));
        let passed = json!([{"backend": "remote", "reason": "away"}]);
        let away = json!({"server": "http://127.0.0.1:80/v1", "passed_over": passed});
        let Poor(told) = with_notes("m on cpu".into(), &away) else { panic!("no warning") };
        assert!(told.contains("stays on this computer while http://127.0.0.1:80/v1"), "{told}");
        assert!(told.contains("not used: remote (away)"), "{told}");
    }

    #[test]
    fn the_model_that_shows_words_is_told_and_its_failure_is_a_warning() {
        let with = |preview: Value| with_notes("m on cpu".into(), &json!({"preview": preview}));
        let told = "m on cpu; n shows words while you speak".to_owned();
        assert_eq!(with(json!({"model": "n", "state": "warm"})), Good(told));
        let told = "m on cpu; n does not show words while you speak: no file".to_owned();
        assert_eq!(
            with(json!({"model": "n", "state": "absent", "problem": "no file"})),
            Poor(told)
        );
        assert_eq!(with(Value::Null), Good("m on cpu".into()));
    }

    #[test]
    fn settings_that_the_model_cannot_follow_are_a_warning() {
        let engine = json!({"unfollowed": [{"key": "engine.vocabulary", "reason": "no words"}]});
        let told = "m on cpu; no effect: engine.vocabulary (no words)".to_owned();
        assert_eq!(with_notes("m on cpu".into(), &engine), Poor(told));
        assert_eq!(with_notes("m on cpu".into(), &json!({})), Good("m on cpu".into()));
        let engine = json!({"unfollowed": [
            {"key": "engine.language", "reason": "it is the reason", "prevents_recording": true}
        ]});
        let told = "m on cpu; engine.language: it is the reason".to_owned();
        assert_eq!(with_notes("m on cpu".into(), &engine), Poor(told));
    }

    /// Regression: one line said that the preview has no effect, and that it shows words.
    #[test]
    fn a_preview_without_effect_is_not_said_to_show_words() {
        let engine = json!({
            "preview": {"model": "n", "state": "unloaded"},
            "unfollowed": [{"key": "engine.preview", "reason": "only for English"}]
        });
        let told = "m on cpu; no effect: engine.preview (only for English)".to_owned();
        assert_eq!(with_notes("m on cpu".into(), &engine), Poor(told));
    }

    #[test]
    fn recording_is_told_after_the_first_one() {
        let capture = |realtime: Option<bool>, gaps: u32| {
            recorded(&json!({"realtime": realtime, "gaps": gaps, "missing_s": 1.25}))
        };
        assert_eq!(capture(None, 0), Finding::None);
        let well = "with real-time priority; nothing was missing since the service started";
        assert_eq!(capture(Some(true), 0), Good(well.into()));
        let Poor(told) = capture(Some(true), 2) else { panic!("gaps are not good") };
        assert!(
            told.contains("1.2 s of sound were missing") && told.contains("2 places"),
            "{told}"
        );
        let Poor(told) = capture(Some(false), 0) else { panic!("no priority is not good") };
        assert!(told.contains("Install rtkit"), "{told}");
        assert_eq!(recorded(&Value::Null), Finding::None, "of an older service");
    }

    #[test]
    fn words_are_compared_not_punctuation() {
        assert_eq!(heard("And so, my fellow Americans:", "and so my fellow americans"), 1.0);
        assert_eq!(heard("ask not what", "you you you"), 0.0);
        assert_eq!(heard("you you", "you"), 0.5);
    }
}
