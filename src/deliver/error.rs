//! Reasons why a text is not at the cursor, in words for the user.

use crate::deliver::keys::held::PATIENCE;
use crate::deliver::keys::layout;
use crate::deliver::paste::DEADLINE;
use v2m_messages::tr;

/// The reason why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error("{}", tr!("there was no text"))]
    NoText,
    #[error("{}", tr!("no window has the focus; paste it where you want it"))]
    NoWindow,
    #[error(transparent)]
    Lacks(#[from] layout::Lacks),
    #[error(transparent)]
    NotALayout(#[from] layout::NotALayout),
    #[error("{}", tr!("the desktop does not report the keyboard layout ({reason})", reason = .0))]
    NoLayout(&'static str),
    #[error("{}", tr!("the text is too long to type"))]
    TooLong,
    #[error("{}", tr!("v2m can paste through the desktop's portal, but not type"))]
    NoTyping,
    #[error(
        "{}",
        tr!(
            "only the beginning was typed, because another window took the focus; the rest is \
             missing there"
        )
    )]
    InPart,
    #[error("{}", tr!("v2m cannot paste into other programs on this desktop. See `v2m doctor`"))]
    NoWay,
    #[error(
        "{}",
        tr!(
            "no window took it; press {keys} where you want it. If this always happens in one \
             program, that program pastes with other keys: see deliver.paste_key and \
             deliver.terminals",
            keys = .0
        )
    )]
    NotTaken(String),
    #[error(
        "{}",
        tr!(
            "keys were still held down {seconds} s after the text was ready; paste it where you \
             want it, and release the shortcut sooner",
            seconds = PATIENCE.as_secs()
        )
    )]
    KeysHeld,
    #[error(
        "{}",
        tr!(
            "v2m could not tell whether you still held keys down, because the mouse kept moving \
             for {seconds} s; paste it where you want it",
            seconds = PATIENCE.as_secs()
        )
    )]
    KeysUnclear,
    #[error(
        "{}",
        tr!(
            "only the beginning was typed, because you held a key down; the rest is missing \
             there"
        )
    )]
    HeldInPart,
    #[error(
        "{}",
        tr!(
            "v2m cannot find out whether a terminal has the focus. Paste it with Ctrl+Shift+V in \
             a terminal, with Ctrl+V elsewhere; deliver.paste_key sets keys that are always \
             pressed"
        )
    )]
    NoPrimary,
    #[error("{}", tr!("you copied something else in the meantime; it is still on the clipboard"))]
    Overtaken,
    #[error(
        "{}",
        tr!(
            "another window has the focus than when you stopped the recording; paste it where you \
             want it. deliver.same_window = false pastes into any window"
        )
    )]
    Moved,
    #[error(
        "{}",
        tr!(
            "the keyboard has no key for {keys}; see deliver.paste_key and \
             deliver.terminal_paste_key",
            keys = .0
        )
    )]
    NoKey(String),
    #[error(
        "{}",
        tr!(
            "the X server at DISPLAY cannot be reached ({reason}). If you logged in to another \
             desktop session since: systemctl --user restart v2m.service",
            reason = .0
        )
    )]
    NoServer(String),
    #[error("{}", tr!("the X server refused it ({reason})", reason = .0))]
    Server(String),
    #[error(
        "{}",
        tr!(
            "the X server lacks the extension {extension}, without which no program can press \
             keys",
            extension = .0
        )
    )]
    NoExtension(&'static str),
    #[error(
        "{}",
        tr!(
            "the compositor at WAYLAND_DISPLAY cannot be reached ({reason}). If you logged in to \
             another desktop session since: systemctl --user restart v2m.service",
            reason = .0
        )
    )]
    NoCompositor(String),
    #[error("{}", tr!("the compositor refused it ({reason})", reason = .0))]
    Compositor(String),
    #[error(
        "{}",
        tr!(
            "v2m could not start a thread for it ({reason}); free some memory, or close some \
             programs",
            reason = .0
        )
    )]
    NoThread(std::io::Error),
    #[error(
        "{}",
        tr!(
            "the session bus cannot be reached ({reason}). After logging in to the desktop: \
             systemctl --user restart v2m.service",
            reason = .0
        )
    )]
    NoBus(zbus::Error),
    #[error("{}", tr!("the desktop refused it ({reason})", reason = .0))]
    Refused(zbus::Error),
    #[error(
        "{}",
        tr!(
            "the desktop asks whether v2m may press keys: allow it there, and the next text is \
             pasted"
        )
    )]
    Asking,
    #[error(
        "{}",
        tr!(
            "you did not allow v2m to press keys. To be asked again: systemctl \
             --user restart v2m.service"
        )
    )]
    Denied,
    #[error(
        "{}",
        tr!(
            "v2m needs both the keyboard and the clipboard, and you allowed less. To be \
             asked again: systemctl --user restart v2m.service"
        )
    )]
    HalfAllowed,
    #[error("{}", tr!("the desktop would first ask whether v2m may press keys"))]
    WouldAsk,
    /// Nothing was tried, because the desktop offers no way to the cursor.
    #[error(transparent)]
    Unavailable(Box<Self>),
    #[error("{}", tr!("the desktop's portal closed the session; the next text opens a new one"))]
    PortalGone,
    #[error(
        "{}",
        tr!(
            "the desktop has not answered for {seconds} s",
            seconds = DEADLINE.as_secs()
        )
    )]
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

    /// Whether no text can be put at the cursor here, because a desktop or a permission is missing.
    /// If so, nothing was tried.
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
