//! Writes a GGUF file.

use std::io::Write;
use std::path::Path;

use super::{ALIGNMENT, ARRAY, BOOL, FLOAT, MAGIC, SIGNED, TEXT, Tensor, UNSIGNED, VERSION};
use crate::error::{Doing, ModelError};

/// A value to write.
pub(crate) enum NewValue {
    Unsigned(u32),
    Float(f32),
    Bool(bool),
    Text(&'static str),
    Unsigneds(Vec<u32>),
    Signeds(Vec<i32>),
    Texts(Vec<String>),
}

/// Writes a file: first the head, then each tensor in the order of the table.
pub(crate) struct Writer<'a, W> {
    out: W,
    path: &'a Path,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Writes the head. `path` is only for error messages.
    pub(crate) fn new(
        out: W,
        path: &'a Path,
        values: &[(&str, NewValue)],
        tensors: &[Tensor],
    ) -> Result<Self, ModelError> {
        let mut head = Vec::new();
        head.extend(MAGIC.to_le_bytes());
        head.extend(VERSION.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((values.len() as u64).to_le_bytes());
        for (key, value) in values {
            put_text(&mut head, key);
            put_value(&mut head, value);
        }
        let mut at = 0_u64;
        for Tensor { name, dims, kind } in tensors {
            put_text(&mut head, name);
            head.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|dim| head.extend(dim.to_le_bytes()));
            head.extend((*kind as u32).to_le_bytes());
            head.extend(at.to_le_bytes());
            let bytes = kind.bytes(dims).unwrap_or(0);
            at = (at + bytes).next_multiple_of(ALIGNMENT);
        }
        head.resize(head.len().next_multiple_of(ALIGNMENT as usize), 0);
        let mut writer = Self { out, path };
        writer.raw(&head)?;
        Ok(writer)
    }

    /// Writes the next tensor: all its values, already encoded.
    pub(crate) fn tensor(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.raw(bytes)?;
        let padding = bytes.len().next_multiple_of(ALIGNMENT as usize) - bytes.len();
        self.raw(&[0; ALIGNMENT as usize][..padding])
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.out.write_all(bytes).map_err(ModelError::io(Doing::Write, self.path))
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &NewValue) {
    let mut array = |of: u32, count: usize| {
        out.extend(ARRAY.to_le_bytes());
        out.extend(of.to_le_bytes());
        out.extend((count as u64).to_le_bytes());
    };
    match value {
        NewValue::Unsigneds(all) => {
            array(UNSIGNED, all.len());
            out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
        }
        NewValue::Signeds(all) => {
            array(SIGNED, all.len());
            out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
        }
        NewValue::Texts(all) => {
            array(TEXT, all.len());
            all.iter().for_each(|text| put_text(out, text));
        }
        NewValue::Unsigned(n) => {
            out.extend(UNSIGNED.to_le_bytes());
            out.extend(n.to_le_bytes());
        }
        NewValue::Float(x) => {
            out.extend(FLOAT.to_le_bytes());
            out.extend(x.to_le_bytes());
        }
        NewValue::Bool(b) => {
            out.extend(BOOL.to_le_bytes());
            out.push(u8::from(*b));
        }
        NewValue::Text(text) => {
            out.extend(TEXT.to_le_bytes());
            put_text(out, text);
        }
    }
}
