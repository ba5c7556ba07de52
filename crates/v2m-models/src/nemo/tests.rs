//! The smallest file of these families takes megabytes, so tests change a head.

use super::shape::Role;
use super::*;
use crate::gguf::{Tensor, TensorKind};
use std::collections::BTreeMap;

/// Parses a value, as written in the tables below.
fn value(text: &str) -> Value {
    match text.parse() {
        Ok(number) => Value::Number(number),
        Err(_) => Value::Text(text.into()),
    }
}

fn head(values: &[(&str, &str)], lists: &[(&str, &[&str])]) -> Gguf {
    let mut all: BTreeMap<String, Value> =
        values.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect();
    for (key, names) in lists {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        all.insert((*key).to_owned(), Value::Names(names));
    }
    all.insert("tokenizer.ggml.tokens".into(), Value::Texts(200));
    Gguf { values: all, tensors: Vec::new() }
}

const FRONTEND: [(&str, &str); 8] = [
    ("stt.frontend.type", "mel"),
    ("stt.frontend.window", "hann"),
    ("stt.frontend.normalize", "per_feature"),
    ("stt.frontend.num_mels", "128"),
    ("stt.frontend.sample_rate", "16000"),
    ("stt.frontend.n_fft", "512"),
    ("stt.frontend.win_length", "400"),
    ("stt.frontend.hop_length", "160"),
];
const ENCODER: [(&str, &str); 8] = [
    ("encoder.n_layers", "2"),
    ("encoder.d_model", "64"),
    ("encoder.n_heads", "4"),
    ("encoder.d_ff", "128"),
    ("encoder.conv_kernel", "9"),
    ("encoder.subsampling_factor", "8"),
    ("encoder.subsampling_channels", "32"),
    ("encoder.pos_emb_max_len", "5000"),
];

/// Returns the head of a model with these values in addition to the common ones, and its tensors.
fn model(prefix: &str, own: &[(&str, &str)], lists: &[(&str, &[&str])]) -> Gguf {
    let keyed = ENCODER.iter().chain(own).map(|(key, text)| (format!("{prefix}.{key}"), *text));
    let keyed: Vec<(String, &str)> = keyed.collect();
    let keyed = keyed.iter().map(|(key, text)| (key.as_str(), *text));
    head(&FRONTEND.into_iter().chain(keyed).collect::<Vec<_>>(), lists)
}

fn filled(mut head: Gguf, wanted: &Wanted) -> Gguf {
    let tensors = wanted.0.iter().map(|(name, dims, role)| {
        let kind = if *role == Role::Matrix { TensorKind::Q8_0 } else { TensorKind::F32 };
        Tensor { name: name.clone(), dims: dims.clone(), kind }
    });
    head.tensors = tensors.collect();
    head
}

fn small_canary() -> Gguf {
    let mut own = vec![
        ("decoder.n_layers", "1"),
        ("decoder.d_model", "64"),
        ("decoder.n_heads", "4"),
        ("decoder.d_ff", "128"),
        ("decoder.max_position", "256"),
        ("decoder.vocab_size", "200"),
        ("decoder.activation", "relu"),
        ("tokenizer.prompt_format", "canary2"),
    ];
    let specials = [
        "startoftranscript",
        "endoftext",
        "pad",
        "startofcontext",
        "pnc",
        "noitn",
        "notimestamp",
        "nodiarize",
        "lang.en",
        "lang.es",
    ];
    let specials = specials.map(|name| format!("special.{name}_id"));
    own.extend(specials.iter().map(|name| (name.as_str(), "7")));
    let lists: [(&str, &[&str]); 2] = [
        ("stt.canary.tokenizer.lang_codes", &["spl_tokens", "en", "es"]),
        ("general.languages", &["en", "es", "it"]),
    ];
    let head = model("stt.canary", &own, &lists);
    let (_, wanted) = canary(&head).unwrap();
    filled(head, &wanted)
}

