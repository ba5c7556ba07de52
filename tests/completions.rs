//! Tests the shell completions: they are generated for each program, agree with its help, and work
//! in the shells of this machine.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

const SEND: &str = env!("CARGO_BIN_EXE_v2m-send");

/// Returns the script that a program prints.
fn script(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).arg("completions").args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn all(shell: &str) -> [(&'static str, String); 3] {
    let (v2m, model) = (env!("CARGO_BIN_EXE_v2m"), env!("CARGO_BIN_EXE_v2m-model"));
    [
        ("v2m", script(v2m, &[shell])),
        ("v2m-send", script(v2m, &[shell, "v2m-send"])),
        ("v2m-model", script(model, &[shell])),
    ]
}

#[test]
fn completions_are_in_english_in_every_locale() {
    for (program, args) in [
        (env!("CARGO_BIN_EXE_v2m"), &["zsh"][..]),
        (env!("CARGO_BIN_EXE_v2m"), &["fish", "v2m-send"]),
        (env!("CARGO_BIN_EXE_v2m-model"), &["zsh"]),
    ] {
        let in_locale = |locale| {
            let mut command = Command::new(program);
            command.arg("completions").args(args).env("LC_ALL", locale).env_remove("LANGUAGE");
            command.output().unwrap().stdout
        };
        let english = in_locale("C");
        assert!(!english.is_empty());
        assert!(english == in_locale("es_ES.UTF-8"), "{program} {args:?}");
    }
}

/// Returns the words that bash offers after these words.
fn offered(script: &str, program: &str, words: &[&str]) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    fs::write(&file, script).unwrap();
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let last = words.len() - 1;
    let function = script.lines().find_map(|line| line.strip_prefix("_")).unwrap();
    let function = format!("_{}", function.split('(').next().unwrap().trim());
    let ask = format!(
        ". {}; COMP_WORDS=({line}); COMP_CWORD={last}; {function} {program} \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{}]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        last - 1
    );
    // bash prints an error for options that are only valid during a completion.
    let output = Command::new("bash").args(["-c", &ask]).stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn words(text: &str, is_word: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| is_word(word)).map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_command_and_option_of_the_help() {
    let [_, (_, script), _] = all("bash");
    let output = Command::new(SEND).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let help: String =
        help.lines().filter(|line| !line.contains("systemctl")).collect::<Vec<_>>().join("\n");
    let is_option = |word: &str| word.len() > 3 && word.starts_with("--");
    assert_eq!(words(&script, is_option), words(&help, is_option), "options");

    // A command stands at the beginning of a line, or after a comma.
    let commands = help.split("Options:").next().unwrap();
    let entries = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let entries = entries.filter(|entry| !entry.starts_with(' '));
    let names = entries.flat_map(|entry| {
        entry.split("  ").next().unwrap().split(", ").map(str::to_owned).collect::<Vec<_>>()
    });
    let names: BTreeSet<_> = names.map(|name| name.split(' ').next().unwrap().to_owned()).collect();
    let offered = offered(&script, "v2m-send", &["v2m-send", ""]);
    let commands: BTreeSet<_> = offered.into_iter().filter(|word| !word.starts_with('-')).collect();
    assert_eq!(commands, names);
}

#[test]
fn bash_completes_values() {
    let [_, (_, script), _] = all("bash");
    let offered = |words: &[&str]| offered(&script, "v2m-send", words);
    assert_eq!(
        offered(&["v2m-send", "toggle", "--deliver", "cl"]),
        BTreeSet::from(["clipboard".into()])
    );
    let waybar = BTreeSet::from(["waybar".into()]);
    assert_eq!(offered(&["v2m-send", "watch", "--format", "w"]), waybar);
    assert!(offered(&["v2m-send", "his"]).contains("history"));
    let [_, _, (_, script)] = all("bash");
    let offered = self::offered(&script, "v2m-model", &["v2m-model", "pull", "--from", "h"]);
    assert_eq!(offered, BTreeSet::from(["hub".into()]));
}

#[test]
fn each_shell_understands_its_script() {
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        for (program, script) in all(shell) {
            assert!(script.contains(program), "{shell} {program}");
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("script");
            fs::write(&file, script).unwrap();
            match Command::new(shell).arg(check).arg(&file).output() {
                Ok(output) => assert!(output.status.success(), "{shell} {program}: {output:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
            }
        }
    }
}
