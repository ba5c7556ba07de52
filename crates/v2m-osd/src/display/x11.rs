//! An override-redirect window, which no window manager manages, at the lower edge of the monitor
//! with the pointer. Pointer input passes through it.

use super::DisplayError;
use crate::draw::{self, Area, Painted};
use std::os::fd::{AsFd, BorrowedFd};
use v2m_messages::tr;
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::{Connection, RequestConnection as _};
use x11rb::protocol::Event;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::shape::{ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{
    AtomEnum, ClipOrdering, ColormapAlloc, ConfigureWindowAux, ConnectionExt as _, CreateGCAux,
    CreateWindowAux, EventMask, Gcontext, ImageFormat, PropMode, Rectangle, Screen, StackMode,
    VisualClass, Visualid, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// The distance from the monitor's lower edge, in logical pixels. Panels there are about 40 high.
const MARGIN: f32 = 64.0;

/// The connection, and its only window.
pub struct Overlay {
    connection: RustConnection,
    screen: Screen,
    window: Window,
    gc: Gcontext,
    depth: u8,
    /// Whether the background is visible through the window.
    is_translucent: bool,
    is_shown: bool,
    scale: f32,
    size: (u32, u32),
    /// The window's outline, if it is not translucent.
    outline: Option<Area>,
    /// The current content, in case the server loses it.
    pixels: Vec<u8>,
}

impl Overlay {
    pub(super) fn open() -> Result<Self, DisplayError> {
        let absent = |error: &dyn std::fmt::Display| DisplayError::Absent(error.to_string());
        let (connection, number) = x11rb::connect(None).map_err(|error| absent(&error))?;
        let screen = connection.setup().roots.get(number).cloned();
        let screen =
            screen.ok_or_else(|| absent(&tr!("DISPLAY names a screen that is not there")))?;
        let composited = compositor_of(&connection, number).map_err(DisplayError::ended)?;
        let visual = translucent(&screen).filter(|_| composited);
        let depth = visual.map_or(screen.root_depth, |_| 32);
        // Pixels of other depths have another layout.
        if !matches!(depth, 24 | 32) {
            return Err(absent(&tr!(
                "the screen has {depth} bits of colour per pixel; v2m-osd needs 24",
                depth
            )));
        }
        let scale = scale_of(&connection);
        let (window, gc) = (id(&connection)?, id(&connection)?);
        let mut overlay = Self {
            connection,
            screen,
            window,
            gc,
            depth,
            is_translucent: visual.is_some(),
            is_shown: false,
            scale,
            size: draw::size(scale),
            outline: None,
            pixels: Vec::new(),
        };
        overlay.create(visual).map_err(DisplayError::ended)?;
        Ok(overlay)
    }

    fn create(&mut self, visual: Option<Visualid>) -> Result<(), Box<dyn std::error::Error>> {
        let Self { connection, screen, window, gc, .. } = self;
        let mut values = CreateWindowAux::new()
            .override_redirect(1)
            .background_pixel(0)
            .border_pixel(0)
            .event_mask(EventMask::EXPOSURE);
        if let Some(visual) = visual {
            let colormap = connection.generate_id()?;
            connection.create_colormap(ColormapAlloc::NONE, colormap, screen.root, visual)?;
            values = values.colormap(colormap);
        }
        let (width, height) = (self.size.0 as u16, self.size.1 as u16);
        let depth = visual.map_or(COPY_DEPTH_FROM_PARENT, |_| 32);
        let class = WindowClass::INPUT_OUTPUT;
        let visual = visual.unwrap_or(screen.root_visual);
        connection
            .create_window(
                depth,
                *window,
                screen.root,
                0,
                0,
                width,
                height,
                0,
                class,
                visual,
                &values,
            )?
            .check()?;
        connection.create_gc(*gc, *window, &CreateGCAux::new().graphics_exposures(0))?;
        let name = connection.intern_atom(false, b"_NET_WM_NAME")?.reply()?.atom;
        let utf8 = connection.intern_atom(false, b"UTF8_STRING")?.reply()?.atom;
        let kind = connection.intern_atom(false, b"_NET_WM_WINDOW_TYPE")?.reply()?.atom;
        let sign =
            connection.intern_atom(false, b"_NET_WM_WINDOW_TYPE_NOTIFICATION")?.reply()?.atom;
        connection.change_property8(PropMode::REPLACE, *window, name, utf8, b"v2m-osd")?;
        let class = (AtomEnum::WM_CLASS, AtomEnum::STRING);
        connection.change_property8(
            PropMode::REPLACE,
            *window,
            class.0,
            class.1,
            b"v2m-osd\0v2m-osd\0",
        )?;
        connection.change_property32(PropMode::REPLACE, *window, kind, AtomEnum::ATOM, &[sign])?;
        // Without an input shape, pointer input goes to the windows below.
        connection
            .shape_rectangles(SO::SET, SK::INPUT, ClipOrdering::UNSORTED, *window, 0, 0, &[])?
            .check()?;
        connection.flush()?;
        Ok(())
    }

    pub(super) fn scale(&self) -> f32 {
        self.scale
    }

    pub(super) fn appear(&mut self) -> Result<bool, DisplayError> {
        if !self.is_shown {
            self.place().map_err(DisplayError::ended)?;
        }
        Ok(true)
    }

    /// Moves the window to the monitor with the pointer.
    fn place(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let pointer = self.connection.query_pointer(self.screen.root)?.reply()?;
        let (x, y) = (i32::from(pointer.root_x), i32::from(pointer.root_y));
        let (left, top, width, height) = self.monitor(x, y);
        let (wide, high) = (self.size.0 as i32, self.size.1 as i32);
        let margin = (MARGIN * self.scale) as i32;
        let at =
            ConfigureWindowAux::new().x(left + (width - wide) / 2).y(top + height - high - margin);
        self.connection.configure_window(self.window, &at)?;
        Ok(())
    }

    /// Returns left, top, width and height of the monitor with this point, or of the whole screen.
    fn monitor(&self, x: i32, y: i32) -> (i32, i32, i32, i32) {
        let monitors = self.connection.randr_get_monitors(self.screen.root, true);
        let monitors = monitors.ok().and_then(|asked| asked.reply().ok());
        let monitors = monitors.map(|reply| reply.monitors).unwrap_or_default();
        let places = monitors.iter().map(|it| {
            (i32::from(it.x), i32::from(it.y), i32::from(it.width), i32::from(it.height))
        });
        let whole =
            (0, 0, i32::from(self.screen.width_in_pixels), i32::from(self.screen.height_in_pixels));
        let has_it = |(left, top, width, height): &(i32, i32, i32, i32)| {
            (*left..left + width).contains(&x) && (*top..top + height).contains(&y)
        };
        places.clone().find(has_it).or_else(|| places.clone().next()).unwrap_or(whole)
    }

    pub(super) fn show(&mut self, painted: &Painted) -> Result<bool, DisplayError> {
        self.put(painted).map_err(DisplayError::ended)?;
        Ok(true)
    }

    fn put(&mut self, painted: &Painted) -> Result<(), Box<dyn std::error::Error>> {
        self.pixels = painted.bgra();
        if !self.is_translucent && self.outline != Some(painted.pill) {
            let outline = outline(painted.pill);
            let (set, order) = (SO::SET, ClipOrdering::UNSORTED);
            let kind = SK::BOUNDING;
            self.connection.shape_rectangles(set, kind, order, self.window, 0, 0, &outline)?;
            self.outline = Some(painted.pill);
        }
        if !self.is_shown {
            self.connection.map_window(self.window)?;
            let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
            self.connection.configure_window(self.window, &above)?;
            self.is_shown = true;
        }
        self.paint()
    }

    fn paint(&self) -> Result<(), Box<dyn std::error::Error>> {
        if self.pixels.is_empty() {
            return Ok(());
        }
        let (width, height) = (self.size.0 as u16, self.size.1 as u16);
        // A row has 4 bytes for each pixel, so several rows fit into one request of the core
        // protocol.
        let row = usize::from(width) * 4;
        let rows = (self.connection.maximum_request_bytes().saturating_sub(64) / row).max(1);
        for (at, part) in self.pixels.chunks(rows * row).enumerate() {
            let top = i16::try_from(at * rows)?;
            let high = u16::try_from(part.len() / row)?.min(height);
            let (format, depth) = (ImageFormat::Z_PIXMAP, self.depth);
            self.connection.put_image(
                format,
                self.window,
                self.gc,
                width,
                high,
                0,
                top,
                0,
                depth,
                part,
            )?;
        }
        self.connection.flush()?;
        Ok(())
    }

    pub(super) fn vanish(&mut self) -> Result<(), DisplayError> {
        if std::mem::take(&mut self.is_shown) {
            self.connection.unmap_window(self.window).map_err(DisplayError::ended)?;
            self.connection.flush().map_err(DisplayError::ended)?;
        }
        Ok(())
    }

    pub(super) fn attend(&mut self) -> Result<bool, DisplayError> {
        while let Some(event) = self.connection.poll_for_event().map_err(DisplayError::ended)? {
            if matches!(event, Event::Expose(expose) if expose.count == 0) && self.is_shown {
                self.paint().map_err(DisplayError::ended)?;
            }
        }
        Ok(false)
    }
}

impl AsFd for Overlay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }
}

