//! Draws the icons in `icons/symbolic` as pixels, for trays that do not find icons by name.
//!
//! It supports only what these icons contain: paths of straight lines and circular arcs, filled
//! with one of the colours in their style sheet. Anything else stops the build.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use tiny_skia::{FillRule, Mask, PathBuilder, Transform};

/// The icons' width and height in their own units.
const SIZE: f32 = 16.0;
/// The number of lines that draw an arc. At 48 pixels each is shorter than two pixels.
const ARC: u8 = 64;

/// The sizes in pixels: the sizes of panel icons in the themes of GTK and KDE (16, 22 and 24), and
/// about twice as much for screens with a high resolution. Hosts scale the nearest one.
const SIZES: [u32; 5] = [16, 22, 24, 32, 48];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../icons/symbolic");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = std::fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "svg"))
        .collect();
    files.sort_unstable();
    let out = std::env::var("OUT_DIR")?;
    let mut code = format!("const SIZES: [i32; {}] = {SIZES:?};\n", SIZES.len());
    code.push_str("static DRAWN: &[Drawn] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a file's name")?;
        let (colour, masks) = drawn(&std::fs::read_to_string(&file)?)
            .map_err(|why| format!("{}: {why}", file.display()))?;
        let masks_file = Path::new(&out).join(name).with_extension("masks");
        std::fs::write(&masks_file, masks)?;
        writeln!(
            code,
            "Drawn {{ name: {name:?}, colour: {colour:?}, masks: include_bytes!({masks_file:?}) }},"
        )?;
    }
    code.push_str("];\n");
    Ok(std::fs::write(Path::new(&out).join("pixels.rs"), code)?)
}

/// Draws an icon. Returns its colour, and the opacity of each pixel, size after size.
fn drawn(svg: &str) -> Result<([u8; 3], Vec<u8>), Box<dyn Error>> {
    let mut colours = Vec::new();
    let mut shapes = Vec::new();
    for element in svg.split("<path ").skip(1) {
        let class = attribute(element, "class")?.split(' ').next().unwrap_or_default();
        colours.push(colour(svg, class)?);
        let rule = match attribute(element, "fill-rule") {
            Ok("evenodd") => FillRule::EvenOdd,
            Ok(other) => return Err(format!("fill-rule {other}").into()),
            Err(_none) => FillRule::Winding,
        };
        shapes.push((Pen::draw(attribute(element, "d")?)?, rule));
    }
    colours.dedup();
    let [colour] = colours[..] else { return Err("it has not exactly one colour".into()) };
    let mut masks = Vec::new();
    for size in SIZES {
        let mut mask = Mask::new(size, size).ok_or("a size")?;
        let scale = size as f32 / SIZE;
        for (path, rule) in &shapes {
            mask.fill_path(path, *rule, true, Transform::from_scale(scale, scale));
        }
        masks.extend_from_slice(mask.data());
    }
    Ok((colour, masks))
}

/// Returns the value of an attribute. `text` is the rest of the document from inside the element.
fn attribute<'t>(text: &'t str, name: &str) -> Result<&'t str, Box<dyn Error>> {
    let element = text.split('>').next().unwrap_or_default();
    let start = format!("{name}=\"");
    let place = element.match_indices(&start).map(|(place, _)| place);
    // Other names may end in `name`, as `id` ends in `d`.
    let mut place = place.filter(|at| *at == 0 || element.as_bytes()[at - 1] == b' ');
    let from = place.next().ok_or_else(|| format!("a path without {name}"))? + start.len();
    Ok(element[from..].split('"').next().unwrap_or_default())
}

/// Returns the colour of this class in the style sheet.
fn colour(svg: &str, class: &str) -> Result<[u8; 3], Box<dyn Error>> {
    let start = format!(".{class} {{ color: #");
    let from = svg.find(&start).ok_or_else(|| format!("no colour of {class}"))? + start.len();
    let digits = svg.get(from..from + 6).ok_or("a colour")?;
    let number = u32::from_str_radix(digits, 16)?.to_be_bytes();
    Ok([number[1], number[2], number[3]])
}

/// Draws a path's data.
struct Pen {
    path: PathBuilder,
    at: [f32; 2],
    /// The start of the current shape.
    start: [f32; 2],
}

