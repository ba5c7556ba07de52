//! Converts a folder with a CTranslate2 Whisper model (as downloaded by faster-whisper) to
//! whisper.cpp's ggml file with f16 weights.
//!
//! Names and order of the tensors are those of OpenAI's checkpoints, as in the published files.
//! CTranslate2 stacks the query, key and value projections; here they are separated again. A model
//! with f16 weights becomes the published file, bit for bit; one with int8 weights keeps int8's
//! precision. Not here: downloading.

use std::io::{Read, Seek, Write};
use std::path::Path;

use v2m_messages::tr;

use crate::ct2::Ct2;
use crate::error::ModelError;
use crate::ggml::{Header, Tensor, Writer};
use crate::input::ModelInput;
use crate::quantise::TensorType;
use crate::{mel, vocabulary};

/// `ggml_ftype` "mostly f16".
const FTYPE_F16: u32 = 1;

/// Imports the model in `folder` (model.bin and tokenizer.json, vocabulary.json or vocabulary.txt)
/// as `to`, whole or not at all. `progress` receives the number of bytes written since the last
/// call.
///
/// # Errors
/// If the model is invalid, or a system call fails.
pub fn import(folder: &Path, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), ModelError> {
    let tokens = vocabulary::read(folder)?;
    let mut ct2 = Ct2::read(ModelInput::open(&folder.join("model.bin"))?)?;
    let header = header(&mut ct2, tokens.len())?;
    v2m_files::write_beside(to, crate::FILE_MODE, |out| {
        write(&mut ct2, &header, &tokens, Writer::new(out, to, &header)?, progress)
    })
}

fn write<R: Read + Seek, W: Write>(
    ct2: &mut Ct2<R>,
    header: &Header,
    tokens: &[Vec<u8>],
    mut writer: Writer<'_, W>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ModelError> {
    writer.mel(header.mels, &mel::filters(header.mels as usize))?;
    writer.vocabulary(tokens)?;
    for place in plan(header) {
        let at = place.part * place.elements();
        check_dims(ct2, &place)?;
        if place.must_be_zero {
            all_zero(ct2, &place)?;
            continue;
        }
        let tensor = place.tensor();
        let size = tensor.kind.block_bytes();
        writer.tensor(&tensor)?;
        ct2.each(&place.theirs, at..at + place.elements(), &mut |values| {
            progress(values.len() as u64 * size);
            writer.values(values)
        })?;
    }
    Ok(())
}

fn header<R: Read + Seek>(ct2: &mut Ct2<R>, tokens: usize) -> Result<Header, ModelError> {
    let two = |ct2: &Ct2<R>, name: &str| match *ct2.dims(name)? {
        [a, b] => Ok((number(a), number(b))),
        _ => Err(ct2.bad(tr!("{name} is not a table", name))),
    };
    let rows = two(ct2, "decoder/embeddings/weight")?.0;
    let (audio_context, audio_state) = two(ct2, "encoder/position_encodings/encodings")?;
    let (text_context, text_state) = two(ct2, "decoder/position_encodings/encodings")?;
    let mels = match *ct2.dims("encoder/conv1/weight")? {
        [_, mels, _] => number(mels),
        _ => return Err(ct2.bad(tr!("encoder/conv1/weight is not a convolution"))),
    };
    let header = Header {
        tokens: rows,
        audio_context,
        audio_state,
        audio_heads: number(ct2.integer("encoder/num_heads")?),
        audio_layers: layers(ct2, "encoder"),
        text_context,
        text_state,
        text_heads: number(ct2.integer("decoder/num_heads")?),
        text_layers: layers(ct2, "decoder"),
        mels,
        ftype: FTYPE_F16,
    };
    if let Some(odd) = header.implausible() {
        return Err(ct2.bad(odd));
    }
    if tokens > rows as usize {
        return Err(ct2.bad(tr!(
            "the vocabulary beside it has {tokens} tokens, the model {rows}: they do not belong together",
            tokens,
            rows
        )));
    }
    Ok(header)
}

/// Converts a number for a header. One that is too large becomes implausible there.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn layers<R: Read + Seek>(ct2: &Ct2<R>, side: &str) -> u32 {
    let there = |i: &u32| ct2.has(&format!("{side}/layer_{i}/ffn/layer_norm/gamma"));
    number((0..).take_while(there).count())
}

