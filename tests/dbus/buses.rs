//! Tests the name on the bus, and buses that end and start again.

use crate::house::client::DictationProxy;
use crate::house::{Daemon, WORDS, next, soon};
use tokio::sync::{mpsc, watch};
use v2m::call::{Answer, Event, Progress};
use v2m::dbus::{self, DoorError};
use v2m::session::{EngineState, JobId, State};

#[tokio::test]
async fn a_second_v2m_and_a_missing_bus_are_told_apart() {
    let daemon = Daemon::start(8).await;
    let serve = async |bus: &str| {
        let (calls, _) = mpsc::channel(1);
        let events = daemon.events.subscribe();
        let sign = watch::Sender::new(None);
        dbus::serve(Some(bus), calls, events, State::Idle, EngineState::Absent, sign)
            .await
            .unwrap_err()
    };
    assert!(matches!(serve(&daemon.bus.address).await, DoorError::NameTaken));
    let missing = serve("unix:path=/nonexistent/bus").await;
    assert!(matches!(missing, DoorError::Unreachable(_)));
    assert!(missing.to_string().contains("the socket works all the same"));
}

/// Regression: a NUL in a text made the bus disconnect v2m, until the service was restarted.
#[tokio::test]
async fn thrown_off_the_bus_v2m_comes_back_with_its_name_and_its_state() {
    let mut daemon = Daemon::start(8).await;
    let mut owners = daemon.owners().await;
    for state in [State::Recording, State::Transcribing] {
        daemon.gate.throw_off();
        assert!(next(&mut owners).await.args().unwrap().new_owner().is_none(), "thrown off");
        assert!(next(&mut owners).await.args().unwrap().new_owner().is_some(), "back");
        daemon.catches_up_with(state).await;
        // Clients may cache properties, so this asks.
        let told = async || daemon.client.state().await;
        let mut now = told().await;
        while now.as_deref().is_ok_and(|now| now != state.name()) {
            tokio::task::yield_now().await;
            now = told().await;
        }
        assert_eq!(now.unwrap(), state.name());
    }
    let mut texts = daemon.client.receive_transcription_update().await.unwrap();
    daemon.client.subscribe().await.unwrap();
    let update = Event::TranscriptionUpdate { job: JobId(7), text: WORDS.into(), is_final: true };
    daemon.events.send(update).unwrap();
    assert_eq!(next(&mut texts).await.args().unwrap().text, WORDS);
    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    let call = daemon.call().await;
    let answer = Answer::State { state: State::Recording, message: None };
    call.reply.send(Ok(answer)).unwrap();
    assert_eq!(soon(start).await.unwrap().unwrap(), "recording");
}

#[tokio::test]
async fn a_bus_that_is_started_again_has_v2m_on_it_and_a_press_does_not_wait_for_it() {
    let mut daemon = Daemon::start(8).await;
    daemon.bus.restart();
    let events = daemon.events.clone();
    // While the bus is away, v2m does not wait to send events.
    let press = Event::State {
        state: State::Recording,
        job: Some(JobId(1)),
        progress: Progress::default(),
    };
    events.send(press).unwrap();
    daemon.catches_up_with(State::Recording).await;
    let connection = daemon.bus.builder().build().await.unwrap();
    let client = DictationProxy::new(&connection).await.unwrap();
    assert_eq!(client.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
    let mut states = client.receive_state_changed().await;
    assert_eq!(next(&mut states).await.get().await.unwrap(), "recording");
    events
        .send(Event::State { state: State::Idle, job: None, progress: Progress::default() })
        .unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
}
