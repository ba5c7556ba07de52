//! Access for the fuzz targets to private parts of this module. Compiled for fuzzing only.

use super::clipboard::{bus, content};
use super::keys::layout::{Layout, Locked};
use super::notice::Notice;
use super::notifications;
use crate::chord::Modifier;
use zbus::Variant;

/// One key of a layout, and the modifiers held with it, as xkb's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// The key.
    pub key: u32,
    /// The modifier keys.
    pub hold: Vec<u32>,
}

/// Parses a keyboard layout in xkb's text form. Returns the strokes that write `text` in each of
/// its groups, or `None` for a group that lacks a key for a character.
///
/// # Errors
/// The reason why `layout` cannot be parsed.
pub fn strokes(layout: &[u8], text: &str) -> Result<Vec<Option<Vec<Stroke>>>, String> {
    let layout = Layout::parse(layout).map_err(|error| error.to_string())?;
    for modifier in [Modifier::Ctrl, Modifier::Shift, Modifier::Alt, Modifier::Super] {
        let keys = layout.keys_of(modifier);
        assert!(keys.iter().all(|key| layout.modifier_keys().any(|other| other == *key)));
    }
    let in_group = |group| {
        let strokes = layout.strokes(text, group, Locked::CAPS.and(Locked::NUM)).ok()?;
        let stroke = |of: super::keys::layout::Stroke| Stroke { key: of.key, hold: of.hold };
        Some(strokes.into_iter().map(stroke).collect())
    };
    Ok((0..layout.groups().max(1)).map(in_group).collect())
}

/// Returns the formats in a signal's list, and the formats among them that v2m remembers. The
/// second is `None` if the formats mark the content as a secret.
pub fn formats(list: Option<&Variant<'_>>) -> (Vec<String>, Option<Vec<String>>) {
    let all = bus::formats(list);
    let remembered = all.iter().filter(|name| content::is_format(name)).cloned().collect();
    let remembered = (!content::is_secret(&all)).then_some(remembered);
    (all, remembered)
}

/// Returns the title and body of a notice as they are sent to a service that reads markup.
pub fn shown(notice: &Notice) -> Option<(String, String)> {
    notice.card().map(|card| notifications::words(&card, true))
}
