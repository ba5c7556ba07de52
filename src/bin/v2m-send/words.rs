//! User-visible names for the service's states and the like. Unknown names, perhaps from a newer
//! service, stay unchanged.

use v2m_messages::{tr, verbatim};

/// Describes the state of the service.
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

/// Describes the state of the recogniser.
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

/// Names a way of delivering a text.
pub(crate) fn way(name: &str) -> &str {
    match name {
        "paste" => tr!("way" => "paste"),
        "type" => tr!("way" => "type"),
        "clipboard" => tr!("way" => "clipboard"),
        "notification" => tr!("way" => "notification"),
        other => other,
    }
}

/// Names a text rule.
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

/// Describes how many dictations wait for their texts.
pub(crate) fn pending(count: u64) -> String {
    tr!("{n} waiting for text" | "{n} waiting for text" % count)
}
