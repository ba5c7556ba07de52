//! Reads the content of another program's clipboard in all its formats.
//!
//! Reading is bounded in time and memory, because the owner may hang or hold a film.

use super::owner::{Selection, SelectionFormat};
use crate::deliver::clipboard::Before;
use crate::deliver::clipboard::content::Content;
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use std::time::Instant;
use tracing::debug;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, Property, Timestamp, Window,
};

/// The most formats that are remembered. No program offers more useful ones.
const FORMATS: usize = 64;
/// The longest list of formats that is read, in bytes.
const LIST: usize = 4 * 1024;

/// The result of asking for one format.
enum FormatRead {
    Whole(SelectionFormat),
    /// The content is longer than the limit.
    TooLarge,
    /// The owner offered the format but did not deliver it. Some programs do so.
    Refused,
}

/// A conversation with the clipboard's owner, in its own window. A slow owner's late answers are
/// discarded with the window.
struct Reader<'s> {
    server: &'s Server,
    selection: Atom,
    window: Window,
    time: Timestamp,
    until: Instant,
}

/// Reads the clipboard or the primary selection, as far as possible by `until`. `time` is the
/// server's current time.
pub(crate) fn remember(
    server: &Server,
    selection: Selection,
    time: Timestamp,
    until: Instant,
) -> Result<Before<Vec<SelectionFormat>>, DeliverError> {
    let selection = selection.atom(&server.atoms);
    let owner = server.conn.get_selection_owner(selection)?.reply()?.owner;
    if owner == x11rb::NONE {
        return Ok(Before::Nothing);
    }
    let window = server.create_window()?;
    let mut reader = Reader { server, selection, window, time, until };
    let read = reader.read_all();
    server.conn.destroy_window(window)?;
    read
}

/// Reads the text on the clipboard. `None`: there is none. `time` is the server's current time.
///
/// # Errors
/// [`DeliverError::Hanging`]: the text could not be read by `until`.
pub(crate) fn text(
    server: &Server,
    time: Timestamp,
    until: Instant,
) -> Result<Option<String>, DeliverError> {
    let selection = Selection::Clipboard.atom(&server.atoms);
    if server.conn.get_selection_owner(selection)?.reply()?.owner == x11rb::NONE {
        return Ok(None);
    }
    let window = server.create_window()?;
    let mut reader = Reader { server, selection, window, time, until };
    let read = reader.text();
    server.conn.destroy_window(window)?;
    read
}

