//! Canary and Parakeet (NVIDIA, CC-BY-4.0): what a GGUF file of them must hold.
//!
//! Both have the same encoder (FastConformer). Their published sizes are many, so the shapes are those
//! that the numbers in the head give, within bounds: transcribe.cpp trusts these numbers to some
//! degree. Source: transcribe.cpp 0.4.1, `src/arch/canary/weights.cpp` and
//! `src/arch/parakeet/weights.cpp`. Not here: models that transcribe while somebody speaks (Nemotron),
//! that tell speakers apart, or that cut recordings themselves; v2m does not run those.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use v2m_messages::tr;

use crate::family::Family;
use crate::gguf::{Gguf, Tensor, TensorKind, Value, shown};
use crate::language::{LanguageSet, Languages};

/// The names of the architectures in a file's head.
pub(crate) const CANARY: &str = "canary";
pub(crate) const PARAKEET: &str = "parakeet";

/// Bounds of all sizes: twice the largest that are published, and small enough that what is
/// computed from them does not overflow.
const LAYERS: RangeInclusive<u64> = 1..=84;
const WIDTH: RangeInclusive<u64> = 16..=4096;
const INNER: RangeInclusive<u64> = 16..=16_384;
const TOKENS: RangeInclusive<u64> = 2..=65_536;
/// Of an encoder's frame, 80 ms: as many as there are positions for.
const POSITIONS: RangeInclusive<u64> = 1..=16_384;

/// What a file is: its family, its languages, how its matrices are stored.
type Kind = (Family, Languages, Option<&'static str>);

/// How precisely a tensor must be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Single,
    Convolution,
    Matrix,
}

impl Role {
    fn allows(self, kind: TensorKind) -> bool {
        match self {
            Self::Single => kind == TensorKind::F32,
            Self::Convolution => matches!(kind, TensorKind::F32 | TensorKind::F16),
            Self::Matrix => true,
        }
    }
}

/// That this is a whole Canary model.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check_canary(head: &Gguf) -> Result<Kind, String> {
    let (languages, wanted) = canary(head)?;
    Ok((Family::Canary, Languages::Listed(languages), wanted.check(head)?))
}

/// The languages and the tensors of a Canary model, by the values in its head.
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

/// The languages that the model has a token for.
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

/// That this is a whole Parakeet model, of a kind that v2m runs.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check_parakeet(head: &Gguf) -> Result<Kind, String> {
    let (family, wanted) = parakeet(head)?;
    Ok((family, Languages::English, wanted.check(head)?))
}

/// The family and the tensors of a Parakeet model, by the values in its head.
fn parakeet(head: &Gguf) -> Result<(Family, Wanted), String> {
    let values = Values { head, prefix: "stt.parakeet" };
    let has = |name: &str| head.values.contains_key(&values.key(name));
    let style = values.text("stt.parakeet.encoder.att_context_style").unwrap_or("regular");
    if style == "chunked_limited" || has("prompt.num_prompts") {
        return Err(tr!(
            "it is a model for text while somebody speaks (Nemotron), which drops words; v2m does not run it"
        )
        .into());
    }
    for kind in ["vad.hidden", "encoder.spk_kernel_layers", "diarizer.embedded"] {
        if has(kind) {
            let key = values.key(kind);
            return Err(tr!("it is of a kind that v2m does not run ({key})", key));
        }
    }
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
    // One beside the texts means that nothing was said.
    values.tokens(tokens - 1..=tokens)?;
    if head_kind == "tdt" {
        check_durations(&values, durations)?;
    } else if durations != 0 {
        return Err(odd("stt.parakeet.joint.num_extra_outputs"));
    }

    let mut wanted = encoder.tensors(values.flag("encoder.use_bias", false)?);
    if values.text("stt.parakeet.encoder.conv_norm_type") == Some("layer_norm") {
        wanted.0.retain(|(name, ..)| !name.contains(".conv.bn.running_"));
    }
    wanted.matrix("pred.embed.weight", width, tokens);
    for i in 0..layers {
        for part in ["Wx", "Wh"] {
            wanted.matrix(&format!("pred.lstm.{i}.{part}"), width, 4 * width);
        }
        wanted.single(&format!("pred.lstm.{i}.bias"), &[4 * width]);
    }
    wanted.linear("joint.enc", encoder.width, joint, true);
    wanted.linear("joint.pred", width, joint, true);
    wanted.linear("joint.out", joint, tokens + durations, true);

    let family = if is_for_english(&values) { Family::Parakeet } else { Family::DriftingParakeet };
    Ok((family, wanted))
}