fn id(connection: &RustConnection) -> Result<u32, DisplayError> {
    connection.generate_id().map_err(DisplayError::ended)
}

/// Whether a compositing manager runs. Without one, translucent pixels are black.
fn compositor_of(
    connection: &RustConnection,
    number: usize,
) -> Result<bool, Box<dyn std::error::Error>> {
    let name = format!("_NET_WM_CM_S{number}");
    let atom = connection.intern_atom(false, name.as_bytes())?.reply()?.atom;
    Ok(connection.get_selection_owner(atom)?.reply()?.owner != x11rb::NONE)
}

/// Finds a visual with 8 bits of opacity.
fn translucent(screen: &Screen) -> Option<Visualid> {
    let depth = screen.allowed_depths.iter().find(|depth| depth.depth == 32)?;
    let visual = depth
        .visuals
        .iter()
        .find(|visual| visual.class == VisualClass::TRUE_COLOR && visual.red_mask == 0x00ff_0000);
    visual.map(|visual| visual.visual_id)
}

/// Returns the number of device pixels in a logical pixel, from the same source as toolkits:
/// `Xft.dpi` of the X resources.
fn scale_of(connection: &RustConnection) -> f32 {
    let database = x11rb::resource_manager::new_from_resource_manager(connection);
    let dpi = database.ok().flatten().and_then(|it| it.get_value::<f32>("Xft.dpi", "").ok()?);
    (dpi.unwrap_or(96.0) / 96.0).clamp(1.0, 4.0)
}

