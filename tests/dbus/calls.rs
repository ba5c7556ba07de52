//! Tests method calls and their answers.

use crate::house::client::DictationProxy;
use crate::house::{Daemon, WORDS, delivered, error_of, next, soon, status, transcript};
use std::collections::HashMap;
use v2m::call::{
    Answer, Deleted, Deletion, Event, HistoryPage, HistoryQuery, KeptDictation, KeptText,
    Microphone, Redelivery, Request, Retry, TextSource, TextTask, TextWork, Which,
};
use v2m::dbus;
use v2m::session::{Code, Command, DeliverMode, Failure, JobId, State, Wishes};

#[tokio::test]
async fn commands_are_the_daemons_calls_and_a_stop_that_waits_holds_up_nothing() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let stop = tokio::spawn(async move { client.stop().await });
    let stopping = daemon.call().await;
    assert_eq!(stopping.request, Request::Session(Command::Stop));

    let client = daemon.client.clone();
    let toggle = tokio::spawn(async move { client.toggle().await });
    let toggling = daemon.call().await;
    assert_eq!(toggling.request, Request::Session(Command::Toggle));
    let busy = Failure::new(Code::Busy, "A transcription is under way. Wait for it.");
    toggling.reply.send(Err(busy)).unwrap();
    let (name, text) = error_of(soon(toggle).await.unwrap().unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    assert_eq!(text, "A transcription is under way. Wait for it.");

    stopping.reply.send(Ok(transcript(WORDS))).unwrap();
    assert_eq!(soon(stop).await.unwrap().unwrap(), ("idle".to_owned(), WORDS.to_owned()));
}

#[tokio::test]
async fn a_call_that_is_dropped_unanswered_is_an_error_not_silence() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    drop(daemon.call().await);
    let (name, _) = error_of(soon(start).await.unwrap().unwrap_err());
    assert_eq!(name, "org.v2m.Error.Internal");
    daemon.calls.close();
    let (name, _) = error_of(daemon.client.start().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.ShuttingDown");
}

#[tokio::test]
async fn the_bus_shows_and_changes_two_settings_and_no_others() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.settings().await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::GetConfig);
    let config = serde_json::json!({
        "engine": {"language": "es"}, "capture": {"source": "a mic"}, "llm": {"base_url": "x"},
    });
    call.reply.send(Ok(Answer::Config(config))).unwrap();
    let expected = [("language", "es"), ("microphone", "a mic")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(soon(asked).await.unwrap().unwrap(), HashMap::from(expected));

    let client = daemon.client.clone();
    let changes = HashMap::from([("language", "en"), ("microphone", "")]);
    let changed = tokio::spawn(async move { client.change_settings(changes).await });
    let call = daemon.call().await;
    let update = serde_json::json!({"engine": {"language": "en"}, "capture": {"source": ""}});
    assert_eq!(call.request, Request::UpdateConfig(update.as_object().unwrap().clone()));
    let (applied, restart, ignored) = (Vec::new(), Vec::new(), Vec::new());
    call.reply.send(Ok(Answer::ConfigUpdated { applied, restart, ignored })).unwrap();
    soon(changed).await.unwrap().unwrap();

    let sly = HashMap::from([("base_url", "http://elsewhere")]);
    let (name, text) = error_of(daemon.client.change_settings(sly).await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.BadRequest");
    assert!(text.contains("base_url") && text.contains("language, microphone"), "{text}");
    assert!(daemon.calls.try_recv().is_err(), "it did not reach the daemon");
}

#[tokio::test]
async fn microphones_are_told_by_name_and_description() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.microphones().await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::Microphones);
    let one = |name: &str, description: &str| Microphone {
        name: name.to_owned(),
        description: description.to_owned(),
    };
    // What is no plain text would close the connection.
    let all = vec![one("alsa.a", "Built\0in"), one("alsa.\u{1}", "One that cannot be named")];
    call.reply.send(Ok(Answer::Microphones(all))).unwrap();
    let told = soon(asked).await.unwrap().unwrap();
    let [(name, description)] = &told[..] else { panic!("{told:?}") };
    assert!(name == "alsa.a" && description.starts_with("Built"), "{told:?}");
    assert!(!description.contains('\0'));
}

