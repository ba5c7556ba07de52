//! Keys for storage and transcript post-processing.

use super::{ConfigKey, FLAG};
use crate::config::settings::Refine;
use crate::config::values::{
    applications, base_url, choice, flag, number, preset, provider, put, replacements,
    target_language, text, whole,
};
use serde_json::json;
use v2m_ipc::llm::Provider;
use v2m_messages::mark;

pub(super) static KEYS: &[ConfigKey] = &[
    ConfigKey {
        section: "store",
        name: "keep_count",
        allowed: mark!("a whole number from 0 to 1000000"),
        doc: mark!("Keep at most this many delivered dictations. 0: none."),
        restart: false,
        hidden: false,
        get: |s| json!(s.store.keep_count),
        set: |s, v| put(&mut s.store.keep_count, whole(v, 0..=1_000_000)),
    },
    ConfigKey {
        section: "store",
        name: "keep_days",
        allowed: mark!("a whole number from 0 to 36500"),
        doc: mark!("Keep delivered dictations for this many days. 0: not at all."),
        restart: false,
        hidden: false,
        get: |s| json!(s.store.keep_days),
        set: |s, v| put(&mut s.store.keep_days, whole(v, 0..=36_500)),
    },
    ConfigKey {
        section: "store",
        name: "keep_audio",
        allowed: FLAG,
        doc: mark!("Keep the recording too. false: delete it once its text is delivered."),
        restart: false,
        hidden: false,
        get: |s| json!(s.store.keep_audio),
        set: |s, v| put(&mut s.store.keep_audio, flag(v)),
    },
    ConfigKey {
        section: "text",
        name: "refine",
        allowed: mark!("\"off\", \"rules\" or \"llm\""),
        doc: mark!(
            "\"rules\": apply the rules below. \"llm\": apply the rules, and then have the language model of [llm]\n\
              rewrite the text, for at most dictation_seconds. \"off\": deliver the text as the model wrote it."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.refine.name()),
        set: |s, v| put(&mut s.text.refine, choice(v, &Refine::ALL, Refine::name)),
    },
    ConfigKey {
        section: "text",
        name: "spoken_layout",
        allowed: FLAG,
        doc: mark!(
            "Obey \"new line\", \"new paragraph\", \"nueva línea\", \"punto y aparte\", \"neue Zeile\", \"à la ligne\" and\n\
              so on, said with a pause before and after, and \"open quote … close quote\", \"abre paréntesis …\n\
              cierra paréntesis\" and similar pairs."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.spoken_layout),
        set: |s, v| put(&mut s.text.spoken_layout, flag(v)),
    },
    ConfigKey {
        section: "text",
        name: "spoken_punctuation",
        allowed: FLAG,
        doc: mark!(
            "Also obey \"comma\", \"full stop\", \"dos puntos\", \"Fragezeichen\", \"virgule\" and so on, with\n\
              pauses or without, unless the words beside them show that you mean the word (\"the comma\",\n\
              \"el punto\"). The model adds punctuation by itself. This is for people who prefer to dictate it."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.spoken_punctuation),
        set: |s, v| put(&mut s.text.spoken_punctuation, flag(v)),
    },
    ConfigKey {
        section: "text",
        name: "spoken_edits",
        allowed: FLAG,
        doc: mark!(
            "Obey \"scratch that\", \"borra eso\", \"streich das\" and \"efface ça\", said on their own: they remove\n\
              the sentence before. After a longer pause they remove everything since the pause before that."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.spoken_edits),
        set: |s, v| put(&mut s.text.spoken_edits, flag(v)),
    },
    ConfigKey {
        section: "text",
        name: "remove_fillers",
        allowed: FLAG,
        doc: mark!(
            "Remove \"um\", \"uh\", \"eh\", \"äh\", \"euh\" and so on, if the model wrote them."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.remove_fillers),
        set: |s, v| put(&mut s.text.remove_fillers, flag(v)),
    },
    ConfigKey {
        section: "text",
        name: "replace",
        allowed: mark!(
            "a table of what is heard and what is written for it, such as { \"ve dos eme\" = \"v2m\" }"
        ),
        doc: mark!(
            "Words to replace. What you say, in upper or lower case, and what v2m writes instead, exactly so:\n\
              replace = { \"ve dos eme\" = \"v2m\" }, or a section [text.replace] with one line for each."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.text.replace),
        set: |s, v| put(&mut s.text.replace, replacements(v)),
    },
    ConfigKey {
        section: "llm",
        name: "provider",
        allowed: mark!("\"none\", \"gemini\", \"ollama\" or \"openai\""),
        doc: mark!(
            "\"none\"; \"gemini\": Google's API; \"ollama\"; \"openai\": OpenAI, and every server with its API\n\
              (llama.cpp's server, LM Studio, vLLM, OpenRouter, …), with its address as base_url."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.provider.map_or("none", Provider::name)),
        set: |s, v| put(&mut s.llm.provider, provider(v)),
    },
    ConfigKey {
        section: "llm",
        name: "model",
        allowed: mark!("a model's name, such as \"gemini-2.5-flash\" or \"qwen2.5:3b\""),
        doc: mark!("The name of the model at the provider. `v2m doctor` lists the available ones."),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.model),
        set: |s, v| put(&mut s.llm.model, text(v)),
    },
    ConfigKey {
        section: "llm",
        name: "base_url",
        allowed: mark!(
            "an address such as \"http://localhost:8080/v1\", without user name and query, or \"\" for the provider's own"
        ),
        doc: mark!(
            "The address of the API, without the last part of the path, such as \"http://localhost:8080/v1\".\n\
              Empty: the provider's own address (Ollama: this machine). Over http:// v2m sends no key to another\n\
              machine. v2m-llm contacts only this address."
        ),
        restart: false,
        hidden: true,
        get: |s| json!(s.llm.base_url.as_deref().unwrap_or("")),
        set: |s, v| put(&mut s.llm.base_url, base_url(v)),
    },
    ConfigKey {
        section: "llm",
        name: "temperature",
        allowed: mark!("a number from 0 to 2"),
        doc: mark!("How freely the model chooses its words, 0 to 2."),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.temperature),
        set: |s, v| put(&mut s.llm.temperature, number(v, 0.0..=2.0)),
    },
    ConfigKey {
        section: "llm",
        name: "connect_seconds",
        allowed: mark!("a whole number from 1 to 60"),
        doc: mark!("The longest wait for a connection, in seconds (1 to 60)."),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.connect_seconds),
        set: |s, v| put(&mut s.llm.connect_seconds, whole(v, 1..=60)),
    },
    ConfigKey {
        section: "llm",
        name: "timeout_seconds",
        allowed: mark!("a whole number from 1 to 600"),
        doc: mark!(
            "The longest wait for an answer to `process` and `translate`, in seconds (1 to 600)."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.timeout_seconds),
        set: |s, v| put(&mut s.llm.timeout_seconds, whole(v, 1..=600)),
    },
    ConfigKey {
        section: "llm",
        name: "dictation_seconds",
        allowed: mark!("a whole number from 1 to 120"),
        doc: mark!(
            "The longest wait of a dictation, in seconds (1 to 120). After that its text is delivered\n\
              unchanged."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.dictation_seconds),
        set: |s, v| put(&mut s.llm.dictation_seconds, whole(v, 1..=120)),
    },
    ConfigKey {
        section: "llm",
        name: "preset",
        allowed: mark!("the name of a preset, such as \"clean-up\""),
        doc: mark!(
            "The preset that is used if none is named. Built in are clean-up, email, notes and prompt. Your own\n\
              are files in ~/.config/v2m/presets, and replace built-in ones of the same name (man v2m)."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.preset),
        set: |s, v| put(&mut s.llm.preset, preset(v)),
    },
    ConfigKey {
        section: "llm",
        name: "applications",
        allowed: mark!(
            "a table of applications and their presets, such as { \"org.gnome.Evolution\" = \"email\" }"
        ),
        doc: mark!(
            "Presets for applications: what you dictate into them goes to the language model, whatever refine\n\
              says, and \"none\" keeps it from the model. The application that has the focus when the recording\n\
              begins counts; `--preset` takes precedence. If v2m cannot find out the application and the table\n\
              has a \"none\", the model does not get the text. Name applications by their application id or\n\
              window class, such as applications = { \"org.gnome.Evolution\" = \"email\", \"keepassxc\" = \"none\" },\n\
              or in a section [llm.applications] with one line for each. docs/language-models.md says where\n\
              v2m learns them."
        ),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.applications),
        set: |s, v| put(&mut s.llm.applications, applications(v)),
    },
    ConfigKey {
        section: "llm",
        name: "target_language",
        allowed: mark!("a language's code or name, such as \"es\" or \"Spanish\""),
        doc: mark!("The language into which `translate` translates if none is named."),
        restart: false,
        hidden: false,
        get: |s| json!(s.llm.target_language),
        set: |s, v| put(&mut s.llm.target_language, target_language(v)),
    },
];
