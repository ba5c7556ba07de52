//! The owner of a selection, usually the clipboard. It answers requests for the content as the
//! ICCCM says (section 2).
//!
//! Large content is sent piece by piece (INCR), to several programs at once if necessary. The
//! caller learns which program asked and when, and interprets it.

use crate::deliver::clipboard::content::{Content, SECRET_MARK};
use crate::deliver::display::x11::{Atoms, Server, ServerEvent};
use crate::deliver::error::DeliverError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode, Property,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Timestamp, Window,
};
use x11rb::wrapper::ConnectionExt as _;

/// The size of one piece in bytes, a multiple of four. Every server accepts it in one request, and
/// sending one piece does not hold up other programs.
const PIECE: usize = 128 << 10;
/// The most transfers at once.
const TRANSFERS: usize = 32;
/// How long a program may take to ask for its next piece. After that, it has forgotten the
/// transfer.
const FORGOTTEN: Duration = Duration::from_secs(20);
/// The most pairs in one MULTIPLE request.
const PAIRS: u32 = 64;

/// The content of a clipboard in one of its formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SelectionFormat {
    /// The target that programs ask for.
    pub(crate) target: Atom,
    /// The type of the content, often the same as the target.
    pub(crate) kind: Atom,
    /// The bits per unit: 8, 16 or 32.
    pub(crate) width: u8,
    pub(crate) bytes: Arc<[u8]>,
}

/// An event that matters to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnerEvent {
    /// A program was given content, not only the list of formats.
    Gave {
        client: u32,
        /// The last of our requests that the server had processed before the program asked.
        after: u64,
    },
    /// Another program owns the selection now.
    Lost,
    /// The clipboard manager has answered.
    Saved,
}

/// One of X11's selections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The clipboard, which holds copied content.
    #[default]
    Clipboard,
    /// The primary selection, which holds selected content and is pasted with the middle mouse
    /// button.
    Primary,
}

impl Selection {
    pub(crate) fn atom(self, atoms: &Atoms) -> Atom {
        match self {
            Self::Clipboard => atoms.CLIPBOARD,
            Self::Primary => AtomEnum::PRIMARY.into(),
        }
    }
}

/// The selection's content while it is ours, and the running transfers.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    selection: Selection,
    held: Option<OwnedSelection>,
    transfers: Vec<Transfer>,
}

#[derive(Debug)]
struct OwnedSelection {
    formats: Vec<SelectionFormat>,
    since: Timestamp,
    /// The number of the request that made the selection ours. A loss reported before that is
    /// outdated.
    request: u64,
}

/// Content that is being sent piece by piece. The next piece is due when the reader has deleted the
/// last one.
#[derive(Debug)]
struct Transfer {
    requestor: Window,
    property: Atom,
    format: SelectionFormat,
    sent: usize,
    last: Instant,
}

/// Builds the formats for `text`, under all names by which programs ask for text. If it
/// `is_sensitive`, they include the mark that makes clipboard managers ignore it.
pub(crate) fn text_formats(text: &str, is_sensitive: bool, atoms: &Atoms) -> Vec<SelectionFormat> {
    let format = |target, kind, bytes| SelectionFormat { target, kind, width: 8, bytes };
    let utf8: Arc<[u8]> = text.as_bytes().into();
    let mut formats = vec![
        format(atoms.UTF8_STRING, atoms.UTF8_STRING, Arc::clone(&utf8)),
        format(atoms.TEXT_PLAIN_UTF_8, atoms.TEXT_PLAIN_UTF_8, Arc::clone(&utf8)),
        format(atoms.TEXT_PLAIN, atoms.TEXT_PLAIN, utf8),
    ];
    if let Some(bytes) = latin_1(text) {
        let string = AtomEnum::STRING.into();
        formats.push(format(string, string, bytes.into()));
    }
    if is_sensitive {
        formats.push(format(atoms.PASSWORD, atoms.PASSWORD, SECRET_MARK.into()));
    }
    formats
}

/// Converts `content` to X11's formats. A format's name becomes its target. Text is also offered
/// under the name that all X11 programs ask for.
pub(crate) fn formats_of(
    content: &Content,
    server: &Server,
) -> Result<Vec<SelectionFormat>, DeliverError> {
    let mut formats = Vec::new();
    for (name, bytes) in &content.formats {
        let target = server.conn.intern_atom(false, name.as_bytes())?.reply()?.atom;
        formats.push(SelectionFormat {
            target,
            kind: target,
            width: 8,
            bytes: bytes.as_slice().into(),
        });
    }
    let Atoms { UTF8_STRING: utf8, TEXT_PLAIN_UTF_8: text, .. } = server.atoms;
    if !formats.iter().any(|format| format.target == utf8)
        && let Some(text) = formats.iter().find(|format| format.target == text).cloned()
    {
        formats.push(SelectionFormat { target: utf8, kind: utf8, ..text });
    }
    Ok(formats)
}

