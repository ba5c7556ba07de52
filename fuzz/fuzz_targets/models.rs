//! Fuzzes model files: ggml, GGUF, and Moonshine's weights, read by all their readers. Each must
//! return a model or an error, and allocate no more than the file's length justifies (the fuzzer
//! limits a single allocation). The file that `v2m-model` makes of it must be complete. Each tensor
//! that an engine finds must lie within the file.

#![no_main]

// Included by its path, because linking its crate would require whisper.cpp.
#[path = "../../crates/v2m-engine/src/model/whisper.rs"]
#[allow(dead_code, reason = "its crate uses all of it")]
mod whisper;

use libfuzzer_sys::fuzz_target;
use std::fs;
use v2m_models::quantise::{QuantisedType, quantise};
use v2m_models::{ggml, gguf, moonshine_import};
use v2m_recogniser::ggml_file;
use v2m_recogniser::vad::Silero;

fuzz_target!(|input: &[u8]| {
    let folder = v2m_fuzz::folder();
    let (path, made) = (folder.join("ggml-x.bin"), folder.join("made.bin"));
    fs::write(&path, input).expect("the folder takes files");
    for target in [QuantisedType::Q8_0, QuantisedType::Q5_1] {
        let mut told = 0;
        if quantise(&path, &made, target, &mut |bytes| told += bytes).is_ok() {
            let summary = ggml::inspect(&made).expect("what was made is whole");
            assert!(ggml::inspect(&path).is_ok() && told <= 2 * input.len() as u64 + 4096);
            assert!(summary.weights.is_some());
        }
    }
    let is_model = whisper::check(&path).is_ok();
    assert!(!is_model || ggml::inspect(&path).is_ok(), "an engine takes what v2m-model refuses");
    if let Ok(summary) = gguf::inspect(&path) {
        assert!(!is_model && gguf::is_gguf(input) && summary.bytes == input.len() as u64);
    }
    // The import reads the files in this order, and stops at the first invalid one.
    for name in moonshine_import::FILES {
        fs::write(folder.join(name), input).expect("the folder takes files");
    }
    assert!(
        moonshine_import::import(&folder, &made, &mut |_| ()).is_err(),
        "one file cannot be all three"
    );
    let _ = Silero::load(&path);
    let table = ggml_file::open(&path, |file| {
        file.magic()?;
        while let Some(tensor) = file.tensor()? {
            file.skip(tensor.bytes)?;
            assert!(tensor.bytes <= input.len() as u64);
        }
        Ok(())
    });
    drop(table);
});
