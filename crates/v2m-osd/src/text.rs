//! Draws lines of text in any script. cosmic-text shapes, orders and shortens them.

use crate::cut;
use crate::face::Keep;
use cosmic_text::fontdb::{self, Database, Family};
use cosmic_text::{
    Align, Attrs, Buffer, Color, Ellipsize, EllipsizeHeightLimit, FontSystem, Metrics, Shaping,
    SwashCache, Weight, Wrap,
};
use tiny_skia::{PixmapMut, PremultipliedColorU8};

/// The font families to try in this order if the system names none.
const FAMILIES: [&str; 8] = [
    "Noto Sans",
    "Cantarell",
    "Adwaita Sans",
    "Inter",
    "Open Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "FreeSans",
];

/// The number of characters of a longer text that are used: several times as many as fit.
const LOOKED_AT: usize = 160;

/// The fonts, and the cached shapes of characters.
pub struct Writer {
    fonts: FontSystem,
    shapes: SwashCache,
    /// The last draft that was cut, because each level draws it again.
    draft: Option<Draft>,
}

/// A draft, and its end that fits.
struct Draft {
    /// The whole text, its size and its width in pixels.
    of: (String, f32, f32),
    shown: String,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

/// The style of a text.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Size in pixels.
    pub size: f32,
    /// Height of a line in pixels.
    pub line: f32,
    /// Whether the text is bold.
    pub is_bold: bool,
    /// The largest number of lines.
    pub lines: usize,
    /// The visible part if the text is too long.
    pub keep: Keep,
}

/// A text that was laid out.
#[derive(Debug)]
pub struct Written {
    buffer: Buffer,
    /// The width in pixels.
    pub width: f32,
    /// The height in pixels.
    pub height: f32,
}

impl Writer {
    /// Reads the installed fonts. This takes some milliseconds to some tenths of a second.
    pub fn new() -> Self {
        let mut known = Database::new();
        known.load_system_fonts();
        // The system's choice, if it is installed.
        let asked = fontdb::Query { families: &[Family::SansSerif], ..fontdb::Query::default() };
        if known.query(&asked).is_none() {
            let is_there = |family: &&&str| {
                let families = [Family::Name(family)];
                let asked = fontdb::Query { families: &families, ..fontdb::Query::default() };
                known.query(&asked).is_some()
            };
            if let Some(family) = FAMILIES.iter().find(is_there) {
                known.set_sans_serif_family(*family);
            }
        }
        Self {
            fonts: FontSystem::new_with_locale_and_db(locale(), known),
            shapes: SwashCache::new(),
            draft: None,
        }
    }

    /// Lays a text out in a box of this width.
    pub fn write(&mut self, text: &str, style: Style, width: f32) -> Written {
        let metrics = Metrics::new(style.size, style.line);
        let mut buffer = Buffer::new(&mut self.fonts, metrics);
        let limit = EllipsizeHeightLimit::Lines(style.lines.max(1));
        buffer.set_wrap(if style.lines > 1 { Wrap::WordOrGlyph } else { Wrap::None });
        buffer.set_ellipsize(match style.keep {
            Keep::Beginning => Ellipsize::End(limit),
            Keep::End => Ellipsize::Start(limit),
        });
        // The limit above applies to each paragraph, this one to all of them. Half a line less,
        // because a line that begins at the lower edge would count too.
        let height = (style.lines.max(1) as f32 - 0.5) * style.line;
        buffer.set_size(Some(width), Some(height));
        let weight = if style.is_bold { Weight::SEMIBOLD } else { Weight::NORMAL };
        let attrs = Attrs::new().family(Family::SansSerif).weight(weight);
        let mut text = looked_at(text, style);
        if style.keep == Keep::End && style.lines <= 1 {
            text = self.end_that_fits(text, style, &attrs, width);
        }
        buffer.set_text(&text, &attrs, Shaping::Advanced, None::<Align>);
        buffer.shape_until_scroll(&mut self.fonts, false);
        let (mut wide, mut lines) = (0.0_f32, 0);
        for run in buffer.layout_runs() {
            (wide, lines) = (wide.max(run.line_w), lines + 1);
        }
        Written { buffer, width: wide.min(width).ceil(), height: lines as f32 * style.line }
    }

