//! Answers and events in words for people. Programs take `--json`.
//!
//! Read leniently: a service older or newer than this program may leave out or add what it likes.

use crate::bar::clock;
use crate::config;
use serde_json::Value;
use v2m_ipc::data::Event;
use v2m_ipc::message::Response;
use v2m_ipc::plain;

/// A successful answer, told by what it holds: steps of rules, a text, a status, settings, a
/// sentence, a state.
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
    match data["message"].as_str().or_else(|| data["state"].as_str()) {
        Some("SHUTTING_DOWN") => line("v2m is stopping; the next command starts it again"),
        Some(words) => line(words),
        None => line(&data.to_string()),
    }
}

/// What is told beside a success: what went wrong, where a text did not get to, and settings that
/// change nothing.
pub(crate) fn remarks(answer: &Response) -> Vec<String> {
    let list = |key: &str| answer.data[key].as_array().map_or(&[][..], Vec::as_slice);
    let problems = list("problems").iter().map(|problem| word(&problem["error"]));
    let failed = list("deliveries").iter().filter(|delivery| delivery["ok"] == false);
    let undelivered =
        failed.map(|delivery| format!("{}: {}", word(&delivery["by"]), word(&delivery["detail"])));
    let ignored = list("ignored").iter();
    let ignored = ignored
        .map(|one| format!("{} changes nothing: {}", word(&one["key"]), word(&one["reason"])));
    problems.chain(undelivered).chain(ignored).collect()
}

/// An error answer's sentence.
pub(crate) fn error(answer: &Response) -> String {
    let sentence = answer.error.as_deref().unwrap_or("v2m answered an error without a reason");
    match answer.data["audio_path"].as_str() {
        Some(path) if !sentence.contains(path) => format!("{sentence} (the recording: {path})"),
        Some(_) | None => sentence.to_owned(),
    }
}

/// What an error left of the text.
pub(crate) fn leftover(answer: &Response) -> String {
    answer.data["text"].as_str().map(line).unwrap_or_default()
}

/// An event in one line.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::State { state, reason: Some(reason), .. } => {
            line(&format!("state {state} ({})", plain::line(&reason.error)))
        }
        Event::State { state, .. } => line(&format!("state {state}")),
        Event::TranscriptionUpdate { text, is_final: true, .. } => line(&format!("text {text}")),
        Event::TranscriptionUpdate { text, is_final: false, .. } => line(&format!("text {text} …")),
        Event::Heartbeat { timestamp, state } => line(&format!("heartbeat {timestamp:.0} {state}")),
        Event::Level { dbfs, peak_dbfs: Some(peak) } => {
            line(&format!("level {dbfs:.1} dBFS, peak {peak:.1}"))
        }
        Event::Level { dbfs, peak_dbfs: None } => line(&format!("level {dbfs:.1} dBFS")),
        Event::Engine { state, backend: Some(backend) } => {
            line(&format!("engine {state} on {backend}"))
        }
        Event::Engine { state, backend: None } => line(&format!("engine {state}")),
        Event::Delivery { delivery, job: _ } => {
            let how = if delivery.ok { "ok" } else { "failed" };
            line(&format!("delivery {} {how}: {}", delivery.by, delivery.detail))
        }
        Event::Progress { file_path, seconds, of } => {
            line(&format!("progress {seconds:.0} of {of:.0} s: {file_path}"))
        }
    }
}

/// What was heard, what each rule made of it, and what is left, a line each: `⏎` is a line break.
fn rules(data: &Value, steps: &[Value]) -> String {
    let heard = steps.first().map_or(&data["text"], |first| &first["before"]);
    let mut lines = vec![("language", &data["language"]), ("heard", heard)];
    for step in steps {
        lines.push((step["rule"].as_str().unwrap_or("?"), &step["after"]));
    }
    lines.push(("text", &data["text"]));
    let shown =
        |(name, text): (&str, &Value)| format!("{name:9} {}\n", word(text).replace('\n', "⏎"));
    let mut shown: String = lines.into_iter().map(shown).collect();
    if data["applied"] == false {
        shown += "Dictations are not treated so: text.refine is \"off\"\n";
    }
    shown
}

fn status(data: &Value) -> String {
    let (engine, ram) = (&data["engine"], &data["telemetry"]["ram"]);
    let mut lines = vec![
        format!("state    {}", state_words(data)),
        format!("language {}", word(&data["language"])),
        format!("engine   {}", engine_words(engine)),
        format!("cpu      {} %", word(&data["cpu_usage"])),
        format!("memory   {} of {} GiB", word(&ram["used_gb"]), word(&ram["total_gb"])),
    ];
    let passed_over = engine["passed_over"].as_array().map_or(&[][..], Vec::as_slice);
    lines.extend(passed_over.iter().map(|engine| {
        format!("unused   {}: {}", word(&engine["backend"]), word(&engine["reason"]))
    }));
    lines.extend(deliver_words(&data["deliver"]));
    let capture = &data["capture"];
    if capture["gaps"].as_u64().is_some_and(|gaps| gaps > 0) {
        let missing = capture["missing_s"].as_f64().unwrap_or_default();
        lines.push(format!("missing  {missing:.1} s of sound, {} times", word(&capture["gaps"])));
    }
    let gpu = &data["telemetry"]["gpu"];
    if !gpu.is_null() {
        let warmth = gpu["temp_c"].as_u64().map_or(String::new(), |c| format!(", {c} °C"));
        lines.push(format!(
            "gpu      {}: {} %, {} of {} MB{warmth}",
            word(&gpu["name"]),
            word(&gpu["percent"]),
            word(&gpu["vram_used_mb"]),
            word(&gpu["vram_total_mb"]),
        ));
    }
    lines.push(format!("up       {} s", word(&data["uptime_s"])));
    lines.push(format!("version  {}", word(&data["version"])));
    if let Some(reason) = data["reason"]["error"].as_str() {
        lines.push(format!("no text  {}", plain::line(reason)));
    }
    if let Some(problem) = data["problem"]["error"].as_str() {
        lines.push(format!("problem  {problem}"));
    }
    lines.join("\n") + "\n"
}

/// Where texts go and why. `None`: the service does not tell.
fn deliver_words(deliver: &Value) -> Option<String> {
    let place = match deliver["way"].as_str()? {
        "paste" => "pasted at the cursor",
        "type" => "typed at the cursor",
        "clipboard" => "to the clipboard",
        "none" => "nowhere",
        other => other,
    };
    let by = deliver["backend"].as_str().map(|backend| format!(", by {backend}"));
    let (by, why) = (by.unwrap_or_default(), word(&deliver["reason"]));
    Some(format!("texts    {place}{by}: {why}"))
}

fn state_words(data: &Value) -> String {
    let mut words = word(&data["state"]);
    if let Some(seconds) = data["elapsed_s"].as_f64() {
        words += &format!(" for {}", clock(seconds));
    }
    if let Some(pending) = data["pending"].as_u64().filter(|pending| *pending > 0) {
        words += &format!(", {pending} waiting for text");
    }
    words
}

fn engine_words(engine: &Value) -> String {
    let mut words = word(&engine["state"]);
    for (key, before) in [("model", ": "), ("backend", " on "), ("device", ", ")] {
        if let Some(value) = engine[key].as_str() {
            words = words + before + value;
        }
    }
    if let Some(ms) = engine["loaded_in_ms"].as_u64() {
        words = format!("{words}, loaded in {ms} ms");
    }
    match engine["memory_mb"].as_u64() {
        Some(mb) => format!("{words}, {mb} MB"),
        None => words,
    }
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
