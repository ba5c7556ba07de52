//! Tests the detection of the focused widget on the accessibility bus, with doubles of programs.
//!
//! `tests/system/gnome/terminals.rs` tests it with real programs.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use tokio::runtime::Runtime;
use v2m::deliver::{Around, Focused, Observer, Widget};
use v2m_testkit::accessible::{Technologies, Thing, role};
use v2m_testkit::private_bus::PrivateBus;

struct Desktop {
    // Fields are dropped in this order.
    observer: Observer,
    technologies: Option<Technologies>,
    runtime: Runtime,
    bus: PrivateBus,
}

impl Desktop {
    fn start() -> Self {
        let bus = PrivateBus::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let technologies = Technologies::start(&runtime, &bus.address);
        let observer = Observer::on(&bus.address);
        Self { observer, technologies: Some(technologies), runtime, bus }
    }

    fn program(&mut self, name: &str, windows: Vec<Thing>) {
        self.technologies.as_mut().unwrap().program(&self.runtime, name, windows);
    }

    fn look(&mut self) -> Focused {
        let is_terminal = |name: &str| name == "kgx";
        self.runtime.block_on(self.observer.look(is_terminal))
    }

    /// Looks until the result is as expected: on a busy machine the programs' answers may exceed a
    /// look's time limit.
    fn sees(&mut self, widget: Widget, program: &str) {
        for _ in 0..100 {
            let seen = self.look();
            if seen.widget == widget && seen.programs.first().is_some_and(|name| name == program) {
                assert_eq!(seen.silent, None);
                return;
            }
        }
        panic!("{widget:?} of {program} is not seen but {:?}", self.look());
    }
}

impl Desktop {
    /// Reads the text of the field with the keyboard focus.
    fn reads(&mut self) -> Option<Around> {
        for _ in 0..100 {
            if let Some(field) = self.look().field {
                return self.runtime.block_on(self.observer.read(&field));
            }
        }
        panic!("no field is seen but {:?}", self.look());
    }
}

/// Returns a focused window with these objects deep inside.
fn window(inside: Vec<Thing>) -> Thing {
    let deep = (0..8).fold(Thing::new(role::PANEL, inside), |inner, _| {
        Thing::new(role::PANEL, vec![Thing::new(role::PANEL, vec![]), inner])
    });
    Thing::new(role::FRAME, vec![deep]).active()
}

fn field(role: u32) -> Thing {
    Thing::new(role, vec![])
}

#[test]
fn a_terminal_inside_another_programs_window_is_seen() {
    let mut desktop = Desktop::start();
    desktop.program("mail", vec![Thing::new(role::FRAME, vec![field(role::TEXT)])]);
    desktop
        .program("builder", vec![window(vec![field(role::TEXT), field(role::TERMINAL).focused()])]);
    desktop.sees(Widget::Terminal, "builder");
}

#[test]
fn a_text_field_beside_a_terminal_is_none() {
    let mut desktop = Desktop::start();
    desktop
        .program("builder", vec![window(vec![field(role::TERMINAL), field(role::TEXT).focused()])]);
    desktop.sees(Widget::Other, "builder");
}

#[test]
fn a_password_field_is_seen() {
    let mut desktop = Desktop::start();
    // A surrounding object may claim the focus too.
    let around = Thing::new(role::PANEL, vec![field(role::PASSWORD_TEXT).focused()]).focused();
    desktop.program("browser", vec![window(vec![around])]);
    desktop.sees(Widget::Password, "browser");
}

#[test]
fn a_program_that_is_known_as_a_terminal_need_not_say_so() {
    let mut desktop = Desktop::start();
    desktop.program("kgx", vec![window(vec![field(role::PANEL).focused()])]);
    desktop.sees(Widget::Terminal, "kgx");
}

#[test]
fn what_is_not_on_the_screen_does_not_count() {
    let mut desktop = Desktop::start();
    let tab = Thing::new(role::PANEL, vec![field(role::TERMINAL).focused()]).hidden();
    desktop.program("builder", vec![window(vec![tab])]);
    desktop.sees(Widget::Other, "builder");
}

#[test]
fn a_program_that_hangs_keeps_nobody_waiting() {
    let mut desktop = Desktop::start();
    desktop.technologies.as_mut().unwrap().program_that_hangs(&desktop.runtime);
    // No program claims the focus, so the hanging one may have it.
    let seen = desktop.look();
    assert_eq!((seen.widget, seen.programs.len()), (Widget::Unfinished, 0));
    desktop.program("editor", vec![window(vec![field(role::TEXT).focused()])]);
    desktop.sees(Widget::Other, "editor");
}

