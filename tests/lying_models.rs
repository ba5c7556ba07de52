//! Tests invalid models: each is refused with a message, and none ends the engine by a signal.
//! Valid models pass the same check: all published ones, and all that whisper.cpp's `quantize`
//! makes.
//!
//! Needs `V2M_TEST_MODELS`, as `make test` sets it.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use v2m_engine::model::whisper;
use v2m_ipc::engine::{Frame, FromEngine, LoadFailure, read_frame};
use v2m_models::catalogue::{self, Form, Languages, Weights};
use v2m_recogniser::vad::Silero;

/// A model file, split into its parts.
#[derive(Clone)]
struct Model {
    header: [i32; 11],
    mel: Vec<u8>,
    words: Vec<Vec<u8>>,
    tensors: Vec<Tensor>,
}

#[derive(Clone)]
struct Tensor {
    name: String,
    sizes: Vec<i32>,
    kind: i32,
    values: Vec<u8>,
}

/// Positions of the header's numbers.
const VOCABULARY: usize = 0;
const HEADS: usize = 3;
const TEXT_HEADS: usize = 7;
const STORAGE: usize = 10;
/// The bytes before the header.
const MAGIC: [u8; 4] = *b"lmgg";

fn whole() -> PathBuf {
    let folder = std::env::var_os("V2M_TEST_MODELS").expect("`make test` sets it");
    Path::new(&folder).join("ggml-tiny.en-q8_0.bin")
}

/// Returns the number of values and of bytes in a block.
fn block(kind: i32) -> (u64, u64) {
    match kind {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => panic!("{kind}"),
    }
}

fn bytes_of(sizes: &[i32], kind: i32) -> u64 {
    let values: u64 = sizes.iter().map(|size| u64::from(size.unsigned_abs())).product();
    let (in_block, bytes) = block(kind);
    values / in_block * bytes
}

impl Model {
    fn read() -> Self {
        let mut file = BufReader::new(File::open(whole()).unwrap());
        let mut bytes = |count: usize| {
            let mut bytes = vec![0; count];
            file.read_exact(&mut bytes).map(|()| bytes).ok()
        };
        let int = |bytes: &[u8]| i32::from_le_bytes(bytes.try_into().unwrap());
        assert_eq!(bytes(4).unwrap(), MAGIC);
        let header = [(); 11].map(|()| int(&bytes(4).unwrap()));
        let mel = bytes(8 + 80 * 201 * 4).unwrap();
        let count = int(&bytes(4).unwrap());
        let words = (0..count).map(|_| {
            let length = int(&bytes(4).unwrap());
            bytes(length as usize).unwrap()
        });
        let words = words.collect();
        let mut tensors = Vec::new();
        while let Some(dimensions) = bytes(4) {
            let [length, kind] = [(); 2].map(|()| int(&bytes(4).unwrap()));
            let sizes: Vec<_> = (0..int(&dimensions)).map(|_| int(&bytes(4).unwrap())).collect();
            let name = String::from_utf8(bytes(length as usize).unwrap()).unwrap();
            let values = bytes(bytes_of(&sizes, kind) as usize).unwrap();
            tensors.push(Tensor { name, sizes, kind, values });
        }
        Self { header, mel, words, tensors }
    }

    fn write(&self, path: &Path) {
        let mut file = std::io::BufWriter::new(File::create(path).unwrap());
        let mut put = |bytes: &[u8]| file.write_all(bytes).unwrap();
        put(&MAGIC);
        self.header.iter().for_each(|int| put(&int.to_le_bytes()));
        put(&self.mel);
        put(&(self.words.len() as i32).to_le_bytes());
        for word in &self.words {
            put(&(word.len() as i32).to_le_bytes());
            put(word);
        }
        for Tensor { name, sizes, kind, values } in &self.tensors {
            for int in [sizes.len() as i32, name.len() as i32, *kind].iter().chain(sizes) {
                put(&int.to_le_bytes());
            }
            put(name.as_bytes());
            put(values);
        }
    }

    fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap()
    }

    /// Changes the size of the vocabulary, and of the token embedding accordingly.
    fn with_tokens(&mut self, tokens: i32) {
        self.header[VOCABULARY] = tokens;
        let embedding = self.tensor("decoder.token_embedding.weight");
        embedding.sizes[1] = tokens;
        embedding.values.resize(bytes_of(&embedding.sizes, embedding.kind) as usize, 0);
    }
}

