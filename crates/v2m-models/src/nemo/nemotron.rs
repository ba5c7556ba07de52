//! Nemotron (NVIDIA, OpenMDW-1.1): a variant of Parakeet that writes during speech. Checks the
//! content of a GGUF file, and returns the engine's parameters.
//!
//! It keeps its computed state of the sound so far, and looks some frames ahead. It is told the
//! language by an index. Source: transcribe.cpp 0.4.1, `src/arch/parakeet/weights.cpp` and
//! `model.cpp` (`stream_begin`, `stream_feed`).

use super::shape::{Encoder, TOKENS, Values, WIDTH, Wanted, missing, odd};
use super::{Kind, Transducer, refuse_other_kinds};
use crate::family::Family;
use crate::gguf::{Gguf, Value};
use crate::language::{LanguageSet, Languages};
use v2m_messages::tr;

/// Maximum look-ahead in frames of 80 ms: words come up to 0.3 s late. With more it makes fewer
/// errors (Spanish, as published by NVIDIA: 4.9 % without, 4.4 % with this, 4.1 % with 13).
const LOOKAHEAD: u64 = 3;

/// The key of the pairs of frames (behind, ahead) that it was trained with.
const MENU: &str = "stt.parakeet.encoder.att_context_size_choices";
/// The key of its names for languages.
const LOCALES: &str = "stt.parakeet.prompt.dictionary.locales";
/// The key of their indices.
const INDICES: &str = "stt.parakeet.prompt.dictionary.indices";

/// The engine's parameters of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streaming {
    /// Look-ahead in frames of 80 ms.
    pub lookahead: u64,
    /// Its language names: `en`, `en-US`, `es-ES`.
    locales: Vec<String>,
}

impl Streaming {
    /// Returns its shortest name for the language with this ISO 639-1 code.
    #[must_use]
    pub fn locale(&self, code: &str) -> Option<&str> {
        let named = self.locales.iter().filter(|locale| self::code(locale) == code);
        named.min_by_key(|locale| locale.len()).map(String::as_str)
    }
}

/// Whether the head of a Parakeet is that of a Nemotron.
pub(crate) fn is_one(head: &Gguf) -> bool {
    let values = Values { head, prefix: "stt.parakeet" };
    values.text("stt.parakeet.encoder.att_context_style") == Some("chunked_limited")
}

/// Checks that this is a complete model.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check(head: &Gguf) -> Result<Kind, String> {
    let (languages, wanted) = shape(head)?;
    Ok((Family::Nemotron, languages, wanted.check(head)?))
}

/// Returns the engine's parameters of a model that has been checked.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn streaming(head: &Gguf) -> Result<Streaming, String> {
    let values = Values { head, prefix: "stt.parakeet" };
    Ok(Streaming { lookahead: lookahead(&values)?, locales: locales(&values) })
}

/// Returns the languages and the required tensors of a model, from the values in its head.
pub(super) fn shape(head: &Gguf) -> Result<(Languages, Wanted), String> {
    let values = Values { head, prefix: "stt.parakeet" };
    refuse_other_kinds(&values)?;
    let mut encoder = Encoder::read(&values, &[80, 128])?;
    // Its convolutions over the spectrum use only past frames, and are therefore one band wider.
    encoder.bands += 1;
    values.one_of("stt.frontend.normalize", &["per_feature", "none"])?;
    // A frame is computed only from earlier ones.
    let before = encoder.kernel - 1;
    values.number("encoder.conv_context_left", before..=before)?;
    values.number("encoder.conv_context_right", 0..=0)?;
    lookahead(&values)?;
    for (name, most) in [
        ("encoder.streaming.pre_encode_cache_size", 64),
        ("encoder.streaming.drop_extra_pre_encoded", 8),
        ("encoder.streaming.sampling_frames_first", 64),
    ] {
        // transcribe.cpp has a default for each.
        if head.values.contains_key(&values.key(name)) {
            values.number(name, 1..=most)?;
        }
    }
    values.one_of("stt.parakeet.head_kind", &["rnnt"])?;
    values.one_of("stt.parakeet.joint.activation", &["relu", "sigmoid", "tanh"])?;
    values.number("joint.num_extra_outputs", 0..=0)?;
    let tokens = values.number("predictor.vocab", TOKENS)?;
    // One additional token means silence.
    values.tokens(tokens - 1..=tokens)?;
    let transducer = Transducer {
        width: values.number("predictor.hidden", WIDTH)?,
        layers: values.number("predictor.n_layers", 1..=8)?,
        tokens,
        joint: values.number("joint.hidden", WIDTH)?,
        outputs: tokens,
    };

    let mut wanted = encoder.tensors(values.flag("encoder.use_bias", false)?);
    if values.one_of("stt.parakeet.encoder.conv_norm_type", &["layer_norm", "batch_norm"])?
        == "layer_norm"
    {
        wanted.without_running();
    }
    transducer.tensors(&encoder, &mut wanted);
    if is_told(&values) {
        let (prompts, hidden) = check_prompt(&values)?;
        for (layer, inputs, outputs) in
            [(0, encoder.width + prompts, hidden), (2, hidden, encoder.width)]
        {
            wanted.linear(&format!("prompt.mlp.{layer}"), inputs, outputs, true);
        }
    }
    let mut known = LanguageSet::default();
    locales(&values).iter().for_each(|locale| known.insert(code(locale)));
    let languages = match &known.codes()[..] {
        [] => return Err(tr!("it does not list its languages").into()),
        [only] if only == "en" => Languages::English,
        _ => Languages::Listed(known),
    };
    Ok((languages, wanted))
}

