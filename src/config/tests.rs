//! Tests the whole room: text and environment in, settings or a helpful error out.

use super::keys::{self, SECTIONS};
use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fs;
use std::time::Duration;

const NO_ENV: [(&str, &str); 0] = [];

struct Fixture {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn file(text: &str) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    fs::write(&path, text).unwrap();
    Fixture { _dir: dir, path }
}

fn load_text(text: &str) -> Result<Settings, ConfigError> {
    load(&file(text).path, NO_ENV)
}

fn error_of(text: &str) -> String {
    load_text(text).unwrap_err().to_string()
}

fn partial(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Returns the default file with its keys uncommented.
fn uncommented() -> String {
    let lines = default_toml();
    let lines = lines.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_says_every_key_and_its_default() {
    assert_eq!(load_text(&default_toml()).unwrap(), Settings::default());
    let text = uncommented();
    assert_eq!(load_text(&text).unwrap(), Settings::default());
    let document: toml_edit::DocumentMut = text.parse().unwrap();
    for key in keys::all() {
        assert!(document[key.section].get(key.name).is_some(), "{}", key.full_name());
    }
    // A long list stays on one line, so that one `#` comments it out.
    let prose = text.lines().filter(|line| !line.ends_with(']'));
    assert!(prose.map(|line| line.chars().count()).all(|length| length <= 100));
}

/// Dotfiles are shared, and errors are copied into reports.
#[test]
fn secrets_are_sent_away_and_not_repeated() {
    for text in ["[llm]\napi_key = \"hunter2\"", "[llm]\ntoken = \"hunter2\""] {
        let error = error_of(text);
        assert!(
            error.contains("~/.config/v2m/gemini.key") && !error.contains("hunter2"),
            "{error}"
        );
    }
    for url in ["https://me:hunter2@llm.example/v1", "https://llm.example/v1?key=hunter2"] {
        let error = error_of(&format!("[llm]\nbase_url = \"{url}\""));
        assert!(error.contains("without user name and query"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let plain = load_text("[llm]\nbase_url = \"http://[::1]:8080/v1\"").unwrap();
    assert_eq!(plain.llm.base_url.as_deref(), Some("http://[::1]:8080/v1"));
}

#[test]
fn a_language_model_is_told_what_a_question_may_take() {
    let within = Duration::from_millis(1_500);
    assert_eq!(Settings::default().llm.endpoint(within), None);
    let settings = load_text("[llm]\nprovider = \"ollama\"\nmodel = \"m\"").unwrap();
    let endpoint = settings.llm.endpoint(within).unwrap();
    assert_eq!((endpoint.provider.name(), endpoint.model.as_str()), ("ollama", "m"));
    assert_eq!((endpoint.connect_ms, endpoint.total_ms, endpoint.base_url), (5_000, 1_500, None));
}

#[test]
fn the_table_of_keys_is_whole() {
    let mut names: Vec<String> = keys::all().map(|key| key.full_name()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), keys::all().count());
    for key in keys::all() {
        assert!(SECTIONS.iter().any(|(name, _)| *name == key.section));
        let default = (key.get)(&Settings::default());
        assert!((key.set)(&mut Settings::default(), &default), "{}", key.full_name());
    }
    let shown = Settings::default().to_json();
    assert_eq!(shown["engine"]["model"], "base-q8_0");
    assert_eq!(shown["deliver"]["mode"], "auto");
    assert_eq!(shown.as_object().unwrap().len(), SECTIONS.len());
}

#[test]
fn a_missing_file_is_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(&dir.path().join("none"), NO_ENV).unwrap(), Settings::default());
}

#[test]
fn every_form_of_a_section_is_read() {
    let want = Settings {
        engine: EngineSettings {
            beam_size: 1,
            language: Some("es".into()),
            ..EngineSettings::default()
        },
        ..Settings::default()
    };
    for text in [
        "[engine]\nbeam_size = 1\nlanguage = \"es\"",
        "engine = { beam_size = 1, language = \"es\" }",
        "engine.beam_size = 1\nengine.language = 'es'",
    ] {
        assert_eq!(load_text(text).unwrap(), want, "{text}");
    }
}

#[test]
fn times_are_taken_with_their_units_and_written_the_shortest_way() {
    let read = |text: &str| load_text(&format!("[engine]\nunload_after = '{text}'"));
    let written = [
        ("auto", "auto"),
        ("never", "never"),
        ("90s", "90s"),
        ("120s", "2min"),
        ("15 min", "15min"),
        ("60min", "1h"),
        ("24h", "24h"),
    ];
    for (text, back) in written {
        let settings = read(text).unwrap();
        assert_eq!(settings.to_json()["engine"]["unload_after"], back, "{text}");
    }
    for text in
        ["", "15", "min", "0s", "25h", "1d", "-1s", "1.5h", "99999999999999999999s", "1 s x"]
    {
        assert!(read(text).is_err(), "{text:?}");
    }
    let silence = |text: &str| load_text(&format!("[session]\nstop_after_silence = '{text}'"));
    for (text, back) in [("never", "never"), ("2.5s", "2.5s"), ("3 s", "3s"), ("60s", "60s")] {
        let settings = silence(text).unwrap();
        assert_eq!(settings.to_json()["session"]["stop_after_silence"], back, "{text}");
    }
    for text in ["", "2.5", "0.4s", "61s", "NaNs", "infs", "-1s", "off"] {
        assert!(silence(text).is_err(), "{text:?}");
    }
    let long = |text: &str| load_text(&format!("[session]\ncontinuous_silence = '{text}'"));
    for (text, back) in [("never", "never"), ("5s", "5s"), ("600s", "600s")] {
        let settings = long(text).unwrap();
        assert_eq!(settings.to_json()["session"]["continuous_silence"], back, "{text}");
    }
    assert!(long("4.9s").is_err() && long("601s").is_err());
    let on = |text: &str, gpu| read(text).unwrap().engine.unload_after.on(gpu).map(|t| t.as_secs());
    assert_eq!((on("auto", true), on("auto", false)), (Some(900), None));
    assert_eq!((on("90s", true), on("90s", false)), (Some(90), Some(90)));
    assert_eq!((on("never", true), on("never", false)), (None, None));
}

#[test]
fn errors_say_where_what_and_what_to_do() {
    let cases = [
        (
            "[engine]\n\nmodle = 1",
            "line 3: there is no key engine.modle; did you mean engine.model?",
        ),
        ("[engin]", "line 1: there is no section [engin]; did you mean [engine]?"),
        (
            "\nmodel = 'x'",
            "line 2: there is no section [model]; did you mean the key model in section [engine]?",
        ),
        ("[log]\nqqq = 1", "line 2: there is no key log.qqq; [log] has level"),
        ("[log]\nkeep_days = 1", "did you mean store.keep_days?"),
        ("log = 3", "line 1: log = 3 is not allowed: log is a section of keys"),
        (
            "[engine]\nbeam_size = 9",
            "line 2: engine.beam_size = 9 is not allowed: it takes a whole number from 1 to 8",
        ),
        ("[engine]\nbeam_size = \"5\"", "engine.beam_size = \"5\" is not allowed"),
        ("[llm]\nmodel = 7", "such as \"gemini-2.5-flash\" or \"qwen2.5:3b\", in quotes"),
        ("[text]\nreplace = { uno = 1 }", ", in quotes"),
        (
            "[engine]\nlanguage = \"xx\"",
            "it takes \"auto\" or the code of a language Whisper knows",
        ),
        ("[engine]\nmodel = \"models/x.bin\"", "absolute path"),
        ("[engine]\nvocabulary = [\"a\\u0000\"]", "it takes a list of words"),
        ("[session]\nmax_minutes = nan", "line 2: session.max_minutes = nan is not allowed"),
        ("[session]\nmax_minutes = 0.01", "a number from 0.05 to 120"),
        ("[log]\nlevel = \"loud\"", "it takes \"error\", \"warn\""),
        ("[engine]\nbackend = \"gpu\"", "\"vulkan\", \"cpu\" or \"remote\""),
        ("[engine]\nunload_after = 15", "it takes \"auto\", \"never\", or a time from 1s to 24h"),
        ("[text]\nrefine = \"model\"", "it takes \"off\", \"rules\" or \"llm\""),
        ("[llm]\nprovider = \"clippy\"", "it takes \"none\", \"gemini\", \"ollama\" or \"openai\""),
        ("[llm]\nbase_url = \"localhost:8080\"", "an address such as"),
        ("[llm]\npreset = \"../x\"", "the name of a preset"),
        ("[llm]\ntarget_language = \"xx\"", "a language's code or name"),
        ("[llm]\ntemperature = -0.1", "a number from 0 to 2"),
        ("[[log]]\nlevel = \"info\"", "log is a section of keys"),
        ("[engine]\n\nmodel = ", "line 3"),
        ("[engine]\nmodel = 'a'\nmodel = 'b'", "line 3"),
    ];
    for (text, expected) in cases {
        let error = error_of(text);
        assert!(error.contains(expected), "{text:?} said: {error}");
        assert!(error.contains("config.toml"), "{error}");
    }
    let binary = file("");
    fs::write(&binary.path, b"# \n\xff").unwrap();
    let error = load(&binary.path, NO_ENV).unwrap_err().to_string();
    assert!(error.contains("line 2: this is not UTF-8"), "{error}");
}

#[test]
fn a_directory_or_a_huge_file_is_an_error() {
    let huge = file(&"#".repeat(2 << 20));
    assert!(load(&huge.path, NO_ENV).unwrap_err().to_string().contains("longer than 1 MiB"));
    let error = load(huge.path.parent().unwrap(), NO_ENV).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }));
}