impl Reader<'_> {
    fn text(&mut self) -> Result<Option<String>, DeliverError> {
        let Server { atoms, .. } = self.server;
        let latin_1 = AtomEnum::STRING.into();
        let plain = [atoms.TEXT_PLAIN_UTF_8, atoms.TEXT_PLAIN_UTF_8_CAPITALS, atoms.TEXT_PLAIN];
        for target in [atoms.UTF8_STRING].into_iter().chain(plain).chain([latin_1]) {
            match self.read(target, Content::LIMIT)?.ok_or(DeliverError::Hanging)? {
                FormatRead::Whole(format) if target == latin_1 => {
                    return Ok(Some(format.bytes.iter().copied().map(char::from).collect()));
                }
                FormatRead::Whole(format) => {
                    return Ok(Some(String::from_utf8_lossy(&format.bytes).into_owned()));
                }
                FormatRead::TooLarge | FormatRead::Refused => {}
            }
        }
        Ok(None)
    }

    fn read_all(&mut self) -> Result<Before<Vec<SelectionFormat>>, DeliverError> {
        let targets = self.targets()?;
        if targets.contains(&self.server.atoms.PASSWORD) {
            debug!("the clipboard holds a secret, which is not given back");
            return Ok(Before::Unknown);
        }
        let mut formats = Vec::new();
        let mut left = Content::LIMIT;
        for target in targets {
            match self.read(target, left)? {
                Some(FormatRead::Whole(format)) => {
                    left -= format.bytes.len();
                    formats.push(format);
                }
                Some(FormatRead::TooLarge) => {
                    debug!(target, "a format of the clipboard is too large to remember")
                }
                Some(FormatRead::Refused) => {
                    debug!(target, "a format of the clipboard was not read")
                }
                None => {
                    debug!("the clipboard could not be read in time");
                    break;
                }
            }
        }
        Ok(if formats.is_empty() { Before::Unknown } else { Before::Content(formats) })
    }

    /// Reads the list of the formats worth remembering.
    fn targets(&mut self) -> Result<Vec<Atom>, DeliverError> {
        let list = match self.read(self.server.atoms.TARGETS, LIST)? {
            Some(FormatRead::Whole(list)) if list.width == 32 => list.bytes,
            Some(_) => return Ok(vec![self.server.atoms.UTF8_STRING]),
            None => return Ok(Vec::new()),
        };
        let atom = |bytes: &[u8]| bytes.try_into().ok().map(Atom::from_ne_bytes);
        let mut targets = Vec::new();
        for target in list.chunks_exact(4).filter_map(atom) {
            if self.is_content(target) && !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets.truncate(FORMATS);
        Ok(targets)
    }

    /// Whether a target is content. The others are questions about the owner, actions that it
    /// performs, or ids of server resources that it frees.
    fn is_content(&self, target: Atom) -> bool {
        let atoms = &self.server.atoms;
        let actions = [
            atoms.TARGETS,
            atoms.MULTIPLE,
            atoms.TIMESTAMP,
            atoms.SAVE_TARGETS,
            atoms.DELETE,
            atoms.INSERT_SELECTION,
            atoms.INSERT_PROPERTY,
        ];
        let things = [
            AtomEnum::PIXMAP,
            AtomEnum::BITMAP,
            AtomEnum::DRAWABLE,
            AtomEnum::COLORMAP,
            AtomEnum::WINDOW,
        ];
        target != x11rb::NONE
            && !actions.contains(&target)
            && !things.into_iter().any(|thing| Atom::from(thing) == target)
    }

    /// Reads one format, `most` bytes at most. `None`: the time is up.
    fn read(&mut self, target: Atom, most: usize) -> Result<Option<FormatRead>, DeliverError> {
        let (window, content) = (self.window, self.server.atoms.V2M_CONTENT);
        let (selection, time) = (self.selection, self.time);
        self.server.conn.convert_selection(window, selection, target, content, time)?;
        let answer = self.server.find(self.until, |event| match event {
            Event::SelectionNotify(told) if (told.requestor, told.target) == (window, target) => {
                Some(told.property)
            }
            _ => None,
        })?;
        let Some(property) = answer else { return Ok(None) };
        if property == x11rb::NONE {
            return Ok(Some(FormatRead::Refused));
        }
        let first = self.take(most)?;
        if first.type_ == self.server.atoms.INCR {
            return self.collect(target, most);
        }
        if first.type_ == x11rb::NONE {
            return Ok(Some(FormatRead::Refused));
        }
        if first.bytes_after > 0 || first.value.len() > most {
            self.server.conn.delete_property(window, content)?;
            return Ok(Some(FormatRead::TooLarge));
        }
        Ok(Some(FormatRead::Whole(format(target, &first, first.value.clone()))))
    }

    /// Reads content that comes piece by piece. An empty piece marks the end (ICCCM, section
    /// 2.7.2).
    fn collect(&mut self, target: Atom, most: usize) -> Result<Option<FormatRead>, DeliverError> {
        let (window, content) = (self.window, self.server.atoms.V2M_CONTENT);
        let mut bytes = Vec::new();
        loop {
            let written = self.server.find(self.until, |event| match event {
                Event::PropertyNotify(change)
                    if (change.window, change.atom) == (window, content) =>
                {
                    (change.state == Property::NEW_VALUE).then_some(())
                }
                _ => None,
            })?;
            if written.is_none() {
                return Ok(None);
            }
            let piece = self.take(most - bytes.len())?;
            match piece.type_ {
                // The event belongs to a piece that was already read.
                x11rb::NONE => continue,
                _ if piece.bytes_after > 0 || bytes.len() + piece.value.len() > most => {
                    return Ok(Some(FormatRead::TooLarge));
                }
                _ if piece.value.is_empty() => {
                    return Ok(Some(FormatRead::Whole(format(target, &piece, bytes))));
                }
                _ => bytes.extend_from_slice(&piece.value),
            }
        }
    }

    /// Reads our property, up to slightly more than `most` bytes, and deletes it if that is all of
    /// it.
    fn take(&self, most: usize) -> Result<GetPropertyReply, DeliverError> {
        let words = u32::try_from(most / 4 + 1).unwrap_or(u32::MAX);
        let content = self.server.atoms.V2M_CONTENT;
        let asked =
            self.server.conn.get_property(true, self.window, content, AtomEnum::ANY, 0, words)?;
        Ok(asked.reply()?)
    }
}

fn format(target: Atom, told: &GetPropertyReply, bytes: Vec<u8>) -> SelectionFormat {
    SelectionFormat { target, kind: told.type_, width: told.format, bytes: bytes.into() }
}
