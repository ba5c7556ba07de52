//! The current settings, and how they are replaced while the service runs.

use super::chores::{Chore, Chores};
use super::engine::Models;
use super::refusal::config_failure;
use super::requests::answer;
use super::{Daemon, Reply, limits, refine};
use crate::call::{Answer, Unfollowed};
use crate::config::{self, ConfigError, Ignored, Settings, Translated, Updated};
use crate::logging::Logging;
use crate::session::{Code, Failure, Notice};
use crate::text::Rules;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::{info, warn};
use v2m_messages::verbatim;

/// The current settings, and their file.
pub(super) struct Configuration {
    settings: Settings,
    path: PathBuf,
    /// Why the file is invalid. The previous settings remain in force in that case.
    problem: Option<Failure>,
    /// The text rules that the settings select.
    rules: Arc<Rules>,
    updates: Updates,
    logging: Logging,
}

impl Configuration {
    pub(super) fn new(settings: Settings, path: PathBuf, logging: Logging) -> Self {
        Self {
            rules: Arc::new(refine::rules(&settings)),
            settings,
            path,
            problem: None,
            updates: Updates::default(),
            logging,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Returns why the file is invalid. The previous settings remain in force in that case.
    pub(super) fn problem(&self) -> Option<&Failure> {
        self.problem.as_ref()
    }

    /// Notes that the file has changed.
    pub(super) fn file_changed(&mut self) {
        self.updates.changed = true;
    }

    /// Queues an UPDATE_CONFIG request.
    pub(super) fn update(&mut self, partial: Map<String, Value>, reply: Reply) {
        self.updates.waiting.push_back((partial, reply));
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        let waiting = self.updates.waiting.drain(..).map(|(_, reply)| reply);
        for reply in waiting.chain(self.updates.reply.take()) {
            answer(reply, Err(failure.clone()));
        }
    }

    /// Starts the next reload or UPDATE_CONFIG, if none is running, in a thread, because both wait
    /// for the disk.
    pub(super) fn step(&mut self, models: &Arc<Models>, chores: &mut Chores) {
        if self.updates.reply.is_some() || self.updates.reading {
            return;
        }
        let (path, current) = (self.path.clone(), self.settings.clone());
        if std::mem::take(&mut self.updates.changed) {
            self.updates.reading = true;
            chores.spawn_blocking(move || Chore::ConfigRead {
                result: config::load(&path, std::env::vars_os())
                    .map(|settings| Box::new(CheckedSettings::new(settings, &current))),
            });
            return;
        }
        let Some((partial, reply)) = self.updates.waiting.pop_front() else { return };
        self.updates.reply = Some(reply);
        let models = Arc::clone(models);
        chores.spawn_blocking(move || Chore::ConfigUpdated {
            result: update(&models, &path, &current, &partial),
        });
    }

    /// Replaces the current settings. Returns the previous ones.
    fn replace(&mut self, ready: CheckedSettings) -> Settings {
        let CheckedSettings { settings, rules } = ready;
        if let Some(rules) = rules {
            self.rules = rules;
        }
        let old = std::mem::replace(&mut self.settings, settings);
        if let Err(error) = self.logging.set_level(self.settings.log.level.name()) {
            warn!(%error, "the log's level stays: {error}");
        }
        old
    }
}

/// Reloads of the configuration and UPDATE_CONFIG requests, one at a time, because each reads the
/// file that the previous one wrote.
#[derive(Debug, Default)]
struct Updates {
    waiting: VecDeque<(Map<String, Value>, Reply)>,
    /// The client of the current UPDATE_CONFIG.
    reply: Option<Reply>,
    /// Whether the file has changed since it was last read.
    changed: bool,
    /// Whether the file is being read.
    reading: bool,
}

/// Settings that have been checked and can take effect.
#[derive(Debug)]
pub(super) struct CheckedSettings {
    settings: Settings,
    /// The text rules, if they differ from the current ones. Building them takes time.
    rules: Option<Arc<Rules>>,
}

/// The result of an UPDATE_CONFIG.
#[derive(Debug)]
pub(super) struct UpdateResult {
    ready: CheckedSettings,
    applied: Vec<String>,
    restart: Vec<String>,
    ignored: Vec<Unfollowed>,
}

impl CheckedSettings {
    /// Prepares settings that replace `current`. Takes time, so call it in a thread.
    fn new(settings: Settings, current: &Settings) -> Self {
        let differ = (&current.text, &current.engine.vocabulary)
            != (&settings.text, &settings.engine.vocabulary);
        let rules = differ.then(|| Arc::new(refine::rules(&settings)));
        Self { settings, rules }
    }
}

impl Daemon {
    pub(super) fn config_read(&mut self, result: Result<Box<CheckedSettings>, ConfigError>) {
        self.config.updates.reading = false;
        match result {
            Ok(ready) => {
                self.config_mended();
                self.apply(*ready);
            }
            Err(error) => {
                warn!(%error, "the changed configuration is not valid; the old one stays in force: {error}");
                let failure = config_failure(&error);
                // Editors save more than once, and one notification is enough.
                if self.config.problem.as_ref() != Some(&failure) {
                    self.notify(Notice::Problem(failure.clone()));
                }
                self.config.problem = Some(failure);
            }
        }
    }

    fn config_mended(&mut self) {
        if self.config.problem.take().is_some() {
            self.desktop.mended(Code::BadConfig);
        }
    }

    pub(super) fn config_updated(&mut self, result: Result<Box<UpdateResult>, Failure>) {
        let result = result.map(|written| {
            let UpdateResult { ready, applied, restart, ignored } = *written;
            self.config_mended();
            self.apply(ready);
            Answer::ConfigUpdated { applied, restart, ignored }
        });
        if let Some(reply) = self.config.updates.reply.take() {
            answer(reply, result);
        }
    }

    fn apply(&mut self, ready: CheckedSettings) {
        let (applied, restart) = config::changes(self.config.settings(), &ready.settings);
        if applied.is_empty() && restart.is_empty() {
            return;
        }
        let (now, later) = (applied.join(" "), restart.join(" "));
        let waits = verbatim!(if later.is_empty() { "" } else { "; after a restart: " });
        info!(applied = now, restart = later, "settings in force now: {now}{waits}{later}");
        let old = self.config.replace(ready);
        let new = self.config.settings();
        self.session.set_limits(limits(new, &self.texts));
        self.desktop.quiet(self.session.state(), new);
        self.desktop.set(&old, new);
        if old.store != new.store {
            self.under_way.retain(new);
        }
        if old.llm.provider.is_some() && new.llm.provider.is_none() {
            tokio::spawn(crate::unit::LLM.close());
        }
        if old.server().is_some() && new.server().is_none() {
            tokio::spawn(crate::unit::REMOTE.close());
        }
        if old.capture.linger_seconds != new.capture.linger_seconds {
            self.under_way.linger_changed();
        }
        self.engine.set(&old, new);
    }
}

/// Writes the changes to the file. Blocking.
fn update(
    models: &Models,
    path: &Path,
    current: &Settings,
    partial: &Map<String, Value>,
) -> Result<Box<UpdateResult>, Failure> {
    let Translated { own, ignored, .. } = config::translate(partial, current);
    if let Some(model) = own.get("engine").and_then(|engine| engine["model"].as_str()) {
        models.check(model)?;
    }
    if let Some(model) = own.get("engine").and_then(|engine| engine["preview"].as_str()) {
        models.check_preview(model)?;
    }
    models.check_safe(&own, current)?;
    let updated = config::update(path, std::env::vars_os(), current, &own);
    let Updated { settings, applied, restart } = updated.map_err(|error| config_failure(&error))?;
    let unknown = |Ignored { key, reason }| Unfollowed::without_effect(key, reason);
    let mut ignored: Vec<_> = ignored.into_iter().map(unknown).collect();
    // If the model or its settings changed, report at once what the model cannot follow.
    if own.contains_key("engine") {
        ignored.extend(models.unfollowed(&settings));
    }
    Ok(Box::new(UpdateResult {
        ready: CheckedSettings::new(settings, current),
        applied,
        restart,
        ignored,
    }))
}
