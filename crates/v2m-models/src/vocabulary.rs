//! Reads the text tokens of a model as bytes, by id, from a file beside a CTranslate2 checkpoint:
//! `tokenizer.json`, else `vocabulary.json`, else `vocabulary.txt`. Byte-level BPE writes each byte
//! as a printable character; here that is reversed. Special tokens are not included: whisper.cpp
//! adds them itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use v2m_messages::tr;

use crate::error::{Doing, ModelError};

const END: &str = "<|endoftext|>";
/// Maximum size in bytes; a tokenizer.json has about 2.5 MB.
const MAX_BYTES: u64 = 64 << 20;
/// Number of text tokens in the English-only vocabulary.
const ENGLISH_END: usize = 50256;

#[derive(Deserialize)]
struct Tokenizer {
    model: Bpe,
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Bpe {
    vocab: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Added {
    id: usize,
    content: String,
}

/// Returns the tokens for a ggml file: the text tokens, and, as in whisper.cpp's published files,
/// the end-of-text token of the English-only vocabulary.
pub(crate) fn read(folder: &Path) -> Result<Vec<Vec<u8>>, ModelError> {
    let (path, words) = if let Some((path, text)) = text(folder, "tokenizer.json")? {
        let words = from_tokenizer(&text).map_err(|what| ModelError::bad(&path, what))?;
        (path, words)
    } else if let Some((path, text)) = text(folder, "vocabulary.json")? {
        let words: Vec<String> =
            serde_json::from_str(&text).map_err(|e| ModelError::bad(&path, e.to_string()))?;
        (path, words)
    } else if let Some((path, text)) = text(folder, "vocabulary.txt")? {
        (path, text.split('\n').map(str::to_owned).collect())
    } else {
        return Err(ModelError::bad(
            folder,
            tr!(
                "holds no tokenizer.json, vocabulary.json or vocabulary.txt; copy the one of the original model there"
            ),
        ));
    };
    bytes_of(&words).map_err(|what| ModelError::bad(&path, what))
}

fn text(folder: &Path, name: &str) -> Result<Option<(PathBuf, String)>, ModelError> {
    let path = folder.join(name);
    let file = match File::open(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(ModelError::io(Doing::Open, &path))?,
    };
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(ModelError::io(Doing::Read, &path))?;
    Ok(Some((path, text)))
}

/// Returns the tokens by id, up to and including the end of text.
fn from_tokenizer(json: &str) -> Result<Vec<String>, String> {
    let tokenizer: Tokenizer = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let added = tokenizer.added_tokens.into_iter().map(|t| (t.content, t.id));
    let all: HashMap<String, usize> = tokenizer.model.vocab.into_iter().chain(added).collect();
    let end = *all.get(END).ok_or_else(without_end)?;
    if end >= all.len() {
        return Err(tr!("{word} is token {end} of {all}", word = END, end, all = all.len()));
    }
    let mut words = vec![None; end + 1];
    for (word, id) in all {
        if let Some(place) = words.get_mut(id) {
            *place = Some(word);
        }
    }
    let missing = |id: usize| tr!("has no token {id}", id);
    words.into_iter().enumerate().map(|(id, w)| w.ok_or_else(|| missing(id))).collect()
}

fn without_end() -> String {
    tr!("has no {word}", word = END)
}

fn bytes_of(words: &[String]) -> Result<Vec<Vec<u8>>, String> {
    let end = words.iter().position(|w| w == END).ok_or_else(without_end)?;
    let byte_of = alphabet();
    let bytes = |word: &String| word.chars().map(|c| byte_of.get(&c).copied()).collect();
    let tokens: Option<Vec<Vec<u8>>> = words[..end].iter().map(bytes).collect();
    let mut tokens = tokens.ok_or(tr!("has tokens that are not byte-level BPE"))?;
    if end == ENGLISH_END {
        tokens.push(END.as_bytes().to_vec());
    }
    Ok(tokens)
}

/// Returns GPT-2's alphabet: the printable bytes of Latin-1 stand for themselves, the others are
/// mapped to U+0100 onwards.
fn alphabet() -> HashMap<char, u8> {
    let plain = |b: u8| matches!(b, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let themselves = (0..=255).filter(|b| plain(*b)).map(|b| (char::from(b), b));
    let others = ('\u{100}'..).zip((0..=255).filter(|b| !plain(*b)));
    themselves.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_alphabet_has_every_byte_once() {
        let a = alphabet();
        assert_eq!((a.len(), a[&'Ġ'], a[&'A'], a[&'Ċ']), (256, b' ', b'A', b'\n'));
        let mut all: Vec<u8> = a.into_values().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..=255));
    }

    #[test]
    fn the_three_kinds_of_file_give_the_same_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let expected = [b" the".to_vec(), "é".as_bytes().to_vec(), Vec::new()];
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("vocabulary.txt", "Ġthe\nÃ©\n\n<|endoftext|>\n<|en|>\n");
        assert_eq!(read(dir.path()).unwrap(), expected);
        write("vocabulary.json", r#"["Ġthe", "Ã©", "", "<|endoftext|>", "<|en|>"]"#);
        assert_eq!(read(dir.path()).unwrap(), expected);
        write(
            "tokenizer.json",
            r#"{"model": {"vocab": {"Ã©": 1, "Ġthe": 0, "": 2}, "merges": []},
                "added_tokens": [{"id": 3, "content": "<|endoftext|>", "special": true}]}"#,
        );
        assert_eq!(read(dir.path()).unwrap(), expected);
    }

    #[test]
    fn the_english_vocabulary_keeps_its_end_of_text() {
        let mut words = vec!["a".to_owned(); ENGLISH_END];
        words.push(END.to_owned());
        let tokens = bytes_of(&words).unwrap();
        assert_eq!(tokens.len(), 50257);
        assert_eq!(tokens[50256], END.as_bytes());
    }

    #[test]
    fn broken_files_are_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("vocabulary.txt"));
        for (text, reason) in [
            ("{", "EOF"),
            (r#"{"model": {"vocab": {}}, "added_tokens": []}"#, "endoftext"),
            (
                r#"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 4000000000, "content": "<|endoftext|>"}]}"#,
                "4000000000",
            ),
            (
                r#"{"model": {"vocab": {"a": 0, "b": 9}}, "added_tokens": [{"id": 2, "content": "<|endoftext|>"}]}"#,
                "no token 1",
            ),
            (
                r#"{"model": {"vocab": {"日": 0}}, "added_tokens": [{"id": 1, "content": "<|endoftext|>"}]}"#,
                "byte-level",
            ),
        ] {
            fs::write(dir.path().join("tokenizer.json"), text).unwrap();
            let error = read(dir.path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
