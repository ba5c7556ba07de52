//! Moonshine (Useful Sensors, MIT): the required content of a GGUF file, tensor by tensor.
//!
//! transcribe.cpp trusts the numbers in the head to some degree, so only those of the two published
//! sizes are accepted, with every tensor in its exact shape. Source: transcribe.cpp 0.4.1,
//! `src/arch/moonshine/weights.cpp`.

use v2m_messages::tr;

use crate::gguf::{Gguf, Tensor, TensorKind, Value};

/// The name of the architecture in a file's head.
pub(crate) const ARCHITECTURE: &str = "moonshine";
/// Size of the vocabulary; 768 tokens have no text.
pub(crate) const TOKENS: u32 = 32_768;
/// Maximum number of tokens in a transcript.
pub(crate) const POSITIONS: u32 = 194;
pub(crate) const HEADS: u32 = 8;
pub(crate) const KERNELS: [u32; 3] = [127, 7, 3];
pub(crate) const STRIDES: [u32; 3] = [64, 3, 2];
pub(crate) const BEGIN: u32 = 1;
pub(crate) const END: u32 = 2;
/// Each head is padded with zeros to a multiple of this many values, which changes no result. The
/// heads of both sizes already have a multiple of 4 values. With more, transcribe.cpp would pad
/// everything that the decoder attends to, again for each token: a third of all work.
pub(crate) const HEAD_PADDING: u32 = 4;
/// The value in other conversions, from the original configuration.
const USUAL_HEAD_PADDING: u32 = 8;
pub(crate) const ROPE_THETA: f32 = 10_000.0;
pub(crate) const NORM_EPSILON: f32 = 1e-5;

/// One of the published sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    /// Number of layers in the encoder, and in the decoder.
    pub(crate) layers: u32,
    pub(crate) width: u32,
    /// Width of the inner layer in the feed-forward networks.
    pub(crate) inner: u32,
    /// The share of each head that is rotated.
    pub(crate) rotary: f32,
}

pub(crate) const TINY: Size =
    Size { name: "moonshine-tiny", layers: 6, width: 288, inner: 1152, rotary: 0.9 };
pub(crate) const BASE: Size =
    Size { name: "moonshine-base", layers: 8, width: 416, inner: 1664, rotary: 0.62 };

/// The role of a tensor: convolutions and matrices may be stored with less precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
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

impl Size {
    /// Returns every tensor with its dimensions, innermost first, in the order of the file that v2m
    /// makes.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<u64>, Role)> {
        let (width, inner) = (u64::from(self.width), u64::from(self.inner));
        let kernels = KERNELS.map(u64::from);
        let mut all = Tensors(Vec::new());
        all.convolution("enc.conv.0.weight", &[kernels[0], 1, width]);
        all.convolution("enc.conv.1.weight", &[kernels[1], width, 2 * width]);
        all.convolution("enc.conv.2.weight", &[kernels[2], 2 * width, width]);
        all.single("enc.conv.1.bias", 2 * width);
        for name in [
            "enc.conv.2.bias",
            "enc.conv.norm.weight",
            "enc.conv.norm.bias",
            "enc.final_norm.weight",
        ] {
            all.single(name, width);
        }
        for i in 0..self.layers {
            let block = format!("enc.blocks.{i}");
            all.single(&format!("{block}.norm_attn.weight"), width);
            all.single(&format!("{block}.norm_ffn.weight"), width);
            all.attention(&format!("{block}.attn"), width);
            all.feed_forward(&block, width, inner, inner);
        }
        all.matrix("dec.token_embd.weight", width, u64::from(TOKENS));
        all.single("dec.final_norm.weight", width);
        for i in 0..self.layers {
            let block = format!("dec.blocks.{i}");
            for norm in ["norm_self", "norm_cross", "norm_ffn"] {
                all.single(&format!("{block}.{norm}.weight"), width);
            }
            all.attention(&format!("{block}.self_attn"), width);
            all.attention(&format!("{block}.cross_attn"), width);
            // The value and its gate are in one matrix.
            all.feed_forward(&block, width, 2 * inner, inner);
        }
        all.0
    }
}

struct Tensors(Vec<(String, Vec<u64>, Role)>);

impl Tensors {
    fn single(&mut self, name: &str, length: u64) {
        self.0.push((name.into(), vec![length], Role::Single));
    }

    fn convolution(&mut self, name: &str, dims: &[u64]) {
        self.0.push((name.into(), dims.to_vec(), Role::Convolution));
    }

    fn matrix(&mut self, name: &str, inputs: u64, outputs: u64) {
        self.0.push((name.into(), vec![inputs, outputs], Role::Matrix));
    }

    fn attention(&mut self, name: &str, width: u64) {
        for part in ["q", "k", "v", "out"] {
            self.matrix(&format!("{name}.{part}.weight"), width, width);
        }
    }

