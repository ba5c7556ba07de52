//! Checks of the user's machine and session: files, units, PipeWire, notifications, display.

use super::Finding::{self, Bad, Good, Poor};
use crate::language::spoken;
use crate::regular::{self, Trust};
use crate::session::DeliverMode;
use crate::{capture, config, deliver, shortcut};
use std::io::Read;
use std::process::Command;
use v2m_messages::tr;
use v2m_models::{catalogue, ggml, paths};

pub(super) fn configuration() -> Finding {
    let loaded = config::default_path()
        .and_then(|path| Ok((config::load(&path, std::env::vars_os())?, path)));
    match loaded {
        Ok((_, path)) if path.exists() => Good(tr!("{path} is valid", path = path.display())),
        Ok((_, path)) => Good(tr!("defaults; {path} does not exist", path = path.display())),
        Err(error) => Bad(error.to_string()),
    }
}

fn settings() -> config::Settings {
    // The first check reports errors in the settings; the others then use the defaults.
    config::default_path()
        .and_then(|path| config::load(&path, std::env::vars_os()))
        .unwrap_or_default()
}

pub(super) fn units() -> Finding {
    let asked = Command::new("systemctl").args(["--user", "is-active", "v2m.socket"]).output();
    let Ok(output) = asked else {
        return Poor(
            tr!("there is no systemctl here; something else must open v2m's socket").into(),
        );
    };
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match said.as_str() {
        "active" => Good(tr!("v2m.socket is listening; the first press starts v2m.service").into()),
        "" => Poor(tr!(
            "no systemd user manager answers ({complaint}); log in through a session that has one, or \
             start v2m with systemd-socket-activate",
            complaint
        )),
        state => Bad(tr!(
            "v2m.socket is {state}. Start it: systemctl --user enable --now v2m.socket",
            state
        )),
    }
}

pub(super) fn model() -> Finding {
    let name = settings().engine.model;
    let path = match paths::resolve(&name) {
        Ok(path) => path,
        Err(error) => return Bad(error.to_string()),
    };
    let Ok(file) = std::fs::metadata(&path) else {
        return Bad(tr!("{path} cannot be read: check its permissions", path = path.display()));
    };
    match catalogue::find(&name) {
        Some(known) if known.bytes != file.len() => Bad(tr!(
            "{path} has {bytes} bytes and should have {expected}. Fetch it again: v2m-model rm --force {name} && \
             v2m-model pull {name}",
            path = path.display(),
            bytes = file.len(),
            expected = known.bytes,
            name
        )),
        _ => Good(format!("{name}, {} MB, {}", file.len() / 1_000_000, path.display())),
    }
}

/// Checks the keys that dictate, on GNOME. Other desktops do not report theirs.
pub(super) fn shortcut() -> Finding {
    // GNOME's settings may be installed although the user has another desktop.
    let desktops = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    if !desktops.split(':').any(|desktop| desktop == "GNOME") {
        return Finding::None;
    }
    let keys = match shortcut::list_all() {
        Ok(keys) => keys,
        Err(shortcut::ShortcutError::NoGsettings(_) | shortcut::ShortcutError::NoGnome) => {
            return Finding::None;
        }
        Err(error) => return Poor(error.to_string()),
    };
    if keys.is_empty() {
        return Poor(tr!("no key dictates yet. Set one: v2m shortcut install").into());
    }
    // A key for a language that the model does not know would be refused at its first press.
    let model = settings().engine.model;
    let head = paths::resolve(&model).ok().and_then(|path| {
        let mut head = [0; ggml::HEAD];
        regular::open(&path, Trust::Named).ok()?.read_exact(&mut head).ok()?;
        Some(head)
    });
    let unknown = keys.iter().find_map(|key| {
        let (_, code) = key.command.split_once(" --language ")?;
        let code = spoken::code(code.split_whitespace().next()?).ok()??;
        (ggml::speaks(&head?, code) == Some(false)).then_some((&key.binding, spoken::name(code)))
    });
    if let Some((binding, language)) = unknown {
        return Poor(tr!(
            "{binding} dictates in {language}, which the model {model} does not know. Choose \
             another model: v2m-model list",
            binding,
            language,
            model
        ));
    }
    let told = keys.iter().map(|key| {
        let command = key.command.split_once("v2m-send").map_or("", |(_, rest)| rest);
        let command = command.trim_start_matches('\'').trim();
        tr!("{binding} runs v2m-send {command}", binding = key.binding, command)
    });
    Good(told.collect::<Vec<_>>().join(", "))
}

pub(super) fn microphone() -> Finding {
    let wanted = settings().capture.source;
    let sources = match capture::sources() {
        Ok(sources) => sources,
        Err(error) => return Bad(error.to_string()),
    };
    let list = || sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    let recorded = sources.iter().find(|source| match &wanted {
        Some(name) => source.is_called(name),
        None => source.is_default,
    });
    if let Some(source) = recorded.filter(|source| source.is_silenced) {
        return Bad(tr!(
            "{microphone} ({name}) is muted, or its volume is 0. Turn it up in the sound settings",
            microphone = source.description,
            name = source.name
        ));
    }
    match &wanted {
        Some(name) if recorded.is_none() => Bad(tr!(
            "the configured source {name} is not there; there is: {sources}. Connect it, or change \
             capture.source",
            name,
            sources = meant(name, &sources).map_or_else(list, channels)
        )),
        Some(name) => Good(tr!("{name}, as configured", name)),
        None => match recorded {
            Some(source) => Good(format!("{} ({})", source.description, source.name)),
            None if sources.is_empty() => {
                Bad(tr!("PipeWire has no microphone. Connect one, and check with `wpctl status`")
                    .into())
            }
            None => Bad(tr!(
                "there is no default source; choose one of: {sources} (`wpctl set-default`, or \
                 capture.source)",
                sources = list()
            )),
        },
    }
}

