//! Which engines the settings come to, and what each model cannot follow.

use super::*;

fn backends(models: &Models, wanted: config::BackendChoice) -> Vec<&'static str> {
    let candidates = models.candidates(wanted).unwrap();
    candidates.iter().map(|candidate| candidate.backend.name()).collect()
}

#[test]
fn engines_that_are_installed_beside_the_plain_one_are_tried_in_their_order() {
    use config::BackendChoice::{Auto, Cpu, Cuda, Vulkan};
    let dir = tempfile::tempdir().unwrap();
    let models =
        Models { program: dir.path().join("v2m-engine"), places: paths::Places::from_env() };
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
fn a_model_in_gguf_form_has_its_own_engine_on_the_processor() {
    let dir = tempfile::tempdir().unwrap();
    let models =
        Models { program: dir.path().join("v2m-engine"), places: paths::Places::from_env() };
    let model = dir.path().join("moonshine.gguf");
    std::fs::write(&model, "").unwrap();
    let mut settings = Settings::default();
    settings.engine.model = model.display().to_string();
    let failure = models.spec(&settings).unwrap_err();
    assert!(failure.message.contains("make engine-gguf install"), "{}", failure.message);
    for name in ["v2m-engine-gguf", "v2m-engine-cuda"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let program = dir.path().join("v2m-engine-gguf");
    let only = Candidate { backend: Backend::Cpu, program };
    assert_eq!(models.spec(&settings).unwrap().candidates, [only]);
    settings.engine.backend = config::BackendChoice::Cuda;
    let failure = models.spec(&settings).unwrap_err();
    assert!(failure.message.contains("engine.backend=auto"), "{}", failure.message);
    let failure = models.cannot_speak(&settings.engine.model, "es").unwrap();
    assert!(failure.message.contains("v2m-model use base-q8_0"), "{}", failure.message);
    assert_eq!(models.cannot_speak(&settings.engine.model, "en"), None);
}

#[test]
fn a_server_is_the_first_engine_and_those_here_follow() {
    let dir = tempfile::tempdir().unwrap();
    let models =
        Models { program: dir.path().join("v2m-engine"), places: paths::Places::from_env() };
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
    // Another model is one of this machine's.
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
    let models = Models { program: PathBuf::new(), places: paths::Places::from_env() };
    let mut settings = Settings::default();
    let mut keys = |ending: &str, change: &dyn Fn(&mut Settings)| -> Vec<&str> {
        let model = dir.path().join(format!("model.{ending}"));
        std::fs::write(&model, "").unwrap();
        settings.engine.model = model.display().to_string();
        change(&mut settings);
        models.unfollowed(&settings).into_iter().map(|(key, _)| key).collect()
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

#[test]
fn a_model_for_english_is_told_from_one_for_all_languages() {
    let dir = tempfile::tempdir().unwrap();
    let models = Models { program: PathBuf::new(), places: paths::Places::from_env() };
    let file = |name: &str, tokens: u32| {
        let path = dir.path().join(name);
        let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
        std::fs::write(&path, head).unwrap();
        path.display().to_string()
    };
    let [english, all] = [file("ggml-base.en.bin", 51_864), file("ggml-base.bin", 51_865)];
    assert_eq!(models.cannot_speak(&english, "en"), None);
    assert_eq!(models.cannot_speak(&all, "es"), None);
    assert_eq!(models.cannot_speak("/nowhere", "es"), None);
    let failure = models.cannot_speak(&english, "es").unwrap();
    assert_eq!(failure.code, Code::ModelMissing);
    assert!(failure.message.contains("Spanish (es)"), "{}", failure.message);
    assert_eq!(for_language("base.en-q8_0", "es"), "base-q8_0");
    assert_eq!(for_language("/some/where", "es"), catalogue::DEFAULT);
    assert!(catalogue::find(for_language("base", "yue")).is_some());
}
