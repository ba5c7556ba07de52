//! Why a text is not at the cursor, in words for the user.

use crate::deliver::keys::held::PATIENCE;
use crate::deliver::keys::layout;
use crate::deliver::paste::DEADLINE;

/// Why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("there was no text")]
    NoText,
    #[error("no window has the keyboard; paste it where it belongs")]
    NoWindow,
    #[error(transparent)]
    Lacks(#[from] layout::Lacks),
    #[error(transparent)]
    NotALayout(#[from] layout::NotALayout),
    #[error("the desktop does not tell the keyboard's layout ({0})")]
    NoLayout(&'static str),
    #[error("it takes too many keys")]
    TooLong,
    #[error("through the desktop's portal v2m only pastes")]
    NoTyping,
    #[error(
        "only its beginning was typed, as the keyboard went to another window; the rest is missing there"
    )]
    InPart,
    #[error(
        "this desktop has no way that v2m knows to paste for another program. See `v2m doctor`"
    )]
    NoWay,
    #[error(
        "no window took it; press {0} where it belongs. If that always happens in one program, it \
         pastes by other keys: see deliver.paste_key and deliver.terminals"
    )]
    NotTaken(String),
    #[error(
        "keys were still held down {} s after the text was ready; paste it where it belongs, and release the shortcut sooner",
        PATIENCE.as_secs()
    )]
    KeysHeld,
    #[error(
        "v2m could not tell whether you still held keys down, because the mouse kept moving for {} s; paste it where it belongs",
        PATIENCE.as_secs()
    )]
    KeysUnclear,
    #[error("only its beginning was typed, because a key was held down; the rest is missing there")]
    HeldInPart,
    #[error(
        "the desktop does not tell whether a terminal has the keyboard. Paste it with ctrl+shift+v in a terminal, \
         with ctrl+v elsewhere; deliver.paste_key sets keys that are pressed in any case"
    )]
    NoPrimary,
    #[error("something else was copied meanwhile, and stays on the clipboard")]
    Overtaken,
    #[error(
        "another window has the keyboard than when the recording was stopped; paste it where it belongs. \
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
    #[error("the X server did not do it ({0})")]
    Server(String),
    #[error("the X server lacks the extension {0}, without which no program can press keys")]
    NoExtension(&'static str),
    #[error(
        "the compositor at WAYLAND_DISPLAY cannot be reached ({0}). If you logged in to another desktop session since: \
         systemctl --user restart v2m.service"
    )]
    NoCompositor(String),
    #[error("the compositor did not do it ({0})")]
    Compositor(String),
    #[error("no thread could be started for it ({0}); the machine is short of memory or tasks")]
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
        "the desktop was told that v2m may not press keys. To be asked again: systemctl --user restart v2m.service"
    )]
    Denied,
    #[error(
        "the desktop was told to let v2m have less than the keyboard and the clipboard, and it needs both. To be asked again: \
         systemctl --user restart v2m.service"
    )]
    HalfAllowed,
    #[error("the desktop's portal has ended its session; the next text opens another one")]
    PortalGone,
    #[error("the desktop has not answered for {} s", DEADLINE.as_secs())]
    Hanging,
}

impl Problem {
    /// Whether some of the text may be at the cursor all the same.
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
            | Self::HalfAllowed => false,
        }
    }
}
