//! The wiring: one event loop, events in, [`Session::handle`], effects out.
//!
//! Only this room sees every other; only `main` names it. It decides nothing that `session` can
//! decide, and does nothing that an edge can do: it owns tickets, timers and what is known of the
//! dictations under way, and passes things on.
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | set-up, the loop, the orderly end |
//! | `effects` | what the session asks for, done |
//! | `incoming` | what the edges say, told to the session |
//! | `requests` | requests that do not concern the session |
//! | `background` | files and left-over recordings, transcribed when nobody is waiting |
//! | `feedback` | what there is to hear of a dictation |
//! | `texts` | what a language model is asked: a dictation's text, and clients' |
//! | `handing` | texts on their way to the desktop, one after the other |
//! | `refine` | what was heard, made into what is delivered |
//! | `engine` | which engine and model the settings mean |
//! | `reload` | settings and models that change while it runs |
//! | `sleep` | what is done before the machine sleeps |
//! | `journal` | what the journal says of a dictation |
//! | `live` | the dictations under way: length, peak, level, where the text is wanted |
//! | `screen` | what the user is shown, and in which notification |
//! | `growth` | the text as it grows, unless a password field has the keyboard or the screen is locked |
//! | `timers` | the session's timers |
//! | `turns` | nobody has all the loop's turns |

mod background;
mod effects;
mod engine;
mod feedback;
mod growth;
mod handing;
mod incoming;
mod journal;
mod live;
mod refine;
mod refusal;
mod reload;
mod requests;
mod screen;
mod sleep;
mod texts;
mod timers;
mod turns;

use crate::call::{Answer, Call, Event, Wishes};
use crate::capture::{Capture, CaptureOutput};
use crate::config::Settings;
use crate::deliver::Presses;
use crate::deliver::environment::DisplayServer;
use crate::logging::Logging;
use crate::recognise::{RecogniseEvent, Recogniser, Stamp};
use crate::session::{self, Failure, Limits, Session, State, Ticket};
use crate::store::{Store, StoreEvent};
use crate::suspend::SuspendEvent;
use crate::telemetry::{Figures, Machine, Telemetry};
use crate::text::Rules;
use crate::{dbus, server, systemd};
use refusal::note_file;
pub use refusal::{config_failure, show_refusal, withdraw_refusal};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

/// Calls that may wait for the loop; doors wait beyond that.
const CALLS: usize = 64;
/// Events a subscriber may be behind before it loses its connection: some 20 s of levels.
const EVENTS: usize = 256;
/// How long the end waits for answers to be written and for the disk.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What the daemon is started with.
#[derive(Debug)]
pub struct Start {
    /// The listening socket.
    pub listener: std::os::unix::net::UnixListener,
    /// The configuration file.
    pub config_path: PathBuf,
    /// The settings in force.
    pub settings: Settings,
    /// Where dictations are kept.
    pub store: PathBuf,
    /// The log, for changes of its level.
    pub logging: Logging,
}

type Reply = oneshot::Sender<Result<Answer, Failure>>;

struct Daemon {
    session: Session,
    settings: Settings,
    config_path: PathBuf,
    /// What is wrong with the configuration file, where settings from before it are in force.
    config_problem: Option<Failure>,
    logging: Logging,
    capture: Option<Capture>,
    recogniser: Recogniser,
    sleep: sleep::Sleep,
    store: Option<Store>,
    screen: screen::Screen,
    feedback: feedback::Feedback,
    handing: handing::Handing,
    texts: texts::Texts,
    /// What the client wishes whose command the session is being told: for the dictation that it may start.
    wishes: Wishes,
    /// Where dictations are kept.
    dictations: PathBuf,
    tickets: HashMap<Ticket, Reply>,
    last_ticket: u64,
    /// When a shortcut was pressed last, as far as it sends a command: it may still be down.
    last_press: Option<Instant>,
    /// All of them, as far as texts to come need them.
    presses: Presses,
    timers: timers::Timers,
    live: live::Dictations,
    background: background::Background,
    updates: reload::Updates,
    trials: refine::Trials,
    /// Which source has had how many turns in a row.
    turns: turns::Turns,
    /// Blocking work under way.
    chores: JoinSet<background::Chore>,
    events: broadcast::Sender<Event>,
    telemetry: Telemetry,
    /// Who waits for a reading of the machine's figures.
    status_asked: Vec<Reply>,
    watchdog: systemd::Watchdog,
    models: Arc<engine::Models>,
    /// The model's file as it was when it was last loaded.
    model_stamp: Option<Stamp>,
    /// Made anew when the settings name another model.
    models_watch: Option<reload::Changes>,
    linger_changed: bool,
    /// As the settings choose them.
    rules: Arc<Rules>,
    started: Instant,
    announced: bool,
    /// The desktop that this process knows has ended: its clipboard cannot be reached any more.
    display_ended: bool,
    exiting: bool,
}

