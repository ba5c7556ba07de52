//! How far a file is, on a terminal: one line on standard error, drawn by a thread of its own from
//! the service's `progress` events. Where there is no terminal, or the service does not send such
//! events, there is none.

use crate::files::Named;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use v2m_ipc::client::Client;
use v2m_ipc::data::Event;
use v2m_ipc::message::EventName;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Signs of the bar itself.
const WIDTH: usize = 30;
/// Characters of a file's name that are shown; with all the rest the line stays below 80.
const NAME: usize = 24;
/// To the line's start, and clear it.
const CLEAR: &str = "\r\x1b[K";

/// The bar, if there is one.
pub(crate) struct Bar {
    files: usize,
    shown: Option<Arc<Mutex<Option<ShownFile>>>>,
}

/// The file that is under way.
struct ShownFile {
    path: String,
    label: String,
}

impl Bar {
    /// A bar for so many files.
    pub(crate) fn start(files: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let shown = (!dumb && std::io::stderr().is_terminal()).then(Arc::default);
        if let Some(shown) = shown.clone() {
            // Without this thread there is no bar, and nothing else is amiss.
            let _ = thread::Builder::new().name("progress".into()).spawn(move || follow(&shown));
        }
        Self { files, shown }
    }

    /// This file is next, the first being 0.
    pub(crate) fn begin(&self, index: usize, file: &Named) {
        let number =
            if self.files > 1 { format!("{}/{} ", index + 1, self.files) } else { "".into() };
        let label = format!("{number}{}", short(&file.name));
        self.set(Some(ShownFile { path: file.path.clone().unwrap_or_default(), label }));
    }

    /// The file is done, and the terminal free for other words.
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

/// Draws until the service has no more to tell. The lock is what keeps the line away from other
/// words.
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
    // A terminal that is gone needs no bar.
    let _ = write!(terminal, "{CLEAR}{line}").and_then(|()| terminal.flush());
}

fn line(label: &str, seconds: f64, of: f64) -> String {
    let share = if of > 0.0 { (seconds / of).clamp(0.0, 1.0) } else { 1.0 };
    let full = (share * WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    let times = tr!("{seconds} of {all}", seconds = clock(seconds), all = clock(of));
    format!("{label} [{bar}] {:3.0} %  {times}", share * 100.0)
}

/// `m:ss` or `h:mm:ss`.
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// The end of a name, which tells files apart. What would move the cursor is left out.
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
