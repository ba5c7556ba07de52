//! Tests the engine's start and end: invalid models, too little memory, wrong frames and arguments.

use crate::harness::{Engine, model, own_model, program, vad};
use std::fs;
use std::process::Command;
use v2m_ipc::engine::{Frame, FromEngine, LoadFailure, ToEngine, read_frame};

#[test]
fn pings_are_answered_while_loading() {
    let mut engine = Engine::start(&model("ggml-tiny.en-q8_0.bin"), &vad());
    engine.send(&ToEngine::Ping { n: 1 });
    assert!(matches!(engine.receive(), FromEngine::Loading { bytes: 43_550_795 }));
    let pong = |m: &FromEngine| matches!(m, FromEngine::Pong { n: 1 }).then_some(());
    engine.until(pong);
    assert!(engine.end().status.success());
}

#[test]
fn what_is_no_model_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let vad = vad();
    let whole = fs::read(own_model()).unwrap();
    let is_gguf = whole.starts_with(b"GGUF");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let noise: Vec<u8> =
        (0..200_000u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    // Changes the number of tensors, or of heads.
    let mut header_lies = whole.clone();
    header_lies[if is_gguf { 8 } else { 4 + 4 * 4 }] ^= 1;
    // A model of another architecture, or of another kind.
    let mut other = if is_gguf { whole.clone() } else { fs::read(&vad).unwrap() };
    if is_gguf {
        let name = b"moonshine";
        let at = other.windows(name.len()).position(|bytes| bytes == name).unwrap();
        other[at..at + name.len()].copy_from_slice(b"sunshines");
    }
    let cases = [
        (folder.path().join("nowhere.bin"), LoadFailure::Missing),
        (folder.path().into(), LoadFailure::Missing),
        (file("empty.bin", b""), LoadFailure::Broken),
        (file("text.bin", b"This is a letter, not a model.\n"), LoadFailure::Broken),
        (file("noise.bin", &[&whole[..4], &noise[..]].concat()), LoadFailure::Broken),
        (file("half.bin", &whole[..whole.len() / 2]), LoadFailure::Broken),
        (file("almost.bin", &whole[..whole.len() - 1]), LoadFailure::Broken),
        (file("more.bin", &[&whole[..], &[0; 7]].concat()), LoadFailure::Broken),
        (file("header.bin", &header_lies), LoadFailure::Broken),
        (file("other.bin", &other), LoadFailure::Broken),
    ];
    for (path, expected) in cases {
        let mut engine = Engine::start(&path, &vad);
        let (failure, reason) = engine.until(|message| match message {
            FromEngine::LoadFailed { failure, reason } => Some((*failure, reason.clone())),
            _ => None,
        });
        assert_eq!(failure, expected, "{}: {reason}", path.display());
        assert!(reason.contains(path.to_str().unwrap()), "{reason}");
        assert_eq!(engine.end().status.code(), Some(1), "{}", path.display());
    }
}

/// With too little memory, the engine reports this or dies of it; the daemon informs the user in
/// both cases. It does not hang, and does not report that it is ready.
#[test]
fn without_memory_for_its_model_it_fails() {
    for kib in [60_000, 130_000, 200_000] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")]).arg(program());
        let mut engine = Engine::run(command, &own_model(), &vad());
        let said = loop {
            match read_frame(&mut engine.socket) {
                Ok(Some(Frame::Message(FromEngine::LoadFailed { failure, reason }))) => {
                    break Some((failure, reason));
                }
                Ok(Some(Frame::Message(FromEngine::Loaded { .. }))) => panic!("in {kib} KiB"),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break None,
            }
        };
        if let Some((failure, reason)) = &said {
            assert_eq!(*failure, LoadFailure::Memory, "{reason}");
            assert!(reason.contains("too little free memory"), "{reason}");
        }
        let output = engine.end();
        assert!(!output.status.success(), "{said:?}: {output:?}");
    }
}

#[test]
fn a_broken_frame_ends_it_with_an_error() {
    use std::io::Write;
    let mut engine = Engine::loaded();
    engine.socket.write_all(&[0xff; 8]).unwrap();
    let output = engine.end();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("frame"), "{output:?}");
}

#[test]
fn help_and_version_are_printed_and_mistakes_named() {
    let run = |argument: &str| {
        Command::new(env!("CARGO_BIN_EXE_v2m-engine")).arg(argument).output().unwrap()
    };
    assert!(String::from_utf8_lossy(&run("--help").stdout).contains("--model FILE"));
    assert!(String::from_utf8_lossy(&run("--version").stdout).contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(run("--modle").status.code(), Some(2));
}