/// Sources of the loop beside the rooms themselves.
struct Inputs {
    calls: mpsc::Receiver<Call>,
    store: mpsc::Receiver<StoreEvent>,
    config: reload::Changes,
    display: DisplayServer,
    terminate: Signal,
    interrupt: Signal,
}

/// Runs until a SHUTDOWN or SIGTERM has been carried out.
///
/// # Errors
/// When the runtime or its signal handlers cannot be had.
pub fn run(start: Start) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(serve(start));
    // Blocking chores (a file being read) must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn serve(start: Start) -> std::io::Result<()> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let listener = tokio::net::UnixListener::from_std(start.listener)?;
    let (calls, calls_in) = mpsc::channel(CALLS);
    let (events, _) = broadcast::channel(EVENTS);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(server::serve(listener, calls.clone(), events.clone(), stopped));
    let (store_events, store_in) = mpsc::channel(64);
    let models = Arc::new(engine::Models::from_env());
    let mut inputs = Inputs {
        calls: calls_in,
        store: store_in,
        config: reload::watch_config(&start.config_path),
        display: DisplayServer::watch().await,
        terminate,
        interrupt,
    };
    let scratch = start.store.clone();
    let store = Store::spawn(start.store, effects::retention(&start.settings), store_events)
        .inspect_err(|error| error!(%error, "dictations cannot be kept: {error}"))
        .ok();
    let capture = Capture::spawn(start.settings.capture.linger())
        .inspect_err(|error| error!(%error, "nothing can be recorded: {error}"))
        .ok();
    let spec = models.spec(&start.settings);
    let mut sleep = sleep::Sleep::default();
    sleep.attend(&spec);
    let mut daemon = Daemon {
        session: Session::new(limits(&start.settings), 1),
        recogniser: Recogniser::new(spec),
        sleep,
        logging: start.logging,
        capture,
        store,
        screen: screen::Screen::new(note_file("notification"), note_file("notification-aside")),
        feedback: feedback::Feedback::new(),
        handing: handing::Handing::new(),
        texts: texts::Texts::new(&start.config_path),
        config_path: start.config_path,
        config_problem: None,
        wishes: Wishes::default(),
        dictations: scratch.clone(),
        tickets: HashMap::new(),
        last_ticket: 0,
        last_press: None,
        presses: Presses::default(),
        timers: timers::Timers::default(),
        live: live::Dictations::default(),
        background: background::Background::new(scratch),
        updates: reload::Updates::default(),
        trials: refine::Trials::default(),
        turns: turns::Turns::default(),
        chores: JoinSet::new(),
        telemetry: Telemetry::new(Machine::new()),
        status_asked: Vec::new(),
        watchdog: systemd::Watchdog::from_env(),
        model_stamp: models.stamp(&start.settings),
        models_watch: None,
        linger_changed: false,
        models,
        rules: Arc::new(refine::rules(&start.settings)),
        settings: start.settings,
        events: events.clone(),
        started: Instant::now(),
        announced: false,
        display_ended: false,
        exiting: false,
    };
    // Beside the loop, which answers its commands; a bus that is slow or away delays nothing.
    let at_start = (daemon.session.state(), daemon.recogniser.report().state);
    let events = events.subscribe();
    let bus = tokio::spawn(async move {
        match dbus::serve(None, calls, events, at_start.0, at_start.1).await {
            Ok(_door) => std::future::pending().await,
            Err(error) => info!(%error, "no interface on the session bus: {error}"),
        }
    });
    daemon.screen.progress(crate::deliver::Notice::Tidy);
    if daemon.settings.llm.provider.is_none() {
        tokio::spawn(crate::llm::close());
    }
    daemon.turn(&mut inputs).await;
    bus.abort();
    daemon.end(stop, server, inputs.store).await;
    Ok(())
}