#[tokio::test]
async fn a_press_has_the_options_of_the_socket_and_no_others() {
    let mut daemon = Daemon::start(8).await;
    let options = |pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs.iter().map(|(key, value)| (*key, zbus::Variant::from(*value)));
        pairs.collect::<HashMap<_, _>>()
    };
    let client = daemon.client.clone();
    let mut given = options(&[("language", "es"), ("deliver", "paste"), ("preset", "email")]);
    given.insert("continuous", true.into());
    let start = tokio::spawn(async move { client.start_with(given).await });
    let call = daemon.call().await;
    let wishes = Wishes {
        deliver: Some(DeliverMode::Paste),
        preset: Some("email".into()),
        language: Some("es".into()),
        continuous: true,
    };
    assert_eq!(call.request, Request::Dictation(Command::Start, wishes));
    call.reply.send(Ok(Answer::State { state: State::Recording, message: None })).unwrap();
    assert_eq!(soon(start).await.unwrap().unwrap(), "recording");

    for (given, word) in [
        (options(&[("deliver", "elsewhere")]), "clipboard, paste"),
        (options(&[("langauge", "es")]), "langauge"),
        (HashMap::from([("language", zbus::Variant::from(7_u32))]), "must be a string"),
    ] {
        let (name, text) = error_of(daemon.client.toggle_with(given).await.unwrap_err());
        assert_eq!(name, "org.v2m.Error.BadRequest");
        assert!(text.contains(word), "{text}");
    }
    assert!(daemon.calls.try_recv().is_err(), "none of them reached the daemon");
}

#[tokio::test]
async fn a_relative_path_is_refused_before_it_reaches_the_daemon() {
    let mut daemon = Daemon::start(8).await;
    let (name, text) = error_of(daemon.client.transcribe_file("x.wav").await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.BadRequest");
    assert!(text.contains("absolute"), "{text}");
    assert!(daemon.calls.try_recv().is_err());

    let client = daemon.client.clone();
    let transcribe = tokio::spawn(async move { client.transcribe_file("/tmp/x.wav").await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::TranscribeFile { path: "/tmp/x.wav".into(), track: None });
    call.reply.send(Ok(transcript(WORDS))).unwrap();
    assert_eq!(soon(transcribe).await.unwrap().unwrap().1, WORDS);
}

#[tokio::test]
async fn a_dictation_is_transcribed_once_more_with_what_is_given() {
    let mut daemon = Daemon::start(8).await;
    for (model, language, request) in [
        ("", " ", Retry { number: 2, model: None, language: None }),
        (
            "tiny",
            "es",
            Retry { number: 2, model: Some("tiny".into()), language: Some("es".into()) },
        ),
    ] {
        let client = daemon.client.clone();
        let retry = tokio::spawn(async move { client.retry(2, model, language).await });
        let call = daemon.call().await;
        assert_eq!(call.request, Request::Retry(request));
        call.reply.send(Ok(transcript(WORDS))).unwrap();
        assert_eq!(soon(retry).await.unwrap().unwrap(), ("idle".to_owned(), WORDS.to_owned()));
    }
}

#[tokio::test]
async fn kept_dictations_are_listed_read_delivered_and_deleted() {
    let mut daemon = Daemon::start(8).await;
    let kept = |number| KeptDictation {
        number,
        id: format!("20261121T101010.000Z-{number}"),
        started_at: "2026-11-21T11:10:10+01:00".into(),
        seconds: 2.5,
        language: None,
        state: "delivered",
        first_words: "Hi.".into(),
        deliveries: Vec::new(),
        problem: None,
        audio_path: None,
    };
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.history("", "yesterday", "", 0).await });
    let call = daemon.call().await;
    let query =
        HistoryQuery { search: None, since: Some("yesterday".into()), before: None, limit: 20 };
    assert_eq!(call.request, Request::List(query));
    let page = HistoryPage { dictations: vec![kept(1), kept(2)], has_more: true };
    call.reply.send(Ok(Answer::History(page))).unwrap();
    let (listed, more) = soon(asked).await.unwrap().unwrap();
    assert!(more && listed.len() == 2 && !listed[0].contains_key("language"));
    assert_eq!(u32::try_from(listed[1]["number"].clone()), Ok(2));

    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.get_dictation("last").await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::Show(Which::Number(1)));
    let text = KeptText {
        dictation: kept(1),
        text: Some(WORDS.into()),
        unrefined: None,
        preset: None,
        segments: Vec::new(),
        earlier: vec!["before".into()],
    };
    call.reply.send(Ok(Answer::Dictation(Box::new(text)))).unwrap();
    let told = soon(asked).await.unwrap().unwrap();
    assert_eq!(String::try_from(told["text"].clone()).unwrap(), WORDS);

    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.deliver_dictation("2", "paste").await });
    let call = daemon.call().await;
    let redelivery = Redelivery { which: Which::Number(2), deliver: DeliverMode::Paste };
    assert_eq!(call.request, Request::Redeliver(redelivery));
    let delivery = |by, ok, detail: &str| v2m::session::Delivery {
        by,
        backend: None,
        ok,
        detail: detail.into(),
    };
    let deliveries = vec![
        delivery("paste", false, "not pasted"),
        delivery("clipboard", true, "on the clipboard"),
        delivery("notification", true, "shown"),
    ];
    let text = WORDS.to_owned();
    call.reply
        .send(Ok(Answer::Text { state: State::Idle, text, original: None, deliveries }))
        .unwrap();
    assert_eq!(soon(asked).await.unwrap().unwrap(), (true, "on the clipboard".to_owned()));

    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.delete_dictations("all").await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::Delete(Deletion::All));
    let kept = vec![("id".to_owned(), "why".to_owned())];
    let deleted = Deleted { deleted: 3, without_text: 1, kept: kept.clone() };
    call.reply.send(Ok(Answer::Deleted(deleted))).unwrap();
    assert_eq!(soon(asked).await.unwrap().unwrap(), (3, kept));

    let client = &daemon.client;
    for refused in [
        client.history("", "", "", 101).await.unwrap_err(),
        client.get_dictation("0").await.unwrap_err(),
        client.deliver_dictation("1", "none").await.unwrap_err(),
        client.delete_dictations("").await.unwrap_err(),
    ] {
        assert_eq!(error_of(refused).0, "org.v2m.Error.BadRequest");
    }
    assert!(daemon.calls.try_recv().is_err());
}

