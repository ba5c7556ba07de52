//! Tests the joining of texts with tables of the last text, the activity since, and the field's
//! report.

use super::between::Log;
use super::*;
use crate::text::Choices;

/// The activity since the last text.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// The exact reports show no activity.
    Nothing,
    /// A key was pressed.
    Key,
    /// The user was active, perhaps with the mouse.
    Active,
    /// The desktop does not report activity.
    Unwatched,
}

fn watch(since: Since, at: Instant) -> Option<InputWatch> {
    let mut log =
        Log::new(if matches!(since, Since::Active) { Grain::Coarse } else { Grain::Exact }, at);
    match since {
        Since::Nothing => {}
        Since::Key | Since::Active => assert!(log.active(at)),
        Since::Unwatched => return None,
    }
    Some(InputWatch::of(log))
}

fn window(id: u32) -> Destination {
    Destination { window: Some(Window { id, class: "Editor".into() }), ..Destination::default() }
}

fn programs(names: &[&str]) -> Destination {
    let focused = Focused {
        programs: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Focused::default()
    };
    Destination::new(None, &focused, &keys())
}

fn keys() -> PasteKeys {
    PasteKeys { terminals: vec!["kitty".into()], ..PasteKeys::default() }
}

fn join_after(seconds: u64, landed: Instant, letters: Letters) -> Join {
    Join {
        rules: Arc::new(Rules::new(Choices::default())),
        language: "en".into(),
        letters,
        asks_field: true,
        presses: ShortcutPresses::default(),
        begun: landed + Duration::from_secs(seconds),
    }
}

/// Returns the second text as joined, after "I think that" in the first place.
fn second(
    places: [Destination; 2],
    since: Since,
    seconds: u64,
    told: Option<&str>,
    letters: Letters,
) -> String {
    let at = Instant::now();
    let [first, now] = places;
    let mut joint = Joint::default();
    joint.landed("I think that", first, None, watch(since, at), at);
    let told = told.map(|told| {
        let (before, after) = told.split_once('|').unwrap();
        Around { before: before.into(), after: Some(after.into()) }
    });
    let join = join_after(seconds, at, letters);
    joint.join("The end.", &join, &now, told.as_ref(), at + Duration::from_secs(seconds + 5))
}

#[test]
fn the_last_text_counts_as_long_as_nothing_was_done_since() {
    for (since, seconds, expected) in [
        (Since::Nothing, 1, " the end."),
        (Since::Nothing, 7_200, " the end."),
        (Since::Key, 1, "The end."),
        (Since::Key, 7_200, "The end."),
        // For a short time, a space is the smaller mistake. A letter is never changed by a guess.
        (Since::Active, 30, " The end."),
        (Since::Active, 31, "The end."),
        (Since::Unwatched, 30, " The end."),
        (Since::Unwatched, 31, "The end."),
    ] {
        let got = second([window(1), window(1)], since, seconds, None, Letters::Fit);
        assert_eq!(got, expected, "{since:?} {seconds} s");
    }
    let kept = second([window(1), window(1)], Since::Nothing, 1, None, Letters::Keep);
    assert_eq!(kept, " The end.");
}

#[test]
fn what_the_field_tells_counts_for_more() {
    let place = || [window(1), window(1)];
    for (since, told, expected) in [
        (Since::Nothing, "I think that|", " the end."),
        (Since::Nothing, "So I think that |", "the end."),
        (Since::Key, "|", "The end."),
        (Since::Key, "No. |", "The end."),
        (Since::Key, "It is|of it", " the end "),
        (Since::Unwatched, "see (|)", "the end."),
        // With no activity since, the last text must be there. So the program reports something
        // else.
        (Since::Nothing, "|", " the end."),
        (Since::Nothing, "No. |", " the end."),
    ] {
        let got = second(place(), since, 7_200, Some(told), Letters::Fit);
        assert_eq!(got, expected, "{since:?} {told:?}");
    }
    let kept = second(place(), Since::Key, 1, Some("It is|"), Letters::Keep);
    assert_eq!(kept, " The end.");
    // The field also counts before the first text.
    let told = Around { before: "It is".into(), after: None };
    let join = join_after(0, Instant::now(), Letters::Fit);
    let first = Joint::default().join("The end", &join, &window(1), Some(&told), Instant::now());
    assert_eq!(first, " the end");
}