/// Whether the model must be told the language.
fn is_told(values: &Values) -> bool {
    values.head.values.contains_key(&values.key("prompt.num_prompts"))
}

/// Returns the number of language indices, and the width of the layer that reads them.
fn check_prompt(values: &Values) -> Result<(u64, u64), String> {
    let prompts = values.number("prompt.num_prompts", 1..=1024)?;
    let hidden = values.number("prompt.hidden", super::INNER)?;
    values.one_of("stt.parakeet.prompt.activation", &["relu"])?;
    if values.head.values.contains_key(&values.key("prompt.auto_id")) {
        values.number("prompt.auto_id", 0..=prompts - 1)?;
    }
    let count = match values.head.values.get(LOCALES) {
        Some(Value::Names(names)) => names.len() as u64,
        Some(Value::Texts(count)) => *count,
        Some(_) => return Err(odd(LOCALES)),
        None => return Err(missing(LOCALES)),
    };
    match values.head.values.get(INDICES) {
        // transcribe.cpp checks the indices that are not kept here.
        Some(Value::Numbers(found, first))
            if *found == count && first.iter().all(|index| *index < prompts) =>
        {
            Ok((prompts, hidden))
        }
        Some(_) => Err(odd(INDICES)),
        None => Err(missing(INDICES)),
    }
}

/// Returns the look-ahead in frames: the largest of the trained values up to [`LOOKAHEAD`], or the
/// smallest.
fn lookahead(values: &Values) -> Result<u64, String> {
    let left = values.number("encoder.att_context_left", 1..=1024)?;
    let right = values.number("encoder.att_context_right", 0..=64)?;
    let menu = match values.head.values.get(MENU) {
        None => vec![left, right],
        Some(Value::Numbers(count, all)) if *count == all.len() as u64 => all.clone(),
        Some(_) => return Err(odd(MENU)),
    };
    let (pairs, rest) = menu.as_chunks::<2>();
    let is_right =
        |[behind, ahead]: &[u64; 2]| (1..=1024).contains(behind) && (0..=64).contains(ahead);
    if pairs.first() != Some(&[left, right]) || !rest.is_empty() || !pairs.iter().all(is_right) {
        return Err(odd(MENU));
    }
    let ahead = || pairs.iter().map(|[_, ahead]| *ahead);
    let short = ahead().filter(|ahead| *ahead <= LOOKAHEAD).max();
    short.or(ahead().min()).ok_or_else(|| odd(MENU))
}

/// Returns the language names that transcribe.cpp accepts: those in both lists. If the longer list
/// is not kept, transcribe.cpp decides.
fn locales(values: &Values) -> Vec<String> {
    let indexed = values.names(LOCALES);
    let is_indexed = |name: &str| !is_told(values) || indexed.is_empty() || indexed.contains(&name);
    let named = values.names("general.languages");
    named.into_iter().filter(|name| is_indexed(name)).map(str::to_owned).collect()
}

/// Returns the ISO 639-1 code of a locale, as used by v2m.
fn code(locale: &str) -> &str {
    match locale.split(['-', '_']).next().unwrap_or_default() {
        // Bokmål. Whisper and v2m use the code for Norwegian.
        "nb" => "no",
        code => code,
    }
}
