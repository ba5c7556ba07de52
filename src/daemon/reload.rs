//! Settings and models that change while the service runs.

use super::background::Chore;
use super::engine::Models;
use super::refusal::config_failure;
use super::requests::answer;
use super::{Daemon, Reply, effects, limits, refine};
use crate::call::Answer;
use crate::capture::Capture;
use crate::config::{self, ConfigError, Ignored, Settings, Translated, Updated};
use crate::session::{Code, EngineState, Failure, Notice};
use crate::text::Rules;
use crate::watch;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::{info, warn};

/// Tells when watched paths have changed; never, where they cannot be watched.
#[derive(Debug)]
pub(super) struct Changes(Option<watch::Watch>);

impl Changes {
    pub(super) fn of(paths: Vec<PathBuf>) -> Self {
        let watched = watch::paths(paths);
        Self(
            watched
                .inspect_err(|error| warn!(%error, "changes of files go unnoticed: {error}"))
                .ok(),
        )
    }

    /// Cancel-safe.
    pub(super) async fn changed(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }
}

pub(super) fn watch_config(path: &Path) -> Changes {
    Changes::of(vec![path.into()])
}

/// The folders of models, and the file that the settings name by its path.
pub(super) fn watch_models(models: &Models, settings: &Settings) -> Changes {
    let named = models.spec(settings).ok().map(|spec| spec.model);
    let path = Path::new(&settings.engine.model);
    let wanted = path.is_absolute().then(|| path.to_path_buf());
    Changes::of(models.folders().into_iter().chain(named).chain(wanted).collect())
}

/// Readings of the configuration and UPDATE_CONFIGs, one at a time: each reads the file that the one before it has written.
#[derive(Debug, Default)]
pub(super) struct Updates {
    pub(super) waiting: VecDeque<(Map<String, Value>, Reply)>,
    /// Who waits for the one under way.
    reply: Option<Reply>,
    /// The file has changed since it was read last.
    changed: bool,
    /// It is being read.
    reading: bool,
}

/// Settings that can be put in force.
#[derive(Debug)]
pub(super) struct Ready {
    settings: Settings,
    /// Where others are chosen. Making them takes time.
    rules: Option<Arc<Rules>>,
}

/// What an UPDATE_CONFIG came to.
#[derive(Debug)]
pub(super) struct Written {
    ready: Ready,
    applied: Vec<String>,
    restart: Vec<String>,
    ignored: Vec<Ignored>,
}

impl Ready {
    /// To be put in the place of `current`. For a thread that may take its time.
    fn new(settings: Settings, current: &Settings) -> Self {
        let differ = (&current.text, &current.engine.vocabulary)
            != (&settings.text, &settings.engine.vocabulary);
        let rules = differ.then(|| Arc::new(refine::rules(&settings)));
        Self { settings, rules }
    }
}

impl Updates {
    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        let waiting = self.waiting.drain(..).map(|(_, reply)| reply);
        for reply in waiting.chain(self.reply.take()) {
            answer(reply, Err(failure.clone()));
        }
    }
}

impl Daemon {
    pub(super) fn reload_config(&mut self) {
        self.updates.changed = true;
    }

    pub(super) fn config_read(&mut self, result: Result<Box<Ready>, ConfigError>) {
        self.updates.reading = false;
        match result {
            Ok(ready) => {
                self.config_mended();
                self.apply(*ready);
            }
            Err(error) => {
                warn!(%error, "the changed configuration is not valid; the old one stays in force: {error}");
                let failure = config_failure(&error);
                // Editors save more than once.
                if self.config_problem.as_ref() != Some(&failure) {
                    self.notify(Notice::Problem(failure.clone()));
                }
                self.config_problem = Some(failure);
            }
        }
    }

    fn config_mended(&mut self) {
        if self.config_problem.take().is_some() {
            self.mended(Code::BadConfig);
        }
    }

