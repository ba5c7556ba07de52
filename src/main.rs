//! `v2m`: the daemon behind `v2m.socket`, and its small commands.
//!
//! Only the command line is here.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing::{error, info};
use v2m::language::spoken;
use v2m::logging::Logging;
use v2m::session::{Code, Failure};
use v2m::shortcut::Purpose;
use v2m::{
    completions, config, daemon, deliver, doctor, help, import, media, server, setup, shortcut,
    systemd, terminal,
};
use v2m_ipc::plain;
use v2m_messages::{mark, tr};

/// The configuration is not valid (EX_CONFIG of sysexits.h): the unit does not restart on it.
const BAD_CONFIG: u8 = 78;
/// `v2m doctor`: the service can transcribe, but there is no microphone.
const DEAF: u8 = 3;
/// `v2m setup` has questions, and there is no terminal: the same code as for wrong arguments.
const NO_TERMINAL: u8 = 2;

#[derive(Parser)]
#[command(
    name = "v2m",
    version,
    about = tr!(
        "Dictation for Linux desktops: press a key, speak, press the key again, and the text is there"
    ),
    long_about = tr!(
        "Dictation for Linux desktops: press a key, speak, press the key again, and the text is there.\n\n\
         Without a command this is the service. systemd starts it when a program connects to v2m.socket. \
         To dictate, run `v2m-send toggle` from a keyboard shortcut."
    ),
    after_help = v2m_messages::text(AFTER_HELP)
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = mark!(
    "\
Files:
  ~/.config/v2m/config.toml        the configuration (V2M_CONFIG names another file)
  ~/.config/v2m/presets/           your presets for the language model
  ~/.local/share/v2m/models/       speech models, see v2m-model
  ~/.local/state/v2m/dictations/   your dictations: recordings and texts
  $XDG_RUNTIME_DIR/v2m/llm.sock    the socket of v2m-llm (V2M_LLM_SOCKET names another one)
  $XDG_RUNTIME_DIR/v2m/remote.sock the socket of v2m-remote (V2M_REMOTE_SOCKET names another one)

Exit codes: 0 success, 1 something failed, 2 wrong arguments, 3 (doctor, setup) everything works,
except that there is no microphone, 4 (setup) there is no speech model, 5 (setup) the service does
not run, 6 (setup) no key dictates, 78 the configuration is not valid, 130 (setup) interrupted."
);

