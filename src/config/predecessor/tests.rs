//! Tests voice2machine's settings with the files that it was published with.

use super::*;
use crate::config::update;
use std::fs;
use v2m_ipc::llm::Provider;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn translated(value: Value) -> Translated {
    translate(&map(value), &Settings::default())
}

/// voice2machine's own files, from all versions. The values differ from its defaults, so that each
/// has an effect.
fn published() -> Value {
    json!({
        "paths": {"audio_file": "/tmp/v2m_audio.wav"},
        "transcription": {
            "backend": "whisper",
            "whisper": {
                "model": "large-v3-turbo", "language": "es", "device": "cuda",
                "compute_type": "int8_float16", "device_index": 0, "num_workers": 2,
                "beam_size": 4, "best_of": 3, "temperature": 0.2, "vad_filter": false,
                "audio_device_index": 4, "keep_warm": true,
                "vad_parameters": {"threshold": 0.3, "speech_pad_ms": 400},
            },
        },
        "gemini": {
            "model": "models/gemini-2.5-flash", "temperature": 0.5, "max_tokens": 8192,
            "max_input_chars": 12000, "request_timeout": 20, "retry_attempts": 3, "api_key": "AIza-secret",
        },
        "notifications": {"expire_time_ms": 3000, "auto_dismiss": true},
        "llm": {
            "backend": "gemini",
            "local": {"model_path": "models/qwen.gguf", "n_ctx": 2048},
            "ollama": {"host": "http://localhost:11434", "model": "gemma2:2b", "keep_alive": "5m"},
        },
    })
}

#[test]
fn a_published_file_is_taken_over_and_each_setting_has_its_fate() {
    let translated = translated(published());
    assert_eq!(
        Value::Object(translated.own.clone()),
        json!({
            "engine": {
                "model": "large-v3-turbo-q8_0", "language": "es", "backend": "cuda", "beam_size": 4,
                "unload_after": "never",
            },
            "llm": {"provider": "gemini", "model": "gemini-2.5-flash", "temperature": 0.5, "timeout_seconds": 20},
        })
    );
    let mut ignored: Vec<_> = translated.ignored.iter().map(|one| one.key.as_str()).collect();
    ignored.sort_unstable();
    assert_eq!(
        ignored,
        [
            "gemini.api_key",
            "gemini.max_input_chars",
            "gemini.max_tokens",
            "gemini.retry_attempts",
            "llm.local.model_path",
            "llm.local.n_ctx",
            "llm.ollama.host",
            "llm.ollama.keep_alive",
            "llm.ollama.model",
            "notifications.expire_time_ms",
            "paths.audio_file",
            "transcription.whisper.audio_device_index",
            "transcription.whisper.best_of",
            "transcription.whisper.compute_type",
            "transcription.whisper.num_workers",
            "transcription.whisper.temperature",
            "transcription.whisper.vad_filter",
            "transcription.whisper.vad_parameters.speech_pad_ms",
            "transcription.whisper.vad_parameters.threshold",
        ]
    );
    assert!(!format!("{translated:?}").contains("secret"));
    // v2m accepts all of it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let none: [(&str, &str); 0] = [];
    let updated = update(&path, none, &Settings::default(), &translated.own).unwrap();
    assert_eq!(updated.settings.engine.language.as_deref(), Some("es"));
    assert_eq!(updated.settings.llm.provider, Some(Provider::Gemini));
    assert!(fs::read_to_string(&path).unwrap().contains("large-v3-turbo-q8_0"));
}

#[test]
fn the_protocols_own_example_is_no_error() {
    let translated = translated(json!({"transcription": {"whisper": {"vad_filter": false}}}));
    assert_eq!(translated.own, Map::new());
    assert_eq!(translated.ignored[0].key, "transcription.whisper.vad_filter");
}

#[test]
fn ollamas_settings_count_where_it_is_the_provider() {
    let ollama = json!({"host": "http://localhost:11434", "model": "gemma2:2b"});
    let change = json!({"llm": {"backend": "ollama", "ollama": ollama}, "gemini": {"model": "x"}});
    let translated = translated(change);
    assert_eq!(
        translated.own["llm"],
        json!({"provider": "ollama", "base_url": "http://localhost:11434", "model": "gemma2:2b"})
    );
    assert_eq!(translated.ignored[0].key, "gemini.model");
    let told = super::translate(&map(json!({"gemini": {"model": "x"}})), &Settings::default());
    assert!(told.ignored[0].reason.contains("llm.provider"), "{told:?}");
}

#[test]
fn another_provider_is_not_asked_at_the_address_of_the_one_before() {
    let mut settings = Settings::default();
    settings.llm.provider = Some(Provider::Ollama);
    settings.llm.base_url = Some("http://localhost:11434".into());
    let change = map(json!({"llm": {"backend": "gemini"}}));
    let own = translate(&change, &settings).own;
    assert_eq!(own["llm"], json!({"provider": "gemini", "base_url": ""}));
}

