//! Which engines the settings select, and which settings each model cannot follow.

mod instead;

use super::instead::published;
use super::*;
use crate::call::Unfollowed;
use crate::daemon::engine::detection::Way;
use crate::recognise::Candidate;
use serde_json::{Map, Value};
use v2m_models::ggml;

/// The beginning of messages.
const DOING: &str = "Recording was not started";

fn backends(models: &Models, wanted: config::BackendChoice) -> Vec<&'static str> {
    let candidates = models.candidates(wanted).unwrap();
    candidates.iter().map(|candidate| candidate.backend.name()).collect()
}

#[test]
fn engines_that_are_installed_beside_the_plain_one_are_tried_in_their_order() {
    use config::BackendChoice::{Auto, Cpu, Cuda, Vulkan};
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: dir.path().join("v2m-engine"), ..Models::from_env() };
    assert_eq!(backends(&models, Auto), ["cpu"]);
    let failure = models.candidates(Cuda).unwrap_err();
    assert_eq!(failure.code, Code::EngineFailed);
    assert!(failure.message.contains("make engine-cuda"), "{}", failure.message);
    assert!(models.candidates(Vulkan).is_err());
    for name in ["v2m-engine-v4", "v2m-engine-cuda", "v2m-engine-vulkan"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(backends(&models, Auto), ["cuda", "vulkan", "cpu-v4", "cpu"]);
    assert_eq!(backends(&models, Cuda), ["cuda"]);
    assert_eq!(backends(&models, Vulkan), ["vulkan"]);
    assert_eq!(backends(&models, Cpu), ["cpu-v4", "cpu"]);
}

