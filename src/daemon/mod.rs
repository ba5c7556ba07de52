//! The wiring: one event loop, events in, [`Session::handle`], effects out.
//!
//! Only this room imports all others, and only `main` imports it. It decides nothing that `session`
//! can decide, and does nothing that an edge can do. [`Daemon`] consists of a few groups. Each
//! keeps its own state private, and has a step or a source of events.
//!
//! | group | file | content |
//! |---|---|---|
//! | `under_way` | `under_way`, `live` | the microphone, the store, and notes on each dictation |
//! | `engine` | `engine/`, `sleep` | the recogniser, its models, and suspend |
//! | `background` | `background/` | files and left-over recordings, transcribed when nobody dictates |
//! | `chores` | `chores` | blocking work in threads |
//! | `texts` | `texts/` | texts at a language model, and the last text |
//! | `desktop` | `desktop`, `handing`, `screen`, `shown`, `overlay`, `growth`, `feedback` |
//! everything the user sees and hears, and texts on their way there |
//! | `doors` | `doors` | waiting clients, and subscribers |
//! | `config` | `reload`, `changes` | the settings in force, and their file |
//! | `service` | `service`, `turns` | systemd's view: readiness, watchdog, shutdown |
//!
//! The code that connects them is here, and in these files:
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | the loop |
//! | `start`, `ending` | start-up and orderly shutdown |
//! | `effects` | executes the session's effects |
//! | `hearing` | from the microphone to the disk and to the recogniser |
//! | `recognised` | the recogniser's events |
//! | `rescue` | a dictation's second try, with another model |
//! | `previewing` | the words shown during speech |
//! | `refine` | transcript post-processing |
//! | `delivering` | texts on their way to the desktop and to the store |
//! | `requests` | clients' requests |
//! | `history/` | clients' requests about stored dictations |
//! | `refusal` | an invalid configuration |
//! | `journal` | journal messages about a dictation |
//! | `timers` | the session's timers |
//! | `upgrade` | programs replaced by an upgrade |

mod background;
mod changes;
mod chores;
mod delivering;
mod desktop;
mod doors;
mod effects;
mod ending;
mod engine;
mod feedback;
mod growth;
mod handing;
mod hearing;
mod history;
mod journal;
mod live;
mod overlay;
mod previewing;
mod recognised;
mod refine;
mod refusal;
mod reload;
mod requests;
mod rescue;
mod screen;
mod service;
mod shown;
mod sleep;
mod start;
mod texts;
mod timers;
mod turns;
mod under_way;
mod upgrade;

use crate::call::{Answer, Call, Request};
use crate::capture::CaptureOutput;
use crate::config::Settings;
use crate::session::{self, Failure, JobEvent, JobId, Session, SessionLimits, State};
use crate::store::StoreEvent;
use crate::telemetry::Figures;
use changes::Changes;
pub use refusal::{config_failure, show_problem, show_refusal, withdraw_refusal};
pub use start::{Start, run};
use std::collections::VecDeque;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tracing::info;

type Reply = oneshot::Sender<Result<Answer, Failure>>;

struct Daemon {
    session: Session,
    /// Events for the session. It gets one at a time, each with all its effects.
    untold: VecDeque<session::Event>,
    is_telling: bool,
    timers: timers::Timers,
    under_way: under_way::UnderWay,
    engine: engine::Engine,
    background: background::Background,
    /// The second try at the last dictation.
    rescue: Option<rescue::Rescue>,
    chores: chores::Chores,
    texts: texts::Texts,
    desktop: desktop::DesktopOutput,
    doors: doors::Doors,
    config: reload::Configuration,
    service: service::ServiceState,
}

/// Sources of the loop other than the groups themselves.
struct Inputs {
    calls: mpsc::Receiver<Call>,
    store: mpsc::Receiver<StoreEvent>,
    config: Changes,
    programs: upgrade::Programs,
    terminate: Signal,
    interrupt: Signal,
}

/// Returns the session limits of the settings. Call again when the settings or the presets change.
fn limits(settings: &Settings, texts: &texts::Texts) -> SessionLimits {
    SessionLimits {
        longest: settings.session.max_duration(),
        trigger: settings.trigger.mode,
        rewriting: texts.rewriting_wanted(settings),
        within: settings.llm.dictation(),
    }
}

/// Input of one turn of the loop.
enum LoopInput {
    Call(Call),
    Capture(CaptureOutput),
    Engine(engine::EngineEvent),
    Measured(Option<Figures>),
    Store(StoreEvent),
    Desktop(desktop::DesktopEvent),
    Text(texts::TextEvent),
    Chore(chores::Chore),
    Timer(session::Timer),
    Heartbeat,
    ConfigChanged,
    /// An upgrade may be replacing programs, or it is time to exit because one did.
    ProgramsChanged,
    Watchdog,
    /// A client has disconnected, or a file is slow to read; each turn checks both.
    FilesNeedAttention,
    Terminate,
}

/// Whether this input may lead to a text on the desktop.
fn is_about_a_text(input: &LoopInput) -> bool {
    match input {
        LoopInput::Text(_) => true,
        LoopInput::Desktop(event) => matches!(event, desktop::DesktopEvent::Handed(_)),
        LoopInput::Call(call) => {
            matches!(call.request, Request::Redeliver(_) | Request::Text(_) | Request::Undo)
        }
        _ => false,
    }
}

