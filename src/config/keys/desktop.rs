//! Keys for delivery, feedback and the log.

use super::{ConfigKey, FLAG};
use crate::config::settings::{JoinTo, LogLevel, Notify, UndoBy};
use crate::config::values::{choice, chord, chord_text, flag, put, texts};
use crate::session::DeliverMode;
use serde_json::json;
use v2m_messages::mark;

pub(super) static KEYS: &[ConfigKey] = &[
    ConfigKey {
        section: "deliver",
        name: "mode",
        allowed: mark!("\"auto\", \"clipboard\", \"paste\", \"type\" or \"none\""),
        doc: mark!(
            "\"auto\": as \"paste\" if the desktop lets v2m press keys without asking you (GNOME, sway and other\n\
              wlroots compositors, X11; KDE once you have allowed it), otherwise as \"clipboard\".\n\
              \"clipboard\": you paste the text yourself. \"paste\": v2m pastes it into the window that has the\n\
              focus, and then restores the clipboard. KDE asks you once. If pasting is not possible, the text\n\
              stays on the clipboard. \"type\": v2m types it, for programs that do not accept pastes. No window\n\
              confirms typed text. A text that is long, or has characters that the keyboard layout lacks, is\n\
              pasted. \"none\": nowhere.\n\
              `v2m-send toggle --deliver` overrides this for one dictation."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.mode.name()),
        set: |s, v| put(&mut s.deliver.mode, choice(v, &DeliverMode::ALL, DeliverMode::name)),
    },
    ConfigKey {
        section: "deliver",
        name: "paste_key",
        allowed: mark!(
            "\"auto\", or a key combination such as \"ctrl+v\", \"ctrl+shift+v\" or \"shift+insert\""
        ),
        doc: mark!(
            "The keys that paste, in any window but a terminal. \"auto\": Ctrl+V. If v2m cannot find out which\n\
              program has the focus (GNOME and KDE on Wayland, programs without AT-SPI) and a terminal is\n\
              running: Shift+Insert, which pastes in terminals and in text fields. If you set keys here, v2m\n\
              always presses those."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(chord_text(s.deliver.paste_key.as_ref())),
        set: |s, v| put(&mut s.deliver.paste_key, chord(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "terminal_paste_key",
        allowed: mark!(
            "\"auto\", or a key combination such as \"ctrl+shift+v\" or \"shift+insert\""
        ),
        doc: mark!(
            "The keys that paste in a terminal. \"auto\": Ctrl+Shift+V, and Shift+Insert in xterm and rxvt."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(chord_text(s.deliver.terminal_paste_key.as_ref())),
        set: |s, v| put(&mut s.deliver.terminal_paste_key, chord(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "terminals",
        allowed: mark!(
            "a list of classes of windows or names of programs, such as [\"kitty\", \"konsole\"]"
        ),
        doc: mark!(
            "The programs that are terminals, in upper or lower case: the class of their windows, which is the\n\
              second name that `xprop WM_CLASS` prints; on Wayland the application id, or the program's name."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.terminals),
        set: |s, v| put(&mut s.deliver.terminals, texts(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "same_window",
        allowed: FLAG,
        doc: mark!(
            "Paste only into the window that had the focus when you stopped the recording. If another one has\n\
              the focus by then, the text stays on the clipboard. sway and similar compositors report only\n\
              which program's window it is. If the desktop reports nothing (GNOME on Wayland), v2m pastes."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.same_window),
        set: |s, v| put(&mut s.deliver.same_window, flag(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "focused_program",
        allowed: FLAG,
        doc: mark!(
            "On GNOME, with v2m's extension: ask GNOME Shell which program has the focus if the program itself\n\
              does not say so (AT-SPI), so that v2m presses the right keys in kitty, foot or Firefox, and knows\n\
              which preset applies (llm.applications). It is off because GNOME Shell hides this from other\n\
              programs. v2m learns the program's name, and no title of a window."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.focused_program),
        set: |s, v| put(&mut s.deliver.focused_program, flag(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "join",
        allowed: mark!("\"field\", \"last\" or \"nothing\""),
        doc: mark!(
            "How a pasted or typed text is joined to what stands before the cursor: v2m adds a space where one\n\
              belongs, and inside a sentence it starts with a small letter. \"field\": v2m looks at the text\n\
              around the cursor, if the program shows it (AT-SPI). Otherwise it looks at its last text, if that\n\
              went into the same window and you have not typed or clicked since. If the desktop does not report\n\
              that, v2m only adds a space, for 30 seconds. \"last\": it looks at its last text only, and asks no\n\
              program. \"nothing\": texts are delivered unchanged."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.join.name()),
        set: |s, v| put(&mut s.deliver.join, choice(v, &JoinTo::ALL, JoinTo::name)),
    },
    ConfigKey {
        section: "deliver",
        name: "undo",
        allowed: mark!("\"field\" or \"ctrl+z\""),
        doc: mark!(
            "How `v2m-send undo` takes the last text at the cursor back. \"field\": only if the program shows the\n\
              text before the cursor (AT-SPI), and it is still there as it was delivered. \"ctrl+z\": if the\n\
              program does not show it, v2m presses Ctrl+Z once, if the desktop reports that you have not typed\n\
              or clicked since and that no terminal has the focus."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.undo.name()),
        set: |s, v| put(&mut s.deliver.undo, choice(v, &UndoBy::ALL, UndoBy::name)),
    },
    ConfigKey {
        section: "deliver",
        name: "sensitive",
        allowed: FLAG,
        doc: mark!(
            "Mark each text on the clipboard, even for the moment of a paste, as password managers mark\n\
              passwords (x-kde-passwordManagerHint). Clipboard managers that know the mark (KDE's Klipper,\n\
              CopyQ 8, `wl-paste --watch`) keep the text out of their history. The text stays on the\n\
              clipboard. A later paste does not restore a marked text."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.sensitive),
        set: |s, v| put(&mut s.deliver.sensitive, flag(v)),
    },
    ConfigKey {
        section: "deliver",
        name: "notify",
        allowed: FLAG,
        doc: mark!(
            "The older form of feedback.notify: false means \"none\", whatever feedback.notify says."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.notify),
        set: |s, v| put(&mut s.deliver.notify, flag(v)),
    },
    ConfigKey {
        section: "feedback",
        name: "notify",
        allowed: mark!("\"all\", \"problems\" or \"none\""),
        doc: mark!(
            "What notifications show. \"all\": the state, the text and problems. While a program shows the state\n\
              on the screen (v2m-osd, or v2m's extension for GNOME Shell), it also shows texts that arrived, and\n\
              notifications show only problems. \"problems\": only problems. \"none\": nothing, with one\n\
              exception: a problem that costs words, or keeps them from where you wanted them, is never\n\
              hidden."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.notify.name()),
        set: |s, v| put(&mut s.feedback.notify, choice(v, &Notify::ALL, Notify::name)),
    },
    ConfigKey {
        section: "feedback",
        name: "overlay",
        allowed: FLAG,
        doc: mark!(
            "Show the recording with its level, the last words and where the text went at the bottom of the\n\
              screen (v2m-osd). It needs KDE, sway or another compositor with wlr-layer-shell, or X11. It is not\n\
              started on GNOME, nor while another program shows the state."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.overlay),
        set: |s, v| put(&mut s.feedback.overlay, flag(v)),
    },
    ConfigKey {
        section: "feedback",
        name: "sounds",
        allowed: FLAG,
        doc: mark!(
            "Play short, soft sounds when a recording starts, stops or fails, at the volume of the desktop's\n\
              notifications."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.sounds),
        set: |s, v| put(&mut s.feedback.sounds, flag(v)),
    },
    ConfigKey {
        section: "feedback",
        name: "pause_media",
        allowed: FLAG,
        doc: mark!(
            "Pause media players while recording, and let those that were paused play again afterwards."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.pause_media),
        set: |s, v| put(&mut s.feedback.pause_media, flag(v)),
    },
    ConfigKey {
        section: "log",
        name: "level",
        allowed: mark!("\"error\", \"warn\", \"info\", \"debug\" or \"trace\""),
        doc: mark!(
            "The least severe level that is logged: \"error\", \"warn\", \"info\", \"debug\" or \"trace\". Dictated text\n\
              is logged only at debug and trace. V2M_LOG in the service's environment overrides this."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.log.level.name()),
        set: |s, v| put(&mut s.log.level, choice(v, &LogLevel::ALL, LogLevel::name)),
    },
];