#[test]
fn another_place_has_nothing_to_do_with_it() {
    let nobody_tells = Destination::default;
    let silent = || programs(&[]);
    let wide = |window: Destination, programs: Destination| Destination {
        window: window.window,
        ..programs
    };
    for (places, is_joined) in [
        ([window(1), window(1)], true),
        ([window(1), window(2)], false),
        // Places count as the same if nothing shows that they differ.
        ([window(1), nobody_tells()], true),
        ([nobody_tells(), nobody_tells()], true),
        ([silent(), silent()], true),
        ([programs(&["gedit", "gedit-bin"]), programs(&["gedit"])], true),
        ([programs(&["gedit"]), programs(&["kgx"])], false),
        // One program reports about itself, and the other does not.
        ([programs(&["gedit"]), silent()], false),
        ([silent(), programs(&["gedit"])], false),
        // The program has not answered in time.
        ([programs(&["gedit"]), nobody_tells()], true),
        ([wide(window(1), programs(&["gedit"])), wide(window(1), silent())], true),
        ([window(1), Destination { is_password: true, ..window(1) }], false),
        ([Destination { is_password: true, ..window(1) }, window(1)], false),
    ] {
        let shown = format!("{places:?}");
        let got = second(places, Since::Nothing, 1, None, Letters::Fit);
        assert_eq!(got == " the end.", is_joined, "{got:?} in {shown}");
    }
}

#[test]
fn in_a_terminal_no_letter_is_changed() {
    let editor = || Destination::new(window(1).window, &Focused::default(), &keys());
    let by_class = |class: &str| {
        let window = Some(Window { id: 1, class: class.into() });
        Destination::new(window, &Focused::default(), &keys())
    };
    let told = Focused { widget: Widget::Terminal, ..Focused::default() };
    let by_widget = || Destination::new(window(1).window, &told, &keys());
    for (places, expected) in [
        ([editor(), editor()], " the end."),
        ([by_class("Kitty"), by_class("Kitty")], " The end."),
        ([by_widget(), by_widget()], " The end."),
        ([programs(&["kitty"]), programs(&["kitty"])], " The end."),
    ] {
        let shown = format!("{places:?}");
        let got = second(places, Since::Nothing, 1, None, Letters::Fit);
        assert_eq!(got, expected, "{shown}");
    }
}

#[test]
fn a_password_is_joined_to_nothing() {
    let place = || Destination { is_password: true, ..window(1) };
    let got = second([place(), place()], Since::Nothing, 1, Some("I think that|"), Letters::Fit);
    assert_eq!(got, "The end.");
    // A password is not kept either.
    let mut joint = Joint::default();
    let at = Instant::now();
    joint.landed("I think that", window(1), None, None, at);
    joint.landed("hunter2", place(), None, None, at);
    assert!(joint.0.is_none());
}

#[test]
fn how_a_text_ended_is_remembered_with_what_stood_before_it() {
    let at = Instant::now();
    let mut joint = Joint::default();
    let told = Around { before: "He said “".into(), after: None };
    joint.landed("(", window(1), Some(&told), watch(Since::Nothing, at), at);
    let join = join_after(1, at, Letters::Fit);
    assert_eq!(joint.join("The end", &join, &window(1), None, at), "the end");
    // The tail is bounded for a text of any length.
    joint.landed(&"é ".repeat(10_000), window(1), None, watch(Since::Nothing, at), at);
    assert!(joint.0.as_ref().unwrap().tail.chars().count() <= TAIL);
    // After a text that may have arrived only in part, only a space is certain.
    joint.landed("I think that", window(1), None, watch(Since::Nothing, at), at);
    joint.doubt();
    assert_eq!(joint.join("The end", &join, &window(1), None, at), " The end");
}

#[test]
fn programs_may_change_quotes_and_spaces() {
    assert!(ends_alike("He said “no”.", "said \"no\". "));
    assert!(ends_alike("no", "He said no"));
    assert!(ends_alike("whatever", "…"));
    assert!(!ends_alike("", "no"));
    assert!(!ends_alike("He said no", "He said yes"));
}
