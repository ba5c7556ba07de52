//! whisper.cpp's ggml files: writes them, and reads enough to quantise and identify them.
//!
//! Little-endian: the magic, eleven i32 ([`Header`]), the mel filters (rows, columns, f32), the
//! vocabulary (count, then length and bytes of each token), the tensors (rank, length of the name,
//! type, dimensions innermost first, name, data) up to the end of the file. Source: whisper.cpp's
//! `convert-h5-to-ggml.py` and `whisper_model_load`. Not here: arithmetic on weights
//! ([`crate::quantise`]).

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::ops::Range;
use std::path::Path;

use v2m_messages::{tr, verbatim};

use crate::catalogue::{Languages, Weights};
use crate::error::{Doing, ModelError};
use crate::input::{ModelInput, to_usize};
use crate::quantise::TensorType;

const MAGIC: u32 = 0x6767_6D6C;
const MAX_RANK: u32 = 4;
const MAX_NAME: u32 = 256;
/// Size of the smallest multilingual vocabulary; the English-only one has one token less.
const MULTILINGUAL_TOKENS: u32 = 51865;

/// Size of the first vocabulary with Cantonese, that of large-v3.
const CANTONESE_TOKENS: u32 = 51866;
/// Number of bytes that [`speaks`] needs: the magic and the number of tokens.
pub const HEAD: usize = 8;

/// Whether the model with this head ([`HEAD`] bytes of the file suffice) knows the language with
/// this code. `None` if it is not a whisper.cpp model.
#[must_use]
pub fn speaks(head: &[u8], code: &str) -> Option<bool> {
    let number = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let tokens = number(4).filter(|_| number(0) == Some(MAGIC))?;
    Some(match code {
        "en" => true,
        "yue" => tokens >= CANTONESE_TOKENS,
        _ => tokens >= MULTILINGUAL_TOKENS,
    })
}

/// The numbers at the head of a file, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tokens: u32,
    pub(crate) audio_context: u32,
    pub(crate) audio_state: u32,
    pub(crate) audio_heads: u32,
    pub(crate) audio_layers: u32,
    pub(crate) text_context: u32,
    pub(crate) text_state: u32,
    pub(crate) text_heads: u32,
    pub(crate) text_layers: u32,
    pub(crate) mels: u32,
    /// `ggml_ftype` of the matrices, plus 1000 × the version of the quantisation.
    pub(crate) ftype: u32,
}

impl Header {
    fn numbers(&self) -> [u32; 11] {
        let h = self;
        [
            h.tokens,
            h.audio_context,
            h.audio_state,
            h.audio_heads,
            h.audio_layers,
            h.text_context,
            h.text_state,
            h.text_heads,
            h.text_layers,
            h.mels,
            h.ftype,
        ]
    }

    fn from_numbers(n: [u32; 11]) -> Self {
        Self {
            tokens: n[0],
            audio_context: n[1],
            audio_state: n[2],
            audio_heads: n[3],
            audio_layers: n[4],
            text_context: n[5],
            text_state: n[6],
            text_heads: n[7],
            text_layers: n[8],
            mels: n[9],
            ftype: n[10],
        }
    }

    /// Returns the first number that no Whisper model has, if any. The bounds are generous: several
    /// times those of large-v3.
    pub(crate) fn implausible(&self) -> Option<String> {
        // The names are from whisper.cpp's sources.
        let bounds = verbatim!([
            ("tokens", self.tokens, 1 << 20),
            ("audio context", self.audio_context, 1 << 14),
            ("audio state", self.audio_state, 1 << 13),
            ("audio heads", self.audio_heads, 256),
            ("audio layers", self.audio_layers, 256),
            ("text context", self.text_context, 1 << 14),
            ("text state", self.text_state, 1 << 13),
            ("text heads", self.text_heads, 256),
            ("text layers", self.text_layers, 256),
            ("mels", self.mels, 512),
        ]);
        let odd = bounds.iter().find(|(_, n, most)| *n == 0 || n > most);
        odd.map(|(name, n, _)| tr!("{count} {name}: no Whisper model has that", count = n, name))
    }

    /// Returns the number of tensors in a model with these layers.
    fn tensors(&self) -> usize {
        11 + 24 * self.text_layers as usize + 15 * self.audio_layers as usize
    }
}

/// Name, dimensions (innermost first) and type of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dims: Vec<u32>,
    pub(crate) kind: TensorType,
}

