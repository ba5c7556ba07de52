//! v2m's extension in GNOME Shell 45 and later: the sign, the menu, and reports of the focus. The
//! tests look into the shell with the shell's method Eval, which the extension `test@v2m.org`
//! allows.

pub(crate) mod double;
pub(crate) mod shell;

use super::applications::dictate_with;
use super::desktop::{Desktop, key};
use super::terminals::Terminal;
use super::{lab as machine, outcome};
use crate::lab::{self, Lab, Playing, run, systemctl, try_run, wait_for, words};
use double::Double;
use shell::{Shell, UUID};
use std::collections::HashMap;
use zbus::Variant;

/// The details of a sign.
type Details<'d> = HashMap<&'d str, Variant<'d>>;

fn details<'d>(words: &[(&'d str, &'d str)]) -> Details<'d> {
    words.iter().map(|(key, word)| (*key, Variant::from(*word))).collect()
}

/// Prepares the shell with the extension, and a double of v2m. Returns `None` on GNOME Shell before
/// 45, which does not load the extension.
fn stage() -> Option<(Lab, Desktop, Shell, Double)> {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let shell = Shell::with_extension(&desktop)?;
    let double = Double::start();
    Some((lab, desktop, shell, double))
}

#[test]
fn an_older_gnome_shell_does_not_load_it_and_says_so() {
    let (_lab, desktop) = (Lab::new(), Desktop::new());
    if desktop.version() >= 45 {
        return;
    }
    run("gnome-extensions", &["enable", UUID]);
    let told = wait_for("the extension's state", || {
        let told = run("gnome-extensions", &["info", UUID]);
        told.contains("State: ").then_some(told)
    });
    assert!(told.contains("OUT OF DATE") || told.contains("OUT_OF_DATE"), "{told}");
    assert!(!shell::has_owner("org.v2m.Sign"));
}

#[test]
fn each_state_and_outcome_is_shown_and_the_focus_stays_where_it_is() {
    let Some((_lab, desktop, shell, double)) = stage() else { return };
    let window = desktop.window(true);
    shell.wait_until_hidden();
    double.is("recording");
    shell.wait_for_text("0:0");
    shell.shoot("recording");
    let said = "And so, my fellow Americans, ask not what your country can do for you";
    double.sign("recording", details(&[("title", "Recording"), ("text", said)]));
    // The draft is too long for the sign: its end is shown, from a whole word on.
    let shown = shell.wait_for_text("what your country can do for you");
    let (_, newest) = shown.split_once('…').expect("a cut draft");
    assert!(
        said.split_once(newest).is_some_and(|(left_out, _)| left_out.ends_with(' ')),
        "{shown}"
    );
    shell.shoot("words");
    double.is("transcribing");
    double.sign("transcribing", details(&[("title", "Transcribing")]));
    assert_eq!(shell.wait_for_text("Transcribing"), "Transcribing");
    shell.shoot("transcribing");
    double.sign("rewriting", details(&[("title", "Rewriting")]));
    shell.wait_for_text("Rewriting");
    shell.shoot("rewriting");
    double.is("idle");
    double.sign("delivered", details(&[("title", "Pasted"), ("text", said), ("then", "idle")]));
    assert_eq!(shell.wait_for_text("Pasted"), "Pasted");
    shell.shoot("delivered");
    double.sign("idle", details(&[]));
    // A tick is short, but it is shown for its whole time.
    shell.wait_until_hidden();
    let waits = [
        ("title", "On the clipboard"),
        ("body", "Paste it with ctrl+v."),
        ("place", "clipboard"),
        ("then", "idle"),
    ];
    double.sign("waiting", details(&waits));
    shell.wait_for_text("On the clipboard Paste it with ctrl+v.");
    wait_for("a sign of it in the panel", || (shell.ask("badge()") == "true").then_some(()));
    shell.shoot("waiting");
    let body = "No microphone is connected, or the configured one is missing. Connect it, or choose \
                another one in the menu.";
    let problem = [("title", "No microphone"), ("body", body), ("code", "no_microphone")];
    double.sign("problem", details(&problem));
    shell.wait_for_text(&format!("No microphone {body}"));
    shell.shoot("problem");
    // An unknown sign changes nothing.
    double.sign("sleeping", details(&[]));
    double.is("recording");
    shell.wait_for_text("0:0");
    wait_for("the panel to forget it", || (shell.ask("badge()") == "false").then_some(()));
    assert!(window.is_active(), "the focus was moved");
    assert_eq!(shell.ask("global.stage.key_focus === null"), "true");
    desktop.press(&[key::A]);
    window.wait_for("the key in the window", |text| text.contains('a'));
    shell.assert_no_errors();
}

#[test]
fn an_outcome_beside_a_recording_does_not_hide_it() {
    let Some((_lab, _desktop, shell, double)) = stage() else { return };
    double.is("recording");
    double.sign("recording", details(&[("text", "the second")]));
    shell.wait_for_text("the second");
    double.sign("delivered", details(&[("title", "Pasted"), ("then", "recording")]));
    let shown = shell.wait_for_text("Pasted");
    assert!(shown.starts_with("0:0"), "{shown}");
    shell.shoot("beside");
    shell.wait_for_text("the second");
}

