//! Canary, Parakeet and Nemotron through transcribe.cpp, with models of random weights
//! (`tests/testkit/programs/synthetic_model.py`): loading, what is done about an empty or endless
//! answer, cancelling, words while somebody speaks, files that lie. Not here: words, which only real weights write.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::cell::Cell;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;
use v2m_engine_gguf::decode::Transcriber;
use v2m_engine_gguf::device;
use v2m_engine_gguf::family::{GgufModel, Loaded};
use v2m_engine_gguf::preview::GgufPreview;
use v2m_ipc::backend::Backend;
use v2m_ipc::pcm::seconds;
use v2m_models::gguf;
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use v2m_recogniser::model::{LoadError, Model};
use v2m_recogniser::preview::{PreviewDecoder, PreviewModel};
use v2m_recogniser::stream::guard::{Doubt, Hypothesis, doubt};

/// Asks to stop once it was asked so often.
struct Patience(Mutex<u32>);

impl Patience {
    fn of(ticks: u32) -> Self {
        Self(Mutex::new(ticks))
    }
}

impl DecodeMonitor for Patience {
    fn tick(&self) -> bool {
        let mut left = self.0.lock().unwrap();
        *left = left.saturating_sub(1);
        *left == 0
    }
}

/// Never asks to stop.
fn patient() -> Patience {
    Patience::of(u32::MAX)
}

fn make(folder: &Path, family: &str, writes: &str, languages: &[&str]) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/testkit/programs/synthetic_model.py");
    let file = folder.join(format!("{family}-{writes}.gguf"));
    let mut python = Command::new("python3");
    python.arg(program).args([family, "small", writes]).arg(&file).args(languages);
    assert!(python.status().unwrap().success());
    file
}

fn model(file: PathBuf) -> GgufModel {
    let device = device::find(Backend::Cpu).unwrap();
    GgufModel { file, device, threads: NonZeroUsize::new(1) }
}

struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn load(&self, family: &str, writes: &str, languages: &[&str]) -> Loaded {
        let mut loaded = model(make(self.folder.path(), family, writes, languages)).load().unwrap();
        loaded.warm_up().unwrap();
        loaded
    }
}

/// Something other than silence, and no speech.
fn sound(samples: u64) -> Vec<f32> {
    (0..samples).map(|i| (i as f32 * 0.07).sin() * 0.2).collect()
}

fn request<'a>(audio: &'a [f32], language: &'a str, effort: Effort) -> DecodeRequest<'a> {
    let voice = audio.len() as f32 / 16_000.0;
    DecodeRequest { audio, voice, language, translate: false, vocabulary: &[], beams: 5, effort }
}

fn heard(loaded: &mut Loaded, language: &str, effort: Effort) -> Result<Hypothesis, DecodeError> {
    let audio = sound(seconds(3));
    loaded.decode(&request(&audio, language, effort), &patient())
}

#[test]
fn nothing_for_much_voice_is_decoded_again_and_then_a_failure() {
    let lab = Lab::new();
    for family in ["canary", "parakeet"] {
        let mut loaded = lab.load(family, "nothing", &["en"]);
        let first = heard(&mut loaded, "en", Effort::Quick).unwrap();
        assert_eq!((first.text.as_str(), first.cut_off), ("", true), "{family}");
        let second = heard(&mut loaded, "en", Effort::Thorough);
        assert!(matches!(second, Err(DecodeError::Refused(_))), "{family}: {second:?}");
        // A cough is no word.
        let cough = sound(4_800);
        let said = loaded.decode(&request(&cough, "en", Effort::Thorough), &patient()).unwrap();
        assert_eq!(said.text, "", "{family}");
    }
}

#[test]
fn a_text_that_repeats_itself_is_decoded_again() {
    let lab = Lab::new();
    // Canary's decoder is stopped by the library; Parakeet's goes on as long as the sound.
    let mut canary = lab.load("canary", "loop", &["en", "es"]);
    let text = heard(&mut canary, "es", Effort::Quick).unwrap();
    assert!(text.cut_off && text.text.starts_with("w100"), "{text:?}");
    let mut parakeet = lab.load("parakeet", "loop", &["en"]);
    let text = heard(&mut parakeet, "en", Effort::Quick).unwrap();
    assert!(text.text.starts_with("w100 w100 w100 w100"), "{text:?}");
    assert_eq!(doubt(&text, 3.0), Some(Doubt::Repetition));
}

