//! Which engine computes, as the service tells it: status, journal, events.

use crate::house::{CONFIG, House, example, wait_for};
use crate::languages::put_synthetic;
use crate::recording::Studio;
use serde_json::json;
use std::fs;

/// A house with the processor's engine and that of a GPU, each of its own script.
fn house(cpu: &str, cuda: &str) -> House {
    let house = House::new(cpu);
    house.install("-cuda");
    fs::write(house.model_file("double", "cuda"), cuda).unwrap();
    house
}

fn configured(setting: &str) -> String {
    CONFIG.replace("[engine]\n", &format!("[engine]\n{setting}\n"))
}

#[test]
fn the_gpu_computes_where_there_is_one_and_status_and_readiness_say_so() {
    let service = house("", "").start();
    assert_eq!(service.ready(), "Ready: double on cuda (a double GPU)");
    let engine = service.connect().ask("GET_STATUS")["engine"].clone();
    assert_eq!((&engine["backend"], &engine["device"]), (&"cuda".into(), &"a double GPU".into()));
    assert!(engine.get("passed_over").is_none(), "{engine}");
    service.end();
}

#[test]
fn a_gpu_that_is_no_use_is_one_line_in_the_journal_and_one_in_the_status() {
    let service = house("", "load unfit").start();
    assert_eq!(service.ready(), "Ready: double on cpu (a double)");
    let engine = service.connect().ask("GET_STATUS")["engine"].clone();
    assert_eq!(engine["passed_over"][0]["backend"], "cuda");
    assert_eq!(engine["passed_over"][0]["reason"], "there is no device for a double");
    let house = service.end();
    let log = house.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("is not used")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    assert!(line.contains("WARN") && line.contains("no device for a double"), "{line}");
}

#[test]
fn the_gpu_alone_and_no_use_says_what_to_do_wherever_one_asks() {
    let house = house("", "load unlinked");
    house.configure(&configured("backend = \"cuda\""));
    let service = house.start();
    let status = service.ready();
    assert!(status.starts_with("Not ready: ") && status.contains("libdouble"), "{status}");
    let mut client = service.connect();
    let (code, text) = client.refused("TOGGLE_RECORDING");
    assert_eq!(code, "engine_failed");
    for part in ["libdouble.so.1", "make engine-cuda", "engine.backend = \"auto\""] {
        assert!(text.contains(part), "{text}");
    }
    let status = client.ask("GET_STATUS");
    assert_eq!(status["problem"]["error"], text);
    assert_eq!(service.lives("double").len(), 0);
    // It is mended by the very setting that it names.
    let mut events = service.connect().subscribe(&["engine"]);
    client.ask_with("UPDATE_CONFIG", json!({"engine": {"backend": "auto"}}));
    assert_eq!(events.until("engine", "state", "warm")["backend"], "cpu");
    service.end();
}

#[test]
fn an_engine_that_is_wanted_and_not_installed_is_named() {
    let house = House::new("");
    house.configure(&configured("backend = \"vulkan\""));
    let service = house.start();
    let status = service.ready();
    assert!(status.contains("there is no v2m-engine-vulkan"), "{status}");
    let mut client = service.connect();
    assert_eq!(client.ask("GET_STATUS")["engine"]["state"], "failed");
    let (code, text) = client.refused("START_RECORDING");
    assert_eq!(code, "engine_failed");
    assert!(text.contains("make engine-vulkan"), "{text}");
    service.end();
}

#[test]
fn a_gpu_that_fails_at_a_dictation_costs_none_of_it() {
    let studio = Studio::with(house("", "finish driver"));
    studio.record(3);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], studio.text_of_recording());
    let status = studio.service.connect().ask("GET_STATUS");
    assert_eq!(status["engine"]["backend"], "cpu");
    let reason = status["engine"]["passed_over"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("CUDA error: out of memory"), "{reason}");
    let house = studio.service.end();
    let told = house.log().matches("Nothing is lost").count();
    assert_eq!(told, 1, "{}", house.log());
}

/// Makes a house with a model in GGUF form, the processor's engine for it and one for a GPU (`cuda`,
/// `vulkan`), which follows the script. Whisper's engines are there too, and none of them starts.
fn gguf_house(gpu: &str, script: &str) -> House {
    let house = House::new("");
    put_synthetic(&house, "canary", &["en", "es"]);
    house.configure(&CONFIG.replace("\"double\"", "\"canary\"\nlanguage = \"en\""));
    house.install("-gguf");
    house.install(&format!("-gguf-{gpu}"));
    for whispers in ["v2m-engine-cuda", "v2m-engine-vulkan", "v2m-engine-v4"] {
        fs::write(house.path("engines").join(whispers), "no program").unwrap();
    }
    fs::write(house.path("data/v2m/models").join(format!("canary.{gpu}")), script).unwrap();
    house
}

#[test]
fn the_model_decides_the_program_before_the_backend_does() {
    let service = gguf_house("cuda", "").start();
    assert_eq!(service.ready(), "Ready: canary on cuda (a double GPU)");
    let mut client = service.connect();
    let mut events = service.connect().subscribe(&["engine"]);
    let engine = client.ask("GET_STATUS")["engine"].clone();
    assert_eq!((&engine["model"], &engine["backend"]), (&"canary".into(), &"cuda".into()));
    assert!(engine.get("passed_over").is_none(), "{engine}");

    client.ask_with("UPDATE_CONFIG", json!({"engine": {"backend": "cpu"}}));
    assert_eq!(events.until("engine", "state", "warm")["backend"], "cpu");
    // There is none for such models, whatever there is for Whisper's.
    client.ask_with("UPDATE_CONFIG", json!({"engine": {"backend": "vulkan"}}));
    events.until("engine", "state", "failed");
    let (code, text) = client.refused("START_RECORDING");
    assert_eq!(code, "engine_failed");
    for part in ["v2m-engine-gguf-vulkan", "engine.backend=auto", "make engine-gguf-vulkan install"]
    {
        assert!(text.contains(part), "{text}");
    }
    service.end();
}

