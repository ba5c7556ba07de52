//! Canary and Parakeet (NVIDIA, CC-BY-4.0): the required content of a GGUF file.
//!
//! Both have the same encoder (FastConformer). They are published in many sizes, so shapes are
//! computed from the numbers in the head, within bounds: transcribe.cpp trusts these numbers to
//! some degree. Source: transcribe.cpp 0.4.1, `src/arch/canary/weights.cpp` and
//! `src/arch/parakeet/weights.cpp`. `shape` has the common parts; [`nemotron`] is a variant of
//! Parakeet that writes during speech. Not here: models that distinguish speakers or divide
//! recordings themselves; v2m does not run those.

pub(crate) mod nemotron;
mod shape;
#[cfg(test)]
mod tests;

use v2m_messages::tr;

use crate::family::Family;
use crate::gguf::{Gguf, Value};
use crate::language::{LanguageSet, Languages};
use shape::{Encoder, INNER, LAYERS, POSITIONS, TOKENS, Values, WIDTH, Wanted, missing, odd};

/// The names of the architectures in a file's head.
pub(crate) const CANARY: &str = "canary";
pub(crate) const PARAKEET: &str = "parakeet";

/// Family, languages, and storage of the matrices of a file.
type Kind = (Family, Languages, Option<&'static str>);

/// Checks that this is a complete Canary model.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check_canary(head: &Gguf) -> Result<Kind, String> {
    let (languages, wanted) = canary(head)?;
    Ok((Family::Canary, Languages::Listed(languages), wanted.check(head)?))
}

/// Returns the languages and the required tensors of a Canary model, from the values in its head.
fn canary(head: &Gguf) -> Result<(LanguageSet, Wanted), String> {
    let values = Values { head, prefix: "stt.canary" };
    let encoder = Encoder::read(&values, &[128])?;
    values.one_of("stt.frontend.normalize", &["per_feature"])?;
    let layers = values.number("decoder.n_layers", LAYERS)?;
    let width = values.number("decoder.d_model", WIDTH)?;
    let inner = values.number("decoder.d_ff", INNER)?;
    let positions = values.number("decoder.max_position", 64..=*POSITIONS.end())?;
    let tokens = values.number("decoder.vocab_size", TOKENS)?;
    values.divides("decoder.n_heads", width)?;
    values.one_of("stt.canary.decoder.activation", &["relu", "silu", "swish"])?;
    values.tokens(tokens..=tokens)?;
    let format = values.one_of("stt.canary.tokenizer.prompt_format", &["canary", "canary2"])?;
    let specials: &[&str] = if format == "canary" {
        &["startoftranscript", "endoftext", "pad", "transcribe", "pnc"]
    } else {
        &[
            "startoftranscript",
            "endoftext",
            "pad",
            "startofcontext",
            "pnc",
            "noitn",
            "notimestamp",
            "nodiarize",
        ]
    };
    for name in specials {
        values.number(&format!("special.{name}_id"), 0..=tokens - 1)?;
    }
    let languages = canary_languages(&values, tokens)?;

    let mut wanted = encoder.tensors(true);
    if values.flag("decoder.encoder_decoder_proj", false)? {
        wanted.matrix("enc.proj.weight", encoder.width, width);
        wanted.single("enc.proj.bias", &[width]);
    } else if width != encoder.width {
        return Err(tr!(
            "its decoder is {width} wide and its encoder {other}",
            width,
            other = encoder.width
        ));
    }
    wanted.matrix("dec.embed.token.weight", width, tokens);
    wanted.single("dec.embed.pos_enc", &[width, positions]);
    wanted.norm("dec.embed.norm", width);
    for i in 0..layers {
        let layer = format!("dec.layer.{i}");
        for norm in ["norm1", "norm2", "norm3"] {
            wanted.norm(&format!("{layer}.{norm}"), width);
        }
        for attention in ["self_attn", "cross_attn"] {
            for part in ["q", "k", "v", "o"] {
                wanted.linear(&format!("{layer}.{attention}.{part}"), width, width, true);
            }
        }
        wanted.linear(&format!("{layer}.ffn.up"), width, inner, true);
        wanted.linear(&format!("{layer}.ffn.down"), inner, width, true);
    }
    wanted.norm("dec.norm", width);
    wanted.linear("dec.head", width, tokens, true);
    Ok((languages, wanted))
}

/// Returns the languages that have a token in the model.
fn canary_languages(values: &Values, tokens: u64) -> Result<LanguageSet, String> {
    let lists = ["stt.canary.tokenizer.lang_codes", "general.languages"];
    let mut languages = LanguageSet::default();
    for code in lists.into_iter().flat_map(|list| values.names(list)) {
        let name = format!("special.lang.{code}_id");
        if values.head.values.contains_key(&values.key(&name)) {
            values.number(&name, 0..=tokens - 1)?;
            languages.insert(code);
        }
    }
    if languages == LanguageSet::default() {
        return Err(tr!("it has no token for any language").into());
    }
    Ok(languages)
}

