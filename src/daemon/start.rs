//! Start-up: from the listening socket to the running loop.

use super::background::Background;
use super::changes::Changes;
use super::chores::Chores;
use super::desktop::DesktopOutput;
use super::doors::Doors;
use super::engine::Engine;
use super::reload::Configuration;
use super::service::ServiceState;
use super::texts::Texts;
use super::timers::Timers;
use super::under_way::UnderWay;
use super::upgrade::Programs;
use super::{Daemon, Inputs, limits};
use crate::config::Settings;
use crate::logging::Logging;
use crate::session::Session;
use crate::{dbus, server};
use std::collections::VecDeque;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, mpsc, watch};
use tracing::info;

/// Maximum number of calls that wait for the loop. Beyond that, doors wait.
const CALLS: usize = 64;
/// How many events a subscriber may lag behind before it is disconnected: about 20 s of levels.
const EVENTS: usize = 256;

/// Start parameters of the daemon.
#[derive(Debug)]
pub struct Start {
    /// The listening socket.
    pub listener: std::os::unix::net::UnixListener,
    /// The configuration file.
    pub config_path: PathBuf,
    /// The initial settings.
    pub settings: Settings,
    /// The directory of dictations.
    pub store: PathBuf,
    /// The log, to change its level.
    pub logging: Logging,
}

/// Runs until a SHUTDOWN or SIGTERM has been executed.
///
/// # Errors
/// If the runtime or its signal handlers cannot be created.
pub fn run(start: Start) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(serve(start));
    // Shutdown must not wait for blocking chores, such as reading a file.
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
    let settings = &start.settings;
    let engine = Engine::new(settings);
    let mut inputs = Inputs {
        calls: calls_in,
        store: store_in,
        config: Changes::of(vec![start.config_path.clone()]),
        programs: Programs::running(engine.models().programs()),
        terminate,
        interrupt,
    };
    let (sign_owner, sign) = watch::channel(None);
    let texts = Texts::new(&start.config_path);
    let mut daemon = Daemon {
        session: Session::new(limits(settings, &texts), 1),
        untold: VecDeque::new(),
        is_telling: false,
        timers: Timers::default(),
        engine,
        background: Background::new(start.store.clone()),
        rescue: None,
        under_way: UnderWay::new(settings, start.store, store_events),
        chores: Chores::default(),
        texts,
        desktop: DesktopOutput::new(events.clone(), sign, settings).await,
        doors: Doors::new(events.clone()),
        config: Configuration::new(start.settings, start.config_path, start.logging),
        service: ServiceState::new(),
    };
    // A separate task, so that a slow or absent bus delays nothing. The loop answers its commands.
    let at_start = (daemon.session.state(), daemon.engine.report().state);
    let events = events.subscribe();
    let bus = tokio::spawn(async move {
        match dbus::serve(None, calls, events, at_start.0, at_start.1, sign_owner).await {
            Ok(_door) => std::future::pending().await,
            Err(error) => info!(%error, "no interface on the session bus: {error}"),
        }
    });
    if daemon.config.settings().llm.provider.is_none() {
        tokio::spawn(crate::unit::LLM.close());
    }
    if daemon.config.settings().server().is_none() {
        tokio::spawn(crate::unit::REMOTE.close());
    }
    daemon.run(&mut inputs).await;
    bus.abort();
    daemon.end(stop, server, inputs).await;
    Ok(())
}