#[test]
fn a_gpu_that_is_no_use_to_a_gguf_model_is_one_line_and_the_processor_computes() {
    for gpu in ["cuda", "vulkan"] {
        let service = gguf_house(gpu, "load unfit").start();
        assert_eq!(service.ready(), "Ready: canary on cpu (a double)");
        let engine = service.connect().ask("GET_STATUS")["engine"].clone();
        let reason = "there is no device for a double";
        let passed_over = json!([{"backend": gpu, "reason": reason}]);
        assert_eq!(engine["passed_over"], passed_over, "{engine}");
        let house = service.end();
        let log = house.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("is not used")).collect();
        let [line] = lines[..] else { panic!("{log}") };
        assert!(line.contains("WARN") && line.contains(reason), "{line}");
    }
}

#[test]
fn a_gpu_alone_for_gguf_models_and_no_use_says_what_to_do_in_place_of_it() {
    for (gpu, remedy, has_plain) in [
        ("cuda", "make engine-gguf-cuda", false),
        ("vulkan", "vulkaninfo --summary", false),
        ("cuda", "nvidia-smi", true),
    ] {
        let house = gguf_house(gpu, "load unlinked");
        if has_plain {
            let config = CONFIG.replace("\"double\"", "\"canary\"\nlanguage = \"en\"");
            let alone = format!("[engine]\nbackend = \"{gpu}\"\n");
            house.configure(&config.replace("[engine]\n", &alone));
        } else {
            fs::remove_file(house.path("engines/v2m-engine-gguf")).unwrap();
        }
        let service = house.start();
        service.ready();
        let (code, text) = service.connect().refused("TOGGLE_RECORDING");
        assert_eq!(code, "engine_failed");
        let other =
            "engine.backend = \"auto\", the processor computes meanwhile if v2m-engine-gguf is";
        for part in ["libdouble.so.1", remedy, other] {
            assert!(text.contains(part), "{text}");
        }
        // Beside a package, that would put a second v2m into the home directory.
        assert!(!text.contains("make engine-gguf install"), "{text}");
        service.end();
    }
}

#[test]
fn a_gpu_that_fails_at_a_dictation_with_a_gguf_model_costs_none_of_it() {
    for gpu in ["cuda", "vulkan"] {
        let studio = Studio::with(gguf_house(gpu, "finish driver"));
        studio.record(3);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        assert_eq!(answer["text"], studio.text_of_recording());
        let status = studio.service.connect().ask("GET_STATUS");
        assert_eq!(status["engine"]["backend"], "cpu");
        let house = studio.service.end();
        assert_eq!(house.log().matches("Nothing is lost").count(), 1, "{}", house.log());
    }
}

#[test]
fn a_model_that_was_let_go_is_loaded_by_the_press_that_needs_it() {
    let house = house("", "");
    house.configure(&configured("unload_after = \"1s\""));
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut events = service.connect().subscribe(&["engine"]);
    let unloaded = |service: &crate::house::Service| {
        let engine = service.connect().ask("GET_STATUS")["engine"].clone();
        (engine["state"] == "unloaded").then_some(engine)
    };
    let engine = wait_for("the model to be let go", || unloaded(service));
    assert_eq!((&engine["model"], &engine["backend"]), (&"double".into(), &().into()));
    studio.record(2);
    events.until("engine", "state", "warm");
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], studio.text_of_recording());
    studio.service.end();
}

#[test]
fn the_figures_are_those_of_the_gpu_that_computes() {
    let mut house = house("", "");
    let libraries = house.path("libraries");
    fs::create_dir(&libraries).unwrap();
    let nvml = example("fake-nvml", "libfake_nvml.so");
    std::os::unix::fs::symlink(nvml, libraries.join("libnvidia-ml.so.1")).unwrap();
    house.libraries = Some(libraries);
    let service = house.start();
    service.ready();
    let status = service.connect().ask("GET_STATUS");
    let gpu = json!({"name": "a double GPU", "vram_used_mb": 1234, "vram_total_mb": 16_000,
                     "temp_c": 61, "percent": 37.0});
    assert_eq!(status["telemetry"]["gpu"], gpu);
    assert_eq!((&status["gpu_usage"], &status["vram_usage"]), (&json!(37.0), &json!(1234)));
    service.end();
}

#[test]
fn without_a_driver_there_are_no_figures_of_a_gpu_and_no_complaint() {
    let service = house("", "").start();
    service.ready();
    let status = service.connect().ask("GET_STATUS");
    for figure in [&status["telemetry"]["gpu"], &status["gpu_usage"], &status["vram_usage"]] {
        assert_eq!(figure, &json!(null));
    }
    assert!(status["telemetry"]["ram"]["total_gb"].as_f64().unwrap() > 0.0, "{status}");
    let house = service.end();
    assert!(!house.log().contains("GPU tells"), "{}", house.log());
}
