//! Tests that `--help`, the manual pages, the README and `docs/` mention the same commands,
//! options, variables and exit codes.
//!
//! Whether they describe them correctly is not tested here: each program's own tests do that.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

type Words = BTreeSet<String>;

const PROGRAMS: [(&str, &str); 9] = [
    ("v2m", env!("CARGO_BIN_EXE_v2m")),
    ("v2m-send", env!("CARGO_BIN_EXE_v2m-send")),
    ("v2m-model", env!("CARGO_BIN_EXE_v2m-model")),
    ("v2m-settings", env!("CARGO_BIN_EXE_v2m-settings")),
    ("v2m-engine", env!("CARGO_BIN_EXE_v2m-engine")),
    ("v2m-llm", env!("CARGO_BIN_EXE_v2m-llm")),
    ("v2m-remote", env!("CARGO_BIN_EXE_v2m-remote")),
    ("v2m-osd", env!("CARGO_BIN_EXE_v2m-osd")),
    ("v2m-tray", env!("CARGO_BIN_EXE_v2m-tray")),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(program: &str) -> PathBuf {
    root().join(format!("docs/man/{program}.1"))
}

/// Returns a page's source without comments and escapes. Macros stay.
fn manual(program: &str) -> String {
    let source = fs::read_to_string(page(program)).unwrap();
    let lines = source.lines().filter(|line| !line.starts_with(".\\\""));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let fonts = ["\\fI", "\\fB", "\\fR"].iter().fold(text, |text, font| text.replace(font, ""));
    fonts.replace("\\-", "-").replace("\\(aq", "'")
}

fn run(program: &str, args: &[&str]) -> Output {
    let (_, path) = PROGRAMS.iter().find(|(name, _)| *name == program).unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(path);
    command.args(args).stdin(Stdio::null()).current_dir(&nowhere);
    command.env("V2M_SOCKET_PATH", nowhere.path().join("none")).output().unwrap()
}

fn help_of(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the help of a program, of its commands, and of their subcommands.
fn help(program: &str) -> String {
    let mut text = help_of(program, &["--help"]);
    // v2m-send has one help for all commands.
    if program != "v2m-send" {
        for command in commands_in_help(&text) {
            let below = help_of(program, &[&command, "--help"]);
            for second in commands_in_help(&below) {
                text += &help_of(program, &[&command, &second, "--help"]);
            }
            text += &below;
        }
    }
    text
}

/// Returns a command's name: one word, or two for the commands of `config` and `rules`.
fn command(line: &str) -> String {
    let two = ["config ", "rules "].iter().any(|first| line.starts_with(first));
    let count = if two { 2 } else { 1 };
    line.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

fn commands_in_help(help: &str) -> Words {
    let mut found = Words::new();
    let mut inside = false;
    for line in help.lines() {
        if !line.starts_with(' ') {
            inside = ["Commands:", "Dictation:", "Text ", "Service:"]
                .iter()
                .any(|head| line.starts_with(head))
                || inside && line.is_empty();
        } else if let Some(entry) =
            line.strip_prefix("  ").filter(|entry| inside && !entry.starts_with(' '))
        {
            let names = entry.split("  ").next().unwrap().split(", ");
            found.extend(names.map(command).filter(|name| name != "help"));
        }
    }
    found
}

/// Returns the line after each `.TP` in a page's section, without its macro.
fn tags<'a>(manual: &'a str, section: &str) -> Vec<String> {
    let start = format!(".SH {section}\n");
    let Some((_, rest)) = manual.split_once(&start) else { return Vec::new() };
    let section: Vec<&'a str> = rest.lines().take_while(|line| !line.starts_with(".SH ")).collect();
    let entries = section.windows(2).filter(|pair| pair[0] == ".TP");
    entries.map(|pair| pair[1].split_once(' ').unwrap().1.replace('"', "")).collect()
}

/// Returns the long options, without those of other programs.
fn options(text: &str) -> Words {
    let own = text.lines().filter(|line| !line.contains("systemctl"));
    let words = own.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
    let long = words.filter(|word| word.len() > 3 && word.starts_with("--"));
    long.map(str::to_owned).collect()
}

fn variables(text: &str) -> Words {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("V2M_")).map(str::to_owned).collect()
}

fn codes_in_help(help: &str) -> Words {
    let (_, list) = help.split_once("Exit codes:").expect("--help tells the exit codes");
    let list = list.trim_start().split("\n\n").next().unwrap();
    let words = list.split_whitespace();
    words.filter(|word| word.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned).collect()
}

#[test]
fn pages_tell_what_help_tells() {
    for (program, _) in PROGRAMS {
        let (help, manual) = (help(program), manual(program));
        let in_manual: Words = tags(&manual, "COMMANDS").iter().map(|tag| command(tag)).collect();
        let commands = commands_in_help(&help_of(program, &["--help"]));
        assert_eq!(in_manual, commands, "{program}: commands");
        let has_one_purpose =
            ["v2m-engine", "v2m-llm", "v2m-remote", "v2m-osd", "v2m-tray", "v2m-settings"]
                .contains(&program);
        assert_eq!(commands.is_empty(), has_one_purpose, "{program}");
        assert!(options(&help).contains("--version"), "{program}: {help}");
        assert_eq!(options(&manual), options(&help), "{program}: options");
        let codes: Words = tags(&manual, "EXIT STATUS").into_iter().collect();
        assert_eq!(codes, codes_in_help(&help), "{program}: exit codes");
        assert!(codes.contains("0") && codes.contains("2"), "{program}: {codes:?}");
        let described = tags(&manual, "ENVIRONMENT").into_iter().collect();
        assert_eq!(variables(&help), described, "{program}: variables");
    }
}

/// Every program must have a page, and every page a program.
#[test]
fn each_program_has_its_page() {
    let pages = fs::read_dir(root().join("docs/man")).unwrap();
    let pages: Words = pages.map(|p| p.unwrap().file_name().into_string().unwrap()).collect();
    let expected: Words = PROGRAMS.iter().map(|(name, _)| format!("{name}.1")).collect();
    assert_eq!(pages, expected);
}

/// Needs groff. A page with a groff warning is displayed wrongly somewhere.
#[test]
fn pages_are_plain_roff() {
    for (program, _) in PROGRAMS {
        let mut groff = Command::new("groff");
        match groff.args(["-ww", "-man", "-Tutf8", "-z"]).arg(page(program)).output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.is_empty(), "{program}: {said}");
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
        }
    }
}

