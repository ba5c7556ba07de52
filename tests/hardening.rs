//! Tests the hardening of each program: a table is compared with the programs, so that no hardening
//! is lost unnoticed.
//!
//! Rust has its own checks. C and C++, which is mainly in the recogniser, is compiled with the
//! flags in `.cargo/config.toml`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::process::Command;

/// The kinds of hardening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hardening {
    /// The program is loaded at a random address.
    Pie,
    /// The tables that the dynamic loader fills are read-only afterwards.
    Relro,
    /// The dynamic loader fills all of them at the start.
    BindNow,
    /// No writable memory is executable, including the stack.
    NoExecute,
    /// Stack smashing ends the program (`-fstack-protector-strong`).
    Canaries,
    /// A call of the C library that writes beyond a buffer of known size ends the program
    /// (`_FORTIFY_SOURCE`).
    Fortify,
    /// An index out of a C++ container's range ends the program (`_GLIBCXX_ASSERTIONS`).
    Assertions,
}

use Hardening::{Assertions, BindNow, Canaries, Fortify, NoExecute, Pie, Relro};

/// Runs readelf (of binutils, which the linker needs anyway).
fn readelf(option: &str, program: &str) -> String {
    let output = Command::new("readelf").args([option, "-W", program]).output().unwrap();
    assert!(output.status.success(), "readelf {option} {program}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn hardening(program: &str) -> Vec<Hardening> {
    let [header, segments, dynamic, symbols] =
        ["-h", "-l", "-d", "-s"].map(|option| readelf(option, program));
    let has = |text: &str, parts: &[&str]| {
        text.lines().any(|line| parts.iter().all(|part| line.contains(part)))
    };
    let flags: Vec<_> = segments
        .lines()
        .filter(|line| {
            ["LOAD ", "GNU_STACK "].iter().any(|kind| line.trim_start().starts_with(kind))
        })
        .collect();
    let stack = flags.iter().any(|line| line.contains("GNU_STACK"));
    let found = [
        (Pie, has(&header, &["Type:", "DYN"]) && has(&dynamic, &["(FLAGS_1)", "PIE"])),
        (Relro, has(&segments, &["GNU_RELRO"])),
        (BindNow, has(&dynamic, &["(FLAGS_1)", "NOW"]) && !has(&dynamic, &["(TEXTREL)"])),
        (NoExecute, stack && !flags.iter().any(|line| line.contains("RWE"))),
        (Canaries, has(&symbols, &["__stack_chk_fail@"])),
        (Fortify, has(&symbols, &[" __", "_chk@GLIBC"])),
        (
            Assertions,
            has(&symbols, &["__glibcxx_assert_fail"]) || has(&symbols, &["__replacement_assert"]),
        ),
    ];
    found.into_iter().filter(|(_, found)| *found).map(|(what, _)| what).collect()
}

#[test]
fn each_program_has_the_hardening_that_this_table_says() {
    let rust = [Pie, Relro, BindNow, NoExecute];
    let table = [
        ("v2m", env!("CARGO_BIN_EXE_v2m"), &rust[..]),
        ("v2m-send", env!("CARGO_BIN_EXE_v2m-send"), &rust),
        ("v2m-llm", env!("CARGO_BIN_EXE_v2m-llm"), &rust),
        ("v2m-remote", env!("CARGO_BIN_EXE_v2m-remote"), &rust),
        ("v2m-model", env!("CARGO_BIN_EXE_v2m-model"), &rust),
        ("v2m-osd", env!("CARGO_BIN_EXE_v2m-osd"), &rust),
        ("v2m-tray", env!("CARGO_BIN_EXE_v2m-tray"), &rust),
        (
            "v2m-engine",
            env!("CARGO_BIN_EXE_v2m-engine"),
            &[Pie, Relro, BindNow, NoExecute, Canaries, Fortify, Assertions],
        ),
    ];
    for (name, program, expected) in table {
        let found = hardening(program);
        let missing: Vec<_> = expected.iter().filter(|what| !found.contains(what)).collect();
        assert!(
            missing.is_empty(),
            "{name} lacks {missing:?}; if .cargo/config.toml has changed since whisper.cpp was compiled: \
             `make fresh-whisper`"
        );
    }
}

#[test]
fn the_search_finds_what_is_lacking() {
    // v2m-send has no C++ and no canaries.
    let client = hardening(env!("CARGO_BIN_EXE_v2m-send"));
    assert!(
        ![Canaries, Fortify, Assertions].iter().any(|what| client.contains(what)),
        "{client:?}"
    );
    // This machine's C compiler builds this without any hardening.
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("bare.c");
    std::fs::write(&source, "int main(void) { return 0; }").unwrap();
    let program = folder.path().join("bare");
    let compiled = Command::new("cc")
        .args([
            "-no-pie",
            "-Wl,-z,norelro",
            "-Wl,-z,lazy",
            "-Wl,-z,execstack",
            "-fno-stack-protector",
            "-o",
        ])
        .args([&program, &source])
        .status();
    assert!(compiled.unwrap().success());
    assert_eq!(hardening(program.to_str().unwrap()), []);
}
