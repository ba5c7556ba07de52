//! The wiring: one event loop, events in, [`Session::handle`], effects out.
//!
//! Only this room sees every other; only `main` names it. It decides nothing that `session` can
//! decide, and does nothing that an edge can do. [`Daemon`] is a handful of groups: each keeps its
//! own state to itself, and has a step or a source of events of its own.
//!
//! | group | file | what it has |
//! |---|---|---|
//! | `under_way` | `under_way`, `live` | the microphone, the store, and what is noted of each dictation |
//! | `engine` | `engine/`, `sleep` | the recogniser, its models, and the machine's sleep |
//! | `background` | `background/` | files and left-over recordings, transcribed when nobody dictates |
//! | `chores` | `chores` | blocking work in threads |
//! | `texts` | `texts/` | what a language model has, and the last text |
//! | `desktop` | `desktop`, `handing`, `screen`, `shown`, `overlay`, `growth`, `feedback` | what the user sees and hears, and texts on their way there |
//! | `doors` | `doors` | clients that wait, and subscribers |
//! | `config` | `reload`, `changes` | the settings in force, and their file |
//! | `service` | `service`, `turns` | systemd's view: ready, alive, ending |
//!
//! What passes between them is here, and in these files:
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | the loop |
//! | `start`, `ending` | set-up, the orderly end |
//! | `effects` | executes the session's effects |
//! | `hearing` | from the microphone to the disk and to the recogniser |
//! | `recognised` | what the recogniser tells |
//! | `previewing` | the words that are shown while somebody speaks |
//! | `refine` | what was heard, made into what is delivered |
//! | `delivering` | texts on their way to the desktop and to the store |
//! | `requests` | what clients ask |
//! | `history/` | what clients ask of the dictations that the store keeps |
//! | `refusal` | a configuration that is not valid |
//! | `journal` | what the journal says of a dictation |
//! | `timers` | the session's timers |
//! | `upgrade` | programs that an upgrade replaces |

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
    /// What the session was not told yet: it is told one thing after the other, each with all its
    /// effects.
    untold: VecDeque<session::Event>,
    is_telling: bool,
    timers: timers::Timers,
    under_way: under_way::UnderWay,
    engine: engine::Engine,
    background: background::Background,
    chores: chores::Chores,
    texts: texts::Texts,
    desktop: desktop::DesktopOutput,
    doors: doors::Doors,
    config: reload::Configuration,
    service: service::ServiceState,
}

/// Sources of the loop beside the groups themselves.
struct Inputs {
    calls: mpsc::Receiver<Call>,
    store: mpsc::Receiver<StoreEvent>,
    config: Changes,
    programs: upgrade::Programs,
    terminate: Signal,
    interrupt: Signal,
}

/// What the settings say of the session. To be told anew when they change, or the presets do.
fn limits(settings: &Settings, texts: &texts::Texts) -> SessionLimits {
    SessionLimits {
        longest: settings.session.max_duration(),
        trigger: settings.trigger.mode,
        rewriting: texts.rewriting_wanted(settings),
        within: settings.llm.dictation(),
    }
}

/// What one turn of the loop has to deal with.
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
    /// An upgrade replaces programs, perhaps, or it is time to leave because one did.
    ProgramsChanged,
    Watchdog,
    /// A client has left, or a file is read slowly; both are looked at in every turn.
    FilesNeedAttention,
    Terminate,
}

/// Whether a text comes to the desktop, or may.
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

    /// What is looked at in every turn.
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
        // The sources whose order says what is more urgent where several have something to tell,
        // unless one of them never stops telling.
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
            // Nobody who asks for something keeps the service from saying that it lives, nor from hearing: what is said comes ten to
            // fifty times a second, however many ask, and is lost when nobody takes it for ten seconds.
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

    /// Tells the session, and executes its effects. What an effect has to tell in turn is told
    /// after them.
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

    /// A process cannot take over another desktop's display while its threads run: the next press
    /// starts one that can.
    fn leave_ended_desktop(&mut self) {
        // Paused is a state that the next process would not know.
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