#[tokio::test]
async fn texts_are_the_daemons_work_and_come_back_with_its_errors() {
    let mut daemon = Daemon::start(8).await;
    let given = |task| {
        let source = TextSource::Given("so um".into());
        Request::Text(TextWork { source, task, deliver: None })
    };
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.process_text("so um", "email", "").await });
    let call = daemon.call().await;
    let task = TextTask::Rewrite { instruction: None, preset: Some("email".into()) };
    assert_eq!(call.request, given(task));
    let text = Answer::Text {
        state: State::Idle,
        text: "So.".into(),
        original: None,
        deliveries: Vec::new(),
    };
    call.reply.send(Ok(text)).unwrap();
    assert_eq!(soon(asked).await.unwrap().unwrap(), ("idle".to_owned(), "So.".to_owned()));

    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.translate_text("so um", "").await });
    let call = daemon.call().await;
    assert_eq!(call.request, given(TextTask::Translate { into: None }));
    let nobody = Failure::new(Code::LlmUnavailable, "Nobody is there.");
    call.reply.send(Err(nobody)).unwrap();
    let (name, text) = error_of(soon(asked).await.unwrap().unwrap_err());
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("org.v2m.Error.LlmUnavailable", "Nobody is there.\nso um")
    );
    let (name, _) = error_of(daemon.client.translate_text(" ", "de").await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.NoText");
}

