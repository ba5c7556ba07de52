//! The table of keys: all there is to know of each, in the order of the default file.

use super::settings::{Backend, LogLevel, Refine, Settings};
use super::values::{
    choice, chord, flag, language, languages, model, number, put, replacements, text, texts,
    unload_after, unload_text, whole,
};
use crate::session::{DeliverMode, TriggerMode};
use serde_json::{Value, json};

/// Stands for a secret's value wherever settings are shown.
pub(super) const MASK: &str = "********";

/// One key of the configuration.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// What it takes, as it completes "it takes …".
    pub(super) allowed: &'static str,
    /// For the default file; lines as they stand there.
    pub(super) doc: &'static str,
    /// Whether a change needs a restart of the service.
    pub(super) restart: bool,
    /// Whether its value is never shown.
    pub(super) secret: bool,
    /// Its value in the file's terms.
    pub(super) get: fn(&Settings) -> Value,
    /// Takes a value over; false when it is not allowed, and nothing is changed then.
    pub(super) set: fn(&mut Settings, &Value) -> bool,
}

impl Key {
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// The sections with what they are about, in the order of the default file.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("engine", "The recogniser. A change here restarts only the recogniser, at once."),
    ("capture", "The microphone."),
    ("session", "One dictation."),
    ("trigger", "The shortcut that runs `v2m-send toggle`."),
    (
        "store",
        "What is kept of dictations, in ~/.local/state/v2m/dictations.\nWhat has not been transcribed yet is always kept.",
    ),
    (
        "text",
        "What becomes of what was heard. `v2m-send rules test` shows it; what was heard is kept beside\n\
         it. Files are transcribed as they are. The rules know English and Spanish.",
    ),
    ("deliver", "Where the text goes, beside the answer to the client."),
    ("feedback", "What there is to hear of a dictation."),
    ("log", "The journal: journalctl --user -u v2m"),
];

const FLAG: &str = "true or false";

