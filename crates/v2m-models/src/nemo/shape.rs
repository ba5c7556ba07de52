//! Common parts of NVIDIA's models: the values of a head, read within bounds, the encoder's sizes,
//! and the tensors that a file must have.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use v2m_messages::tr;

use crate::gguf::{Gguf, Tensor, TensorKind, Value, shown};

/// Bounds of all sizes: twice the largest published ones, and small enough that no computation
/// overflows.
pub(super) const LAYERS: RangeInclusive<u64> = 1..=84;
pub(super) const WIDTH: RangeInclusive<u64> = 16..=4096;
pub(super) const INNER: RangeInclusive<u64> = 16..=16_384;
pub(super) const TOKENS: RangeInclusive<u64> = 2..=65_536;
/// Number of positions of the encoder's frames, which are 80 ms long.
pub(super) const POSITIONS: RangeInclusive<u64> = 1..=16_384;

/// Required precision of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    Convolution,
    Matrix,
}

impl Role {
    pub(super) fn allows(self, kind: TensorKind) -> bool {
        match self {
            Self::Single => kind == TensorKind::F32,
            Self::Convolution => matches!(kind, TensorKind::F32 | TensorKind::F16),
            Self::Matrix => true,
        }
    }
}

/// Sizes of the common encoder in one model.
pub(super) struct Encoder {
    pub(super) layers: u64,
    pub(super) width: u64,
    pub(super) inner: u64,
    pub(super) heads: u64,
    pub(super) channels: u64,
    pub(super) kernel: u64,
    /// Bands of the spectrum, divided by eight.
    pub(super) bands: u64,
}

impl Encoder {
    /// Reads the sizes. `bands`: numbers of bands of the spectrum that transcribe.cpp accepts.
    pub(super) fn read(values: &Values, bands: &[u64]) -> Result<Self, String> {
        values.number("encoder.subsampling_factor", 8..=8)?;
        values.number("encoder.pos_emb_max_len", POSITIONS)?;
        let width = values.number("encoder.d_model", WIDTH)?;
        values.one_of("stt.frontend.type", &["mel"])?;
        values.one_of("stt.frontend.window", &["hann"])?;
        // 16 kHz, 25 ms every 10 ms, for all models.
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

    /// Returns its tensors; `is_biased`: with a bias for every product.
    pub(super) fn tensors(&self, is_biased: bool) -> Wanted {
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

/// The required tensors of a model: name, dimensions (innermost first), role.
pub(super) struct Wanted(pub(super) Vec<(String, Vec<u64>, Role)>);

impl Wanted {
    pub(super) fn single(&mut self, name: &str, dims: &[u64]) {
        self.0.push((name.into(), dims.to_vec(), Role::Single));
    }

    pub(super) fn convolution(&mut self, name: &str, dims: &[u64]) {
        self.0.push((name.into(), dims.to_vec(), Role::Convolution));
    }

    pub(super) fn matrix(&mut self, name: &str, inputs: u64, outputs: u64) {
        self.0.push((name.into(), vec![inputs, outputs], Role::Matrix));
    }

    pub(super) fn linear(&mut self, name: &str, inputs: u64, outputs: u64, is_biased: bool) {
        self.matrix(&format!("{name}.weight"), inputs, outputs);
        if is_biased {
            self.single(&format!("{name}.bias"), &[outputs]);
        }
    }

    pub(super) fn norm(&mut self, name: &str, width: u64) {
        self.single(&format!("{name}.weight"), &[width]);
        self.single(&format!("{name}.bias"), &[width]);
    }

    /// Removes the statistics, which a norm over each frame does not have.
    pub(super) fn without_running(&mut self) {
        self.0.retain(|(name, ..)| !name.contains(".conv.bn.running_"));
    }

    /// Checks that all tensors are present. Returns how the matrices are stored. Other tensors in
    /// the file are measured and not used (windows and filters of the spectrum).
    pub(super) fn check(&self, head: &Gguf) -> Result<Option<&'static str>, String> {
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

/// Whether the dimensions are equal. ggml reads missing ones as 1.
pub(super) fn same_dims(found: &[u64], wanted: &[u64]) -> bool {
    let length = found.len().max(wanted.len());
    (0..length).all(|i| found.get(i).unwrap_or(&1) == wanted.get(i).unwrap_or(&1))
}

/// The values of a head.
pub(super) struct Values<'a> {
    pub(super) head: &'a Gguf,
    /// Prefix of the keys with sizes.
    pub(super) prefix: &'static str,
}

impl<'a> Values<'a> {
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Returns a number within these bounds.
    pub(super) fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<u64, String> {
        let key = self.key(name);
        match self.head.values.get(&key) {
            Some(Value::Number(n)) if bounds.contains(n) => Ok(*n),
            Some(_) => Err(odd(&key)),
            None => Err(missing(&key)),
        }
    }

    /// Returns a number that divides `whole`.
    pub(super) fn divides(&self, name: &str, whole: u64) -> Result<u64, String> {
        let number = self.number(name, 1..=whole)?;
        if whole.is_multiple_of(number) { Ok(number) } else { Err(odd(&self.key(name))) }
    }

    pub(super) fn exactly(&self, key: &str, wanted: u64) -> Result<(), String> {
        match self.head.values.get(key) {
            Some(Value::Number(n)) if *n == wanted => Ok(()),
            Some(_) => Err(odd(key)),
            None => Err(missing(key)),
        }
    }

    pub(super) fn flag(&self, name: &str, usual: bool) -> Result<bool, String> {
        match self.head.values.get(&self.key(name)) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(odd(&self.key(name))),
            None => Ok(usual),
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        match self.head.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn one_of(&self, key: &str, known: &[&str]) -> Result<&'a str, String> {
        let text = self.text(key).ok_or_else(|| missing(key))?;
        self.among(text, key, known).map(|()| text)
    }

    pub(super) fn among(&self, text: &str, key: &str, known: &[&str]) -> Result<(), String> {
        if known.contains(&text) {
            return Ok(());
        }
        let value = shown(text);
        Err(tr!("its {key} is {value}, which v2m does not run", key, value))
    }

    pub(super) fn names(&self, key: &str) -> Vec<&'a str> {
        match self.head.values.get(key) {
            Some(Value::Names(names)) => names.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Checks the number of token texts.
    pub(super) fn tokens(&self, wanted: RangeInclusive<u64>) -> Result<(), String> {
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

pub(super) fn missing(key: &str) -> String {
    tr!("it does not say its {name}", name = key)
}

pub(super) fn odd(key: &str) -> String {
    tr!("v2m does not run models with such a {key}", key)
}
