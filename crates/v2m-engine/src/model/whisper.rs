//! Checks a Whisper model's file: header, mel filters, vocabulary and each tensor, up to the last
//! byte.
//!
//! `whisper_model_load` trusts nearly everything that it reads: it divides by the number of heads,
//! allocates memory according to the header, derives the special tokens from the size of the
//! vocabulary, and sizes its graph by all of these. So this check accepts only the values of
//! OpenAI's models and models distilled from them; only the number of the decoder's layers differs
//! among them.

use std::collections::HashMap;
use std::path::Path;
use v2m_messages::{mark, tr};
use v2m_recogniser::ggml_file::{F16, F32, Flaw, GgmlFile, Tensor, block, ensure, open};
use v2m_recogniser::model::LoadError;

/// A size of Whisper (table "Available models" of OpenAI's model card; `ModelDimensions` of each
/// checkpoint).
struct Size {
    /// The size of a token's vector: `n_audio_state` and `n_text_state`.
    width: u32,
    /// The number of attention heads, in encoder and decoder.
    heads: u32,
    /// The number of the encoder's layers. The decoder has as many, or fewer: 4 in large-v3-turbo,
    /// 2 or 4 in distil-whisper's models.
    layers: u32,
}

const SIZES: [Size; 5] = [
    Size { width: 384, heads: 6, layers: 4 },    // tiny
    Size { width: 512, heads: 8, layers: 6 },    // base
    Size { width: 768, heads: 12, layers: 12 },  // small
    Size { width: 1024, heads: 16, layers: 24 }, // medium
    Size { width: 1280, heads: 20, layers: 32 }, // large, turbo
];

/// The number of tokens of the English models, of those for 99 languages, and of large-v3 with 100.
const VOCABULARIES: [i32; 3] = [51_864, 51_865, 51_866];
/// The number of words before the special tokens, as in GPT-2. whisper.cpp names all further tokens
/// itself.
const WORDS: i32 = 50_256;
/// The number of positions of the encoder, for 30 s, and of the decoder.
const AUDIO_CONTEXT: u32 = 1500;
const TEXT_CONTEXT: u32 = 448;
/// The number of bins of the spectrum: half of a window of 400 samples, plus one.
const BINS: u32 = 201;

/// Storage formats of weights: `ggml_ftype` in the header, `ggml_type` of the matrices. All formats
/// that whisper.cpp's `quantize` writes.
const WEIGHTS: [(i32, i32); 12] = [
    (0, F32),
    (1, F16),
    (2, 2),   // q4_0
    (3, 3),   // q4_1
    (8, 6),   // q5_0
    (9, 7),   // q5_1
    (7, 8),   // q8_0
    (10, 10), // q2_K
    (11, 11), // q3_K
    (12, 12), // q4_K
    (13, 13), // q5_K
    (14, 14), // q6_K
];
/// The header's number is the format plus the version times this (`GGML_QNT_VERSION_FACTOR`).
const VERSION_FACTOR: i32 = 1000;
/// `GGML_QNT_VERSION`: 2 since May 2023. whisper.cpp does not check it, and published models have 1
/// and 2.
const NEWEST_VERSION: i32 = 2;

/// Checks a Whisper model. Returns its size in bytes.
///
/// # Errors
/// [`LoadError::Missing`] when it cannot be read, [`LoadError::Broken`] when it is not a complete
/// model.
pub fn check(path: &Path) -> Result<u64, LoadError> {
    open(path, |file| {
        file.magic()?;
        let header = Header::read(file)?;
        mel_filters(file, header.mels)?;
        vocabulary(file, header.vocabulary)?;
        tensors(file, &header)?;
        Ok(file.length)
    })
}

/// The values in the header that differ between models.
struct Header {
    vocabulary: u32,
    width: u32,
    layers: u32,
    text_layers: u32,
    mels: u32,
    /// `ggml_type` of the matrices.
    weights: i32,
}