#[test]
fn where_nobody_has_the_keyboard_the_programs_are_listed_that_tell_nothing() {
    let mut desktop = Desktop::start();
    let own = std::env::current_exe().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let daemon = "dbus-daemon".to_owned();
    let seen = desktop.look();
    assert!(seen.programs.is_empty());
    let silent = seen.silent.unwrap();
    assert!(silent.contains(&own) && silent.contains(&daemon), "{silent:?}");
    // This process also plays the editor, which has listed all its windows.
    desktop.program("editor", vec![Thing::new(role::FRAME, vec![field(role::TEXT)])]);
    let mut looks = (0..100).filter_map(|_| desktop.look().silent);
    let silent = looks.find(|silent| !silent.contains(&own)).unwrap();
    assert!(silent.contains(&daemon), "{silent:?}");
}

#[test]
fn a_window_with_no_end_of_things_in_it_is_not_taken_for_a_field() {
    let mut desktop = Desktop::start();
    let page = (0..1_100).map(|_| field(role::PANEL)).collect();
    desktop.program("browser", vec![window(vec![Thing::new(role::PANEL, page)])]);
    let seen = (0..100).map(|_| desktop.look()).find(|seen| !seen.programs.is_empty()).unwrap();
    assert_eq!((seen.widget, seen.programs[0].as_str()), (Widget::Unfinished, "browser"));
}

#[test]
fn a_desktop_without_assistive_technologies_tells_nothing_and_starts_none() {
    let mut desktop = Desktop::start();
    desktop.technologies = None;
    assert_eq!(desktop.look().widget, Widget::Unknown);
}

#[test]
fn a_bus_that_comes_again_is_found_again() {
    let mut desktop = Desktop::start();
    desktop.program("editor", vec![window(vec![field(role::TEXT).focused()])]);
    desktop.sees(Widget::Other, "editor");
    desktop.technologies = None;
    desktop.bus.restart();
    assert_eq!(desktop.look().widget, Widget::Unknown);
    let address = desktop.bus.address.clone();
    desktop.technologies = Some(Technologies::start(&desktop.runtime, &address));
    desktop.program("browser", vec![window(vec![field(role::PASSWORD_TEXT).focused()])]);
    desktop.sees(Widget::Password, "browser");
}

#[test]
fn a_field_tells_what_is_written_around_the_cursor() {
    let long = "x".repeat(300);
    for (written, before, after) in [
        ("as taken.", "as taken.", Some("")),
        ("as taken.| Or not", "as taken.", Some(" Or not")),
        ("|", "", Some("")),
        ("Grüße 😀|日", "Grüße 😀", Some("日")),
        // The selection will be replaced.
        ("one [two] three", "one ", Some(" three")),
        ("one\n\u{fffc}two|\u{fffc}", "two", None),
        (&format!("{long}|{long}"), &long[..200], Some(&long[..20])),
    ] {
        let mut desktop = Desktop::start();
        let field = field(role::TEXT).with_text(written).focused();
        desktop.program("editor", vec![window(vec![field])]);
        let told = desktop.reads().unwrap();
        assert_eq!((told.before.as_str(), told.after.as_deref()), (before, after), "{written}");
        assert!(!format!("{told:?}").contains('w'), "what is written goes into no log: {told:?}");
    }
}

#[test]
fn what_is_no_text_before_the_cursor_tells_nothing() {
    let mut desktop = Desktop::start();
    let field = field(role::TEXT).with_text("a picture: \u{fffc}|").focused();
    desktop.program("mail", vec![window(vec![field])]);
    assert_eq!(desktop.reads(), None);
}

#[test]
fn a_field_that_does_not_tell_its_text_is_a_field_all_the_same() {
    let mut desktop = Desktop::start();
    desktop.program("editor", vec![window(vec![field(role::TEXT).focused()])]);
    assert_eq!(desktop.reads(), None);
}

#[test]
fn no_password_and_no_terminal_is_read() {
    for role in [role::PASSWORD_TEXT, role::TERMINAL] {
        let mut desktop = Desktop::start();
        let field = field(role).with_text("secret").focused();
        desktop.program("browser", vec![window(vec![field])]);
        let widget = if role == role::TERMINAL { Widget::Terminal } else { Widget::Password };
        desktop.sees(widget, "browser");
        assert_eq!(desktop.look().field, None);
    }
}