fn small_parakeet(languages: &[&str]) -> Gguf {
    let own = [
        ("predictor.hidden", "64"),
        ("predictor.n_layers", "2"),
        ("predictor.vocab", "201"),
        ("joint.hidden", "64"),
        ("joint.num_extra_outputs", "5"),
        ("joint.activation", "relu"),
    ];
    let mut head = model("stt.parakeet", &own, &[("general.languages", languages)]);
    let durations = Value::Numbers(5, vec![0, 1, 2, 3, 4]);
    head.values.insert("stt.parakeet.tdt.durations".into(), durations);
    let (_, wanted) = parakeet(&head).unwrap();
    filled(head, &wanted)
}

#[test]
fn a_canary_model_knows_the_languages_that_it_has_tokens_for() {
    let languages = Languages::Listed(LanguageSet::of(&["en", "es"]));
    assert_eq!(check_canary(&small_canary()), Ok((Family::Canary, languages, Some("q8_0"))));
}

#[test]
fn a_parakeet_model_is_for_english_whatever_languages_it_names() {
    for (languages, family) in [
        (&["en"][..], Family::Parakeet),
        (&["en-US"], Family::Parakeet),
        // It does not list its languages.
        (&[], Family::DriftingParakeet),
        (&["en", "es"], Family::DriftingParakeet),
    ] {
        let kind = check_parakeet(&small_parakeet(languages));
        assert_eq!(kind, Ok((family, Languages::English, Some("q8_0"))));
    }
}

#[test]
fn a_parakeet_model_without_languages_is_for_english_if_its_name_says_so() {
    let family = |change: &dyn Fn(&mut Gguf)| {
        let mut head = small_parakeet(&["en"]);
        change(&mut head);
        check_parakeet(&head).unwrap().0
    };
    let list = "general.languages";
    // An array longer than any list of languages is only counted.
    let long = |head: &mut Gguf| _ = head.values.insert(list.into(), Value::Texts(200));
    assert_eq!(family(&long), Family::DriftingParakeet);
    for (name, expected) in [
        ("parakeet-tdt-0.6b-v3", Family::DriftingParakeet),
        ("parakeet-unified-en-0.6b", Family::Parakeet),
    ] {
        let named = |head: &mut Gguf| {
            head.values.remove(list);
            head.values.insert("stt.variant".into(), Value::Text(name.into()));
        };
        assert_eq!(family(&named), expected, "{name}");
    }
}

#[test]
fn what_else_is_in_a_file_does_no_harm() {
    let mut head = small_canary();
    let (name, dims) = ("frontend.window".into(), vec![400]);
    head.tensors.push(Tensor { name, dims, kind: TensorKind::F32 });
    assert!(check_canary(&head).is_ok());
}

type Change = fn(&mut Gguf);

fn set(head: &mut Gguf, key: &str, text: &str) {
    head.values.insert(key.into(), value(text));
}

fn refused(check: fn(&Gguf) -> Result<Kind, String>, head: fn() -> Gguf, lies: &[(&str, Change)]) {
    for (words, change) in lies {
        let mut head = head();
        change(&mut head);
        let error = check(&head).unwrap_err();
        assert!(error.contains(words), "{error:?} without {words:?}");
    }
}