impl Tensor {
    /// Returns the number of elements; `None` if the dimensions are absurd or are not whole blocks.
    fn elements(&self) -> Option<u64> {
        let count = self.dims.iter().try_fold(1_u64, |n, d| n.checked_mul(u64::from(*d)))?;
        let whole = self.dims.first()?.is_multiple_of(self.kind.block());
        (count > 0 && whole).then_some(count)
    }

    fn bytes(&self) -> Option<u64> {
        (self.elements()? / u64::from(self.kind.block())).checked_mul(self.kind.block_bytes())
    }
}

/// Writes a file sequentially.
pub(crate) struct Writer<'a, W> {
    out: W,
    path: &'a Path,
    kind: TensorType,
    encoded: Vec<u8>,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Writes the header. `path` is only for error messages.
    pub(crate) fn new(out: W, path: &'a Path, header: &Header) -> Result<Self, ModelError> {
        let mut writer = Self { out, path, kind: TensorType::F32, encoded: Vec::new() };
        writer.numbers(&[MAGIC])?;
        writer.numbers(&header.numbers())?;
        Ok(writer)
    }

    /// Writes the mel filters: `mels` rows.
    pub(crate) fn mel(&mut self, mels: u32, filters: &[f32]) -> Result<(), ModelError> {
        self.numbers(&[mels, filters.len() as u32 / mels])?;
        let bytes: Vec<u8> = filters.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.raw(&bytes)
    }

    pub(crate) fn vocabulary(&mut self, tokens: &[Vec<u8>]) -> Result<(), ModelError> {
        self.numbers(&[tokens.len() as u32])?;
        for token in tokens {
            self.numbers(&[token.len() as u32])?;
            self.raw(token)?;
        }
        Ok(())
    }

    pub(crate) fn tensor(&mut self, tensor: &Tensor) -> Result<(), ModelError> {
        let (rank, name) = (tensor.dims.len() as u32, tensor.name.as_bytes());
        self.kind = tensor.kind;
        self.numbers(&[rank, name.len() as u32, tensor.kind.id()])?;
        self.numbers(&tensor.dims)?;
        self.raw(name)
    }

    /// Writes the next values of the current tensor: whole blocks.
    pub(crate) fn values(&mut self, values: &[f32]) -> Result<(), ModelError> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        self.kind.encode(values, &mut encoded);
        let written = self.raw(&encoded);
        self.encoded = encoded;
        written
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.out.write_all(bytes).map_err(ModelError::io(Doing::Write, self.path))
    }

    fn numbers(&mut self, numbers: &[u32]) -> Result<(), ModelError> {
        numbers.iter().try_for_each(|n| self.raw(&n.to_le_bytes()))
    }
}

/// An open file: its header, and the position of each part.
pub(crate) struct Ggml<R> {
    pub(crate) header: Header,
    /// Mel filters and vocabulary, unparsed.
    pub(crate) front: Range<u64>,
    pub(crate) tensors: Vec<(Tensor, u64)>,
    input: ModelInput<R>,
}

impl<R: Read + Seek> Ggml<R> {
    /// Reads the index and checks it against the file's length and its own header.
    pub(crate) fn read(mut input: ModelInput<R>) -> Result<Self, ModelError> {
        let what = tr!("the header");
        if input.left() < 48 || input.u32(what)? != MAGIC {
            return Err(input.bad(tr!("not a whisper.cpp model (ggml)")));
        }
        let mut numbers = [0; 11];
        for n in &mut numbers {
            *n = input.u32(what)?;
        }
        let header = Header::from_numbers(numbers);
        if let Some(odd) = header.implausible() {
            return Err(input.bad(odd));
        }
        let front = input.at()..skip_front(&mut input, &header)?;
        let mut tensors = Vec::new();
        while input.left() > 0 {
            let tensor = tensor(&mut input)?;
            let at = input.at();
            let bytes = tensor.bytes().ok_or_else(|| {
                input.bad(tr!(
                    "{name} has the dimensions {dims}",
                    name = tensor.name,
                    dims = format_args!("{:?}", tensor.dims)
                ))
            })?;
            input.skip(bytes, &tensor.name)?;
            tensors.push((tensor, at));
        }
        match header.tensors() {
            n if n == tensors.len() => Ok(Self { header, front, tensors, input }),
            all => Err(input.bad(tr!(
                "has {some} of {all} tensors; it is cut short or not a whole model",
                some = tensors.len(),
                all
            ))),
        }
    }

