//! Tests of the child process that decodes.

use super::*;
use std::io::{Read, Seek};
use std::process::Command;

const HOUR: Duration = Duration::from_secs(3600);

/// Returns what a child wrote.
fn spooled(command: Command, path: &Path, longest: Duration) -> Result<Vec<u8>, MediaError> {
    let mut spool = tempfile::tempfile().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let decoded = runtime.block_on(apart::read_within(command, path, &spool, longest))?;
    let mut bytes = Vec::new();
    spool.rewind().unwrap();
    spool.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, decoded.samples * 2);
    Ok(bytes)
}

fn script(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_child_s_sound_and_its_reasons_come_through() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, [1, 0, 0, 0x80]).unwrap();
    assert_eq!(spooled(script("cat \"$0\""), &path, HOUR).unwrap(), [1, 0, 0, 0x80]);
    let told = spooled(script("echo 'reading it: no sound' >&2; exit 65"), &path, HOUR);
    let told = told.unwrap_err();
    assert_eq!(told.to_string(), "reading it: no sound");
}

#[test]
fn a_child_that_dies_is_an_error_about_its_file() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, b"x").unwrap();
    for death in ["kill -ABRT $$", "cat /dev/zero | head -c 5000; exit 101", "exit 65", "printf x"]
    {
        let error = spooled(script(death), &path, HOUR).unwrap_err();
        assert!(matches!(error, MediaError::Broken { .. }), "{death}: {error}");
    }
    let error = spooled(Command::new("/nowhere/v2m"), &path, HOUR).unwrap_err();
    assert!(matches!(error, MediaError::Child { .. }));
}

#[test]
fn a_disk_that_is_full_is_told() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (mut output, mut errors) = (full, Vec::new());
    let code = apart::answer(&fixture("tone.flac"), None, &mut output, &mut errors);
    let errors = String::from_utf8(errors).unwrap();
    assert!(code == 65 && errors.contains("free some space"), "{errors}");
}

/// This includes a child that has closed its output: the parent would still wait for it.
#[test]
fn a_child_that_does_not_end_is_ended() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, b"x").unwrap();
    for hang in ["exec sleep 3600", "printf xx; exec sleep 3600 >&- 2>&-"] {
        let limit = Duration::from_millis(50);
        let error = spooled(script(hang), &path, limit).unwrap_err();
        assert!(matches!(error, MediaError::Stuck { .. }), "{hang}: {error}");
    }
}

/// The parent opens nothing, because a file system that does not answer would block it.
#[test]
fn only_the_child_opens_the_file() {
    let told =
        spooled(script("printf xx; echo \"$0\" >&2; exit 65"), Path::new("/nowhere/x"), HOUR);
    assert_eq!(told.unwrap_err().to_string(), "/nowhere/x");
}

#[test]
fn a_child_whose_caller_leaves_is_ended() {
    let dir = directory();
    let (path, pid) = (dir.path().join("x.wav"), dir.path().join("pid"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gone = |pid: &str| !Path::new(&format!("/proc/{pid}/cmdline")).exists();
    runtime.block_on(async {
        let mut command = script("echo $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 3600");
        command.arg("sh").arg(&pid);
        let spool = tempfile::tempfile().unwrap();
        let reading = apart::read_within(command, &path, &spool, HOUR);
        let begun = async {
            while !pid.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            result = reading => panic!("{result:?}"),
            () = begun => {}
        }
        let pid = fs::read_to_string(&pid).unwrap();
        // The runtime reaps the child that it has killed.
        while !gone(pid.trim()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn the_child_writes_its_samples_or_says_why_not() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, RATE, 16), 100, 440.0);
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    assert_eq!(apart::answer(&path, None, &mut output, &mut errors), 0);
    let samples = read(&path).unwrap();
    assert_eq!(output, samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>());
    assert_eq!(apart::answer(dir.path(), None, &mut output, &mut errors), 65);
    assert!(String::from_utf8(errors).unwrap().contains("regular file"));
}