/// Loads a model in the engine. Returns the result and the exit code.
fn outcome(path: &Path) -> (Result<(), (LoadFailure, String)>, Option<i32>) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_v2m-engine"))
        .arg("--model")
        .arg(path)
        .args(["--threads", "1"])
        .stdin(OwnedFd::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = loop {
        match read_frame::<FromEngine>(&mut ours).unwrap() {
            Some(Frame::Message(FromEngine::LoadFailed { failure, reason })) => {
                break Some(Err((failure, reason)));
            }
            Some(Frame::Message(FromEngine::Loaded { .. })) => break Some(Ok(())),
            Some(_) => {}
            None => break None,
        }
    };
    drop(ours);
    let status = child.wait().unwrap();
    (said.unwrap_or_else(|| panic!("it said nothing and ended: {status}")), status.code())
}

type Lie = (&'static str, fn(&mut Model), &'static str);

/// Changes that ended the engine by SIGABRT or SIGFPE, or made whisper.cpp write beyond its memory,
/// and similar ones.
/// memory, and more of the kind.
const LIES: [Lie; 19] = [
    ("fewer tokens", |model| model.with_tokens(50_000), "50000 tokens"),
    ("tokens between", |model| model.with_tokens(50_300), "50300 tokens"),
    ("more tokens", |model| model.with_tokens(60_000), "60000 tokens"),
    ("another language's tokens", |model| model.header[VOCABULARY] = 51_865, "token_embedding"),
    ("no heads", |model| model.header[TEXT_HEADS] = 0, "0 heads of the decoder"),
    ("odd heads", |model| model.header[HEADS] = 7, "7 heads of the encoder"),
    ("odd heads of the text", |model| model.header[TEXT_HEADS] = 7, "7 heads of the decoder"),
    ("heads below zero", |model| model.header[TEXT_HEADS] = -6, "-6 heads of the decoder"),
    ("one word", |model| model.words.truncate(1), "1 words"),
    ("no space", |model| model.words.iter_mut().for_each(|w| w.retain(|b| *b != b' ')), "space"),
    ("unknown storage", |model| model.header[STORAGE] = 2999, "type 2999"),
    ("other storage", |model| model.header[STORAGE] = 2002, "wrong shape"),
    ("old versions", |model| model.header[STORAGE] = 9007, "type 9007"),
    (
        "unknown tensor",
        |model| model.tensors[5].name = "decoder.blocks.9.mlp.0.weight".into(),
        "Whisper does not have",
    ),
    ("twice", |model| model.tensors[3] = model.tensors[4].clone(), "twice"),
    ("too few", |model| drop(model.tensors.pop()), "166 of its 167"),
    (
        "turned",
        |model| model.tensor("decoder.blocks.0.mlp.0.weight").sizes.swap(0, 1),
        "wrong shape",
    ),
    (
        "no numbers",
        |model| {
            let plain = model.tensors.iter_mut().filter(|tensor| tensor.kind == 0);
            for tensor in plain {
                tensor.values = f32::NAN.to_le_bytes().repeat(tensor.values.len() / 4);
            }
        },
        "do not compute numbers",
    ),
    (
        "no filters",
        |model| {
            let filters = f32::NAN.to_le_bytes().repeat(80 * 201);
            model.mel[8..].copy_from_slice(&filters);
        },
        "mel filters",
    ),
];

#[test]
fn each_lie_is_refused_with_a_sentence_and_without_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let model = Model::read();
    // Splitting and joining does not change the file, so only the lies can be the reason for a
    // refusal.
    model.write(&path);
    assert!(fs::read(&path).unwrap() == fs::read(whole()).unwrap());
    assert_eq!(outcome(&path), (Ok(()), Some(0)));
    for (name, lie, expected) in LIES {
        let mut lying = model.clone();
        lie(&mut lying);
        lying.write(&path);
        let (said, code) = outcome(&path);
        let (failure, reason) = said.expect_err(name);
        assert_eq!((failure, code), (LoadFailure::Broken, Some(1)), "{name}: {reason}");
        assert!(reason.contains(expected), "{name}: {reason}");
        let beginning = format!("Loading the model {}: ", path.display());
        assert!(reason.starts_with(&beginning) && reason.ends_with('.'), "{name}: {reason}");
    }
}

/// Each weight is a number, but they are so large that their sums are infinite. Only a computation
/// shows this.
#[test]
fn weights_that_are_numbers_and_compute_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let mut model = Model::read();
    for name in ["decoder.ln.weight", "decoder.ln.bias"] {
        let tensor = model.tensor(name);
        tensor.values = f32::MAX.to_le_bytes().repeat(tensor.values.len() / 4);
    }
    model.write(&path);
    let (said, code) = outcome(&path);
    let (failure, reason) = said.unwrap_err();
    assert_eq!((failure, code), (LoadFailure::Broken, Some(1)), "{reason}");
    assert!(reason.contains("do not compute numbers"), "{reason}");
}

