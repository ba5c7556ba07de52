//! Calls to v2m over the session bus.
//!
//! Only [`toggle`] and [`start`] start v2m, because the user has asked for that.

use crate::lock;
use crate::menu::{Content, Microphone, Text};
use crate::state::News;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;
use v2m_ipc::plain;
use v2m_messages::tr;
use zbus::proxy::MethodFlags;
use zbus::{Connection, OwnedVariant, Proxy};

/// v2m's name on the session bus, and the name of its interface.
pub const V2M: &str = "org.v2m.Dictation1";
/// The path of v2m's object.
pub const PATH: &str = "/org/v2m/Dictation1";
/// The interface of properties.
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How many texts the menu has, as in the GNOME extension.
const TEXTS: u32 = 8;

/// Limit on the microphones in the menu, so that it fits on the screen.
const MICROPHONES: usize = 30;

/// Timeout for v2m's answers to the menu. v2m takes a few milliseconds; hosts wait for the menu.
const PATIENCE: Duration = Duration::from_millis(500);

/// A dictation in v2m's answers.
type Dictation = HashMap<String, OwnedVariant>;

/// Returns the properties of v2m that the icon shows. `v2m`: its unique name.
///
/// # Errors
/// If it has left the bus, or is another program.
pub async fn properties(bus: &Connection, v2m: &str) -> zbus::Result<News> {
    let reply = bus.call_method(Some(v2m), PATH, Some(PROPERTIES), "GetAll", &V2M).await?;
    let all: HashMap<String, OwnedVariant> = reply.body().deserialize()?;
    Ok(news(&all))
}

/// Converts properties to this program's own types. A property with a wrong type counts as missing.
pub fn news(properties: &HashMap<String, OwnedVariant>) -> News {
    let text = |name: &str| {
        let value = properties.get(name)?;
        <&str>::try_from(&**value).ok().map(str::to_owned)
    };
    let since = properties.get("RecordingSince").and_then(|value| f64::try_from(&**value).ok());
    let since = since.filter(|since| since.is_finite());
    News { state: text("State"), since, reason: text("Reason") }
}

/// Returns v2m's data for the menu, without dictated texts while the screen is locked. Answers that
/// do not arrive in time are left out. `v2m`: its unique name.
pub async fn content(bus: &Connection, v2m: &str) -> Content {
    let (texts, settings, microphones, locked) = tokio::join!(
        timeout(PATIENCE, texts(bus, v2m)),
        timeout(PATIENCE, settings(bus, v2m)),
        // A separate timeout: PipeWire may hang although v2m does not.
        timeout(PATIENCE, microphones(bus, v2m)),
        lock::is_locked(bus)
    );
    let texts = texts.ok().flatten().filter(|_| !locked).unwrap_or_default();
    let mut settings = settings.ok().flatten().unwrap_or_default();
    let (language, microphone) = (settings.remove("language"), settings.remove("microphone"));
    let microphones = microphones.ok().flatten().unwrap_or_default();
    Content { texts, language, microphone, microphones }
}

async fn texts(bus: &Connection, v2m: &str) -> Option<Vec<Text>> {
    let any = ("", "", "", TEXTS);
    let reply = bus.call_method(Some(v2m), PATH, Some(V2M), "History", &any).await.ok()?;
    let (dictations, _more): (Vec<Dictation>, bool) = reply.body().deserialize().ok()?;
    let text = |dictation: &Dictation| {
        let given = |key: &str| Some(<&str>::try_from(&**dictation.get(key)?).ok()?.to_owned());
        let (id, first_words) = (given("id")?, given("first_words")?);
        (!first_words.trim().is_empty()).then_some(Text { id, first_words })
    };
    Some(dictations.iter().filter_map(text).take(TEXTS as usize).collect())
}

async fn settings(bus: &Connection, v2m: &str) -> Option<HashMap<String, String>> {
    let reply = bus.call_method(Some(v2m), PATH, Some(V2M), "Settings", &()).await.ok()?;
    reply.body().deserialize().ok()
}

async fn microphones(bus: &Connection, v2m: &str) -> Option<Vec<Microphone>> {
    let reply = bus.call_method(Some(v2m), PATH, Some(V2M), "Microphones", &()).await.ok()?;
    let told: Vec<(String, String)> = reply.body().deserialize().ok()?;
    let told = told.into_iter().map(|(name, description)| Microphone { name, description });
    Some(told.take(MICROPHONES).collect())
}

/// Starts a recording, or stops it. Starts v2m if it does not run. Takes as long as the
/// transcription.
///
/// # Errors
/// If v2m could not be started, or reports an error.
pub async fn toggle(bus: &Connection) -> zbus::Result<()> {
    bus.call_method(Some(V2M), PATH, Some(V2M), "Toggle", &()).await.map(|_| ())
}

/// Starts a recording if there is none. Starts v2m if it does not run.
///
/// # Errors
/// If v2m could not be started, or reports an error.
pub async fn start(bus: &Connection) -> zbus::Result<()> {
    bus.call_method(Some(V2M), PATH, Some(V2M), "Start", &()).await.map(|_| ())
}

/// Stops the recording. Takes as long as the transcription.
///
/// # Errors
/// If v2m does not run, or reports an error.
pub async fn stop(bus: &Connection) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, (String, String)>("Stop", flags, &()).await.map(|_| ())
}

/// Drops the recording, or else the newest dictation that waits for its text.
///
/// # Errors
/// If v2m does not run, or has nothing to cancel.
pub async fn cancel(bus: &Connection) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, (String,)>("Cancel", flags, &()).await.map(|_| ())
}

/// Delivers the text of a dictation again. `way` is `clipboard` or `paste`.
///
/// # Errors
/// The reason why it did not arrive, for people.
pub async fn deliver(bus: &Connection, id: &str, way: &str) -> Result<(), String> {
    let ask = async {
        let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
        let flags = MethodFlags::NO_AUTO_START;
        v2m.call_with_flags::<_, _, (bool, String)>("DeliverDictation", flags, &(id, way)).await
    };
    match ask.await {
        Ok(Some((true, _))) => Ok(()),
        Ok(Some((false, detail))) => Err(plain::owned(detail)),
        Ok(None) => Err(tr!("v2m does not answer").to_owned()),
        Err(error) => Err(said(&error)),
    }
}

/// Changes one of v2m's settings, by its name on the bus: `language` (a code, or `auto`) or
/// `microphone` (a name, or empty for the default one).
///
/// # Errors
/// If v2m does not run, or refuses the change.
pub async fn change(bus: &Connection, setting: &str, value: &str) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let changes = HashMap::from([(setting, value)]);
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, ()>("ChangeSettings", flags, &(changes,)).await.map(|_| ())
}

/// Returns an error's message for people: v2m's own message, if the error comes from v2m.
pub fn said(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(text), _) => plain::owned(text.clone()),
        other => plain::owned(other.to_string()),
    }
}

/// Whether the error comes from v2m. v2m itself shows the user the errors of dictations.
pub fn is_own(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if name.as_str().starts_with("org.v2m.Error."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;

    #[test]
    fn properties_of_strange_types_are_none() {
        let given = [
            ("State", Variant::from("recording")),
            ("RecordingSince", Variant::from(f64::NAN)),
            ("Reason", Variant::from(7_u32)),
        ];
        let owned = given.map(|(name, value)| (name.to_owned(), value.try_into().unwrap()));
        let news = news(&HashMap::from(owned));
        assert_eq!(news, News { state: Some("recording".to_owned()), ..News::default() });
    }
}
