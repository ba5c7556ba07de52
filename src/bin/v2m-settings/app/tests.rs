//! Effects of keys on the screen's state and the file.

use super::*;
use crate::store::tests::store;

/// Returns the program with a configuration of that text.
pub(crate) fn app(text: &str) -> (tempfile::TempDir, App) {
    let (folder, store) = store(text);
    (folder, App::new(store))
}

pub(crate) fn press(app: &mut App, keys: &[KeyCode]) {
    keys.iter().for_each(|code| app.key(KeyEvent::from(*code)));
}

pub(crate) fn type_in(app: &mut App, text: &str) {
    text.chars().for_each(|c| press(app, &[KeyCode::Char(c)]));
}

fn name(app: &App) -> String {
    let (_, key) = app.selected().unwrap();
    format!("{}.{}", key.section, key.name)
}

fn file(app: &App) -> String {
    std::fs::read_to_string(app.store.path()).unwrap()
}

#[test]
fn a_setting_is_found_by_the_words_of_its_documentation() {
    let (_folder, mut app) = app("");
    let all = app.shown().len();
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "hypotheses DECODER");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(name(&app), "engine.beam_size");
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!((app.shown().len(), app.is_over), (all, false), "Escape ends the search first");
    assert_eq!(name(&app), "engine.beam_size", "and the selection stays");
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "mode");
    assert_eq!(name(&app), "trigger.mode", "not engine.model, which has the word too");
    press(&mut app, &[KeyCode::Esc, KeyCode::Char('/')]);
    type_in(&mut app, "nothing has this");
    assert!(app.shown().is_empty() && app.selected().is_none());
    press(&mut app, &[KeyCode::Enter, KeyCode::Enter, KeyCode::Down, KeyCode::Delete]);
    press(&mut app, &[KeyCode::Esc, KeyCode::Esc]);
    assert!(app.is_over);
}

#[test]
fn an_invalid_value_keeps_what_was_typed_and_says_why() {
    let (_folder, mut app) = app("");
    app.search_for("engine.threads".into());
    press(&mut app, &[KeyCode::Enter, KeyCode::Backspace]);
    type_in(&mut app, "999");
    press(&mut app, &[KeyCode::Enter]);
    let Mode::Edit { field, refusal: Some(why), .. } = &app.mode else { panic!("{:?}", app.mode) };
    assert_eq!(field.text(), "999");
    assert!(why.contains("a whole number from 0 to 256"), "{why}");
    assert_eq!(file(&app), "");
    press(&mut app, &[KeyCode::Backspace, KeyCode::Enter]);
    assert_eq!(app.mode, Mode::List);
    assert!(file(&app).contains("threads = 99\n"), "{}", file(&app));
}

#[test]
fn words_are_chosen_and_reset() {
    let (_folder, mut app) = app("# mine\n[deliver]\nmode = \"paste\" # so\n");
    app.search_for("deliver.mode".into());
    press(&mut app, &[KeyCode::Enter]);
    let Mode::Choose { words, at, .. } = &app.mode else { panic!("{:?}", app.mode) };
    assert_eq!((words[*at].as_str(), words.len()), ("paste", 5));
    press(&mut app, &[KeyCode::Up, KeyCode::Enter]);
    assert_eq!(file(&app), "# mine\n[deliver]\nmode = \"clipboard\" # so\n");
    press(&mut app, &[KeyCode::Char('r')]);
    assert_eq!(file(&app), "# mine\n[deliver]\n");
    assert!(app.notice.as_ref().unwrap().contains("back at its default"));
}

#[test]
fn a_change_by_an_editor_while_a_value_is_typed_is_told_and_not_overwritten() {
    let (_folder, mut app) = app("[engine]\nthreads = 2\n");
    app.search_for("engine.threads".into());
    press(&mut app, &[KeyCode::Enter]);
    let theirs = "[engine]\nthreads = 5\n";
    std::fs::write(app.store.path(), theirs).unwrap();
    type_in(&mut app, "1");
    press(&mut app, &[KeyCode::Enter]);
    let Mode::Edit { field, refusal: Some(why), .. } = &app.mode else { panic!("{:?}", app.mode) };
    assert_eq!(field.text(), "21");
    assert!(why.contains("changed the file meanwhile"), "{why}");
    assert_eq!(file(&app), theirs);
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(file(&app), "[engine]\nthreads = 21\n");
}

