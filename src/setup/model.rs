//! The speech model: recommended for this machine, downloaded by `v2m-model`, and selected.

use super::configuration::{self, Configuration};
use super::dialogue::{Choice, Dialogue, Stop};
use super::measure::{self, Speed};
use super::outcome::{Lack, Outcome, Report};
use super::{Step, languages, service};
use serde::Deserialize;
use serde_json::json;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use v2m_ipc::backend::Backend;
use v2m_messages::{tr, verbatim};
use v2m_models::catalogue::{self, Form, Purpose};
use v2m_models::fit;

/// `v2m-model`'s exit code for a model that could not be downloaded.
const NOT_FETCHED: i32 = 4;
/// `v2m-model`'s exit code if a system call failed, such as for lack of disk space.
const SYSTEM: i32 = 1;

/// A model, as listed by `v2m-model list --json`.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    name: String,
    bytes: u64,
    licence: Option<String>,
    licensor: Option<String>,
    /// How it suits this machine; `None`: unknown.
    fit: Option<String>,
    recommended: bool,
    /// The file, if it is installed.
    path: Option<PathBuf>,
}

impl Row {
    /// Describes size and licence, and the effect of choosing it.
    fn told(&self) -> String {
        let (name, megabytes) = (&self.name, (self.bytes + 500_000) / 1_000_000);
        if self.path.is_some() {
            return tr!("{name}: installed, {megabytes} MB", name, megabytes);
        }
        let licence = self.licence.as_deref().unwrap_or("?");
        let licensor = self.licensor.as_deref().unwrap_or("?");
        tr!(
            "{name}: {megabytes} MB to download, licence {licence} ({licensor})",
            name,
            megabytes,
            licence,
            licensor
        )
    }

    fn has_no_room(&self) -> bool {
        self.path.is_none() && self.fit.as_deref() == Some("disk")
    }
}

/// The set-up's changes to models, however often one was chosen.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The previously selected model, if it was installed: otherwise it cannot be selected again.
    original: Option<String>,
    is_begun: bool,
    /// Downloaded models, in order.
    fetched: Vec<String>,
}

impl History {
    /// Notes the selected model, unless one was noted before.
    fn begin(&mut self, selected: &str, is_installed: bool) {
        if !self.is_begun {
            self.is_begun = true;
            self.original = is_installed.then(|| selected.to_owned());
        }
    }

    /// Returns the commands that undo everything, while `selected` is selected.
    fn undo(&self, selected: &str) -> Vec<String> {
        let mut commands = Vec::new();
        if let Some(original) = self.original.as_ref().filter(|name| *name != selected) {
            let value = configuration::written(&json!(original));
            commands.push(verbatim!(format!("v2m-send config set engine.model={value}")));
        }
        commands.extend(self.fetched.iter().map(|name| {
            let is_in_use = self.original.is_none() && name == selected;
            verbatim!(format!("v2m-model rm{} {name}", if is_in_use { " --force" } else { "" }))
        }));
        commands
    }
}

/// Lets the user choose a model, downloads it if necessary, and selects it.
///
/// Each selected model is reported at once: it stays selected if the next one fails, or the user
/// leaves.
pub(super) fn choose(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
) -> Result<Outcome, Stop> {
    let rows = match rows() {
        Ok(rows) => rows,
        Err(problem) => {
            dialogue.say(&problem);
            return Ok(Outcome::missing(Lack::Model, problem));
        }
    };
    let selected = configuration.settings().engine.model.clone();
    let is_installed = v2m_models::paths::resolve(&selected).is_ok();
    report.models.begin(&selected, is_installed);
    if !dialogue.asks() {
        return Ok(by_default(dialogue, configuration, report, &rows, &selected, is_installed));
    }
    let speed = if is_installed { measured(dialogue, &selected) } else { None };
    let mut default = recommended(&rows, speed.as_ref());
    loop {
        let row =
            one_of(dialogue, configuration, &rows, &default, is_installed.then_some(&selected))?;
        let outcome = take(dialogue, configuration, report, &row);
        if matches!(outcome, Outcome::Missing { lack: Lack::Model, .. }) {
            if dialogue.yes(tr!("Choose another model, or try again?"), true)? {
                continue;
            }
            return Ok(outcome);
        }
        // A model measured at the beginning is not measured again.
        let is_new = !is_installed || selected != row.name;
        let Some(speed) = is_new.then(|| measured(dialogue, &row.name)).flatten() else {
            return Ok(outcome);
        };
        let faster = recommended(&rows, Some(&speed));
        if is_slower(&row.name, &faster) {
            dialogue.say(tr!("That is a long wait. A faster model: {faster}", faster));
            if dialogue.yes(tr!("Choose again?"), true)? {
                default = faster;
                continue;
            }
        }
        return Ok(outcome);
    }
}

