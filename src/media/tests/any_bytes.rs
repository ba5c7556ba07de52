//! Tests that a file with any bytes is read or refused.

use super::*;
use proptest::prelude::*;

/// Returns the number of samples. `None` for an error, and for a panic of the decoder: some damage
/// causes panics, and the child process exists for that.
fn read_as_a_child(path: &Path) -> Option<usize> {
    std::panic::catch_unwind(|| read(path)).ok()?.ok().map(|samples| samples.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_are_read_or_refused(
        name in prop_oneof![Just("tone.flac"), Just("tone.ogg"), Just("tone.mp3"), Just("tone.aiff")],
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
        head in any::<bool>(),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        let reach = if head { bytes.len().min(120) } else { bytes.len() };
        for (index, byte) in damage {
            bytes[index.index(reach)] = byte;
        }
        let dir = directory();
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        prop_assert_ne!(read_as_a_child(&path), Some(0));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        magic in prop_oneof!["RIFF....WAVEfmt ", "fLaC", "OggS", "ID3", "FORM....AIFF", "caff", "....ftyp", ""],
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let dir = directory();
        let path = dir.path().join("x");
        fs::write(&path, [magic.as_bytes(), &bytes].concat()).unwrap();
        prop_assert_ne!(read_as_a_child(&path), Some(0));
    }
}