#[test]
fn the_environment_wins_over_the_file() {
    let fixture = file("[engine]\nbeam_size = 2\nmodel = 'a'");
    let env = [
        ("V2M_ENGINE__BEAM_SIZE", "3"),
        ("V2M_ENGINE__MODEL", "5"),
        ("V2M_ENGINE__LANGUAGES", "en, es"),
        ("V2M_ENGINE__VOCABULARY", "[\"a, b\", \"c\"]"),
        ("V2M_ENGINE__TRANSLATE", "true"),
        ("V2M_SESSION__MAX_MINUTES", "0.5"),
        ("V2M_CAPTURE__SOURCE", ""),
        ("V2M_CONFIG", "elsewhere"),
        ("V2MX__Y", "no concern of ours"),
    ];
    let settings = load(&fixture.path, env).unwrap();
    assert_eq!((settings.engine.beam_size, settings.engine.model.as_str()), (3, "5"));
    assert_eq!(settings.engine.languages, ["en", "es"]);
    assert_eq!(settings.engine.vocabulary, ["a, b", "c"]);
    assert!(settings.engine.translate);
    assert_eq!((settings.session.max_minutes, settings.capture.source), (0.5, None));
    for (variable, expected) in [
        (
            ("V2M_ENGINE__BEAM_SIZE", "many"),
            "environment variable V2M_ENGINE__BEAM_SIZE: engine.beam_size = many",
        ),
        (("V2M_ENGINE__BEAMSIZE", "3"), "did you mean engine.beam_size?"),
        (("V2M_ENGIN__X", "3"), "did you mean [engine]?"),
    ] {
        let error = load(&fixture.path, [variable]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn changes_name_every_key_that_differs() {
    let old = Settings::default();
    let mut new = old.clone();
    new.log.level = LogLevel::Debug;
    new.engine.beam_size = 1;
    let (applied, restart) = changes(&old, &new);
    assert_eq!(applied, ["engine.beam_size", "log.level"]);
    assert!(restart.is_empty(), "every key there is now is put in force at once");
}

const COMMENTED: &str = "# mine\n[engine] # here\n# fast\nbeam_size   = 1 # quick\n# why\n\
                         model = 'a' # own\n\n# next\n[log]\n# last\nlevel = 'warn'\n# end\n";

#[test]
fn an_update_keeps_comments_and_order() {
    let fixture = file(COMMENTED);
    let change =
        partial(json!({"engine": {"beam_size": 7, "threads": 2}, "store": {"keep_days": 3}}));
    let updated = update(&fixture.path, NO_ENV, &load(&fixture.path, NO_ENV).unwrap(), &change);
    let updated = updated.unwrap();
    assert_eq!(updated.applied, ["engine.beam_size", "engine.threads", "store.keep_days"]);
    assert!(updated.restart.is_empty());
    let text = fs::read_to_string(&fixture.path).unwrap();
    let expected = COMMENTED
        .replace("beam_size   = 1 # quick", "beam_size   = 7 # quick")
        .replace("# own\n", "# own\nthreads = 2\n");
    assert_eq!(text, expected.replace("'warn'\n", "'warn'\n\n[store]\nkeep_days = 3\n"));
}

#[test]
fn null_takes_a_key_back_to_its_default_and_keeps_comments() {
    let fixture = file(COMMENTED);
    let current = load(&fixture.path, NO_ENV).unwrap();
    for change in [json!({"engine": {"beam_size": null}}), json!({"engine": null, "log": null})] {
        update(&fixture.path, NO_ENV, &current, &partial(change)).unwrap();
    }
    let text = fs::read_to_string(&fixture.path).unwrap();
    assert_eq!(load(&fixture.path, NO_ENV).unwrap(), Settings::default());
    assert_eq!(text, "# mine\n[engine] # here\n# fast\n# why\n\n# next\n[log]\n# last\n# end\n");
}

#[test]
fn an_update_of_a_missing_file_starts_from_the_documented_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v2m/config.toml");
    let change = partial(json!({"engine": {"language": "de"}}));
    update(&path, NO_ENV, &Settings::default(), &change).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("#language = \"auto\"\nlanguage = \"de\"\n\n# With"), "{text}");
    assert!(text.contains("#beam_size = 5"));
    let back = partial(json!({"engine": {"language": null}}));
    update(&path, NO_ENV, &Settings::default(), &back).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), default_toml());
}

