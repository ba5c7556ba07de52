//! The connection over which the clipboard is read and owned. It keeps the compositor's events in
//! order.

use super::protocol::{Announced, DataSource, Device, ext, wlr};
use crate::deliver::display::wayland::{CompositorState, Mark, WaylandConnection, Woken};
use crate::deliver::error::DeliverError;
use rustix::event::PollFd;
use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;
use v2m_messages::tr;
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};

/// Identifies one of our clipboard sources. The compositor may still refer to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceId(u64);

/// An event of the compositor about the clipboard.
#[derive(Debug)]
pub(crate) enum ClipboardEvent {
    /// A program asks for the content of our source in this format, written into the pipe.
    Asked {
        source: SourceId,
        format: String,
        pipe: OwnedFd,
        /// The last of our marks that the compositor had processed when it sent this. It is exact,
        /// and needs no clock.
        after: Mark,
    },
    /// This source is no longer on the clipboard.
    Cancelled(SourceId),
    /// The seat is gone, and the clipboard with it.
    Finished,
}

/// The clipboard's state, and the events that have not been handled yet.
#[derive(Debug, Default)]
pub(crate) struct SeatState {
    has_keyboard: bool,
    pub(crate) clipboard: Announced,
    said: VecDeque<ClipboardEvent>,
}

impl SeatState {
    pub(crate) fn say(&mut self, said: ClipboardEvent) {
        self.said.push_back(said);
    }
}

/// A connection to the compositor with its clipboard device.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) compositor: WaylandConnection<SeatState>,
    pub(crate) seat: WlSeat,
    device: Box<dyn Device>,
    last_number: u64,
}

impl Server {
    /// Connects to the compositor.
    ///
    /// # Errors
    /// [`DeliverError::NoWay`]: the compositor does not offer data-control.
    pub(crate) fn connect() -> Result<Self, DeliverError> {
        let mut compositor = WaylandConnection::begin(SeatState::default())?;
        let seat = compositor.bind(1).ok_or(DeliverError::NoWay)?;
        let device = device(&compositor, &seat).ok_or(DeliverError::NoWay)?;
        // After this, the compositor has announced the clipboard's content.
        compositor.catch_up()?;
        Ok(Self { compositor, seat, device, last_number: 0 })
    }

    /// Whether a keyboard is plugged in, so that windows already listen to one.
    pub(crate) fn has_keyboard(&self) -> bool {
        self.compositor.heard.state.has_keyboard
    }

    /// Returns the clipboard as the compositor has announced it.
    pub(crate) fn announced(&self) -> &Announced {
        &self.compositor.heard.state.clipboard
    }

    /// Takes the clipboard with these formats.
    pub(crate) fn own(&mut self, formats: &[&str]) -> (SourceId, Box<dyn DataSource>) {
        self.last_number += 1;
        let number = SourceId(self.last_number);
        (number, self.device.own(&self.compositor.handle(), formats, number))
    }

    /// Clears the clipboard, so that it has no owner.
    pub(crate) fn clear(&self) {
        self.device.clear();
    }

    /// Returns the next event that the compositor has sent.
    pub(crate) fn said(&mut self) -> Result<Option<ClipboardEvent>, DeliverError> {
        match self.compositor.heard.state.said.pop_front() {
            Some(ClipboardEvent::Finished) => {
                Err(DeliverError::Compositor(tr!("the compositor has removed its seat").to_owned()))
            }
            said => Ok(said),
        }
    }

    /// Waits as [`WaylandConnection::wait`] does.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
        others: Vec<PollFd<'_>>,
    ) -> Result<Woken, DeliverError> {
        self.compositor.wait(until, bell, others)
    }
}

fn device(compositor: &WaylandConnection<SeatState>, seat: &WlSeat) -> Option<Box<dyn Device>> {
    let handle = compositor.handle();
    if let Some(manager) = compositor.bind(1) {
        return Some(ext::device(manager, seat, &handle));
    }
    // Version 2 adds only the primary selection.
    Some(wlr::device(compositor.bind(1)?, seat, &handle))
}

impl Dispatch<WlSeat, ()> for CompositorState<SeatState> {
    fn event(
        heard: &mut Self,
        _: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(all) } = event {
            heard.state.has_keyboard = all.contains(Capability::Keyboard);
        }
    }
}
