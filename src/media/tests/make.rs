//! Makes small files in formats that no library here writes.

use super::RATE;

/// Makes a tone of 440 Hz at 16 kHz.
pub(super) fn tone(samples: usize) -> Vec<i16> {
    let turn = 440.0 / f64::from(RATE) * std::f64::consts::TAU;
    (0..samples).map(|at| ((at as f64 * turn).sin() * 8000.0) as i16).collect()
}

fn big(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_be_bytes()).collect()
}

/// Makes an AIFF file with a tag after its sound.
pub(super) fn aiff(samples: &[i16]) -> Vec<u8> {
    let chunk =
        |name: &[u8; 4], body: &[u8]| [name, &(body.len() as u32).to_be_bytes()[..], body].concat();
    // 16 kHz as an extended float.
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let count = (samples.len() as u32).to_be_bytes();
    let common = [&[0, 1][..], &count, &[0, 16], &rate].concat();
    let sound = [&[0; 8][..], &big(samples)].concat();
    let chunks = [chunk(b"COMM", &common), chunk(b"SSND", &sound), chunk(b"NAME", b"a name")];
    chunk(b"FORM", &[&b"AIFF"[..], &chunks.concat()].concat())
}

/// Makes a CAF file with a gap after its sound.
pub(super) fn caf(samples: &[i16]) -> Vec<u8> {
    let chunk =
        |name: &[u8; 4], body: &[u8]| [name, &(body.len() as i64).to_be_bytes()[..], body].concat();
    let numbers = [0_u32, 2, 1, 1, 16].map(u32::to_be_bytes).concat();
    let description = [&f64::from(RATE).to_be_bytes()[..], b"lpcm", &numbers].concat();
    let sound = [&[0; 4][..], &big(samples)].concat();
    let chunks =
        [chunk(b"desc", &description), chunk(b"data", &sound), chunk(b"free", &[0; 100])].concat();
    [&b"caff\0\x01\0\0"[..], &chunks].concat()
}

/// Makes a box of an MP4 file.
pub(super) fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// How many frames a sample has in the MP4 files made here: 20 ms.
const FRAMES: u32 = 320;

/// Makes an MP4 file's tables for a track with 16 kHz sound that begins at `offset` in the file.
fn trak(number: u32, samples: u32, offset: u32) -> Vec<u8> {
    let head = [&words(&[0, 0, 0, number, 0, 0])[..], &[0; 60]].concat();
    let media = words(&[0, 0, 0, RATE, samples * FRAMES, 0x55c4_0000]);
    let handler = [&words(&[0, 0])[..], b"soun", &[0; 13]].concat();
    let entry = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], &[0, 1, 0, 16, 0, 0, 0, 0]].concat();
    let entry = boxed(b"sowt", &[&entry[..], &(RATE << 16).to_be_bytes()].concat());
    let some = u32::from(samples > 0);
    let table = |values: &[u32]| words(&values[..if some > 0 { values.len() } else { 2 }]);
    let tables = [
        boxed(b"stsd", &[&words(&[0, 1])[..], &entry].concat()),
        boxed(b"stts", &table(&[0, some, samples, FRAMES])),
        boxed(b"stsc", &table(&[0, some, 1, samples, 1])),
        boxed(b"stsz", &words(&[0, FRAMES * 2, samples])),
        boxed(b"stco", &table(&[0, some, offset])),
    ];
    let inside = [boxed(b"smhd", &[0; 8]), boxed(b"stbl", &tables.concat())].concat();
    let media = [boxed(b"mdhd", &media), boxed(b"hdlr", &handler), boxed(b"minf", &inside)];
    boxed(b"trak", &[boxed(b"tkhd", &head), boxed(b"mdia", &media.concat())].concat())
}

fn movie(traks: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
    let head = [&words(&[0, 0, 0, 1000, 0])[..], &[0; 80]].concat();
    boxed(b"moov", &[boxed(b"mvhd", &head), traks.concat(), more.to_vec()].concat())
}

fn little(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Makes an MP4 file with these sound tracks, one after the other. The length of each must be a
/// multiple of 20 ms.
pub(super) fn mp4(tracks: &[Vec<i16>]) -> Vec<u8> {
    let kind = boxed(b"ftyp", b"isom\0\0\0\0isom");
    let tables = |offset: u32| {
        let mut at = offset;
        let traks: Vec<_> = (1..)
            .zip(tracks)
            .map(|(number, samples)| {
                let count = samples.len() as u32 / FRAMES;
                let trak = trak(number, count, at);
                at += count * FRAMES * 2;
                trak
            })
            .collect();
        movie(&traks, &[])
    };
    let before = kind.len() + tables(0).len() + 8;
    let sound: Vec<u8> = tracks.iter().flat_map(|samples| little(samples)).collect();
    [kind, tables(before as u32), boxed(b"mdat", &sound)].concat()
}

/// A track's part of a fragment: its declared start in samples (`None`: not declared), and its
/// sound.
pub(super) type Part = (Option<u64>, Vec<i16>);

/// Makes an MP4 file of fragments. Each fragment has one part for one or more tracks, numbered from
/// 1.
pub(super) fn fragmented(tracks: u32, fragments: &[Vec<(u32, Part)>]) -> Vec<u8> {
    let traks: Vec<_> = (1..=tracks).map(|number| trak(number, 0, 0)).collect();
    let extends = (1..=tracks)
        .flat_map(|number| boxed(b"trex", &words(&[0, number, 1, FRAMES, FRAMES * 2, 0])));
    let extends = boxed(b"mvex", &extends.collect::<Vec<_>>());
    let mut bytes = [boxed(b"ftyp", b"isom\0\0\0\0isom"), movie(&traks, &extends)].concat();
    for (number, parts) in (1..).zip(fragments) {
        let fragment = |before: u32| {
            let mut at = before;
            let mut inside = boxed(b"mfhd", &words(&[0, number]));
            for (track, (time, samples)) in parts {
                let count = samples.len() as u32 / FRAMES;
                let time = time
                    .map(|time| boxed(b"tfdt", &[&[1, 0, 0, 0][..], &time.to_be_bytes()].concat()));
                let part = [
                    // The offsets count from the fragment.
                    boxed(b"tfhd", &words(&[0x2_0000, *track])),
                    time.unwrap_or_default(),
                    boxed(b"trun", &words(&[1, count, at])),
                ];
                inside.extend(boxed(b"traf", &part.concat()));
                at += count * FRAMES * 2;
            }
            boxed(b"moof", &inside)
        };
        let before = fragment(0).len() as u32 + 8;
        let sound: Vec<u8> = parts.iter().flat_map(|(_, (_, samples))| little(samples)).collect();
        bytes.extend([fragment(before), boxed(b"mdat", &sound)].concat());
    }
    bytes
}