impl Daemon {
    async fn run(&mut self, inputs: &mut Inputs) {
        let version = env!("CARGO_PKG_VERSION");
        info!(version, "v2m {version} has started");
        while !self.service.is_ending() {
            let input = self.next(inputs).await;
            if matches!(input, LoopInput::ProgramsChanged) {
                inputs.programs.look();
            }
            if is_about_a_text(&input) {
                inputs.programs.used();
            }
            self.take(input);
            self.step();
            self.leave_to_newer_programs(&mut inputs.programs);
        }
    }

    /// Does the work of every turn.
    fn step(&mut self) {
        self.engine.allow_sleep();
        self.background_step();
        self.config.step(self.engine.models(), &mut self.chores);
        self.under_way.renew_capture(self.config.settings(), self.session.is_capturing());
        self.leave_ended_desktop();
        self.service.pace(matches!(self.session.state(), State::Idle | State::Paused));
    }

    async fn next(&mut self, inputs: &mut Inputs) -> LoopInput {
        let timer = self.timers.next();
        let watchdog = self.service.next_ping();
        let heartbeat = self.under_way.heartbeat_due();
        let leaving = inputs.programs.due();
        // Sources in order of urgency, unless one of them never stops reporting.
        macro_rules! one_of_the_others {
            ($($order:tt)*) => {
                tokio::select! {
                    $($order)*
                    Some(call) = inputs.calls.recv() => LoopInput::Call(call),
                    event = self.desktop.next() => LoopInput::Desktop(event),
                    event = self.texts.next() => LoopInput::Text(event),
                    event = self.engine.next(self.config.settings()) => LoopInput::Engine(event),
                    figures = self.doors.next() => LoopInput::Measured(figures),
                    Some(event) = inputs.store.recv() => LoopInput::Store(event),
                    () = self.background.attention() => LoopInput::FilesNeedAttention,
                    chore = self.chores.next() => LoopInput::Chore(chore),
                    () = at(timer.map(|(due, _)| due)) => match timer {
                        Some((_, timer)) => LoopInput::Timer(timer),
                        None => LoopInput::Watchdog,
                    },
                    () = at(heartbeat) => LoopInput::Heartbeat,
                    () = inputs.config.changed() => LoopInput::ConfigChanged,
                    () = inputs.programs.changed() => LoopInput::ProgramsChanged,
                    () = at(leaving) => LoopInput::ProgramsChanged,
                }
            };
        }
        let is_fair = self.service.turns.must_be_fair();
        tokio::select! {
            biased;
            _ = inputs.terminate.recv() => LoopInput::Terminate,
            _ = inputs.interrupt.recv() => LoopInput::Terminate,
            // However many clients ask, the service must report to the watchdog and take sound: it
            // arrives ten to fifty times a second, and is lost if not taken for ten seconds.
            () = at(watchdog) => LoopInput::Watchdog,
            output = self.under_way.heard() => LoopInput::Capture(output),
            input = async { if is_fair { one_of_the_others!() } else { one_of_the_others!(biased;) } } => input,
        }
    }

    fn take(&mut self, input: LoopInput) {
        self.service.turns.note(&input);
        match input {
            LoopInput::Call(call) => self.call(call),
            LoopInput::Capture(output) => self.captured(output),
            LoopInput::Engine(event) => self.engine_event(event),
            LoopInput::Measured(figures) => self.measured(figures),
            LoopInput::Store(event) => self.stored(event),
            LoopInput::Desktop(event) => self.desktop_event(event),
            LoopInput::Text(event) => self.text_event(event),
            LoopInput::Chore(chore) => self.chore_done(chore),
            LoopInput::Timer(timer) => {
                self.timers.disarm(timer);
                self.tell(session::Event::Elapsed(timer));
            }
            LoopInput::Heartbeat => self.heartbeat(),
            LoopInput::ConfigChanged => self.config.file_changed(),
            LoopInput::Watchdog => self.service.ping(),
            LoopInput::FilesNeedAttention | LoopInput::ProgramsChanged => {}
            LoopInput::Terminate => {
                info!("ending: systemd or Ctrl+C asked for it");
                self.tell(session::Event::Terminate);
            }
        }
    }

    /// Passes an event to the session and executes its effects. Events from these effects follow.
    fn tell(&mut self, event: session::Event) {
        self.untold.push_back(event);
        if std::mem::replace(&mut self.is_telling, true) {
            return;
        }
        while let Some(event) = self.untold.pop_front() {
            let effects = self.session.handle(event, self.service.uptime());
            self.desktop.follow(&self.session);
            self.note_reason(&effects);
            for effect in effects {
                self.carry_out(effect);
            }
        }
        self.is_telling = false;
    }

    fn tell_job(&mut self, job: JobId, event: JobEvent) {
        self.tell(session::Event::Job(job, event));
    }

    /// Exits, because a process cannot change to another desktop's display while its threads run.
    /// The next press starts a process that can.
    fn leave_ended_desktop(&mut self) {
        // The next process would not know that it is paused.
        let idle = self.session.state() == State::Idle && self.background.is_idle();
        if self.desktop.has_ended() && idle && !self.service.is_ending() {
            self.tell(session::Event::Terminate);
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