#[test]
fn a_change_that_was_taken_in_while_a_value_is_typed_is_not_overwritten() {
    let (_folder, mut app) = app("[engine]\nthreads = 2\n");
    app.search_for("engine.threads".into());
    press(&mut app, &[KeyCode::Enter]);
    let theirs = "[engine]\nthreads = 5\n";
    std::fs::write(app.store.path(), theirs).unwrap();
    assert!(app.look());
    type_in(&mut app, "1");
    press(&mut app, &[KeyCode::Enter]);
    let Mode::Edit { field, refusal: Some(why), .. } = &app.mode else { panic!("{:?}", app.mode) };
    assert_eq!(field.text(), "21", "what was typed is kept");
    assert!(why.contains("changed the file meanwhile"), "{why}");
    assert_eq!(file(&app), theirs);
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(file(&app), "[engine]\nthreads = 21\n", "once it was told");
}

#[test]
fn another_programs_change_elsewhere_stops_no_value_that_is_typed() {
    let (_folder, mut app) = app("[engine]\nthreads = 2\n");
    app.search_for("engine.threads".into());
    press(&mut app, &[KeyCode::Enter]);
    std::fs::write(app.store.path(), "[engine]\nthreads = 2\nbeam_size = 3\n").unwrap();
    assert!(app.look());
    type_in(&mut app, "1");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(file(&app), "[engine]\nthreads = 21\nbeam_size = 3\n");
}

/// The search includes values: another program's change may remove a setting from the list.
#[test]
fn the_setting_that_is_changed_is_the_one_on_the_screen() {
    let theirs = "[engine]\nvocabulary = [\"zebra\"]\n[capture]\nsource = \"horse\"\n";
    let (_folder, mut app) = app(&theirs.replace("horse", "zebra"));
    app.search_for("zebra".into());
    app.at = app.shown().iter().position(|key| key.name == "source").unwrap();
    press(&mut app, &[KeyCode::Enter]);
    std::fs::write(app.store.path(), theirs).unwrap();
    assert!(app.look());
    assert_eq!(name(&app), "engine.vocabulary", "all that the search still finds");
    assert_eq!(app.looked_at().unwrap().name, "source", "but this one is being changed");
    type_in(&mut app, "s");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(file(&app), theirs, "its value has changed");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(file(&app), theirs.replace("horse", "zebras"));
}

#[test]
fn the_selection_stays_when_the_list_changes() {
    let (_folder, mut app) = app("[engine]\nvocabulary = [\"zebra\"]\n");
    app.search_for("zebra".into());
    std::fs::write(
        app.store.path(),
        "[engine]\nmodel = \"zebra\"\nvocabulary = [\"zebra\"]\n[capture]\nsource = \"zebra\"\n",
    )
    .unwrap();
    assert_eq!(name(&app), "engine.vocabulary");
    assert!(app.look());
    assert!(app.shown().len() > 1);
    assert_eq!(name(&app), "engine.vocabulary");
}

#[test]
fn a_list_is_typed_with_commas_and_pasted_lines_are_one() {
    let (_folder, mut app) = app("");
    app.search_for("engine.vocabulary".into());
    press(&mut app, &[KeyCode::Enter]);
    app.paste("PipeWire,\nAna María");
    press(&mut app, &[KeyCode::Enter]);
    assert!(file(&app).contains("vocabulary = [\"PipeWire\", \"Ana María\"]"), "{}", file(&app));
}

#[test]
fn keys_at_the_ends_stay_there() {
    let (_folder, mut app) = app("");
    press(&mut app, &[KeyCode::Up, KeyCode::PageUp]);
    assert_eq!(name(&app), "engine.model");
    press(&mut app, &[KeyCode::End, KeyCode::Down, KeyCode::PageDown]);
    assert_eq!(name(&app), "log.level");
    press(&mut app, &[KeyCode::Tab, KeyCode::Down, KeyCode::Down, KeyCode::Up]);
    assert_eq!(app.mode, Mode::Details(1));
    press(&mut app, &[KeyCode::Esc, KeyCode::Home]);
    assert_eq!(name(&app), "engine.model");
    app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(app.is_over);
}