impl Header {
    fn read(file: &mut GgmlFile) -> Result<Self, Flaw> {
        let [
            vocabulary,
            audio_context,
            width,
            heads,
            layers,
            text_context,
            text_width,
            text_heads,
            text_layers,
            mels,
            storage,
        ]: [i32; 11] = file.ints()?;
        let size = SIZES.iter().find(|size| is(width, size.width)).ok_or_else(|| {
            Flaw::Content(tr!(
                "its header says {width} values per token; no Whisper model has that",
                width
            ))
        })?;
        let exact = [
            (mark!("positions of the encoder"), audio_context, AUDIO_CONTEXT),
            (mark!("heads of the encoder"), heads, size.heads),
            (mark!("layers of the encoder"), layers, size.layers),
            (mark!("positions of the decoder"), text_context, TEXT_CONTEXT),
            (mark!("values per token in the decoder"), text_width, size.width),
            (mark!("heads of the decoder"), text_heads, size.heads),
        ];
        for (what, said, right) in exact {
            ensure(is(said, right), || {
                tr!(
                    "its header says {said} {what}; Whisper models of this size have {right}",
                    said,
                    what = v2m_messages::text(what),
                    right
                )
            })?;
        }
        ensure((1..=layers).contains(&text_layers), || {
            tr!(
                "its header says {text_layers} decoder layers; there can be 1 to {layers}",
                text_layers,
                layers
            )
        })?;
        ensure(matches!(mels, 80 | 128), || {
            tr!("its header says {mels} mel filters; Whisper has 80 or 128", mels)
        })?;
        ensure(VOCABULARIES.contains(&vocabulary), || {
            tr!(
                "its header says {vocabulary} tokens; Whisper has 51864, 51865 or 51866",
                vocabulary
            )
        })?;
        let [vocabulary, width, layers, text_layers, mels] =
            [vocabulary, width, layers, text_layers, mels].map(i32::unsigned_abs);
        let weights = weights(storage, width)?;
        Ok(Self { vocabulary, width, layers, text_layers, mels, weights })
    }
}

fn is(said: i32, right: u32) -> bool {
    u32::try_from(said) == Ok(right)
}

/// Returns the type of the matrices for the header's number.
fn weights(storage: i32, width: u32) -> Result<i32, Flaw> {
    let version = (0..=NEWEST_VERSION).contains(&(storage / VERSION_FACTOR)) && storage >= 0;
    let known = WEIGHTS.iter().find(|(number, _)| version && *number == storage % VERSION_FACTOR);
    let (_, kind) = known.ok_or_else(|| {
        Flaw::Content(tr!(
            "its header gives the storage type {storage}, which v2m does not know",
            storage
        ))
    })?;
    // A row has whole blocks. (`quantize` does not check this, and writes invalid data for tiny
    // with 256 values in a block.)
    let fits = block(*kind).is_some_and(|(values, _)| u64::from(width) % values == 0);
    ensure(fits, || {
        tr!("its rows cannot be divided into the blocks in which its weights are stored").into()
    })?;
    Ok(*kind)
}

fn mel_filters(file: &mut GgmlFile, mels: u32) -> Result<(), Flaw> {
    let shape: [i32; 2] = file.ints()?;
    let damaged = || tr!("its mel filters are not Whisper's").to_owned();
    ensure(is(shape[0], mels) && is(shape[1], BINS), damaged)?;
    let mut filters = vec![0; (mels * BINS * 4) as usize];
    file.read(&mut filters)?;
    let mut values = filters.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    // Slaney's filters have an area of 1, so no value is higher. A NaN would spread over the whole
    // spectrum.
    ensure(values.all(|value| (0.0..=1.0).contains(&value)), damaged)
}

fn vocabulary(file: &mut GgmlFile, tokens: u32) -> Result<(), Flaw> {
    let [words] = file.ints()?;
    let fits = words >= WORDS && i64::from(words) <= i64::from(tokens);
    ensure(fits, || {
        tr!(
            "it has {words} words; there should be {least} to {tokens}",
            words,
            least = WORDS,
            tokens
        )
    })?;
    let mut space = false;
    for _ in 0..words {
        let [length] = file.ints()?;
        ensure((0..=1024).contains(&length), || tr!("its vocabulary is damaged").into())?;
        if length == 1 {
            let mut letter = [0];
            file.read(&mut letter)?;
            space |= letter == *b" ";
        } else {
            file.skip(length.unsigned_abs().into())?;
        }
    }
    // whisper.cpp looks this one up at each decode, and throws an exception if there is none.
    ensure(space, || tr!("its vocabulary lacks the space").into())
}

fn tensors(file: &mut GgmlFile, header: &Header) -> Result<(), Flaw> {
    let mut missing = expected(header);
    let all = missing.len();
    while let Some(tensor) = file.tensor()? {
        let shape = missing.remove(&tensor.name).ok_or_else(|| {
            Flaw::Content(
                tr!("it has a tensor that Whisper does not have, or has one twice").into(),
            )
        })?;
        ensure(shape.is_of(&tensor), || {
            tr!("its tensor {name} has the wrong shape", name = tensor.name)
        })?;
        file.skip(tensor.bytes)?;
    }
    ensure(missing.is_empty(), || {
        tr!("it has {some} of its {all} tensors", some = all - missing.len(), all)
    })
}

