//! Why a text is not at the cursor, in words for the user.

use crate::deliver::keys::held::PATIENCE;
use crate::deliver::keys::layout;
use crate::deliver::paste::DEADLINE;

/// Why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error("there was no text")]
    NoText,
    #[error("no window has the focus; paste it where you want it")]
    NoWindow,
    #[error(transparent)]
    Lacks(#[from] layout::Lacks),
    #[error(transparent)]
    NotALayout(#[from] layout::NotALayout),
    #[error("the desktop does not report the keyboard layout ({0})")]
    NoLayout(&'static str),
    #[error("the text is too long to type")]
    TooLong,
    #[error("v2m can paste through the desktop's portal, but not type")]
    NoTyping,
    #[error(
        "only the beginning was typed, because another window took the focus; the rest is missing there"
    )]
    InPart,
    #[error("v2m cannot paste into other programs on this desktop. See `v2m doctor`")]
    NoWay,
    #[error(
        "no window took it; press {0} where you want it. If this always happens in one program, that program \
         pastes with other keys: see deliver.paste_key and deliver.terminals"
    )]
    NotTaken(String),
    #[error(
        "keys were still held down {} s after the text was ready; paste it where you want it, and release the shortcut sooner",
        PATIENCE.as_secs()
    )]
    KeysHeld,
    #[error(
        "v2m could not tell whether you still held keys down, because the mouse kept moving for {} s; paste it where you want it",
        PATIENCE.as_secs()
    )]
    KeysUnclear,
    #[error("only the beginning was typed, because you held a key down; the rest is missing there")]
    HeldInPart,
    #[error(
        "v2m cannot find out whether a terminal has the focus. Paste it with Ctrl+Shift+V in a terminal, \
         with Ctrl+V elsewhere; deliver.paste_key sets keys that are always pressed"
    )]
    NoPrimary,
    #[error("you copied something else in the meantime; it is still on the clipboard")]
    Overtaken,
    #[error(
        "another window has the focus than when you stopped the recording; paste it where you want it. \
         deliver.same_window = false pastes into any window"
    )]
    Moved,
    #[error(
        "the keyboard has no key for {0}; see deliver.paste_key and deliver.terminal_paste_key"
    )]
    NoKey(String),
    #[error(
        "the X server at DISPLAY cannot be reached ({0}). If you logged in to another desktop session since: \
         systemctl --user restart v2m.service"
    )]
    NoServer(String),
    #[error("the X server refused it ({0})")]
    Server(String),
    #[error("the X server lacks the extension {0}, without which no program can press keys")]
    NoExtension(&'static str),
    #[error(
        "the compositor at WAYLAND_DISPLAY cannot be reached ({0}). If you logged in to another desktop session since: \
         systemctl --user restart v2m.service"
    )]
    NoCompositor(String),
    #[error("the compositor refused it ({0})")]
    Compositor(String),
    #[error("v2m could not start a thread for it ({0}); free some memory, or close some programs")]
    NoThread(std::io::Error),
    #[error(
        "the session bus cannot be reached ({0}). After logging in to the desktop: systemctl --user restart v2m.service"
    )]
    NoBus(zbus::Error),
    #[error("the desktop refused it ({0})")]
    Refused(zbus::Error),
    #[error(
        "the desktop asks whether v2m may press keys: allow it there, and the next text is pasted"
    )]
    Asking,
    #[error(
        "you told the desktop that v2m may not press keys. To be asked again: systemctl --user restart v2m.service"
    )]
    Denied,
    #[error(
        "you allowed v2m less than the keyboard and the clipboard, and it needs both. To be asked again: \
         systemctl --user restart v2m.service"
    )]
    HalfAllowed,
    #[error("the desktop would first ask whether v2m may press keys")]
    WouldAsk,
    /// Nothing was tried, because the desktop offers nothing to try.
    #[error(transparent)]
    Unavailable(Box<Self>),
    #[error("the desktop's portal closed the session; the next text opens a new one")]
    PortalGone,
    #[error("the desktop has not answered for {} s", DEADLINE.as_secs())]
    Hanging,
}

impl DeliverError {
    /// Whether part of the text may have reached the cursor.
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self {
            Self::NotTaken(_)
            | Self::InPart
            | Self::HeldInPart
            | Self::Overtaken
            | Self::Server(_)
            | Self::Compositor(_)
            | Self::NoBus(_)
            | Self::Refused(_)
            | Self::PortalGone
            | Self::Hanging => true,
            Self::NoText
            | Self::NoWindow
            | Self::Lacks(_)
            | Self::NotALayout(_)
            | Self::NoLayout(_)
            | Self::TooLong
            | Self::NoTyping
            | Self::NoWay
            | Self::KeysHeld
            | Self::KeysUnclear
            | Self::NoPrimary
            | Self::Moved
            | Self::NoKey(_)
            | Self::NoServer(_)
            | Self::NoExtension(_)
            | Self::NoCompositor(_)
            | Self::NoThread(_)
            | Self::Asking
            | Self::Denied
            | Self::HalfAllowed
            | Self::WouldAsk
            | Self::Unavailable(_) => false,
        }
    }

    /// Whether no text can be put at the cursor here, for lack of a desktop or of a permission.
    /// Nothing was tried then.
    pub(crate) fn is_lack(&self) -> bool {
        match self {
            Self::NoWay
            | Self::NoServer(_)
            | Self::NoExtension(_)
            | Self::NoCompositor(_)
            | Self::NoThread(_)
            | Self::Denied
            | Self::HalfAllowed
            | Self::WouldAsk
            | Self::Unavailable(_) => true,
            Self::NoText
            | Self::NoWindow
            | Self::Lacks(_)
            | Self::NotALayout(_)
            | Self::NoLayout(_)
            | Self::TooLong
            | Self::NoTyping
            | Self::InPart
            | Self::NotTaken(_)
            | Self::KeysHeld
            | Self::KeysUnclear
            | Self::HeldInPart
            | Self::NoPrimary
            | Self::Overtaken
            | Self::Moved
            | Self::NoKey(_)
            | Self::Server(_)
            | Self::Compositor(_)
            | Self::NoBus(_)
            | Self::Refused(_)
            | Self::Asking
            | Self::PortalGone
            | Self::Hanging => false,
        }
    }
}
