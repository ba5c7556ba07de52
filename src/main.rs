//! `v2m`: the daemon behind `v2m.socket`, and its small commands.
//!
//! Only the way from the command line into the house is here.

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing::{error, info};
use v2m::language::spoken;
use v2m::logging::Logging;
use v2m::shortcut::Purpose;
use v2m::{completions, config, daemon, deliver, doctor, import, media, server, shortcut, systemd};
use v2m_ipc::plain;

/// The configuration is not valid (EX_CONFIG of sysexits.h): the unit does not restart on it.
const BAD_CONFIG: u8 = 78;
/// `v2m doctor`: the service transcribes, and there is no microphone.
const DEAF: u8 = 3;

/// Dictation for Linux desktops: press a key, speak, press the key again, and the text is there.
///
/// Without a command this is the service. systemd starts it when a program connects to v2m.socket.
/// To dictate, run `v2m-send toggle` from a keyboard shortcut.
#[derive(Parser)]
#[command(name = "v2m", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Files:
  ~/.config/v2m/config.toml        the configuration (V2M_CONFIG names another file)
  ~/.config/v2m/presets/           your presets for the language model
  ~/.local/share/v2m/models/       speech models, see v2m-model
  ~/.local/state/v2m/dictations/   your dictations: recordings and texts
  $XDG_RUNTIME_DIR/v2m/llm.sock    the socket of v2m-llm (V2M_LLM_SOCKET names another one)

Exit codes: 0 success, 1 something failed, 2 wrong arguments, 3 (doctor) everything works, except
that there is no microphone, 78 the configuration is not valid.";

