//! Finds the parts by which this desktop can put a text at the cursor, and chooses among them.

pub(crate) mod mutter;
pub(crate) mod portal;
mod thread;
pub(crate) mod wayland;
pub(crate) mod x11;

use crate::deliver::environment::{Displays, is_x11};
use crate::deliver::error::DeliverError;
use crate::deliver::joint::{self, InputWatch};
use crate::deliver::order::{Insertion, Means};
use mutter::Mutter;
use portal::Portal;
use wayland::Wayland;
use x11::X11;

/// The means that this desktop offers.
#[derive(Debug)]
pub(crate) enum Desktop {
    Mutter(Mutter),
    Portal(Portal),
    Wayland(Wayland),
    X11(X11),
}

impl Desktop {
    /// Finds the means for this desktop, and prefers the one with the fewest requirements.
    pub(crate) async fn find() -> Result<Self, DeliverError> {
        if is_x11() {
            return Ok(Self::X11(X11::new()));
        }
        let bus = match Mutter::connect(None).await {
            Ok(Some(mutter)) if mutter.lets_us().await => return Ok(Self::Mutter(mutter)),
            Ok(_) => Ok(()),
            // Small compositors may run without a bus.
            Err(problem) => Err(problem),
        };
        let compositor = match Displays::from_env().wayland {
            Some(_) => wayland::offers().await,
            None => Err(DeliverError::NoWay),
        };
        if matches!(compositor, Ok(wayland::Offers { keyboards: true })) {
            return Ok(Self::Wayland(Wayland::new()));
        }
        let portal = match bus {
            Ok(()) => Portal::find(compositor.is_ok()).await,
            Err(problem) => Err(problem),
        };
        match (portal, compositor) {
            (Ok(portal), _) => Ok(Self::Portal(portal)),
            // Data-control without virtual keyboards is closer to working, so its error is
            // reported.
            (Err(_), Err(problem)) if !matches!(problem, DeliverError::NoWay) => Err(problem),
            (Err(problem), _) => Err(problem),
        }
    }

    /// Whether the desktop is still there.
    pub(crate) async fn is_there(&self) -> bool {
        match self {
            Self::Mutter(mutter) => mutter.is_there().await,
            Self::Portal(portal) => portal.is_there(),
            // These find a restarted server by themselves.
            Self::Wayland(_) | Self::X11(_) => true,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Mutter(_) => Mutter::NAME,
            Self::Wayland(_) => wayland::NAME,
            Self::Portal(_) => "portal",
            Self::X11(_) => x11::NAME,
        }
    }

    /// Whether the desktop would ask the user before the next text. Takes 500 ms at most.
    pub(crate) async fn would_ask(&self) -> bool {
        match self {
            Self::Portal(portal) => portal.would_ask().await,
            Self::Mutter(_) | Self::Wayland(_) | Self::X11(_) => false,
        }
    }

    /// Whether v2m can detect keys that the user holds, or such keys do no harm.
    pub(crate) fn tells_of_keys(&self) -> bool {
        match self {
            Self::X11(_) | Self::Mutter(_) => true,
            // wlroots keeps the modifiers of each keyboard apart; Hyprland's source mixes them.
            Self::Wayland(_) => std::env::var_os("HYPRLAND_INSTANCE_SIGNATURE").is_none(),
            Self::Portal(_) => false,
        }
    }

    /// Whether the desktop may report which window has the keyboard.
    pub(crate) fn tells_windows(&self) -> bool {
        matches!(self, Self::X11(_) | Self::Wayland(_))
    }

    /// Watches the user's input from now on. `None`: the desktop does not report it. Takes 100 ms
    /// at most.
    pub(crate) async fn watch(&self) -> Option<InputWatch> {
        match self {
            Self::X11(_) => joint::x11::watch().await,
            Self::Mutter(_) => joint::mutter::watch().await,
            Self::Wayland(_) | Self::Portal(_) => joint::wayland::watch().await,
        }
    }

    /// Executes the order. Returns `Ok` if a window took the text, all of it was typed, or the keys
    /// that undo were pressed.
    pub(crate) async fn carry_out(&mut self, order: Insertion) -> Result<(), DeliverError> {
        match self {
            Self::X11(x11) => x11.carry_out(order, None).await,
            Self::Wayland(wayland) => wayland.carry_out(order, None).await,
            Self::Portal(_) if order.means == Means::Type => Err(DeliverError::NoTyping),
            Self::Portal(portal) => portal.carry_out(order).await,
            Self::Mutter(mutter) => mutter.carry_out(&order).await,
        }
    }

    pub(crate) async fn settle(&mut self) {
        match self {
            Self::Mutter(mutter) => mutter.settle().await,
            Self::Portal(portal) => portal.settle().await,
            Self::Wayland(wayland) => wayland.settle().await,
            Self::X11(x11) => x11.settle().await,
        }
    }
}