/// A static, not a constant: keys are told apart by their address.
pub(super) static KEYS: &[Key] = &[
    Key {
        section: "engine",
        name: "model",
        allowed: "a name from `v2m-model list` or an absolute path of a ggml file",
        doc: "The model: a name from `v2m-model list`, or the absolute path of a ggml file.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.model),
        set: |s, v| put(&mut s.engine.model, model(v)),
    },
    Key {
        section: "engine",
        name: "backend",
        allowed: "\"auto\", \"cuda\", \"vulkan\" or \"cpu\"",
        doc: "What computes: \"auto\" (CUDA, Vulkan or the processor: the first that is installed and\n\
              works), \"cuda\", \"vulkan\" (that and nothing else: where it does not work, nothing does) or\n\
              \"cpu\". `v2m-send status` says which it is.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.backend.name()),
        set: |s, v| put(&mut s.engine.backend, choice(v, &Backend::ALL, Backend::name)),
    },
    Key {
        section: "engine",
        name: "language",
        allowed: "\"auto\" or the code of a language Whisper knows, such as \"en\" or \"es\"",
        doc: "The language spoken: \"auto\" detects it in each recording; a code such as \"en\" or\n\
              \"es\" fixes it, which is faster and surer.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.language.as_deref().unwrap_or("auto")),
        set: |s, v| put(&mut s.engine.language, language(v)),
    },
    Key {
        section: "engine",
        name: "languages",
        allowed: "a list of codes of languages Whisper knows, such as [\"en\", \"es\"]",
        doc: "With language = \"auto\": detect only among these codes. Empty: among all.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.languages),
        set: |s, v| put(&mut s.engine.languages, languages(v)),
    },
    Key {
        section: "engine",
        name: "translate",
        allowed: FLAG,
        doc: "Translate to English instead of writing what was said.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.translate),
        set: |s, v| put(&mut s.engine.translate, flag(v)),
    },
    Key {
        section: "engine",
        name: "vocabulary",
        allowed: "a list of words, such as [\"PipeWire\", \"Ngozi\"]",
        doc: "Names and terms to expect, the most important first; as many as fit are used.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.vocabulary),
        set: |s, v| put(&mut s.engine.vocabulary, texts(v)),
    },
    Key {
        section: "engine",
        name: "beam_size",
        allowed: "a whole number from 1 to 8",
        doc: "How many hypotheses the decoder follows, 1 to 8. 1 is fastest, 5 makes fewer errors.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.beam_size),
        set: |s, v| put(&mut s.engine.beam_size, whole(v, 1..=8)),
    },
    Key {
        section: "engine",
        name: "threads",
        allowed: "a whole number from 0 to 256",
        doc: "Threads on the processor. 0: one for each physical core, at most 8.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.threads),
        set: |s, v| put(&mut s.engine.threads, whole(v, 0..=256)),
    },
    Key {
        section: "engine",
        name: "hang_seconds",
        allowed: "a whole number from 5 to 600",
        doc: "Without a sign of life from a working recogniser for so many seconds (5 to 600), it is\n\
              replaced, and the new one gets the same recording.",
        restart: false,
        secret: false,
        get: |s| json!(s.engine.hang_seconds),
        set: |s, v| put(&mut s.engine.hang_seconds, whole(v, 5..=600)),
    },
    Key {
        section: "engine",
        name: "unload_after",
        allowed: "\"auto\", \"never\", or a time from 1s to 24h, such as \"90s\", \"15min\" or \"2h\"",
        doc: "After so long without a dictation the model is let go and its memory is free; the next press\n\
              loads it while you speak. \"auto\": after 15min on a GPU, never on the processor.",
        restart: false,
        secret: false,
        get: |s| json!(unload_text(s.engine.unload_after)),
        set: |s, v| put(&mut s.engine.unload_after, unload_after(v)),
    },
    Key {
        section: "capture",
        name: "source",
        allowed: "the node.name of a PipeWire source, or \"\" for the default one",
        doc: "The microphone: a PipeWire node.name, as `wpctl status --name` or `pw-cli ls Node` show\n\
              it. Empty: the default source. If it is not there, recording fails and says so.",
        restart: false,
        secret: false,
        get: |s| json!(s.capture.source.as_deref().unwrap_or("")),
        set: |s, v| {
            put(&mut s.capture.source, text(v).map(|name| Some(name).filter(|n| !n.is_empty())))
        },
    },
    Key {
        section: "capture",
        name: "linger_seconds",
        allowed: "a whole number from 0 to 3600",
        doc: "After a dictation the microphone's stream stays ready, silent and paused, for so many\n\
              seconds (0 to 3600): the next dictation then starts at once.",
        restart: false,
        secret: false,
        get: |s| json!(s.capture.linger_seconds),
        set: |s, v| put(&mut s.capture.linger_seconds, whole(v, 0..=3600)),
    },
    Key {
        section: "session",
        name: "max_minutes",
        allowed: "a number from 0.05 to 120",
        doc: "The longest recording, in minutes (0.05 to 120). Then it is stopped and transcribed.",
        restart: false,
        secret: false,
        get: |s| json!(s.session.max_minutes),
        set: |s, v| put(&mut s.session.max_minutes, number(v, 0.05..=120.0)),
    },
    Key {
        section: "trigger",
        name: "mode",
        allowed: "\"auto\", \"toggle\" or \"hold\"",
        doc: "\"auto\": a tap starts or stops; a key that is held down records until it is let go, where\n\
              the desktop repeats a held shortcut (GNOME does). \"toggle\": taps only, a held key is one\n\
              tap. \"hold\": as auto, and a tap stops by itself after a second or so.",
        restart: false,
        secret: false,
        get: |s| json!(s.trigger.mode.name()),
        set: |s, v| put(&mut s.trigger.mode, choice(v, &TriggerMode::ALL, TriggerMode::name)),
    },
    Key {
        section: "store",
        name: "keep_count",
        allowed: "a whole number from 0 to 1000000",
        doc: "Keep at most so many delivered dictations. 0: none.",
        restart: false,
        secret: false,
        get: |s| json!(s.store.keep_count),
        set: |s, v| put(&mut s.store.keep_count, whole(v, 0..=1_000_000)),
    },
    Key {
        section: "store",
        name: "keep_days",
        allowed: "a whole number from 0 to 36500",
        doc: "Keep delivered dictations for so many days. 0: not at all.",
        restart: false,
        secret: false,
        get: |s| json!(s.store.keep_days),
        set: |s, v| put(&mut s.store.keep_days, whole(v, 0..=36_500)),
    },
    Key {
        section: "store",
        name: "keep_audio",
        allowed: FLAG,
        doc: "Keep the recording too. false: it is deleted once its text is delivered.",
        restart: false,
        secret: false,
        get: |s| json!(s.store.keep_audio),
        set: |s, v| put(&mut s.store.keep_audio, flag(v)),
    },
    Key {
        section: "text",
        name: "refine",
        allowed: "\"off\" or \"rules\"",
        doc: "\"rules\": the rules below, at once; \"off\": the text is delivered as it was heard.",
        restart: false,
        secret: false,
        get: |s| json!(s.text.refine.name()),
        set: |s, v| put(&mut s.text.refine, choice(v, &Refine::ALL, Refine::name)),
    },
    Key {
        section: "text",
        name: "spoken_layout",
        allowed: FLAG,
        doc: "\"New line\", \"new paragraph\", \"nueva línea\", \"punto y aparte\", said with a pause before and\n\
              after; \"open quote … close quote\", \"abre paréntesis … cierra paréntesis\".",
        restart: false,
        secret: false,
        get: |s| json!(s.text.spoken_layout),
        set: |s, v| put(&mut s.text.spoken_layout, flag(v)),
    },
    Key {
        section: "text",
        name: "spoken_punctuation",
        allowed: FLAG,
        doc: "Also \"comma\", \"full stop\", \"question mark\", \"coma\", \"punto\", \"dos puntos\" and so on, with\n\
              pauses or without, unless the words beside speak against it (\"the comma\", \"el punto\"). The\n\
              model writes punctuation by itself: for those who dictate it all the same.",
        restart: false,
        secret: false,
        get: |s| json!(s.text.spoken_punctuation),
        set: |s, v| put(&mut s.text.spoken_punctuation, flag(v)),
    },
    Key {
        section: "text",
        name: "spoken_edits",
        allowed: FLAG,
        doc: "\"Scratch that\", \"borra eso\", said on its own, takes back the sentence before it; after a longer\n\
              pause all that was said between that pause and the one before.",
        restart: false,
        secret: false,
        get: |s| json!(s.text.spoken_edits),
        set: |s, v| put(&mut s.text.spoken_edits, flag(v)),
    },
    Key {
        section: "text",
        name: "remove_fillers",
        allowed: FLAG,
        doc: "Leave out \"um\", \"uh\", \"eh\" and the like, as far as the model wrote them.",
        restart: false,
        secret: false,
        get: |s| json!(s.text.remove_fillers),
        set: |s, v| put(&mut s.text.remove_fillers, flag(v)),
    },
    Key {
        section: "text",
        name: "replace",
        allowed: "a table of what is heard and what is written for it, such as { \"ve dos eme\" = \"v2m\" }",
        doc: "What is heard, in whatever case, and what is written for it, in just this one:\n\
              replace = { \"ve dos eme\" = \"v2m\" }, or a section [text.replace] with a line for each.",
        restart: false,
        secret: false,
        get: |s| json!(s.text.replace),
        set: |s, v| put(&mut s.text.replace, replacements(v)),
    },
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
        secret: false,
        get: |s| json!(s.deliver.mode.name()),
        set: |s, v| put(&mut s.deliver.mode, choice(v, &DeliverMode::ALL, DeliverMode::name)),
    },
    Key {
        section: "deliver",
        name: "paste_key",
        allowed: "a key combination such as \"ctrl+v\", \"ctrl+shift+v\" or \"shift+insert\"",
        doc: "The keys that paste, with mode = \"paste\".",
        restart: false,
        secret: false,
        get: |s| json!(s.deliver.paste_key.to_string()),
        set: |s, v| put(&mut s.deliver.paste_key, chord(v)),
    },
    Key {
        section: "deliver",
        name: "terminal_paste_key",
        allowed: "a key combination such as \"ctrl+shift+v\" or \"shift+insert\"",
        doc: "The keys that paste in a terminal, where the desktop tells which program has the keyboard\n\
              (X11, wlroots; GNOME on Wayland does not: set paste_key there if you dictate into terminals).",
        restart: false,
        secret: false,
        get: |s| json!(s.deliver.terminal_paste_key.to_string()),
        set: |s, v| put(&mut s.deliver.terminal_paste_key, chord(v)),
    },
    Key {
        section: "deliver",
        name: "terminals",
        allowed: "a list of classes of windows, such as [\"kitty\", \"konsole\"]",
        doc: "Which programs those are: the classes of their windows, as the second name of\n\
              `xprop WM_CLASS` shows them, or on Wayland their application ids, in whatever case.",
        restart: false,
        secret: false,
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
        secret: false,
        get: |s| json!(s.deliver.same_window),
        set: |s, v| put(&mut s.deliver.same_window, flag(v)),
    },
    Key {
        section: "deliver",
        name: "notify",
        allowed: FLAG,
        doc: "Show the state, the text and what went wrong in a notification.",
        restart: false,
        secret: false,
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
        secret: false,
        get: |s| json!(s.feedback.sounds),
        set: |s, v| put(&mut s.feedback.sounds, flag(v)),
    },
    Key {
        section: "feedback",
        name: "pause_media",
        allowed: FLAG,
        doc: "Pause media players while recording; those that were paused for it play again after it.",
        restart: false,
        secret: false,
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
        secret: false,
        get: |s| json!(s.log.level.name()),
        set: |s, v| put(&mut s.log.level, choice(v, &LogLevel::ALL, LogLevel::name)),
    },
];

/// The key of that name, if there is one.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}
