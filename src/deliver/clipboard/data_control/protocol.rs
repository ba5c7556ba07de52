//! Data-control, the protocol by which a program without a window reads and owns the clipboard. It
//! has two names: ext_data_control_v1, and zwlr_data_control_v1, its origin. They do not differ
//! otherwise in the parts used here.
//!
//! The protocol's primary selection is not used.

use super::server::{ClipboardEvent, SeatState, SourceId};
use crate::deliver::display::wayland::CompositorState;
use std::fmt::Debug;
use std::os::fd::BorrowedFd;
use wayland_client::QueueHandle;
use wayland_client::backend::ObjectId;

/// The clipboard of a seat.
pub(crate) trait Device: Debug + Send {
    /// Takes the clipboard with these formats. Events about it will carry `number`.
    fn own(
        &self,
        queue: &QueueHandle<CompositorState<SeatState>>,
        formats: &[&str],
        number: SourceId,
    ) -> Box<dyn DataSource>;

    /// Clears the clipboard, so that it has no owner.
    fn clear(&self);
}

/// A source that we have put on the clipboard.
pub(crate) trait DataSource: Debug + Send {
    /// Destroys the source. The clipboard becomes empty if the source was still on it.
    fn destroy(&self);
}

/// Content that another program offers.
pub(crate) trait Offer: Debug + Send {
    fn id(&self) -> ObjectId;
    /// Asks its owner to write the content into `pipe`.
    fn receive(&self, format: &str, pipe: BorrowedFd<'_>);
    fn destroy(&self);
}

/// An offer with the formats announced so far.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) offer: Box<dyn Offer>,
    pub(crate) formats: Vec<String>,
}

/// The most formats that are remembered. No program offers more useful ones.
const FORMATS: usize = 64;

/// The clipboard as the compositor has announced it.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// New offers that the compositor has not assigned to a selection yet.
    fresh: Vec<Offered>,
    /// The clipboard's current content. `None`: it is empty.
    pub(crate) selection: Option<Offered>,
    /// How often the clipboard has changed.
    pub(crate) changes: u64,
}

impl Announced {
    fn introduce(&mut self, offer: Box<dyn Offer>) {
        self.fresh.push(Offered { offer, formats: Vec::new() });
    }

    fn add(&mut self, offer: &ObjectId, format: String) {
        let offered = self.fresh.iter_mut().find(|offered| offered.offer.id() == *offer);
        let Some(offered) = offered else { return };
        if offered.formats.len() < FORMATS && !offered.formats.contains(&format) {
            offered.formats.push(format);
        }
    }

    fn take(&mut self, offer: &ObjectId) -> Option<Offered> {
        let at = self.fresh.iter().position(|offered| offered.offer.id() == *offer)?;
        Some(self.fresh.swap_remove(at))
    }

    fn select(&mut self, offer: Option<ObjectId>) {
        let selection = offer.and_then(|offer| self.take(&offer));
        if let Some(old) = std::mem::replace(&mut self.selection, selection) {
            old.offer.destroy();
        }
        self.changes += 1;
    }

    /// Destroys an offer that is not used here.
    fn discard(&mut self, offer: Option<ObjectId>) {
        if let Some(offered) = offer.and_then(|offer| self.take(&offer)) {
            offered.offer.destroy();
        }
    }
}