#[test]
fn a_new_key_goes_below_its_documented_line_whatever_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    fs::write(&path, default_toml()).unwrap();
    let change = json!({
        "deliver": {"terminals": ["kitty"], "mode": "paste"},
        "text": {"replace": {"ve dos eme": "v2m"}},
        "log": {"level": "debug"},
    });
    update(&path, NO_ENV, &Settings::default(), &partial(change)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for key in ["terminals = [", "mode = \"paste\"", "replace = {", "level = \"debug\""] {
        let name = key.split(' ').next().unwrap();
        let at = text.lines().position(|line| line.starts_with(key)).expect(key);
        let above = text.lines().nth(at - 1).unwrap();
        assert!(above.starts_with(&format!("#{name} = ")), "{key} below {above}");
    }
}

#[test]
fn an_update_never_makes_a_file_that_is_too_long_to_be_read() {
    let fixture = file("# mine\n");
    let change = partial(json!({"capture": {"source": "x".repeat(2 << 20)}}));
    let error = update(&fixture.path, NO_ENV, &Settings::default(), &change).unwrap_err();
    assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
    assert_eq!(fs::read_to_string(&fixture.path).unwrap(), "# mine\n");
}

#[test]
fn an_update_that_the_environment_would_hide_is_refused() {
    let fixture = file("");
    let change = partial(json!({"engine": {"model": "b"}}));
    let env = [("V2M_ENGINE__MODEL", "a")];
    let error = update(&fixture.path, env, &Settings::default(), &change).unwrap_err();
    assert!(error.to_string().contains("V2M_ENGINE__MODEL"), "{error}");
}

