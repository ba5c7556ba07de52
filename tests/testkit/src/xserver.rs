//! A private X server without a screen, and programs that use its clipboard.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Xvfb.
pub struct XServer {
    process: Child,
    /// The value for `DISPLAY`.
    pub display: String,
}

impl XServer {
    /// Starts a server on a free display, or on a given one.
    pub fn start(display: Option<&str>) -> Self {
        Self::start_with(display, "64x64x24")
    }

    /// Starts a server on a free display, with a screen of this width, height and depth.
    pub fn start_sized(screen: &str) -> Self {
        Self::start_with(None, screen)
    }

    fn start_with(display: Option<&str>, screen: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(display).args(["-displayfd", "1", "-screen", "0", screen]);
        command.args(["-nolisten", "tcp"]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed (package xvfb)");
        let mut number = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        Self { process, display: format!(":{}", number.trim()) }
    }

    /// Ends the server, and starts another one on the same display.
    pub fn restart(&mut self) {
        self.end();
        let display = self.display.clone();
        *self = Self::start(Some(&display));
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn xclip(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["10", "xclip", "-selection", "clipboard"]).args(arguments);
        command.env("DISPLAY", &self.display);
        command
    }

    /// Returns what another program would paste in this format; `None` if there is no content.
    pub fn clipboard(&self, format: &str) -> Option<Vec<u8>> {
        let output = self.xclip(&["-o", "-t", format]).output();
        let output = output.expect("xclip is installed (package xclip)");
        output.status.success().then_some(output.stdout)
    }

    /// Returns the text that another program would paste.
    pub fn paste(&self) -> String {
        let output = self.xclip(&["-o"]).output().expect("xclip is installed (package xclip)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Copies content, as another program does. It is on the clipboard when this returns.
    pub fn copy(&self, format: &str, content: &[u8]) {
        // Not under `timeout`: xclip stays in the background until something else is copied.
        let mut process = Command::new("xclip")
            .args(["-selection", "clipboard", "-i", "-t", format])
            .env("DISPLAY", &self.display)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("xclip is installed (package xclip)");
        process.stdin.take().unwrap().write_all(content).unwrap();
        assert!(process.wait().unwrap().success());
        // xclip goes into the background before the server has processed its request.
        let give_up = Instant::now() + Duration::from_secs(20);
        while self.clipboard(format).as_deref() != Some(content) {
            assert!(Instant::now() < give_up, "xclip has not copied");
        }
    }

    /// Sends a signal to the server.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for XServer {
    fn drop(&mut self) {
        self.end();
    }
}