/// Each number of the header is replaced by wrong ones. Only those that whisper.cpp itself ignores
/// may pass.
#[test]
fn no_number_of_the_header_may_be_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    fs::copy(whole(), &path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let right = Model::read().header;
    for (field, right) in right.into_iter().enumerate() {
        let near = [right - 1, right + 1, -right, right * 2, right + 1000, right ^ 64];
        let far = [i32::MIN, -1, 0, 1, 2, 7, 50_300, 51_865, 51_866, 1 << 24, i32::MAX];
        let at = 4 + 4 * field as u64;
        for lie in near.into_iter().chain(far).filter(|lie| *lie != right) {
            file.write_all_at(&lie.to_le_bytes(), at).unwrap();
            let version_alone = field == STORAGE && matches!(lie, 7 | 1007);
            let checked = whisper::check(&path);
            assert_eq!(checked.is_ok(), version_alone, "field {field}: {lie} for {right}");
        }
        file.write_all_at(&right.to_le_bytes(), at).unwrap();
    }
    assert!(whisper::check(&path).is_ok());
}

/// The dimensions of a model that need not exist as a file.
struct Kind {
    width: i32,
    heads: i32,
    layers: i32,
    text_layers: i32,
    mels: i32,
    tokens: i32,
    /// `ggml_ftype` and `ggml_type`.
    storage: (i32, i32),
}

/// The number of words and of their bytes, in multilingual models and in those for English.
const MULTILINGUAL: (i32, u64) = (50_257, 307_057);
const ENGLISH: (i32, u64) = (50_257, 320_827);

impl Kind {
    fn tensors(&self) -> Vec<(String, Vec<i32>, i32)> {
        let (w, matrix) = (self.width, self.storage.1);
        let convolution = if matrix == 0 { 0 } else { 1 };
        let mut all: Vec<(String, Vec<i32>, i32)> = Vec::new();
        let mut put = |name: String, sizes: &[i32], kind| all.push((name, sizes.to_vec(), kind));
        put("decoder.positional_embedding".into(), &[w, 448], 0);
        put("encoder.positional_embedding".into(), &[w, 1500], 0);
        put("decoder.token_embedding.weight".into(), &[w, self.tokens], matrix);
        for (number, inputs) in [(1, self.mels), (2, w)] {
            put(format!("encoder.conv{number}.weight"), &[3, inputs, w], convolution);
            put(format!("encoder.conv{number}.bias"), &[1, w], 0);
        }
        for norm in ["encoder.ln_post", "decoder.ln"] {
            put(format!("{norm}.weight"), &[w], 0);
            put(format!("{norm}.bias"), &[w], 0);
        }
        for (side, layers, attentions) in [
            ("encoder", self.layers, &["attn"][..]),
            ("decoder", self.text_layers, &["attn", "cross_attn"][..]),
        ] {
            for layer in 0..layers {
                let of = format!("{side}.blocks.{layer}");
                for norm in
                    attentions.iter().map(|name| format!("{name}_ln")).chain(["mlp_ln".into()])
                {
                    put(format!("{of}.{norm}.weight"), &[w], 0);
                    put(format!("{of}.{norm}.bias"), &[w], 0);
                }
                for (part, inputs, outputs) in [("mlp.0", w, 4 * w), ("mlp.2", 4 * w, w)] {
                    put(format!("{of}.{part}.weight"), &[inputs, outputs], matrix);
                    put(format!("{of}.{part}.bias"), &[outputs], 0);
                }
                for attention in attentions {
                    for part in ["query", "key", "value", "out"] {
                        put(format!("{of}.{attention}.{part}.weight"), &[w, w], matrix);
                        if part != "key" {
                            put(format!("{of}.{attention}.{part}.bias"), &[w], 0);
                        }
                    }
                }
            }
        }
        all
    }

    /// Writes a file of this structure with holes instead of weights. Returns its size in bytes.
    fn write(&self, path: &Path, (words, letters): (i32, u64)) -> u64 {
        let mut file = File::create(path).unwrap();
        let Self { width, heads, layers, text_layers, mels, tokens, storage } = *self;
        let mut head = MAGIC.to_vec();
        let header =
            [tokens, 1500, width, heads, layers, 448, width, heads, text_layers, mels, storage.0];
        let mut ints = header.to_vec();
        ints.extend([mels, 201]);
        head.extend(ints.iter().flat_map(|int| int.to_le_bytes()));
        head.resize(head.len() + (mels * 201 * 4) as usize, 0);
        head.extend(words.to_le_bytes());
        let mut rest = letters - 1;
        for word in 0..words {
            let length = if word == 0 { 1 } else { rest.min(128) };
            rest -= if word == 0 { 0 } else { length };
            head.extend((length as i32).to_le_bytes());
            head.extend(vec![b' '; length as usize]);
        }
        assert_eq!(rest, 0);
        file.write_all(&head).unwrap();
        for (name, sizes, kind) in self.tensors() {
            let ints = [sizes.len() as i32, name.len() as i32, kind];
            let mut entry: Vec<u8> =
                ints.iter().chain(&sizes).flat_map(|int| int.to_le_bytes()).collect();
            entry.extend(name.bytes());
            file.write_all(&entry).unwrap();
            file.seek(SeekFrom::Current(bytes_of(&sizes, kind) as i64)).unwrap();
        }
        let length = file.stream_position().unwrap();
        file.set_len(length).unwrap();
        length
    }
}

