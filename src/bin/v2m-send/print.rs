//! Formats answers and events for people. Programs use `--json`.
//!
//! Parsing is lenient: an older or newer service may omit or add members.

use crate::bar::clock;
use crate::config;
use crate::words;
use serde_json::Value;
use v2m_ipc::data::Event;
use v2m_ipc::message::Response;
use v2m_ipc::{plain, remote};
use v2m_messages::tr;

/// Formats a successful answer according to its content: steps of rules, a text, a status,
/// settings, a sentence, a state.
pub(crate) fn success(answer: &Response) -> String {
    let data = &answer.data;
    if let Some(steps) = data["steps"].as_array() {
        return rules(data, steps);
    }
    if let Some(text) = data.as_str().or_else(|| data["text"].as_str()) {
        return line(text);
    }
    if data.get("uptime_s").is_some() {
        return status(data);
    }
    if let Some(settings) = data.get("config") {
        return config::listing("", &config::own(settings));
    }
    match (data["message"].as_str(), data["state"].as_str()) {
        (Some(message), _) => line(message),
        (None, Some("SHUTTING_DOWN")) => {
            line(tr!("v2m is stopping; the next command starts it again"))
        }
        (None, Some(state)) => line(words::state(state)),
        (None, None) => line(&data.to_string()),
    }
}

/// Returns remarks on a success: problems, failed deliveries, and settings that have no effect.
pub(crate) fn remarks(answer: &Response) -> Vec<String> {
    let list = |key: &str| answer.data[key].as_array().map_or(&[][..], Vec::as_slice);
    let problems = list("problems").iter().map(|problem| word(&problem["error"]));
    let failed = list("deliveries").iter().filter(|delivery| delivery["ok"] == false);
    let undelivered =
        failed.map(|it| format!("{}: {}", words::way(&word(&it["by"])), word(&it["detail"])));
    let ignored = list("ignored").iter();
    let ignored = ignored.map(|one| {
        let (key, reason) = (word(&one["key"]), word(&one["reason"]));
        match one["prevents_recording"] == true {
            true => format!("{key}: {reason}"),
            false => tr!("{key} has no effect: {reason}", key, reason),
        }
    });
    problems.chain(undelivered).chain(ignored).collect()
}

/// Formats an error answer.
pub(crate) fn error(answer: &Response) -> String {
    let sentence = answer.error.as_deref();
    let sentence = sentence.unwrap_or(tr!("v2m answered an error without a reason"));
    match answer.data["audio_path"].as_str() {
        Some(path) if !sentence.contains(path) => {
            tr!("{sentence} (the recording: {path})", sentence, path)
        }
        Some(_) | None => sentence.to_owned(),
    }
}

/// Returns the text that an error answer still contains.
pub(crate) fn leftover(answer: &Response) -> String {
    answer.data["text"].as_str().map(line).unwrap_or_default()
}

/// Formats an event in one line.
pub(crate) fn event(event: &Event) -> String {
    line(&match event {
        Event::State { state, reason: Some(reason), .. } => {
            let (state, reason) = (words::state(state), plain::line(&reason.error));
            tr!("event" => "state {state} ({reason})", state, reason)
        }
        Event::State { state, .. } => {
            tr!("event" => "state {state}", state = words::state(state))
        }
        Event::TranscriptionUpdate { text, is_final: true, .. } => {
            tr!("event" => "text {text}", text)
        }
        Event::TranscriptionUpdate { text, is_final: false, .. } => {
            tr!("event" => "text {text} …", text)
        }
        Event::Heartbeat { timestamp, state } => {
            let (time, state) = (format!("{timestamp:.0}"), words::state(state));
            tr!("event" => "heartbeat {time} {state}", time, state)
        }
        Event::Level { dbfs, peak_dbfs: Some(peak) } => {
            let (level, peak) = (format!("{dbfs:.1}"), format!("{peak:.1}"));
            tr!("event" => "level {level} dBFS, peak {peak}", level, peak)
        }
        Event::Level { dbfs, peak_dbfs: None } => {
            tr!("event" => "level {level} dBFS", level = format_args!("{dbfs:.1}"))
        }
        Event::Engine { state, backend: Some(backend) } => {
            tr!("event" => "engine {state} on {backend}", state = words::engine(state), backend)
        }
        Event::Engine { state, backend: None } => {
            tr!("event" => "engine {state}", state = words::engine(state))
        }
        Event::Delivery { delivery, job: _ } => {
            let (way, detail) = (words::way(&delivery.by), &delivery.detail);
            if delivery.ok {
                tr!("event" => "delivery {way} ok: {detail}", way, detail)
            } else {
                tr!("event" => "delivery {way} failed: {detail}", way, detail)
            }
        }
        Event::Progress { file_path, seconds, of } => {
            let (seconds, all) = (format!("{seconds:.0}"), format!("{of:.0}"));
            tr!("event" => "progress {seconds} of {all} s: {path}", seconds, all, path = file_path)
        }
    })
}

