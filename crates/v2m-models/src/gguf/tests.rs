//! Written files can be read, and no truncated or changed file is accepted.

use super::read::{LONGEST_KEPT, LONGEST_TEXT};
use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn tensor(name: &str, dims: &[u64], kind: TensorKind) -> Tensor {
    Tensor { name: name.into(), dims: dims.to_vec(), kind }
}

fn sample() -> Vec<u8> {
    let values = [
        ("general.architecture", NewValue::Text("moonshine")),
        ("a.number", NewValue::Unsigned(7)),
        ("a.float", NewValue::Float(0.5)),
        ("a.bool", NewValue::Bool(true)),
        ("some.numbers", NewValue::Unsigneds(vec![1, 2, 3])),
        ("some.signed", NewValue::Signeds(vec![1; 40])),
        ("some.texts", NewValue::Texts(vec!["a".into(), "bc".into()])),
    ];
    let tensors = [tensor("x", &[3], TensorKind::F32), tensor("y", &[32, 2], TensorKind::Q8_0)];
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Path::new("x"), &values, &tensors).unwrap();
    writer.tensor(&[1; 12]).unwrap();
    writer.tensor(&[2; 68]).unwrap();
    out
}

fn read(bytes: &[u8]) -> Result<Gguf, ModelError> {
    Gguf::read(ModelInput::new(Cursor::new(bytes.to_vec()), Path::new("x")).unwrap())
}

#[test]
fn what_is_written_is_read() {
    let head = read(&sample()).unwrap();
    let value = |key: &str| head.values[key].clone();
    assert_eq!(value("general.architecture"), Value::Text("moonshine".into()));
    assert_eq!(value("a.number"), Value::Number(7));
    assert_eq!(value("a.float"), Value::Float(0.5));
    assert_eq!(value("a.bool"), Value::Bool(true));
    assert_eq!(value("some.numbers"), Value::Numbers(3, vec![1, 2, 3]));
    assert_eq!(value("some.signed"), Value::Numbers(40, vec![1; 16]));
    assert_eq!(value("some.texts"), Value::Names(vec!["a".into(), "bc".into()]));
    assert_eq!(head.tensors.len(), 2);
    assert_eq!(head.tensor("y").unwrap().dims, [32, 2]);
}

#[test]
fn a_long_text_is_passed_over() {
    let [long, kept] = [LONGEST_KEPT as usize + 1, LONGEST_KEPT as usize]
        .map(|length| &*String::leak("x".repeat(length)));
    let values = [
        ("long", NewValue::Text(long)),
        ("kept", NewValue::Text(kept)),
        ("after", NewValue::Bool(true)),
    ];
    let mut out = Vec::new();
    Writer::new(&mut out, Path::new("x"), &values, &[]).unwrap();
    let head = read(&out).unwrap();
    assert_eq!(head.values["long"], Value::Other);
    assert_eq!(head.values["kept"], Value::Text(kept.into()));
    assert_eq!(head.values["after"], Value::Bool(true));
    let too_long: &'static str = String::leak("x".repeat(LONGEST_TEXT as usize + 1));
    let mut out = Vec::new();
    Writer::new(&mut out, Path::new("x"), &[("a", NewValue::Text(too_long))], &[]).unwrap();
    assert!(read(&out).is_err());
}

#[test]
fn every_cut_is_noticed() {
    let whole = sample();
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "cut at {length}");
    }
    assert!(read(&[whole, vec![0; 32]].concat()).is_err(), "too long");
}

#[test]
fn another_architecture_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gguf");
    let mut out = Vec::new();
    let values = [("general.architecture", NewValue::Text("llama"))];
    Writer::new(&mut out, &path, &values, &[]).unwrap();
    std::fs::write(&path, out).unwrap();
    let error = inspect(&path).unwrap_err().to_string();
    assert!(error.contains("the architecture \"llama\", only moonshine, canary"), "{error}");
}

proptest! {
    #[test]
    fn a_changed_byte_gives_a_head_or_an_error(at in 0_usize..300, byte: u8) {
        let mut bytes = sample();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(head) = read(&bytes) {
            let weights: u64 = head.tensors.iter().filter_map(|t| t.kind.bytes(&t.dims)).sum();
            prop_assert!(weights <= bytes.len() as u64);
        }
    }
}
