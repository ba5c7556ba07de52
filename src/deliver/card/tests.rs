//! Tests the wording of notifications, the order of their parts, and how long they stay.

use super::*;

fn card(notice: Notice) -> Card {
    notice.card().unwrap()
}

fn delivery(ok: bool, detail: &str) -> Delivery {
    Delivery { by: "paste", backend: None, ok, detail: detail.into() }
}

/// Regression: the message about a failed paste hid that part of the recording was missing.
#[test]
fn what_a_text_lacks_is_told_even_if_the_text_did_not_arrive() {
    let failed = Delivery {
        by: "paste",
        backend: None,
        ok: false,
        detail: "not pasted: no window took it; press ctrl+v where you want it".into(),
    };
    let gap =
        Failure::new(Code::AudioGap, "missing").in_brief("1.2 s are missing", "Say it again.");
    let card = text(vec![failed], vec![gap]);
    for part in ["1.2 s are missing. Say it again.", "Grüße"] {
        assert!(card.body.contains(part), "{}", card.body);
    }
}

fn text(deliveries: Vec<Delivery>, problems: Vec<Failure>) -> Card {
    card(Notice::Text { text: "Grüße".into(), deliveries, problems, hint: None })
}

#[test]
fn a_text_that_arrives_while_the_next_is_recorded_leaves_the_sign_for_that() {
    let text = format!("Grüße {}", "x".repeat(MAX_GROWING));
    let place = "on the clipboard".to_owned();
    let card = Notice::RecordingNext { text, place }.card().unwrap();
    assert_eq!((card.summary.as_str(), card.stay), ("Recording", Stay::WhileTrue));
    assert!(card.body.starts_with("On the clipboard: Grüße x"), "{}", card.body);
    assert!(card.body.ends_with('…') && card.body.chars().count() == MAX_GROWING + 1);
}

#[test]
fn long_texts_are_cut_between_characters() {
    let shown = shortened(&"ñ日".repeat(MAX_BODY));
    assert_eq!(shown.chars().count(), MAX_BODY + 1);
    assert!(shown.ends_with('…'));
    assert_eq!(shortened(" “€5” "), "“€5”");
}

#[test]
fn of_a_growing_text_the_end_is_shown() {
    let notice = Notice::Recording {
        so_far: Some(format!("{}last ñ日", "x".repeat(MAX_GROWING))),
        stops_after: None,
    };
    let body = card(notice).body;
    assert_eq!(body.chars().count(), MAX_GROWING + 1);
    assert!(body.starts_with('…') && body.ends_with("last ñ日"));
    let silent = |stops_after| card(Notice::Recording { so_far: None, stops_after }).body;
    assert_eq!(silent(None), "Speak now. Press the shortcut again to stop.");
    let stops = silent(Some(Duration::from_millis(2_500)));
    assert_eq!(stops, "Speak now. 2.5 s of silence end the recording.");
}

#[test]
fn a_problem_has_its_cause_as_title_and_its_remedy_first() {
    let failure = Failure::new(Code::NoMicrophone, "cannot record: there is no microphone")
        .in_brief("No microphone", "Connect one.");
    let failure = Failure { text: Some("dear all".into()), ..failure };
    let shown = card(Notice::Problem(failure));
    assert_eq!(shown.summary, "No microphone");
    assert_eq!(shown.body, "Connect one.\ndear all");
    assert_eq!(shown.urgency, Urgency::Critical);
}

#[test]
fn a_problem_without_few_words_has_its_codes_title() {
    let shown = card(Notice::Problem(Failure::new(Code::Paused, "resume it.")));
    assert_eq!(
        (shown.summary.as_str(), shown.body.as_str()),
        ("Dictation is paused", "Resume it.")
    );
}

#[test]
fn the_set_up_is_offered_where_no_dictation_is_possible_for_want_of_a_model() {
    let action = |failure| card(Notice::Problem(failure)).action;
    let missing = Failure::new(Code::ModelMissing, "a");
    assert_eq!(action(missing.clone()), None, "of one dictation");
    assert_eq!(action(missing.lasting()), Some(Action::SetUp));
    assert_eq!(action(Failure::new(Code::BadConfig, "a").lasting()), None);
}

