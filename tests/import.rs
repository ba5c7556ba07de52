//! Tests `v2m import-config`, as its user sees it.

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
        self.import_with(&[], args, file)
    }

    fn import_with(&self, variables: &[(&str, &str)], args: &[&str], file: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_v2m"))
            .arg("import-config")
            .envs(variables.iter().copied())
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
    // The second time, there is nothing left to import.
    let again = said(&home.import(&[], &home.theirs()));
    assert!(!again.contains("engine.language"), "{again}");
}

/// voice2machine only copied texts. A user who has chosen the clipboard keeps it.
#[test]
fn where_texts_go_stays_as_the_user_has_set_it() {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    fs::write(home.config(), "[deliver]\nmode = \"clipboard\" # mine\n").unwrap();
    let output = home.import(&[], &home.theirs());
    assert!(output.status.success(), "{}", said(&output));
    let written = fs::read_to_string(home.config()).unwrap();
    assert!(written.contains("mode = \"clipboard\" # mine"), "{written}");
    // The imported file sets the clipboard explicitly, so it is imported, although it was the
    // default of voice2machine.
    let home = Home::new();
    fs::write(home.theirs(), format!("{THEIRS}[deliver]\nmode = \"clipboard\"\n")).unwrap();
    assert!(home.import(&[], &home.theirs()).status.success());
    let written = fs::read_to_string(home.config()).unwrap();
    assert!(written.contains("\nmode = \"clipboard\""), "{written}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = Home::new();
    let output = home.import(&["--dry-run"], &home.theirs());
    assert!(output.status.success() && said(&output).contains("Nothing was changed"));
    assert!(!home.config().exists());
}

/// Regression: the dry run said "Nothing was changed" for values that the import then refused; a
/// single foreign section or wrong value stopped the whole import.
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

/// Imports `theirs` into a home where v2m has OpenAI's API at a custom address. Returns the output
/// and the resulting configuration.
#[track_caller]
fn import_beside(variables: &[(&str, &str)], theirs: &str) -> (String, String) {
    let home = Home::new();
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    let ours = "[llm]\nprovider = \"openai\"\nbase_url = \"http://box:8080/v1\"\nmodel = \"m\"\n";
    fs::write(home.config(), ours).unwrap();
    fs::write(home.theirs(), theirs).unwrap();
    let output = home.import_with(variables, &[], &home.theirs());
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    (told, fs::read_to_string(home.config()).unwrap())
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line} in {text}");
    }
}

const HOST_WITH_PASSWORD: &str = "\
[llm]
backend = \"ollama\"
[llm.ollama]
host = \"https://me:pw@ollama.example\"
model = \"gemma2:2b\"
";

/// Regression: if the new address was refused, the former provider's stayed in force, so texts
/// would have been sent there.
#[test]
fn a_new_provider_is_never_asked_at_the_address_of_the_former_one() {
    let own = "[llm]\nprovider = \"ollama\"\nbase_url = \"nowhere\"\nmodel = \"gemma2:2b\"\n";
    for (theirs, from, refused) in [
        (
            HOST_WITH_PASSWORD,
            "llm.backend",
            "- llm.ollama.host: not taken over: llm.base_url takes",
        ),
        ("[llm]\nbackend = \"ollama\"\n[llm.ollama]\nmodel = \"gemma2:2b\"\n", "llm.backend", ""),
        // The file may also contain v2m's own settings.
        (own, "llm.provider", "- llm.base_url: not taken over: llm.base_url takes"),
    ] {
        let (told, written) = import_beside(&[], theirs);
        let provider = format!("+ {from}: llm.provider = \"ollama\"");
        let emptied = format!("+ {from}: llm.base_url = \"\"");
        assert_has(&told, &[&provider, &emptied, refused]);
        assert_has(
            &written,
            &["provider = \"ollama\"", "base_url = \"\"", "model = \"gemma2:2b\""],
        );
    }
    // A valid address is imported. An address set by a variable cannot be emptied.
    let host = "[llm]\nbackend = \"ollama\"\n[llm.ollama]\nhost = \"localhost\"\n";
    let (told, written) = import_beside(&[], host);
    assert_has(&written, &["provider = \"ollama\"", "base_url = \"http://localhost:11434\""]);
    assert!(!told.contains("base_url = \"\""), "{told}");
    for theirs in [HOST_WITH_PASSWORD, host] {
        let variable = ("V2M_LLM__BASE_URL", "http://box:8080/v1");
        let (told, written) = import_beside(&[variable], theirs);
        assert_has(
            &told,
            &["- llm.backend: not taken over: changing llm.base_url: the environment variable"],
        );
        assert_has(&written, &["provider = \"openai\"", "base_url = \"http://box:8080/v1\""]);
    }
    let variable = ("V2M_LLM__BASE_URL", "http://localhost:11434");
    let (told, written) = import_beside(&[variable], host);
    assert_has(&told, &["+ llm.backend: llm.provider", "- llm.ollama.host: not taken over"]);
    assert_has(&written, &["provider = \"ollama\"", "base_url = \"http://box:8080/v1\""]);
}

/// Regression: if the provider was refused, its model was still imported for the other provider,
/// whose address was silently emptied.
#[test]
fn what_is_for_a_provider_that_is_refused_is_refused_with_it() {
    let variable = ("V2M_LLM__PROVIDER", "openai");
    let gemini = "\
[transcription.whisper]
language = \"es\"
[gemini]
model = \"gemini-2.0-flash\"
temperature = 0.7
request_timeout = 77
[llm]
backend = \"gemini\"
preset = \"email\"
";
    let (told, written) = import_beside(&[variable], gemini);
    assert_has(
        &told,
        &[
            "- llm.backend: not taken over: changing llm.provider: the environment variable",
            "- gemini.model: not taken over: llm.provider is not set to \"gemini\"",
            "- gemini.temperature: not taken over: llm.provider is not",
            "- gemini.request_timeout: not taken over: llm.provider is not",
            // Settings that belong to no provider are imported.
            "+ llm.preset: llm.preset = \"email\"",
            "+ transcription.whisper.language: engine.language = \"es\"",
        ],
    );
    assert_has(
        &written,
        &["provider = \"openai\"", "base_url = \"http://box:8080/v1\"", "model = \"m\""],
    );
    for word in ["0.7", "77", "gemini-2.0"] {
        assert!(!written.contains(word), "{word} in {written}");
    }
    let host = "[llm]\nbackend = \"ollama\"\n[llm.ollama]\nhost = \"localhost\"\nmodel = \"x\"\n";
    let own =
        "[llm]\nprovider = \"ollama\"\nbase_url = \"http://localhost:11434\"\nmodel = \"x\"\n";
    for (theirs, from) in [(host, "llm.ollama.host"), (own, "llm.base_url")] {
        let (told, written) = import_beside(&[variable], theirs);
        assert_has(&told, &[&format!("- {from}: not taken over: llm.provider is not set to")]);
        assert_has(&written, &["base_url = \"http://box:8080/v1\"", "model = \"m\""]);
    }
    // The variable already selects this provider.
    let same = "[llm]\nprovider = \"openai\"\nmodel = \"x\"\n";
    let (told, written) = import_beside(&[variable], same);
    assert_has(&told, &["- llm.provider: not taken over", "+ llm.model: llm.model = \"x\""]);
    assert_has(&written, &["base_url = \"http://box:8080/v1\"", "model = \"x\""]);
}

/// The dry run also reports errors in v2m's own file.
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