    fn feed_forward(&mut self, block: &str, width: u64, up: u64, down: u64) {
        self.matrix(&format!("{block}.ffn.fc1.weight"), width, up);
        self.single(&format!("{block}.ffn.fc1.bias"), up);
        self.matrix(&format!("{block}.ffn.fc2.weight"), down, width);
        self.single(&format!("{block}.ffn.fc2.bias"), width);
    }
}

/// Checks that this is a complete model of a published size. Returns how its matrices are stored.
///
/// # Errors
/// A clause about the file, for the user.
pub(crate) fn check(head: &Gguf) -> Result<Option<&'static str>, String> {
    let width = number(head, "encoder.d_model")?;
    let size = [TINY, BASE].into_iter().find(|size| u64::from(size.width) == width);
    let size = size.ok_or_else(|| tr!("no Moonshine model is {width} wide", width))?;
    numbers(head, &size)?;
    let tensors = size.tensors();
    for (name, dims, role) in &tensors {
        let Some(tensor) = head.tensor(name) else {
            return Err(tr!("the tensor {name} is missing", name));
        };
        fits(tensor, dims, *role)?;
    }
    if head.tensors.len() != tensors.len() {
        return Err(tr!(
            "it has {found} tensors, not {expected}",
            found = head.tensors.len(),
            expected = tensors.len()
        ));
    }
    let matrices = tensors.iter().filter(|(.., role)| *role == Role::Matrix);
    let mut kinds = matrices.filter_map(|(name, ..)| Some(head.tensor(name)?.kind));
    let first = kinds.next();
    Ok(first.filter(|first| kinds.all(|kind| kind == *first)).map(TensorKind::name))
}

fn fits(tensor: &Tensor, dims: &[u64], role: Role) -> Result<(), String> {
    if tensor.dims != dims {
        return Err(tr!(
            "{name} has the shape {found}, not {expected}",
            name = tensor.name,
            found = format_args!("{:?}", tensor.dims),
            expected = format_args!("{dims:?}")
        ));
    }
    if role.allows(tensor.kind) {
        return Ok(());
    }
    let (name, kind) = (&tensor.name, tensor.kind.name());
    Err(tr!("{name} is stored as {kind}, which is not precise enough for it", name, kind))
}

fn key(name: &str) -> String {
    format!("stt.{ARCHITECTURE}.{name}")
}

fn number(head: &Gguf, name: &str) -> Result<u64, String> {
    match head.values.get(&key(name)) {
        Some(Value::Number(n)) => Ok(*n),
        _ => Err(missing(&key(name))),
    }
}

fn missing(name: &str) -> String {
    tr!("it does not say its {name}", name)
}

/// Checks a value in the head. An absent one is only accepted if transcribe.cpp then uses the same
/// value.
fn expect(head: &Gguf, name: &str, wanted: &Value, optional: bool) -> Result<(), String> {
    match head.values.get(name) {
        Some(found) if same(found, wanted) => Ok(()),
        None if optional => Ok(()),
        None => Err(missing(name)),
        Some(_) => Err(tr!("its {name} does not fit any Moonshine model", name)),
    }
}

fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        // It is a decimal fraction, rounded by the program that made the file.
        (Value::Float(found), Value::Float(wanted)) => (found - wanted).abs() <= wanted * 1e-5,
        (found, wanted) => found == wanted,
    }
}

fn numbers(head: &Gguf, size: &Size) -> Result<(), String> {
    let require = |name: &str, wanted: u32| {
        expect(head, &key(name), &Value::Number(u64::from(wanted)), false)
    };
    for side in ["encoder", "decoder"] {
        require(&format!("{side}.n_layers"), size.layers)?;
        require(&format!("{side}.d_model"), size.width)?;
        require(&format!("{side}.n_heads"), HEADS)?;
        require(&format!("{side}.ffn_dim"), size.inner)?;
        let same_heads = Value::Number(u64::from(HEADS));
        expect(head, &key(&format!("{side}.n_kv_heads")), &same_heads, true)?;
    }
    require("decoder.vocab_size", TOKENS)?;
    require("decoder.max_position_embeddings", POSITIONS)?;
    require("bos_token_id", BEGIN)?;
    require("decoder_start_token_id", BEGIN)?;
    require("eos_token_id", END)?;
    require("pad_token_id", END)?;
    require("pad_head_dim_to_multiple_of", USUAL_HEAD_PADDING)
        .or_else(|_| require("pad_head_dim_to_multiple_of", HEAD_PADDING))?;
    let text = |text: &str| Value::Text(text.into());
    expect(head, &key("encoder.activation"), &text("gelu"), false)?;
    expect(head, &key("decoder.activation"), &text("silu"), false)?;
    expect(head, &key("decoder.tie_word_embeddings"), &Value::Bool(true), true)?;
    expect(head, &key("attention_bias"), &Value::Bool(false), true)?;
    expect(head, &key("partial_rotary_factor"), &Value::Float(size.rotary), false)?;
    expect(head, &key("rope_theta"), &Value::Float(ROPE_THETA), true)?;
    expect(head, &key("conv_stem.groupnorm_eps"), &Value::Float(NORM_EPSILON), true)?;
    expect(head, &key("conv_stem.groupnorm_num_groups"), &Value::Number(1), true)?;
    let list = |all: [u32; 3]| Value::Numbers(3, all.map(u64::from).to_vec());
    let channels = [size.width, 2 * size.width, size.width];
    expect(head, &key("conv_stem.channels"), &list(channels), false)?;
    expect(head, &key("conv_stem.kernel_sizes"), &list(KERNELS), false)?;
    expect(head, &key("conv_stem.strides"), &list(STRIDES), false)?;
    expect(head, "stt.frontend.type", &text("raw"), false)?;
    expect(head, "stt.frontend.sample_rate", &Value::Number(16_000), false)?;
    // Every number that the decoder can output has a text.
    expect(head, "tokenizer.ggml.tokens", &Value::Texts(u64::from(TOKENS)), false)
}

