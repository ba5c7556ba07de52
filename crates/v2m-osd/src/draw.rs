//! Draws the picture: a pill at the lower edge of an otherwise empty canvas.
//!
//! All lengths are in logical pixels, until they are multiplied by the scale.

use crate::face::{BARS, Keep, Mark, Picture};
use crate::text::{Style, Writer, Written};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapMut, Rect, Stroke,
    Transform,
};

/// The canvas's width, with room for the largest pill.
pub const WIDTH: u32 = 600;
/// The canvas's height.
pub const HEIGHT: u32 = 132;

const PADDING: f32 = 14.0;
const GAP: f32 = 10.0;
const ROW: f32 = 20.0;
const MARK: f32 = 16.0;
const BAR: f32 = 3.0;
const BAR_GAP: f32 = 2.0;
/// The width of the text's box, which does not change while a draft grows.
const TEXT: f32 = 330.0;
const FONT: f32 = 14.0;
const SMALL_FONT: f32 = 13.0;
/// The largest width of the pill.
const WIDEST: f32 = WIDTH as f32 - 2.0;
/// The number of lines below the first.
const BODY_LINES: usize = 4;

/// Colours of a theme.
struct Colors {
    ground: Color,
    edge: Color,
    ink: (u8, u8, u8),
    faint: (u8, u8, u8),
    red: Color,
    green: Color,
    yellow: Color,
    blue: Color,
}

impl Colors {
    fn of(is_dark: bool) -> Self {
        let rgba = Color::from_rgba8;
        if is_dark {
            Self {
                ground: rgba(30, 30, 34, 240),
                edge: rgba(255, 255, 255, 40),
                ink: (244, 244, 246),
                faint: (176, 176, 184),
                red: rgba(255, 92, 92, 255),
                green: rgba(94, 214, 128, 255),
                yellow: rgba(250, 194, 66, 255),
                blue: rgba(112, 176, 255, 255),
            }
        } else {
            Self {
                ground: rgba(250, 250, 251, 245),
                edge: rgba(0, 0, 0, 45),
                ink: (28, 28, 32),
                faint: (96, 96, 106),
                red: rgba(208, 38, 38, 255),
                green: rgba(20, 134, 64, 255),
                yellow: rgba(168, 104, 0, 255),
                blue: rgba(26, 95, 200, 255),
            }
        }
    }
}

/// A rectangle on the canvas, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The distance from the left.
    pub left: i32,
    /// The distance from the top.
    pub top: i32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// The radius of its corners.
    pub radius: u32,
}

/// A canvas with a picture on it.
#[derive(Debug)]
pub struct Painted {
    /// The pixels, premultiplied.
    pub pixels: Pixmap,
    /// The position of the pill.
    pub pill: Area,
}

impl Painted {
    /// Returns the pixels in the displays' format: blue, green, red, opacity.
    pub fn bgra(&self) -> Vec<u8> {
        let mut bytes = self.pixels.data().to_vec();
        for pixel in bytes.chunks_exact_mut(4) {
            pixel.swap(0, 2);
        }
        bytes
    }
}

/// Returns the canvas's size in device pixels.
pub fn size(scale: f32) -> (u32, u32) {
    let device = |logical: u32| (logical as f32 * scale).round() as u32;
    (device(WIDTH).max(1), device(HEIGHT).max(1))
}

/// The content of the first row, laid out.
struct Row {
    time: Option<Written>,
    title: Option<Written>,
    text: Option<Written>,
    width: f32,
}

