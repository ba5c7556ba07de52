//! A terminal with a program in it, and a user who reads and types.

use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Far longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pseudo-terminal, and the program that runs in it.
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    child: Child,
    /// All output so far.
    written: Vec<u8>,
    /// The length of the output that a test has already waited for.
    seen: usize,
}

impl Terminal {
    /// Runs the command as the foreground process of a terminal of that size.
    pub fn run(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let keyboard = File::from(master);
        set_size(&keyboard, columns, rows);
        let into = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(into()).stdout(into()).stderr(into());
        let lead = || {
            setsid()?;
            ioctl_tiocsctty(std::io::stdin())?;
            Ok(())
        };
        // SAFETY: between fork and exec only two system calls are made, which allocate nothing.
        unsafe { command.pre_exec(lead) };
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // Now only the program has the terminal open, so its end is the end of the output.
        drop((command, slave));
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = sync_channel(1024);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading from a terminal that nobody has open fails with EIO.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, child, written: Vec::new(), seen: 0 }
    }

    /// Types the keys, without Enter.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line and Enter.
    pub fn line(&mut self, line: &str) {
        self.keys(&format!("{line}\n"));
    }

    /// Changes the size, which sends the program SIGWINCH.
    pub fn resize(&self, columns: u16, rows: u16) {
        set_size(&self.keyboard, columns, rows);
    }

    /// Waits until the program writes this text, after the text of the last wait. Returns the
    /// output between the two, with this text.
    pub fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = String::from_utf8_lossy(&self.written[self.seen..]).into_owned();
            if let Some(at) = new.find(text) {
                let end = at + text.len();
                let found = new[..end].to_owned();
                // Lossy text has the same length as its source if that is UTF-8, as all of it is
                // here.
                self.seen += end;
                return found;
            }
            self.more(&format!("{text:?}"), deadline);
        }
    }

    /// Reads more output. The deadline is needed because a program may write other text without
    /// end.
    fn more(&mut self, what: &str, deadline: Instant) {
        match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => self.written.extend(bytes),
            Err(RecvTimeoutError::Timeout) => {
                panic!("waited in vain for {what}; written:\n{}", self.text());
            }
            Err(RecvTimeoutError::Disconnected) => {
                panic!("it ended before {what}; written:\n{}", self.text());
            }
        }
    }

    /// Returns all output so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// Returns the program's process id.
    pub fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Waits for the program's end. Returns its status and all its output.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.written.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end; written:\n{}", self.text());
                }
            }
        }
        (self.child.wait().unwrap(), self.text())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_size(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}