#[test]
fn only_what_lasts_and_is_seen_mended_stays() {
    let stay = |failure| card(Notice::Problem(failure)).stay;
    let once = Failure::new(Code::EngineFailed, "a");
    assert_eq!(stay(once.clone()), Stay::ThenListed(TO_READ), "of one recording");
    assert_eq!(stay(once.lasting()), Stay::UntilMended(Code::EngineFailed));
    assert_eq!(stay(Failure::new(Code::NoSpeech, "a")), Stay::ThenGone(IN_PASSING));
    assert_eq!(stay(Failure::new(Code::NoMicrophone, "a")), Stay::ThenListed(TO_READ));
}

#[test]
fn a_text_that_arrived_is_the_body_under_its_place() {
    let shown = text(vec![delivery(true, "on the clipboard")], vec![]);
    assert_eq!((shown.summary.as_str(), shown.body.as_str()), ("On the clipboard", "Grüße"));
    assert_eq!(shown.urgency, Urgency::Normal);
}

#[test]
fn a_hint_is_below_the_text_and_a_long_text_leaves_it_room() {
    let shown = |text: &str| {
        let deliveries = vec![delivery(true, "on the clipboard; the desktop would ask")];
        let (problems, hint) = (Vec::new(), Some("Do this.".to_owned()));
        card(Notice::Text { text: text.into(), deliveries, problems, hint })
    };
    let short = shown("Grüße");
    assert_eq!(short.summary, "On the clipboard");
    assert_eq!(short.body, "Grüße\nDo this.");
    assert!(shown(&"ñ".repeat(MAX_BODY)).body.ends_with("…\nDo this."));
}

#[test]
fn a_text_that_did_not_arrive_says_why_and_what_to_do_before_the_text() {
    let failed = delivery(false, "not pasted: no window took it; press Ctrl+V. Always? See x");
    let shown = text(vec![failed, delivery(true, "on the clipboard")], vec![]);
    assert_eq!(shown.summary, "Not pasted: no window took it");
    assert_eq!(shown.body, "On the clipboard: press Ctrl+V.\nGrüße\nAlways? See x");
    assert_eq!(shown.urgency, Urgency::Critical);
    let long = "no display that could be reached was set when the service started";
    let failed = delivery(false, &format!("not on the clipboard: {long}. Log in again"));
    let shown = text(vec![failed], vec![]);
    assert_eq!(shown.summary, "Not on the clipboard");
    let body = format!("Log in again.\nPrint the text: v2m-send last\nGrüße\nN{}", &long[1..]);
    assert_eq!(shown.body, body);
}

#[test]
fn what_went_wrong_on_the_way_is_told_before_the_text_and_its_place() {
    let gone = Failure::new(Code::NoMicrophone, "x").in_brief("It is gone", "Reconnect it.");
    let shown = text(vec![delivery(true, "pasted")], vec![gone]);
    assert_eq!(shown.summary, "It is gone");
    assert_eq!(shown.body, "Reconnect it.\nPasted:\nGrüße");
}

#[test]
fn a_recovered_dictation_says_how_to_get_it_and_whether_it_is_whole() {
    let note = Some("Transcribed again.".to_owned());
    let shown =
        |cut_off| card(Notice::Recovered { text: "Grüße".into(), cut_off, note: note.clone() });
    assert_eq!(shown(true).summary, "Recovered, but the end is missing");
    assert_eq!(shown(false).summary, "Recovered a dictation");
    for cut_off in [true, false] {
        let body = "Print it: v2m-send last\nGrüße\nTranscribed again.";
        assert_eq!(shown(cut_off).body, body);
    }
}

#[test]
fn titles_are_short_enough_to_be_shown() {
    let recovered =
        |cut_off| card(Notice::Recovered { text: String::new(), cut_off, note: None }).summary;
    let recording = Notice::Recording { so_far: None, stops_after: None };
    let transcribing = Notice::Transcribing { so_far: None };
    let going_on = [recording, transcribing, Notice::Rewriting].map(|it| card(it).summary);
    let titles = Code::ALL.map(|code| code.title().to_owned()).into_iter().chain(going_on);
    let titles = titles.chain([recovered(true), recovered(false), text(vec![], vec![]).summary]);
    let spanish = v2m_messages::Catalogue::of("es").unwrap();
    for title in titles {
        // Tests run in English.
        let translated = spanish.text(&title).unwrap();
        for title in [&*title, translated] {
            assert!(title.chars().count() <= MAX_TITLE, "{title}");
        }
    }
}
