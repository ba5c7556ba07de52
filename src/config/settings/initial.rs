//! Default settings.

use super::{
    BackendChoice, DeliverSettings, EngineSettings, FeedbackSettings, JoinTo, LlmSettings,
    LogLevel, LogSettings, Notify, Refine, RemoteSettings, SessionSettings, StoreSettings,
    TextSettings, UndoBy, UnloadAfter,
};
use crate::session::DeliverMode;
use std::collections::BTreeMap;
use std::time::Duration;

/// Terminals that paste with Ctrl+Shift+V, by window class or program name, in lower case. xterm
/// and rxvt do not: by default they have no key for the clipboard.
const TERMINALS: [&str; 30] = [
    "alacritty",
    "blackbox",
    "com.mitchellh.ghostty",
    "com.gexperts.tilix",
    "com.raggesi.blackbox",
    "cool-retro-term",
    "deepin-terminal",
    "foot",
    "gnome-terminal",
    "guake",
    "kgx",
    "kitty",
    "konsole",
    "lxterminal",
    "mate-terminal",
    "org.gnome.console",
    "org.gnome.ptyxis",
    "org.gnome.terminal",
    "org.kde.konsole",
    "org.kde.yakuake",
    "org.wezfurlong.wezterm",
    "ptyxis",
    "qterminal",
    "st-256color",
    "terminator",
    "terminology",
    "tilix",
    "wezterm",
    "xfce4-terminal",
    "yakuake",
];

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            model: "base-q8_0".into(),
            preview: String::new(),
            backend: BackendChoice::Auto,
            language: None,
            languages: Vec::new(),
            translate: false,
            vocabulary: Vec::new(),
            beam_size: 5,
            threads: 0,
            hang_seconds: 60,
            unload_after: UnloadAfter::Auto,
        }
    }
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self { base_url: None, model: String::new(), connect_seconds: 3, timeout_seconds: 20 }
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            max_minutes: 10.0,
            stop_after_silence: None,
            continuous_silence: Some(Duration::from_secs(30)),
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { keep_count: 200, keep_days: 30, keep_audio: true }
    }
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            refine: Refine::Rules,
            spoken_layout: true,
            spoken_punctuation: false,
            spoken_edits: true,
            remove_fillers: false,
            replace: BTreeMap::new(),
        }
    }
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self {
            provider: None,
            model: String::new(),
            base_url: None,
            temperature: 0.2,
            connect_seconds: 5,
            timeout_seconds: 60,
            dictation_seconds: 15,
            preset: "clean-up".into(),
            applications: BTreeMap::new(),
            target_language: "en".into(),
        }
    }
}

impl Default for DeliverSettings {
    fn default() -> Self {
        Self {
            mode: DeliverMode::Auto,
            paste_key: None,
            terminal_paste_key: None,
            terminals: TERMINALS.map(str::to_owned).to_vec(),
            same_window: true,
            focused_program: false,
            sensitive: false,
            join: JoinTo::Field,
            undo: UndoBy::Field,
            notify: true,
        }
    }
}

impl Default for FeedbackSettings {
    fn default() -> Self {
        Self { notify: Notify::All, overlay: true, sounds: true, pause_media: false }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: LogLevel::Info }
    }
}