#[test]
fn a_canary_model_that_lies_is_refused() {
    refused(
        check_canary,
        small_canary,
        &[
            ("stt.canary.encoder.d_model", |head| {
                set(head, "stt.canary.encoder.d_model", "99999999")
            }),
            ("stt.canary.encoder.n_heads", |head| set(head, "stt.canary.encoder.n_heads", "5")),
            ("stt.canary.encoder.conv_kernel", |head| {
                set(head, "stt.canary.encoder.conv_kernel", "8")
            }),
            ("the texts of 200 tokens", |head| set(head, "stt.canary.decoder.vocab_size", "199")),
            ("stt.canary.special.lang.es_id", |head| {
                set(head, "stt.canary.special.lang.es_id", "200")
            }),
            ("stt.canary.special.pnc_id", |head| {
                head.values.remove("stt.canary.special.pnc_id");
            }),
            ("no token for any language", |head| {
                head.values.remove("stt.canary.special.lang.en_id");
                head.values.remove("stt.canary.special.lang.es_id");
            }),
            ("stt.frontend.sample_rate", |head| set(head, "stt.frontend.sample_rate", "8000")),
            ("stt.frontend.num_mels", |head| set(head, "stt.frontend.num_mels", "80")),
            ("\"tanh\"", |head| set(head, "stt.canary.decoder.activation", "tanh")),
            ("dec.layer.1.norm1.weight is missing", |head| {
                set(head, "stt.canary.decoder.n_layers", "2");
            }),
            ("has the shape [64], not [63]", |head| {
                set(head, "stt.canary.encoder.d_model", "63");
                set(head, "stt.canary.encoder.n_heads", "1");
                set(head, "stt.canary.decoder.d_model", "63");
                set(head, "stt.canary.decoder.n_heads", "1");
                head.tensors.iter_mut().for_each(|tensor| {
                    if tensor.name == "enc.pre_encode.out.weight" {
                        tensor.dims[1] = 63;
                    }
                });
            }),
            ("is stored as q8_0", |head| {
                head.tensors.iter_mut().for_each(|tensor| tensor.kind = TensorKind::Q8_0);
            }),
        ],
    );
}

#[test]
fn a_parakeet_model_that_lies_or_is_of_another_kind_is_refused() {
    refused(
        check_parakeet,
        || small_parakeet(&["en"]),
        &[
            ("\"chunked_limited\"", |head| {
                set(head, "stt.parakeet.encoder.att_context_style", "chunked_limited");
            }),
            ("stt.parakeet.vad.hidden", |head| set(head, "stt.parakeet.vad.hidden", "8")),
            ("\"ctc\"", |head| set(head, "stt.parakeet.head_kind", "ctc")),
            ("num_extra_outputs", |head| set(head, "stt.parakeet.head_kind", "rnnt")),
            ("stt.parakeet.tdt.durations", |head| {
                let durations = Value::Numbers(5, vec![0; 5]);
                head.values.insert("stt.parakeet.tdt.durations".into(), durations);
            }),
            ("stt.parakeet.tdt.max_symbols", |head| set(head, "stt.parakeet.tdt.max_symbols", "0")),
            ("the texts of 200 tokens", |head| set(head, "stt.parakeet.predictor.vocab", "300")),
            ("pred.lstm.2.Wx is missing", |head| set(head, "stt.parakeet.predictor.n_layers", "3")),
            ("joint.out.weight has the shape", |head| {
                set(head, "stt.parakeet.joint.num_extra_outputs", "4");
                let durations = Value::Numbers(4, vec![0, 1, 2, 3]);
                head.values.insert("stt.parakeet.tdt.durations".into(), durations);
            }),
        ],
    );
}

fn small_nemotron(languages: &[&str]) -> Gguf {
    let own = [
        ("encoder.att_context_style", "chunked_limited"),
        ("encoder.att_context_left", "56"),
        ("encoder.att_context_right", "13"),
        ("encoder.conv_context_left", "8"),
        ("encoder.conv_context_right", "0"),
        ("encoder.conv_norm_type", "layer_norm"),
        ("encoder.streaming.pre_encode_cache_size", "9"),
        ("encoder.streaming.drop_extra_pre_encoded", "2"),
        ("encoder.streaming.sampling_frames_first", "1"),
        ("head_kind", "rnnt"),
        ("predictor.hidden", "64"),
        ("predictor.n_layers", "2"),
        ("predictor.vocab", "201"),
        ("joint.hidden", "64"),
        ("joint.num_extra_outputs", "0"),
        ("joint.activation", "relu"),
        ("prompt.num_prompts", "128"),
        ("prompt.hidden", "96"),
        ("prompt.field", "target_lang"),
        ("prompt.activation", "relu"),
        ("prompt.auto_id", "101"),
    ];
    let mut head = model("stt.parakeet", &own, &[("general.languages", languages)]);
    let locales = ["en-US", "en", "es-ES", "nb-NO", "auto"].map(str::to_owned).to_vec();
    let mut insert = |key: &str, value| head.values.insert(format!("stt.parakeet.{key}"), value);
    insert("prompt.dictionary.locales", Value::Names(locales));
    insert("prompt.dictionary.indices", Value::Numbers(5, vec![0, 0, 2, 3, 101]));
    let menu = vec![56, 13, 56, 6, 56, 3, 56, 0];
    insert("encoder.att_context_size_choices", Value::Numbers(8, menu));
    let (_, wanted) = nemotron::shape(&head).unwrap();
    filled(head, &wanted)
}