#[test]
fn nothing_of_the_sign_takes_clicks_or_room() {
    let Some((_lab, desktop, shell, double)) = stage() else { return };
    let _window = desktop.window(true);
    let area = "JSON.stringify([global.display.focus_window.get_work_area_current_monitor()]\
                .map(a => [a.x, a.y, a.width, a.height]))";
    let before = shell.ask(area);
    double.is("recording");
    double.sign("recording", details(&[("text", "words")]));
    shell.wait_for_text("words");
    assert_eq!(shell.ask("everything(sign().get_parent()).some(actor => actor.reactive)"), "false");
    assert_eq!(shell.ask(area), before);
    // The pointer reaches what is below the sign.
    let under = "(() => { const [x, y] = sign().get_transformed_position(); \
                 const at = global.stage.get_actor_at_pos(imports.gi.Clutter.PickMode.REACTIVE, x + 20, y + 10); \
                 return everything(sign().get_parent()).includes(at); })()";
    assert_eq!(shell.ask(under), "false");
}

#[test]
fn the_name_is_held_while_the_sign_can_be_seen() {
    let Some((_lab, desktop, shell, double)) = stage() else { return };
    let held = |held: bool| {
        wait_for("the name org.v2m.Sign", || {
            (shell::has_owner("org.v2m.Sign") == held).then_some(())
        });
    };
    held(true);
    desktop.lock(true);
    held(false);
    desktop.lock(false);
    held(true);
    run("gnome-extensions", &["disable", UUID]);
    held(false);
    assert_eq!(shell.ask("sign() === undefined && button() === undefined"), "true");
    let actors = shell.ask("Main.layoutManager.uiGroup.get_n_children()");
    // Disable it repeatedly while it is in use.
    for _ in 0..10 {
        run("gnome-extensions", &["enable", UUID]);
        held(true);
        double.is("recording");
        double.sign("waiting", details(&[("title", "On the clipboard"), ("then", "recording")]));
        shell.wait_for_text("On the clipboard");
        run("gnome-extensions", &["disable", UUID]);
        held(false);
        double.is("idle");
    }
    assert_eq!(shell.ask("Main.layoutManager.uiGroup.get_n_children()"), actors);
    assert_eq!(double.listeners(), 0, "nobody asks for levels any more");
    shell.assert_no_errors();
}

#[test]
fn another_program_that_shows_the_states_is_not_doubled() {
    let Some((_lab, _desktop, shell, double)) = stage() else { return };
    run("gnome-extensions", &["disable", UUID]);
    wait_for("the name", || (!shell::has_owner("org.v2m.Sign")).then_some(()));
    let other = double.take_name("org.v2m.Sign");
    run("gnome-extensions", &["enable", UUID]);
    double.is("recording");
    wait_for("the panel", || {
        (shell.ask("button().accessible_name") == "\"v2m: Recording\"").then_some(())
    });
    assert_eq!(shell.text(), "");
    drop(other);
    shell.wait_for_text("0:0");
}

#[test]
fn screen_readers_are_told_of_each_change_once() {
    let Some((_lab, _desktop, shell, double)) = stage() else { return };
    let mut announced = shell.announcements();
    double.is("recording");
    double.sign("recording", details(&[("title", "Recording"), ("text", "some")]));
    double.sign("recording", details(&[("title", "Recording"), ("text", "some words")]));
    double.sign("transcribing", details(&[("title", "Transcribing")]));
    double.sign("delivered", details(&[("title", "Pasted"), ("text", "some words")]));
    double.sign("problem", details(&[("title", "No microphone"), ("body", "Connect one.")]));
    const POLITE: i32 = 1;
    const ASSERTIVE: i32 = 2;
    for expected in [
        ("Recording", POLITE),
        ("Transcribing", POLITE),
        ("Pasted", POLITE),
        ("No microphone. Connect one.", ASSERTIVE),
    ] {
        let (sentence, politeness) = shell.next_announcement(&mut announced);
        assert_eq!((sentence.as_str(), politeness), expected);
    }
    // Orca announces the role of a notification whenever one is shown, and the sign is always
    // shown, even if transparent.
    let role = "sign().get_accessible().get_role() === imports.gi.Atk.Role.NOTIFICATION";
    assert_eq!(shell.ask(role), "false");
    // An invisible sign contains no text.
    double.sign("idle", details(&[]));
    shell.wait_until_hidden();
    let left = "sign().get_children().map(actor => ['v2m-title', 'v2m-words'].includes(actor.name) ? actor.text : '')\
                .join('')";
    wait_for("the words to go", || (shell.ask(left) == "\"\"").then_some(()));
}