/// Whether a Parakeet model is known to have learnt English alone. One that does not say what it has
/// learnt is taken for one that drifts, but for the published one with English in its name.
fn is_for_english(values: &Values) -> bool {
    // "en-US" too.
    let is_english = |name: &str| name.split('-').next() == Some("en");
    match values.head.values.get("general.languages") {
        Some(Value::Names(names)) if !names.is_empty() => names.iter().all(|it| is_english(it)),
        None => {
            ["stt.variant", "general.name"].iter().any(|key| match values.head.values.get(*key) {
                Some(Value::Text(name)) => name.to_lowercase().starts_with("parakeet-unified-en"),
                _ => false,
            })
        }
        // A list that is empty, or cannot be a list of languages.
        Some(_) => false,
    }
}

/// Frames that the decoder may go on by, each. Without one that goes on, only this other number ends
/// its loop.
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

/// The encoder that both have, in the sizes of one model.
struct Encoder {
    layers: u64,
    width: u64,
    inner: u64,
    heads: u64,
    channels: u64,
    kernel: u64,
    /// Bands of the spectrum, an eighth.
    bands: u64,
}

impl Encoder {
    /// `bands`: what transcribe.cpp takes as bands of the spectrum.
    fn read(values: &Values, bands: &[u64]) -> Result<Self, String> {
        values.number("encoder.subsampling_factor", 8..=8)?;
        values.number("encoder.pos_emb_max_len", POSITIONS)?;
        let width = values.number("encoder.d_model", WIDTH)?;
        values.one_of("stt.frontend.type", &["mel"])?;
        values.one_of("stt.frontend.window", &["hann"])?;
        // 16 kHz, 25 ms every 10 ms: all of them.
        for (name, number) in
            [("sample_rate", 16_000), ("n_fft", 512), ("win_length", 400), ("hop_length", 160)]
        {
            values.exactly(&format!("stt.frontend.{name}"), number)?;
        }
        let bands = match values.head.values.get("stt.frontend.num_mels") {
            Some(Value::Number(number)) if bands.contains(number) => number / 8,
            Some(_) => return Err(odd("stt.frontend.num_mels")),
            None => return Err(missing("stt.frontend.num_mels")),
        };
        let kernel = values.number("encoder.conv_kernel", 3..=63)?;
        if kernel.is_multiple_of(2) {
            return Err(odd(&values.key("encoder.conv_kernel")));
        }
        Ok(Self {
            layers: values.number("encoder.n_layers", LAYERS)?,
            width,
            inner: values.number("encoder.d_ff", INNER)?,
            heads: values.divides("encoder.n_heads", width)?,
            channels: values.number("encoder.subsampling_channels", 8..=1024)?,
            kernel,
            bands,
        })
    }

    /// Its tensors; `is_biased`: with a bias at every product.
    fn tensors(&self, is_biased: bool) -> Wanted {
        let Self { width, inner, channels, .. } = *self;
        let mut all = Wanted(Vec::new());
        for (layer, inputs, size) in
            [(0, 1, 3), (2, 1, 3), (3, channels, 1), (5, 1, 3), (6, channels, 1)]
        {
            let conv = format!("enc.pre_encode.conv.{layer}");
            all.convolution(&format!("{conv}.weight"), &[size, size, inputs, channels]);
            all.single(&format!("{conv}.bias"), &[channels]);
        }
        all.linear("enc.pre_encode.out", channels * self.bands, width, true);
        for i in 0..self.layers {
            let block = format!("enc.blocks.{i}");
            for norm in ["norm_ff1", "norm_attn", "norm_conv", "norm_ff2", "norm_out"] {
                all.norm(&format!("{block}.{norm}"), width);
            }
            for feed_forward in ["ff1", "ff2"] {
                let part = format!("{block}.{feed_forward}");
                all.linear(&format!("{part}.linear1"), width, inner, is_biased);
                all.linear(&format!("{part}.linear2"), inner, width, is_biased);
            }
            for part in ["q", "k", "v", "out"] {
                all.linear(&format!("{block}.attn.linear_{part}"), width, width, is_biased);
            }
            all.matrix(&format!("{block}.attn.linear_pos.weight"), width, width);
            for part in ["u", "v"] {
                let dims = [width / self.heads, self.heads];
                all.single(&format!("{block}.attn.pos_bias_{part}"), &dims);
            }
            let conv = format!("{block}.conv");
            for (part, dims) in [
                ("pointwise1", [1, width, 2 * width]),
                ("depthwise", [self.kernel, 1, width]),
                ("pointwise2", [1, width, width]),
            ] {
                all.convolution(&format!("{conv}.{part}.weight"), &dims);
                if is_biased {
                    all.single(&format!("{conv}.{part}.bias"), &dims[2..]);
                }
            }
            for part in ["weight", "bias", "running_mean", "running_var"] {
                all.single(&format!("{conv}.bn.{part}"), &[width]);
            }
        }
        all
    }
}

/// The tensors that a model must have: name, dimensions (innermost first), role.
struct Wanted(Vec<(String, Vec<u64>, Role)>);

impl Wanted {
    fn single(&mut self, name: &str, dims: &[u64]) {
        self.0.push((name.into(), dims.to_vec(), Role::Single));
    }

