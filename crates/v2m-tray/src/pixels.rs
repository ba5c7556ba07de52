//! The icons as pixels, for trays that do not find them by name: those without an icon theme, and
//! those that were started before v2m was installed. `build.rs` draws them from `icons/symbolic`.

/// Width, height, and the pixels, line by line: each its opacity, red, green and blue, a byte each.
/// The protocol's “ARGB32 in network byte order”; not multiplied by the opacity, as KDE, GTK and
/// Waybar take it.
pub type Pixels = Vec<(i32, i32, Vec<u8>)>;

/// An icon as `build.rs` has drawn it.
struct Drawn {
    name: &'static str,
    /// Red, green and blue: each icon has one colour.
    colour: [u8; 3],
    /// The opacity of each pixel, for each of [`SIZES`].
    masks: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/pixels.rs"));

/// The icon of this name in all sizes, the smallest one first. Nothing if there is no such icon.
pub fn icon(name: &str) -> Pixels {
    let Some(drawn) = DRAWN.iter().find(|drawn| drawn.name == name) else { return Pixels::new() };
    let [red, green, blue] = drawn.colour;
    let mut masks = drawn.masks;
    let sizes = SIZES.into_iter().filter_map(|size| {
        let count = usize::try_from(size * size).ok()?;
        let (mask, rest) = masks.split_at_checked(count)?;
        masks = rest;
        let pixels = mask.iter().flat_map(|opacity| [*opacity, red, green, blue]).collect();
        Some((size, size, pixels))
    });
    sizes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pixel of the size 32, at a place in the icon's own 16 by 16 units.
    fn at(name: &str, x: f32, y: f32) -> [u8; 4] {
        let all = icon(name);
        let (width, _, pixels) = all.iter().find(|(width, ..)| *width == 32).unwrap();
        let place = |it: f32| (it * 2.0) as usize;
        let start = (place(y) * *width as usize + place(x)) * 4;
        pixels[start..start + 4].try_into().unwrap()
    }

    #[test]
    fn each_icon_has_pixels_in_all_sizes() {
        assert_eq!(DRAWN.len(), 5);
        for drawn in DRAWN {
            let all = icon(drawn.name);
            assert_eq!(all.iter().map(|(width, ..)| *width).collect::<Vec<_>>(), SIZES);
            for (width, height, pixels) in all {
                assert_eq!(pixels.len(), (width * height * 4) as usize, "{}", drawn.name);
                let opaque = pixels.chunks(4).filter(|pixel| pixel[0] > 200).count();
                assert!(opaque > (width * height) as usize / 8, "{} {width}", drawn.name);
            }
        }
        assert_eq!(icon("v2m-dancing"), Pixels::new());
    }

    #[test]
    fn shapes_and_colours_are_those_of_the_drawings() {
        let (grey, red) = ([255, 0x8a, 0x8a, 0x8a], [255, 0xe0, 0x1b, 0x24]);
        // The microphone, and what is around it.
        assert_eq!(at("v2m-idle-symbolic", 8.0, 5.0), grey);
        assert_eq!(at("v2m-idle-symbolic", 1.0, 14.0)[0], 0);
        // Its stand is an arc, below which there is nothing until the foot.
        assert_eq!(at("v2m-idle-symbolic", 8.0, 11.6), grey);
        assert_eq!(at("v2m-idle-symbolic", 8.0, 10.5)[0], 0);
        // A disc with a hole in the form of a microphone.
        assert_eq!(at("v2m-recording-symbolic", 2.0, 8.0), red);
        assert_eq!(at("v2m-recording-symbolic", 8.0, 5.0)[0], 0);
        assert_eq!(at("v2m-recording-symbolic", 0.2, 0.2)[0], 0);
        // The line across the microphone.
        assert_eq!(at("v2m-paused-symbolic", 3.0, 3.0), grey);
        assert_eq!(at("v2m-idle-symbolic", 3.0, 3.0)[0], 0);
        assert_eq!(at("v2m-problem-symbolic", 4.0, 12.0), [255, 0xe5, 0xa5, 0x0a]);
        assert_eq!(at("v2m-transcribing-symbolic", 8.0, 3.0), grey);
    }
}