fn check_dims<R: Read + Seek>(ct2: &Ct2<R>, place: &TensorSource) -> Result<(), ModelError> {
    let mut expected = place.dims.clone();
    expected[0] *= place.parts;
    let found = ct2.dims(&place.theirs)?;
    if found == expected {
        return Ok(());
    }
    Err(ct2.bad(tr!(
        "{name} has the shape {found}, not {expected}",
        name = place.theirs,
        found = format_args!("{found:?}"),
        expected = format_args!("{expected:?}")
    )))
}

fn all_zero<R: Read + Seek>(ct2: &mut Ct2<R>, place: &TensorSource) -> Result<(), ModelError> {
    let (at, mut zero) = (place.part * place.elements(), true);
    ct2.each(&place.theirs, at..at + place.elements(), &mut |values| {
        zero &= values.iter().all(|v| *v == 0.0);
        Ok(())
    })?;
    let reason = || ct2.bad(tr!("{name}: the key projection has a bias", name = place.theirs));
    zero.then_some(()).ok_or_else(reason)
}

/// One tensor of the ggml file, and its source in the CTranslate2 model.
struct TensorSource {
    ours: String,
    theirs: String,
    /// Dimensions of the tensor, outermost first; the source has `parts` times as many rows.
    dims: Vec<usize>,
    part: usize,
    parts: usize,
    /// Not written: Whisper's key projection has no bias, so CTranslate2's stack has zeros there.
    must_be_zero: bool,
}

impl TensorSource {
    fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    fn tensor(&self) -> Tensor {
        let mut dims: Vec<u32> = self.dims.iter().rev().map(|d| number(*d)).collect();
        let conv_bias = self.ours.ends_with("conv1.bias") || self.ours.ends_with("conv2.bias");
        if conv_bias {
            // whisper.cpp adds them over time, as one column.
            dims.insert(0, 1);
        }
        let single = self.dims.len() < 2 || self.ours.ends_with("positional_embedding");
        let kind = if single { TensorType::F32 } else { TensorType::F16 };
        Tensor { name: self.ours.clone(), dims, kind }
    }
}

/// Returns every tensor in the order of the file.
fn plan(h: &Header) -> Vec<TensorSource> {
    let (text, audio) = (h.text_state as usize, h.audio_state as usize);
    let mut plan = Plan(Vec::new());
    plan.one(
        "decoder.positional_embedding",
        "decoder/position_encodings/encodings",
        &[h.text_context as usize, text],
    );
    plan.one(
        "encoder.positional_embedding",
        "encoder/position_encodings/encodings",
        &[h.audio_context as usize, audio],
    );
    plan.one(
        "decoder.token_embedding.weight",
        "decoder/embeddings/weight",
        &[h.tokens as usize, text],
    );
    for i in 0..h.text_layers {
        plan.block(
            &format!("decoder.blocks.{i}"),
            &format!("decoder/layer_{i}"),
            text,
            Some(audio),
        );
    }
    plan.norm("decoder.ln", "decoder/layer_norm", text);
    for (conv, inputs) in [("conv1", h.mels as usize), ("conv2", audio)] {
        let (ours, theirs) = (format!("encoder.{conv}"), format!("encoder/{conv}"));
        plan.one(&format!("{ours}.weight"), &format!("{theirs}/weight"), &[audio, inputs, 3]);
        plan.one(&format!("{ours}.bias"), &format!("{theirs}/bias"), &[audio]);
    }
    for i in 0..h.audio_layers {
        plan.block(&format!("encoder.blocks.{i}"), &format!("encoder/layer_{i}"), audio, None);
    }
    plan.norm("encoder.ln_post", "encoder/layer_norm", audio);
    plan.0
}

struct Plan(Vec<TensorSource>);

impl Plan {
    fn one(&mut self, ours: &str, theirs: &str, dims: &[usize]) {
        self.part(ours, theirs, dims, (0, 1), false);
    }