/// Returns a pill as rectangles, one for each row of its round ends.
fn outline(pill: Area) -> Vec<Rectangle> {
    let Area { left, top, width, height, radius } = pill;
    let radius = radius.min(height / 2).min(width / 2);
    let (round, whole) = (f64::from(radius), i64::from(height));
    let rows = (0..whole).map(|y| {
        // The distance from this row's middle to the middle of its corner.
        let from_edge = y.min(whole - 1 - y) as f64 + 0.5;
        let off = (round - from_edge).max(0.0);
        let inset = round - (round * round - off * off).max(0.0).sqrt();
        let inset = inset.round() as i32;
        Rectangle {
            x: (left + inset) as i16,
            y: (i64::from(top) + y) as i16,
            width: (width as i32 - 2 * inset).max(0) as u16,
            height: 1,
        }
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pill_has_round_ends_and_a_straight_middle() {
        let rows = outline(Area { left: 100, top: 50, width: 200, height: 40, radius: 20 });
        assert_eq!((rows.len(), rows[0].y, rows[39].y), (40, 50, 89));
        assert_eq!((rows[19].x, rows[19].width), (100, 200));
        assert!(rows[0].x > 110 && rows[0].width < 180, "{:?}", rows[0]);
        assert_eq!((rows[0].x, rows[0].width), (rows[39].x, rows[39].width));
    }
}
