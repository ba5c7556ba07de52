//! `v2m completions`: shell completions for `v2m` and `v2m-send`.
//!
//! `v2m-send` does not use clap, because it must start in a millisecond. So its command line is
//! described here again; `tests/completions.rs` compares it with `v2m-send --help`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::{Shell, generate};

/// Returns the script for `shell`.
pub fn script(mut program: Command, shell: Shell) -> String {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut program, name, &mut script);
    plain_names(&String::from_utf8_lossy(&script), program.get_name(), shell)
}

/// Fixes a bash script of clap_complete 4.6: it uses two names for the commands of a program with a
/// hyphen in its name, and so completes nothing after a command.
fn plain_names(script: &str, program: &str, shell: Shell) -> String {
    match shell {
        Shell::Bash if program.contains('-') => {
            script.replace(&program.replace('-', "__subcmd__"), &program.replace('-', "__"))
        }
        _ => script.to_owned(),
    }
}

/// Describes the command line of `v2m-send`.
pub fn send() -> Command {
    let dictation = |name, about| {
        let language = option("language", 'l', "The language that you speak");
        command(name, about).arg(deliver()).arg(preset()).arg(language)
    };
    let continuous = || flag("continuous", "Deliver each sentence once it is over");
    let commands = [
        dictation("toggle", "Start recording, or stop and print the text").arg(continuous()),
        dictation("start", "Start recording").arg(continuous()),
        dictation("stop", "Stop recording and print the text"),
        command("cancel", "Delete the recording, or the newest text that is not there yet"),
        command("last", "Print the last text"),
        command("undo", "Take the last text at the cursor back"),
        command("retry", "Transcribe a dictation once more")
            .arg(which())
            .arg(option("model", 'm', "Another installed model"))
            .arg(option("language", 'l', "The language that was spoken")),
        command("history", "List earlier dictations")
            .arg(Arg::new("N").help("How many"))
            .arg(search())
            .arg(since()),
        command("show", "Print a dictation's text").arg(which()),
        command("copy", "Put a dictation's text on the clipboard").arg(which()),
        command("paste", "Put a dictation's text into the window with the focus").arg(which()),
        command("play", "Play a recording").arg(which()),
        command("delete", "Delete dictations, recordings and texts")
            .arg(which().num_args(0..))
            .arg(flag("all", "All dictations"))
            .arg(flag("yes", "Do not ask").short('y')),
        command("export", "Write dictations into a folder")
            .arg(Arg::new("DIRECTORY").value_hint(ValueHint::DirPath))
            .arg(search())
            .arg(since()),
        command("transcribe", "Transcribe sound files")
            .arg(Arg::new("FILE").num_args(0..).value_hint(ValueHint::FilePath))
            .arg(format(&["txt", "json", "srt", "vtt"]))
            .arg(
                option("output", 'o', "Write each text to a file there")
                    .value_hint(ValueHint::DirPath),
            )
            .arg(long("track", "Which sound track")),
        text("process", "Have the language model rewrite a text").arg(preset()).arg(option(
            "instruction",
            'i',
            "What to do with the text",
        )),
        text("translate", "Have the language model translate a text").arg(option(
            "to",
            't',
            "The language to translate to",
        )),
        command("rules", "Try the text rules").subcommand(
            Command::new("test")
                .about("Show what each rule does to a text")
                .arg(option("language", 'l', "The text's language"))
                .arg(Arg::new("TEXT").num_args(0..)),
        ),
        command("status", "Print state, engine, machine, and any problem").arg(summary()),
        command("watch", "Print events until interrupted").arg(summary()).arg(
            Arg::new("EVENT").num_args(0..).value_parser(PossibleValuesParser::new(
                v2m_ipc::message::EventName::ALL.map(v2m_ipc::message::EventName::name),
            )),
        ),
        command("pause", "Start no more recordings"),
        command("resume", "Allow recordings again"),
        command("config", "Print or change settings")
            .subcommand(
                Command::new("get")
                    .about("Print the settings in force")
                    .arg(Arg::new("KEY").help("SECTION or SECTION.KEY")),
            )
            .subcommand(
                Command::new("set")
                    .about("Change settings")
                    .arg(Arg::new("SETTING").help("SECTION.KEY=VALUE").num_args(0..)),
            ),
        command("ping", "Check whether the service answers"),
        command("shutdown", "Stop the service"),
    ];
    Command::new("v2m-send")
        .about("Control v2m, the dictation service")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .arg(flag("json", "Print the service's answer as it is").global(true))
        .subcommands(commands)
}

fn command(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about)
}

/// Describes a command that works on a text.
fn text(name: &'static str, about: &'static str) -> Command {
    command(name, about)
        .arg(Arg::new("TEXT").num_args(0..))
        .arg(deliver())
        .arg(flag("clipboard", "Use the text on the clipboard").short('c'))
        .arg(flag("last", "Use the last dictation's text"))
}

fn long(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::Set)
}

fn option(name: &'static str, short: char, help: &'static str) -> Arg {
    long(name, help).short(short)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

fn format(values: &[&'static str]) -> Arg {
    let parser = PossibleValuesParser::new(values.to_vec());
    option("format", 'f', "How it is printed").value_parser(parser)
}

fn summary() -> Arg {
    format(&["text", "json", "waybar"])
}

fn deliver() -> Arg {
    let places = v2m_ipc::message::Deliver::ALL.map(v2m_ipc::message::Deliver::name);
    option("deliver", 'd', "Where the text goes").value_parser(PossibleValuesParser::new(places))
}

fn preset() -> Arg {
    option("preset", 'p', "How the language model rewrites the text")
}

fn search() -> Arg {
    option("search", 's', "Only dictations with all these words")
}

fn since() -> Arg {
    long("since", "Only dictations from then on")
}

fn which() -> Arg {
    Arg::new("N").help("last, a number, or an id")
}
