//! Progress bar for a file: one line on standard error, drawn by a separate thread from the
//! service's `progress` events. Without a terminal or such events there is no bar.

use crate::files::Named;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use v2m_ipc::client::Client;
use v2m_ipc::data::Event;
use v2m_ipc::message::EventName;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Width of the bar itself, in characters.
const WIDTH: usize = 30;
/// Maximum characters of a file's name, so that the line stays below 80.
const NAME: usize = 24;
/// Moves to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// The progress bar, if there is one.
pub(crate) struct Bar {
    files: usize,
    shown: Option<Arc<Mutex<Option<ShownFile>>>>,
}

/// The current file.
struct ShownFile {
    path: String,
    label: String,
}

impl Bar {
    /// Starts a bar for this many files.
    pub(crate) fn start(files: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let shown = (!dumb && std::io::stderr().is_terminal()).then(Arc::default);
        if let Some(shown) = shown.clone() {
            // If this thread cannot start, only the bar is missing.
            let _ = thread::Builder::new().name("progress".into()).spawn(move || follow(&shown));
        }
        Self { files, shown }
    }

    /// Begins the next file; the first has index 0.
    pub(crate) fn begin(&self, index: usize, file: &Named) {
        let number =
            if self.files > 1 { format!("{}/{} ", index + 1, self.files) } else { "".into() };
        let label = format!("{number}{}", short(&file.name));
        self.set(Some(ShownFile { path: file.path.clone().unwrap_or_default(), label }));
    }

    /// Ends the file and clears the line for other output.
    pub(crate) fn end(&self) {
        self.set(None);
    }

    fn set(&self, next: Option<ShownFile>) {
        if let Some(shown) = &self.shown {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            draw(next.as_ref().map_or("", |next| &next.label));
            *shown = next;
        }
    }
}

/// Draws until the service sends no more events. The lock keeps the line separate from other
/// output.
fn follow(shown: &Mutex<Option<ShownFile>>) {
    let subscribed = Client::connect().and_then(|client| client.subscribe(&[EventName::Progress]));
    let Ok(mut events) = subscribed else { return };
    while let Ok(Some((event, _))) = events.next_event() {
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(file), Some(Event::Progress { file_path, seconds, of })) = (&*shown, event)
            && file.path == file_path
        {
            draw(&line(&file.label, seconds, of));
        }
    }
}

fn draw(line: &str) {
    let mut terminal = std::io::stderr().lock();
    // If the terminal is gone, no bar is needed.
    let _ = write!(terminal, "{CLEAR}{line}").and_then(|()| terminal.flush());
}

fn line(label: &str, seconds: f64, of: f64) -> String {
    let share = if of > 0.0 { (seconds / of).clamp(0.0, 1.0) } else { 1.0 };
    let full = (share * WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    let times = tr!("{seconds} of {all}", seconds = clock(seconds), all = clock(of));
    format!("{label} [{bar}] {:3.0} %  {times}", share * 100.0)
}

/// Formats as `m:ss` or `h:mm:ss`.
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Returns the end of a name, which distinguishes files, without control characters.
fn short(name: &str) -> String {
    let letters: Vec<char> = plain::line(name).chars().collect();
    match letters.len().checked_sub(NAME) {
        None | Some(0) => letters.into_iter().collect(),
        Some(over) => std::iter::once('…').chain(letters.into_iter().skip(over + 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_share_and_times() {
        let half = format!("a.wav [{}{}]  50 %  1:00 of 2:00", "#".repeat(15), "-".repeat(15));
        assert_eq!(line("a.wav", 60.0, 120.0), half);
        assert!(line("a.wav", 0.0, 3700.0).ends_with("  0 %  0:00 of 1:01:40"));
        assert!(line("a.wav", 9.0, 3.0).contains("100 %"));
        assert!(line("a.wav", 0.0, 0.0).contains("100 %"));
    }

    #[test]
    fn long_names_are_cut_at_their_start_and_cannot_write_on_the_terminal() {
        assert_eq!(short("a.wav"), "a.wav");
        assert_eq!(short("\x1b[31mred\n.wav"), "[31mred .wav");
        let long = short(&format!("{}.wav", "x".repeat(100)));
        assert!(long.starts_with('…') && long.ends_with("x.wav"), "{long}");
        assert_eq!(long.chars().count(), NAME);
    }
}