/// Splits a line into words like a shell, as far as documented commands need it.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '\n') => {
                words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()))
            }
            _ => word.push(c),
        }
    }
    words
}

/// Returns the program and the arguments of a line that calls one of our programs, up to a
/// redirection or comment.
fn call(line: &str) -> Option<(String, Vec<String>)> {
    let mut words = shell_words(line).into_iter();
    let program = words.next().filter(|word| PROGRAMS.iter().any(|(name, _)| name == word))?;
    let stop = |word: &String| ["<", ">", "|", "#", "&&", ";"].contains(&word.as_str());
    Some((program, words.take_while(|word| !stop(word)).collect()))
}

/// Checks that our program accepts the command line; returns false for other lines. Nothing is
/// executed, because there is no service and the help is requested.
fn assert_understood(line: &str) -> bool {
    let Some((program, args)) = call(line) else { return false };
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    if program == "v2m-send" && !args.is_empty() && !args.contains(&"process") {
        let code = run(&program, &args).status.code();
        assert!([Some(0), Some(3)].contains(&code), "`{line}` ends with {code:?}");
    } else {
        args.push("--help");
        assert!(run(&program, &args).status.success(), "`{line}` is not understood");
    }
    true
}

/// Returns the README and the pages of `docs/`. Their code is in blocks indented by four spaces, or
/// between backticks.
fn documents() -> Vec<PathBuf> {
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    std::iter::once(root().join("README.md")).chain(pages).collect()
}

#[test]
fn documented_commands_exist() {
    let mut found = 0;
    for document in documents() {
        let text = fs::read_to_string(document).unwrap();
        let (blocks, text): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("    "));
        let text = text.join("\n");
        let spans = text.split('`').skip(1).step_by(2);
        let lines = spans.chain(blocks.into_iter().map(str::trim));
        found += lines.filter(|line| assert_understood(line)).count();
    }
    assert!(found > 50, "found {found} commands");

    let send = help_of("v2m-send", &["--help"]);
    let (_, examples) = send.split_once("Examples:\n").unwrap();
    let examples = examples.lines().map(|line| line.trim().split("   ").next().unwrap());
    assert!(examples.filter(|line| assert_understood(line)).count() > 3, "found too few");
}