#[test]
fn a_model_in_gguf_form_has_engines_of_its_own() {
    use config::BackendChoice::{Auto, Cpu, Cuda, Remote, Vulkan};
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: dir.path().join("v2m-engine"), ..Models::from_env() };
    let install = |name: &str| std::fs::write(dir.path().join(name), "").unwrap();
    let model = dir.path().join("moonshine.gguf");
    std::fs::write(&model, "").unwrap();
    let mut settings = Settings::default();
    settings.engine.model = model.display().to_string();
    let failure = models.spec(&settings).unwrap_err();
    assert!(failure.message.contains("make engine-gguf install"), "{}", failure.message);
    for whispers in ["v2m-engine", "v2m-engine-v4", "v2m-engine-cuda", "v2m-engine-vulkan"] {
        install(whispers);
    }
    assert!(models.spec(&settings).is_err());

    install("v2m-engine-gguf");
    let program = dir.path().join("v2m-engine-gguf");
    let only = Candidate { backend: Backend::Cpu, program };
    assert_eq!(models.spec(&settings).unwrap().candidates, [only]);
    assert!(models.has_no_other_engine(&settings, None));
    for (backend, advice) in
        [(Cuda, "make engine-gguf-cuda install"), (Vulkan, "make engine-gguf-vulkan install")]
    {
        settings.engine.backend = backend;
        let failure = models.spec(&settings).unwrap_err();
        for part in [advice, "config set engine.backend=auto"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
    let failure = models.cannot_hear(DOING, &settings.engine.model, Some("es"), &[]).unwrap();
    assert!(failure.message.contains("does not know Spanish (es)"), "{}", failure.message);
    assert_eq!(models.cannot_hear(DOING, &settings.engine.model, Some("en"), &[]), None);

    install("v2m-engine-gguf-vulkan");
    let mut programs = |wanted| -> Vec<String> {
        settings.engine.backend = wanted;
        let spec = models.spec(&settings).unwrap();
        let name = |one: &Candidate| {
            let program = one.program.file_name().unwrap().to_str().unwrap();
            format!("{} {program}", one.backend.name())
        };
        spec.candidates.iter().map(name).collect()
    };
    let [vulkan, cpu] = ["vulkan v2m-engine-gguf-vulkan", "cpu v2m-engine-gguf"];
    assert_eq!(programs(Auto), [vulkan, cpu]);
    assert_eq!(programs(Vulkan), [vulkan]);
    assert_eq!(programs(Cpu), [cpu]);
    assert_eq!(programs(Remote), ["remote v2m-engine", vulkan, cpu]);
    install("v2m-engine-gguf-cuda");
    let cuda = "cuda v2m-engine-gguf-cuda";
    assert_eq!(programs(Auto), [cuda, vulkan, cpu]);
    assert_eq!((programs(Cuda), programs(Cpu)), (vec![cuda.into()], vec![cpu.into()]));
    std::fs::remove_file(dir.path().join("v2m-engine-gguf-cuda")).unwrap();
    assert!(!models.has_no_other_engine(&settings, Some("vulkan")));
    // There was no usable GPU, and the processor's engine has failed already.
    assert!(models.has_no_other_engine(&settings, Some("cpu")));

    // Only a GPU's engine: the processor cannot be asked for, and later attempts use the GPU.
    std::fs::remove_file(dir.path().join("v2m-engine-gguf")).unwrap();
    install("v2m-engine-gguf-cuda");
    assert!(models.has_no_other_engine(&settings, Some("cuda")));
    std::fs::remove_file(dir.path().join("v2m-engine-gguf-cuda")).unwrap();
    settings.engine.backend = Auto;
    let later = Plan { is_safest: true, ..Plan::default() };
    let spec = models.spec_by(&settings, &later).unwrap();
    assert_eq!(spec.candidates[0].backend, Backend::Vulkan);
    settings.engine.backend = Cpu;
    let failure = models.spec(&settings).unwrap_err();
    assert!(failure.message.contains("make engine-gguf install"), "{}", failure.message);
}

#[test]
fn every_engine_is_watched_for_an_upgrade() {
    let models = Models { program: "/bin/v2m-engine".into(), ..Models::from_env() };
    let all = models.programs();
    for backend in Backend::ALL {
        for name in [Some(backend.program()), backend.gguf_program()].into_iter().flatten() {
            assert!(all.contains(&Path::new("/bin").join(name)), "{name}");
        }
    }
}

#[test]
fn a_server_is_the_first_engine_and_those_here_follow() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: dir.path().join("v2m-engine"), ..Models::from_env() };
    let model = dir.path().join("model.bin");
    std::fs::write(&model, "").unwrap();
    let mut settings = Settings::default();
    settings.engine.model = model.display().to_string();
    settings.remote.base_url = Some("http://127.0.0.1:1/v1".into());
    let names = |spec: &EngineSpec| -> Vec<_> {
        spec.candidates.iter().map(|candidate| candidate.backend.name()).collect()
    };
    let spec = models.spec(&settings).unwrap();
    assert_eq!((names(&spec), spec.server), (vec!["cpu"], None), "nothing is sent unasked");
    settings.engine.backend = config::BackendChoice::Remote;
    let spec = models.spec(&settings).unwrap();
    assert_eq!(names(&spec), ["remote", "cpu"]);
    assert_eq!(spec.server.unwrap().base_url, "http://127.0.0.1:1/v1");
    // The engine here for another form of models is missing: the server does without.
    settings.engine.model = dir.path().join("canary.gguf").display().to_string();
    std::fs::write(&settings.engine.model, "").unwrap();
    let spec = models.spec(&settings).unwrap();
    assert_eq!((names(&spec), spec.server.is_some()), (vec!["remote"], true));
    let plan = Plan { model: Some(settings.engine.model.clone()), ..Plan::default() };
    assert!(models.spec_by(&settings, &plan).is_err(), "the server has no such model");
    let url = settings.remote.base_url.take();
    let failure = models.spec(&settings).unwrap_err();
    assert!(failure.message.contains("v2m-engine-gguf"), "{}", failure.message);
    (settings.remote.base_url, settings.engine.model) = (url, model.display().to_string());
    // Another model is one on this machine.
    for plan in [
        Plan { model: Some(settings.engine.model.clone()), ..Plan::default() },
        Plan { is_safest: true, ..Plan::default() },
    ] {
        let spec = models.spec_by(&settings, &plan).unwrap();
        assert_eq!((names(&spec), spec.server), (vec!["cpu"], None));
    }
}

#[test]
fn what_a_model_in_gguf_form_cannot_follow_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let mut settings = Settings::default();
    let mut keys = |ending: &str, change: &dyn Fn(&mut Settings)| -> Vec<String> {
        let model = dir.path().join(format!("model.{ending}"));
        std::fs::write(&model, "").unwrap();
        settings.engine.model = model.display().to_string();
        change(&mut settings);
        models.unfollowed(&settings).into_iter().map(|setting| setting.key).collect()
    };
    assert_eq!(keys("gguf", &|_| ()), [""; 0]);
    let all = |settings: &mut Settings| {
        settings.engine.language = Some("es".into());
        settings.engine.languages = vec!["en".into(), "es".into()];
        settings.engine.translate = true;
        settings.engine.vocabulary = vec!["PipeWire".into()];
    };
    let told = ["engine.language", "engine.languages", "engine.translate", "engine.vocabulary"];
    assert_eq!(keys("gguf", &all), told);
    assert_eq!(keys("bin", &all), [""; 0]);
}

