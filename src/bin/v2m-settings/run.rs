//! The terminal, the signals, and the main loop.

use crate::app::App;
use crate::store::Store;
use crate::view;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind,
};
use ratatui::crossterm::execute;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Interval for checking the file and signals.
const LOOK: Duration = Duration::from_millis(250);

/// Runs until the user quits, a signal arrives or the terminal is gone. Restores the terminal in
/// all cases, after a panic too.
///
/// # Errors
/// If the terminal fails, or signals cannot be registered.
pub(crate) fn run(store: Store) -> io::Result<()> {
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended))?;
    }
    // Installed before ratatui's own hook, which restores the terminal and then calls this one.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        report(panic);
    }));
    let mut terminal = ratatui::try_init()?;
    let _ = execute!(io::stdout(), EnableBracketedPaste);
    let result = turn(&mut terminal, App::new(store), &ended);
    let _ = execute!(io::stdout(), DisableBracketedPaste);
    ratatui::try_restore()?;
    result
}

fn turn(
    terminal: &mut ratatui::DefaultTerminal,
    mut app: App,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut is_new = true;
    while !app.is_over && !ended.load(Ordering::Relaxed) {
        if std::mem::take(&mut is_new) {
            terminal.draw(|frame| view::draw(frame, &app))?;
        }
        if !event::poll(LOOK)? {
            is_new = app.look();
            continue;
        }
        is_new = true;
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => app.key(key),
            Event::Paste(text) => app.paste(&text),
            // A new size is drawn in the next turn.
            Event::Key(_)
            | Event::Resize(..)
            | Event::FocusGained
            | Event::FocusLost
            | Event::Mouse(_) => {}
        }
    }
    Ok(())
}
