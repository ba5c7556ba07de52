//! What is written around the cursor, as the field tells (AT-SPI's Text interface).

use super::Field;
use super::atspi::{Object, PROPERTIES};
use zbus::message::Message;
use zbus::{Connection, OwnedVariant};

const TEXT: &str = "org.a11y.atspi.Text";
/// Characters before the cursor: more than the beginning of a line matters for.
const BEFORE: i32 = 200;
/// Characters after it: what follows spaces.
const AFTER: i32 = 20;
/// Stands in a text for what is none: a picture, or a part of a page.
const OBJECT: char = '\u{fffc}';

/// What is written around the cursor. What is selected is left out: a text replaces it.
#[derive(Clone, PartialEq, Eq)]
pub struct Around {
    /// Before it, at most 200 characters.
    pub before: String,
    /// After it, at most 20. `None`: something that is no text.
    pub after: Option<String>,
}

impl std::fmt::Debug for Around {
    /// Without what is written there, which is the user's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let after = self.after.as_ref().map(String::len);
        f.debug_struct("Around").field("before", &self.before.len()).field("after", &after).finish()
    }
}

/// Asks a field: three round trips, or four if something is selected. `None`: it does not tell. To
/// be bounded in time by the caller.
pub(crate) async fn around(bus: &Connection, field: &Field) -> Option<Around> {
    let Field(object) = field;
    let (caret, count, selections) = tokio::join!(
        number(bus, object, "CaretOffset"),
        number(bus, object, "CharacterCount"),
        call(bus, object, "GetNSelections", &()),
    );
    let (caret, count) = (caret?, count?);
    let selections: i32 = selections?.body().deserialize().ok()?;
    let (mut start, mut end) = (caret, caret);
    if selections > 0 {
        let selection = call(bus, object, "GetSelection", &0_i32).await?;
        let (from, to): (i32, i32) = selection.body().deserialize().ok()?;
        // Some tell of an empty one elsewhere.
        if from != to {
            (start, end) = (from.min(to), from.max(to));
        }
    }
    if start < 0 || end > count {
        return None;
    }
    let (before, after) = tokio::join!(
        text(bus, object, start.saturating_sub(BEFORE).max(0), start),
        text(bus, object, end, end.saturating_add(AFTER).min(count)),
    );
    let (before, after) = (before?, after?);
    if before.ends_with(OBJECT) {
        return None;
    }
    let before = before.rsplit(OBJECT).next().unwrap_or_default().to_owned();
    Some(Around { before, after: Some(after).filter(|after| !after.starts_with(OBJECT)) })
}

/// The characters from one place up to another.
async fn text(bus: &Connection, object: &Object, from: i32, to: i32) -> Option<String> {
    if from == to {
        return Some(String::new());
    }
    let text: String =
        call(bus, object, "GetText", &(from, to)).await?.body().deserialize().ok()?;
    // One that tells more than it was asked for tells something else.
    (text.chars().count() <= usize::try_from(to - from).ok()?).then_some(text)
}

async fn number(bus: &Connection, (name, path): &Object, property: &str) -> Option<i32> {
    let (name, wanted) = (Some(name.as_str()), (TEXT, property));
    let asked = bus.call_method(name, path.as_str(), Some(PROPERTIES), "Get", &wanted).await;
    asked.ok()?.body().deserialize::<OwnedVariant>().ok()?.try_into().ok()
}

async fn call<B>(bus: &Connection, (name, path): &Object, method: &str, body: &B) -> Option<Message>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    bus.call_method(Some(name.as_str()), path.as_str(), Some(TEXT), method, body).await.ok()
}
