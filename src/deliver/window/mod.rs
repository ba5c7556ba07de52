//! The window that has the keyboard: its identity and its program, and whether the screen is
//! locked.

mod application;
mod focus;
mod lock;
mod press;
pub(crate) mod programs;
pub(crate) mod wayland;
pub(crate) mod x11;

pub(crate) use application::application;
pub use focus::Focus;
pub(crate) use lock::ScreenLock;
pub(crate) use press::Press;
pub use press::{PasteKeys, Window};
pub use programs::{Around, Field, Focused, Observer, Widget};
pub(crate) use programs::{KnownPrograms, listed_as};