/// The smallest file that passes [`check`] would be 100 MB, so tests change a head.
#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    pub(super) fn head(size: &Size, matrix: TensorKind) -> Gguf {
        let mut values = BTreeMap::new();
        let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
        for (name, value) in crate::moonshine_import::values(size) {
            use crate::gguf::NewValue as New;
            let many = |all: Vec<u32>| all.into_iter().map(u64::from).collect();
            put(
                name,
                match value {
                    New::Unsigned(n) => Value::Number(n.into()),
                    New::Float(x) => Value::Float(x),
                    New::Bool(b) => Value::Bool(b),
                    New::Text(text) => Value::Text(text.into()),
                    New::Unsigneds(all) => Value::Numbers(all.len() as u64, many(all)),
                    New::Signeds(_) => Value::Other,
                    New::Texts(all) => Value::Texts(all.len() as u64),
                },
            );
        }
        put("tokenizer.ggml.tokens", Value::Texts(TOKENS.into()));
        let tensors = size.tensors().into_iter().map(|(name, dims, role)| {
            let kind = if role == Role::Matrix { matrix } else { TensorKind::F32 };
            Tensor { name, dims, kind }
        });
        Gguf { values, tensors: tensors.collect() }
    }

    #[test]
    fn both_sizes_are_taken_however_their_matrices_are_stored() {
        for size in [TINY, BASE] {
            for kind in [TensorKind::F32, TensorKind::F16, TensorKind::Q8_0] {
                assert_eq!(check(&head(&size, kind)), Ok(Some(kind.name())));
            }
        }
    }

    #[test]
    fn files_of_others_may_pad_their_heads() {
        for (padding, is_right) in [(HEAD_PADDING, true), (USUAL_HEAD_PADDING, true), (0, false)] {
            let mut head = head(&BASE, TensorKind::F16);
            let name = key("pad_head_dim_to_multiple_of");
            head.values.insert(name, Value::Number(padding.into()));
            assert_eq!(check(&head).is_ok(), is_right, "{padding}");
        }
        for size in [TINY, BASE] {
            assert!((size.width / HEADS).is_multiple_of(HEAD_PADDING), "{}", size.name);
        }
    }

    #[test]
    fn what_lies_is_refused() {
        type Change = fn(&mut Gguf);
        let lies: [(&str, Change); 8] = [
            ("no Moonshine model is 999 wide", |head| {
                head.values.insert(key("encoder.d_model"), Value::Number(999));
            }),
            ("stt.moonshine.decoder.n_heads", |head| {
                head.values.insert(key("decoder.n_heads"), Value::Number(1 << 40));
            }),
            ("stt.moonshine.partial_rotary_factor", |head| {
                head.values.insert(key("partial_rotary_factor"), Value::Float(f32::NAN));
            }),
            ("does not say its stt.moonshine.eos_token_id", |head| {
                head.values.remove(&key("eos_token_id"));
            }),
            ("tokenizer.ggml.tokens", |head| {
                head.values.insert("tokenizer.ggml.tokens".into(), Value::Texts(100));
            }),
            ("enc.final_norm.weight is missing", |head| {
                head.tensors.retain(|tensor| tensor.name != "enc.final_norm.weight");
            }),
            ("has the shape [3], not [416]", |head| {
                let norm = head.tensors.iter_mut().find(|t| t.name == "dec.final_norm.weight");
                norm.unwrap().dims = vec![3];
            }),
            ("is stored as f16", |head| {
                let norm = head.tensors.iter_mut().find(|t| t.name == "dec.final_norm.weight");
                norm.unwrap().kind = TensorKind::F16;
            }),
        ];
        for (words, change) in lies {
            let mut head = head(&BASE, TensorKind::F32);
            change(&mut head);
            let error = check(&head).unwrap_err();
            assert!(error.contains(words), "{error:?} without {words:?}");
        }
    }
}
