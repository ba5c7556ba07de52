//! Types a text with the keys that write it on the active layout.
//!
//! Mutter also accepts characters (NotifyKeyboardKeysym) and finds the keys itself. But it does not
//! report characters that have no key, and presses only one modifier: a character behind Shift and
//! AltGr becomes another one. So v2m finds the keys itself, before it presses the first one.

use super::Keyboard;
use super::hands::Hands;
use super::sources::groups;
use crate::deliver::display::mutter::MutterSession;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::layout::compositor;
use crate::deliver::keys::layout::{Layout, Locked, OFFSET, Stroke};
use v2m_messages::tr;

/// The first GNOME version known to keep key events for which a program has no room. On GNOME 48, a
/// stopped program got 1,440 key changes afterwards (tests/system/gnome/typing.rs). On 43 it lost
/// its connection, and ended.
const PATIENT: u32 = 48;

/// The most key presses and releases for earlier versions, so that a program that hangs meanwhile
/// survives them. Mutter sends each one separately when it is otherwise idle. By calculation, 277
/// such messages fill the kernel's pipe (212,992 bytes; the smallest message takes 768).
const MOST: usize = 240;

/// Types `text` once the user's keys are up. If the layout lacks any of it, types nothing. `hands`
/// returns the keys that the user may hold.
pub(crate) async fn write(
    session: &MutterSession,
    text: &str,
    hands: impl Future<Output = Hands>,
) -> Result<(), DeliverError> {
    let layout = tokio::task::spawn_blocking(|| match compositor::layout()? {
        Some(text) => Layout::parse(&text).map_err(DeliverError::from),
        None => Err(DeliverError::NoLayout(tr!("there is no keyboard"))),
    });
    let calls = &session.calls;
    let (layout, groups, locks, hands) = tokio::join!(layout, groups(), calls.locks(), hands);
    let (layout, (caps, num)) = (layout.map_err(|_| DeliverError::Hanging)??, locks?);
    let caps = if caps { Locked::CAPS } else { Locked::default() };
    let num = if num { Locked::NUM } else { Locked::default() };
    let groups = groups?;
    let group = groups.start;
    let mut ways = groups.map(|group| layout.strokes(text, group, caps.and(num)));
    let strokes = ways.next().ok_or(DeliverError::NoLayout(tr!("it is empty")))??;
    if ways.any(|way| way.as_ref() != Ok(&strokes)) {
        let reason = tr!(
            "you have several layouts on which this is typed differently, and GNOME does not report the active one"
        );
        return Err(DeliverError::NoLayout(reason));
    }
    if calls.shell().await < PATIENT {
        let keys = strokes.iter().map(|stroke| 2 * (1 + stroke.hold.len()));
        if keys.sum::<usize>() > MOST {
            return Err(DeliverError::TooLong);
        }
    }
    compositor::check(&strokes)?;
    let suspects = hands.suspects(|character| {
        let strokes = layout.strokes(&character.to_string(), group, Locked::default()).ok()?;
        Some(strokes.first()?.key - OFFSET)
    });
    let strokes: Vec<_> = strokes.iter().map(codes).collect();
    let suspects =
        suspects.unwrap_or_else(|| strokes.iter().filter_map(|s| s.last().copied()).collect());
    let keyboard = Keyboard::new(calls.clone());
    keyboard.wait(&hands).await?;
    keyboard.strike(&strokes, &suspects).await
}

/// Returns the kernel's codes of a stroke's keys.
fn codes(stroke: &Stroke) -> Vec<u32> {
    stroke.hold.iter().chain([&stroke.key]).map(|code| code - OFFSET).collect()
}