    /// Passes on bytes of the file, at most 256 KiB at a time.
    pub(crate) fn raw(
        &mut self,
        range: Range<u64>,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.input.seek_to(range.start)?;
        let mut left = range.end - range.start;
        let mut buffer = vec![0; to_usize(left.min(1 << 18))];
        while left > 0 {
            let piece = &mut buffer[..to_usize(left.min(1 << 18))];
            self.input.fill(piece, tr!("the weights"))?;
            sink(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    /// Returns the position of the data of tensor `index`.
    pub(crate) fn range(&self, index: usize) -> Range<u64> {
        let (tensor, at) = &self.tensors[index];
        *at..*at + tensor.bytes().unwrap_or(0)
    }

    pub(crate) fn bad(&self, what: impl Into<String>) -> ModelError {
        self.input.bad(what)
    }
}

/// Skips mel filters and vocabulary. Returns their end.
fn skip_front<R: Read + Seek>(
    input: &mut ModelInput<R>,
    header: &Header,
) -> Result<u64, ModelError> {
    let (filters, vocabulary) = (tr!("the mel filters"), tr!("the vocabulary"));
    let (rows, columns) = (input.u32(filters)?, input.u32(filters)?);
    if rows != header.mels {
        let mels = header.mels;
        return Err(input.bad(tr!("{rows} rows of mel filters for {mels} mels", rows, mels)));
    }
    input.skip(4 * u64::from(rows) * u64::from(columns), filters)?;
    for _ in 0..input.u32(vocabulary)? {
        let length = input.u32(vocabulary)?;
        input.skip(u64::from(length), vocabulary)?;
    }
    Ok(input.at())
}

fn tensor<R: Read + Seek>(input: &mut ModelInput<R>) -> Result<Tensor, ModelError> {
    let what = tr!("the head of a tensor");
    let (rank, length, id) = (input.u32(what)?, input.u32(what)?, input.u32(what)?);
    let kind =
        TensorType::from_id(id).filter(|_| (1..=MAX_RANK).contains(&rank) && length <= MAX_NAME);
    let Some(kind) = kind else {
        let at = input.at();
        return Err(input.bad(tr!("no tensor at byte {at}: rank {rank}, type {id}", at, rank, id)));
    };
    let mut dims = Vec::new();
    for _ in 0..rank {
        dims.push(input.u32(what)?);
    }
    let name = String::from_utf8(input.bytes(u64::from(length), what)?);
    let name = name.map_err(|_| input.bad(tr!("a tensor's name is not text")))?;
    Ok(Tensor { name, dims, kind })
}

/// Properties of a model file, from its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The languages that it transcribes.
    pub languages: Languages,
    /// How its matrices are stored; `None` for a type that v2m cannot name.
    pub weights: Option<Weights>,
}

/// Reads a model file's index, and checks that it is a whisper.cpp model with a complete structure
/// (not that its weights are right: [`crate::verify`]).
///
/// # Errors
/// If the file is invalid; the text says where.
pub fn inspect(path: &Path) -> Result<Summary, ModelError> {
    let header = open(path)?.header;
    let multilingual = header.tokens >= MULTILINGUAL_TOKENS;
    Ok(Summary {
        languages: if multilingual { Languages::Multilingual } else { Languages::English },
        weights: match header.ftype % 1000 {
            1 => Some(Weights::F16),
            7 => Some(Weights::Q8_0),
            8 => Some(Weights::Q5_0),
            9 => Some(Weights::Q5_1),
            _ => None,
        },
    })
}

pub(crate) fn open(path: &Path) -> Result<Ggml<BufReader<File>>, ModelError> {
    Ggml::read(ModelInput::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_model_tells_its_languages() {
        let head = |tokens: u32| [MAGIC.to_le_bytes(), tokens.to_le_bytes()].concat();
        let knows = |tokens| ["en", "es", "yue"].map(|code| speaks(&head(tokens), code).unwrap());
        assert_eq!(knows(51864), [true, false, false]);
        assert_eq!(knows(51865), [true, true, false]);
        assert_eq!(knows(51866), [true, true, true]);
        assert_eq!(speaks(&head(51864)[..HEAD - 1], "es"), None);
        assert_eq!(speaks(b"#!/bin/sh", "es"), None);
    }
}
