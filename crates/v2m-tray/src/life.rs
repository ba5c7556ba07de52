//! The main loop: handles v2m's signals, the user's choices and changes of bus names, until the
//! session ends.

use crate::args::Args;
use crate::dbusmenu::{self, Menu};
use crate::hand::{Hand, MENU_CLOSES};
use crate::item::{self, Item, Seen, WATCHER};
use crate::menu::Action;
use crate::model::{Model, Wish, clock};
use crate::state::News;
use crate::{desk, lock, v2m};
use futures_core::Stream;
use std::collections::HashMap;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;
use v2m_ipc::plain;
use v2m_messages::tr;
use zbus::fdo::{DBusProxy, RequestNameFlags};
use zbus::message::Type;
use zbus::names::BusName;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant};

/// The program's bus name. It shows systemd that the program has started, and a second instance
/// that there is a first.
pub const TRAY: &str = "org.v2m.Tray";
/// The name of the program that shows v2m's states.
const SIGN: &str = "org.v2m.Sign";
/// The name of `v2m-osd`, which shows a sign only during a dictation.
const OSD: &str = "org.v2m.Osd";
const BUS: &str = "org.freedesktop.DBus";
/// The names with owners that matter here.
const NAMES: [&str; 4] = [v2m::V2M, OSD, SIGN, WATCHER];

/// How many answers may wait until they are read.
const ANSWERS: usize = 4;
/// How long to wait before the icon hides. `v2m-osd` acquires and releases its two names one after
/// the other, and meanwhile looks like another sign.
const SIGN_SETTLES: Duration = Duration::from_secs(1);
/// Timeout for the watcher. A healthy one takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first pause before a watcher that is not ready is asked again. It doubles each time.
const PAUSE: Duration = Duration::from_millis(500);
/// Once the pause reaches this, the watcher is not asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Interval of checks for a locked screen while the menu has texts. Longer than an answer takes.
const LOCK_ASKED: Duration = Duration::from_secs(2);

