//! The one loop: what v2m tells, what the user chooses and who is on the bus, until the session ends.

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

/// By this name systemd knows that the program has started, and a second one that there is a first.
pub const TRAY: &str = "org.v2m.Tray";
/// Whoever has this name shows v2m's states.
const SIGN: &str = "org.v2m.Sign";
/// The name of `v2m-osd`, whose sign is there only during a dictation.
const OSD: &str = "org.v2m.Osd";
const BUS: &str = "org.freedesktop.DBus";
/// Whose owners matter.
const NAMES: [&str; 4] = [v2m::V2M, OSD, SIGN, WATCHER];

/// Answers that may wait until they are read.
const ANSWERS: usize = 4;
/// `v2m-osd` takes and loses its two names one after the other. Until then it looks like another sign.
const SIGN_SETTLES: Duration = Duration::from_secs(1);
/// How long a watcher may take. A healthy one takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before a watcher that is not ready is asked again: at first, and at most.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a screen is asked whether it is locked while the menu has texts. Longer than an answer
/// takes.
const LOCK_ASKED: Duration = Duration::from_secs(2);

/// Why the program ends before its time.
#[derive(Debug, thiserror::Error)]
enum LifeError {
    /// No bus, or it refused.
    #[error("{}", tr!("there is no session bus ({reason})", reason = .0))]
    Bus(#[from] zbus::Error),
    /// It runs already.
    #[error("{}", tr!("another v2m-tray runs already"))]
    Taken,
    /// There is nothing to show an icon in.
    #[error("{}", tr!("there is no tray on this desktop: no program owns the name {name}", name = WATCHER))]
    NoTray,
    /// There is a tray, which does not take the icon.
    #[error("{}", tr!("the tray ({name}) did not accept the icon: {reason}", name = WATCHER, reason = .0))]
    Refused(String),
}

impl LifeError {
    fn status(&self) -> ExitCode {
        match self {
            // In order: there is nothing to do.
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

/// Who has the names that matter here. Unique names.
#[derive(Debug, Default)]
struct Owners {
    watcher: Option<String>,
    sign: Option<String>,
    osd: Option<String>,
}

/// What somebody has answered who was asked beside the loop.
enum Answer {
    /// A v2m with this unique name.
    News { v2m: String, news: News },
    /// A watcher with this unique name. Why not, if not.
    Registered { watcher: String, refusal: Option<String> },
    /// The screen is locked.
    Locked,
}

/// What the user wants done.
enum Task {
    /// A click: a recording starts, or stops.
    Toggle,
    /// Something that was chosen in the menu.
    Do(Action),
}

struct Life {
    bus: Connection,
    model: Arc<Model>,
    owners: Owners,
    /// Whether the watcher has taken the item.
    is_registered: bool,
    /// Whether the watcher still owes an answer. It gives one in [`PATIENCE`], or counts as silent.
    is_asked: bool,
    /// Why the watcher has not taken the item.
    refusal: Option<String>,
    /// What v2m has told by itself since it was asked what it does. Its answer may be older.
    told: News,
    /// When the screen is asked whether it is locked. `None`: the menu has no texts.
    asks_lock: Option<Instant>,
    /// When the watcher is asked again, and how long to wait then.
    registers: Option<Instant>,
    pause: Duration,
    /// What the user has clicked and chosen.
    hand: Hand,
    /// When the icon hides, because another sign has come.
    hides: Option<Instant>,
    seen: Seen,
    /// Which menu hosts have been told of.
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
    // The watcher last: hosts see at once what goes on.
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
        // An answer that is under way is waited for.
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
    /// Has the bus tell who has which name, and what v2m tells.
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

    /// A name has another owner now, or none.
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
        // v2m-osd shows the state only during a dictation. Another sign, such as the GNOME extension, is
        // always there.
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

    /// Asks the watcher, if there is one, to give the item to hosts.
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

    /// The watcher has taken the item, or not: it may be there and not be ready.
    fn is_registered(&mut self, watcher: &str, refusal: Option<String>) {
        if self.owners.watcher.as_deref() != Some(watcher) {
            return;
        }
        (self.is_registered, self.is_asked) = (refusal.is_none(), false);
        self.refusal = refusal;
        let Some(why) = &self.refusal else { return };
        plain::complain(format_args!("v2m-tray: {why}"));
        // A watcher that is never ready does not keep the machine awake.
        if self.pause < LONGEST_PAUSE {
            self.registers = Some(Instant::now() + self.pause);
            self.pause *= 2;
        }
    }

    /// Hides the icon, if it is to hide.
    fn hide(&mut self) {
        if self.hides.take().is_some() {
            self.model.shown().is_hidden = true;
        }
    }

    /// Asks a v2m that has come what it does.
    fn ask(&self, v2m: String) {
        let (bus, answers) = (self.bus.clone(), self.answers.clone());
        tokio::spawn(async move {
            if let Ok(news) = v2m::properties(&bus, &v2m).await {
                let _ = answers.send(Answer::News { v2m, news }).await;
            }
        });
    }

    /// Takes what v2m tells, if it is the v2m that is there.
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

    /// Asks from time to time whether the screen is locked, while the menu has texts. The lock may come
    /// while the menu is open.
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

    /// Tells hosts what has changed.
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

    /// When something changes without news. `None`: never.
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

    /// Does what the user has chosen in the menu, or has it wait until the menu has closed.
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

    /// Does what the user wants after a pause, beside the loop.
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

/// Does it. What v2m tells the user itself is no error here.
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

/// The next message. Cancel-safe.
async fn next(messages: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Stream::poll_next(Pin::new(&mut *messages), context)).await
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
