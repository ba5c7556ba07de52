//! Fuzzes the headers of sound files, as far as v2m itself reads them. The file that the decoder
//! gets must be no longer than the original, must contain as many bytes as it announces, and must
//! be readable from every position. The decoder itself is not fuzzed: it runs in a process that may
//! die.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use v2m::media::fuzzing;

fuzz_target!(|input: &[u8]| {
    let path = v2m_fuzz::folder().join("x");
    fs::write(&path, input).expect("the folder takes files");
    let file = File::open(&path).expect("it is there");
    let mut mended = fuzzing::mended(&file).expect("its headers can be looked at");
    let mut whole = Vec::new();
    mended.read_to_end(&mut whole).expect("it can be read");
    let end = mended.seek(SeekFrom::End(0)).expect("it has an end");
    assert!(whole.len() as u64 == end && whole.len() <= input.len());
    let middle = whole.len() / 2;
    mended.seek(SeekFrom::Start(middle as u64)).expect("it can be sought");
    let mut half = Vec::new();
    mended.read_to_end(&mut half).expect("it can be read");
    assert_eq!(half, whole[middle..]);
    for track in 0..4 {
        let _ = fuzzing::movie(&file, track);
    }
    let (streams, pages) = fuzzing::ogg_damage(&file, &[1]).expect("it can be read");
    assert!(streams <= input.len() && pages <= input.len());
});