fn limits(settings: &Settings) -> Limits {
    Limits { longest: settings.session.max_duration(), trigger: settings.trigger.mode }
}

/// What one turn of the loop has to deal with.
enum Input {
    Call(Call),
    Capture(CaptureOutput),
    Recogniser(RecogniseEvent),
    Sleep(SuspendEvent),
    Measured(Option<Figures>),
    Store(StoreEvent),
    Delivered(handing::Handed),
    Text(texts::TextEvent),
    Chore(background::Chore),
    Timer(session::Timer),
    Heartbeat,
    ConfigChanged,
    ModelsChanged,
    Watchdog,
    /// The desktop that this process was given is gone.
    DisplayEnded,
    /// A client has left, or a file is read slowly; both are looked at in every turn.
    FilesNeedAttention,
    Terminate,
}

impl Daemon {
    async fn turn(&mut self, inputs: &mut Inputs) {
        let version = env!("CARGO_PKG_VERSION");
        info!(version, "v2m {version} has started");
        while !self.exiting {
            let input = self.next(inputs).await;
            self.take(input);
            self.allow_sleep();
            self.background_step();
            self.update_config();
            self.renew_capture();
            self.leave_ended_desktop();
            self.pace();
        }
    }

    async fn next(&mut self, inputs: &mut Inputs) -> Input {
        let timer = self.timers.next();
        let watchdog = self.watchdog.next_ping().map(|wait| Instant::now() + wait);
        let models_watch = self
            .models_watch
            .get_or_insert_with(|| reload::watch_models(&self.models, &self.settings));
        let heartbeat = self.live.heartbeat_due();
        // The sources whose order says what is more urgent where several have something to tell, unless one of them never stops telling.
        macro_rules! one_of_the_others {
            ($($order:tt)*) => {
                tokio::select! {
                    $($order)*
                    Some(call) = inputs.calls.recv() => Input::Call(call),
                    handed = self.handing.next() => Input::Delivered(handed),
                    event = self.texts.next() => Input::Text(event),
                    event = self.recogniser.next() => Input::Recogniser(event),
                    event = self.sleep.next() => Input::Sleep(event),
                    figures = self.telemetry.next() => Input::Measured(figures),
                    Some(event) = inputs.store.recv() => Input::Store(event),
                    () = self.background.attention() => Input::FilesNeedAttention,
                    Some(chore) = self.chores.join_next() => match chore {
                        Ok(chore) => Input::Chore(chore),
                        // A file whose client has left.
                        Err(error) if error.is_cancelled() => Input::FilesNeedAttention,
                        Err(error) => Input::Chore(background::Chore::Broken(error.to_string())),
                    },
                    () = at(timer.map(|(due, _)| due)) => match timer {
                        Some((_, timer)) => Input::Timer(timer),
                        None => Input::Watchdog,
                    },
                    () = at(heartbeat) => Input::Heartbeat,
                    () = inputs.config.changed() => Input::ConfigChanged,
                    () = models_watch.changed() => Input::ModelsChanged,
                    () = inputs.display.ended() => Input::DisplayEnded,
                }
            };
        }
        let is_fair = self.turns.must_be_fair();
        tokio::select! {
            biased;
            _ = inputs.terminate.recv() => Input::Terminate,
            _ = inputs.interrupt.recv() => Input::Terminate,
            // Nobody who asks for something keeps the service from saying that it lives, nor from hearing: what is said comes ten to
            // fifty times a second, however many ask, and is lost when nobody takes it for ten seconds.
            () = at(watchdog) => Input::Watchdog,
            output = heard(&mut self.capture) => Input::Capture(output),
            input = async { if is_fair { one_of_the_others!() } else { one_of_the_others!(biased;) } } => input,
        }
    }

