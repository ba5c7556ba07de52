//! Tests properties and signals.

use crate::house::{Daemon, WORDS, delivered, error_of, next, said, soon, status};
use v2m::call::{Answer, Event, Level, Progress, RecordingTime, Request};
use v2m::session::{Code, EngineState, Failure, JobId, State};

#[tokio::test]
async fn events_become_properties_and_signals() {
    let daemon = Daemon::start(8).await;
    let client = &daemon.client;
    assert_eq!(client.state().await.unwrap(), "idle");
    assert_eq!(client.engine_state().await.unwrap(), "loading");
    assert_eq!(client.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
    let mut states = client.receive_state_changed().await;
    let mut engines = client.receive_engine_state_changed().await;
    let mut texts = client.receive_transcription_update().await.unwrap();
    let mut deliveries = client.receive_delivery().await.unwrap();
    client.subscribe().await.unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
    assert_eq!(next(&mut engines).await.get().await.unwrap(), "loading");

    let recording = Event::State {
        state: State::Recording,
        job: Some(JobId(8)),
        progress: Progress::default(),
    };
    daemon.events.send(recording).unwrap();
    let warm = Event::Engine { state: EngineState::Warm, backend: Some("cpu".into()) };
    daemon.events.send(warm).unwrap();
    daemon.events.send(Event::Level(Level { rms_dbfs: -20.0, peak_dbfs: -3.0 })).unwrap();
    let update = Event::TranscriptionUpdate { job: JobId(7), text: WORDS.into(), is_final: true };
    daemon.events.send(update).unwrap();
    let delivery = v2m::session::Delivery {
        by: "clipboard",
        backend: None,
        ok: false,
        detail: "no display".into(),
    };
    daemon.events.send(Event::Delivery { job: None, delivery }).unwrap();

    assert_eq!(next(&mut states).await.get().await.unwrap(), "recording");
    assert_eq!(next(&mut engines).await.get().await.unwrap(), "warm");
    let text = next(&mut texts).await;
    let text = text.args().unwrap();
    assert_eq!((text.text.as_str(), *text.r#final(), text.job), (WORDS, true, 7));
    let delivery = next(&mut deliveries).await;
    let delivery = delivery.args().unwrap();
    assert_eq!((delivery.by.as_str(), delivery.ok), ("clipboard", false));
}

/// Ten signals a second are too many for a bus that all programs share.
#[tokio::test]
async fn levels_go_to_those_alone_who_asked() {
    let daemon = Daemon::start(8).await;
    let (asks, listens) = (daemon.another().await, daemon.another().await);
    let mut levels = asks.receive_level().await.unwrap();
    let mut overheard = listens.inner().receive_all_signals().await.unwrap();
    let level = |rms_dbfs, peak_dbfs| Event::Level(Level { rms_dbfs, peak_dbfs });
    daemon.events.send(level(-10.0, -1.0)).unwrap();
    daemon.events.send(delivered()).unwrap();
    next(&mut overheard).await;
    asks.subscribe_level().await.unwrap();
    daemon.events.send(level(-20.5, -3.0)).unwrap();
    daemon.events.send(delivered()).unwrap();
    let told = next(&mut levels).await;
    let told = told.args().unwrap();
    assert_eq!((told.rms, told.peak), (-20.5, -3.0));
    assert_eq!(next(&mut overheard).await.header().member().unwrap().as_str(), "Delivery");
    asks.unsubscribe_level().await.unwrap();
    let mut deliveries = asks.receive_delivery().await.unwrap();
    daemon.events.send(level(-30.0, -3.0)).unwrap();
    daemon.events.send(delivered()).unwrap();
    next(&mut deliveries).await;
    let waiting = std::future::poll_fn(|context| {
        let polled = futures_core::Stream::poll_next(std::pin::Pin::new(&mut levels), context);
        std::task::Poll::Ready(polled.is_pending())
    });
    assert!(waiting.await);
}

#[tokio::test]
async fn properties_tell_since_when_it_records_and_why_there_is_no_text() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    assert_eq!(client.recording_since().await.unwrap(), 0.0);
    assert_eq!(client.reason().await.unwrap(), "");
    let mut since = client.receive_recording_since_changed().await;
    let mut reasons = client.receive_reason_changed().await;
    assert_eq!(next(&mut since).await.get().await.unwrap(), 0.0);
    assert_eq!(next(&mut reasons).await.get().await.unwrap(), "");
    let recording = Some(RecordingTime { since: 1_764_000_000.5, elapsed: 2.0 });
    let progress = Progress { recording, reason: None };
    let event = Event::State { state: State::Recording, job: Some(JobId(1)), progress };
    daemon.events.send(event).unwrap();
    assert_eq!(next(&mut since).await.get().await.unwrap(), 1_764_000_000.5);
    let reason = Some(Failure::new(Code::NoSpeech, "secret"));
    let progress = Progress { recording: None, reason };
    daemon
        .events
        .send(Event::State { state: State::Idle, job: None, progress: progress.clone() })
        .unwrap();
    assert_eq!(next(&mut since).await.get().await.unwrap(), 0.0);
    assert_eq!(next(&mut reasons).await.get().await.unwrap(), "no_speech");

    let asked = tokio::spawn(async move { client.status().await });
    let call = daemon.call().await;
    let told = v2m::call::Status { progress, ..status(State::Idle) };
    call.reply.send(Ok(Answer::Status(Box::new(told)))).unwrap();
    let told = soon(asked).await.unwrap().unwrap();
    let text = |key: &str| String::try_from(told[key].clone()).unwrap();
    assert_eq!((text("reason"), text("reason_text")), ("no_speech".into(), "secret".into()));
}

/// Regression: every program on the bus, even a sandboxed one, could read the dictation by
/// listening.
#[tokio::test]
async fn the_text_as_it_grows_is_told_to_those_alone_who_asked() {
    let daemon = Daemon::start(8).await;
    let (asks, listens) = (daemon.another().await, daemon.another().await);
    let mut texts = asks.receive_transcription_update().await.unwrap();
    let mut overheard = listens.inner().receive_all_signals().await.unwrap();
    asks.subscribe().await.unwrap();
    asks.subscribe().await.unwrap();
    daemon.events.send(said("one")).unwrap();
    daemon.events.send(said("two")).unwrap();
    daemon.events.send(delivered()).unwrap();
    for expected in ["one", "two"] {
        assert_eq!(next(&mut texts).await.args().unwrap().text, expected);
    }
    // The bus keeps the order: if the texts had been broadcast, they would arrive before this.
    assert_eq!(next(&mut overheard).await.header().member().unwrap().as_str(), "Delivery");

    asks.unsubscribe().await.unwrap();
    let mut deliveries = asks.receive_delivery().await.unwrap();
    daemon.events.send(said("three")).unwrap();
    daemon.events.send(delivered()).unwrap();
    next(&mut deliveries).await;
    let waiting = std::future::poll_fn(|context| {
        let polled = futures_core::Stream::poll_next(std::pin::Pin::new(&mut texts), context);
        std::task::Poll::Ready(polled.is_pending())
    });
    assert!(waiting.await);
}

#[tokio::test]
async fn sixteen_may_be_told_and_who_leaves_makes_room() {
    let daemon = Daemon::start(8).await;
    let mut told = Vec::new();
    for _ in 0..16 {
        told.push(daemon.another().await);
        told.last().unwrap().subscribe().await.unwrap();
    }
    let one_more = daemon.another().await;
    let (name, _) = error_of(one_more.subscribe().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    told.pop().unwrap().inner().connection().clone().close().await.unwrap();
    // The bus informs v2m of the disconnection independently.
    let subscribed = async {
        while one_more.subscribe().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(subscribed).await;
}

#[tokio::test]
async fn events_that_were_missed_are_made_up_for_by_asking() {
    let mut daemon = Daemon::start(1).await;
    let mut states = daemon.client.receive_state_changed().await;
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
    // There is no await between these, so the relay finds that it has missed the first two.
    for state in [State::Recording, State::Transcribing, State::Idle] {
        daemon
            .events
            .send(Event::State { state, job: None, progress: Progress::default() })
            .unwrap();
    }
    let call = daemon.call().await;
    assert_eq!(call.request, Request::Status);
    call.reply.send(Ok(Answer::Status(Box::new(status(State::Paused))))).unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "paused");
}