#[test]
fn canary_is_always_told_its_language_and_never_one_that_it_does_not_know() {
    let lab = Lab::new();
    let mut canary = lab.load("canary", "loop", &["en", "de", "es", "fr"]);
    assert!(canary.multilingual());
    for code in ["en", "de", "es", "fr"] {
        assert!(heard(&mut canary, code, Effort::Quick).is_ok(), "{code}");
    }
    let refused = heard(&mut canary, "it", Effort::Quick).unwrap_err().to_string();
    assert!(refused.contains("\"it\"") && refused.contains("de, en, es, fr"), "{refused}");
    let mut detect = |languages: &[&str]| {
        let languages: Vec<String> = languages.iter().map(|code| (*code).to_owned()).collect();
        canary.detect(&[0.0; 16_000], &languages, None, &[], &patient())
    };
    assert_eq!(detect(&["es"]), Ok("es".to_owned()));
    for several in [&[][..], &["en", "es"]] {
        let refused = detect(several).unwrap_err().to_string();
        assert!(refused.contains("set engine.language"), "{refused}");
    }
    // Nor does it answer where nothing else is asked: that is for a model that can.
    let several = ["en", "es"].map(str::to_owned);
    let asked = canary.identify(&[0.0; 16_000], &several, Some("es"), &patient());
    assert!(matches!(asked, Err(DecodeError::Refused(_))), "{asked:?}");
}

#[test]
fn parakeet_for_several_languages_hears_english_alone() {
    let lab = Lab::new();
    let mut parakeet = lab.load("parakeet", "loop", &["en", "es"]);
    assert!(heard(&mut parakeet, "en", Effort::Quick).is_ok());
    for refused in [
        heard(&mut parakeet, "es", Effort::Quick).unwrap_err(),
        parakeet.detect(&[0.0; 16_000], &[], None, &[], &patient()).unwrap_err(),
    ] {
        assert!(refused.to_string().contains("English words in the middle"), "{refused}");
    }
}

#[test]
fn a_piece_is_as_long_as_the_family_allows() {
    let lab = Lab::new();
    for (family, longest) in [("canary", 10), ("parakeet", 20)] {
        let file = make(lab.folder.path(), family, "loop", &["en"]);
        let limits = model(file.clone()).limits();
        assert_eq!(limits.longest, seconds(longest), "{family}");
        let mut loaded = model(file).load().unwrap();
        for samples in [1, limits.longest] {
            let audio = sound(samples);
            let text = loaded.decode(&request(&audio, "en", Effort::Quick), &patient()).unwrap();
            assert!(!text.text.is_empty(), "{family}: {samples} samples");
        }
        // Such as several pieces that are to be decoded as one.
        let audio = sound(limits.longest + seconds(2));
        let refused = loaded.decode(&request(&audio, "en", Effort::Quick), &patient());
        assert!(matches!(refused, Err(DecodeError::Refused(_))), "{family}: {refused:?}");
    }
}

#[test]
fn a_decode_is_cancelled_where_the_family_allows_it() {
    let lab = Lab::new();
    let audio = sound(seconds(3));
    let cancelled = |loaded: &mut Loaded, ticks| {
        loaded.decode(&request(&audio, "en", Effort::Quick), &Patience::of(ticks))
    };
    for family in ["canary", "parakeet"] {
        let mut loaded = lab.load(family, "loop", &["en"]);
        assert_eq!(cancelled(&mut loaded, 1), Err(DecodeError::Aborted), "{family}");
        // The next one is none the worse for it.
        assert!(heard(&mut loaded, "en", Effort::Quick).is_ok(), "{family}");
    }
    let mut canary = lab.load("canary", "loop", &["en"]);
    assert_eq!(cancelled(&mut canary, 3), Err(DecodeError::Aborted), "while it writes");
    let mut parakeet = lab.load("parakeet", "loop", &["en"]);
    assert!(cancelled(&mut parakeet, 3).is_ok(), "asked once, before its encoder");
}

impl Lab {
    fn preview(&self, writes: &str, languages: &[&str]) -> Box<dyn PreviewDecoder> {
        let model = model(make(self.folder.path(), "nemotron", writes, languages));
        let mut loaded = GgufPreview { model, vad: None }.load().unwrap();
        loaded.warm_up().unwrap();
        loaded
    }
}

/// The texts after each tenth of a second of sound.
fn written(preview: &mut dyn PreviewDecoder, tenths: u64) -> Vec<String> {
    let audio = sound(1_600 * tenths);
    let hear = |audio: &[f32]| {
        preview.hear(audio, &patient()).unwrap();
        preview.text().to_owned()
    };
    audio.chunks(1_600).map(hear).collect()
}