impl Pen {
    fn draw(data: &str) -> Result<tiny_skia::Path, Box<dyn Error>> {
        let mut pen = Self { path: PathBuilder::new(), at: [0.0; 2], start: [0.0; 2] };
        let mut rest = data;
        while let Some(command) = rest.chars().next() {
            rest = &rest[command.len_utf8()..];
            let end = rest.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(rest.len());
            let numbers = numbers(&rest[..end])?;
            rest = &rest[end..];
            pen.command(command, &numbers)?;
        }
        pen.path.finish().ok_or_else(|| "an empty path".into())
    }

    fn command(&mut self, command: char, numbers: &[f32]) -> Result<(), Box<dyn Error>> {
        let count = match command.to_ascii_lowercase() {
            'z' if numbers.is_empty() => {
                self.path.close();
                self.at = self.start;
                return Ok(());
            }
            'm' | 'l' => 2,
            'h' | 'v' => 1,
            'a' => 7,
            _ => return Err(format!("the command {command}").into()),
        };
        if numbers.is_empty() || !numbers.chunks_exact(count).remainder().is_empty() {
            return Err(format!("{} numbers for {command}", numbers.len()).into());
        }
        for (turn, numbers) in numbers.chunks(count).enumerate() {
            let [x, y] = if command.is_ascii_lowercase() { self.at } else { [0.0; 2] };
            match (command.to_ascii_lowercase(), numbers) {
                ('m', [dx, dy]) if turn == 0 => {
                    self.at = [x + dx, y + dy];
                    self.start = self.at;
                    self.path.move_to(self.at[0], self.at[1]);
                }
                ('m' | 'l', [dx, dy]) => self.line([x + dx, y + dy]),
                ('h', [dx]) => self.line([x + dx, self.at[1]]),
                ('v', [dy]) => self.line([self.at[0], y + dy]),
                ('a', [rx, ry, _, large, sweep, dx, dy]) if rx == ry => {
                    self.arc(*rx, *large != 0.0, *sweep != 0.0, [x + dx, y + dy]);
                }
                _ => return Err("an arc that is not of a circle".into()),
            }
        }
        Ok(())
    }

    fn line(&mut self, to: [f32; 2]) {
        self.path.line_to(to[0], to[1]);
        self.at = to;
    }

    /// Draws a circular arc, by the formulas in the appendix of the SVG specification (“Conversion
    /// from endpoint to center parameterization”), for equal radii.
    fn arc(&mut self, radius: f32, is_large: bool, is_clockwise: bool, to: [f32; 2]) {
        let [x0, y0] = self.at;
        let (half_x, half_y) = ((x0 - to[0]) / 2.0, (y0 - to[1]) / 2.0);
        let half = half_x.hypot(half_y);
        // Enlarge a radius that is too small.
        let radius = radius.max(half);
        let away = (radius * radius - half * half).max(0.0).sqrt() / half;
        let away = if is_large == is_clockwise { -away } else { away };
        let centre = [(x0 + to[0]) / 2.0 + away * half_y, (y0 + to[1]) / 2.0 - away * half_x];
        let angle = |point: [f32; 2]| (point[1] - centre[1]).atan2(point[0] - centre[0]);
        let (from, turn) = (angle(self.at), std::f32::consts::TAU);
        let mut by = (angle(to) - from).rem_euclid(turn);
        if !is_clockwise {
            by -= turn;
        }
        for step in 1..ARC {
            let now = from + by * f32::from(step) / f32::from(ARC);
            self.path.line_to(centre[0] + radius * now.cos(), centre[1] + radius * now.sin());
        }
        self.line(to);
    }
}

/// Parses the numbers of a command. `0-1` is two numbers, and so is `1.5.5`.
fn numbers(text: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut words: Vec<String> = vec![String::new()];
    for it in text.chars() {
        let word = words.last().map_or("", String::as_str);
        let begins = match it {
            ' ' | ',' => {
                words.push(String::new());
                continue;
            }
            '-' => !word.is_empty(),
            '.' => word.contains('.'),
            _ => false,
        };
        if begins {
            words.push(String::new());
        }
        words.iter_mut().next_back().ok_or("a number")?.push(it);
    }
    let words = words.iter().filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(|_| format!("the number {word}").into())).collect()
}