/// Formats the recognised text, the result of each rule, and the final text, one per line: `
/// ` is a line break.
fn rules(data: &Value, steps: &[Value]) -> String {
    let heard = steps.first().map_or(&data["text"], |first| &first["before"]);
    let text = |value: &Value| word(value).replace('\n', "⏎");
    let mut lines = vec![
        (tr!("rules" => "language"), text(&data["language"])),
        (tr!("rules" => "heard"), text(heard)),
    ];
    for step in steps {
        lines.push((words::rule(step["rule"].as_str().unwrap_or("?")), text(&step["after"])));
    }
    lines.push((tr!("rules" => "text"), text(&data["text"])));
    let mut shown = table(&lines, 9);
    if data["applied"] == false {
        shown += tr!("Dictations are not treated so: text.refine is \"off\"");
        shown.push('\n');
    }
    shown
}

/// Formats names and values, one pair per line. The names take at least `width` columns.
fn table(lines: &[(&str, String)], width: usize) -> String {
    let longest = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let width = longest.max(width);
    lines.iter().map(|(name, value)| format!("{name:width$} {value}\n")).collect()
}

fn status(data: &Value) -> String {
    let (engine, ram) = (&data["engine"], &data["telemetry"]["ram"]);
    let (used, total) = (word(&ram["used_gb"]), word(&ram["total_gb"]));
    let mut lines = vec![
        (tr!("status" => "state"), state_words(data)),
        (tr!("status" => "language"), word(&data["language"])),
        (tr!("status" => "engine"), engine_words(engine)),
        (tr!("status" => "cpu"), format!("{} %", word(&data["cpu_usage"]))),
        (tr!("status" => "memory"), tr!("{used} of {total} GiB", used, total)),
    ];
    let preview = preview_words(&engine["preview"]);
    lines.extend(preview.map(|words| (tr!("status" => "preview"), words)));
    let passed_over = engine["passed_over"].as_array().map_or(&[][..], Vec::as_slice);
    lines.extend(passed_over.iter().map(|engine| {
        let told = format!("{}: {}", word(&engine["backend"]), word(&engine["reason"]));
        (tr!("status" => "unused"), told)
    }));
    if let Some(server) = engine["server"].as_str() {
        let used = !passed_over.iter().any(|engine| engine["backend"] == "remote");
        lines.push((tr!("status" => "sound"), remote::where_sound_goes(server, used)));
    }
    let unfollowed = engine["unfollowed"].as_array().map_or(&[][..], Vec::as_slice);
    lines.extend(unfollowed.iter().map(|setting| {
        let told = format!("{}: {}", word(&setting["key"]), word(&setting["reason"]));
        match setting["prevents_recording"] == true {
            true => (tr!("status" => "no recording"), told),
            false => (tr!("status" => "no effect"), told),
        }
    }));
    let deliver = deliver_words(&data["deliver"]);
    lines.extend(deliver.map(|words| (tr!("status" => "texts"), words)));
    lines.extend(preset_words(&data["preset"]).map(|words| (tr!("status" => "preset"), words)));
    let capture = &data["capture"];
    if let Some(gaps) = capture["gaps"].as_u64().filter(|gaps| *gaps > 0) {
        let missing = capture["missing_s"].as_f64().unwrap_or_default();
        let told = tr!(
            "{seconds} s of sound, {n} time" | "{seconds} s of sound, {n} times" % gaps,
            seconds = format_args!("{missing:.1}")
        );
        lines.push((tr!("status" => "missing"), told));
    }
    let gpu = &data["telemetry"]["gpu"];
    if !gpu.is_null() {
        let warmth = gpu["temp_c"].as_u64().map_or(String::new(), |c| format!(", {c} °C"));
        let told = tr!(
            "{name}: {percent} %, {used} of {total} MB",
            name = word(&gpu["name"]),
            percent = word(&gpu["percent"]),
            used = word(&gpu["vram_used_mb"]),
            total = word(&gpu["vram_total_mb"])
        );
        lines.push((tr!("status" => "gpu"), told + &warmth));
    }
    lines.push((tr!("status" => "up"), format!("{} s", word(&data["uptime_s"]))));
    lines.push((tr!("status" => "version"), word(&data["version"])));
    if let Some(reason) = data["reason"]["error"].as_str() {
        lines.push((tr!("status" => "no text"), plain::line(reason).into_owned()));
    }
    if let Some(problem) = data["problem"]["error"].as_str() {
        lines.push((tr!("status" => "problem"), problem.to_owned()));
    }
    table(&lines, 8)
}

