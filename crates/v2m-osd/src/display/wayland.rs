//! A surface in the compositor's overlay layer (wlr-layer-shell), at the lower edge of the active
//! output. It is created for each appearance, so that it follows the user from one output to
//! another, and is destroyed when there is nothing to show.

use super::DisplayError;
use crate::draw::{self, Painted};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use wayland_client::backend::{ReadEventsGuard, WaylandError};
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_output::{self, WlOutput};
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_surface::{self, WlSurface};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_v1::{
    self, WpFractionalScaleV1,
};
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols_wlr::layer_shell::v1::client::zwlr_layer_shell_v1::{
    Layer, ZwlrLayerShellV1,
};
use wayland_protocols_wlr::layer_shell::v1::client::zwlr_layer_surface_v1::{
    self, Anchor, KeyboardInteractivity, ZwlrLayerSurfaceV1,
};

/// The distance from the lower edge of the output, or of the panel there, in logical pixels.
const MARGIN: i32 = 40;
/// The time after a refused surface during which no surface is requested. Without an output, each
/// one is refused at once, and further requests would keep the processor busy.
const REFUSED: Duration = Duration::from_secs(1);
/// The number of buffers. The compositor may still read the one before the last.
const BUFFERS: usize = 3;
/// The number of units in a scale of 1, as compositors report scales.
const SCALE_UNIT: f32 = 120.0;

/// The connection, and the visible surface.
pub struct Layers {
    queue: EventQueue<State>,
    state: State,
}

struct State {
    handle: QueueHandle<State>,
    compositor: WlCompositor,
    shm: WlShm,
    shell: ZwlrLayerShellV1,
    viewporter: Option<WpViewporter>,
    fractions: Option<WpFractionalScaleManagerV1>,
    outputs: Vec<(WlOutput, i32)>,
    shown: Option<Shown>,
    /// Until then, there is no place for a surface.
    refused_until: Option<Instant>,
    /// The last reported scale. The next surface is most likely on the same output.
    scale: f32,
    /// Whether the sign must be painted again.
    is_stale: bool,
    /// Whether a picture was left out because the compositor was reading all buffers.
    is_behind: bool,
}

/// One appearance of the sign.
struct Shown {
    surface: WlSurface,
    layer: ZwlrLayerSurfaceV1,
    viewport: Option<WpViewport>,
    fraction: Option<WpFractionalScaleV1>,
    is_configured: bool,
    buffers: Vec<Memory>,
}

/// Pixels that the compositor shows.
struct Memory {
    file: File,
    buffer: WlBuffer,
    size: (u32, u32),
    /// Whether the compositor may be reading it.
    is_taken: bool,
}