/// Returns the dimensions of a published family.
fn published(family: &str, storage: (i32, i32)) -> Kind {
    let size = family.trim_end_matches(".en");
    let (width, heads, layers, text_layers) = match size {
        "tiny" => (384, 6, 4, 4),
        "base" => (512, 8, 6, 6),
        "small" => (768, 12, 12, 12),
        "medium" => (1024, 16, 24, 24),
        "large-v3" | "large-v2" => (1280, 20, 32, 32),
        "large-v3-turbo" => (1280, 20, 32, 4),
        _ => panic!("{family}"),
    };
    let third = size.starts_with("large-v3");
    let tokens = if family != size {
        51_864
    } else if third {
        51_866
    } else {
        51_865
    };
    let mels = if third { 128 } else { 80 };
    Kind { width, heads, layers, text_layers, mels, tokens, storage }
}

#[test]
fn every_published_model_passes_and_has_the_size_it_was_published_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    for model in catalogue::all().iter().filter(|model| model.form == Form::Ggml) {
        let (family, weights) = model.family();
        let storage = match weights {
            Weights::F16 => (1, 1),
            Weights::Q8_0 => (2007, 8),
            Weights::Q5_1 => (1009, 7),
            Weights::Q5_0 => (2008, 6),
        };
        let words = match model.languages {
            Languages::English => ENGLISH,
            Languages::Multilingual | Languages::Listed(_) => MULTILINGUAL,
        };
        assert_eq!(published(family, storage).write(&path, words), model.bytes, "{}", model.name);
        assert_eq!(whisper::check(&path).unwrap(), model.bytes, "{}", model.name);
    }
}

#[test]
fn distilled_older_and_otherwise_quantised_models_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let passes = |kind: &Kind, words| {
        kind.write(&path, words);
        whisper::check(&path)
    };
    // distil-small.en, distil-medium.en, distil-large-v2, distil-large-v3.
    for (family, text_layers) in
        [("small.en", 4), ("medium.en", 2), ("large-v2", 2), ("large-v3", 2)]
    {
        let kind = Kind { text_layers, ..published(family, (1, 1)) };
        passes(&kind, MULTILINGUAL).unwrap();
        // Hugging Face's vocabulary counts the end of the text as a word.
        passes(&kind, (50_258, MULTILINGUAL.1)).unwrap();
    }
    let kinds = [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
        (8, 6),
        (9, 7),
        (7, 8),
        (10, 10),
        (11, 11),
        (12, 12),
        (13, 13),
        (14, 14),
    ];
    for (number, storage) in (0..).zip(kinds) {
        let storage = (storage.0 + 1000 * (number % 3), storage.1);
        for family in ["base", "large-v3-turbo"] {
            passes(&published(family, storage), MULTILINGUAL).unwrap();
        }
        // A row of tiny is one and a half blocks of 256 values, so these kinds must fail.
        let tiny = passes(&published("tiny", storage), MULTILINGUAL);
        assert_eq!(tiny.is_ok(), storage.1 < 10, "{storage:?}");
    }
}

/// Rust code reads this model, so every file is either read or refused.
#[test]
fn a_voice_model_that_lies_is_refused_by_its_name() {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin");
    let whole = fs::read(whole).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vad.bin");
    let load = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        Silero::load(&path)
    };
    assert!(load(&whole).is_ok());
    let refused = |content: &[u8], why: &str| {
        let error = load(content).unwrap_err();
        assert_eq!(error.failure(), LoadFailure::BrokenVoice);
        let text = error.to_string();
        assert!(
            text.starts_with("Loading the voice activity model ") && text.contains(why),
            "{text}"
        );
    };
    refused(&whole[..whole.len() - 1], "ends too early");
    refused(&[&whole[..], &[0; 7]].concat(), "ends too early");
    let mut lying = whole.clone();
    lying.splice(whole.len() - 4.., [0xff; 4]);
    refused(&lying, "not numbers");
    refused(&vec![0; 5 << 20], "ggml form");
    for at in (0..400).step_by(4) {
        for lie in [i32::MIN, -1, 0, 1, 7, 1 << 24, i32::MAX] {
            let mut lying = whole.clone();
            lying[at..at + 4].copy_from_slice(&lie.to_le_bytes());
            if let Err(error) = load(&lying) {
                assert_eq!(error.failure(), LoadFailure::BrokenVoice);
            }
        }
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(Silero::load(&path).unwrap_err().failure(), LoadFailure::BrokenVoice);
}