/// Paints a picture. `scale`: the number of device pixels in a logical pixel. `writer` is absent
/// until the installed fonts are known.
pub fn paint(
    picture: &Picture,
    is_dark: bool,
    scale: f32,
    mut writer: Option<&mut Writer>,
) -> Option<Painted> {
    let (width, height) = size(scale);
    let mut pixels = Pixmap::new(width, height)?;
    let row = writer.as_deref_mut().map(|writer| row_of(picture, scale, writer));
    let mut body = writer.as_deref_mut().and_then(|writer| body_of(picture, scale, writer));
    let row_width = row.as_ref().map_or_else(|| bare_width(picture), |row| row.width);
    let body_width = body.as_ref().map_or(0.0, |body| body.width / scale + MARK + GAP);
    let pill_width = (row_width.max(body_width) + 2.0 * PADDING).min(WIDEST);
    let body_height = body.as_ref().map_or(0.0, |body| body.height / scale + 4.0);
    let pill_height = ROW + 2.0 * 10.0 + body_height;
    let left = (WIDTH as f32 - pill_width) / 2.0;
    let top = HEIGHT as f32 - 1.0 - pill_height;
    let colors = Colors::of(is_dark);
    let radius = (ROW + 20.0) / 2.0;
    let mut canvas = Canvas { pixels: pixels.as_mut(), scale };
    canvas.pill((left, top, pill_width, pill_height), radius, &colors);
    let mut x = left + PADDING;
    let middle = top + 10.0 + ROW / 2.0;
    canvas.mark(picture.mark, (x + MARK / 2.0, middle), &colors);
    x += MARK + GAP;
    if let Some(bars) = &picture.bars {
        canvas.bars(bars, (x, middle), colors.red);
        x += bars_width() + GAP;
    }
    if let (Some(row), Some(writer)) = (row, writer) {
        let Row { time, title, text, width: _ } = row;
        let first_line = top + 10.0;
        for (written, color) in [(time, colors.faint), (title, colors.ink)] {
            let Some(mut written) = written else { continue };
            let at = (x * scale, first_line * scale);
            writer.draw(&mut written, &mut canvas.pixels, at, color);
            x += written.width / scale + GAP;
        }
        if let Some(mut written) = text {
            let color = if picture.title.is_empty() { colors.ink } else { colors.faint };
            writer.draw(&mut written, &mut canvas.pixels, (x * scale, first_line * scale), color);
        }
        if let Some(body) = &mut body {
            let at = ((left + PADDING + MARK + GAP) * scale, (top + 10.0 + ROW + 4.0) * scale);
            writer.draw(body, &mut canvas.pixels, at, colors.faint);
        }
    }
    let device = |length: f32| (length * scale).round();
    let pill = Area {
        left: device(left) as i32,
        top: device(top) as i32,
        width: device(pill_width) as u32,
        height: device(pill_height) as u32,
        radius: device(radius) as u32,
    };
    Some(Painted { pixels, pill })
}

fn bars_width() -> f32 {
    BARS as f32 * (BAR + BAR_GAP) - BAR_GAP
}

/// Returns the row's width without any text.
fn bare_width(picture: &Picture) -> f32 {
    MARK + picture.bars.map_or(0.0, |_| GAP + bars_width())
}

fn row_of(picture: &Picture, scale: f32, writer: &mut Writer) -> Row {
    let style = |size: f32, is_bold| Style {
        size: size * scale,
        line: ROW * scale,
        is_bold,
        lines: 1,
        keep: Keep::Beginning,
    };
    let mut width = bare_width(picture);
    let mut write = |text: &str, style: Style, most: f32| {
        if text.is_empty() || picture.is_small || most <= 0.0 {
            return None;
        }
        let written = writer.write(text, style, most * scale);
        width += GAP + written.width / scale;
        Some(written)
    };
    let all = WIDEST - 2.0 * PADDING;
    let time = write(&picture.time, style(FONT, false), all);
    let title = write(&picture.title, style(FONT, true), all - MARK - GAP);
    let left = all - width - GAP;
    let text_width = TEXT.min(left);
    let style = Style { keep: picture.keep, ..style(FONT, false) };
    let text = (!picture.text.is_empty() && !picture.is_small && text_width > 40.0)
        .then(|| writer.write(&picture.text, style, text_width * scale));
    if let Some(text) = &text {
        // A draft's box keeps its width. Otherwise the pill would move with each word.
        let is_draft = picture.keep == Keep::End || Writer::is_from_right(text);
        width += GAP + if is_draft { text_width } else { text.width / scale };
    }
    Row { time, title, text, width }
}

fn body_of(picture: &Picture, scale: f32, writer: &mut Writer) -> Option<Written> {
    if picture.body.is_empty() || picture.is_small {
        return None;
    }
    let style = Style {
        size: SMALL_FONT * scale,
        line: 18.0 * scale,
        is_bold: false,
        lines: BODY_LINES,
        keep: Keep::Beginning,
    };
    let width = WIDEST - 2.0 * PADDING - MARK - GAP;
    Some(writer.write(&picture.body, style, width * scale))
}

/// Draws shapes with logical coordinates.
struct Canvas<'p> {
    pixels: PixmapMut<'p>,
    scale: f32,
}