/// Why the program ends before the session.
#[derive(Debug, thiserror::Error)]
enum LifeError {
    /// There is no session bus, or it refused.
    #[error("{}", tr!("there is no session bus ({reason})", reason = .0))]
    Bus(#[from] zbus::Error),
    /// Another instance runs.
    #[error("{}", tr!("another v2m-tray runs already"))]
    Taken,
    /// There is no tray.
    #[error("{}", tr!("there is no tray on this desktop: no program owns the name {name}", name = WATCHER))]
    NoTray,
    /// There is a tray, but it does not accept the icon.
    #[error("{}", tr!("the tray ({name}) did not accept the icon: {reason}", name = WATCHER, reason = .0))]
    Refused(String),
}

impl LifeError {
    fn status(&self) -> ExitCode {
        match self {
            // Not an error: there is nothing to do.
            Self::Taken | Self::NoTray => ExitCode::SUCCESS,
            Self::Bus(_) | Self::Refused(_) => ExitCode::FAILURE,
        }
    }
}

/// Shows the icon until the session ends.
pub fn live(args: &Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            plain::complain(format_args!("v2m-tray: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(args.wait));
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain::complain(format_args!("v2m-tray: {error}"));
            error.status()
        }
    }
}

/// The owners of the names that matter here, as unique names.
#[derive(Debug, Default)]
struct Owners {
    watcher: Option<String>,
    sign: Option<String>,
    osd: Option<String>,
}

/// An answer to a question that was sent from a separate task.
enum Answer {
    /// The properties of the v2m with this unique name.
    News { v2m: String, news: News },
    /// The watcher with this unique name has accepted the item, or refused it for this reason.
    Registered { watcher: String, refusal: Option<String> },
    /// The screen is locked.
    Locked,
}

/// An action to carry out.
enum Task {
    /// A click: starts or stops a recording.
    Toggle,
    /// A choice in the menu.
    Do(Action),
}

struct Life {
    bus: Connection,
    model: Arc<Model>,
    owners: Owners,
    /// Whether the watcher has accepted the item.
    is_registered: bool,
    /// Whether the watcher's answer is pending. It times out after [`PATIENCE`].
    is_asked: bool,
    /// Why the watcher has not accepted the item.
    refusal: Option<String>,
    /// Properties that v2m has sent by itself since it was asked for them. Its answer may be older.
    told: News,
    /// When to check next whether the screen is locked. `None`: the menu has no texts.
    asks_lock: Option<Instant>,
    /// When to ask the watcher again, and how long to wait after that.
    registers: Option<Instant>,
    pause: Duration,
    /// Interprets the user's clicks and choices.
    hand: Hand,
    /// When to hide the icon, because another sign has appeared.
    hides: Option<Instant>,
    seen: Seen,
    /// The revision of the menu that hosts were last sent.
    revision: u32,
    answers: mpsc::Sender<Answer>,
}

async fn run(wait: Duration) -> Result<(), LifeError> {
    let (model, mut wishes) = Model::new();
    let model = Arc::new(model);
    let bus = zbus::connection::Builder::session()
        .serve_at(item::PATH, Item::new(Arc::clone(&model)))
        .serve_at(dbusmenu::PATH, Menu::new(Arc::clone(&model)))
        .build()
        .await?;
    let mut messages = MessageStream::from(&bus);
    let (answers, mut answered) = mpsc::channel(ANSWERS);
    let (owners, seen, revision) = (Owners::default(), Seen::default(), 0);
    let mut life = Life {
        bus,
        model,
        owners,
        is_registered: false,
        is_asked: false,
        refusal: None,
        told: News::default(),
        asks_lock: None,
        registers: None,
        pause: PAUSE,
        hand: Hand::default(),
        hides: None,
        seen,
        revision,
        answers,
    };
    life.listen().await?;
    match life.bus.request_name_with_flags(TRAY, RequestNameFlags::DO_NOT_QUEUE).await {
        Err(zbus::Error::NameTaken) => return Err(LifeError::Taken),
        named => named?,
    };
    // The watcher is last, so that hosts see the right state at once.
    for name in NAMES {
        let owner = life.owner(name).await;
        life.belongs(name, owner);
        if name == SIGN {
            life.hide();
        }
    }
    let mut patience = Some(Instant::now() + wait);
    loop {
        let now = Instant::now();
        life.refresh(now).await?;
        if life.registers.is_some_and(|at| at <= now) {
            life.register();
        }
        if life.hand.is_due(now) {
            life.carry_out(Task::Do(Action::Start), Duration::ZERO);
        }
        if life.is_registered {
            patience = None;
        }
        // Wait for a pending answer.
        let patience = patience.filter(|_| !life.is_asked);
        if patience.is_some_and(|until| until <= now) {
            return Err(match life.owners.watcher {
                Some(_) => LifeError::Refused(life.refusal.unwrap_or_default()),
                None => LifeError::NoTray,
            });
        }
        let due = [life.due(now), patience].into_iter().flatten().min();
        tokio::select! {
            message = next(&mut messages) => match message {
                Some(Ok(message)) => life.hear(&message),
                // The session has ended.
                Some(Err(_)) | None => return Ok(()),
            },
            Some(answer) = answered.recv() => match answer {
                Answer::News { v2m, news } => life.take(&v2m, &news.without(&life.told)),
                Answer::Registered { watcher, refusal } => life.is_registered(&watcher, refusal),
                Answer::Locked => life.model.shown().menu.empty(),
            },
            Some(wish) = wishes.recv() => match wish {
                Wish::Do(Action::Hide) => return Ok(()),
                Wish::Do(action) => life.chosen(action),
                Wish::Click if life.hand.clicks(Instant::now()) => {
                    life.carry_out(Task::Toggle, Duration::ZERO);
                }
                Wish::Click => {}
                Wish::Changed => {}
            },
            () = at(due) => {}
        }
    }
}

impl Life {
    /// Subscribes to changes of the names' owners and to v2m's properties.
    async fn listen(&self) -> zbus::Result<()> {
        let bus = DBusProxy::new(&self.bus).await?;
        for name in NAMES {
            let rule = MatchRule::builder().msg_type(Type::Signal).sender(BUS).interface(BUS);
            let rule = rule.member("NameOwnerChanged").arg(0, name).build()?;
            bus.add_match_rule(rule).await.map_err(zbus::Error::from)?;
        }
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(v2m::V2M).path(v2m::PATH);
        let rule = rule.interface(v2m::PROPERTIES).member("PropertiesChanged");
        let rule = rule.arg(0, v2m::V2M).build()?;
        bus.add_match_rule(rule).await.map_err(zbus::Error::from)
    }

