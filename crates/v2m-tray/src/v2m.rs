//! What v2m is asked over the session bus.
//!
//! Nothing here starts v2m but [`toggle`] and [`start`], which are the user's own wish.

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

/// v2m's name on the session bus, and that of its interface.
pub const V2M: &str = "org.v2m.Dictation1";
/// Its object.
pub const PATH: &str = "/org/v2m/Dictation1";
/// The interface of properties.
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How many texts the menu has, as the GNOME extension's.
const TEXTS: u32 = 8;

/// How many microphones the menu has at most. A screen has room for no more.
const MICROPHONES: usize = 30;

/// How long the menu waits for v2m. It answers in a few milliseconds; hosts wait for the menu.
const PATIENCE: Duration = Duration::from_millis(500);

/// A dictation as v2m tells it.
type Dictation = HashMap<String, OwnedVariant>;

/// The properties of v2m that the icon shows. `v2m`: its unique name.
///
/// # Errors
/// It has left, or is another program.
pub async fn properties(bus: &Connection, v2m: &str) -> zbus::Result<News> {
    let reply = bus.call_method(Some(v2m), PATH, Some(PROPERTIES), "GetAll", &V2M).await?;
    let all: HashMap<String, OwnedVariant> = reply.body().deserialize()?;
    Ok(news(&all))
}

/// Properties as this program's own types. Nothing is taken on trust: a wrong type is none.
pub fn news(properties: &HashMap<String, OwnedVariant>) -> News {
    let text = |name: &str| {
        let value = properties.get(name)?;
        <&str>::try_from(&**value).ok().map(str::to_owned)
    };
    let since = properties.get("RecordingSince").and_then(|value| f64::try_from(&**value).ok());
    let since = since.filter(|since| since.is_finite());
    News { state: text("State"), since, reason: text("Reason") }
}

/// What the menu shows of v2m: nothing of what was dictated while the screen is locked. What v2m does
/// not tell in time is left out. `v2m`: its unique name.
pub async fn content(bus: &Connection, v2m: &str) -> Content {
    let (texts, settings, microphones, locked) = tokio::join!(
        timeout(PATIENCE, texts(bus, v2m)),
        timeout(PATIENCE, settings(bus, v2m)),
        // PipeWire may hang while v2m does not.
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

/// Starts a recording, or stops it. Starts v2m if it does not run. Takes as long as the transcription.
///
/// # Errors
/// v2m could not be started, or says what went wrong.
pub async fn toggle(bus: &Connection) -> zbus::Result<()> {
    bus.call_method(Some(V2M), PATH, Some(V2M), "Toggle", &()).await.map(|_| ())
}

/// Starts a recording, if none is under way. Starts v2m if it does not run.
///
/// # Errors
/// v2m could not be started, or says what went wrong.
pub async fn start(bus: &Connection) -> zbus::Result<()> {
    bus.call_method(Some(V2M), PATH, Some(V2M), "Start", &()).await.map(|_| ())
}

/// Stops the recording. Takes as long as the transcription.
///
/// # Errors
/// v2m does not run, or says what went wrong.
pub async fn stop(bus: &Connection) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, (String, String)>("Stop", flags, &()).await.map(|_| ())
}

/// Drops the recording, or the newest text that is not there yet.
///
/// # Errors
/// v2m does not run, or has nothing to cancel.
pub async fn cancel(bus: &Connection) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, (String,)>("Cancel", flags, &()).await.map(|_| ())
}

/// Delivers the text of a dictation once more: `way` is `clipboard` or `paste`.
///
/// # Errors
/// Why it did not arrive, for people.
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
/// `microphone` (a name, or nothing for the default one).
///
/// # Errors
/// v2m does not run, or refuses it.
pub async fn change(bus: &Connection, setting: &str, value: &str) -> zbus::Result<()> {
    let v2m = Proxy::new(bus, V2M, PATH, V2M).await?;
    let changes = HashMap::from([(setting, value)]);
    let flags = MethodFlags::NO_AUTO_START;
    v2m.call_with_flags::<_, _, ()>("ChangeSettings", flags, &(changes,)).await.map(|_| ())
}

/// An error for people: v2m's own sentence, if it is one of v2m's.
pub fn said(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(text), _) => plain::owned(text.clone()),
        other => plain::owned(other.to_string()),
    }
}

/// Whether v2m has said this itself. What it refuses or fails to do in a dictation it also tells the
/// user itself.
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