    fn take(&mut self, input: Input) {
        self.turns.note(&input);
        match input {
            Input::Call(call) => self.call(call),
            Input::Capture(output) => self.captured(output),
            Input::Recogniser(event) => self.recognised(event),
            Input::Sleep(event) => self.sleep_said(event),
            Input::Measured(figures) => self.measured(figures),
            Input::Store(event) => self.stored(event),
            Input::Delivered(handed) => self.delivered(handed),
            Input::Text(event) => self.text_event(event),
            Input::Chore(chore) => self.chore_done(chore),
            Input::Timer(timer) => {
                self.timers.disarm(timer);
                self.tell(session::Event::Elapsed(timer));
            }
            Input::Heartbeat => self.heartbeat(),
            Input::ConfigChanged => self.reload_config(),
            Input::ModelsChanged => self.reload_models(),
            Input::Watchdog => self.watchdog.ping(),
            Input::DisplayEnded => {
                info!(
                    "the desktop has ended; v2m ends once it is idle, and starts with the next one"
                );
                self.display_ended = true;
            }
            Input::FilesNeedAttention => {}
            Input::Terminate => {
                info!("ending: systemd or Ctrl+C asked for it");
                self.tell(session::Event::Terminate);
            }
        }
    }

    /// Tells the session, and does what it asks for.
    fn tell(&mut self, event: session::Event) {
        let concerned = feedback::concerns_dictation(&event);
        let effects = self.session.handle(event, self.started.elapsed());
        let sound = feedback::sound_of(&effects).filter(|_| concerned);
        let shown = |effect: &session::Effect| {
            matches!(effect, session::Effect::Show(session::Notice::Problem(_)))
        };
        let problem_shown = effects.iter().any(shown);
        self.screen.update(screen::Going {
            recording: self.session.recording().is_some(),
            announced: self.session.is_announced(),
            pending: self.session.pending(),
        });
        for effect in effects {
            self.carry_out(effect, problem_shown);
        }
        self.give_feedback(sound);
    }

    /// A process cannot take over another desktop's display while its threads run: the next press starts one that can.
    fn leave_ended_desktop(&mut self) {
        // Paused is a state that the next process would not know.
        let idle = self.session.state() == State::Idle;
        if self.display_ended && idle && self.background.is_idle() && !self.exiting {
            self.tell(session::Event::Terminate);
        }
    }

    /// The watchdog looks closely while something is going on, and next to never while nothing is.
    fn pace(&mut self) {
        let quiet = matches!(self.session.state(), State::Idle | State::Paused);
        if quiet && self.announced { self.watchdog.idle() } else { self.watchdog.active() }
    }

    /// Answers everyone, lets the answers out, and waits for the disk.
    async fn end(
        mut self,
        stop: tokio::sync::watch::Sender<bool>,
        server: tokio::task::JoinHandle<()>,
        mut stored: mpsc::Receiver<StoreEvent>,
    ) {
        // To systemd a service that ends before it was ever ready has failed, and is restarted.
        if !self.announced {
            systemd::ready("Ending");
        }
        systemd::stopping("Ending");
        let failure =
            || Failure::new(session::Code::ShuttingDown, "v2m is ending. Ask again in a moment.");
        for reply in self.tickets.drain().map(|(_, reply)| reply).chain(self.status_asked.drain(..))
        {
            let _ = reply.send(Err(failure())); // a client that has left needs no answer
        }
        self.background.refuse_all(&failure());
        self.trials.refuse_all(&failure());
        // Theirs is done: they have it in the answer, if not where they wanted it.
        for finished in self.handing.take_back() {
            self.answer_text(finished, Vec::new());
        }
        self.updates.refuse_all(&failure());
        self.texts.refuse_all(&failure()).await;
        // Before anything that takes time: who comes now is to meet the next run, not the end of this one.
        // The receiver is gone only if the server has ended already.
        let _ = stop.send(true);
        if self.handing.is_busy()
            && let Ok(handed) = timeout(LAST_WORDS, self.handing.next()).await
        {
            self.delivered(handed);
        }
        // Waited for, a second at most: a critical notification that outlives its service stands before
        // all later ones on GNOME.
        self.screen.end().await;
        if timeout(LAST_WORDS, self.handing.settle()).await.is_err() {
            warn!("the clipboard was not given back in time");
        }
        if timeout(LAST_WORDS, server).await.is_err() {
            warn!("some clients did not take their answers");
        }
        drop(self.capture.take());
        // The store's thread writes all that is queued, and closes its channel when it is done.
        drop(self.store.take());
        if timeout(LAST_WORDS, async { while stored.recv().await.is_some() {} }).await.is_err() {
            warn!("the disk did not answer in time");
        }
        self.feedback.end().await;
        info!("v2m has ended");
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn heard(capture: &mut Option<Capture>) -> CaptureOutput {
    match capture {
        Some(capture) => capture.next().await,
        None => std::future::pending().await,
    }
}
