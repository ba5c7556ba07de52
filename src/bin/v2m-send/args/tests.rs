//! Tests of command lines.

use super::*;

fn parsed(line: &str) -> Result<Invocation, String> {
    let args = line.split_whitespace().map(|word| word.replace('_', " "));
    parse(lexopt::Parser::from_args(args)).map_err(|trouble| match trouble {
        SendError::Usage(what) => what,
        other => panic!("{other:?}"),
    })
}

fn action(line: &str) -> Action {
    parsed(line).unwrap().action
}

#[test]
fn options_may_stand_anywhere() {
    let expected = Invocation { json: true, action: Action::Ask(Command::GetStatus) };
    assert_eq!(parsed("--json status"), Ok(expected));
    assert!(parsed("status --json").unwrap().json);
    assert_eq!(action("stop --help"), Action::Help);
}

#[test]
fn the_last_text_is_asked_for_without_more_words() {
    assert_eq!(action("last"), Action::Ask(Command::LastText));
    assert!(parsed("last 2").unwrap_err().contains("unexpected argument"));
}

#[test]
fn a_dictation_to_try_again_is_the_last_one_or_has_a_number() {
    let retry = |number, model: Option<&str>, language: Option<&str>| {
        let (model, language) = (model.map(Into::into), language.map(Into::into));
        Action::Ask(Command::RetryRecording { number, model, language })
    };
    assert_eq!(action("retry"), retry(1, None, None));
    assert_eq!(action("retry last -l es"), retry(1, None, Some("es")));
    assert_eq!(action("retry 3 --model tiny"), retry(3, Some("tiny"), None));
    for wrong in ["retry 0", "retry -1", "retry first", "retry 1 2", "last --model tiny"] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_state_has_forms_of_its_own() {
    assert_eq!(action("status"), Action::Ask(Command::GetStatus));
    let format = SummaryFormat::Json;
    assert_eq!(action("status --format json"), Action::Status { format });
    let format = SummaryFormat::Waybar;
    assert_eq!(action("watch -f waybar"), Action::Follow { format });
    for wrong in [
        "status -f srt",
        "watch state -f text",
        "transcribe a.wav -f waybar",
        "--json status -f text",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn kept_dictations_are_named_by_last_a_number_or_an_id() {
    let filter = |search: Option<&str>, since: Option<&str>| Filter {
        search: search.map(Into::into),
        since: since.map(Into::into),
    };
    let history = |filter, most| Action::History { filter, most };
    assert_eq!(action("history"), history(filter(None, None), 20));
    let some = history(filter(Some("two words"), Some("2h")), 5);
    assert_eq!(action("history 5 -s two_words --since 2h"), some);
    assert_eq!(action("show last"), Action::Show(Which::Number(1)));
    let id = "20261121T101010.000Z-1";
    assert_eq!(action(&format!("play {id}")), Action::Play(Which::Id(id.into())));
    let to = |deliver| Action::Redeliver { which: Which::Number(3), deliver };
    assert_eq!(action("copy 3"), to(Deliver::Clipboard));
    assert_eq!(action("paste 3"), to(Deliver::Paste));
    let which = vec![Which::Number(2), Which::Id(id.into())];
    assert_eq!(action(&format!("delete 2 {id}")), Action::Delete { which, is_sure: false });
    assert_eq!(action("delete --all -y"), Action::Delete { which: vec![], is_sure: true });
    let directory = "there".into();
    let export = Export { directory, filter: filter(Some("x"), None) };
    assert_eq!(action("export there --search x"), Action::Export(export));
    for wrong in [
        "history 0",
        "history all",
        "show",
        "show 0",
        "show 1 2",
        "copy",
        "paste",
        "play",
        "delete",
        "delete 1 --all",
        "export",
        "export a b",
        "last --search x",
        "cancel --all",
        "cancel --yes",
        "--json play 1",
        "--json export there",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

fn process(text: TextInput) -> Action {
    Action::Process { text, instruction: None, preset: None, deliver: None }
}

#[test]
fn a_text_is_the_words_or_standard_input() {
    assert_eq!(action("process a b"), process(TextInput::Given("a b".into())));
    assert_eq!(action("process"), process(TextInput::StandardInput));
    assert_eq!(action("process -- -i"), process(TextInput::Given("-i".into())));
    assert_eq!(
        action("process -i to_list -p notes -"),
        Action::Process {
            text: TextInput::StandardInput,
            instruction: Some("to list".into()),
            preset: Some("notes".into()),
            deliver: None
        }
    );
    let text = TextInput::Given("x".into());
    let to = Some("de".into());
    assert_eq!(
        action("translate x --to=de"),
        Action::Translate { text, target_lang: to, deliver: None }
    );
}

#[test]
fn a_text_may_lie_on_the_clipboard_or_be_the_last_dictations() {
    assert_eq!(action("process --clipboard"), process(TextInput::Clipboard));
    assert_eq!(
        action("translate --last -d paste"),
        Action::Translate {
            text: TextInput::Last,
            target_lang: None,
            deliver: Some(Deliver::Paste)
        }
    );
}

#[test]
fn rules_are_tried_on_a_text() {
    let text = TextInput::Given("a new line".into());
    let language = Some("en".into());
    assert_eq!(action("rules test -l en a new line"), Action::TestRules { text, language });
    let nothing = Action::TestRules { text: TextInput::StandardInput, language: None };
    assert_eq!(action("rules test"), nothing);
}

#[test]
fn one_dictation_may_go_elsewhere_and_be_rewritten() {
    let wishes = |deliver, preset: Option<&str>| {
        let preset = preset.map(Into::into);
        Wishes { deliver, preset, ..Wishes::default() }
    };
    let spanish = || Wishes { language: Some("es".into()), ..Wishes::default() };
    let continuous = Wishes { continuous: true, ..Wishes::default() };
    assert_eq!(action("toggle --continuous"), Action::Ask(Command::ToggleRecording(continuous)));
    assert!(parsed("stop --continuous").unwrap_err().contains("toggle and start"));
    for (line, expected) in [
        ("toggle --deliver paste", Command::ToggleRecording(wishes(Some(Deliver::Paste), None))),
        ("-d paste stop", Command::StopRecording(wishes(Some(Deliver::Paste), None))),
        ("start", Command::StartRecording(wishes(None, None))),
        ("toggle --preset email", Command::ToggleRecording(wishes(None, Some("email")))),
        ("toggle --language es", Command::ToggleRecording(spanish())),
        ("start -l es", Command::StartRecording(spanish())),
        ("-l es stop", Command::StopRecording(spanish())),
    ] {
        assert_eq!(action(line), Action::Ask(expected), "{line}");
    }
}

#[test]
fn a_sound_track_is_a_number() {
    let track = |line: &str| match action(line) {
        Action::Transcribe(wanted) => wanted.track,
        other => panic!("{other:?}"),
    };
    assert_eq!(track("transcribe a.mkv"), None);
    assert_eq!(track("transcribe --track 2 a.mkv b.mkv"), Some(2));
}

#[test]
fn events_are_all_or_those_named() {
    assert_eq!(action("watch"), Action::Watch { events: EventName::ALL.to_vec() });
    assert_eq!(action("watch level"), Action::Watch { events: vec![EventName::Level] });
}

#[test]
fn what_makes_no_sense_is_said() {
    for (line, word) in [
        ("", "command"),
        ("dance", "dance"),
        ("stop now", "now"),
        ("--loud stop", "--loud"),
        ("stop --to de", "translate"),
        ("translate -i x y", "process"),
        ("transcribe", "FILE"),
        ("transcribe -", "path"),
        ("transcribe a --format docx", "vtt"),
        ("transcribe a b -f srt", "--output"),
        ("transcribe a --json -f json", "--json"),
        ("transcribe x/a.wav y/a.mp3 -o out", "a.txt"),
        ("ping -f txt", "transcribe"),
        ("status -f txt", "waybar"),
        ("status --track 1", "transcribe"),
        ("transcribe a --track 0", "first sound track is 1"),
        ("transcribe a --track es", "first sound track is 1"),
        ("status --deliver paste", "toggle"),
        ("toggle --deliver there", "clipboard"),
        ("status --preset email", "toggle"),
        ("toggle --clipboard", "process"),
        ("process --clipboard --last", "not both"),
        ("process --last words", "no other"),
        ("rules", "test"),
        ("rules drop", "drop"),
        ("status -l en", "rules"),
        ("config", "get"),
        ("config drop", "drop"),
        ("config set", "SECTION.KEY=VALUE"),
        ("config get a b", "b"),
        ("watch weather", "heartbeat"),
    ] {
        let said = parsed(line).unwrap_err();
        assert!(said.contains(word), "{line}: {said}");
    }
}