/// Regression: a language that prevents every recording was said to have no effect.
#[test]
fn the_setting_that_prevents_recording_is_named_as_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let whisper = dir.path().join("ggml-base.en.bin");
    let head = [0x6767_6D6C_u32.to_le_bytes(), 51_864_u32.to_le_bytes()].concat();
    std::fs::write(&whisper, [head, vec![0; ggml::HEAD]].concat()).unwrap();
    let parakeet = synthetic(dir.path(), "parakeet", &["en"]).0;
    let canary = synthetic(dir.path(), "canary", &["en", "es"]).0;
    for (file, code) in [(whisper, "es"), (parakeet, "es"), (canary, "it")] {
        let mut settings = Settings::default();
        settings.engine.model = file.display().to_string();
        let mut preventing = |language: Option<&str>, among: &[&str]| {
            settings.engine.language = language.map(str::to_owned);
            settings.engine.languages = codes(among);
            let mut all = models.unfollowed(&settings);
            all.retain(|setting| setting.prevents_recording);
            assert!(all.len() < 2, "{all:?}");
            let Unfollowed { key, reason, .. } = all.pop()?;
            let is_told = reason.contains("the reason why nothing is recorded");
            assert!(is_told && reason.contains("know"), "{reason}");
            Some(key)
        };
        assert_eq!(preventing(Some("en"), &[code]), None);
        assert_eq!(preventing(Some(code), &[]).as_deref(), Some("engine.language"));
        assert_eq!(preventing(None, &[code]).as_deref(), Some("engine.languages"));
        assert_eq!(preventing(None, &["en"]), None);
    }
}

/// Writes a model with random weights. Returns its file and settings that name it.
fn synthetic(folder: &Path, family: &str, languages: &[&str]) -> (PathBuf, Settings) {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testkit/programs/synthetic_model.py");
    let file = folder.join(format!("{family}-{}.gguf", languages.len()));
    let mut python = std::process::Command::new("python3");
    python.arg(program).args([family, "small", "loop"]).arg(&file).args(languages);
    assert!(python.status().unwrap().success());
    let mut settings = Settings::default();
    settings.engine.model = file.display().to_string();
    (file, settings)
}