impl Canvas<'_> {
    fn transform(&self) -> Transform {
        Transform::from_scale(self.scale, self.scale)
    }

    fn fill(&mut self, path: Option<Path>, color: Color) {
        let Some(path) = path else { return };
        let paint = paint_of(color);
        let transform = self.transform();
        self.pixels.fill_path(&path, &paint, FillRule::Winding, transform, None);
    }

    fn stroke(&mut self, path: Option<Path>, color: Color, width: f32) {
        let Some(path) = path else { return };
        let paint = paint_of(color);
        let (line_cap, line_join) = (LineCap::Round, LineJoin::Round);
        let stroke = Stroke { width, line_cap, line_join, ..Stroke::default() };
        let transform = self.transform();
        self.pixels.stroke_path(&path, &paint, &stroke, transform, None);
    }

    fn pill(&mut self, (x, y, w, h): (f32, f32, f32, f32), radius: f32, colors: &Colors) {
        self.fill(rounded(x, y, w, h, radius), colors.ground);
        self.stroke(rounded(x + 0.5, y + 0.5, w - 1.0, h - 1.0, radius - 0.5), colors.edge, 1.0);
    }

    fn bars(&mut self, bars: &[u8; BARS], (x, middle): (f32, f32), color: Color) {
        for (at, bar) in bars.iter().enumerate() {
            let height = BAR + f32::from(*bar) / 100.0 * (ROW - BAR);
            let left = x + at as f32 * (BAR + BAR_GAP);
            self.fill(rounded(left, middle - height / 2.0, BAR, height, BAR / 2.0), color);
        }
    }

    fn mark(&mut self, mark: Mark, (x, y): (f32, f32), colors: &Colors) {
        let line = |points: &[(f32, f32)]| {
            let mut path = PathBuilder::new();
            for (at, (dx, dy)) in points.iter().enumerate() {
                if at == 0 {
                    path.move_to(x + dx, y + dy);
                } else {
                    path.line_to(x + dx, y + dy);
                }
            }
            path
        };
        let disc = |x: f32, radius: f32| PathBuilder::from_circle(x, y, radius);
        match mark {
            Mark::Dot => self.fill(disc(x, 5.5), colors.red),
            Mark::Dots(bright) => {
                for at in 0..3_u8 {
                    let mut color = colors.blue;
                    if at >= bright {
                        color.set_alpha(0.35);
                    }
                    self.fill(disc(x - 6.0 + f32::from(at) * 6.0, 2.2), color);
                }
            }
            Mark::Tick => {
                let tick = line(&[(-6.0, 0.5), (-2.0, 4.5), (6.0, -4.5)]).finish();
                self.stroke(tick, colors.green, 2.4);
            }
            Mark::Cross => {
                let (red, green, blue) = colors.faint;
                let color = Color::from_rgba8(red, green, blue, 255);
                self.stroke(line(&[(-4.5, -4.5), (4.5, 4.5)]).finish(), color, 2.4);
                self.stroke(line(&[(-4.5, 4.5), (4.5, -4.5)]).finish(), color, 2.4);
            }
            Mark::Clipboard => {
                self.stroke(rounded(x - 5.5, y - 6.0, 11.0, 13.0, 2.0), colors.blue, 1.6);
                self.fill(rounded(x - 3.0, y - 8.0, 6.0, 3.6, 1.2), colors.blue);
            }
            Mark::Warning => {
                let mut outline = line(&[(0.0, -7.0), (7.5, 6.5), (-7.5, 6.5)]);
                outline.close();
                self.stroke(outline.finish(), colors.yellow, 1.8);
                self.stroke(line(&[(0.0, -2.0), (0.0, 1.8)]).finish(), colors.yellow, 1.8);
                self.fill(PathBuilder::from_circle(x, y + 4.3, 1.1), colors.yellow);
            }
        }
    }
}

fn paint_of(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(color);
    paint.anti_alias = true;
    paint
}

/// Returns a rectangle with round corners. `None` if it has no size.
fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Option<Path> {
    let rect = Rect::from_xywh(x, y, width, height)?;
    let radius = radius.min(width / 2.0).min(height / 2.0);
    // The length of a curve's handle for a quarter of a circle.
    let handle = radius * 0.552_284_8;
    let (left, top, right, bottom) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let (near, far) = (radius - handle, radius);
    let mut path = PathBuilder::new();
    path.move_to(left + far, top);
    path.line_to(right - far, top);
    path.cubic_to(right - near, top, right, top + near, right, top + far);
    path.line_to(right, bottom - far);
    path.cubic_to(right, bottom - near, right - near, bottom, right - far, bottom);
    path.line_to(left + far, bottom);
    path.cubic_to(left + near, bottom, left, bottom - near, left, bottom - far);
    path.line_to(left, top + far);
    path.cubic_to(left, top + near, left + near, top, left + far, top);
    path.close();
    path.finish()
}