    async fn owner(&self, name: &str) -> Option<String> {
        let bus = DBusProxy::new(&self.bus).await.ok()?;
        let owner = bus.get_name_owner(BusName::try_from(name).ok()?).await.ok()?;
        Some(owner.to_string())
    }

    /// Handles a change of a name's owner. `None`: the name has no owner.
    fn belongs(&mut self, name: &str, owner: Option<String>) {
        match name {
            WATCHER => {
                self.owners.watcher = owner;
                self.pause = PAUSE;
                self.register();
            }
            SIGN => self.owners.sign = owner,
            OSD => self.owners.osd = owner,
            v2m::V2M => {
                self.told = News::default();
                let mut shown = self.model.shown();
                shown.v2m.clone_from(&owner);
                shown.state.left_alone();
                shown.menu.has_changed();
                drop(shown);
                owner.into_iter().for_each(|v2m| self.ask(v2m));
            }
            _ => {}
        }
        // v2m-osd shows the state only during a dictation. Other signs, such as the GNOME
        // extension, always show it.
        let Owners { sign, osd, .. } = &self.owners;
        if sign.is_some() && sign != osd {
            if !self.model.shown().is_hidden {
                self.hides = self.hides.or_else(|| Some(Instant::now() + SIGN_SETTLES));
            }
        } else {
            self.hides = None;
            self.model.shown().is_hidden = false;
        }
    }

    /// Asks the watcher, if there is one, to announce the item to hosts.
    fn register(&mut self) {
        (self.registers, self.is_registered, self.is_asked) = (None, false, false);
        let Some(watcher) = self.owners.watcher.clone() else { return };
        self.is_asked = true;
        let (bus, answers) = (self.bus.clone(), self.answers.clone());
        tokio::spawn(async move {
            let asked = timeout(PATIENCE, item::register(&bus, &watcher)).await;
            let refusal = match asked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(v2m::said(&error)),
                Err(_late) => Some(tr!("the tray does not answer").to_owned()),
            };
            let _ = answers.send(Answer::Registered { watcher, refusal }).await;
        });
    }

    /// Handles the watcher's answer. A watcher that is not ready yet may refuse the item.
    fn is_registered(&mut self, watcher: &str, refusal: Option<String>) {
        if self.owners.watcher.as_deref() != Some(watcher) {
            return;
        }
        (self.is_registered, self.is_asked) = (refusal.is_none(), false);
        self.refusal = refusal;
        let Some(why) = &self.refusal else { return };
        plain::complain(format_args!("v2m-tray: {why}"));
        // Stop asking a watcher that is never ready, so that it does not keep the machine awake.
        if self.pause < LONGEST_PAUSE {
            self.registers = Some(Instant::now() + self.pause);
            self.pause *= 2;
        }
    }

    /// Hides the icon if that is pending.
    fn hide(&mut self) {
        if self.hides.take().is_some() {
            self.model.shown().is_hidden = true;
        }
    }

    /// Asks a v2m that has appeared for its properties.
    fn ask(&self, v2m: String) {
        let (bus, answers) = (self.bus.clone(), self.answers.clone());
        tokio::spawn(async move {
            if let Ok(news) = v2m::properties(&bus, &v2m).await {
                let _ = answers.send(Answer::News { v2m, news }).await;
            }
        });
    }

    /// Takes v2m's properties, if they come from the current v2m.
    fn take(&self, v2m: &str, news: &News) {
        let mut shown = self.model.shown();
        if shown.v2m.as_deref() != Some(v2m) {
            return;
        }
        let entries = shown.entries();
        shown.state.take(news, Instant::now());
        if shown.entries() != entries {
            shown.menu.has_changed();
        }
    }

    fn hear(&mut self, message: &Message) {
        let header = message.header();
        if header.message_type() != Type::Signal {
            return;
        }
        let sender = header.sender().map(|sender| sender.as_str().to_owned()).unwrap_or_default();
        match header.member().map(|member| member.as_str()) {
            Some("NameOwnerChanged") if sender == BUS => {
                let told = message.body().deserialize::<(String, String, String)>();
                if let Ok((name, _, owner)) = told {
                    self.belongs(&name, Some(owner).filter(|owner| !owner.is_empty()));
                }
            }
            Some("PropertiesChanged") => {
                type Changed = (String, HashMap<String, OwnedVariant>, Vec<String>);
                if let Ok((interface, properties, _)) = message.body().deserialize::<Changed>()
                    && interface == v2m::V2M
                {
                    let news = v2m::news(&properties);
                    self.take(&sender, &news);
                    if self.model.shown().v2m.as_deref() == Some(sender.as_str()) {
                        self.told = news.or(std::mem::take(&mut self.told));
                    }
                }
            }
            _ => {}
        }
    }

