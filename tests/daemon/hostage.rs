//! Tests files that block their readers: pipes without a writer, and a file system that does not
//! answer.

use crate::files::{ramp, wav};
use crate::house::{CONFIG, House, Service, failure, text_of, wait_for};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Replaces the file at this path, if there is one, by a pipe.
fn pipe(house: &House, path: &Path) {
    let new = house.path("pipe");
    mknodat(CWD, &new, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::rename(new, path).unwrap();
}

fn logged(service: &Service, what: &str) {
    wait_for(what, || service.log().contains(what).then_some(()));
}

/// Regression: each of these pipes blocked the event loop, or the thread that writes the recording,
/// until the watchdog ended the service.
#[test]
fn pipes_where_files_belong_hold_up_nobody() {
    let house = House::new("");
    let presets = house.path("config/v2m/presets");
    let store = house.path("state/v2m/dictations");
    fs::create_dir_all(&presets).unwrap();
    fs::create_dir_all(&store).unwrap();
    pipe(&house, &presets.join("early.toml"));
    for name in ["1.json", "2.wav", "3.json"] {
        pipe(&house, &store.join(format!("20260101T000000.000Z-{name}")));
    }
    fs::write(store.join("20260101T000000.000Z-3.wav"), [0; 44]).unwrap();
    let service = house.start();
    service.ready();
    assert_eq!(service.connect().refused("LAST_TEXT").0, "no_text");

    pipe(&service, &presets.join("late.toml"));
    logged(&service, "early, email, late, notes");
    let before = service.connect().ask("GET_CONFIG");
    pipe(&service, &service.config_file());
    logged(&service, "the old one stays in force");
    let problem = service.connect().ask("GET_STATUS")["problem"].to_string();
    assert!(problem.contains("not a regular file"), "{problem}");
    assert_eq!(service.connect().ask("GET_CONFIG"), before);
    let update = json!({ "engine": { "beam_size": 2 } });
    let (code, text) = service.connect().refused_with("UPDATE_CONFIG", update);
    assert!(code == "bad_config" && text.contains("not a regular file"), "{text}");
    let path = service.path("pipe.wav");
    pipe(&service, &path);
    let asked = json!({ "file_path": path });
    let (code, text) = service.connect().refused_with("TRANSCRIBE_FILE", asked);
    assert!(code == "file" && text.contains("regular file"), "{text}");
    service.configure(CONFIG);
    let mended = || service.connect().ask("GET_STATUS")["problem"].is_null().then_some(());
    wait_for("the configuration to be right again", mended);
    service.end();
}

#[test]
fn a_configuration_that_is_a_pipe_ends_the_start_with_the_reason() {
    let house = House::new("");
    let config = house.config_file();
    pipe(&house, &config);
    let mut waiting = house.connect();
    waiting.send("PING", Value::Null);
    let service = house.start();
    let (code, text) = failure(&waiting.receive().unwrap());
    assert!(code == "bad_config" && text.contains("not a regular file"), "{text}");
    assert_eq!(service.ended().0.code(), Some(78));
}

/// As stow, chezmoi and home-manager set files up.
#[test]
fn a_configuration_and_presets_that_are_links_are_read_and_the_links_stay() {
    let house = House::new("");
    let (config, kept) = (house.config_file(), house.path("dotfiles/v2m.toml"));
    let presets = house.path("config/v2m/presets");
    fs::create_dir_all(house.path("dotfiles/presets")).unwrap();
    fs::write(house.path("dotfiles/presets/linked.toml"), "instruction = 'x'").unwrap();
    symlink(house.path("dotfiles/presets"), &presets).unwrap();
    fs::rename(&config, &kept).unwrap();
    symlink("../../dotfiles/v2m.toml", &config).unwrap();
    let service = house.start();
    service.ready();
    service.connect().ask_with("UPDATE_CONFIG", json!({ "engine": { "beam_size": 2 } }));
    assert!(fs::symlink_metadata(&config).unwrap().is_symlink());
    assert!(fs::read_to_string(&kept).unwrap().contains("beam_size = 2"));
    fs::write(&kept, CONFIG.replace("[engine]", "[engine]\nbeam_size = 4")).unwrap();
    let beams = || service.connect().ask("GET_CONFIG")["config"]["engine"]["beam_size"].clone();
    wait_for("the new configuration", || (beams() == 4).then_some(()));
    fs::write(presets.join("another.toml"), "instruction = 'x'").unwrap();
    logged(&service, "another, clean-up, email, linked");
    service.end();
}

/// A file system that never answers, like a network file system after its server is gone.
struct Hung {
    folder: tempfile::TempDir,
    /// When this is closed, all waiting calls fail.
    _server: File,
}

impl Hung {
    /// Mounts the file system. `None`: this machine does not allow it.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
        let [path, options] = [folder.path().as_os_str().as_bytes(), options.as_bytes()]
            .map(|text| CString::new(text).unwrap());
        // SAFETY: all pointers are to strings that end with a zero and outlive the call.
        let mounted = unsafe {
            let kind = c"fuse".as_ptr();
            libc::mount(kind, path.as_ptr(), kind, 0, options.as_ptr().cast())
        };
        (mounted == 0).then_some(Self { folder, _server: server })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("talk.wav")
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let path = CString::new(self.folder.path().as_os_str().as_bytes()).unwrap();
        // SAFETY: the pointer is to a string that ends with a zero and outlives the call.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH | libc::MNT_FORCE) };
    }
}

/// Counts the service's children that decode this file.
fn decoders(service: &Service, path: &Path) -> usize {
    let pid = service.pid().as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let decodes = |child: &&str| {
        let command = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        command.windows(path.as_os_str().len()).any(|part| part == path.as_os_str().as_bytes())
    };
    children.split_whitespace().filter(decodes).count()
}

/// Regression: the file system blocked the thread that opened the file, and so all later requests
/// for files.
#[test]
fn a_file_system_that_does_not_answer_holds_up_its_own_request_alone() {
    let Some(hung) = Hung::mount() else {
        println!("skipped: only root can mount a file system here");
        return;
    };
    let service = House::new("").start();
    service.ready();
    let good = service.path("good.wav");
    wav(&good, &ramp(20_000));
    let ask = || {
        let mut client = service.connect();
        client.send("TRANSCRIBE_FILE", json!({ "file_path": hung.file() }));
        client
    };
    let begun = |count| {
        wait_for("the decoders", || (decoders(&service, &hung.file()) == count).then_some(()));
    };
    let first = ask();
    begun(1);
    let answer = service.connect().ask_with("TRANSCRIBE_FILE", json!({ "file_path": good }));
    assert_eq!(answer["text"], text_of(&ramp(20_000)));
    let second = ask();
    begun(2);
    // If a client disconnects, its decoder is ended.
    drop((first, second));
    begun(0);
    let mut last = ask();
    begun(1);
    assert_eq!(service.connect().ask("SHUTDOWN")["message"], "SHUTTING_DOWN");
    assert_eq!(failure(&last.receive().unwrap()).0, "shutting_down");
    assert!(service.ended().0.success());
}