    fn part(
        &mut self,
        ours: &str,
        theirs: &str,
        dims: &[usize],
        (part, parts): (usize, usize),
        must_be_zero: bool,
    ) {
        let (ours, theirs, dims) = (ours.to_owned(), theirs.to_owned(), dims.to_vec());
        self.0.push(TensorSource { ours, theirs, dims, part, parts, must_be_zero });
    }

    fn norm(&mut self, ours: &str, theirs: &str, state: usize) {
        self.one(&format!("{ours}.weight"), &format!("{theirs}/gamma"), &[state]);
        self.one(&format!("{ours}.bias"), &format!("{theirs}/beta"), &[state]);
    }

    /// Adds projections from `inputs` to `outputs` each, stacked in this order.
    fn stack(&mut self, ours: &str, theirs: &str, names: &[&str], outputs: usize, inputs: usize) {
        let parts = names.len();
        for (part, name) in names.iter().enumerate() {
            let (weight, bias) = (format!("{ours}{name}.weight"), format!("{ours}{name}.bias"));
            self.part(
                &weight,
                &format!("{theirs}/weight"),
                &[outputs, inputs],
                (part, parts),
                false,
            );
            self.part(&bias, &format!("{theirs}/bias"), &[outputs], (part, parts), *name == ".key");
        }
    }

