//! Installed Whisper models that help other models: Canary must be told the language, and a Whisper
//! model detects it.

use crate::catalogue::Form;
use crate::ggml;
use crate::paths::Places;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// An installed Whisper model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whisper {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// Size of the file in bytes.
    pub bytes: u64,
}

impl Places {
    /// Returns the installed Whisper models that know the language with this ISO 639-1 code, the
    /// smallest first. Only the heads of their files are read.
    #[must_use]
    pub fn whispers(&self, code: &str) -> Vec<Whisper> {
        let mut found: Vec<_> = self
            .installed()
            .into_iter()
            .filter(|(_, file)| Form::of(file) == Form::Ggml && speaks(file, code) == Some(true))
            .filter_map(|(name, file)| {
                let bytes = std::fs::metadata(&file).ok()?.len();
                Some(Whisper { name, file, bytes })
            })
            .collect();
        found.sort_by_key(|whisper| whisper.bytes);
        found
    }

    /// Returns the Whisper model that detects languages for others: the smallest multilingual one.
    #[must_use]
    pub fn detecting(&self) -> Option<Whisper> {
        // Any language except English distinguishes multilingual models from English ones.
        self.whispers("es").into_iter().next()
    }
}

fn speaks(file: &Path, code: &str) -> Option<bool> {
    let mut head = [0; ggml::HEAD];
    File::open(file).ok()?.read_exact(&mut head).ok()?;
    ggml::speaks(&head, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_for_many_languages_detects_and_those_for_english_never() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            models: folder.path().into(),
            more_models: Vec::new(),
            assets: Vec::new(),
            home: folder.path().into(),
        };
        let put = |file: &str, tokens: u32, bytes: usize| {
            let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
            std::fs::write(folder.path().join(file), [head, vec![0; bytes]].concat()).unwrap();
        };
        assert_eq!(places.detecting(), None);
        put("ggml-tiny.en.bin", 51_864, 1);
        put("canary.gguf", 51_865, 1);
        std::fs::write(folder.path().join("ggml-broken.bin"), "no").unwrap();
        assert_eq!(places.detecting(), None);
        put("ggml-large.bin", 51_866, 90);
        put("ggml-base.bin", 51_865, 20);
        let names = |code| -> Vec<_> {
            places.whispers(code).into_iter().map(|whisper| whisper.name).collect()
        };
        assert_eq!(names("es"), ["base", "large"]);
        assert_eq!(names("en"), ["tiny.en", "base", "large"]);
        assert_eq!(names("yue"), ["large"]);
        assert_eq!(places.detecting().unwrap().name, "base");
    }
}
