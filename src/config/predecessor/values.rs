//! Converts values accepted by voice2machine and its libraries to v2m's form. Invalid values pass
//! unchanged; the key's own check reports them.

use super::Fate;
use serde_json::Value;
use v2m_messages::{mark, tr};
use v2m_models::catalogue::{self, Weights};

pub(super) const FIRST_GPU: &str = mark!("v2m takes the first GPU");

/// The port of an Ollama address without one (docs/faq.md of Ollama: 127.0.0.1:11434).
const OLLAMA_PORT: u16 = 11_434;

/// Converts a faster-whisper model name: a size, or a repository of weights for CTranslate2.
pub(super) fn model(value: &Value, compute_type: Option<&Value>) -> Fate {
    let Some(name) = value.as_str() else { return Fate::Own("engine", "model", value.clone()) };
    if name.starts_with('/') || catalogue::split_weights(name).1 != Weights::F16 {
        return Fate::Own("engine", "model", name.into());
    }
    let size = name.rsplit('/').next().unwrap_or(name);
    let size = size.strip_prefix("faster-whisper-").unwrap_or(size);
    let size = match size.strip_suffix("-ct2").unwrap_or(size) {
        "large" => "large-v3",
        "turbo" => "large-v3-turbo",
        size => size,
    };
    let eight_bits = compute_type.and_then(Value::as_str).is_some_and(|t| t.starts_with("int8"));
    let small = [Weights::Q8_0, Weights::Q5_0].map(|w| format!("{size}-{}", w.suffix()));
    let known = small.iter().map(String::as_str).filter(|_| eight_bits).chain([size]);
    let known = known.into_iter().find_map(catalogue::find);
    match known {
        Some(model) => Fate::Own("engine", "model", model.name.into()),
        // It may be one of the user's own.
        None if !name.contains('/') => Fate::Own("engine", "model", name.into()),
        None => Fate::Ignored(tr!(
            "v2m knows no model {name}: see `v2m-model list`, or `v2m-model import` for weights that you have",
            name = format_args!("{name:?}")
        )),
    }
}

/// Converts a device name of PyTorch: `cuda`, `cuda:0`, `cpu`.
pub(super) fn device(value: &Value) -> Fate {
    let backend = |value: Value| Fate::Own("engine", "backend", value);
    match value.as_str().and_then(|device| device.split_once(':')) {
        Some((device, "0")) => backend(device.into()),
        Some(("cuda", number)) if number.parse::<u32>().is_ok() => Fate::Ignored(
            tr!("v2m takes the first GPU; if that will do, set engine.backend = \"cuda\"")
                .to_owned(),
        ),
        Some(_) | None => backend(value.clone()),
    }
}

/// Converts to a whole number; Python accepts 30.0 and 2.5 too. Rounds up, so that no wait becomes
/// shorter.
pub(super) fn whole(value: &Value) -> Value {
    match value.as_f64() {
        // In this range, an `f64` is exact.
        Some(number) if !value.is_i64() && number.abs() < f64::from(i32::MAX) => {
            Value::from(number.ceil() as i64)
        }
        _ => value.clone(),
    }
}

/// Converts an address that Ollama's client accepts, including `localhost` and `192.168.1.5:11434`.
pub(super) fn host(value: &Value) -> Value {
    let Some(host) = value.as_str().map(str::trim).filter(|host| !host.is_empty()) else {
        return value.clone();
    };
    if host.contains("://") {
        return host.into();
    }
    let (place, path) =
        host.split_once('/').map_or((host, None), |(place, path)| (place, Some(path)));
    // The colons of an IPv6 address are in brackets.
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let mut url = format!("http://{place}");
    if !has_port {
        url += &format!(":{OLLAMA_PORT}");
    }
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        url += &format!("/{path}");
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_are_completed_as_ollamas_client_does() {
        for (given, url) in [
            ("localhost", "http://localhost:11434"),
            ("localhost:8080", "http://localhost:8080"),
            ("192.168.1.5:11434/", "http://192.168.1.5:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::1]:80", "http://[::1]:80"),
            ("box/ollama", "http://box:11434/ollama"),
            ("https://ollama.example", "https://ollama.example"),
            ("", ""),
        ] {
            assert_eq!(host(&given.into()), url, "{given}");
        }
        assert_eq!(host(&json!(5)), 5);
    }

    #[test]
    fn floats_become_whole_numbers() {
        for (given, number) in
            [(json!(30.0), json!(30)), (json!(2.5), json!(3)), (json!(7), json!(7))]
        {
            assert_eq!(whole(&given), number);
        }
        for odd in [json!("30"), json!(1e300), json!(true)] {
            assert_eq!(whole(&odd), odd);
        }
    }
}