#[test]
fn words_come_while_somebody_speaks() {
    let lab = Lab::new();
    let mut preview = lab.preview("loop", &["en", "es-ES"]);
    assert!(preview.multilingual() && preview.memory() > 0);
    preview.begin(Some("es")).unwrap();
    let texts = written(&mut *preview, 30);
    // A chunk of four frames, 0.32 s, and a moment until the library has its sound.
    let first = texts.iter().position(|text| !text.is_empty()).unwrap();
    assert!(first < 5, "{first}");
    let steps = texts.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((7..=11).contains(&steps), "{steps} steps in three seconds");
    assert!(texts.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "what is written stays");
    // Another recording begins with nothing, and sounds like the first.
    preview.begin(Some("es")).unwrap();
    assert_eq!(preview.text(), "");
    assert_eq!(written(&mut *preview, 30), texts);
}

#[test]
fn a_preview_that_hears_nothing_writes_nothing() {
    let lab = Lab::new();
    let mut preview = lab.preview("nothing", &["en"]);
    assert!(!preview.multilingual());
    preview.begin(None).unwrap();
    assert!(written(&mut *preview, 30).iter().all(String::is_empty));
}

#[test]
fn a_preview_is_told_a_language_that_it_knows_or_none() {
    let lab = Lab::new();
    let mut preview = lab.preview("loop", &["en", "es-ES"]);
    for language in [Some("en"), Some("es"), None] {
        preview.begin(language).unwrap();
        assert!(!written(&mut *preview, 10).last().unwrap().is_empty(), "{language:?}");
    }
    let refused = preview.begin(Some("it")).unwrap_err().to_string();
    assert!(refused.contains("\"it\"") && refused.contains("en, es"), "{refused}");
}

#[test]
fn a_preview_is_interrupted_between_chunks_and_begins_anew() {
    let lab = Lab::new();
    let mut preview = lab.preview("loop", &["en"]);
    preview.begin(None).unwrap();
    let stopped = preview.hear(&sound(seconds(3)), &Patience::of(3));
    assert_eq!(stopped, Err(DecodeError::Aborted));
    preview.begin(None).unwrap();
    let whole = written(&mut *preview, 20).pop().unwrap();
    assert!(whole.starts_with("w100 w100"), "{whole}");
    // In whatever chunks the sound comes.
    preview.begin(None).unwrap();
    preview.hear(&sound(1_600 * 20), &patient()).unwrap();
    assert_eq!(preview.text(), whole);
}

#[test]
fn a_model_is_a_preview_or_for_the_text_as_its_family_allows() {
    let lab = Lab::new();
    let file = |family: &str| make(lab.folder.path(), family, "loop", &["en"]);
    let error = model(file("nemotron")).load().unwrap_err().to_string();
    assert!(error.contains("engine.preview"), "{error}");
    for family in ["canary", "parakeet"] {
        let preview = GgufPreview { model: model(file(family)), vad: None };
        let error = preview.check().unwrap_err().to_string();
        assert!(error.contains("choose Nemotron or Moonshine"), "{error}");
    }
}

#[test]
fn a_preview_that_is_cut_short_or_lies_is_refused_before_it_is_loaded() {
    let lab = Lab::new();
    let whole = fs::read(make(lab.folder.path(), "nemotron", "loop", &["en"])).unwrap();
    for (what, bytes) in lies(&whole) {
        let file = lab.folder.path().join("lie.gguf");
        fs::write(&file, bytes).unwrap();
        let preview = GgufPreview { model: model(file), vad: None };
        assert!(matches!(preview.load(), Err(LoadError::Broken { .. })), "{what}");
    }
}

/// What v2m's check lets through may still be refused by the library, and nothing else happens.
#[test]
fn a_previews_head_with_any_changed_byte_gives_a_model_or_an_error() {
    let lab = Lab::new();
    let whole = fs::read(make(lab.folder.path(), "nemotron", "loop", &["en"])).unwrap();
    let tensors = whole.windows(4).position(|window| window == b"enc.").unwrap();
    let file = lab.folder.path().join("changed.gguf");
    let mut loads = 0;
    for at in (0..tensors).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        fs::write(&file, bytes).unwrap();
        let preview = GgufPreview { model: model(file.clone()), vad: None };
        let Ok(mut loaded) = preview.load() else { continue };
        loads += 1;
        let heard =
            loaded.begin(Some("en")).and_then(|()| loaded.hear(&sound(seconds(2)), &patient()));
        let _ = heard;
    }
    assert!(loads > 0, "texts of tokens may be anything");
}

