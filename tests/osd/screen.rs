//! Screens that a test examines: their pixels, and whether the focus or pointer has changed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use v2m_testkit::sway::Compositor;
use v2m_testkit::wait_for;
use v2m_testkit::xserver::XServer;
use x11rb::connection::Connection;
use x11rb::protocol::shape::{ConnectionExt as _, SK};
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, ImageFormat, InputFocus, MapState, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;

/// The pixels of a screen.
#[derive(Clone)]
pub(crate) struct Shot {
    width: usize,
    /// Red, green, blue.
    pixels: Vec<[u8; 3]>,
}

/// The colours of the symbols.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Red,
    Green,
    Blue,
    Yellow,
}

impl Colour {
    fn is(self, [red, green, blue]: [u8; 3]) -> bool {
        let (bright, dark) = (|c: u8| c > 150, |c: u8| c < 130);
        match self {
            Self::Red => bright(red) && dark(green) && dark(blue),
            Self::Green => bright(green) && dark(red) && blue < 150,
            Self::Blue => blue > 200 && dark(red) && green > 100,
            Self::Yellow => bright(red) && bright(green) && dark(blue),
        }
    }
}

impl Shot {
    pub(crate) fn count(&self, colour: Colour) -> usize {
        self.pixels.iter().filter(|pixel| colour.is(**pixel)).count()
    }

    pub(crate) fn has(&self, colour: Colour, least: usize) -> bool {
        self.count(colour) >= least
    }

    /// Returns whether the screen has only one colour.
    pub(crate) fn is_blank(&self) -> bool {
        self.lit_width() == 0
    }

    /// Returns the number of columns that differ from the background.
    pub(crate) fn lit_width(&self) -> usize {
        let ground = self.pixels[0];
        let lit = |x: &usize| {
            self.pixels.iter().skip(*x).step_by(self.width).any(|pixel| *pixel != ground)
        };
        (0..self.width).filter(lit).count()
    }

    pub(crate) fn differs(&self, other: &Self) -> bool {
        // The displayed seconds change too, but a text changes far more pixels.
        let pairs = self.pixels.iter().zip(&other.pixels);
        pairs.filter(|(one, other)| one != other).count() > 2_000
    }

    fn ppm(&self) -> Vec<u8> {
        let height = self.pixels.len() / self.width;
        let mut file = format!("P6\n{} {height}\n255\n", self.width).into_bytes();
        file.extend(self.pixels.iter().flatten());
        file
    }
}

pub(crate) trait Screen: Sized {
    const NAME: &'static str;

    fn start() -> Self;
    fn shot(&self) -> Shot;
    /// Returns whether the keyboard focus and the pointer have not changed.
    fn is_untouched(&self) -> bool;
    fn enter(&self, program: &mut Command);

    fn program(&self, bus: &str, arguments: &[&str]) -> Command {
        // Another build, for measurements.
        let osd = std::env::var_os("V2M_OSD");
        let osd = osd.unwrap_or_else(|| env!("CARGO_BIN_EXE_v2m-osd").into());
        let mut program = Command::new(osd);
        program.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", bus).stdin(Stdio::null());
        program.env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
        self.enter(&mut program);
        program
    }

    fn waits_for(&self, what: &str, is_it: impl Fn(&Shot) -> bool) -> Shot {
        wait_for(what, || Some(self.shot()).filter(&is_it))
    }

    fn keep(&self, name: &str, shot: &Shot) {
        if let Some(folder) = std::env::var_os("V2M_SCREENSHOTS") {
            let file = PathBuf::from(folder).join(format!("{}-{name}.ppm", Self::NAME));
            std::fs::write(file, shot.ppm()).unwrap();
        }
    }
}

pub(crate) struct X11 {
    server: XServer,
    connection: RustConnection,
    root: Window,
    /// The window with the keyboard focus.
    window: Window,
}

impl Screen for X11 {
    const NAME: &'static str = "x11";

    fn start() -> Self {
        let server = XServer::start_sized("800x400x24");
        let (connection, number) = x11rb::connect(Some(&server.display)).unwrap();
        let root = connection.setup().roots[number].root;
        let window = connection.generate_id().unwrap();
        let values = CreateWindowAux::new().override_redirect(1).background_pixel(0);
        let class = WindowClass::INPUT_OUTPUT;
        connection.create_window(24, window, root, 0, 0, 800, 400, 0, class, 0, &values).unwrap();
        connection.map_window(window).unwrap();
        connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME).unwrap();
        connection.flush().unwrap();
        Self { server, connection, root, window }
    }

    fn shot(&self) -> Shot {
        let whole = (0, 0, 800, 400, u32::MAX);
        let (x, y, width, height, planes) = whole;
        let format = ImageFormat::Z_PIXMAP;
        let image = self.connection.get_image(format, self.root, x, y, width, height, planes);
        let image = image.unwrap().reply().unwrap();
        let pixels = image.data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]);
        Shot { width: usize::from(width), pixels: pixels.collect() }
    }

    fn is_untouched(&self) -> bool {
        let focus = self.connection.get_input_focus().unwrap().reply().unwrap().focus;
        let windows = self.connection.query_tree(self.root).unwrap().reply().unwrap().children;
        let mine = windows.into_iter().filter(|window| {
            let (class, text) = (AtomEnum::WM_CLASS, AtomEnum::STRING);
            let class = self.connection.get_property(false, *window, class, text, 0, 64).unwrap();
            class.reply().unwrap().value.starts_with(b"v2m-osd")
        });
        let mine: Vec<Window> = mine.collect();
        let [sign] = mine[..] else { panic!("{mine:?}") };
        let state = self.connection.get_window_attributes(sign).unwrap().reply().unwrap();
        let input = self.connection.shape_get_rectangles(sign, SK::INPUT).unwrap();
        let is_open = input.reply().unwrap().rectangles.is_empty();
        focus == self.window
            && is_open
            && state.override_redirect
            && state.map_state == MapState::VIEWABLE
    }

    fn enter(&self, program: &mut Command) {
        program.env("DISPLAY", &self.server.display);
    }
}

pub(crate) struct Sway(pub(crate) Compositor);

impl Screen for Sway {
    const NAME: &'static str = "sway";

    fn start() -> Self {
        let compositor = Compositor::start();
        compositor.tell("output HEADLESS-1 resolution 1280x720 bg #202830 solid_color");
        Self(compositor)
    }

    fn shot(&self) -> Shot {
        let output = self.0.command("grim").args(["-t", "ppm", "-"]).output();
        let file = output.expect("grim is installed (package grim)").stdout;
        let mut header = file.splitn(4, |byte| byte.is_ascii_whitespace());
        assert_eq!(header.next(), Some(&b"P6"[..]));
        let width = std::str::from_utf8(header.next().unwrap()).unwrap().parse().unwrap();
        header.next();
        let rest = header.next().unwrap();
        let (depth, pixels) = rest.split_at(4);
        assert_eq!(depth, b"255\n");
        let pixels = pixels.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        Shot { width, pixels: pixels.collect() }
    }

    fn is_untouched(&self) -> bool {
        // The focus is on the workspace, which is the only possible place here.
        let seat: serde_json::Value = serde_json::from_str(&self.0.ask("get_seats")).unwrap();
        let tree: serde_json::Value = serde_json::from_str(&self.0.ask("get_tree")).unwrap();
        let focus = &seat[0]["focus"];
        let workspace = &tree["nodes"].as_array().unwrap().last().unwrap()["nodes"][0]["id"];
        focus == workspace
    }

    fn enter(&self, program: &mut Command) {
        self.0.enter(program);
    }
}
