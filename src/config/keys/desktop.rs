//! Keys of where a text goes, what there is to hear, and the log.

use super::{FLAG, Key};
use crate::config::settings::{JoinTo, LogLevel};
use crate::config::values::{choice, chord, chord_text, flag, put, texts};
use crate::session::DeliverMode;
use serde_json::json;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "deliver",
        name: "mode",
        allowed: "\"clipboard\", \"paste\", \"type\" or \"none\"",
        doc: "\"clipboard\"; \"paste\": into the window that has the keyboard, and the clipboard gets back\n\
              what it held (GNOME, sway and other wlroots compositors, X11; where that cannot be, the text\n\
              waits on the clipboard); \"type\": there too, key by key as the keyboard is laid out, for windows\n\
              that take no paste (no window confirms it; what is long, or the layout lacks, is pasted); \"none\".\n\
              `v2m-send toggle --deliver` outranks it for one dictation.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.mode.name()),
        set: |s, v| put(&mut s.deliver.mode, choice(v, &DeliverMode::ALL, DeliverMode::name)),
    },
    Key {
        section: "deliver",
        name: "paste_key",
        allowed: "\"auto\", or a key combination such as \"ctrl+v\", \"ctrl+shift+v\" or \"shift+insert\"",
        doc: "The keys that paste, with mode = \"paste\", in any window but a terminal. \"auto\": Ctrl+V. If\n\
              nothing tells which program has the keyboard (GNOME and KDE on Wayland, with programs that do\n\
              not use AT-SPI) and a terminal is running: Shift+Insert, which pastes in terminals and in\n\
              text fields. A key combination is pressed in any case.",
        restart: false,
        hidden: false,
        get: |s| json!(chord_text(s.deliver.paste_key.as_ref())),
        set: |s, v| put(&mut s.deliver.paste_key, chord(v)),
    },
    Key {
        section: "deliver",
        name: "terminal_paste_key",
        allowed: "\"auto\", or a key combination such as \"ctrl+shift+v\" or \"shift+insert\"",
        doc: "The keys that paste in a terminal. \"auto\": Ctrl+Shift+V, and Shift+Insert in xterm and rxvt.",
        restart: false,
        hidden: false,
        get: |s| json!(chord_text(s.deliver.terminal_paste_key.as_ref())),
        set: |s, v| put(&mut s.deliver.terminal_paste_key, chord(v)),
    },
    Key {
        section: "deliver",
        name: "terminals",
        allowed: "a list of classes of windows or names of programs, such as [\"kitty\", \"konsole\"]",
        doc: "Which programs are terminals, in upper or lower case: the class of their windows, as the\n\
              second name of `xprop WM_CLASS` shows it; on Wayland the application id, or the program's name.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.terminals),
        set: |s, v| put(&mut s.deliver.terminals, texts(v)),
    },
    Key {
        section: "deliver",
        name: "same_window",
        allowed: FLAG,
        doc: "Paste only into the window that had the keyboard when the recording was stopped; if that is\n\
              another one by then, the text waits on the clipboard. sway and the like tell only which\n\
              program's window it is; where the desktop tells nothing (GNOME on Wayland) it is pasted.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.same_window),
        set: |s, v| put(&mut s.deliver.same_window, flag(v)),
    },
    Key {
        section: "deliver",
        name: "join",
        allowed: "\"field\", \"last\" or \"nothing\"",
        doc: "What a text at the cursor (paste, type) is joined to: a space comes before it where one belongs,\n\
              and inside a sentence it begins with a small letter. \"field\": what is written around the cursor,\n\
              if the program tells (AT-SPI); else the last text, if it went into the same window and you have\n\
              typed and clicked nothing since. If the desktop does not tell that: a space for 30 seconds.\n\
              \"last\": the last text only; no program is asked. \"nothing\": texts go there as they are.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.join.name()),
        set: |s, v| put(&mut s.deliver.join, choice(v, &JoinTo::ALL, JoinTo::name)),
    },
    Key {
        section: "deliver",
        name: "sensitive",
        allowed: FLAG,
        doc: "Mark each text that is put on the clipboard, also for a moment to paste it, as password managers\n\
              mark passwords (x-kde-passwordManagerHint). Clipboard managers that know the mark (KDE's\n\
              Klipper, CopyQ 8, `wl-paste --watch`) do not put the text into their history. The text\n\
              stays on the clipboard; a later paste does not give a marked text back.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.sensitive),
        set: |s, v| put(&mut s.deliver.sensitive, flag(v)),
    },
    Key {
        section: "deliver",
        name: "notify",
        allowed: FLAG,
        doc: "Show the state, the text and what went wrong in a notification.",
        restart: false,
        hidden: false,
        get: |s| json!(s.deliver.notify),
        set: |s, v| put(&mut s.deliver.notify, flag(v)),
    },
    Key {
        section: "feedback",
        name: "sounds",
        allowed: FLAG,
        doc: "Short, soft sounds: v2m hears now, v2m hears no longer, something went wrong. Their volume\n\
              is that of the desktop's notifications.",
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.sounds),
        set: |s, v| put(&mut s.feedback.sounds, flag(v)),
    },
    Key {
        section: "feedback",
        name: "pause_media",
        allowed: FLAG,
        doc: "Pause media players while recording; those that were paused for it play again after it.",
        restart: false,
        hidden: false,
        get: |s| json!(s.feedback.pause_media),
        set: |s, v| put(&mut s.feedback.pause_media, flag(v)),
    },
    Key {
        section: "log",
        name: "level",
        allowed: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        doc: "The least severe level written: \"error\", \"warn\", \"info\", \"debug\" or \"trace\". Dictated\n\
              text is written at debug and trace only. V2M_LOG in the service's environment outranks this.",
        restart: false,
        hidden: false,
        get: |s| json!(s.log.level.name()),
        set: |s, v| put(&mut s.log.level, choice(v, &LogLevel::ALL, LogLevel::name)),
    },
];
