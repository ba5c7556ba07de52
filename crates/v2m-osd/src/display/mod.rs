//! The display for pixels: a layer of a Wayland compositor, or a window of an X server. Neither
//! takes keyboard or pointer input.

mod wayland;
mod x11;

use crate::draw::Painted;
use std::os::fd::{AsFd, BorrowedFd};
use v2m_messages::tr;

/// Why nothing can be shown, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// Neither WAYLAND_DISPLAY nor DISPLAY names a display that answers.
    #[error("{}", tr!("there is no display: {reason}", reason = .0))]
    Absent(String),
    /// The compositor does not support layers, for example GNOME's.
    #[error(
        "{}",
        tr!(
            "this compositor has no wlr-layer-shell, so nothing can be shown above its windows. On \
             GNOME, v2m's extension shows the state"
        )
    )]
    NoLayers,
    /// The display has ended, or has closed the connection.
    #[error("{}", tr!("the display server has closed the connection ({reason})", reason = .0))]
    Ended(String),
}

impl DisplayError {
    fn ended(error: impl std::fmt::Display) -> Self {
        Self::Ended(error.to_string())
    }
}

/// A display. At first nothing is shown on it.
pub enum Display {
    /// A Wayland compositor.
    Wayland(Box<wayland::Layers>),
    /// An X server.
    X11(Box<x11::Overlay>),
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wayland(_) => "Wayland",
            Self::X11(_) => "X11",
        })
    }
}

impl Display {
    /// Connects to the session's display. Wayland comes first: under XWayland, Wayland windows
    /// would cover the window.
    ///
    /// # Errors
    /// Fails if there is none, or if it cannot show anything above windows.
    pub fn open() -> Result<Self, DisplayError> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_set("WAYLAND_DISPLAY") {
            match wayland::Layers::open() {
                // The variable is left over from an earlier session.
                Err(DisplayError::Absent(_)) if is_set("DISPLAY") => {}
                opened => return Ok(Self::Wayland(Box::new(opened?))),
            }
        }
        Ok(Self::X11(Box::new(x11::Overlay::open()?)))
    }

    /// Returns a file descriptor that is readable when [`Self::attend`] must be called.
    pub fn file(&self) -> BorrowedFd<'_> {
        match self {
            Self::Wayland(layers) => layers.file(),
            Self::X11(overlay) => overlay.as_fd(),
        }
    }

    /// Returns the number of device pixels in a logical pixel.
    pub fn scale(&self) -> f32 {
        match self {
            Self::Wayland(layers) => layers.scale(),
            Self::X11(overlay) => overlay.scale(),
        }
    }

    /// Requests a place to show something. Returns whether it is available already.
    ///
    /// # Errors
    /// The display has ended.
    pub fn appear(&mut self) -> Result<bool, DisplayError> {
        match self {
            Self::Wayland(layers) => layers.appear(),
            Self::X11(overlay) => overlay.appear(),
        }
    }

    /// Shows this if there is a place. Returns whether it is shown. If not, it must be painted
    /// again when [`Self::attend`] returns true.
    ///
    /// # Errors
    /// The display has ended.
    pub fn show(&mut self, painted: &Painted) -> Result<bool, DisplayError> {
        match self {
            Self::Wayland(layers) => layers.show(painted),
            Self::X11(overlay) => overlay.show(painted),
        }
    }

    /// Hides the sign.
    ///
    /// # Errors
    /// The display has ended.
    pub fn vanish(&mut self) -> Result<(), DisplayError> {
        match self {
            Self::Wayland(layers) => layers.vanish(),
            Self::X11(overlay) => overlay.vanish(),
        }
    }

    /// Handles the display's events. Returns whether the sign must be painted again.
    ///
    /// # Errors
    /// The display has ended.
    pub fn attend(&mut self) -> Result<bool, DisplayError> {
        match self {
            Self::Wayland(layers) => layers.attend(),
            Self::X11(overlay) => overlay.attend(),
        }
    }
}