impl Layers {
    pub(super) fn open() -> Result<Self, DisplayError> {
        let absent = |error: &dyn std::fmt::Display| DisplayError::Absent(error.to_string());
        let connection = Connection::connect_to_env().map_err(|error| absent(&error))?;
        let (globals, queue) =
            registry_queue_init::<State>(&connection).map_err(|error| absent(&error))?;
        let handle = queue.handle();
        let lacks = |_| DisplayError::NoLayers;
        let compositor = globals.bind(&handle, 4..=6, ()).map_err(lacks)?;
        let shm = globals.bind(&handle, 1..=1, ()).map_err(lacks)?;
        let shell = globals.bind(&handle, 1..=4, ()).map_err(lacks)?;
        let viewporter = globals.bind(&handle, 1..=1, ()).ok();
        let fractions = globals.bind(&handle, 1..=1, ()).ok();
        let registry = globals.registry();
        let outputs = globals.contents().with_list(|all| {
            let outputs = all.iter().filter(|global| global.interface == "wl_output");
            outputs.map(|it| (registry.bind(it.name, it.version.min(2), &handle, ()), 1)).collect()
        });
        let state = State {
            handle,
            compositor,
            shm,
            shell,
            viewporter,
            fractions,
            outputs,
            shown: None,
            refused_until: None,
            scale: 1.0,
            is_stale: false,
            is_behind: false,
        };
        let mut layers = Self { queue, state };
        // Learn the outputs' scales.
        layers.queue.roundtrip(&mut layers.state).map_err(DisplayError::ended)?;
        let largest = layers.state.outputs.iter().map(|(_, scale)| *scale).max();
        if layers.state.outputs.len() == 1 {
            layers.state.scale = largest.unwrap_or(1).max(1) as f32;
        }
        Ok(layers)
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    pub(super) fn scale(&self) -> f32 {
        self.state.scale
    }

    pub(super) fn appear(&mut self) -> Result<bool, DisplayError> {
        let is_refused = self.state.refused_until.is_some_and(|until| Instant::now() < until);
        if self.state.shown.is_none() && !is_refused {
            self.state.appear();
            self.flush()?;
        }
        Ok(self.state.shown.as_ref().is_some_and(|shown| shown.is_configured))
    }

    pub(super) fn show(&mut self, painted: &Painted) -> Result<bool, DisplayError> {
        let is_shown = self.state.show(painted).map_err(DisplayError::ended)?;
        self.flush()?;
        Ok(is_shown)
    }

    pub(super) fn vanish(&mut self) -> Result<(), DisplayError> {
        if let Some(shown) = self.state.shown.take() {
            shown.destroy();
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn attend(&mut self) -> Result<bool, DisplayError> {
        loop {
            self.queue.dispatch_pending(&mut self.state).map_err(DisplayError::ended)?;
            // Without a guard, events have been read already.
            if let Some(guard) = self.queue.prepare_read()
                && !read(guard)?
            {
                break;
            }
        }
        self.flush()?;
        Ok(std::mem::take(&mut self.state.is_stale))
    }

    fn flush(&self) -> Result<(), DisplayError> {
        match self.queue.flush() {
            Ok(()) => Ok(()),
            // The compositor is busy. The next request tries again.
            Err(WaylandError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(DisplayError::ended(error)),
        }
    }
}

/// Reads available events. Returns whether there were any.
fn read(guard: ReadEventsGuard) -> Result<bool, DisplayError> {
    match guard.read() {
        Ok(events) => Ok(events > 0),
        Err(WaylandError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(DisplayError::ended(error)),
    }
}

impl State {
    fn appear(&mut self) {
        let handle = &self.handle;
        let surface = self.compositor.create_surface(handle, ());
        // Without an output, the compositor chooses the one where the user is.
        let name = "v2m-osd".to_owned();
        let layer = self.shell.get_layer_surface(&surface, None, Layer::Overlay, name, handle, ());
        layer.set_size(draw::WIDTH, draw::HEIGHT);
        layer.set_anchor(Anchor::Bottom);
        layer.set_margin(0, 0, MARGIN, 0);
        layer.set_keyboard_interactivity(KeyboardInteractivity::None);
        let nowhere = self.compositor.create_region(handle, ());
        surface.set_input_region(Some(&nowhere));
        nowhere.destroy();
        let viewport = self.viewporter.as_ref().map(|it| it.get_viewport(&surface, handle, ()));
        let fraction = self.fractions.as_ref().filter(|_| viewport.is_some());
        let fraction = fraction.map(|it| it.get_fractional_scale(&surface, handle, ()));
        surface.commit();
        let buffers = Vec::new();
        self.shown =
            Some(Shown { surface, layer, viewport, fraction, is_configured: false, buffers });
    }

    fn show(&mut self, painted: &Painted) -> std::io::Result<bool> {
        let Some(shown) = self.shown.as_mut().filter(|shown| shown.is_configured) else {
            return Ok(false);
        };
        let size = (painted.pixels.width(), painted.pixels.height());
        let Some(memory) = shown.free(size, &self.shm, &self.handle)? else {
            self.is_behind = true;
            return Ok(false);
        };
        memory.file.write_all_at(&painted.bgra(), 0)?;
        memory.is_taken = true;
        let buffer = memory.buffer.clone();
        if let Some(viewport) = &shown.viewport {
            viewport.set_destination(draw::WIDTH as i32, draw::HEIGHT as i32);
        } else {
            shown.surface.set_buffer_scale((self.scale.round() as i32).max(1));
        }
        shown.surface.attach(Some(&buffer), 0, 0);
        shown.surface.damage_buffer(0, 0, i32::MAX, i32::MAX);
        shown.surface.commit();
        Ok(true)
    }

    /// Handles a new scale of the surface.
    fn scaled(&mut self, scale: f32) {
        // Without a viewport, only integer scales are possible.
        let has_viewport = self.shown.as_ref().is_some_and(|shown| shown.viewport.is_some());
        let scale = if has_viewport { scale } else { scale.ceil() };
        if (0.5..=8.0).contains(&scale) && (scale - self.scale).abs() > 0.001 {
            self.scale = scale;
            self.is_stale = true;
        }
    }
}

impl Shown {
    /// Returns memory of this size that the compositor does not read. `None` if it reads all of it.
    fn free(
        &mut self,
        size: (u32, u32),
        shm: &WlShm,
        handle: &QueueHandle<State>,
    ) -> std::io::Result<Option<&mut Memory>> {
        self.buffers.retain(|memory| {
            let stays = memory.size == size || memory.is_taken;
            if !stays {
                memory.buffer.destroy();
            }
            stays
        });
        let is_free = |memory: &Memory| memory.size == size && !memory.is_taken;
        if let Some(at) = self.buffers.iter().position(is_free) {
            return Ok(self.buffers.get_mut(at));
        }
        if self.buffers.len() >= BUFFERS {
            return Ok(None);
        }
        self.buffers.push(Memory::new(size, shm, handle)?);
        Ok(self.buffers.last_mut())
    }

    fn destroy(self) {
        for memory in &self.buffers {
            memory.buffer.destroy();
        }
        if let Some(fraction) = &self.fraction {
            fraction.destroy();
        }
        if let Some(viewport) = &self.viewport {
            viewport.destroy();
        }
        self.layer.destroy();
        self.surface.destroy();
    }
}

impl Memory {
    fn new(
        (width, height): (u32, u32),
        shm: &WlShm,
        handle: &QueueHandle<State>,
    ) -> std::io::Result<Self> {
        let file = File::from(memfd_create("v2m-osd", MemfdFlags::CLOEXEC)?);
        let bytes = u64::from(width) * u64::from(height) * 4;
        file.set_len(bytes)?;
        let too_large = |_| std::io::Error::from(ErrorKind::InvalidInput);
        let pool =
            shm.create_pool(file.as_fd(), i32::try_from(bytes).map_err(too_large)?, handle, ());
        let (wide, high) = (width as i32, height as i32);
        let buffer = pool.create_buffer(0, wide, high, wide * 4, Format::Argb8888, handle, ());
        pool.destroy();
        Ok(Self { file, buffer, size: (width, height), is_taken: false })
    }
}

impl Dispatch<ZwlrLayerSurfaceV1, ()> for State {
    fn event(
        state: &mut Self,
        layer: &ZwlrLayerSurfaceV1,
        event: zwlr_layer_surface_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let Some(shown) = state.shown.as_mut().filter(|shown| shown.layer == *layer) else {
            return;
        };
        match event {
            zwlr_layer_surface_v1::Event::Configure { serial, .. } => {
                layer.ack_configure(serial);
                shown.is_configured = true;
                state.refused_until = None;
                state.is_stale = true;
            }
            // The output is gone. The next picture appears on another one.
            zwlr_layer_surface_v1::Event::Closed => {
                if let Some(shown) = state.shown.take() {
                    if !shown.is_configured {
                        state.refused_until = Some(Instant::now() + REFUSED);
                    }
                    shown.destroy();
                }
                state.is_stale = true;
            }
            _ => {}
        }
    }
}

impl Dispatch<WlBuffer, ()> for State {
    fn event(
        state: &mut Self,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let buffers = state.shown.iter_mut().flat_map(|shown| &mut shown.buffers);
        let is_it = |memory: &&mut Memory| memory.buffer == *buffer;
        if let (wl_buffer::Event::Release, Some(memory)) = (event, { buffers }.find(is_it)) {
            memory.is_taken = false;
            state.is_stale |= std::mem::take(&mut state.is_behind);
        }
    }
}

impl Dispatch<WpFractionalScaleV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &WpFractionalScaleV1,
        event: wp_fractional_scale_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_fractional_scale_v1::Event::PreferredScale { scale } = event {
            state.scaled(scale as f32 / SCALE_UNIT);
        }
    }
}

impl Dispatch<WlSurface, ()> for State {
    fn event(
        state: &mut Self,
        surface: &WlSurface,
        event: wl_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let has_fraction = state.shown.as_ref().is_some_and(|shown| shown.fraction.is_some());
        let is_it = state.shown.as_ref().is_some_and(|shown| shown.surface == *surface);
        match event {
            _ if has_fraction || !is_it => {}
            wl_surface::Event::PreferredBufferScale { factor } => state.scaled(factor as f32),
            // Older compositors report the scale through the output.
            wl_surface::Event::Enter { output } if surface.version() < 6 => {
                let scale = state.outputs.iter().find(|(known, _)| *known == output);
                if let Some(scale) = scale.map(|(_, scale)| *scale) {
                    state.scaled(scale as f32);
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<WlOutput, ()> for State {
    fn event(
        state: &mut Self,
        output: &WlOutput,
        event: wl_output::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_output::Event::Scale { factor } = event
            && let Some((_, scale)) = state.outputs.iter_mut().find(|(known, _)| known == output)
        {
            *scale = factor;
        }
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for State {
    fn event(
        state: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event
            && interface == "wl_output"
        {
            state.outputs.push((registry.bind(name, version.min(2), handle, ()), 1));
            // There may be a place for a surface again.
            state.is_stale |= state.refused_until.take().is_some();
        }
    }
}

delegate_noop!(State: WlCompositor);
delegate_noop!(State: WlRegion);
delegate_noop!(State: ignore WlShm);
delegate_noop!(State: WlShmPool);
delegate_noop!(State: ZwlrLayerShellV1);
delegate_noop!(State: WpViewporter);
delegate_noop!(State: WpViewport);
delegate_noop!(State: WpFractionalScaleManagerV1);
