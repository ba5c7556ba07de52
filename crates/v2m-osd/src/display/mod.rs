//! Where pixels are shown: a layer of a Wayland compositor, or a window of an X server. Neither
//! takes the keyboard or the pointer.

mod wayland;
mod x11;

use crate::draw::Painted;
use std::os::fd::{AsFd, BorrowedFd};
use v2m_messages::tr;

/// Why nothing can be shown, or no more.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// Neither WAYLAND_DISPLAY nor DISPLAY names one that answers.
    #[error("{}", tr!("there is no display: {reason}", reason = .0))]
    Absent(String),
    /// GNOME, for example.
    #[error(
        "{}",
        tr!(
            "this compositor has no wlr-layer-shell, so nothing can be shown above its windows. On \
             GNOME, v2m's extension shows the state"
        )
    )]
    NoLayers,
    /// It has ended, or has closed the connection.
    #[error("{}", tr!("the display server has closed the connection ({reason})", reason = .0))]
    Ended(String),
}

impl DisplayError {
    fn ended(error: impl std::fmt::Display) -> Self {
        Self::Ended(error.to_string())
    }
}

/// A display, with nothing on it at first.
pub enum Display {
    /// Of a Wayland compositor.
    Wayland(Box<wayland::Layers>),
    /// Of an X server.
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
    /// Connects to the session's display. Wayland comes first: under XWayland a window would be
    /// hidden by those of Wayland.
    ///
    /// # Errors
    /// There is none, or it cannot show anything above windows.
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

    /// Readable when there is something to [`Self::attend`] to.
    pub fn file(&self) -> BorrowedFd<'_> {
        match self {
            Self::Wayland(layers) => layers.file(),
            Self::X11(overlay) => overlay.as_fd(),
        }
    }

    /// Device pixels in a logical one.
    pub fn scale(&self) -> f32 {
        match self {
            Self::Wayland(layers) => layers.scale(),
            Self::X11(overlay) => overlay.scale(),
        }
    }

    /// Asks for a place to show something. Returns whether it is there already.
    ///
    /// # Errors
    /// The display has ended.
    pub fn appear(&mut self) -> Result<bool, DisplayError> {
        match self {
            Self::Wayland(layers) => layers.appear(),
            Self::X11(overlay) => overlay.appear(),
        }
    }

    /// Shows this, once there is a place. Returns whether it is shown; otherwise it is to be
    /// painted again when [`Self::attend`] says so.
    ///
    /// # Errors
    /// The display has ended.
    pub fn show(&mut self, painted: &Painted) -> Result<bool, DisplayError> {
        match self {
            Self::Wayland(layers) => layers.show(painted),
            Self::X11(overlay) => overlay.show(painted),
        }
    }

    /// Shows nothing.
    ///
    /// # Errors
    /// The display has ended.
    pub fn vanish(&mut self) -> Result<(), DisplayError> {
        match self {
            Self::Wayland(layers) => layers.vanish(),
            Self::X11(overlay) => overlay.vanish(),
        }
    }

    /// Takes what the display has to say. Returns whether what is shown is to be painted again.
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
