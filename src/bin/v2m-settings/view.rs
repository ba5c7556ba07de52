//! Draws the screen: the list, the documentation of the selected setting, and a line with the keys.
//! It fits any size; the least important parts are left out first.

use crate::app::{App, Mode};
use crate::entry;
use crate::field::Field;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Clear, List, ListItem, ListState, Paragraph, Wrap};
use v2m::config::{Explained, section};
use v2m_ipc::plain;
use v2m_messages::tr;

/// With fewer rows, the documentation has no room beside the list; Tab shows it alone.
const ROOMY: u16 = 16;
/// Columns for a setting's name in the list.
const NAME: usize = 20;

const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws the whole screen.
pub(crate) fn draw(frame: &mut Frame, app: &App) {
    let [title, body, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    let path = app.store.path().display();
    frame.render_widget(Line::styled(tr!("v2m settings: {path}", path), STRONG), title);
    frame.render_widget(Line::from(hint(&app.mode)), keys);
    let at = app.selected().map_or(0, |(at, _)| at);
    let Some(key) = app.looked_at() else {
        frame.render_widget(Paragraph::new(tr!("Nothing has these words.")), body);
        return search(frame, app, keys);
    };
    if let Mode::Details(from) = app.mode {
        return details(frame, app, &key, body, from);
    }
    if body.height + 2 < ROOMY {
        list(frame, app, at, body);
        note(frame, app, body);
    } else {
        let [above, line, below] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(body.height / 2),
        ])
        .areas(body);
        list(frame, app, at, above);
        frame.render_widget(Line::from("─".repeat(line.width.into())), line);
        details(frame, app, &key, below, 0);
        note(frame, app, above);
    }
    match &app.mode {
        Mode::Edit { key, field, refusal } => edit(frame, key, field, refusal.as_deref(), body),
        Mode::Choose { key, words, at, refusal } => {
            choose(frame, key, words, *at, refusal.as_deref(), body);
        }
        Mode::Search(_) => search(frame, app, keys),
        Mode::List | Mode::Details(_) => {}
    }
}

/// Returns the keys of a mode.
fn hint(mode: &Mode) -> &'static str {
    match mode {
        Mode::List => tr!("Enter change  r default  / search  Tab all about it  q quit"),
        Mode::Search(_) => "",
        Mode::Edit { .. } => tr!("Enter save  Esc leave it as it was  Ctrl+U clear"),
        Mode::Choose { .. } => tr!("Enter save  Esc leave it as it was"),
        Mode::Details(_) => tr!("Up and Down scroll  Enter change  Esc back"),
    }
}

/// Draws the settings, under their sections.
fn list(frame: &mut Frame, app: &App, at: usize, area: Rect) {
    let mut rows: Vec<ListItem> = Vec::new();
    let (mut selected, mut last) = (0, "");
    for (index, key) in app.shown().into_iter().enumerate() {
        if key.section != last {
            last = key.section;
            rows.push(ListItem::new(Line::styled(format!("[{last}]"), STRONG)));
        }
        if index == at {
            selected = rows.len();
        }
        // Keep any value on its line, without control characters.
        let value = plain::line(&entry::shown(key)).into_owned();
        let mark = if key.value == key.default { ' ' } else { '*' };
        rows.push(ListItem::new(format!("{mark} {:<NAME$} {value}", key.name)));
    }
    let mut state = ListState::default().with_selected(Some(selected));
    frame.render_stateful_widget(List::new(rows).highlight_style(SELECTED), area, &mut state);
}