/// Checks that this is a complete Parakeet model, of a kind that v2m runs.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check_parakeet(head: &Gguf) -> Result<Kind, String> {
    let (family, wanted) = parakeet(head)?;
    Ok((family, Languages::English, wanted.check(head)?))
}

/// Returns the family and the required tensors of a Parakeet model, from the values in its head.
fn parakeet(head: &Gguf) -> Result<(Family, Wanted), String> {
    let values = Values { head, prefix: "stt.parakeet" };
    let style = values.text("stt.parakeet.encoder.att_context_style").unwrap_or("regular");
    refuse_other_kinds(&values)?;
    values.among(
        style,
        "stt.parakeet.encoder.att_context_style",
        &["regular", "chunked_limited_with_rc"],
    )?;
    let encoder = Encoder::read(&values, &[80, 128])?;
    values.one_of("stt.frontend.normalize", &["per_feature", "none"])?;
    let head_kind = values.text("stt.parakeet.head_kind").unwrap_or("tdt");
    values.among(head_kind, "stt.parakeet.head_kind", &["tdt", "rnnt"])?;
    let width = values.number("predictor.hidden", WIDTH)?;
    let layers = values.number("predictor.n_layers", 1..=8)?;
    let tokens = values.number("predictor.vocab", TOKENS)?;
    let joint = values.number("joint.hidden", WIDTH)?;
    let durations = values.number("joint.num_extra_outputs", 0..=16)?;
    values.one_of("stt.parakeet.joint.activation", &["relu", "sigmoid", "tanh"])?;
    // One additional token means silence.
    values.tokens(tokens - 1..=tokens)?;
    if head_kind == "tdt" {
        check_durations(&values, durations)?;
    } else if durations != 0 {
        return Err(odd("stt.parakeet.joint.num_extra_outputs"));
    }

    let mut wanted = encoder.tensors(values.flag("encoder.use_bias", false)?);
    if values.text("stt.parakeet.encoder.conv_norm_type") == Some("layer_norm") {
        wanted.without_running();
    }
    let head = Transducer { width, layers, tokens, joint, outputs: tokens + durations };
    head.tensors(&encoder, &mut wanted);

    let family = if is_for_english(&values) { Family::Parakeet } else { Family::DriftingParakeet };
    Ok((family, wanted))
}

/// Refuses variants of the architecture that v2m or transcribe.cpp cannot run well.
fn refuse_other_kinds(values: &Values) -> Result<(), String> {
    for kind in ["vad.hidden", "encoder.spk_kernel_layers", "diarizer.embedded"] {
        let key = values.key(kind);
        if values.head.values.contains_key(&key) {
            return Err(tr!("it is of a kind that v2m does not run ({key})", key));
        }
    }
    Ok(())
}

/// The sizes of the transducer after the encoder: it predicts the next token from the sound and the
/// tokens before.
struct Transducer {
    width: u64,
    layers: u64,
    /// Number of tokens, including the one that means silence.
    tokens: u64,
    joint: u64,
    outputs: u64,
}

impl Transducer {
    fn tensors(&self, encoder: &Encoder, wanted: &mut Wanted) {
        let Self { width, layers, tokens, joint, outputs } = *self;
        wanted.matrix("pred.embed.weight", width, tokens);
        for i in 0..layers {
            for part in ["Wx", "Wh"] {
                wanted.matrix(&format!("pred.lstm.{i}.{part}"), width, 4 * width);
            }
            wanted.single(&format!("pred.lstm.{i}.bias"), &[4 * width]);
        }
        wanted.linear("joint.enc", encoder.width, joint, true);
        wanted.linear("joint.pred", width, joint, true);
        wanted.linear("joint.out", joint, outputs, true);
    }
}

/// Whether a Parakeet model is known to be trained only on English. A model that does not list its
/// languages counts as drifting, except for the published one with English in its name.
fn is_for_english(values: &Values) -> bool {
    // Includes "en-US".
    let is_english = |name: &str| name.split('-').next() == Some("en");
    match values.head.values.get("general.languages") {
        Some(Value::Names(names)) if !names.is_empty() => names.iter().all(|it| is_english(it)),
        None => {
            ["stt.variant", "general.name"].iter().any(|key| match values.head.values.get(*key) {
                Some(Value::Text(name)) => name.to_lowercase().starts_with("parakeet-unified-en"),
                _ => false,
            })
        }
        // The list is empty, or not a list of languages.
        Some(_) => false,
    }
}

/// Checks the numbers of frames by which the decoder may advance. If all were 0, only `max_symbols`
/// would end its loop.
fn check_durations(values: &Values, count: u64) -> Result<(), String> {
    let name = "stt.parakeet.tdt.durations";
    match values.head.values.get(name) {
        Some(Value::Numbers(found, all))
            if *found == count && all.len() as u64 == count && count > 0 =>
        {
            if all.iter().any(|frames| *frames > 64) || all.iter().all(|frames| *frames == 0) {
                return Err(odd(name));
            }
        }
        Some(_) => return Err(odd(name)),
        None => return Err(missing(name)),
    }
    if values.head.values.contains_key("stt.parakeet.tdt.max_symbols") {
        values.number("tdt.max_symbols", 1..=100)?;
    }
    Ok(())
}