/// Returns the source for which `wanted` names a nonexistent channel.
fn meant<'s>(wanted: &str, sources: &'s [capture::Source]) -> Option<&'s capture::Source> {
    let meant = sources.iter().filter(|source| source.may_be_meant(wanted));
    meant.max_by_key(|source| source.name.len())
}

/// Lists the names of a source's channels for the configuration.
fn channels(source: &capture::Source) -> String {
    let named = source.channels.iter().map(|channel| format!("{}:{channel}", source.name));
    named.collect::<Vec<_>>().join(", ")
}

pub(super) fn notifications() -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Poor(tr!("no asynchronous runtime could be started").into());
    };
    let asked = runtime.block_on(deliver::notification_service());
    runtime.shutdown_background();
    match asked {
        Ok(name) => Good(name),
        Err(problem) => Poor(tr!("texts are not shown: {problem}", problem)),
    }
}

/// Checks where texts go, and why. An error only if the settings require it.
pub(super) fn cursor() -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Poor(tr!("no asynchronous runtime could be started").into());
    };
    let mode = settings().deliver.mode;
    let way = runtime.block_on(deliver::way(mode));
    runtime.shutdown_background();
    where_texts_go(mode, &way)
}

fn where_texts_go(mode: DeliverMode, way: &deliver::Way) -> Finding {
    let told = told_way(mode, way);
    match (way.mode, mode) {
        (DeliverMode::Clipboard, DeliverMode::Paste | DeliverMode::Type) => Poor(told),
        _ => Good(told),
    }
}

/// Describes where texts go by `way`, chosen for `mode`, and why.
pub(crate) fn told_way(mode: DeliverMode, way: &deliver::Way) -> String {
    let deliver::Way { mode: way, backend, reason } = way;
    match (way, mode, backend) {
        (DeliverMode::Type, _, None) => tr!("texts are typed at the cursor: {reason}", reason),
        (DeliverMode::Type, _, Some(backend)) => {
            tr!("texts are typed at the cursor, by {backend}: {reason}", backend, reason)
        }
        (DeliverMode::Auto | DeliverMode::Paste, _, None) => {
            tr!("texts are pasted at the cursor: {reason}", reason)
        }
        (DeliverMode::Auto | DeliverMode::Paste, _, Some(backend)) => {
            tr!("texts are pasted at the cursor, by {backend}: {reason}", backend, reason)
        }
        (DeliverMode::None, ..) => tr!("not used: {reason}", reason),
        (DeliverMode::Clipboard, DeliverMode::Paste | DeliverMode::Type, _) => {
            tr!("texts stay on the clipboard: {reason}", reason)
        }
        (DeliverMode::Clipboard, ..) => tr!("texts go to the clipboard: {reason}", reason),
    }
}

/// Checks the clipboard. The service inherits the user manager's environment, not this terminal's.
pub(super) fn clipboard() -> Finding {
    let asked = Command::new("systemctl").args(["--user", "show-environment"]).output();
    let managers = asked.ok().filter(|output| output.status.success());
    let displays: Vec<String> = match managers {
        Some(output) => String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| line.starts_with("WAYLAND_DISPLAY=") || line.starts_with("DISPLAY="))
            .map(str::to_owned)
            .collect(),
        None => Some(deliver::environment::Displays::from_env())
            .filter(deliver::environment::Displays::any)
            .map(|displays| displays.to_string())
            .into_iter()
            .collect(),
    };
    if displays.is_empty() {
        return Poor(
            tr!("the service sees no display, so texts cannot be put on the clipboard. In the \
                 desktop's terminal: systemctl --user import-environment DISPLAY WAYLAND_DISPLAY \
                 XAUTHORITY && systemctl --user restart v2m.service")
            .into(),
        );
    }
    Good(displays.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_is_a_warning_only_where_the_settings_ask_for_the_cursor() {
        let way = |mode, backend| deliver::Way { mode, backend, reason: "why".into() };
        let copied = way(DeliverMode::Clipboard, None);
        let good = Good("texts go to the clipboard: why".into());
        assert_eq!(where_texts_go(DeliverMode::Auto, &copied), good);
        assert_eq!(where_texts_go(DeliverMode::Clipboard, &copied), good);
        let poor = Poor("texts stay on the clipboard: why".into());
        assert_eq!(where_texts_go(DeliverMode::Paste, &copied), poor);
        assert_eq!(where_texts_go(DeliverMode::Type, &copied), poor);
        let pasted = way(DeliverMode::Paste, Some("mutter"));
        let good = Good("texts are pasted at the cursor, by mutter: why".into());
        assert_eq!(where_texts_go(DeliverMode::Auto, &pasted), good);
    }
}