/// Draws the documentation of a setting, from that line on.
fn details(frame: &mut Frame, app: &App, key: &Explained, area: Rect, from: u16) {
    let value = plain::line(&entry::shown(key)).into_owned();
    let default = match entry::typed(&key.kind, &key.default) {
        empty if empty.is_empty() => tr!("(empty)").to_owned(),
        text => text,
    };
    let giver = app.store.giver(key);
    let mut lines = vec![
        Line::styled(format!("{}.{}", key.section, key.name), STRONG),
        Line::from(tr!("In force: {value} ({giver}). Default: {default}", value, giver, default)),
        Line::from(tr!("It takes {allowed}.", allowed = key.allowed)),
        Line::default(),
    ];
    // Wrapped again for the available width.
    let doc = key.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    lines.push(Line::from(doc));
    lines.push(Line::default());
    lines.push(Line::from(format!("[{}] {}", key.section, one_line(section(key.section)))));
    let paragraph = Paragraph::new(Text::from(lines)).wrap(Wrap { trim: true });
    let all = wrapped(&paragraph, area);
    let from = from.min(all.saturating_sub(area.height));
    frame.render_widget(paragraph.scroll((from, 0)), area);
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns how many lines a paragraph takes in an area of that width.
fn wrapped(paragraph: &Paragraph, area: Rect) -> u16 {
    const MOST: u16 = 200;
    let all = Rect::new(0, 0, area.width, MOST);
    let mut buffer = ratatui::buffer::Buffer::empty(all);
    ratatui::widgets::Widget::render(paragraph, all, &mut buffer);
    let is_empty = |row: u16| (0..area.width).all(|x| buffer[(x, row)].symbol().trim().is_empty());
    (0..MOST).rev().find(|row| !is_empty(*row)).map_or(0, |row| row + 1)
}

/// Draws the last message, over the last lines of the list.
fn note(frame: &mut Frame, app: &App, area: Rect) {
    if let Some(notice) = &app.notice {
        let paragraph =
            Paragraph::new(Line::styled(one_line(notice), STRONG)).wrap(Wrap { trim: true });
        let place = last(area, wrapped(&paragraph, area));
        frame.render_widget(Clear, place);
        frame.render_widget(paragraph, place);
    }
}

/// Returns the last rows of an area.
fn last(area: Rect, rows: u16) -> Rect {
    let height = rows.min(area.height);
    Rect { y: area.y + area.height - height, height, ..area }
}

/// Draws the line for the search.
fn search(frame: &mut Frame, app: &App, area: Rect) {
    let Mode::Search(field) = &app.mode else { return };
    typed(frame, tr!("Search: "), field, area);
}

/// Draws an input line after its label, scrolled so that the cursor is visible.
fn typed(frame: &mut Frame, label: &str, field: &Field, area: Rect) {
    let label = Span::raw(label.to_owned());
    let start = u16::try_from(label.width()).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    let [label_area, text_area] =
        Layout::horizontal([Constraint::Length(start), Constraint::Fill(1)]).areas(area);
    let cursor = u16::try_from(Span::raw(field.before()).width()).unwrap_or(u16::MAX);
    let scrolled = cursor.saturating_sub(text_area.width.saturating_sub(1));
    frame.render_widget(Clear, area);
    frame.render_widget(Line::from(label), label_area);
    frame.render_widget(Paragraph::new(field.text().to_owned()).scroll((0, scrolled)), text_area);
    frame.set_cursor_position(Position::new(text_area.x + (cursor - scrolled), area.y));
}

/// Draws the line for a value, with the rejection below it.
fn edit(frame: &mut Frame, key: &Explained, field: &Field, refusal: Option<&str>, area: Rect) {
    let said = refusal.map_or_else(|| tr!("It takes {allowed}.", allowed = key.allowed), one_line);
    let said = Paragraph::new(said).wrap(Wrap { trim: true });
    let place = last(area, wrapped(&said, area) + 2);
    frame.render_widget(Clear, place);
    let [line, input, below] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)])
            .areas(place);
    frame.render_widget(Line::from("─".repeat(line.width.into())), line);
    typed(frame, &format!("{} = ", key.name), field, input);
    frame.render_widget(said, below);
}