/// Forms that voice2machine's libraries accept.
#[test]
fn values_in_other_forms_are_taken() {
    let whisper =
        |key: &str, value: Value| translated(json!({"transcription": {"whisper": {key: value}}}));
    assert_eq!(whisper("device", json!("cuda:0")).own["engine"], json!({"backend": "cuda"}));
    assert_eq!(whisper("device", json!("cpu:0")).own["engine"], json!({"backend": "cpu"}));
    assert!(whisper("device", json!("cuda:1")).ignored[0].reason.contains("first GPU"));
    assert_eq!(whisper("beam_size", json!(4.0)).own["engine"], json!({"beam_size": 4}));
    let gemini = json!({"llm": {"backend": "gemini"}, "gemini": {"request_timeout": 12.5}});
    assert_eq!(translated(gemini).own["llm"], json!({"provider": "gemini", "timeout_seconds": 13}));

    // No language means to detect it.
    let none = map(json!({"transcription": {"whisper": {"language": null}}}));
    assert_eq!(translate(&none, &Settings::default()), Translated::default());
    let mut spanish = Settings::default();
    spanish.engine.language = Some("es".into());
    assert_eq!(translate(&none, &spanish).own["engine"], json!({"language": "auto"}));
    // A section that is null has no effect, nor has any other key that is null.
    let nothing = map(json!({"transcription": null, "gemini": {"temperature": null}}));
    assert_eq!(translate(&nothing, &spanish).own, Map::new());
}

#[test]
fn who_reads_changes_and_writes_back_changes_that_alone() {
    let mut settings = Settings::default();
    settings.llm.provider = Some(Provider::Ollama);
    settings.llm.model = "gemma2:2b".into();
    let read = with_predecessors(&settings);
    assert_eq!(read["transcription"]["whisper"]["model"], read["engine"]["model"]);
    assert_eq!(read["llm"]["ollama"]["model"], "gemma2:2b");
    let unchanged = translate(&map(read.clone()), &settings);
    assert!(unchanged.own.values().all(|keys| keys == &json!({})), "{unchanged:?}");
    assert_eq!((unchanged.taken, unchanged.ignored), (vec![], vec![]));

    let mut written = read;
    written["transcription"]["whisper"]["language"] = "es".into();
    written["llm"]["ollama"]["model"] = "phi3".into();
    let changed = translate(&map(written.clone()), &settings);
    assert_eq!(changed.own["engine"], json!({"language": "es"}));
    assert_eq!(changed.own["llm"], json!({"model": "phi3"}));
    assert_eq!(changed.ignored, []);
    // v2m's own setting wins, and this is reported.
    written["engine"]["language"] = "de".into();
    let both = translate(&map(written), &settings);
    assert_eq!(both.own["engine"], json!({"language": "de"}));
    assert_eq!(both.ignored[0].key, "transcription.whisper.language");
}

#[test]
fn v2ms_own_settings_pass_as_they_are() {
    let own = map(json!({"engine": {"beam_size": 1}, "llm": {"model": "x"}, "nonsense": {"a": 1}}));
    let translated = translate(&own, &Settings::default());
    assert_eq!((translated.own, translated.ignored), (own, vec![]));
    // A section with a plain value is an error, which `update` reports.
    let wrong = map(json!({"transcription": 5}));
    assert_eq!(translate(&wrong, &Settings::default()).own, wrong);
}

#[test]
fn models_by_faster_whispers_names() {
    let taken = |name: &str, compute: &str| {
        let whisper = json!({"model": name, "compute_type": compute});
        let translated = translated(json!({"transcription": {"whisper": whisper}}));
        translated.own.get("engine").and_then(|engine| engine["model"].as_str().map(str::to_owned))
    };
    for (name, compute, ours) in [
        ("turbo", "float16", Some("large-v3-turbo")),
        ("large", "int8", Some("large-v3-q5_0")),
        ("Systran/faster-whisper-small", "int8", Some("small-q8_0")),
        ("small.en", "float16", Some("small.en")),
        ("base-q5_1", "int8", Some("base-q5_1")),
        ("/models/mine.bin", "int8", Some("/models/mine.bin")),
        ("mine", "int8", Some("mine")),
        ("somebody/whisper-es", "int8", None),
    ] {
        assert_eq!(taken(name, compute).as_deref(), ours, "{name}");
    }
}

#[test]
fn every_name_that_is_answered_is_known_to_the_client_as_a_predecessors() {
    let known: Vec<String> = answer(&Settings::default())
        .into_iter()
        .flat_map(|(section, keys)| {
            let keys = map(keys).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            let inner = keys.into_iter().map(|key| format!("llm.{key}")).collect();
            if section == "llm" { inner } else { vec![section] }
        })
        .collect();
    let mut named: Vec<_> = v2m_ipc::data::PREDECESSORS.map(str::to_owned).into();
    let mut known = known;
    known.sort_unstable();
    named.sort_unstable();
    assert_eq!(known, named);
}
