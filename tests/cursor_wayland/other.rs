//! A compositor that offers no interfaces, or does not even answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

pub(crate) struct Other {
    directory: tempfile::TempDir,
}

impl Other {
    /// Starts a compositor that serves one program.
    pub(crate) fn start(answers: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let other = Self { directory };
        let listener = UnixListener::bind(other.display()).unwrap();
        std::thread::spawn(move || {
            let (program, _) = listener.accept().unwrap();
            serve(program, answers);
        });
        other
    }

    /// Returns the value for `WAYLAND_DISPLAY`.
    pub(crate) fn display(&self) -> &str {
        let path = self.directory.path().join("display");
        String::leak(path.to_str().unwrap().to_owned())
    }
}

/// Reads requests until the program disconnects, and answers `wl_display.sync` if `answers`. A
/// message is its object's id, a word with its length and opcode, and its arguments.
fn serve(mut program: UnixStream, answers: bool) {
    const DISPLAY: u32 = 1;
    const SYNC: u32 = 0;
    const DONE: u32 = 0;
    let mut head = [0; 8];
    while program.read_exact(&mut head).is_ok() {
        let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
        let (object, length, request) = (word(0), word(4) >> 16, word(4) & 0xffff);
        let mut arguments = vec![0; usize::try_from(length).unwrap() - head.len()];
        program.read_exact(&mut arguments).unwrap();
        if answers && (object, request) == (DISPLAY, SYNC) {
            let callback = u32::from_ne_bytes(arguments[..4].try_into().unwrap());
            let done = [callback, 12 << 16 | DONE, 0];
            program.write_all(&done.map(u32::to_ne_bytes).concat()).unwrap();
        }
    }
}