/// Encodes `text` for the target STRING, which is Latin-1 without control characters other than tab
/// and newline. `None`: the text has other characters.
fn latin_1(text: &str) -> Option<Vec<u8>> {
    let byte =
        |c: char| u8::try_from(u32::from(c)).ok().filter(|_| !c.is_control() || "\t\n".contains(c));
    text.chars().map(byte).collect()
}

impl Owner {
    /// Creates an owner for `selection` that does not own it yet.
    pub(crate) fn of(selection: Selection) -> Self {
        Self { selection, ..Self::default() }
    }

    /// Returns the clipboard's content, if it is ours.
    pub(crate) fn content(&self) -> Option<&[SelectionFormat]> {
        self.held.as_ref().map(|held| held.formats.as_slice())
    }

    /// Whether a program is still reading content.
    pub(crate) fn is_giving(&self) -> bool {
        !self.transfers.is_empty()
    }

    /// Takes the clipboard, unless another program has taken it since `time`. Returns whether it is
    /// ours now.
    pub(crate) fn own(
        &mut self,
        server: &Server,
        formats: Vec<SelectionFormat>,
        time: Timestamp,
    ) -> Result<bool, DeliverError> {
        let clipboard = self.selection.atom(&server.atoms);
        let taken = server.conn.set_selection_owner(server.window, clipboard, time)?;
        let request = taken.sequence_number();
        let owner = server.conn.get_selection_owner(clipboard)?.reply()?.owner;
        let ours = owner == server.window;
        self.held = ours.then_some(OwnedSelection { formats, since: time, request });
        Ok(ours)
    }

    /// Clears the clipboard, unless another program has taken it since `time`.
    pub(crate) fn clear(&mut self, server: &Server, time: Timestamp) -> Result<(), DeliverError> {
        self.held = None;
        let clipboard = self.selection.atom(&server.atoms);
        server.conn.set_selection_owner(x11rb::NONE, clipboard, time)?;
        Ok(())
    }

