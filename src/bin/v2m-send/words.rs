//! The service's names for states and the like, as users read them. One that a newer service may have
//! stays as it is.

use v2m_messages::{tr, verbatim};

/// What the service is doing.
pub(crate) fn state(name: &str) -> &str {
    match name {
        "idle" => tr!("state" => "idle"),
        "recording" => tr!("state" => "recording"),
        "transcribing" => tr!("state" => "transcribing"),
        "processing" => tr!("state" => "processing"),
        "paused" => tr!("state" => "paused"),
        "stopped" => tr!("state" => "stopped"),
        other => other,
    }
}

/// What the recogniser is doing.
pub(crate) fn engine(name: &str) -> &str {
    match name {
        "absent" => tr!("engine" => "absent"),
        "loading" => tr!("engine" => "loading"),
        "warm" => tr!("engine" => "warm"),
        "unloaded" => tr!("engine" => "unloaded"),
        "failed" => tr!("engine" => "failed"),
        other => other,
    }
}

/// A way of delivering a text.
pub(crate) fn way(name: &str) -> &str {
    match name {
        "paste" => tr!("way" => "paste"),
        "type" => tr!("way" => "type"),
        "clipboard" => tr!("way" => "clipboard"),
        "notification" => tr!("way" => "notification"),
        other => other,
    }
}

/// A rule that treats texts.
pub(crate) fn rule(name: &str) -> &str {
    match name {
        "spacing" => tr!("rule" => "spacing"),
        "fillers" => tr!("rule" => "fillers"),
        verbatim!("take back") => tr!("rule" => "take back"),
        "replace" => tr!("rule" => "replace"),
        "commands" => tr!("rule" => "commands"),
        "context" => tr!("rule" => "context"),
        other => other,
    }
}

/// How many dictations wait for their texts.
pub(crate) fn pending(count: u64) -> String {
    tr!("{n} waiting for text" | "{n} waiting for text" % count)
}
