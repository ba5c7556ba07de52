//! Tests that each program links only what it needs: the NEEDED entries, and code that must not be
//! inside.
//!
//! The daemon is a separate program because it must not contain a recogniser or an HTTP client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::process::Command;

/// Libraries that every program may need: the parts of the C library and the compiler's support.
const SYSTEM: [&str; 4] = ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-x86-64.so.2"];

/// Returns the NEEDED entries except those of the system, by readelf (of binutils, which the linker
/// needs anyway).
fn needed(program: &str) -> Vec<String> {
    let output = Command::new("readelf").args(["-d", "-W", program]).output().unwrap();
    assert!(output.status.success(), "readelf -d {program}");
    let text = String::from_utf8(output.stdout).unwrap();
    let entries = text.lines().filter(|line| line.contains("(NEEDED)"));
    let names = entries.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']')));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    assert!(!names.is_empty(), "{program} names no library at all");
    names.retain(|name| !SYSTEM.contains(&name.as_str()));
    names.sort_unstable();
    names
}

fn holds(program: &str, text: &str) -> bool {
    let bytes = std::fs::read(program).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_client_needs_the_system_alone() {
    let program = env!("CARGO_BIN_EXE_v2m-send");
    assert_eq!(needed(program), Vec::<String>::new());
    for stranger in ["tokio", "libpipewire", "org.freedesktop.DBus"] {
        assert!(!holds(program, stranger), "v2m-send holds {stranger}");
    }
}

#[test]
fn the_daemon_needs_pipewire_and_no_recogniser() {
    let program = env!("CARGO_BIN_EXE_v2m");
    assert_eq!(needed(program), ["libpipewire-0.3.so.0"]);
    // Not words of messages: every program contains their translations.
    for stranger in ["whisper_full", "ggml_init", "rustls", "ureq", "ratatui"] {
        assert!(!holds(program, stranger), "v2m holds {stranger}");
    }
}

#[test]
fn the_settings_hold_what_draws_and_no_recogniser() {
    let program = env!("CARGO_BIN_EXE_v2m-settings");
    assert_eq!(needed(program), Vec::<String>::new());
    for stranger in ["whisper_full", "ggml_init", "rustls", "ureq"] {
        assert!(!holds(program, stranger), "v2m-settings holds {stranger}");
    }
    assert!(holds(program, "ratatui"), "the search would find it if it were there");
}

#[test]
fn the_recogniser_sees_no_desktop_and_no_microphone() {
    let program = env!("CARGO_BIN_EXE_v2m-engine");
    let libraries = needed(program);
    let compute = |name: &&String| !name.starts_with("libstdc++") && !name.starts_with("libgomp");
    assert_eq!(libraries.iter().filter(compute).count(), 0, "{libraries:?}");
    // transcribe.cpp has its own ggml, and two versions of ggml in one program would call each
    // other. tests/engines.sh checks v2m-engine-gguf.
    let strangers = ["libpipewire", "org.freedesktop.DBus", "rustls", "tokio", "transcribe_run"];
    for stranger in strangers {
        assert!(!holds(program, stranger), "v2m-engine holds {stranger}");
    }
    assert!(holds(program, "ggml_init"), "the search would find it if it were there");
}

#[test]
fn the_programs_with_a_network_need_the_system_alone() {
    for (name, program) in [
        ("v2m-llm", env!("CARGO_BIN_EXE_v2m-llm")),
        ("v2m-remote", env!("CARGO_BIN_EXE_v2m-remote")),
    ] {
        assert_eq!(needed(program), Vec::<String>::new(), "{name}");
        for stranger in ["tokio", "libpipewire", "org.freedesktop.DBus", "ggml_init"] {
            assert!(!holds(program, stranger), "{name} holds {stranger}");
        }
        assert!(holds(program, "rustls"), "the search would find it if it were there");
    }
}

#[test]
fn the_sign_on_the_screen_needs_the_system_alone_and_has_no_network() {
    let program = env!("CARGO_BIN_EXE_v2m-osd");
    assert_eq!(needed(program), Vec::<String>::new());
    for stranger in ["libpipewire", "rustls", "ggml_init"] {
        assert!(!holds(program, stranger), "v2m-osd holds {stranger}");
    }
    assert!(holds(program, "org.freedesktop.DBus"), "the search would find it if it were there");
}

#[test]
fn the_icon_in_the_tray_needs_the_system_alone_and_has_neither_a_network_nor_a_display() {
    let program = env!("CARGO_BIN_EXE_v2m-tray");
    assert_eq!(needed(program), Vec::<String>::new());
    for stranger in ["libpipewire", "rustls", "ggml_init", "wl_compositor", "cosmic_text"] {
        assert!(!holds(program, stranger), "v2m-tray holds {stranger}");
    }
    assert!(holds(program, "StatusNotifierItem"), "the search would find it if it were there");
}