    /// Handles an event of the server.
    pub(crate) fn handle(
        &mut self,
        server: &Server,
        seen: &ServerEvent,
    ) -> Result<Option<OwnerEvent>, DeliverError> {
        let atoms = &server.atoms;
        let ours = self.selection.atom(atoms);
        match &seen.event {
            Event::SelectionRequest(asked) if asked.selection == ours => {
                let gave = self.answer(server, asked)?;
                let client = server.client_of(asked.requestor);
                Ok(gave.then_some(OwnerEvent::Gave { client, after: seen.after }))
            }
            Event::SelectionClear(lost) if lost.selection == ours => {
                let lost = self.held.take_if(|held| held.request <= seen.after);
                Ok(lost.map(|_| OwnerEvent::Lost))
            }
            Event::SelectionNotify(told) if told.selection == atoms.CLIPBOARD_MANAGER => {
                Ok(Some(OwnerEvent::Saved))
            }
            Event::PropertyNotify(change) if change.state == Property::DELETE => {
                self.go_on(server, change.window, change.atom).map(|()| None)
            }
            Event::DestroyNotify(gone) => {
                self.transfers.retain(|transfer| transfer.requestor != gone.window);
                Ok(None)
            }
            Event::Error(error) => {
                // Usually a window closed before it got its answer.
                debug!(?error, "the X server refused a request");
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Answers a request. Returns whether content was given.
    fn answer(
        &mut self,
        server: &Server,
        asked: &SelectionRequestEvent,
    ) -> Result<bool, DeliverError> {
        // Old programs name no property, and expect the target's name as the property.
        let property = if asked.property == x11rb::NONE { asked.target } else { asked.property };
        let (done, gave) = if asked.target == server.atoms.MULTIPLE {
            self.give_several(server, asked.requestor, property)?
        } else {
            self.give(server, asked.requestor, property, asked.target)?
        };
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: asked.requestor,
            selection: asked.selection,
            target: asked.target,
            property: if done { property } else { x11rb::NONE },
        };
        server.conn.send_event(false, asked.requestor, EventMask::NO_EVENT, answer)?;
        Ok(gave)
    }

    /// Writes one target into a property. Returns whether that was done, and whether it was
    /// content.
    fn give(
        &mut self,
        server: &Server,
        requestor: Window,
        property: Atom,
        target: Atom,
    ) -> Result<(bool, bool), DeliverError> {
        let Some(held) = &self.held else { return Ok((false, false)) };
        let (conn, atoms) = (&server.conn, &server.atoms);
        let put = |kind: AtomEnum, values: &[u32]| {
            conn.change_property32(PropMode::REPLACE, requestor, property, kind, values)
        };
        if target == atoms.TARGETS {
            let mut targets = vec![atoms.TARGETS, atoms.TIMESTAMP, atoms.MULTIPLE];
            targets.extend(held.formats.iter().map(|format| format.target));
            put(AtomEnum::ATOM, &targets)?;
            return Ok((true, false));
        }
        if target == atoms.TIMESTAMP {
            put(AtomEnum::INTEGER, &[held.since])?;
            return Ok((true, false));
        }
        let Some(format) = held.formats.iter().find(|format| format.target == target) else {
            return Ok((false, false));
        };
        if format.bytes.len() <= PIECE {
            write(server, requestor, property, format, &format.bytes)?;
            return Ok((true, true));
        }
        let format = format.clone();
        let begun = self.begin(server, requestor, property, format)?;
        Ok((begun, begun))
    }

    /// Answers a request for several targets. The requestor's property holds pairs of target and
    /// property. The pairs that failed are marked in it.
    fn give_several(
        &mut self,
        server: &Server,
        requestor: Window,
        property: Atom,
    ) -> Result<(bool, bool), DeliverError> {
        let (conn, pair) = (&server.conn, server.atoms.ATOM_PAIR);
        let asked = conn.get_property(false, requestor, property, pair, 0, 2 * PAIRS)?.reply();
        // The window may be closed.
        let Ok(asked) = asked else { return Ok((false, false)) };
        let Some(values) = asked.value32() else { return Ok((false, false)) };
        let mut values: Vec<Atom> = values.collect();
        let mut any = false;
        for pair in values.chunks_exact_mut(2) {
            let (done, gave) = self.give(server, requestor, pair[1], pair[0])?;
            any |= gave;
            if !done {
                pair[1] = x11rb::NONE;
            }
        }
        conn.change_property32(PropMode::REPLACE, requestor, property, pair, &values)?;
        Ok((true, any))
    }

    /// Starts a transfer piece by piece. Returns false when too many are running.
    fn begin(
        &mut self,
        server: &Server,
        requestor: Window,
        property: Atom,
        format: SelectionFormat,
    ) -> Result<bool, DeliverError> {
        let now = Instant::now();
        self.transfers.retain(|transfer| {
            now.duration_since(transfer.last) < FORGOTTEN
                && (transfer.requestor, transfer.property) != (requestor, property)
        });
        if self.transfers.len() >= TRANSFERS {
            return Ok(false);
        }
        let events = EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY;
        listen(server, requestor, events)?;
        let length = [u32::try_from(format.bytes.len()).unwrap_or(u32::MAX)];
        let incr = server.atoms.INCR;
        server.conn.change_property32(PropMode::REPLACE, requestor, property, incr, &length)?;
        self.transfers.push(Transfer { requestor, property, format, sent: 0, last: now });
        Ok(true)
    }

    /// Sends the next piece after the reader has deleted the property. An empty piece marks the
    /// end.
    fn go_on(
        &mut self,
        server: &Server,
        requestor: Window,
        property: Atom,
    ) -> Result<(), DeliverError> {
        let on_it = |t: &Transfer| (t.requestor, t.property) == (requestor, property);
        let Some(at) = self.transfers.iter().position(on_it) else { return Ok(()) };
        let transfer = &mut self.transfers[at];
        let end = transfer.format.bytes.len().min(transfer.sent + PIECE);
        let piece = &transfer.format.bytes[transfer.sent..end];
        write(server, requestor, property, &transfer.format, piece)?;
        transfer.sent = end;
        transfer.last = Instant::now();
        if piece.is_empty() {
            self.transfers.swap_remove(at);
            if !self.transfers.iter().any(|transfer| transfer.requestor == requestor) {
                listen(server, requestor, EventMask::NO_EVENT)?;
            }
        }
        Ok(())
    }
}

/// Selects the events of another program's window that the server sends us.
fn listen(server: &Server, window: Window, events: EventMask) -> Result<(), DeliverError> {
    let events = ChangeWindowAttributesAux::new().event_mask(events);
    server.conn.change_window_attributes(window, &events)?;
    Ok(())
}

fn write(
    server: &Server,
    window: Window,
    property: Atom,
    format: &SelectionFormat,
    bytes: &[u8],
) -> Result<(), DeliverError> {
    let units = bytes.len() / usize::from(format.width / 8).max(1);
    let units = u32::try_from(units).unwrap_or(u32::MAX); // a piece is far below that
    let (mode, kind, width) = (PropMode::REPLACE, format.kind, format.width);
    server.conn.change_property(mode, window, property, kind, width, units, bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn string_is_latin_1_or_nothing() {
        assert_eq!(latin_1("Grüße\tñ\n"), Some(b"Gr\xfc\xdfe\t\xf1\n".to_vec()));
        for text in ["€5", "日", "a\u{7f}", "a\rb", "\u{85}"] {
            assert_eq!(latin_1(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_given_as_string_is_the_text(text in ".{0,40}") {
            if let Some(bytes) = latin_1(&text) {
                prop_assert_eq!(bytes.into_iter().map(char::from).collect::<String>(), text);
            } else {
                prop_assert!(text.chars().any(|c| u32::from(c) > 0xff || c.is_control()));
            }
        }
    }
}
