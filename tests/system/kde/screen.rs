//! The X server that KWin's window fills: screenshots and a pointer.

use crate::lab::wait_for;
use std::path::PathBuf;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat, MOTION_NOTIFY_EVENT,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// The display that `kde-desktop` starts.
const DISPLAY: &str = ":8";
const WIDTH: u16 = 1280;
const HEIGHT: u16 = 720;

/// A part of the screen: x, y, width and height in pixels.
pub(crate) type Area = (usize, usize, usize, usize);

/// The whole screen.
const ALL: Area = (0, 0, WIDTH as usize, HEIGHT as usize);

/// A screenshot of a part of the screen. Small parts are fast enough to be taken often.
#[derive(Clone)]
pub(crate) struct Shot {
    area: Area,
    pixels: Vec<[u8; 3]>,
}

/// Colours of marks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Red,
    Green,
    Blue,
    Yellow,
}

impl Colour {
    /// Compares by hue: KDE's own theme is light, and marks are darker on it.
    fn is(self, pixel: [u8; 3]) -> bool {
        let [red, green, blue] = pixel.map(i16::from);
        match self {
            // The colour is paler below the pointer.
            Self::Red => red > 200 && red > green + 100 && red > blue + 100,
            Self::Green => green > red + 60 && green > blue + 40,
            Self::Blue => blue > red + 80 && blue > green + 40,
            Self::Yellow => red > green + 40 && green > blue + 60,
        }
    }
}

impl Shot {
    /// Returns the places of pixels with this colour.
    pub(crate) fn places(&self, colour: Colour) -> Vec<(usize, usize)> {
        let (left, top, width, _) = self.area;
        let all = self.pixels.iter().enumerate().filter(|(_, pixel)| colour.is(**pixel));
        all.map(|(at, _)| (left + at % width, top + at / width)).collect()
    }

    /// Returns the number of pixels with this colour.
    pub(crate) fn count(&self, colour: Colour) -> usize {
        self.places(colour).len()
    }

    /// Returns the number of pixels that differ from an earlier shot of the same part.
    pub(crate) fn differs(&self, other: &Self) -> usize {
        assert_eq!(self.area, other.area);
        let pairs = self.pixels.iter().zip(&other.pixels);
        pairs.filter(|(one, other)| one != other).count()
    }
}

/// The X server.
pub(crate) struct Screen {
    connection: RustConnection,
    root: u32,
}

impl Screen {
    pub(crate) fn open() -> Self {
        let (connection, number) = RustConnection::connect(Some(DISPLAY)).unwrap();
        let root = connection.setup().roots[number].root;
        Self { connection, root }
    }

    pub(crate) fn shot(&self, area: Area) -> Shot {
        let (left, top, width, height) = area;
        let (x, y) = (i16::try_from(left).unwrap(), i16::try_from(top).unwrap());
        let (w, h) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
        let format = ImageFormat::Z_PIXMAP;
        let image = self.connection.get_image(format, self.root, x, y, w, h, u32::MAX);
        let image = image.unwrap().reply().unwrap();
        let pixels = image.data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]);
        Shot { area, pixels: pixels.collect() }
    }

    /// Waits until the shot of `area` is `wanted`. Returns it.
    pub(crate) fn waits_for(&self, area: Area, what: &str, wanted: impl Fn(&Shot) -> bool) -> Shot {
        wait_for(what, || Some(self.shot(area)).filter(&wanted))
    }

    /// Saves the screen as kde-NAME.ppm among the files that the container leaves.
    pub(crate) fn keep(&self, name: &str) {
        let folder = PathBuf::from(std::env::var_os("HOME").unwrap()).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let mut file = format!("P6\n{WIDTH} {HEIGHT}\n255\n").into_bytes();
        file.extend(self.shot(ALL).pixels.iter().flatten());
        std::fs::write(folder.join(format!("kde-{name}.ppm")), file).unwrap();
    }

    /// Moves the pointer there.
    pub(crate) fn point(&self, (x, y): (usize, usize)) {
        let (x, y) = (i16::try_from(x).unwrap(), i16::try_from(y).unwrap());
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y);
    }

    /// Clicks a button of the pointer: 1 left, 3 right.
    pub(crate) fn click(&self, button: u8) {
        self.fake(BUTTON_PRESS_EVENT, button, 0, 0);
        self.fake(BUTTON_RELEASE_EVENT, button, 0, 0);
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) {
        let sent = self.connection.xtest_fake_input(kind, detail, 0, self.root, x, y, 0);
        sent.unwrap().check().unwrap();
    }
}