fn changed(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// Returns models whose only installation folder is this.
fn models_in(folder: &Path) -> Models {
    let places = paths::Places {
        models: folder.to_owned(),
        more_models: Vec::new(),
        assets: Vec::new(),
        home: folder.to_owned(),
    };
    Models { program: PathBuf::new(), places: Ok(places), ..Models::from_env() }
}

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

#[test]
fn a_model_that_must_be_told_the_language_records_nothing_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let models = models_in(&dir.path().join("none"));
    let (_, mut settings) = synthetic(dir.path(), "canary", &["en", "es"]);
    let model = settings.engine.model.clone();
    let refused = |code, among: &[&str]| {
        models.cannot_hear(DOING, &model, code, &codes(among)).map(|failure| failure.message)
    };
    for heard in [refused(Some("es"), &[]), refused(Some("en"), &[]), refused(None, &["es"])] {
        assert_eq!(heard, None);
    }
    let untold = refused(None, &["pt", "it"]).unwrap();
    assert!(untold.contains("set engine.language") && untold.contains("en, es"), "{untold}");
    assert!(untold.contains("v2m-model pull"), "{untold}");
    assert_eq!(refused(None, &[]), Some(untold));
    assert!(refused(Some("it"), &[]).unwrap().contains("does not know Italian"));
    assert!(refused(None, &["it"]).unwrap().contains("does not know Italian"));

    let keys = |settings: &Settings| -> Vec<String> {
        models.unfollowed(settings).into_iter().map(|setting| setting.key).collect()
    };
    assert_eq!(keys(&settings), ["engine.language"]);
    settings.engine.language = Some("es".into());
    settings.engine.languages = codes(&["en", "es"]);
    assert_eq!(keys(&settings), [""; 0]);
    settings.engine.translate = true;
    settings.engine.vocabulary = vec!["PipeWire".into()];
    assert_eq!(keys(&settings), ["engine.translate", "engine.vocabulary"]);
    // Another language may be set: a press in it is refused.
    assert!(models.check_safe(&changed(r#"{"engine": {"language": "it"}}"#), &settings).is_ok());
}

#[test]
fn the_language_that_a_model_must_be_told_is_detected_by_the_smallest_whisper_or_assumed() {
    let dir = tempfile::tempdir().unwrap();
    let models = models_in(dir.path());
    let (_, mut settings) = synthetic(dir.path(), "canary", &["en", "es"]);
    let model = settings.engine.model.clone();
    settings.engine.languages = codes(&["pt", "es"]);
    let refused = |among: &[&str]| models.cannot_hear(DOING, &model, None, &codes(among));
    // Without a Whisper model, the first language that it knows is assumed, and the status says so.
    assert_eq!(refused(&["pt", "es"]), None);
    let told = models.unfollowed(&settings);
    let is_told = |parts: &[&str]| parts.iter().all(|part| told[0].reason.contains(part));
    assert!(is_told(&["es is assumed", "v2m-model pull"]), "{told:?}");
    assert!(models.listener(&settings).is_err());
    // An assumed language is not sent to a server.
    let mut remote = settings.clone();
    remote.engine.backend = config::BackendChoice::Remote;
    remote.remote.base_url = Some("http://localhost".into());
    let failure = models.cannot_transcribe(DOING, &remote.engine, None, None).unwrap();
    assert!(failure.message.contains("v2m-model pull"), "{failure:?}");
    let told = models.unfollowed(&remote);
    assert!(
        told[0].key == "engine.language"
            && told[0].prevents_recording
            && told[0].reason.contains("nothing is recorded"),
        "{told:?}"
    );
    for (model, code) in [(None, Some("es")), (Some(model.as_str()), None)] {
        assert_eq!(models.cannot_transcribe(DOING, &remote.engine, model, code), None);
    }

    let whisper = |name: &str, tokens: u32, bytes: usize| {
        let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
        std::fs::write(dir.path().join(name), [head, vec![0; bytes]].concat()).unwrap();
    };
    whisper("ggml-tiny.en.bin", 51_864, 1);
    assert!(models.listener(&settings).is_err(), "one for English tells no languages apart");
    whisper("ggml-small.bin", 51_865, 90);
    whisper("ggml-base.bin", 51_865, 40);
    assert_eq!(models.unfollowed(&settings), []);
    assert_eq!((refused(&[]), refused(&["pt", "it"])), (None, None));
    settings.engine.backend = config::BackendChoice::Remote;
    assert_eq!(models.cannot_transcribe(DOING, &settings.engine, None, None), None);
    let spec = models.listener(&settings).unwrap();
    assert_eq!((spec.model_name.as_str(), spec.server), ("base", None));
    assert!(spec.candidates.iter().all(|it| matches!(it.backend, Backend::Cpu | Backend::CpuV4)));
    let spec = models.spec_for_language(&settings, "pt").unwrap();
    assert_eq!((spec.model_name.as_str(), spec.server), ("small", None));
    // A specified language is not detected.
    let way = |code, among: &[&str]| models.way_to_language(&model, code, &codes(among));
    assert_eq!(way(Some("es"), &["pt", "es"]), Way::Said);
    assert!(matches!(way(None, &["pt", "es"]), Way::Detected(_)));
}

#[test]
fn a_model_that_drifts_is_kept_from_all_languages_but_english() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let (file, mut settings) = synthetic(dir.path(), "parakeet", &["en", "es"]);
    let model = settings.engine.model.clone();
    assert_eq!(models.cannot_hear(DOING, &model, Some("en"), &[]), None);
    for code in [Some("es"), None] {
        let failure = models.cannot_hear(DOING, &model, code, &[]).unwrap();
        assert!(failure.message.contains("English words in the middle"), "{failure:?}");
    }
    let told = models.unfollowed(&settings);
    assert!(
        told.iter().any(|it| it.key == "engine.language" && it.reason.contains("English words"))
    );

    let safe = |new: &str, settings: &Settings| models.check_safe(&changed(new), settings);
    settings.engine.language = Some("en".into());
    for kept in ["es", "auto", "Spanish"] {
        let new = format!(r#"{{"engine": {{"language": "{kept}"}}}}"#);
        let failure = safe(&new, &settings).unwrap_err();
        assert_eq!(failure.code, Code::BadConfig);
        assert!(failure.message.contains("Nothing was changed"), "{failure:?}");
    }
    assert!(safe(r#"{"engine": {"language": "en-GB"}}"#, &settings).is_ok());
    assert!(safe(r#"{"engine": {"language": "es", "model": "base"}}"#, &settings).is_ok());
    assert!(safe(r#"{"deliver": {"notify": false}}"#, &settings).is_ok());
    assert_eq!(models.unfollowed(&settings), []);
    // Back to the default, which is any language.
    assert!(safe(r#"{"engine": {"language": null}}"#, &settings).is_err());
    assert!(safe(r#"{"engine": null}"#, &settings).is_ok(), "another model is the default");
    assert!(safe(r#"{"engine": {"language": null, "model": null}}"#, &settings).is_ok());
    let among = Settings {
        engine: config::EngineSettings {
            language: None,
            languages: vec!["en".into()],
            ..settings.engine.clone()
        },
        ..Settings::default()
    };
    assert!(safe(r#"{"engine": {"threads": 2}}"#, &among).is_ok());
    assert!(safe(r#"{"engine": {"languages": null}}"#, &among).is_err());

    // The reverse: the model is changed.
    let usual = Settings::default();
    let path = serde_json::to_string(file.to_str().unwrap()).unwrap();
    assert!(safe(&format!(r#"{{"engine": {{"model": {path}}}}}"#), &usual).is_err());
    let both = format!(r#"{{"engine": {{"model": {path}, "language": "en"}}}}"#);
    assert!(safe(&both, &usual).is_ok());
    // A file that has been replaced is read again.
    std::fs::copy(synthetic(dir.path(), "parakeet", &["en"]).0, &file).unwrap();
    assert_eq!(models.cannot_hear(DOING, &model, None, &[]), None);
    assert!(models.cannot_hear(DOING, &model, None, &codes(&["es", "fr"])).is_some());
}

#[test]
fn a_model_for_english_takes_over_from_no_server_that_detects_the_language() {
    use config::BackendChoice::{Auto, Remote};
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let whisper = |name: &str, tokens: u32| {
        let path = dir.path().join(name);
        let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
        std::fs::write(&path, [head, vec![0; ggml::HEAD]].concat()).unwrap();
        path.display().to_string()
    };
    let parakeet = synthetic(dir.path(), "parakeet", &["en"]).1.engine.model;
    let english = [whisper("ggml-base.en.bin", 51_864), parakeet];
    let all = whisper("ggml-base.bin", 51_865);
    let refused = |backend, model: &str, code, languages: &[&str]| {
        let languages = languages.iter().map(|code| (*code).to_owned()).collect();
        let model = model.to_owned();
        let engine = config::EngineSettings { backend, model, languages, ..Default::default() };
        models.cannot_stand_in(DOING, &engine, code)
    };
    for model in &english {
        for among in [&[][..], &["es"], &["en", "es"]] {
            let failure = refused(Remote, model, None, among).unwrap();
            let told = ["takes over", "knows English only", "engine.language=en"];
            assert!(told.iter().all(|part| failure.message.contains(part)), "{failure:?}");
        }
        assert_eq!(refused(Remote, model, Some("en"), &[]), None);
        assert_eq!(refused(Remote, model, None, &["en"]), None);
        assert_eq!(refused(Auto, model, None, &[]), None, "English is what it hears");
    }
    assert_eq!(refused(Remote, &all, None, &[]), None);
    assert_eq!(refused(Remote, "/nowhere", None, &[]), None);
}

#[test]
fn a_model_for_english_is_told_from_one_for_all_languages() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let file = |name: &str, tokens: u32| {
        let path = dir.path().join(name);
        let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
        std::fs::write(&path, head).unwrap();
        path.display().to_string()
    };
    let [english, all] = [file("ggml-base.en.bin", 51_864), file("ggml-base.bin", 51_865)];
    assert_eq!(models.cannot_hear(DOING, &english, Some("en"), &[]), None);
    assert_eq!(models.cannot_hear(DOING, &all, Some("es"), &[]), None);
    assert_eq!(models.cannot_hear(DOING, "/nowhere", Some("es"), &[]), None);
    let failure = models.cannot_hear(DOING, &english, Some("es"), &[]).unwrap();
    assert_eq!(failure.code, Code::ModelMissing);
    assert!(failure.message.contains("Spanish (es)"), "{}", failure.message);
    // If the language is detected, English must be one of the user's.
    let among = |among: &[&str]| models.cannot_hear(DOING, &english, None, &codes(among));
    assert_eq!((among(&[]), among(&["es", "en"])), (None, None));
    assert!(among(&["es"]).unwrap().message.contains("Spanish (es)"));
    assert!(among(&["es", "fr"]).unwrap().message.contains("none of your languages (es, fr)"));
    assert_eq!(models.cannot_hear(DOING, &all, None, &codes(&["es", "fr"])), None);
    assert_eq!(published("base.en-q8_0", &["es"]), "base-q8_0");
    assert_eq!(published("/some/where", &["es"]), catalogue::DEFAULT);
    assert_eq!(published("base", &["yue"]), "large-v3");
    // It never is the model that fails.
    for model in ["moonshine-base-en", "canary-180m-flash-q8_0"] {
        assert_eq!(published(model, &["pt"]), catalogue::DEFAULT);
    }
}

#[test]
fn a_model_for_previews_is_used_for_nothing_else_and_no_other_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: dir.path().join("v2m-engine"), ..Models::from_env() };
    std::fs::write(dir.path().join("v2m-engine-gguf"), "").unwrap();
    let (nemotron, as_main) = synthetic(dir.path(), "nemotron", &["en", "es"]);
    for failure in
        [models.spec(&as_main).unwrap_err(), models.check(&as_main.engine.model).unwrap_err()]
    {
        for part in ["engine.preview=", "v2m-model use ", "drops some"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
    let mut settings = Settings::default();
    assert_eq!(models.preview_spec(&settings), None);
    settings.engine.preview = nemotron.display().to_string();
    let spec = models.preview_spec(&settings).unwrap().unwrap();
    assert_eq!((spec.is_preview, spec.threads, spec.candidates.len()), (true, 1, 1));
    assert_eq!(models.check_preview(&settings.engine.preview), Ok(()));
    assert_eq!(models.check_preview(""), Ok(()));
    let (canary, _) = synthetic(dir.path(), "canary", &["en", "es"]);
    settings.engine.preview = canary.display().to_string();
    for failure in [
        models.preview_spec(&settings).unwrap().unwrap_err(),
        models.check_preview(&settings.engine.preview).unwrap_err(),
    ] {
        assert!(failure.message.contains("choose Nemotron or Moonshine"), "{}", failure.message);
    }
    // Regression: a model that cannot be the preview was recommended for a missing one.
    let models = models_in(dir.path());
    for (missing, advice) in [
        ("nope", "v2m-model pull moonshine-base-en"),
        ("/nope.gguf", "v2m-model pull moonshine-base-en"),
        ("moonshine-base-en", "v2m-model pull moonshine-base-en"),
        ("small", "choose Nemotron or Moonshine"),
    ] {
        settings.engine.preview = missing.into();
        for failure in [
            models.preview_spec(&settings).unwrap().unwrap_err(),
            models.check_preview(missing).unwrap_err(),
        ] {
            let text = &failure.message;
            assert!(text.contains(advice) && !text.contains("pull base"), "{failure:?}");
            assert!(!failure.brief.unwrap().remedy.contains("base-q8_0"), "{text}");
        }
    }
}

#[test]
fn a_preview_hears_only_what_it_knows() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), ..Models::from_env() };
    let hears = |settings: &Settings, code: Option<&str>, among: &[&str]| {
        let among: Vec<String> = among.iter().map(|code| (*code).to_owned()).collect();
        models.preview_hears(settings, code, &among)
    };
    let mut settings = Settings::default();
    let (both, _) = synthetic(dir.path(), "nemotron", &["en", "es", "nb"]);
    settings.engine.preview = both.display().to_string();
    for code in ["en", "es", "no"] {
        assert!(hears(&settings, Some(code), &[]), "{code}");
    }
    assert!(hears(&settings, None, &[]), "it finds out");
    assert!(!hears(&settings, Some("it"), &[]));
    let told = |settings: &Settings| models.unfollowed(settings);
    assert_eq!(told(&settings), []);
    settings.engine.language = Some("it".into());
    let [Unfollowed { key, reason: why, .. }] = &told(&settings)[..] else {
        panic!("{:?}", told(&settings))
    };
    assert!(key == "engine.preview" && why.contains("one of: en, es, no"), "{why}");
    settings.engine.language = None;
    settings.engine.translate = true;
    assert!(told(&settings)[0].reason.contains("cannot translate"));

    // An English preview would write wrong words for speech in another language.
    let (english, _) = synthetic(dir.path(), "nemotron", &["en-US"]);
    settings.engine.preview = english.display().to_string();
    assert!(hears(&settings, Some("en"), &[]) && hears(&settings, None, &["en"]));
    assert!(!hears(&settings, Some("es"), &[]) && !hears(&settings, None, &[]));
    settings.engine.model = "tiny.en-q8_0".into();
    assert!(hears(&settings, None, &[]), "the text is English as well");
}