    fn convolution(&mut self, name: &str, dims: &[u64]) {
        self.0.push((name.into(), dims.to_vec(), Role::Convolution));
    }

    fn matrix(&mut self, name: &str, inputs: u64, outputs: u64) {
        self.0.push((name.into(), vec![inputs, outputs], Role::Matrix));
    }

    fn linear(&mut self, name: &str, inputs: u64, outputs: u64, is_biased: bool) {
        self.matrix(&format!("{name}.weight"), inputs, outputs);
        if is_biased {
            self.single(&format!("{name}.bias"), &[outputs]);
        }
    }

    fn norm(&mut self, name: &str, width: u64) {
        self.single(&format!("{name}.weight"), &[width]);
        self.single(&format!("{name}.bias"), &[width]);
    }

    /// That all are there, and how the matrices are stored. What else is in the file is measured and
    /// not used (windows and filters of the spectrum).
    fn check(&self, head: &Gguf) -> Result<Option<&'static str>, String> {
        let found: BTreeMap<&str, &Tensor> =
            head.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let mut kinds = Vec::new();
        for (name, dims, role) in &self.0 {
            let Some(tensor) = found.get(name.as_str()) else {
                return Err(tr!("the tensor {name} is missing", name));
            };
            if !same_dims(&tensor.dims, dims) {
                return Err(tr!(
                    "{name} has the shape {found}, not {expected}",
                    name,
                    found = format_args!("{:?}", tensor.dims),
                    expected = format_args!("{dims:?}")
                ));
            }
            if !role.allows(tensor.kind) {
                let kind = tensor.kind.name();
                return Err(tr!(
                    "{name} is stored as {kind}, which is not precise enough for it",
                    name,
                    kind
                ));
            }
            if *role == Role::Matrix {
                kinds.push(tensor.kind);
            }
        }
        let first = kinds.first().copied();
        Ok(first.filter(|first| kinds.iter().all(|kind| kind == first)).map(TensorKind::name))
    }
}

/// ggml reads dimensions that are not written as 1.
fn same_dims(found: &[u64], wanted: &[u64]) -> bool {
    let length = found.len().max(wanted.len());
    (0..length).all(|i| found.get(i).unwrap_or(&1) == wanted.get(i).unwrap_or(&1))
}

/// The values of a head.
struct Values<'a> {
    head: &'a Gguf,
    /// Of the keys with sizes.
    prefix: &'static str,
}

impl<'a> Values<'a> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// A number within these bounds.
    fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<u64, String> {
        let key = self.key(name);
        match self.head.values.get(&key) {
            Some(Value::Number(n)) if bounds.contains(n) => Ok(*n),
            Some(_) => Err(odd(&key)),
            None => Err(missing(&key)),
        }
    }

    /// A number that divides `whole`.
    fn divides(&self, name: &str, whole: u64) -> Result<u64, String> {
        let number = self.number(name, 1..=whole)?;
        if whole.is_multiple_of(number) { Ok(number) } else { Err(odd(&self.key(name))) }
    }

    fn exactly(&self, key: &str, wanted: u64) -> Result<(), String> {
        match self.head.values.get(key) {
            Some(Value::Number(n)) if *n == wanted => Ok(()),
            Some(_) => Err(odd(key)),
            None => Err(missing(key)),
        }
    }

    fn flag(&self, name: &str, usual: bool) -> Result<bool, String> {
        match self.head.values.get(&self.key(name)) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(odd(&self.key(name))),
            None => Ok(usual),
        }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        match self.head.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn one_of(&self, key: &str, known: &[&str]) -> Result<&'a str, String> {
        let text = self.text(key).ok_or_else(|| missing(key))?;
        self.among(text, key, known).map(|()| text)
    }

    fn among(&self, text: &str, key: &str, known: &[&str]) -> Result<(), String> {
        if known.contains(&text) {
            return Ok(());
        }
        let value = shown(text);
        Err(tr!("its {key} is {value}, which v2m does not run", key, value))
    }

    fn names(&self, key: &str) -> Vec<&'a str> {
        match self.head.values.get(key) {
            Some(Value::Names(names)) => names.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// That there are so many texts of tokens.
    fn tokens(&self, wanted: RangeInclusive<u64>) -> Result<(), String> {
        let key = "tokenizer.ggml.tokens";
        let count = match self.head.values.get(key) {
            Some(Value::Texts(count)) => *count,
            Some(Value::Names(names)) => names.len() as u64,
            Some(_) => return Err(odd(key)),
            None => return Err(missing(key)),
        };
        if wanted.contains(&count) {
            return Ok(());
        }
        Err(tr!(
            "it has the texts of {count} tokens, not of {expected}",
            count,
            expected = wanted.end()
        ))
    }
}

fn missing(key: &str) -> String {
    tr!("it does not say its {name}", name = key)
}

fn odd(key: &str) -> String {
    tr!("its {key} is none that v2m runs", key)
}

#[cfg(test)]
mod tests;
