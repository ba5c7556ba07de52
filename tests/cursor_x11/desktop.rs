//! A private desktop: an X server, one bus as both session and system bus, and v2m's sinks on it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;
use v2m::deliver::{DeliveryOptions, Focus, Sinks, UndoOptions, Undone, Window as Focused};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::x11_programs::Keyboard;
use v2m_testkit::xserver::XServer;

/// Displays and buses are found by environment variables of the process, so only one test runs at a
/// time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) struct Desktop {
    // Fields are dropped in this order.
    sinks: Sinks,
    pub(crate) runtime: Runtime,
    pub(crate) keyboard: Keyboard,
    pub(crate) server: XServer,
    pub(crate) bus: PrivateBus,
    _alone: MutexGuard<'static, ()>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, bus) = (XServer::start(None), PrivateBus::start());
        let variables = [
            ("DISPLAY", server.display.as_str()),
            ("DBUS_SESSION_BUS_ADDRESS", bus.address.as_str()),
            ("DBUS_SYSTEM_BUS_ADDRESS", bus.address.as_str()),
        ];
        // SAFETY: the other tests wait for the guard above, and v2m's threads of an earlier one are
        // idle or have ended. The rest of this process reads variables only through std, which
        // locks them.
        unsafe {
            std::env::remove_var("WAYLAND_DISPLAY");
            for (name, value) in variables {
                std::env::set_var(name, value);
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let keyboard = Keyboard::new(&server.display);
        Self { sinks: Sinks::new(), runtime, keyboard, server, bus, _alone: alone }
    }

    pub(crate) fn display(&self) -> &str {
        &self.server.display
    }

    /// Pastes a text, and returns the deliveries.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<Delivery> {
        self.paste_into(text, None)
    }

    /// Like `paste`, into one window only.
    pub(crate) fn paste_into(&mut self, text: &str, window: Option<Focused>) -> Vec<Delivery> {
        self.put(DeliverMode::Paste, text, window)
    }

    /// Delivers a text in this mode, and returns the deliveries.
    pub(crate) fn put(
        &mut self,
        mode: DeliverMode,
        text: &str,
        window: Option<Focused>,
    ) -> Vec<Delivery> {
        self.hand_over(text, DeliveryOptions { mode, window, ..DeliveryOptions::default() })
    }

    /// Delivers a text with these options, and with the name of a terminal.
    pub(crate) fn hand_over(&mut self, text: &str, mut wanted: DeliveryOptions) -> Vec<Delivery> {
        wanted.keys.terminals = vec!["some-terminal".to_owned()];
        self.runtime.block_on(self.sinks.hand_over(text, &wanted))
    }

    /// Undoes the last text.
    pub(crate) fn undo(&mut self, mut wanted: UndoOptions) -> Result<Undone, String> {
        wanted.keys.terminals = vec!["some-terminal".to_owned()];
        self.runtime.block_on(self.sinks.undo(&wanted)).map_err(|why| why.to_string())
    }

    /// Waits until the clipboard has been restored.
    pub(crate) fn settle(&mut self) {
        self.runtime.block_on(self.sinks.settle());
    }

    pub(crate) fn focus(&self) -> Option<Focused> {
        self.runtime.block_on(Focus::ask().window())
    }

    /// Runs a task of another program of the desktop.
    pub(crate) fn run<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.block_on(task)
    }
}