/// Chooses without questions: the configured model, or else the recommended one.
fn by_default(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
    rows: &[Row],
    selected: &str,
    is_installed: bool,
) -> Outcome {
    let name = if is_installed || selected != catalogue::DEFAULT {
        selected.to_owned()
    } else {
        recommended(rows, None)
    };
    match rows.iter().find(|row| row.name == name) {
        Some(row) if row.has_no_room() => {
            let why = no_room(&name);
            dialogue.say(&why);
            Outcome::missing(Lack::Model, why)
        }
        Some(row) => take(dialogue, configuration, report, row),
        // A file of the user's own.
        None if is_installed => {
            dialogue.say(&name);
            Outcome::unchanged(name)
        }
        None => {
            let why = tr!("the model {name} is not installed, and nobody publishes it", name);
            dialogue.say(&why);
            Outcome::missing(Lack::Model, why)
        }
    }
}

/// Shows the suitable models, and asks for one.
fn one_of(
    dialogue: &mut Dialogue,
    configuration: &Configuration,
    rows: &[Row],
    default: &str,
    current: Option<&String>,
) -> Result<Row, Stop> {
    let mut offered: Vec<&Row> = Vec::new();
    let mut offer = |name: &str| {
        let found = rows.iter().find(|row| row.name == name);
        if let Some(row) = found.filter(|row| offered.iter().all(|known| known.name != row.name)) {
            offered.push(row);
        }
    };
    offer(default);
    if let Some(current) = current {
        offer(current);
    }
    for other in fit::beside(default) {
        offer(other);
    }
    let program = std::env::current_exe().unwrap_or_default();
    // An engine for a GPU alone may find no GPU.
    let engine = Backend::Cpu.gguf_program();
    let has_gguf = engine.is_some_and(|engine| program.with_file_name(engine).is_file());
    if has_gguf && languages::only_english(configuration) {
        let english = catalogue::all()
            .iter()
            .filter(|model| model.form == Form::Gguf && model.purpose == Purpose::Text);
        english.for_each(|model| offer(model.name));
    }
    let lines: Vec<String> = offered
        .iter()
        .map(|row| {
            let told = row.told();
            if row.name == default { tr!("{model} (recommended)", model = told) } else { told }
        })
        .collect();
    loop {
        let question = tr!("Which model? A number, or any name from `v2m-model list`");
        let row = match dialogue.choose(question, &lines, 0)? {
            Choice::Number(number) => offered[number],
            Choice::Other(name) => match rows.iter().find(|row| row.name == name) {
                Some(row) if is_for_previews(&row.name) => {
                    dialogue.say(tr!(
                        "{name} only shows words while you speak. Choose another one for the text.",
                        name
                    ));
                    continue;
                }
                Some(row) => row,
                None => {
                    dialogue
                        .say(tr!("There is no model {name}. All of them: v2m-model list", name));
                    continue;
                }
            },
        };
        if row.has_no_room() {
            dialogue.say(no_room(&row.name));
            continue;
        }
        return Ok(row.clone());
    }
}

/// Whether the model is for previews only.
fn is_for_previews(name: &str) -> bool {
    catalogue::find(name).is_some_and(|model| model.purpose == Purpose::Preview)
}

fn no_room(name: &str) -> String {
    tr!("The disk has no room for {name}. Make room, or choose a smaller one.", name)
}

/// Downloads the model if necessary, and selects it.
fn take(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
    row: &Row,
) -> Outcome {
    let name = &row.name;
    dialogue.say(row.told());
    // It may have been downloaded since the list was made.
    let is_new = v2m_models::paths::resolve(name).is_err();
    if is_new {
        if let Err(why) = fetch(name) {
            dialogue.say(&why);
            return Outcome::missing(Lack::Model, why);
        }
        report.models.fetched.push(name.clone());
    }
    if let Err(error) = configuration.set(&[("engine", "model", json!(name))]) {
        dialogue.say(error.to_string());
        return configuration::failed(&error);
    }
    let outcome = Outcome::Done { state: name.clone(), undo: report.models.undo(name) };
    report.add(Step::Model, outcome.clone());
    outcome
}