/// Regression: work continued for hours for a program that had ended.
#[tokio::test]
async fn work_for_a_caller_that_leaves_the_bus_ends() {
    let mut daemon = Daemon::start(8).await;
    let asked: [fn(DictationProxy<'static>) -> tokio::task::JoinHandle<()>; 3] = [
        |client| tokio::spawn(async move { drop(client.transcribe_file("/tmp/x.wav").await) }),
        |client| tokio::spawn(async move { drop(client.process_text("so um", "", "").await) }),
        |client| tokio::spawn(async move { drop(client.translate_text("so um", "de").await) }),
    ];
    for ask in asked {
        let client = daemon.another().await;
        let waiting = ask(client.clone());
        let mut call = daemon.call().await;
        assert!(!call.reply.is_closed());
        client.inner().connection().clone().close().await.unwrap();
        soon(call.reply.closed()).await;
        waiting.abort();
    }
    // A dictation is transcribed even if its caller has left.
    let client = daemon.another().await;
    let stop = {
        let client = client.clone();
        tokio::spawn(async move { drop(client.stop().await) })
    };
    let stopping = daemon.call().await;
    let mut others = daemon.client.inner().receive_all_signals().await.unwrap();
    client.inner().connection().clone().close().await.unwrap();
    stop.abort();
    daemon.events.send(delivered()).unwrap();
    next(&mut others).await;
    assert!(!stopping.reply.is_closed());
}

#[tokio::test]
async fn more_calls_than_the_socket_has_connections_are_refused() {
    let mut daemon = Daemon::start(8).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let client = daemon.client.clone();
        let asked = tokio::spawn(async move { client.stop().await });
        waiting.push((asked, daemon.call().await));
    }
    let (name, _) = error_of(daemon.client.start().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    for (asked, call) in waiting {
        call.reply.send(Ok(transcript(WORDS))).unwrap();
        soon(asked).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn status_is_a_dictionary_without_what_has_no_value() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.status().await });
    let call = daemon.call().await;
    call.reply.send(Ok(Answer::Status(Box::new(status(State::Recording))))).unwrap();
    let told = soon(asked).await.unwrap().unwrap();
    assert_eq!(<&str>::try_from(&*told["state"]).unwrap(), "recording");
    assert_eq!(u32::try_from(&*told["pending"]).unwrap(), 2);
    assert_eq!(<&str>::try_from(&*told["backend"]).unwrap(), "cpu");
    assert_eq!(u64::try_from(&*told["loaded_in_ms"]).unwrap(), 310);
    assert_eq!(<&str>::try_from(&*told["passed_over"]).unwrap(), "cuda: there is no driver");
    assert_eq!(u32::try_from(&*told["gaps"]).unwrap(), 2);
    assert_eq!(f64::try_from(&*told["missing_s"]).unwrap().to_bits(), 1.5_f64.to_bits());
    assert!(!bool::try_from(&*told["realtime"]).unwrap());
    assert!(!told.contains_key("gpu") && !told.contains_key("problem"));
}

#[tokio::test]
async fn introspection_tells_what_there_is_and_what_it_does() {
    let daemon = Daemon::start(8).await;
    let connection = daemon.bus.builder().build().await.unwrap();
    let reply = connection
        .call_method(
            Some(dbus::NAME),
            dbus::PATH,
            Some("org.freedesktop.DBus.Introspectable"),
            "Introspect",
            &(),
        )
        .await
        .unwrap();
    let xml: String = reply.body().deserialize().unwrap();
    for expected in [
        r#"<method name="Toggle">"#,
        r#"<arg name="text" type="s" direction="out"/>"#,
        r#"<signal name="TranscriptionUpdate">"#,
        r#"<arg name="final" type="b"/>"#,
        r#"<property name="EngineState" type="s" access="read"/>"#,
        "Drops the recording, audio and text;",
    ] {
        assert!(xml.contains(expected), "{expected} is not in\n{xml}");
    }
}

/// v2m makes each text plain before it sends it: the bus closes the connection for a NUL.
#[tokio::test]
async fn texts_are_plain_on_the_bus() {
    let mut daemon = Daemon::start(8).await;
    let mut texts = daemon.client.receive_transcription_update().await.unwrap();
    daemon.client.subscribe().await.unwrap();
    let wild = "a\0b\u{1b}]52;c;aGk=\u{7}\u{202e}c";
    let update = Event::TranscriptionUpdate { job: JobId(7), text: wild.into(), is_final: true };
    daemon.events.send(update).unwrap();
    assert_eq!(next(&mut texts).await.args().unwrap().text, "ab]52;c;aGk=c");

    let client = daemon.client.clone();
    let stop = tokio::spawn(async move { client.stop().await });
    daemon.call().await.reply.send(Ok(transcript(wild))).unwrap();
    assert_eq!(soon(stop).await.unwrap().unwrap().1, "ab]52;c;aGk=c");

    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    let failure = Failure { text: Some(wild.into()), ..Failure::new(Code::Busy, wild) };
    daemon.call().await.reply.send(Err(failure)).unwrap();
    let (_, text) = error_of(soon(start).await.unwrap().unwrap_err());
    assert_eq!(text, "ab]52;c;aGk=c\nab]52;c;aGk=c");

    let client = daemon.client.clone();
    let asked =
        tokio::spawn(async move { client.process_text("so\u{1b}um", "", "a\u{9b}b").await });
    let call = daemon.call().await;
    let task = TextTask::Rewrite { instruction: Some("ab".into()), preset: None };
    let source = TextSource::Given("soum".into());
    assert_eq!(call.request, Request::Text(TextWork { source, task, deliver: None }));
    drop(call);
    assert!(soon(asked).await.unwrap().is_err());
}