    /// Checks from time to time whether the screen is locked while the menu has texts. The screen
    /// may be locked while the menu is open.
    fn ask_lock(&mut self, now: Instant) {
        if !self.model.shown().menu.has_texts() {
            self.asks_lock = None;
            return;
        }
        if self.asks_lock.is_some_and(|at| at <= now) {
            let (bus, answers) = (self.bus.clone(), self.answers.clone());
            tokio::spawn(async move {
                if lock::is_locked(&bus).await {
                    let _ = answers.send(Answer::Locked).await;
                }
            });
            self.asks_lock = None;
        }
        self.asks_lock.get_or_insert(now + LOCK_ASKED);
    }

    /// Signals changes to hosts.
    async fn refresh(&mut self, now: Instant) -> zbus::Result<()> {
        self.model.shown().expire(now);
        self.ask_lock(now);
        if self.hides.is_some_and(|at| at <= now) {
            self.hide();
        }
        let seen = Seen::of(&self.model);
        if seen != self.seen {
            seen.tell(&self.seen, &self.bus).await?;
            self.seen = seen;
        }
        let revision = self.model.shown().menu.revision();
        if revision != self.revision {
            dbusmenu::tell(revision, &self.bus).await?;
            self.revision = revision;
        }
        Ok(())
    }

    /// Returns when something changes by itself. `None`: never.
    fn due(&self, now: Instant) -> Option<Instant> {
        let shown = self.model.shown();
        let all = [
            shown.state.due(now, clock()),
            shown.texts_until(),
            self.hides,
            self.registers,
            self.hand.due(),
            self.asks_lock,
        ];
        all.into_iter().flatten().min()
    }

    /// Carries out a menu choice, at once or when the menu has closed.
    fn chosen(&mut self, action: Action) {
        let now = Instant::now();
        match &action {
            Action::Start => return self.hand.starts(now),
            Action::Cancel if !self.hand.cancels(now) => return,
            Action::Stop => self.hand.stops(now),
            _ => {}
        }
        let waits = matches!(action, Action::Paste(_));
        self.carry_out(Task::Do(action), if waits { MENU_CLOSES } else { Duration::ZERO });
    }

    /// Carries out an action after a pause, in a separate task.
    fn carry_out(&self, task: Task, pause: Duration) {
        let bus = self.bus.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Err(why) = perform(&bus, task).await {
                desk::complain(&bus, &why).await;
            }
        });
    }
}

/// Performs an action. An error that v2m itself shows to the user is not returned.
async fn perform(bus: &Connection, task: Task) -> Result<(), String> {
    let unless_told = |done: zbus::Result<()>| match done {
        Err(error) if !v2m::is_own(&error) => Err(v2m::said(&error)),
        _ => Ok(()),
    };
    let changed = |done: zbus::Result<()>| done.map_err(|error| v2m::said(&error));
    let action = match task {
        Task::Toggle => return unless_told(v2m::toggle(bus).await),
        Task::Do(action) => action,
    };
    match action {
        Action::Start => unless_told(v2m::start(bus).await),
        Action::Stop => unless_told(v2m::stop(bus).await),
        Action::Cancel => unless_told(v2m::cancel(bus).await),
        Action::Copy(id) => v2m::deliver(bus, &id, "clipboard").await,
        Action::Paste(id) => v2m::deliver(bus, &id, "paste").await,
        Action::Language(code) => changed(v2m::change(bus, "language", &code).await),
        Action::Microphone(name) => changed(v2m::change(bus, "microphone", &name).await),
        Action::Settings => desk::in_terminal("settings").await,
        Action::Doctor => desk::in_terminal("doctor").await,
        Action::Hide => Ok(()),
    }
}

/// Returns the next message. Cancel-safe.
async fn next(messages: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Stream::poll_next(Pin::new(&mut *messages), context)).await
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