/// Downloads the model in the foreground: `v2m-model` shows the progress, and resumes an
/// interrupted download.
fn fetch(name: &str) -> Result<(), String> {
    let mut command = Command::new(program());
    let status = command.args(["pull", name]).stdin(Stdio::null()).status();
    let status = status.map_err(|error| tr!("running v2m-model: {error}", error))?;
    if status.success() {
        return Ok(());
    }
    Err(match (status.code(), status.signal()) {
        (_, Some(_)) => tr!("the download was interrupted; what was downloaded is kept").to_owned(),
        (Some(NOT_FETCHED), _) => tr!(
            "{name} could not be downloaded, for the reason above. Check the network; the next try continues \
             where this one stopped",
            name
        ),
        (Some(SYSTEM), _) => {
            tr!(
                "{name} could not be stored, for the reason above. Make room on the disk, or choose a smaller model",
                name
            )
        }
        _ => tr!("{name} could not be installed, for the reason above", name),
    })
}

/// Reports how fast the service transcribes with that model; `None` if it does not.
fn measured(dialogue: &mut Dialogue, model: &str) -> Option<Speed> {
    service::answers().ok()?;
    dialogue.say(tr!("Measuring this machine with {model}; this takes some seconds.", model));
    match measure::measure(model) {
        Ok(speed) => {
            if speed.is_over {
                let (sound, seconds) =
                    (format_args!("{:.0}", speed.sound).to_string(), speed.seconds);
                dialogue.say(tr!(
                    "{sound} s of speech take more than {seconds} s with {model}.",
                    sound,
                    seconds,
                    model
                ));
            } else {
                tell(dialogue, &speed);
            }
            if measure::is_busy() {
                dialogue.say(tr!(
                    "Other programs keep the processor busy, so this measurement is not reliable."
                ));
                return None;
            }
            Some(speed)
        }
        Err(problem) => {
            dialogue.say(tr!("This machine cannot be measured: {problem}", problem));
            None
        }
    }
}

fn tell(dialogue: &mut Dialogue, speed: &Speed) {
    let model = &speed.model;
    dialogue.say(tr!(
        "{sound} s of speech take {seconds} s with {model} ({device}). While you dictate, most of it is \
         done before you stop.",
        sound = format_args!("{:.0}", speed.sound),
        seconds = format_args!("{:.1}", speed.seconds),
        model,
        device = speed.device
    ));
}

/// Returns the model for this machine: by the measurement, or else by its cores, memory and GPU.
fn recommended(rows: &[Row], speed: Option<&Speed>) -> String {
    let by_hardware =
        || rows.iter().find(|row| row.recommended).map_or(catalogue::DEFAULT, |row| &row.name);
    let Some(measured) = speed.and_then(Speed::of_published) else {
        return by_hardware().to_owned();
    };
    let may = |name: &str| {
        let fit = rows.iter().find(|row| row.name == name).and_then(|row| row.fit.as_deref());
        !matches!(fit, Some("memory" | "disk"))
    };
    fit::by_measure(&measured, may).name.to_owned()
}

/// Whether `faster` needs less work than `model`.
fn is_slower(model: &str, faster: &str) -> bool {
    let bytes = |name: &str| catalogue::find(name).map(|model| model.bytes);
    matches!((bytes(model), bytes(faster)), (Some(model), Some(faster)) if faster < model)
}

fn rows() -> Result<Vec<Row>, String> {
    let output =
        Command::new(program()).args(["list", "--json"]).stdin(Stdio::null()).output().map_err(
            |error| tr!("running v2m-model: {error}. Install v2m again: make install", error),
        )?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        tr!("reading the list of models: {error}. Install v2m again: make install", error)
    })
}

fn program() -> PathBuf {
    let beside = std::env::current_exe().map(|own| own.with_file_name("v2m-model"));
    beside.ok().filter(|program| program.is_file()).unwrap_or_else(|| "v2m-model".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_chosen_again_is_undone_to_the_one_before_the_first() {
        let mut history = History::default();
        history.begin("base", true);
        assert_eq!(history.undo("base"), [""; 0]);
        history.fetched.push("large".into());
        history.begin("large", true);
        history.fetched.push("small".into());
        let commands =
            ["v2m-send config set engine.model=base", "v2m-model rm large", "v2m-model rm small"];
        assert_eq!(history.undo("small"), commands);
        // Back at the original model: only the download is undone.
        assert_eq!(history.undo("base"), commands[1..]);
    }

    #[test]
    fn only_a_model_in_use_is_removed_by_force() {
        let mut history = History::default();
        history.begin("base", false);
        history.fetched = vec!["large".into(), "small".into()];
        assert_eq!(history.undo("small"), ["v2m-model rm large", "v2m-model rm --force small"]);
    }
}
