//! `v2m import-config`, as its user sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const THEIRS: &str = "\
[transcription]
backend = \"whisper\"
[transcription.whisper]
model = \"large-v3-turbo\"
language = \"es\"
[transcription.whisper.vad_parameters]
threshold = 0.3
[gemini]
api_key = \"AIza-secret\"
model = \"gemini-2.5-flash\"
[llm]
backend = \"gemini\"
";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.theirs(), THEIRS).unwrap();
        home
    }

    fn theirs(&self) -> PathBuf {
        self.0.path().join("their config.toml")
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("config/v2m/config.toml")
    }

    fn import(&self, args: &[&str], file: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_v2m"))
            .arg("import-config")
            .args(args)
            .arg(file)
            .env_remove("V2M_CONFIG")
            .env_remove("V2M_MODEL_DIR")
            .env("XDG_CONFIG_HOME", self.0.path().join("config"))
            .env("XDG_DATA_HOME", self.0.path().join("data"))
            .output()
            .unwrap()
    }
}

fn said(output: &Output) -> String {
    let said =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    said.concat()
}

#[test]
fn it_takes_over_what_there_is_in_v2m_and_says_why_not_the_rest() {
    let home = Home::new();
    let output = home.import(&[], &home.theirs());
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    for line in [
        "+ transcription.whisper.language: engine.language = \"es\"",
        "+ llm.backend: llm.provider = \"gemini\"",
        "- transcription.whisper.vad_parameters.threshold: not taken over: v2m finds voice",
        // Without its model the service would not transcribe at all.
        "- transcription.whisper.model: not taken over: the model is not here: `v2m-model pull large-v3-turbo",
        "- gemini.api_key: not taken over",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let written = fs::read_to_string(home.config()).unwrap();
    assert!(
        written.contains("\nlanguage = \"es\"") && written.contains("\nprovider = \"gemini\""),
        "{written}"
    );
    assert!(!written.contains("\nmodel = \"large"), "{written}");
    assert!(!(told + &written).contains("secret"));
    // Once more there is nothing left to take.
    let again = said(&home.import(&[], &home.theirs()));
    assert!(!again.contains("engine.language"), "{again}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = Home::new();
    let output = home.import(&["--dry-run"], &home.theirs());
    assert!(output.status.success() && said(&output).contains("Nothing was changed"));
    assert!(!home.config().exists());
}

/// The dry run said "Nothing was changed" of what the import then refused; one foreign section or wrong value stopped it all.
#[test]
fn each_value_is_checked_and_none_stops_the_others() {
    let home = Home::new();
    let file = "\
debug = true
[transcription.whisper]
device = \"cuda:0\"
beam_size = 99
language = \"xx\"
keep_warm = true
[llm]
backend = \"ollama\"
spare = 1
api_key = \"sk-secret\"
[llm.ollama]
host = \"localhost:11434\"
[server]
port = 9000
[server.deep]
a = 1
[empty]
[deliver]
mode = \"none\"
nonsense = 5
[session]
max_minutes = 0
";
    fs::write(home.theirs(), file).unwrap();
    let dry = home.import(&["--dry-run"], &home.theirs());
    let told = said(&dry);
    assert!(dry.status.success() && told.contains("Nothing was changed"), "{told}");
    for line in [
        "- debug: not taken over: v2m has no such setting",
        "+ transcription.whisper.device: engine.backend = \"cuda\"",
        "- transcription.whisper.beam_size: not taken over: engine.beam_size takes a whole number",
        "- transcription.whisper.language: not taken over: engine.language takes",
        "+ transcription.whisper.keep_warm: engine.unload_after = \"never\"",
        "- llm.spare: not taken over: v2m has no such setting",
        "- llm.api_key: not taken over: keys do not belong in the configuration",
        "+ llm.ollama.host: llm.base_url = \"http://localhost:11434\"",
        "- server.port: not taken over: v2m has no such setting",
        "- server.deep.a: not taken over: v2m has no such setting",
        "- empty: not taken over: v2m has no such setting",
        "+ deliver.mode: deliver.mode = \"none\"",
        "- deliver.nonsense: not taken over: v2m has no such setting",
        "- session.max_minutes: not taken over: session.max_minutes takes",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!home.config().exists() && !told.contains("secret"));

    let done = home.import(&[], &home.theirs());
    assert!(done.status.success());
    let lines = |text: &str| text.lines().filter(|line| line.contains(": ")).count();
    assert_eq!(lines(&said(&done)), lines(&told), "{}", said(&done));
    let written = fs::read_to_string(home.config()).unwrap();
    for line in
        ["\nbackend = \"cuda\"", "\nbase_url = \"http://localhost:11434\"", "\nmode = \"none\""]
    {
        assert!(written.contains(line), "{line} in {written}");
    }
}

/// What is wrong in v2m's own file is told by the dry run too.
#[test]
fn a_dry_run_tells_what_is_wrong_in_v2ms_own_file() {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    fs::write(home.config(), "[engine]\nbeam_size = 99\n").unwrap();
    let output = home.import(&["--dry-run"], &home.theirs());
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("engine.beam_size"), "{}", said(&output));
}

#[test]
fn a_file_that_is_none_or_not_there_is_told() {
    let home = Home::new();
    let broken = home.0.path().join("broken.toml");
    fs::write(&broken, "[transcription\n").unwrap();
    for file in [broken.as_path(), Path::new("/nowhere/config.toml")] {
        let output = home.import(&[], file);
        assert_eq!(output.status.code(), Some(1));
        let told = said(&output);
        assert!(
            told.contains(&file.display().to_string()) && told.contains("voice2machine"),
            "{told}"
        );
    }
    assert!(!home.config().exists());
}