    fn block(&mut self, ours: &str, theirs: &str, state: usize, cross: Option<usize>) {
        let square = |plan: &mut Self, ours: &str, theirs: &str, names: &[&str]| {
            plan.stack(ours, theirs, names, state, state);
        };
        self.norm(&format!("{ours}.mlp_ln"), &format!("{theirs}/ffn/layer_norm"), state);
        let (up, down) = (format!("{theirs}/ffn/linear_0"), format!("{theirs}/ffn/linear_1"));
        self.stack(&format!("{ours}.mlp"), &up, &[".0"], 4 * state, state);
        self.stack(&format!("{ours}.mlp"), &down, &[".2"], state, 4 * state);
        let (attn, own) = (format!("{ours}.attn"), format!("{theirs}/self_attention"));
        self.norm(&format!("{attn}_ln"), &format!("{own}/layer_norm"), state);
        square(self, &attn, &format!("{own}/linear_0"), &[".query", ".key", ".value"]);
        square(self, &attn, &format!("{own}/linear_1"), &[".out"]);
        let Some(audio) = cross else { return };
        let (attn, other) = (format!("{ours}.cross_attn"), format!("{theirs}/attention"));
        self.norm(&format!("{attn}_ln"), &format!("{other}/layer_norm"), state);
        square(self, &attn, &format!("{other}/linear_0"), &[".query"]);
        self.stack(&attn, &format!("{other}/linear_1"), &[".key", ".value"], state, audio);
        square(self, &attn, &format!("{other}/linear_2"), &[".out"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Languages, Weights};
    use crate::ct2::Builder;
    use crate::ggml;
    use crate::quantise::{QuantisedType, quantise};
    use half::f16;
    use proptest::prelude::*;
    use std::fs;
    use std::path::PathBuf;

    const STATE: u32 = 32;
    const TOKENS: u32 = 4;

    fn ramp(n: u32) -> impl Iterator<Item = f32> {
        (0..n).map(|i| (i % 251) as f32 / 64.0 - 2.0)
    }

    /// Builds the smallest Whisper: one layer per side, 32 wide, four tokens.
    fn tiny(key_bias: f32) -> Builder {
        let mut b = Builder::default();
        let s = STATE;
        let conv = "encoder/conv";
        table(&mut b, "decoder/embeddings/weight", &[TOKENS, s]);
        table(&mut b, "decoder/position_encodings/encodings", &[8, s]);
        table(&mut b, "encoder/position_encodings/encodings", &[16, s]);
        for (n, inputs) in [(1, 80), (2, s)] {
            table(&mut b, &format!("{conv}{n}/weight"), &[s, inputs, 3]);
            table(&mut b, &format!("{conv}{n}/bias"), &[s]);
        }
        for side in ["encoder", "decoder"] {
            b.raw(&format!("{side}/num_heads"), &[], 2, &2_i16.to_le_bytes());
            norm(&mut b, &format!("{side}/layer_norm"));
            let layer = format!("{side}/layer_0");
            norm(&mut b, &format!("{layer}/ffn/layer_norm"));
            linear(&mut b, &format!("{layer}/ffn/linear_0"), 4 * s, s);
            linear(&mut b, &format!("{layer}/ffn/linear_1"), s, 4 * s);
            norm(&mut b, &format!("{layer}/self_attention/layer_norm"));
            stack(&mut b, &format!("{layer}/self_attention/linear_0"), 3, 1, key_bias);
            linear(&mut b, &format!("{layer}/self_attention/linear_1"), s, s);
        }
        let cross = "decoder/layer_0/attention";
        norm(&mut b, &format!("{cross}/layer_norm"));
        linear(&mut b, &format!("{cross}/linear_0"), s, s);
        stack(&mut b, &format!("{cross}/linear_1"), 2, 0, key_bias);
        linear(&mut b, &format!("{cross}/linear_2"), s, s);
        b
    }

    fn table(b: &mut Builder, name: &str, dims: &[u32]) {
        b.f16(name, dims, ramp(dims.iter().product()));
    }

    fn norm(b: &mut Builder, name: &str) {
        table(b, &format!("{name}/gamma"), &[STATE]);
        table(b, &format!("{name}/beta"), &[STATE]);
    }

    fn linear(b: &mut Builder, name: &str, outputs: u32, inputs: u32) {
        table(b, &format!("{name}/weight"), &[outputs, inputs]);
        table(b, &format!("{name}/bias"), &[outputs]);
    }

    fn stack(b: &mut Builder, name: &str, parts: u32, key: u32, key_bias: f32) {
        table(b, &format!("{name}/weight"), &[parts * STATE, STATE]);
        let bias = (0..parts * STATE).map(|i| if i / STATE == key { key_bias } else { 1.0 });
        b.f16(&format!("{name}/bias"), &[parts * STATE], bias);
    }

    fn folder(model: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("model.bin"), model).unwrap();
        fs::write(dir.path().join("vocabulary.txt"), "Ġa\nb\n<|endoftext|>\n").unwrap();
        let to = dir.path().join("out/ggml-x.bin");
        (dir, to)
    }

    fn good() -> Vec<u8> {
        tiny(0.0).finish(&[("decoder/projection/weight", "decoder/embeddings/weight")])
    }

    #[test]
    fn a_model_becomes_a_whole_ggml_file_with_every_tensor_in_its_place() {
        let (dir, to) = folder(&good());
        let mut told = 0;
        import(dir.path(), &to, &mut |n| told += n).unwrap();
        let summary = ggml::inspect(&to).unwrap();
        assert_eq!((summary.languages, summary.weights), (Languages::English, Some(Weights::F16)));
        let mut model = ggml::open(&to).unwrap();
        assert_eq!(model.tensors.len(), 11 + 24 + 15);
        let names: Vec<&str> = model.tensors.iter().map(|(t, _)| t.name.as_str()).collect();
        assert_eq!(names[0], "decoder.positional_embedding");
        assert_eq!(names[26], "decoder.blocks.0.cross_attn.out.bias");
        assert_eq!(*names.last().unwrap(), "encoder.ln_post.bias");
        assert!(!names.contains(&"decoder.blocks.0.attn.key.bias"));

        let find = |name: &str| names.iter().position(|n| *n == name).unwrap();
        let (value, conv) =
            (find("decoder.blocks.0.attn.value.weight"), find("encoder.conv1.bias"));
        assert_eq!(model.tensors[conv].0.dims, [1, STATE]);
        assert_eq!(model.tensors[conv].0.kind, TensorType::F32);
        let third: Vec<u8> = ramp(3 * STATE * STATE)
            .skip((2 * STATE * STATE) as usize)
            .flat_map(|v| f16::from_f32(v).to_le_bytes())
            .collect();
        let mut found = Vec::new();
        let range = model.range(value);
        model
            .raw(range, &mut |b| {
                found.extend_from_slice(b);
                Ok(())
            })
            .unwrap();
        assert_eq!(found, third);
        assert!(told > 0 && told < fs::metadata(&to).unwrap().len());
    }

    #[test]
    fn a_quantised_model_is_smaller_and_is_not_quantised_again() {
        let (dir, f16) = folder(&good());
        import(dir.path(), &f16, &mut |_| ()).unwrap();
        let mut sizes = vec![fs::metadata(&f16).unwrap().len()];
        for (target, weights) in
            [(QuantisedType::Q8_0, Weights::Q8_0), (QuantisedType::Q5_1, Weights::Q5_1)]
        {
            let to = dir.path().join(target.suffix());
            quantise(&f16, &to, target, &mut |_| ()).unwrap();
            assert_eq!(ggml::inspect(&to).unwrap().weights, Some(weights));
            sizes.push(fs::metadata(&to).unwrap().len());
            let again = quantise(&to, &dir.path().join("again"), target, &mut |_| ()).unwrap_err();
            assert!(again.to_string().contains("f16"), "{again}");
        }
        assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
    }

    #[test]
    fn models_that_do_not_fit_are_refused_with_the_reason_and_leave_nothing() {
        let error = |model: Vec<u8>, vocabulary: &str| {
            let (dir, to) = folder(&model);
            fs::write(dir.path().join("vocabulary.txt"), vocabulary).unwrap();
            let error = import(dir.path(), &to, &mut |_| ()).unwrap_err().to_string();
            assert!(!to.exists() && !v2m_files::beside(&to, "new").exists());
            error
        };
        let fits = "a\n<|endoftext|>";
        assert!(error(tiny(0.5).finish(&[]), fits).contains("key projection has a bias"));
        assert!(error(good(), "a\nb\nc\nd\ne\n<|endoftext|>").contains("do not belong together"));
        let mut narrow = tiny(0.0);
        narrow.f16("encoder/conv2/bias", &[1], ramp(1));
        assert!(error(narrow.finish(&[]), fits).contains("encoder/conv2/bias has the shape [1]"));
        assert!(error(Builder::default().finish(&[]), fits).contains("lacks"));
    }

    /// Replaces some bytes and cuts off the end. Files should be small, because thousands are
    /// tried.
    fn mutated(bytes: &[u8], at: usize, with: &[u8], cut: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        // The structure is at the front of a ggml file and between the weights of both kinds.
        let at = at % bytes.len();
        for (place, byte) in bytes[at..].iter_mut().zip(with) {
            *place = *byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len());
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn mutated_checkpoints_give_a_model_or_an_error(
            at in any::<usize>(), with in prop::collection::vec(any::<u8>(), 1..8), cut in 0_usize..64,
        ) {
            let (dir, to) = folder(&mutated(&good(), at, &with, if cut > 32 { 0 } else { cut * 999 }));
            if import(dir.path(), &to, &mut |_| ()).is_ok() {
                prop_assert!(ggml::inspect(&to).is_ok(), "what was made is whole");
            }
        }

        #[test]
        fn mutated_heads_of_variables_give_a_model_or_an_error(
            which in 0_usize..40, offset in 0_usize..24, byte in any::<u8>(),
        ) {
            let mut bytes = good();
            let names: Vec<usize> = bytes
                .windows(6)
                .enumerate()
                .filter(|(_, w)| matches!(*w, b"/gamma" | b"weight" | b"/bias\0" | b"odings"))
                .map(|(i, _)| i)
                .collect();
            let at = names[which % names.len()] + offset;
            if at < bytes.len() {
                bytes[at] = byte;
            }
            let (dir, to) = folder(&bytes);
            let _ = import(dir.path(), &to, &mut |_| ());
        }

        #[test]
        fn mutated_ggml_files_give_a_model_or_an_error(
            at in any::<usize>(), front in any::<bool>(), with in prop::collection::vec(any::<u8>(), 1..8),
            cut in 0_usize..64,
        ) {
            let (dir, to) = folder(&good());
            import(dir.path(), &to, &mut |_| ()).unwrap();
            let bytes = fs::read(&to).unwrap();
            let at = if front { at % 56 } else { at };
            fs::write(&to, mutated(&bytes, at, &with, if cut > 32 { 0 } else { cut * 99 })).unwrap();
            let quantised = dir.path().join("q");
            if quantise(&to, &quantised, QuantisedType::Q5_1, &mut |_| ()).is_ok() {
                prop_assert!(ggml::inspect(&quantised).is_ok());
            }
        }
    }
}