#[test]
fn the_level_of_a_real_recording_moves_and_time_passes() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_extension(&desktop) else { return };
    lab.copies();
    lab.client().ask("START_RECORDING");
    shell.wait_for_text("0:0");
    let playing = Playing::start(&lab::sample());
    let levels =
        "sign().get_child_at_index(1).get_children().map(bar => [bar.scale_y, bar.opacity])";
    let mut seen = std::collections::BTreeSet::new();
    wait_for("the level to move", || {
        seen.insert(shell.ask(levels));
        (seen.len() >= 3).then_some(())
    });
    shell.wait_for_text("0:02");
    shell.shoot("level");
    playing.finish();
    lab.client().ask("STOP_RECORDING");
    shell.wait_for_text_to_go("0:");
    shell.assert_no_errors();
}

#[test]
fn it_survives_the_service_and_does_not_start_it() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_extension(&desktop) else { return };
    lab.client().ask("START_RECORDING");
    shell.wait_for_text("0:0");
    // systemd starts it again; v2m-send repeats a request if its connection was reset.
    systemctl(&["kill", "--signal=KILL", "v2m.service"]);
    shell.wait_until_hidden();
    run("v2m-send", &["start"]);
    shell.wait_for_text("0:0");
    systemctl(&["stop", "v2m.service"]);
    shell.wait_until_hidden();
    // Neither its exit nor opening the menu starts it again.
    shell.open_menu(true);
    shell.open_menu(false);
    assert_eq!(lab::property("v2m.service", "ActiveState"), "inactive");
    // A click starts it.
    shell.choose("Start Dictation");
    shell.wait_for_text("0:0");
    shell.choose("Cancel");
    shell.wait_until_hidden();
    shell.assert_no_errors();
}

#[test]
fn the_menu_copies_earlier_texts_and_changes_settings() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_extension(&desktop) else { return };
    lab.copies();
    lab.dictate();
    desktop.copy("something else");
    shell.open_menu(true);
    wait_for("the text in the menu", || shell.items().contains("country").then_some(()));
    shell.shoot("menu");
    let item = shell.items().lines().find(|item| item.contains("country")).unwrap().to_owned();
    shell.choose(&item);
    wait_for("the text to be copied", || desktop.copied().contains("country").then_some(()));
    let window = desktop.window(true);
    shell.open_menu(true);
    wait_for("the text in the menu", || shell.items().contains("country").then_some(()));
    shell.paste_first();
    window.wait_for("the text in the window", |text| text.contains("country"));
    // Dictated texts do not stay in the menu.
    wait_for("the menu to be emptied", || (!shell.items().contains("country")).then_some(()));
    shell.open_menu(true);
    wait_for("the languages", || shell.items().contains("Spanish").then_some(()));
    shell.choose("Spanish");
    wait_for("the setting", || {
        let file = std::fs::read_to_string(lab.home.join(".config/v2m/config.toml")).ok()?;
        file.contains("language = \"es\"").then_some(())
    });
    shell.assert_no_errors();
}

#[test]
fn nobody_but_v2m_is_told_which_program_has_the_focus() {
    let Some((_lab, desktop, shell, double)) = stage() else { return };
    let window = desktop.window_that(false, "field");
    shell.leave_overview();
    wait_for("the focus", || {
        (shell.ask("global.display.focus_window !== null") == "true").then_some(())
    });
    let (application, class) = double.focused_app().unwrap();
    assert!(class.starts_with("org.v2m.Test"), "{application} {class}");
    // A call from another process.
    let sign = ["org.v2m.Sign", "/org/v2m/Sign", "org.v2m.Sign", "FocusedApp"];
    let refused = try_run("busctl", &[&["--user", "call"], &sign[..]].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("denied"), "{told}");
    drop(window);
}

#[test]
fn a_terminal_that_tells_nothing_is_known_by_the_extension() {
    let (lab, desktop) = machine();
    let Some(shell) = Shell::with_extension(&desktop) else { return };
    shell.leave_overview();
    // Without the key that v2m presses if it does not know the program.
    let foot = ["foot", "-o", "key-bindings.primary-paste=none"];
    let terminal = Terminal::open(&desktop, &foot);
    lab.dictate();
    assert!(!outcome(&lab, "paste").0, "it is known anyway, so this test shows nothing");
    run("v2m-send", &["config", "set", "deliver.focused_program=true"]);
    lab.dictate();
    assert_eq!(outcome(&lab, "paste"), (true, "pasted".to_owned()));
    // Before the text, the line may contain keys that the terminal does not know.
    let line = terminal.take_line(&desktop);
    assert!(words(&line).ends_with(&words(lab::PHRASE)), "{line}");
}

#[test]
fn the_application_with_the_focus_has_its_preset_if_the_extension_may_tell_it() {
    let (lab, desktop) = machine();
    let Some(shell) = Shell::with_extension(&desktop) else { return };
    shell.leave_overview();
    run("v2m-send", &["config", "set", "deliver.mode=clipboard"]);
    // This preset needs no language model, and also shows which application was recognised.
    run("v2m-send", &["config", "set", r#"llm.applications={"foot"="none"}"#]);
    let _terminal = Terminal::open(&desktop, &["foot"]);
    assert_eq!(lab.dictate().get("preset"), None, "it is known anyway");
    run("v2m-send", &["config", "set", "deliver.focused_program=true"]);
    let preset = serde_json::json!({"name": "none", "by": "application", "application": "foot"});
    dictate_with(&lab, &preset);
}
