//! Tests of the files that are refused, and of the messages.

use super::*;

#[test]
fn what_is_no_sound_is_a_clear_error() {
    let dir = directory();
    let path = |name: &str| dir.path().join(name);
    let put = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).unwrap();
    put("empty.wav", b"");
    put("text.wav", b"Dear all,\n".repeat(5000).as_slice());
    put("text.mp3", b"Dear all,\n".repeat(5000).as_slice());
    write_tone(&path("silent.wav"), spec(1, RATE, 16), 0, 1.0);
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.wav"), rustix::fs::Mode::RWXU).unwrap();
    fs::create_dir(path("directory.wav")).unwrap();
    let error = |name: &str| read(&path(name)).unwrap_err();
    assert!(matches!(error("missing.wav"), MediaError::Open { .. }));
    assert!(matches!(error("empty.wav"), MediaError::Unknown { .. }));
    assert!(matches!(error("text.wav"), MediaError::Unknown { .. }));
    assert!(matches!(error("text.mp3"), MediaError::Unknown { .. }));
    assert!(matches!(error("silent.wav"), MediaError::Empty { .. }));
    assert!(matches!(error("pipe.wav"), MediaError::NotAFile { .. }));
    assert!(matches!(error("directory.wav"), MediaError::NotAFile { .. }));
    assert!(matches!(read(Path::new("/dev/zero")).unwrap_err(), MediaError::NotAFile { .. }));
    let opus = read(&fixture("opus.ogg")).unwrap_err();
    assert!(matches!(opus, MediaError::Unknown { .. }) && opus.to_string().contains("ffmpeg"));
    for name in ["missing.wav", "empty.wav", "text.wav", "silent.wav", "pipe.wav"] {
        assert!(error(name).to_string().contains(name), "{}", error(name));
    }
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, 8000, 16), 8000, 440.0);
    let decode = |max| {
        decode::decode(&path, &open(&path).unwrap(), None, max, &mut Vec::new())
            .map(|it| it.samples)
    };
    assert_eq!(decode(u64::from(RATE)).unwrap(), u64::from(RATE));
    let error = decode(u64::from(RATE) / 2);
    assert!(matches!(error.unwrap_err(), MediaError::TooLong { .. }));
}