#[test]
fn a_model_that_writes_while_somebody_speaks_knows_the_locales_of_both_lists() {
    let head = small_nemotron(&["en", "en-US", "es-ES", "nb-NO", "fr-FR"]);
    assert!(nemotron::is_one(&head) && !nemotron::is_one(&small_parakeet(&["en"])));
    let languages = Languages::Listed(LanguageSet::of(&["en", "es", "no"]));
    assert_eq!(nemotron::check(&head), Ok((Family::Nemotron, languages, Some("q8_0"))));
    let streaming = nemotron::streaming(&head).unwrap();
    assert_eq!(streaming.lookahead, 3);
    let locale = |code| streaming.locale(code);
    // The shorter of two names is used, and the language is given by its code in v2m.
    assert_eq!(
        (locale("en"), locale("es"), locale("no")),
        (Some("en"), Some("es-ES"), Some("nb-NO"))
    );
    assert_eq!(locale("fr"), None, "it has no index for it");
}

#[test]
fn the_lookahead_is_a_short_one_that_the_model_was_trained_with() {
    for (menu, lookahead) in
        [(vec![56, 13, 56, 6, 56, 1, 56, 0], 1), (vec![56, 13, 56, 6], 6), (vec![56, 13], 13)]
    {
        let mut head = small_nemotron(&["en"]);
        let menu = Value::Numbers(menu.len() as u64, menu);
        head.values.insert("stt.parakeet.encoder.att_context_size_choices".into(), menu);
        assert_eq!(nemotron::streaming(&head).unwrap().lookahead, lookahead);
    }
}

#[test]
fn a_model_that_writes_while_somebody_speaks_and_lies_is_refused() {
    refused(
        nemotron::check,
        || small_nemotron(&["en", "es-ES"]),
        &[
            ("att_context_size_choices", |head| {
                let menu = Value::Numbers(4, vec![70, 13, 56, 0]);
                head.values.insert("stt.parakeet.encoder.att_context_size_choices".into(), menu);
            }),
            ("att_context_size_choices", |head| {
                let menu = Value::Numbers(3, vec![56, 13, 56]);
                head.values.insert("stt.parakeet.encoder.att_context_size_choices".into(), menu);
            }),
            ("encoder.att_context_left", |head| {
                set(head, "stt.parakeet.encoder.att_context_left", "4294967295")
            }),
            ("encoder.conv_context_left", |head| {
                set(head, "stt.parakeet.encoder.conv_context_left", "0")
            }),
            ("pre_encode_cache_size", |head| {
                set(head, "stt.parakeet.encoder.streaming.pre_encode_cache_size", "1000000")
            }),
            ("prompt.dictionary.indices", |head| {
                let indices = Value::Numbers(5, vec![0, 0, 2, 3, 128]);
                head.values.insert("stt.parakeet.prompt.dictionary.indices".into(), indices);
            }),
            ("prompt.dictionary.indices", |head| {
                let indices = Value::Numbers(4, vec![0, 0, 2, 3]);
                head.values.insert("stt.parakeet.prompt.dictionary.indices".into(), indices);
            }),
            ("prompt.auto_id", |head| set(head, "stt.parakeet.prompt.auto_id", "128")),
            ("its languages", |head| {
                head.values.insert("general.languages".into(), Value::Names(vec!["tlh".into()]));
            }),
            ("\"tdt\"", |head| set(head, "stt.parakeet.head_kind", "tdt")),
            ("stt.parakeet.vad.hidden", |head| set(head, "stt.parakeet.vad.hidden", "8")),
            ("prompt.mlp.0.weight has the shape", |head| {
                set(head, "stt.parakeet.prompt.hidden", "64")
            }),
        ],
    );
}
