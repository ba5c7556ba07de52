//! Reads the text around the cursor from the field (AT-SPI's Text interface).

use super::Field;
use super::atspi::{Object, PROPERTIES};
use zbus::message::Message;
use zbus::{Connection, OwnedVariant};

const TEXT: &str = "org.a11y.atspi.Text";
const EDITABLE: &str = "org.a11y.atspi.EditableText";
/// The number of characters to read before the cursor. Joining never needs more context.
const BEFORE: i32 = 200;
/// The number of characters to read after the cursor, enough to see the text behind spaces.
const AFTER: i32 = 20;
/// The character that stands for something other than text: a picture, or a part of a page.
const OBJECT: char = '\u{fffc}';

/// The text around the cursor. Selected text is left out, because a text replaces it.
#[derive(Clone, PartialEq, Eq)]
pub struct Around {
    /// The text before the cursor, at most 200 characters.
    pub before: String,
    /// The text after the cursor, at most 20 characters. `None`: something that is not text.
    pub after: Option<String>,
}

impl std::fmt::Debug for Around {
    /// Shows only the lengths, because the text is the user's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let after = self.after.as_ref().map(String::len);
        f.debug_struct("Around").field("before", &self.before.len()).field("after", &after).finish()
    }
}

/// Asks a field for the text around the cursor. Takes three round trips, or four if something is
/// selected. `None`: the field does not report it. The caller must bound the time.
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
        // Some fields report an empty selection elsewhere.
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

/// The outcome of deleting a text before the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// The text was there, and the field reports that it is gone.
    Gone,
    /// The text was not there, or something is selected.
    Changed,
    /// The text is there, and the program does not let v2m delete it.
    NotEditable,
    /// The field does not report its content.
    NotTold,
    /// The program did not answer in time.
    Unclear,
}

/// Deletes `text` if it stands right before the cursor, and nothing is selected. The caller must
/// bound the time.
pub(crate) async fn take_back(bus: &Connection, field: &Field, text: &str) -> TakenBack {
    let Some((start, end)) = span(bus, field, text).await else { return TakenBack::NotTold };
    let Some(start) = start else { return TakenBack::Changed };
    let Field((name, path)) = field;
    let (name, range) = (Some(name.as_str()), (start, end));
    // Returns true if the text was deleted. GTK 4 before 4.10 lacks this method.
    let asked = bus.call_method(name, path.as_str(), Some(EDITABLE), "DeleteText", &range).await;
    if !asked.is_ok_and(|answer| answer.body().deserialize::<bool>().unwrap_or(false)) {
        return TakenBack::NotEditable;
    }
    match span(bus, field, text).await {
        Some((None, _)) => TakenBack::Gone,
        // The same words stood there twice, and the cursor shows that one copy is gone.
        Some((Some(_), caret)) if caret == start => TakenBack::Gone,
        // The program may still delete the text later, and Ctrl+Z would then undo that.
        Some((Some(_), _)) | None => TakenBack::Unclear,
    }
}

/// Whether `text` stands right before the cursor. `None`: the field does not report it.
pub(crate) async fn stands(bus: &Connection, field: &Field, text: &str) -> Option<bool> {
    span(bus, field, text).await.map(|(start, _)| start.is_some())
}

/// Returns the start of `text`, if it stands right before the cursor and nothing is selected, and
/// the cursor's position. `None`: the field does not report them.
async fn span(bus: &Connection, field: &Field, text: &str) -> Option<(Option<i32>, i32)> {
    let Field(object) = field;
    let (caret, selections) =
        tokio::join!(number(bus, object, "CaretOffset"), call(bus, object, "GetNSelections", &()),);
    let caret = caret?;
    let selections: i32 = selections?.body().deserialize().ok()?;
    if selections > 0 {
        let selection = call(bus, object, "GetSelection", &0_i32).await?;
        let (from, to): (i32, i32) = selection.body().deserialize().ok()?;
        // Some fields report an empty selection elsewhere.
        if from != to {
            return Some((None, caret));
        }
    }
    let length = i32::try_from(text.chars().count()).ok()?;
    let start = caret - length;
    if start < 0 {
        return Some((None, caret));
    }
    let before = self::text(bus, object, start, caret).await?;
    Some(((before == text).then_some(start), caret))
}

/// Reads the characters between two positions.
async fn text(bus: &Connection, object: &Object, from: i32, to: i32) -> Option<String> {
    if from == to {
        return Some(String::new());
    }
    let text: String =
        call(bus, object, "GetText", &(from, to)).await?.body().deserialize().ok()?;
    // A field that returns more than requested returns something else.
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
