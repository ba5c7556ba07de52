//! Which model is recommended instead of the configured one.

use super::*;
use crate::daemon::engine::models::instead::first_step;

/// Regression: the remedy was the model that fails, or one that is not installed.
#[test]
fn the_recommended_model_knows_the_language_and_an_installed_one_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut models = models_in(dir.path());
    models.program = dir.path().join("v2m-engine");
    std::fs::write(dir.path().join("v2m-engine-gguf"), "").unwrap();
    let whisper = |name: &str, tokens: u32, bytes: usize| {
        let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
        let file = dir.path().join(format!("ggml-{name}.bin"));
        std::fs::write(file, [head, vec![0; bytes]].concat()).unwrap();
    };
    whisper("tiny.en", 51_864, 1);
    let (parakeet, _) = synthetic(dir.path(), "parakeet", &["en"]);
    std::fs::rename(parakeet, dir.path().join("moonshine-base-en.gguf")).unwrap();
    synthetic(dir.path(), "nemotron", &["en", "es"]);
    let refused = |model: &str, code: &str| {
        let failure = models.cannot_hear(DOING, model, Some(code), &[]).unwrap();
        let (text, brief) = (failure.message, failure.brief.unwrap().remedy);
        let command = text.split('`').nth(1).unwrap().to_owned();
        assert!(brief.contains(first_step(&command)), "{brief}");
        command
    };
    let fetched = |name: &str| format!("v2m-model pull {name} && v2m-model use {name}");
    assert_eq!(refused("moonshine-base-en", "es"), fetched("base-q8_0"));
    assert_eq!(refused("tiny.en", "es"), fetched("tiny"));
    assert_eq!(refused("tiny.en", "yue"), fetched("large-v3"));
    // Also as the one that takes over from a server.
    let engine = config::EngineSettings {
        backend: config::BackendChoice::Remote,
        model: "tiny.en".into(),
        ..Default::default()
    };
    let stands_in = |models: &Models| models.cannot_stand_in(DOING, &engine, None).unwrap().message;
    assert!(stands_in(&models).contains(&fetched("tiny")));

    synthetic(dir.path(), "canary", &["en", "es"]);
    assert_eq!(refused("tiny.en", "es"), "v2m-model use canary-2");
    assert_eq!(refused("tiny.en", "fr"), fetched("tiny"));
    whisper("small", 51_865, 90);
    whisper("broken", 7, 0);
    assert_eq!(refused("tiny.en", "es"), "v2m-model use small");
    assert_eq!(refused("canary-2", "fr"), "v2m-model use small");
    whisper("base-q8_0", 51_865, 40);
    assert_eq!(refused("tiny.en", "es"), "v2m-model use base-q8_0");
    assert_eq!(refused("moonshine-base-en", "es"), "v2m-model use base-q8_0");
    whisper("tiny", 51_865, 5);
    assert_eq!(refused("tiny.en", "es"), "v2m-model use tiny");
    assert!(stands_in(&models).contains("`v2m-model use tiny`"));
}
