//! Keys of what hears: the recogniser, the microphone, a dictation, its shortcut.

use super::{FLAG, Key};
use crate::config::settings::Backend;
use crate::config::values::{
    choice, flag, language, languages, model, number, put, text, texts, unload_after, unload_text,
    whole,
};
use crate::session::TriggerMode;
use serde_json::json;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "engine",
        name: "model",
        allowed: "a name from `v2m-model list` or an absolute path of a ggml file",
        doc: "The model: a name from `v2m-model list`, or the absolute path of a ggml file.",
        restart: false,
        hidden: false,
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
        hidden: false,
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
        hidden: false,
        get: |s| json!(s.engine.language.as_deref().unwrap_or("auto")),
        set: |s, v| put(&mut s.engine.language, language(v)),
    },
    Key {
        section: "engine",
        name: "languages",
        allowed: "a list of codes of languages Whisper knows, such as [\"en\", \"es\"]",
        doc: "With language = \"auto\": detect only among these codes. Empty: among all. With two or more you\n\
              can change the language at a pause; otherwise the language stays that is heard first.",
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.languages),
        set: |s, v| put(&mut s.engine.languages, languages(v)),
    },
    Key {
        section: "engine",
        name: "translate",
        allowed: FLAG,
        doc: "Translate to English instead of writing what was said.",
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.translate),
        set: |s, v| put(&mut s.engine.translate, flag(v)),
    },
    Key {
        section: "engine",
        name: "vocabulary",
        allowed: "a list of words, such as [\"PipeWire\", \"Ngozi\"]",
        doc: "Names and terms to expect, the most important first; as many as fit are used.",
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.vocabulary),
        set: |s, v| put(&mut s.engine.vocabulary, texts(v)),
    },
    Key {
        section: "engine",
        name: "beam_size",
        allowed: "a whole number from 1 to 8",
        doc: "How many hypotheses the decoder follows, 1 to 8. 1 is fastest, 5 makes fewer errors.",
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.beam_size),
        set: |s, v| put(&mut s.engine.beam_size, whole(v, 1..=8)),
    },
    Key {
        section: "engine",
        name: "threads",
        allowed: "a whole number from 0 to 256",
        doc: "Threads on the processor. 0: one for each physical core, at most 8.",
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.threads),
        set: |s, v| put(&mut s.engine.threads, whole(v, 0..=256)),
    },
    Key {
        section: "engine",
        name: "hang_seconds",
        allowed: "a whole number from 5 to 600",
        doc: "A recogniser that has work and gets no further for so many seconds (5 to 600) is\n\
              replaced, and the new one gets the same recording. Time in which other programs\n\
              leave it no processor does not count.",
        restart: false,
        hidden: false,
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
        hidden: false,
        get: |s| json!(unload_text(s.engine.unload_after)),
        set: |s, v| put(&mut s.engine.unload_after, unload_after(v)),
    },
    Key {
        section: "capture",
        name: "source",
        allowed: "the node.name of a PipeWire source, with \":\" and one of its ports behind it if you like, or \"\" for the default source",
        doc: "The microphone: a PipeWire node.name, as `wpctl status --name` or `pw-cli ls Node` show\n\
              it. Empty: the default source. If it is not there, recording fails and says so.\n\
              If a source has several channels, v2m takes those that carry sound. To record one input\n\
              of an audio interface, add its port, as `pw-link -o` shows it: \"NAME:capture_AUX2\".",
        restart: false,
        hidden: false,
        get: |s| json!(s.capture.source.as_deref().unwrap_or("")),
        set: |s, v| {
            put(&mut s.capture.source, text(v).map(|name| Some(name).filter(|n| !n.is_empty())))
        },
    },
    Key {
        section: "capture",
        name: "linger_seconds",
        allowed: "a whole number from 0 to 3600",
        doc: "How many seconds (0 to 3600) the microphone's stream stays connected, paused, after a\n\
              dictation. A recording within some 5 seconds then starts about 10 ms sooner; but the desktop\n\
              shows its microphone sign all that time.",
        restart: false,
        hidden: false,
        get: |s| json!(s.capture.linger_seconds),
        set: |s, v| put(&mut s.capture.linger_seconds, whole(v, 0..=3600)),
    },
    Key {
        section: "session",
        name: "max_minutes",
        allowed: "a number from 0.05 to 120",
        doc: "The longest recording, in minutes (0.05 to 120). Then it is stopped and transcribed.",
        restart: false,
        hidden: false,
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
        hidden: false,
        get: |s| json!(s.trigger.mode.name()),
        set: |s, v| put(&mut s.trigger.mode, choice(v, &TriggerMode::ALL, TriggerMode::name)),
    },
];