    /// Returns the end of a draft that fits on a line and begins with a whole word. If there is
    /// none, returns the whole draft, which is then shortened by characters.
    fn end_that_fits(
        &mut self,
        text: String,
        style: Style,
        attrs: &Attrs<'_>,
        width: f32,
    ) -> String {
        let of = (text, style.size, width);
        if let Some(draft) = self.draft.as_ref().filter(|draft| draft.of == of) {
            return draft.shown.clone();
        }
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(style.size, style.line));
        buffer.set_wrap(Wrap::None);
        let mut fits = |part: &str| {
            buffer.set_text(part, attrs, Shaping::Advanced, None::<Align>);
            buffer.shape_until_scroll(&mut self.fonts, false);
            buffer.layout_runs().all(|run| run.line_w <= width)
        };
        let text = &of.0;
        let end = if fits(text) { None } else { cut::end_of_words(text, fits) };
        let shown = end.unwrap_or_else(|| text.clone());
        self.draft = Some(Draft { of, shown: shown.clone() });
        shown
    }

    /// Draws a text with its upper left corner at this point.
    pub fn draw(
        &mut self,
        written: &mut Written,
        onto: &mut PixmapMut<'_>,
        (left, top): (f32, f32),
        (red, green, blue): (u8, u8, u8),
    ) {
        let (left, top) = (left.round() as i32, top.round() as i32);
        let color = Color::rgb(red, green, blue);
        let paint = |x: i32, y: i32, width: u32, height: u32, color: Color| {
            for y in y..y.saturating_add_unsigned(height) {
                for x in x..x.saturating_add_unsigned(width) {
                    blend(onto, left + x, top + y, color);
                }
            }
        };
        written.buffer.draw(&mut self.fonts, &mut self.shapes, color, paint);
    }

    /// Whether a text of this script is written from right to left.
    pub fn is_from_right(written: &Written) -> bool {
        written.buffer.layout_runs().next().is_some_and(|run| run.rtl)
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the part of a text that is shaped, in as many paragraphs as are visible.
fn looked_at(text: &str, style: Style) -> String {
    if style.lines > 1 {
        return text.trim().to_owned();
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = words.chars().count();
    let cut = |skip: usize| words.chars().skip(skip).take(LOOKED_AT).collect::<String>();
    match style.keep {
        _ if count <= LOOKED_AT => words,
        Keep::Beginning => cut(0) + "…",
        Keep::End => format!("…{}", cut(count - LOOKED_AT)),
    }
}

/// Blends a colour with its own opacity onto a pixel.
fn blend(onto: &mut PixmapMut<'_>, x: i32, y: i32, color: Color) {
    let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
    let (width, height) = (onto.width() as usize, onto.height() as usize);
    if x >= width || y >= height {
        return;
    }
    let Some(pixel) = onto.pixels_mut().get_mut(y * width + x) else { return };
    let alpha = u32::from(color.a());
    let over = |above: u8, below: u8| {
        let mixed = u32::from(above) * alpha + u32::from(below) * (255 - alpha);
        u8::try_from((mixed + 127) / 255).unwrap_or(u8::MAX)
    };
    let opacity = over(255, pixel.alpha());
    let colors = [
        over(color.r(), pixel.red()),
        over(color.g(), pixel.green()),
        over(color.b(), pixel.blue()),
    ];
    // Through rounding, a colour may be one above the opacity.
    let [red, green, blue] = colors.map(|color| color.min(opacity));
    if let Some(mixed) = PremultipliedColorU8::from_rgba(red, green, blue, opacity) {
        *pixel = mixed;
    }
}

/// Returns the user's language, for example `es-MX`. It selects among several forms of a character.
fn locale() -> String {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let named = named.unwrap_or_default();
    let language = named.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    if matches!(&*language, "" | "C" | "POSIX") { "en-US".to_owned() } else { language }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the installed fonts.
    #[test]
    fn a_draft_on_the_screen_begins_with_a_whole_word() {
        let mut writer = Writer::new();
        let attrs = Attrs::new().family(Family::SansSerif);
        let (size, line, keep) = (14.0, 20.0, Keep::End);
        let style = Style { size, line, is_bold: false, lines: 1, keep };
        let mut shown = |text: &str| writer.end_that_fits(text.to_owned(), style, &attrs, 330.0);
        let mut draft = String::new();
        let mut cuts = 0;
        for word in ["without", "a", "word", "cut", "in", "halves"].iter().cycle().take(24) {
            draft = format!("{draft} {word}").trim().to_owned();
            let shown = shown(&draft);
            if let Some(end) = shown.strip_prefix('…') {
                assert!(draft.ends_with(&format!(" {end}")), "{shown}");
                cuts += 1;
            } else {
                assert_eq!(shown, draft);
            }
        }
        assert!((8..20).contains(&cuts), "{cuts}");
        let chinese = "日本語".repeat(30);
        assert_eq!(shown(&chinese), chinese, "this is cut between characters");
    }
}