/// Draws the words to choose from.
fn choose(
    frame: &mut Frame,
    key: &Explained,
    words: &[String],
    at: usize,
    refusal: Option<&str>,
    area: Rect,
) {
    let said = Paragraph::new(refusal.map(one_line).unwrap_or_default()).wrap(Wrap { trim: true });
    let told = if refusal.is_some() { wrapped(&said, area) } else { 0 };
    let rows = u16::try_from(words.len()).unwrap_or(u16::MAX);
    let place = last(area, rows.saturating_add(told + 2));
    frame.render_widget(Clear, place);
    let [line, title, list, below] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(told),
    ])
    .areas(place);
    frame.render_widget(Line::from("─".repeat(line.width.into())), line);
    frame.render_widget(Line::styled(format!("{}.{}", key.section, key.name), STRONG), title);
    let default = entry::typed(&key.kind, &key.default);
    let items = words.iter().map(|word| {
        let note = if *word == default { tr!(" (default)") } else { "" };
        ListItem::new(format!("  {word}{note}"))
    });
    let mut state = ListState::default().with_selected(Some(at));
    frame.render_stateful_widget(
        List::new(items.collect::<Vec<_>>()).highlight_style(SELECTED),
        list,
        &mut state,
    );
    frame.render_widget(said, below);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{app, press, type_in};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyCode;

    /// Returns the screen as text, a line each.
    fn screen(app: &App, columns: u16, rows: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, app)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..rows).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn holds(screen: &[String], text: &str) -> bool {
        screen.iter().any(|line| line.contains(text))
    }

    #[test]
    fn a_usual_terminal_shows_list_value_giver_and_documentation() {
        let (_folder, mut app) = app("[engine]\nthreads = 2\n");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "engine.threads");
        press(&mut app, &[KeyCode::Enter, KeyCode::Esc]);
        let screen = screen(&app, 80, 24);
        assert!(screen[0].starts_with("v2m settings: /"), "{screen:#?}");
        assert!(holds(&screen, "* threads              2"), "{screen:#?}");
        assert!(holds(&screen, "In force: 2 (the file, line 2). Default: 0"), "{screen:#?}");
        assert!(holds(&screen, "It takes a whole number from 0 to 256."), "{screen:#?}");
        assert!(holds(&screen, "Threads on the processor."), "{screen:#?}");
        assert!(screen[23].starts_with("Enter change"), "{screen:#?}");
    }

    #[test]
    fn each_setting_is_drawn_in_any_size() {
        let (_folder, mut app) = app("");
        for (columns, rows) in [(80, 24), (40, 12), (20, 6), (12, 3), (3, 2), (1, 1), (200, 60)] {
            press(&mut app, &[KeyCode::Home]);
            for _ in 0..app.shown().len() {
                for keys in [
                    &[KeyCode::Enter][..],
                    &[KeyCode::Char('\u{1b}'), KeyCode::Enter],
                    &[KeyCode::Esc, KeyCode::Tab, KeyCode::Down],
                    &[KeyCode::Esc, KeyCode::Char('/')],
                    &[KeyCode::Esc, KeyCode::Down],
                ] {
                    press(&mut app, keys);
                    let screen = screen(&app, columns, rows);
                    assert_eq!(screen.len(), usize::from(rows));
                }
            }
        }
    }

    #[test]
    fn a_refusal_stands_below_what_was_typed() {
        let (_folder, mut app) = app("");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "beam_size");
        press(&mut app, &[KeyCode::Enter, KeyCode::Enter]);
        type_in(&mut app, "9");
        press(&mut app, &[KeyCode::Enter]);
        let screen = screen(&app, 80, 24);
        let at = screen.iter().position(|line| line == "beam_size = 59").unwrap();
        assert!(screen[at + 1].contains("engine.beam_size = 59 is not"), "{screen:#?}");
    }

    #[test]
    fn the_words_to_choose_are_in_sight_with_the_default() {
        let (_folder, mut app) = app("");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "deliver.mode");
        press(&mut app, &[KeyCode::Enter, KeyCode::Enter]);
        for (columns, rows) in [(80, 24), (40, 10)] {
            let screen = screen(&app, columns, rows);
            for word in ["auto (default)", "clipboard", "paste", "type", "none"] {
                assert!(holds(&screen, word), "{word}: {screen:#?}");
            }
        }
    }

    #[test]
    fn long_documentation_is_read_to_its_end_on_a_small_screen() {
        let (_folder, mut app) = app("");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "deliver.mode");
        press(&mut app, &[KeyCode::Enter, KeyCode::Tab]);
        assert!(!holds(&screen(&app, 40, 10), "for one dictation"));
        press(&mut app, &[KeyCode::Down; 40]);
        let end = screen(&app, 40, 10);
        assert!(holds(&end, "[deliver] Where a text goes"), "{end:#?}");
    }

    #[test]
    fn values_cannot_command_the_terminal() {
        let (_folder, mut app) = app("[text.replace]\n\"a\" = \"\\u202e\u{ad}x\"\n");
        press(&mut app, &[KeyCode::Char('/')]);
        type_in(&mut app, "text.replace");
        press(&mut app, &[KeyCode::Enter]);
        assert!(holds(&screen(&app, 80, 60), "* replace"));
        let drawn = screen(&app, 80, 60).join("\n");
        assert!(!drawn.contains('\u{202e}') && !drawn.contains('\u{1b}'));
    }
}
