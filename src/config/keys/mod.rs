//! The table of keys, with all metadata, in the order of the default file.

mod desktop;
mod hearing;
mod text;

use super::settings::Settings;
use serde_json::Value;
use v2m_messages::mark;

/// Replaces a written value that must not be shown.
pub(super) const MASK: &str = "********";

/// One key of the configuration.
pub(super) struct ConfigKey {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// The accepted values, to complete "it takes …": a message.
    pub(super) allowed: &'static str,
    /// The documentation in the default file, line by line: a message.
    pub(super) doc: &'static str,
    /// Whether a change needs a restart of the service.
    pub(super) restart: bool,
    /// Whether a rejected value is masked, because it may be a misplaced secret.
    pub(super) hidden: bool,
    /// Returns the key's value, as in the file.
    pub(super) get: fn(&Settings) -> Value,
    /// Applies a value. Returns false, without a change, if it is not allowed.
    pub(super) set: fn(&mut Settings, &Value) -> bool,
}

impl ConfigKey {
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// The sections with their descriptions (messages), in the order of the default file.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("engine", mark!("The recogniser. A change here restarts only the recogniser, at once.")),
    (
        "remote",
        mark!(
            "A recogniser on your own server, with engine.backend = \"remote\": anything with OpenAI's API for\n\
         transcriptions (vLLM, speaches, LocalAI, whisper.cpp's server). v2m-remote sends it your voice;\n\
         the service has no network access. If the server fails, this computer transcribes, with\n\
         engine.model. A key belongs in a file that only you can read: ~/.config/v2m/keys/HOST\n\
         (man v2m-remote)."
        ),
    ),
    ("capture", mark!("The microphone.")),
    ("session", mark!("One dictation.")),
    ("trigger", mark!("The shortcut that runs `v2m-send toggle`.")),
    (
        "store",
        mark!(
            "What v2m keeps of your dictations, in ~/.local/state/v2m/dictations.\n\
         It always keeps recordings that have no text yet."
        ),
    ),
    (
        "text",
        mark!(
            "Text rules, for English, Spanish, German and French. `v2m-send rules test` shows what they do. v2m\n\
         also stores the text before the rules. They do not apply to sound files."
        ),
    ),
    (
        "llm",
        mark!(
            "A language model, for `v2m-send process` and `translate`, and for dictations with refine =\n\
         \"llm\" or `v2m-send toggle --preset NAME`. v2m-llm asks it; the service has no network access.\n\
         Do not put the key here. Put it into a file that only you can read: ~/.config/v2m/gemini.key or\n\
         openai.key for Google's or OpenAI's own service, ~/.config/v2m/keys/HOST for any other host. No\n\
         other host gets it (man v2m-llm)."
        ),
    ),
    ("deliver", mark!("Where a text goes, besides the answer to the client.")),
    ("feedback", mark!("What there is to see and hear during a dictation.")),
    ("log", mark!("The journal: journalctl --user -u v2m")),
];

const FLAG: &str = mark!("true or false");

/// Returns all keys.
pub(super) fn all() -> impl Iterator<Item = &'static ConfigKey> {
    // Statics, not constants: keys are compared by address.
    [hearing::KEYS, text::KEYS, desktop::KEYS].into_iter().flatten()
}

/// Returns the key of that name, if there is one.
pub(super) fn find(section: &str, name: &str) -> Option<&'static ConfigKey> {
    all().find(|key| key.section == section && key.name == name)
}