#[derive(Subcommand)]
enum Command {
    #[command(
        about = tr!("Set v2m up in a terminal, step by step, up to the first dictation"),
        long_about = setup_in_full()
    )]
    Setup {
        #[arg(long, help = tr!(
            "Ask nothing and take the defaults. Nothing is recorded. The exit code says what is missing"
        ))]
        yes: bool,
        #[arg(long, value_enum, hide_possible_values = true, value_name = "STEP", help = tr!(
            "Only this step: microphone, languages, service, model, key, texts, extension or dictation"
        ))]
        only: Option<setup::Step>,
        #[arg(long, hide = true, conflicts_with_all = ["yes", "only"], help = tr!("In a terminal of its own"))]
        in_terminal: bool,
        #[arg(long, hide = true, help = tr!("Wait for Enter at the end"))]
        hold: bool,
    },
    #[command(about = tr!("Check everything a dictation needs, and say how to fix what is missing"))]
    Doctor {
        #[arg(long, help = tr!(
            "Record two seconds of the microphone too, and say what v2m hears: level, noise, language and text. \
             Without this, v2m asks in a terminal, and records nothing elsewhere"
        ))]
        listen: bool,
        #[arg(long, hide = true, conflicts_with = "listen", help = tr!("In a terminal of its own"))]
        in_terminal: bool,
        #[arg(long, hide = true, help = tr!("Wait for Enter at the end"))]
        hold: bool,
    },
    #[command(about = tr!("Show every setting with its documentation in the terminal, and change it there"))]
    Settings {
        #[arg(long, hide = true, help = tr!("In a terminal of its own"))]
        in_terminal: bool,
    },
    #[command(about = tr!("Check the configuration, and print the settings in force"))]
    CheckConfig {
        #[arg(help = tr!("Check this file instead"))]
        file: Option<PathBuf>,
    },
    #[command(about = tr!("Print every setting with its default and its explanation"))]
    DefaultConfig,
    #[command(about = tr!("Import the settings of voice2machine, and report what happens to each"))]
    ImportConfig {
        #[arg(help = tr!("voice2machine's config.toml"))]
        file: PathBuf,
        #[arg(long, help = tr!("Report, but change nothing"))]
        dry_run: bool,
    },
    #[command(
        subcommand,
        about = tr!("Set, list or remove the keyboard shortcuts for dictation, on GNOME")
    )]
    Shortcut(Shortcut),
    #[command(about = tr!("Print what a shell completes: for bash, zsh or fish"))]
    Completions {
        #[arg(help = tr!("The shell"))]
        shell: Shell,
        #[arg(value_enum, default_value_t = Completed::V2m, help = tr!("For which program"))]
        program: Completed,
    },
    #[command(
        hide = true,
        name = media::DECODE_COMMAND,
        about = tr!("Write a sound file's samples to standard output: the service's own helper process")
    )]
    Decode {
        #[arg(long, help = tr!("The sound track, counted from 1"))]
        track: Option<u32>,
        #[arg(help = tr!("The sound file"))]
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
    #[command(about = tr!("Bind a key combination to `v2m-send toggle`"))]
    Install {
        #[arg(long, help = tr!(
            "The combination, as GNOME writes it: <Control><Alt>v. Default: the first free one of several"
        ))]
        binding: Option<String>,
        #[arg(long, value_parser = language, help = tr!(
            "The language that this key dictates in, such as es or Spanish. The key for engine.language stays \
             beside it"
        ))]
        language: Option<Language>,
        #[arg(long, help = tr!(
            "This key delivers each sentence once it is over, until it is pressed again"
        ))]
        continuous: bool,
    },
    #[command(visible_alias = "show", about = tr!("Print v2m's shortcuts"))]
    List,
    #[command(about = tr!("Remove v2m's shortcuts"))]
    Remove {
        #[arg(long, value_parser = language, help = tr!("Remove only the key for this language"))]
        language: Option<Language>,
        #[arg(long, help = tr!("Remove only the key that delivers each sentence once it is over"))]
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
    let given = help::in_users_language(Arguments::command()).get_matches();
    let arguments = Arguments::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    match arguments.command {
        None => serve(),
        Some(Command::Setup { in_terminal: true, .. }) => show(&["setup", "--hold"]),
        Some(Command::Settings { in_terminal: true }) => show(&["settings"]),
        Some(Command::Doctor { in_terminal: true, .. }) => show(&["doctor", "--hold"]),
        Some(Command::Setup { yes, only, hold, in_terminal: false }) => {
            set_up(setup::Options { yes, only, hold })
        }
        Some(Command::Settings { in_terminal: false }) => show_settings(),
        Some(Command::Doctor { listen, hold, in_terminal: false }) => {
            let verdict = examine(listen);
            if hold {
                setup::hold_window();
            }
            verdict
        }
        Some(Command::CheckConfig { file }) => check_config(file),
        Some(Command::DefaultConfig) => print(config::default_toml().trim_end_matches('\n')),
        Some(Command::ImportConfig { file, dry_run }) => import_config(&file, dry_run),
        Some(Command::Shortcut(command)) => bind(&command),
        Some(Command::Completions { shell, program }) => {
            v2m_messages::keep_to_english();
            let program = match program {
                Completed::V2m => Arguments::command(),
                Completed::Send => completions::send(),
            };
            print(completions::script(program, shell).trim_end_matches('\n'))
        }
        Some(Command::Decode { track, file }) => media::serve(&file, track),
    }
}

fn setup_in_full() -> String {
    [
        tr!("Set v2m up in a terminal, step by step, up to the first dictation"),
        tr!(
            "The steps are the microphone, the languages you speak, the service, the speech model, the key, where texts \
             go, GNOME's extension if it is installed, and a first dictation. Each can be skipped (s), repeated (run \
             `v2m setup` again) and undone: each says how."
        ),
    ]
    .join("\n\n")
}

fn set_up(options: setup::Options) -> ExitCode {
    match setup::run(options) {
        setup::End::Ready => ExitCode::SUCCESS,
        setup::End::Lacks(lack) => ExitCode::from(lack as u8),
        setup::End::Left => ExitCode::FAILURE,
        setup::End::NoTerminal => ExitCode::from(NO_TERMINAL),
    }
}