macro_rules! data_control {
    (
        $(#[$doc:meta])* $family:ident, $root:path,
        $manager_mod:ident::$Manager:ident, $device_mod:ident::$Device:ident,
        $source_mod:ident::$DataSource:ident, $offer_mod:ident::$Offer:ident
    ) => {
        $(#[$doc])*
        pub(crate) mod $family {
            use super::*;
            use wayland_client::{Connection, Dispatch, Proxy, event_created_child};
            use wayland_client::protocol::wl_seat::WlSeat;
            use $root as protocol;
            use protocol::{
                $device_mod::{self, $Device}, $manager_mod::$Manager,
                $offer_mod::{self, $Offer}, $source_mod::{self, $DataSource},
            };

            pub(crate) type Manager = $Manager;

            #[derive(Debug)]
            struct Clipboard {
                manager: $Manager,
                device: $Device,
            }

            /// Opens the clipboard of `seat`, which the compositor announces from now on.
            pub(crate) fn device(
                manager: Manager,
                seat: &WlSeat,
                queue: &QueueHandle<CompositorState<SeatState>>,
            ) -> Box<dyn super::Device> {
                let device = manager.get_data_device(seat, queue, ());
                Box::new(Clipboard { manager, device })
            }

            impl super::Device for Clipboard {
                fn own(
                    &self,
                    queue: &QueueHandle<CompositorState<SeatState>>,
                    formats: &[&str],
                    number: SourceId,
                ) -> Box<dyn super::DataSource> {
                    let source = self.manager.create_data_source(queue, number);
                    for format in formats {
                        source.offer((*format).to_owned());
                    }
                    self.device.set_selection(Some(&source));
                    Box::new(source)
                }

                fn clear(&self) {
                    self.device.set_selection(None);
                }
            }

            impl super::DataSource for $DataSource {
                fn destroy(&self) {
                    self.destroy();
                }
            }

            impl super::Offer for $Offer {
                fn id(&self) -> ObjectId {
                    Proxy::id(self)
                }

                fn receive(&self, format: &str, pipe: BorrowedFd<'_>) {
                    self.receive(format.to_owned(), pipe);
                }

                fn destroy(&self) {
                    self.destroy();
                }
            }

            impl Dispatch<$Manager, ()> for CompositorState<SeatState> {
                fn event(
                    _: &mut Self,
                    _: &$Manager,
                    _: <$Manager as Proxy>::Event,
                    (): &(),
                    _: &Connection,
                    _: &QueueHandle<Self>,
                ) {
                    // The manager has no events.
                }
            }

            impl Dispatch<$Device, ()> for CompositorState<SeatState> {
                fn event(
                    heard: &mut Self,
                    _: &$Device,
                    event: $device_mod::Event,
                    (): &(),
                    _: &Connection,
                    _: &QueueHandle<Self>,
                ) {
                    use $device_mod::Event;
                    match event {
                        Event::DataOffer { id } => heard.state.clipboard.introduce(Box::new(id)),
                        Event::Selection { id } => heard.state.clipboard.select(id.map(|id| Proxy::id(&id))),
                        Event::PrimarySelection { id } => {
                            heard.state.clipboard.discard(id.map(|id| Proxy::id(&id)));
                        }
                        Event::Finished => heard.state.say(ClipboardEvent::Finished),
                        _ => {}
                    }
                }

                event_created_child!(CompositorState<SeatState>, $Device, [
                    $device_mod::EVT_DATA_OFFER_OPCODE => ($Offer, ()),
                ]);
            }

            impl Dispatch<$Offer, ()> for CompositorState<SeatState> {
                fn event(
                    heard: &mut Self,
                    offer: &$Offer,
                    event: $offer_mod::Event,
                    (): &(),
                    _: &Connection,
                    _: &QueueHandle<Self>,
                ) {
                    if let $offer_mod::Event::Offer { mime_type } = event {
                        heard.state.clipboard.add(&Proxy::id(offer), mime_type);
                    }
                }
            }

            impl Dispatch<$DataSource, SourceId> for CompositorState<SeatState> {
                fn event(
                    heard: &mut Self,
                    _: &$DataSource,
                    event: $source_mod::Event,
                    source: &SourceId,
                    _: &Connection,
                    _: &QueueHandle<Self>,
                ) {
                    use $source_mod::Event;
                    let source = *source;
                    match event {
                        Event::Send { mime_type, fd } => {
                            let (format, pipe, after) = (mime_type, fd, heard.reached);
                            heard.state.say(ClipboardEvent::Asked { source, format, pipe, after });
                        }
                        Event::Cancelled => heard.state.say(ClipboardEvent::Cancelled(source)),
                        _ => {}
                    }
                }
            }
        }
    };
}

data_control!(
    /// The protocol under its standard name.
    ext,
    wayland_protocols::ext::data_control::v1::client,
    ext_data_control_manager_v1::ExtDataControlManagerV1,
    ext_data_control_device_v1::ExtDataControlDeviceV1,
    ext_data_control_source_v1::ExtDataControlSourceV1,
    ext_data_control_offer_v1::ExtDataControlOfferV1
);

data_control!(
    /// The protocol under its first name, which wlroots before 0.19 uses.
    wlr,
    wayland_protocols_wlr::data_control::v1::client,
    zwlr_data_control_manager_v1::ZwlrDataControlManagerV1,
    zwlr_data_control_device_v1::ZwlrDataControlDeviceV1,
    zwlr_data_control_source_v1::ZwlrDataControlSourceV1,
    zwlr_data_control_offer_v1::ZwlrDataControlOfferV1
);