#[derive(Subcommand)]
enum Command {
    /// Check everything a dictation needs, and say how to fix what is missing.
    Doctor {
        /// Record two seconds of the microphone too, and say what v2m hears: level, noise, language
        /// and text. Without this, v2m asks in a terminal, and records nothing elsewhere.
        #[arg(long)]
        listen: bool,
    },
    /// Check the configuration, and print the settings in force.
    CheckConfig {
        /// Check this file instead.
        file: Option<PathBuf>,
    },
    /// Print every setting with its default and its explanation.
    DefaultConfig,
    /// Import the settings of voice2machine, and say what becomes of each.
    ImportConfig {
        /// voice2machine's config.toml.
        file: PathBuf,
        /// Report, but change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Set, list or remove the keyboard shortcuts for dictation, on GNOME.
    #[command(subcommand)]
    Shortcut(Shortcut),
    /// Print what a shell completes: for bash, zsh or fish.
    Completions {
        /// The shell.
        shell: Shell,
        /// For which program.
        #[arg(value_enum, default_value_t = Completed::V2m)]
        program: Completed,
    },
    /// Write a sound file's samples to standard output: the service's own helper process.
    #[command(hide = true, name = media::DECODE_COMMAND)]
    Decode {
        /// The sound track, counted from 1.
        #[arg(long)]
        track: Option<u32>,
        /// The sound file.
        file: PathBuf,
    },
}

/// A program with completions.
#[derive(Clone, Copy, ValueEnum)]
enum Completed {
    #[value(name = "v2m")]
    V2m,
    #[value(name = "v2m-send")]
    Send,
}

#[derive(Subcommand)]
enum Shortcut {
    /// Bind a key combination to `v2m-send toggle`.
    Install {
        /// The combination, as GNOME writes it: <Control><Alt>v. Default: the first free one of
        /// several.
        #[arg(long)]
        binding: Option<String>,
        /// The language that this key dictates in, such as es or Spanish. The key for
        /// engine.language stays beside it.
        #[arg(long, value_parser = language)]
        language: Option<Language>,
        /// This key delivers each sentence once it is over, until it is pressed again.
        #[arg(long)]
        continuous: bool,
    },
    /// Print v2m's shortcuts.
    #[command(visible_alias = "show")]
    List,
    /// Remove v2m's shortcuts.
    Remove {
        /// Remove only the key for this language.
        #[arg(long, value_parser = language)]
        language: Option<Language>,
        /// Remove only the key that delivers each sentence once it is over.
        #[arg(long)]
        continuous: bool,
    },
}

/// The code of a language, or `auto`.
#[derive(Clone, Copy)]
struct Language(&'static str);

fn language(asked: &str) -> Result<Language, spoken::NotSpoken> {
    spoken::code(asked).map(|code| Language(code.unwrap_or(spoken::AUTO)))
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        None => serve(),
        Some(Command::Doctor { listen }) => examine(listen),
        Some(Command::CheckConfig { file }) => check_config(file),
        Some(Command::DefaultConfig) => print(config::default_toml().trim_end_matches('\n')),
        Some(Command::ImportConfig { file, dry_run }) => import_config(&file, dry_run),
        Some(Command::Shortcut(command)) => bind(&command),
        Some(Command::Completions { shell, program }) => {
            let program = match program {
                Completed::V2m => Arguments::command(),
                Completed::Send => completions::send(),
            };
            print(completions::script(program, shell).trim_end_matches('\n'))
        }
        Some(Command::Decode { track, file }) => media::serve(&file, track),
    }
}

fn examine(listen: bool) -> ExitCode {
    let listen = if listen { doctor::Listen::Yes } else { doctor::Listen::IfWanted };
    match doctor::examine(&mut std::io::stdout().lock(), listen) {
        Ok(doctor::Verdict::Works) => ExitCode::SUCCESS,
        Ok(doctor::Verdict::Deaf) => ExitCode::from(DEAF),
        // Not being able to print the findings is as bad as a bad one.
        Ok(doctor::Verdict::Broken) | Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> ExitCode {
    for (name, value) in deliver::environment::adopt() {
        // SAFETY: no other thread exists yet: `adopt` has ended those it used, and nothing else
        // has been started.
        unsafe { std::env::set_var(name, value) };
    }
    let level = config::LogLevel::Info.name();
    let logging = Logging::start(level);
    let listener = match systemd::listener() {
        Ok(listener) => listener,
        Err(error) => {
            error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let loaded = config::default_path()
        .and_then(|path| Ok((config::load(&path, std::env::vars_os())?, path)));
    let (settings, config_path) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return refuse(listener, &error),
    };
    if let Err(error) = logging.set_level(settings.log.level.name()) {
        error!("{error}");
    }
    let Some(store) = state_dir() else {
        error!("There is no home directory to keep dictations in: set HOME.");
        return ExitCode::FAILURE;
    };
    match daemon::run(daemon::Start { listener, config_path, settings, store, logging }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("Running the service: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever is waiting is told; left in the queue they would make systemd start the service again.
fn refuse(listener: std::os::unix::net::UnixListener, error: &config::ConfigError) -> ExitCode {
    let failure = daemon::config_failure(error);
    error!(code = failure.code.name(), "{}", failure.message);
    systemd::status(&failure.message);
    server::refuse_pending(listener, &failure);
    daemon::show_refusal(&failure);
    ExitCode::from(BAD_CONFIG)
}

fn bind(command: &Shortcut) -> ExitCode {
    let said = match command {
        Shortcut::Install { binding, language, continuous } => {
            let purpose = Purpose { language: language.map(|it| it.0), is_continuous: *continuous };
            // Beside this program; GNOME's own search path may not have it.
            let client = std::env::current_exe()
                .map_or_else(|_| "v2m-send".into(), |own| own.with_file_name("v2m-send"));
            shortcut::install(binding.as_deref(), purpose, &client).map(|is| {
                let language = match purpose.language {
                    None => String::new(),
                    Some(spoken::AUTO) => " and detects the language".to_owned(),
                    Some(code) => format!(" in {}", spoken::name(code)),
                };
                let how = if *continuous {
                    "tap it, speak sentence after sentence, and tap it again"
                } else {
                    "tap it, or hold it down while you speak"
                };
                format!("{} dictates{language}: {how}.", is.binding)
            })
        }
        Shortcut::List => shortcut::list().map(|all| {
            let line = |it: &shortcut::Shortcut| format!("{} runs {}", it.binding, it.command);
            match &all[..] {
                [] => "There is no shortcut of v2m's. Set one: v2m shortcut install".to_owned(),
                all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
            }
        }),
        Shortcut::Remove { language, continuous } => {
            let one = language.is_some() || *continuous;
            let purpose = Purpose { language: language.map(|it| it.0), is_continuous: *continuous };
            shortcut::remove(one.then_some(purpose)).map(|count| match (count, language) {
                (0, Some(Language(code))) => {
                    format!("There was no such shortcut for {}.", spoken::name(code))
                }
                (0, None) if one => "There was no such shortcut.".to_owned(),
                (0, None) => "There was no shortcut of v2m's.".to_owned(),
                (1, _) => "The shortcut is removed.".to_owned(),
                (count, _) => format!("{count} shortcuts are removed."),
            })
        }
    };
    match said {
        Ok(text) => print(text),
        Err(error) => {
            plain::complain(format_args!("v2m: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn check_config(file: Option<PathBuf>) -> ExitCode {
    let in_force = file.is_none();
    let loaded = file.map_or_else(config::default_path, Ok).and_then(|path| {
        let settings = config::load(&path, std::env::vars_os())?;
        Ok((settings, path))
    });
    match loaded {
        Ok((settings, path)) => {
            if in_force {
                daemon::withdraw_refusal();
            }
            let there = if path.exists() { "is valid" } else { "does not exist: defaults" };
            print(format_args!("{} {there}. In force:\n{:#}", path.display(), settings.to_json()))
        }
        Err(error) => {
            plain::complain(error);
            ExitCode::from(BAD_CONFIG)
        }
    }
}

fn import_config(file: &Path, dry_run: bool) -> ExitCode {
    match import::run(file, dry_run) {
        Ok(told) => print(told.trim_end_matches('\n')),
        Err(import::ImportError::Config(error)) => {
            plain::complain(&error);
            ExitCode::from(BAD_CONFIG)
        }
        Err(error) => {
            plain::complain(format_args!("v2m: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says what was asked for, plain.
fn print(text: impl std::fmt::Display) -> ExitCode {
    plain::print(text).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// `$XDG_STATE_HOME/v2m/dictations`.
fn state_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let dirs = etcetera::base_strategy::Xdg::new().ok()?;
    let state: &Path = &dirs.state_dir()?;
    let dictations = state.join("v2m/dictations");
    info!(state = %state.display(), "dictations are kept in {}", dictations.display());
    Some(dictations)
}
