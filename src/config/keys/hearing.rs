//! Keys for recording and recognition: the recogniser, the microphone, a dictation, its shortcut.

use super::{ConfigKey, FLAG};
use crate::config::settings::BackendChoice;
use crate::config::values::{
    base_url, choice, flag, language, languages, model, model_or_none, number, put, silence,
    silence_text, text, texts, unload_after, unload_text, whole,
};
use crate::session::TriggerMode;
use serde_json::json;
use v2m_messages::mark;

pub(super) static KEYS: &[ConfigKey] = &[
    ConfigKey {
        section: "engine",
        name: "model",
        allowed: mark!("a name from `v2m-model list` or an absolute path of a ggml or GGUF file"),
        doc: mark!(
            "The speech model: a name from `v2m-model list`, or the absolute path of a ggml or GGUF file."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.model),
        set: |s, v| put(&mut s.engine.model, model(v)),
    },
    ConfigKey {
        section: "engine",
        name: "preview",
        allowed: mark!(
            "a name from `v2m-model list`, an absolute path of a model in GGUF form, or \"\" for none"
        ),
        doc: mark!(
            "A second model that shows your words while you speak, such as\n\
              \"nemotron-3.5-asr-streaming-0.6b-q8_0\". The text itself always comes from `model`. Empty:\n\
              what `model` has recognised so far is shown. The second model takes memory of its own, and\n\
              computes while you speak."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.preview),
        set: |s, v| put(&mut s.engine.preview, model_or_none(v)),
    },
    ConfigKey {
        section: "engine",
        name: "backend",
        allowed: mark!("\"auto\", \"cuda\", \"vulkan\", \"cpu\" or \"remote\""),
        doc: mark!(
            "What the recogniser runs on: \"auto\" (CUDA, Vulkan or the processor: the first that is installed\n\
              and works), \"cuda\" or \"vulkan\" (only that; if it does not work, nothing does), \"cpu\", or \"remote\"\n\
              (the server in [remote]; if it fails, this computer). `v2m-send status` shows which one is used."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.backend.name()),
        set: |s, v| put(&mut s.engine.backend, choice(v, &BackendChoice::ALL, BackendChoice::name)),
    },
    ConfigKey {
        section: "engine",
        name: "language",
        allowed: mark!(
            "\"auto\" or the code of a language Whisper knows, such as \"en\" or \"es\""
        ),
        doc: mark!(
            "The language you speak: a code such as \"en\" or \"es\", which is faster and more reliable, or \"auto\",\n\
              which detects it in each recording."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.language.as_deref().unwrap_or("auto")),
        set: |s, v| put(&mut s.engine.language, language(v)),
    },
    ConfigKey {
        section: "engine",
        name: "languages",
        allowed: mark!("a list of codes of languages Whisper knows, such as [\"en\", \"es\"]"),
        doc: mark!(
            "With language = \"auto\": detect only these languages. Empty: all. With two or more you can change\n\
              the language at a pause. Otherwise the first language that is detected stays."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.languages),
        set: |s, v| put(&mut s.engine.languages, languages(v)),
    },
    ConfigKey {
        section: "engine",
        name: "translate",
        allowed: FLAG,
        doc: mark!("Translate to English, instead of writing what you said."),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.translate),
        set: |s, v| put(&mut s.engine.translate, flag(v)),
    },
    ConfigKey {
        section: "engine",
        name: "vocabulary",
        allowed: mark!("a list of words, such as [\"PipeWire\", \"Ngozi\"]"),
        doc: mark!("Names and terms to expect, the most important first. As many as fit are used."),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.vocabulary),
        set: |s, v| put(&mut s.engine.vocabulary, texts(v)),
    },
    ConfigKey {
        section: "engine",
        name: "beam_size",
        allowed: mark!("a whole number from 1 to 8"),
        doc: mark!(
            "How many hypotheses the decoder follows, 1 to 8. 1 is the fastest; 5 makes fewer errors."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.beam_size),
        set: |s, v| put(&mut s.engine.beam_size, whole(v, 1..=8)),
    },
    ConfigKey {
        section: "engine",
        name: "threads",
        allowed: mark!("a whole number from 0 to 256"),
        doc: mark!("Threads on the processor. 0: one per physical core, at most 8."),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.threads),
        set: |s, v| put(&mut s.engine.threads, whole(v, 0..=256)),
    },
    ConfigKey {
        section: "engine",
        name: "hang_seconds",
        allowed: mark!("a whole number from 5 to 600"),
        doc: mark!(
            "If the recogniser has work and makes no progress for this many seconds (5 to 600), v2m replaces\n\
              it, and the new one gets the same recording. Time in which other programs use the processor does\n\
              not count."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.engine.hang_seconds),
        set: |s, v| put(&mut s.engine.hang_seconds, whole(v, 5..=600)),
    },
    ConfigKey {
        section: "engine",
        name: "unload_after",
        allowed: mark!(
            "\"auto\", \"never\", or a time from 1s to 24h, such as \"90s\", \"15min\" or \"2h\""
        ),
        doc: mark!(
            "Unload the model after this time without a dictation, to free its memory. The next press loads it\n\
              again while you speak. \"auto\": after 15min on a GPU, never on the processor."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(unload_text(s.engine.unload_after)),
        set: |s, v| put(&mut s.engine.unload_after, unload_after(v)),
    },
    ConfigKey {
        section: "remote",
        name: "base_url",
        allowed: mark!(
            "an address such as \"http://gpu.lan:8000/v1\", without user name and query, or \"\" for none"
        ),
        doc: mark!(
            "The address of the server's API, without the end of the path (/audio/transcriptions), such as\n\
              \"http://gpu.lan:8000/v1\". v2m-remote contacts only this address. http:// works to this computer\n\
              and in private networks only, and carries a key only to this computer."
        ),
        restart: false,
        hidden: true,
        get: |s| json!(s.remote.base_url.as_deref().unwrap_or("")),
        set: |s, v| put(&mut s.remote.base_url, base_url(v)),
    },
    ConfigKey {
        section: "remote",
        name: "model",
        allowed: mark!("a model's name, such as \"whisper-1\", or \"\""),
        doc: mark!(
            "The name of the model at the server. Empty: none is named, if the server has only one."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.remote.model),
        set: |s, v| put(&mut s.remote.model, text(v)),
    },
    ConfigKey {
        section: "remote",
        name: "connect_seconds",
        allowed: mark!("a whole number from 1 to 60"),
        doc: mark!("The longest wait for a connection, in seconds (1 to 60)."),
        restart: false,
        hidden: false,
        get: |s| json!(s.remote.connect_seconds),
        set: |s, v| put(&mut s.remote.connect_seconds, whole(v, 1..=60)),
    },
    ConfigKey {
        section: "remote",
        name: "timeout_seconds",
        allowed: mark!("a whole number from 1 to 300"),
        doc: mark!(
            "The longest wait for the text of one piece of speech (25 seconds at most), in seconds (1 to 300).\n\
              After that this computer transcribes the dictation."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.remote.timeout_seconds),
        set: |s, v| put(&mut s.remote.timeout_seconds, whole(v, 1..=300)),
    },
    ConfigKey {
        section: "capture",
        name: "source",
        allowed: mark!(
            "the node.name of a PipeWire source, with \":\" and one of its ports behind it if you like, or \"\" for the default source"
        ),
        doc: mark!(
            "The microphone: a PipeWire node.name, as `wpctl status --name` or `pw-cli ls Node` shows it.\n\
              Empty: the default source. If it is missing, recording fails with an error.\n\
              If a source has several channels, v2m uses those that carry sound. To record one input of an\n\
              audio interface, add its port, as `pw-link -o` shows it: \"NAME:capture_AUX2\"."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.capture.source.as_deref().unwrap_or("")),
        set: |s, v| {
            put(&mut s.capture.source, text(v).map(|name| Some(name).filter(|n| !n.is_empty())))
        },
    },
    ConfigKey {
        section: "capture",
        name: "linger_seconds",
        allowed: mark!("a whole number from 0 to 3600"),
        doc: mark!(
            "How many seconds (0 to 3600) the microphone's stream stays connected, but paused, after a\n\
              dictation. If the next recording starts within about 5 seconds, it starts about 10 ms sooner. But\n\
              the desktop shows its microphone indicator all that time."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.capture.linger_seconds),
        set: |s, v| put(&mut s.capture.linger_seconds, whole(v, 0..=3600)),
    },
    ConfigKey {
        section: "session",
        name: "max_minutes",
        allowed: mark!("a number from 0.05 to 120"),
        doc: mark!(
            "The longest recording, in minutes (0.05 to 120). After that it is stopped and transcribed."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.session.max_minutes),
        set: |s, v| put(&mut s.session.max_minutes, number(v, 0.05..=120.0)),
    },
    ConfigKey {
        section: "session",
        name: "stop_after_silence",
        allowed: mark!("\"never\", or a time from 0.5s to 60s"),
        doc: mark!(
            "Stop a recording without a second press, after so much silence (0.5s to 60s). The silence counts\n\
              once you have spoken. \"never\": only a press stops it."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(silence_text(s.session.stop_after_silence)),
        set: |s, v| put(&mut s.session.stop_after_silence, silence(v, 0.5..=60.0)),
    },
    ConfigKey {
        section: "session",
        name: "continuous_silence",
        allowed: mark!("\"never\", or a time from 5s to 600s"),
        doc: mark!(
            "Stop a continuous dictation (`v2m-send toggle --continuous`) after so much silence (5s to\n\
              600s), in place of stop_after_silence. \"never\": only a press stops it."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(silence_text(s.session.continuous_silence)),
        set: |s, v| put(&mut s.session.continuous_silence, silence(v, 5.0..=600.0)),
    },
    ConfigKey {
        section: "trigger",
        name: "mode",
        allowed: mark!("\"auto\", \"toggle\" or \"hold\""),
        doc: mark!(
            "\"auto\": a tap starts or stops. A held key records until you release it, if the desktop repeats a\n\
              held shortcut (GNOME does). \"toggle\": taps only; a held key counts as one tap. \"hold\": as auto,\n\
              but the recording after a tap stops by itself after about a second."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.trigger.mode.name()),
        set: |s, v| put(&mut s.trigger.mode, choice(v, &TriggerMode::ALL, TriggerMode::name)),
    },
];