/// Runs v2m with these arguments in a new terminal, in place of this process. A desktop's user does
/// not see standard error, so a failure is also shown as a notification.
fn show(arguments: &[&str]) -> ExitCode {
    let why = terminal::show(arguments);
    plain::complain(&why);
    daemon::show_problem(
        &Failure::new(Code::Internal, &*why).in_brief(tr!("No terminal opens"), why),
    );
    ExitCode::FAILURE
}

/// Runs a separate program: the service should not link the drawing library.
fn show_settings() -> ExitCode {
    let beside = std::env::current_exe().map(|own| own.with_file_name("v2m-settings"));
    let program = beside.unwrap_or_else(|_| "v2m-settings".into());
    let error = std::process::Command::new(&program).exec();
    let program = program.display();
    plain::complain(tr!(
        "running {program}: {error}. Install v2m again: make install",
        program,
        error
    ));
    ExitCode::FAILURE
}

fn examine(listen: bool) -> ExitCode {
    let listen = if listen { doctor::Listen::Yes } else { doctor::Listen::IfWanted };
    match doctor::examine(&mut std::io::stdout().lock(), listen) {
        Ok(doctor::Verdict::Works) => ExitCode::SUCCESS,
        Ok(doctor::Verdict::Deaf) => ExitCode::from(DEAF),
        // If the findings cannot be printed, that is as bad as a bad one.
        Ok(doctor::Verdict::Broken) | Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> ExitCode {
    for (name, value) in deliver::environment::adopt() {
        // SAFETY: no other thread exists yet: `adopt` has ended the threads it used, and nothing
        // else has been started.
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

/// Answers waiting clients with the error. Left in the queue, they would make systemd start the
/// service again.
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
            // Beside this program, because it may not be on GNOME's own search path.
            let client = std::env::current_exe()
                .map_or_else(|_| "v2m-send".into(), |own| own.with_file_name("v2m-send"));
            shortcut::install(binding.as_deref(), purpose, &client).map(|is| {
                let how = if *continuous {
                    tr!("tap it, speak sentence after sentence, and tap it again")
                } else {
                    tr!("tap it, or hold it down while you speak")
                };
                let binding = is.binding;
                match purpose.language {
                    None => tr!("{binding} dictates: {how}.", binding, how),
                    Some(spoken::AUTO) => {
                        tr!("{binding} dictates and detects the language: {how}.", binding, how)
                    }
                    Some(code) => {
                        let language = spoken::name(code);
                        tr!("{binding} dictates in {language}: {how}.", binding, language, how)
                    }
                }
            })
        }
        Shortcut::List => shortcut::list().map(|all| {
            let line = |it: &shortcut::Shortcut| {
                tr!("{binding} runs {command}", binding = it.binding, command = it.command)
            };
            match &all[..] {
                [] => tr!("v2m has no shortcut. Set one: v2m shortcut install").to_owned(),
                all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
            }
        }),
        Shortcut::Remove { language, continuous } => {
            let one = language.is_some() || *continuous;
            let purpose = Purpose { language: language.map(|it| it.0), is_continuous: *continuous };
            shortcut::remove(one.then_some(purpose)).map(|count| match (count, language) {
                (0, Some(Language(code))) => {
                    let language = spoken::name(code);
                    tr!("There was no such shortcut for {language}.", language)
                }
                (0, None) if one => tr!("There was no such shortcut.").to_owned(),
                (0, None) => tr!("v2m had no shortcut.").to_owned(),
                (count, _) => {
                    tr!("The shortcut is removed." | "{n} shortcuts are removed." % count)
                }
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
            let head = if path.exists() {
                tr!("{path} is valid. In force:", path = path.display())
            } else {
                tr!("{path} does not exist: defaults. In force:", path = path.display())
            };
            let code = print(format_args!("{head}\n{:#}", settings.to_json()));
            if let Some(doubts) = doctor::doubts(&settings.llm, &path) {
                plain::complain(doubts);
            }
            code
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

/// Prints the requested text, made plain.
fn print(text: impl std::fmt::Display) -> ExitCode {
    plain::print(text).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Returns `$XDG_STATE_HOME/v2m/dictations`.
fn state_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let dirs = etcetera::base_strategy::Xdg::new().ok()?;
    let state: &Path = &dirs.state_dir()?;
    let dictations = state.join("v2m/dictations");
    info!(state = %state.display(), "dictations are kept in {}", dictations.display());
    Some(dictations)
}