/// The required shape and type of a tensor.
#[derive(Clone, Copy)]
struct Shape {
    sizes: [u32; 3],
    kind: i32,
}

impl Shape {
    fn is_of(self, tensor: &Tensor) -> bool {
        let [a, b, c] = self.sizes;
        tensor.sizes == [a, b, c, 1] && tensor.kind == self.kind
    }
}

/// Returns all tensors of a model: those of `whisper_model_load`, with the names of
/// `ASR_TENSOR_NAMES`.
fn expected(header: &Header) -> HashMap<String, Shape> {
    let &Header { vocabulary, width, layers, text_layers, mels, weights } = header;
    let plain = |sizes| Shape { sizes, kind: F32 };
    let convolution =
        |inputs| Shape { sizes: [3, inputs, width], kind: if weights == F32 { F32 } else { F16 } };
    let matrix = |inputs, outputs| Shape { sizes: [inputs, outputs, 1], kind: weights };
    let vector = plain([width, 1, 1]);
    let mut all = HashMap::from([
        ("encoder.positional_embedding".to_owned(), plain([width, AUDIO_CONTEXT, 1])),
        ("encoder.conv1.weight".to_owned(), convolution(mels)),
        ("encoder.conv1.bias".to_owned(), plain([1, width, 1])),
        ("encoder.conv2.weight".to_owned(), convolution(width)),
        ("encoder.conv2.bias".to_owned(), plain([1, width, 1])),
        ("encoder.ln_post.weight".to_owned(), vector),
        ("encoder.ln_post.bias".to_owned(), vector),
        ("decoder.positional_embedding".to_owned(), plain([width, TEXT_CONTEXT, 1])),
        ("decoder.token_embedding.weight".to_owned(), matrix(width, vocabulary)),
        ("decoder.ln.weight".to_owned(), vector),
        ("decoder.ln.bias".to_owned(), vector),
    ]);
    let attention = |name: &str| {
        [
            (format!("{name}_ln.weight"), vector),
            (format!("{name}_ln.bias"), vector),
            (format!("{name}.query.weight"), matrix(width, width)),
            (format!("{name}.query.bias"), vector),
            (format!("{name}.key.weight"), matrix(width, width)),
            (format!("{name}.value.weight"), matrix(width, width)),
            (format!("{name}.value.bias"), vector),
            (format!("{name}.out.weight"), matrix(width, width)),
            (format!("{name}.out.bias"), vector),
        ]
    };
    for (side, count) in [("encoder", layers), ("decoder", text_layers)] {
        for layer in (0..count).map(|number| format!("{side}.blocks.{number}")) {
            all.extend([
                (format!("{layer}.mlp_ln.weight"), vector),
                (format!("{layer}.mlp_ln.bias"), vector),
                (format!("{layer}.mlp.0.weight"), matrix(width, 4 * width)),
                (format!("{layer}.mlp.0.bias"), plain([4 * width, 1, 1])),
                (format!("{layer}.mlp.2.weight"), matrix(4 * width, width)),
                (format!("{layer}.mlp.2.bias"), vector),
            ]);
            all.extend(attention(&format!("{layer}.attn")));
            if side == "decoder" {
                all.extend(attention(&format!("{layer}.cross_attn")));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn checked(content: &[u8]) -> Result<u64, LoadError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        check(file.path())
    }

    #[test]
    fn what_is_no_model_is_broken() {
        for content in [&b""[..], b"lmg", b"lmgg", b"hello, this is text, not a model at all"] {
            assert!(matches!(checked(content), Err(LoadError::Broken { .. })), "{content:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_missing() {
        assert!(matches!(check(Path::new("/nonexistent")), Err(LoadError::Missing { .. })));
        assert!(matches!(check(Path::new("/tmp")), Err(LoadError::Missing { .. })));
    }

    /// The count follows whisper.cpp, which reserves
    /// `10 + 15 + 15 * n_audio_layer + 24 * n_text_layer` tensors: for 11 tensors and the layers.
    #[test]
    fn each_tensor_has_a_name_of_its_own() {
        for (layers, text_layers) in [(4, 4), (32, 4), (24, 2)] {
            let (vocabulary, width, mels, weights) = (51_865, 1280, 80, F16);
            let header = Header { vocabulary, width, layers, text_layers, mels, weights };
            let count = u32::try_from(expected(&header).len()).unwrap();
            assert_eq!(count, 11 + 15 * layers + 24 * text_layers);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_behind_the_magic_are_broken(rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let content = [b"lmgg".as_slice(), &rest].concat();
            let refused = matches!(checked(&content), Err(LoadError::Broken { .. }));
            prop_assert!(refused);
        }
    }
}
