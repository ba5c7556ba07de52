//! Tests notification services and buses that hang, end and start again.

use std::sync::atomic::Ordering;

use crate::desktop::{Desktop, SESSION, Seen, make_session_bus, text};
use v2m::deliver::{Notice, Notifier};
use v2m_testkit::private_bus::Gate;

#[tokio::test]
async fn a_restarted_service_is_not_told_to_replace_a_strangers_notification() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.stop_service().await;

    let delivery = notifier.show(text("two")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("no notification service runs"), "{}", delivery.detail);

    desktop.start_service(6).await;
    assert!(notifier.show(text("three")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(notifier.show(text("four")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 7, .. }));
}

#[tokio::test]
async fn a_service_that_hangs_is_not_waited_for_and_gets_the_newest_notice_once_it_wakes() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    desktop.hangs.send_replace(true);
    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));

    notifier.progress(Notice::Transcribing { so_far: None });
    let delivery = notifier.show(text("hello")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("has not answered in time"), "{}", delivery.detail);
    assert!(!notifier.show(text("hello again")).await.ok);

    desktop.hangs.send_replace(false);
    let Seen::Shown { replaces: 1, body, .. } = desktop.sees().await else {
        panic!("the notice that waited did not take the first one's place");
    };
    assert_eq!(body, "hello again");
    assert!(notifier.show(text("awake")).await.ok);
}

#[tokio::test]
async fn a_service_that_fails_to_say_what_it_can_show_is_asked_again() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    desktop.is_silent.store(true, Ordering::Relaxed);
    let delivery = notifier.show(text("one")).await;
    assert!(!delivery.ok && delivery.detail.contains("not now"), "{}", delivery.detail);

    desktop.is_silent.store(false, Ordering::Relaxed);
    assert!(notifier.show(text("you & me")).await.ok);
    let Seen::Shown { body, .. } = desktop.sees().await else { panic!("nothing was shown") };
    assert_eq!(body, "you &amp; me", "its bodies are markup");
}

#[tokio::test]
async fn without_a_bus_the_reason_and_the_remedy_are_told() {
    let _session = SESSION.lock().await;
    make_session_bus("unix:path=/nonexistent/bus");
    let notifier = Notifier::spawn(None, None);
    let delivery = notifier.show(text("hello")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("no session bus"), "{}", delivery.detail);
}

#[tokio::test]
async fn a_bus_that_was_lost_is_connected_to_anew() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("one")).await.ok);
    desktop.sees().await;
    desktop.bus.restart();
    desktop.start_service(4).await;
    let delivery = notifier.show(text("two")).await;
    assert!(delivery.ok, "{}", delivery.detail);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

/// The bus disconnects v2m, and all others stay. The notification is still there, or gone on GNOME.
#[tokio::test]
async fn what_goes_on_is_shown_anew_after_the_bus_has_thrown_v2m_off() {
    let mut desktop = Desktop::start().await;
    let gate = Gate::to(&desktop.bus.address);
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("v2m/note.json");
    make_session_bus(&gate.address);
    let notifier = Notifier::spawn(Some(note), None);
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    gate.throw_off();
    let Seen::Shown { replaces: 1, summary, .. } = desktop.sees().await else {
        panic!("it did not take the place of what is left of it")
    };
    assert_eq!(summary, "Recording");
    notifier.progress(text("one"));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
    // A text is not shown a second time; the next notice replaces it.
    gate.throw_off();
    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, urgency: 1, .. }));
}

#[tokio::test]
async fn what_goes_on_is_shown_anew_on_a_bus_that_was_started_again() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.bus.restart();
    desktop.start_service(4).await;
    let Seen::Shown { replaces: 0, summary, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(summary, "Recording");
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(5)));
}