    /// Starts the next reading or UPDATE_CONFIG, if none is under way. Both wait for the disk: not in the event loop.
    pub(super) fn update_config(&mut self) {
        if self.updates.reply.is_some() || self.updates.reading {
            return;
        }
        let (path, current) = (self.config_path.clone(), self.settings.clone());
        if std::mem::take(&mut self.updates.changed) {
            self.updates.reading = true;
            self.chores.spawn_blocking(move || Chore::ConfigRead {
                result: config::load(&path, std::env::vars_os())
                    .map(|settings| Box::new(Ready::new(settings, &current))),
            });
            return;
        }
        let Some((partial, reply)) = self.updates.waiting.pop_front() else { return };
        self.updates.reply = Some(reply);
        let models = Arc::clone(&self.models);
        self.chores.spawn_blocking(move || Chore::ConfigUpdated {
            result: update(&models, &path, &current, &partial),
        });
    }

    pub(super) fn config_updated(&mut self, result: Result<Box<Written>, Failure>) {
        let result = result.map(|written| {
            let Written { ready, applied, restart, ignored } = *written;
            self.config_mended();
            self.apply(ready);
            let ignored = ignored.into_iter().map(|Ignored { key, reason }| (key, reason));
            Answer::ConfigUpdated { applied, restart, ignored: ignored.collect() }
        });
        if let Some(reply) = self.updates.reply.take() {
            answer(reply, result);
        }
    }

    fn apply(&mut self, ready: Ready) {
        let Ready { settings: new, rules } = ready;
        let (applied, restart) = config::changes(&self.settings, &new);
        if applied.is_empty() && restart.is_empty() {
            return;
        }
        let (now, later) = (applied.join(" "), restart.join(" "));
        let waits = if later.is_empty() { "" } else { "; after a restart: " };
        info!(applied = now, restart = later, "settings in force now: {now}{waits}{later}");
        let old = std::mem::replace(&mut self.settings, new);
        self.session.set_limits(limits(&self.settings));
        self.give_feedback(None);
        if old.deliver.notify && !self.settings.deliver.notify {
            self.screen.clear();
        }
        if let Err(error) = self.logging.set_level(self.settings.log.level.name()) {
            warn!(%error, "the log's level stays: {error}");
        }
        if old.store != self.settings.store {
            let retention = effects::retention(&self.settings);
            let kept = self.store.as_mut().map(|store| store.retain(retention));
            self.store_said(kept);
        }
        if let Some(rules) = rules {
            self.rules = rules;
        }
        if old.llm.provider.is_some() && self.settings.llm.provider.is_none() {
            tokio::spawn(crate::llm::close());
        }
        if old.capture.linger_seconds != self.settings.capture.linger_seconds {
            self.linger_changed = true;
        }
        let spec = self.models.spec(&self.settings);
        if spec != self.models.spec(&old) {
            self.model_stamp = self.models.stamp(&self.settings);
            self.models_watch = None;
            self.sleep.attend(&spec);
            self.recogniser.set_spec(spec);
        }
    }

    /// A new linger needs a new capture thread; a recording that runs keeps its own.
    pub(super) fn renew_capture(&mut self) {
        if !self.linger_changed || self.session.is_capturing() {
            return;
        }
        self.linger_changed = false;
        drop(self.capture.take());
        self.capture = Capture::spawn(self.settings.capture.linger())
            .inspect_err(|error| warn!(%error, "nothing can be recorded: {error}"))
            .ok();
    }

    /// A model came, went or changed. An engine that works on its old file is left alone.
    pub(super) fn reload_models(&mut self) {
        let stamp = self.models.stamp(&self.settings);
        let usable = matches!(
            self.recogniser.report().state,
            EngineState::Loading | EngineState::Warm | EngineState::Unloaded
        );
        if usable || stamp == self.model_stamp {
            return;
        }
        self.model_stamp = stamp;
        info!("the model's file has changed; it is loaded anew");
        let spec = self.models.spec(&self.settings);
        self.sleep.attend(&spec);
        self.recogniser.set_spec(spec);
    }
}

/// Blocking.
fn update(
    models: &Models,
    path: &Path,
    current: &Settings,
    partial: &Map<String, Value>,
) -> Result<Box<Written>, Failure> {
    let Translated { own, ignored, .. } = config::translate(partial, current);
    if let Some(model) = own.get("engine").and_then(|engine| engine["model"].as_str()) {
        models.check(model)?;
    }
    let updated = config::update(path, std::env::vars_os(), current, &own);
    let Updated { settings, applied, restart } = updated.map_err(|error| config_failure(&error))?;
    Ok(Box::new(Written { ready: Ready::new(settings, current), applied, restart, ignored }))
}