/// Bytes of a file with one of its numbers changed, or cut short, or with another architecture.
fn lies(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for part in 1..16 {
        let length = whole.len() * part / 16;
        all.push((format!("cut at {length}"), whole[..length].to_vec()));
    }
    let position = |text: &str| {
        whole.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len()
    };
    // A key, its type (4 bytes), its value.
    for key in ["encoder.n_layers", "encoder.d_model", "encoder.n_heads", "frontend.n_fft"] {
        for value in [0_u32, 3, 0x7FFF_FFFF, u32::MAX] {
            let mut bytes = whole.to_vec();
            let at = position(key) + 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            all.push((format!("{key} = {value}"), bytes));
        }
    }
    for name in ["enc.pre_encode.out.weight", "enc.blocks.0.attn.linear_q.weight"] {
        let mut bytes = whole.to_vec();
        // The number of dimensions, and the first one.
        let at = position(name) + 4;
        bytes[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        all.push((format!("{name} of 2^40 columns"), bytes));
    }
    let at = position("general.architecture") + 4 + 8;
    for other in ["whisp", "llama"] {
        let mut bytes = whole.to_vec();
        bytes[at..at + 5].copy_from_slice(other.as_bytes());
        all.push((other.into(), bytes));
    }
    all
}

#[test]
fn what_is_cut_short_or_lies_is_refused_before_it_is_loaded() {
    let lab = Lab::new();
    for family in ["canary", "parakeet"] {
        let whole = fs::read(make(lab.folder.path(), family, "loop", &["en"])).unwrap();
        for (what, bytes) in lies(&whole) {
            let file = lab.folder.path().join("lie.gguf");
            fs::write(&file, bytes).unwrap();
            let error = model(file).load().unwrap_err();
            assert!(matches!(error, LoadError::Broken { .. }), "{family}, {what}: {error}");
            assert!(error.to_string().len() < 600, "{family}, {what}: {error}");
        }
    }
}

/// The library loads such files, and the model then writes nothing.
#[test]
fn weights_that_are_not_numbers_are_refused() {
    let lab = Lab::new();
    for family in ["canary", "parakeet", "nemotron"] {
        let file = make(lab.folder.path(), family, "loop", &["en"]);
        let mut bytes = fs::read(&file).unwrap();
        // NaN as f32, f16 and as the scale of any block.
        let end = bytes.len();
        bytes[end - 4_096..].fill(0xFF);
        fs::write(&file, bytes).unwrap();
        assert!(gguf::inspect(&file).is_ok(), "{family}");
        let error = match family {
            "nemotron" => GgufPreview { model: model(file), vad: None }.load().err(),
            _ => model(file).load().err(),
        };
        let error = error.expect(family);
        assert!(matches!(error, LoadError::Broken { .. }), "{family}: {error}");
        assert!(error.to_string().contains("are not numbers"), "{family}: {error}");
    }
}

/// What v2m's check lets through may still be refused by the library. That is an error like any
/// other, and nothing else: whatever byte of a head was changed.
#[test]
fn a_head_with_any_changed_byte_gives_a_model_or_an_error() {
    let lab = Lab::new();
    let loads = Cell::new(0);
    for family in ["canary", "parakeet"] {
        let whole = fs::read(make(lab.folder.path(), family, "loop", &["en"])).unwrap();
        let tensors = whole.windows(4).position(|window| window == b"enc.").unwrap();
        let file = lab.folder.path().join("changed.gguf");
        for at in (0..tensors).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            fs::write(&file, bytes).unwrap();
            if gguf::inspect(&file).is_err() {
                continue;
            }
            let Ok(mut loaded) = model(file.clone()).load() else { continue };
            loads.set(loads.get() + 1);
            let _ = heard(&mut loaded, "en", Effort::Quick);
        }
    }
    assert!(loads.get() > 0, "texts of tokens may be anything");
}

#[test]
fn the_library_itself_refuses_what_it_does_not_know() {
    let lab = Lab::new();
    let file = lab.folder.path().join("none.gguf");
    fs::write(&file, b"GGUF\x03\0\0\0").unwrap();
    let device = device::find(Backend::Cpu).unwrap();
    let error = Transcriber::load(&file, &device, NonZeroUsize::MIN).unwrap_err().to_string();
    assert!(error.contains("transcribe.cpp refuses it"), "{error}");
}
