//! Tests the program that shows the states on the screen.

use crate::house::{Daemon, delivered, next, soon};
use std::collections::HashMap;
use v2m::call::{Event, Sign, SignKind, SignPlace};
use v2m::dbus::SIGN;
use v2m::session::{Code, State};
use zbus::fdo::RequestNameFlags;

fn sign(kind: SignKind) -> Event {
    Event::Sign(Box::new(Sign { kind, title: "Recording".into(), ..Sign::idle() }))
}

#[tokio::test]
async fn the_owner_of_the_name_is_told_what_to_show_and_nobody_else_is() {
    let mut daemon = Daemon::start(8).await;
    let (shows, listens) = (daemon.another().await, daemon.another().await);
    let mut signs = shows.receive_sign().await.unwrap();
    let mut overheard = listens.inner().receive_all_signals().await.unwrap();
    // Sent before there is such a program.
    daemon.events.send(sign(SignKind::Idle)).unwrap();
    let bus = shows.inner().connection();
    let flags = RequestNameFlags::DO_NOT_QUEUE;
    bus.request_name_with_flags(SIGN, flags).await.unwrap();
    let owner = bus.unique_name().unwrap().to_string();
    soon(daemon.sign.wait_for(|sign| *sign == Some(owner.clone()))).await.unwrap();
    daemon.events.send(sign(SignKind::Recording)).unwrap();
    let problem = Sign {
        kind: SignKind::Problem,
        title: "Not\npasted\0".into(),
        body: "Press ctrl+v.\nGrüße".into(),
        text: Some("Grüße\u{1b}".into()),
        place: Some(SignPlace::Clipboard),
        code: Some(Code::AudioGap),
        then: Some(State::Transcribing),
        ..Sign::idle()
    };
    daemon.events.send(Event::Sign(Box::new(problem))).unwrap();
    daemon.events.send(delivered()).unwrap();

    let told = next(&mut signs).await;
    let told = told.args().unwrap();
    assert_eq!((told.kind.as_str(), told.details.len()), ("recording", 1), "{told:?}");
    let told = next(&mut signs).await;
    let told = told.args().unwrap();
    let texts: HashMap<&str, &str> = told
        .details
        .iter()
        .map(|(key, value)| (key.as_str(), <&str>::try_from(&**value).unwrap()))
        .collect();
    let expected = [
        ("title", "Not pasted"),
        ("body", "Press ctrl+v.\nGrüße"),
        ("text", "Grüße"),
        ("place", "clipboard"),
        ("code", "audio_gap"),
        ("then", "transcribing"),
    ];
    assert_eq!((told.kind.as_str(), texts), ("problem", HashMap::from(expected)));
    let heard = next(&mut overheard).await;
    assert_eq!(heard.header().member().unwrap().as_str(), "Delivery");
}

#[tokio::test]
async fn a_sign_that_is_there_already_is_found_and_one_that_leaves_is_missed() {
    let mut daemon = Daemon::start(8).await;
    let first = daemon.another().await.inner().connection().clone();
    first.request_name(SIGN).await.unwrap();
    let name = |of: &zbus::Connection| of.unique_name().map(|name| name.to_string());
    soon(daemon.sign.wait_for(|sign| *sign == name(&first))).await.unwrap();
    // The bus disconnects v2m, which finds the sign again after it has reconnected.
    daemon.gate.throw_off();
    soon(daemon.sign.wait_for(Option::is_none)).await.unwrap();
    daemon.catches_up_with(State::Idle).await;
    soon(daemon.sign.wait_for(|sign| *sign == name(&first))).await.unwrap();
    // If the program is killed or turned off, the name has no owner.
    first.release_name(SIGN).await.unwrap();
    soon(daemon.sign.wait_for(Option::is_none)).await.unwrap();
    let second = daemon.another().await.inner().connection().clone();
    second.request_name(SIGN).await.unwrap();
    soon(daemon.sign.wait_for(|sign| *sign == name(&second))).await.unwrap();
    second.close().await.unwrap();
    soon(daemon.sign.wait_for(Option::is_none)).await.unwrap();
}