#[test]
fn applications_have_presets_by_name_and_entries_come_and_go_alone() {
    let wanted = |settings: &Settings, entries: &[(&str, &str)]| {
        let all = settings.llm.applications.iter();
        let all: Vec<_> = all.map(|(name, preset)| (name.as_str(), preset.as_str())).collect();
        assert_eq!(all, entries);
    };
    let text = "[llm.applications]\n\"org.gnome.Evolution\" = \"email\"\nSlack = \"none\"\n";
    let both = [("Slack", "none"), ("org.gnome.Evolution", "email")];
    wanted(&load_text(text).unwrap(), &both);
    wanted(&load_text("").unwrap(), &[]);
    let env = [("V2M_LLM__APPLICATIONS", r#"{"Slack" = "none", "org.gnome.Evolution" = "email"}"#)];
    wanted(&load(&file("").path, env).unwrap(), &both);
    for bad in ["'email'", "['email']", "{ a = 1 }", "{ a = '' }", "{ a = 'x/y' }", "{ '' = 'x' }"]
    {
        let error = load_text(&format!("[llm]\napplications = {bad}")).unwrap_err().to_string();
        assert!(error.contains("line 2: llm.applications") && error.contains("email"), "{error}");
    }
    let error = load(&file("").path, [("V2M_LLM__APPLICATIONS", "Slack")]).unwrap_err().to_string();
    assert!(error.contains("V2M_LLM__APPLICATIONS") && error.contains("a table"), "{error}");
    let fixture = file(text);
    let current = load(&fixture.path, NO_ENV).unwrap();
    let change = json!({"llm": {"applications": {"Slack": null, "kate": "notes"}}});
    let updated = update(&fixture.path, NO_ENV, &current, &partial(change)).unwrap();
    assert_eq!(updated.applied, ["llm.applications"]);
    wanted(&updated.settings, &[("kate", "notes"), ("org.gnome.Evolution", "email")]);
}

#[test]
fn an_update_can_mend_the_value_it_replaces_and_names_the_line_of_another() {
    let broken = file("[engine]\nbeam_size = 99");
    let change = partial(json!({"engine": {"beam_size": 1}}));
    let updated = update(&broken.path, NO_ENV, &Settings::default(), &change).unwrap();
    assert_eq!(updated.settings.engine.beam_size, 1);
    let broken = file("\n[engine]\nthreads = -1\n");
    let error = update(&broken.path, NO_ENV, &Settings::default(), &change).unwrap_err();
    assert!(error.to_string().contains("line 3: engine.threads = -1"), "{error}");
}

const REPLACE: &str = "[text] # words\nremove_fillers = true\n\n# mine\n[text.replace] # own\n# name\n\
                       \"ve dos eme\" = 'v2m' # kept\nfoo = 'bar'\n";

#[test]
fn a_table_is_read_in_every_form() {
    let want = |text: &str| {
        let replace = load_text(text).unwrap().text.replace;
        assert_eq!(replace.get("ve dos eme").map(String::as_str), Some("v2m"), "{text}");
    };
    want(REPLACE);
    want("[text]\nreplace = { 've dos eme' = 'v2m' }");
    want("text.replace.'ve dos eme' = 'v2m'");
    let env = [("V2M_TEXT__REPLACE", "{ 've dos eme' = 'v2m' }")];
    assert_eq!(load(&file("").path, env).unwrap().text.replace.len(), 1);
    for wrong in
        ["replace = 'a'", "replace = { a = 1 }", "replace = { a = ' ' }", "replace = { ',' = 'x' }"]
    {
        let error = error_of(&format!("[text]\n{wrong}"));
        assert!(error.contains("line 2: text.replace") && error.contains("ve dos eme"), "{error}");
    }
}

#[test]
fn an_update_of_a_table_is_an_update_of_its_entries() {
    let fixture = file(REPLACE);
    let change = json!({"text": {"replace": {"foo": null, "ve dos eme": "V2M", "new": "one"}}});
    let current = load(&fixture.path, NO_ENV).unwrap();
    let updated = update(&fixture.path, NO_ENV, &current, &partial(change)).unwrap();
    assert_eq!(updated.applied, ["text.replace"]);
    let text = fs::read_to_string(&fixture.path).unwrap();
    let expected = REPLACE.replace("'v2m'", "\"V2M\"").replace("foo = 'bar'", "new = \"one\"");
    assert_eq!(text, expected);
    let change = json!({"text": {"replace": null}});
    update(&fixture.path, NO_ENV, &updated.settings, &partial(change)).unwrap();
    assert!(load(&fixture.path, NO_ENV).unwrap().text.replace.is_empty());
    let fixture = file("[text]\nreplace = { a = 'b' } # x\n");
    let change = json!({"text": {"replace": {"c": "d"}}});
    update(&fixture.path, NO_ENV, &Settings::default(), &partial(change)).unwrap();
    let text = fs::read_to_string(&fixture.path).unwrap();
    assert_eq!(text, "[text]\nreplace = { a = \"b\", c = \"d\" } # x\n");
}

/// JSON that is often, but not always, a valid change.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..700).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["auto", "cpu", "en", "info", "\\PC{0,6}", ".{0,6}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec(prop_oneof!["en", "de", "[a-z ]{1,5}"], 0..3)
                .prop_map(Value::from),
            proptest::collection::hash_map("[a-z]{1,3}", inner, 0..2)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_change() -> impl Strategy<Value = Map<String, Value>> {
    let key = (0..keys::all().count(), any_value());
    let keys = proptest::collection::vec(key, 0..4);
    (keys, proptest::option::weighted(0.1, ("[a-z]{1,7}", any_value()))).prop_map(|(keys, odd)| {
        let mut change = Map::new();
        for (index, value) in keys {
            let key = keys::all().nth(index).unwrap();
            let section = change.entry(key.section).or_insert_with(|| json!({}));
            section[key.name] = value;
        }
        change.extend(odd);
        change
    })
}

fn any_base() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(COMMENTED.to_owned()),
        Just(default_toml()),
        Just(uncommented()),
        Just("engine = { beam_size = 1, model = 'x' }\nlog.level = 'warn'\n".to_owned()),
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        ".{0,60}",
        "(\\[(engine|log|[a-z]{1,3})\\]\n)?([a-z_]{1,9} = .{0,9}\n){0,3}",
    ]) {
        let path = Path::new("config.toml");
        let _ = merge::settings(path, &text, &[]);
    }

    #[test]
    fn any_environment_is_read_or_refused(
        name in "(ENGINE|LOG|[A-Z]{1,4})__(MODEL|LEVEL|LANGUAGES|[A-Z]{1,4})",
        value in ".{0,20}",
    ) {
        let _ = merge::from_env([(format!("V2M_{name}"), value)])
            .and_then(|given| merge::settings(Path::new("config.toml"), "", &given));
    }

    #[test]
    fn an_update_changes_nothing_or_what_it_says(base in any_base(), change in any_change()) {
        let fixture = file(&base);
        let current = load(&fixture.path, NO_ENV).unwrap();
        match update(&fixture.path, NO_ENV, &current, &change) {
            Err(error) => {
                prop_assert!(!matches!(error, ConfigError::Write { .. }), "{}", error);
                prop_assert_eq!(fs::read_to_string(&fixture.path).unwrap(), base);
            }
            Ok(updated) => {
                prop_assert_eq!(&load(&fixture.path, NO_ENV).unwrap(), &updated.settings);
                let (now, default) = (updated.settings.to_json(), Settings::default().to_json());
                for (section, keys) in &change {
                    let Some(keys) = keys.as_object() else {
                        prop_assert_eq!(&now[section], &default[section]);
                        continue;
                    };
                    for (name, value) in keys {
                        let (said, got) = (value.as_f64(), now[section][name].as_f64());
                        match value {
                            Value::Null => prop_assert_eq!(&now[section][name], &default[section][name]),
                            Value::Number(_) => prop_assert_eq!(said, got),
                            // Null removes an entry, and there is none.
                            Value::Object(entries) => {
                                let mut entries = entries.clone();
                                entries.retain(|_, value| !value.is_null());
                                prop_assert_eq!(&now[section][name], &Value::from(entries));
                            }
                            _ => prop_assert_eq!(&now[section][name], value),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn an_update_that_lacks_its_quotes_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let none: [(&str, &str); 0] = [];
    for change in [json!({"llm": {"model": 7}}), json!({"text": {"replace": {"uno": 1}}})] {
        let error = update(&path, none, &Settings::default(), &partial(change)).unwrap_err();
        assert!(error.to_string().contains("with quotes of its own: '\"…\"'"), "{error}");
    }
    let error = update(&path, none, &Settings::default(), &partial(json!({"log": {"level": 1}})));
    assert!(!error.unwrap_err().to_string().contains("quotes"));
}