/// Formats the preset of the newest dictation, and who chose it; `None` if it has none.
fn preset_words(preset: &Value) -> Option<String> {
    let name = preset["name"].as_str()?;
    let why = match (preset["by"].as_str().unwrap_or("?"), preset["application"].as_str()) {
        ("client", _) => tr!("as asked for this dictation").to_owned(),
        ("application", Some(application)) => tr!("for {application}", application),
        ("configuration", _) => tr!("for all dictations").to_owned(),
        (other, _) => other.to_owned(),
    };
    Some(format!("{name}, {why}"))
}

/// Formats where texts go and why; `None` if the service does not report it.
fn deliver_words(deliver: &Value) -> Option<String> {
    let place = match deliver["way"].as_str()? {
        "paste" => tr!("pasted at the cursor"),
        "type" => tr!("typed at the cursor"),
        "clipboard" => tr!("to the clipboard"),
        "none" => tr!("texts" => "nowhere"),
        other => other,
    };
    let why = word(&deliver["reason"]);
    Some(match deliver["backend"].as_str() {
        Some(backend) => tr!("{place}, by {backend}: {why}", place, backend, why),
        None => format!("{place}: {why}"),
    })
}

fn state_words(data: &Value) -> String {
    let state = word(&data["state"]);
    let mut words = words::state(&state).to_owned();
    if let Some(seconds) = data["elapsed_s"].as_f64() {
        words = tr!("{state} for {time}", state = words, time = clock(seconds));
    }
    match data["pending"].as_u64() {
        None | Some(0) => words,
        Some(pending) => format!("{words}, {}", words::pending(pending)),
    }
}

fn engine_words(engine: &Value) -> String {
    let text = |key: &str| engine[key].as_str();
    let mut words = words::engine(&word(&engine["state"])).to_owned();
    if let Some(model) = text("model") {
        words = format!("{words}: {model}");
    }
    if let Some(backend) = text("backend") {
        words = tr!("{engine} on {backend}", engine = words, backend);
    }
    if let Some(device) = text("device") {
        words = format!("{words}, {device}");
    }
    if let Some(ms) = engine["loaded_in_ms"].as_u64() {
        words = tr!("{engine}, loaded in {ms} ms", engine = words, ms);
    }
    match engine["memory_mb"].as_u64() {
        Some(mb) => format!("{words}, {mb} MB"),
        None => words,
    }
}

/// Formats the state of the preview; `None` if none is configured.
fn preview_words(preview: &Value) -> Option<String> {
    let model = preview["model"].as_str()?;
    let told = format!("{}: {model}", words::engine(&word(&preview["state"])));
    Some(match (preview["problem"].as_str(), preview["memory_mb"].as_u64()) {
        (Some(problem), _) => format!("{told}. {}", plain::line(problem)),
        (None, Some(mb)) => format!("{told}, {mb} MB"),
        (None, None) => told,
    })
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "?".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}
