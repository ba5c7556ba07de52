//! Tests the notifications of a dictation.

use crate::desktop::{Desktop, Seen, text, undelivered};
use v2m::deliver::{Notice, Notifier};
use v2m::session::{Code, Failure};

#[tokio::test]
async fn one_notification_is_replaced_in_place_through_a_dictation() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();

    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    let Seen::Shown { replaces: 0, icon, transient: true, .. } = desktop.sees().await else {
        panic!("the recording was not shown anew and in passing");
    };
    assert_eq!(icon, "audio-input-microphone");

    let transcribing = Notice::Transcribing { so_far: Some("Grüße".into()) };
    assert!(notifier.show(transcribing).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));

    let delivery = notifier.show(text("Grüße — “€5” ñ 日 <b>&</b>")).await;
    assert!(delivery.ok, "{}", delivery.detail);
    assert_eq!(delivery.by, "notification");
    let Seen::Shown { replaces: 1, summary, body, urgency: 1, transient: false, .. } =
        desktop.sees().await
    else {
        panic!("the text did not take the place of the progress");
    };
    assert_eq!(summary, "On the clipboard");
    assert_eq!(body, "Grüße — “€5” ñ 日 &lt;b&gt;&amp;&lt;/b&gt;");

    // No dictation is under way, so the text stays.
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
}

#[tokio::test]
async fn gnome_is_shown_again_what_it_would_hide_while_it_is_true() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    assert!(
        notifier
            .show(Notice::Recording { so_far: Some("Grüße".into()), stops_after: None })
            .await
            .ok
    );
    for number in [0, 1, 1] {
        let Seen::Shown { replaces, body, .. } = desktop.sees().await else { panic!("closed") };
        assert_eq!((replaces, body.as_str()), (number, "Grüße"));
    }
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
}

#[tokio::test]
async fn on_gnome_what_is_shown_again_and_again_steps_back_for_a_problem_beside_it() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let sign = desktop.notifier();
    let aside = Notifier::spawn(None, Some(sign.clone()));
    assert!(sign.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(aside.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    // From here on, GNOME shows the problem.
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    // Another problem is solved meanwhile. The notification must come back all the same.
    sign.progress(Notice::Mended(Code::EngineFailed));
    let Seen::Shown { replaces: 0, summary, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(summary, "Recording");
    assert!(sign.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(3)));
}

#[tokio::test]
async fn elsewhere_nothing_steps_back() {
    let mut desktop = Desktop::start().await;
    let sign = desktop.notifier();
    let aside = Notifier::spawn(None, Some(sign.clone()));
    assert!(sign.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(aside.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(sign.show(Notice::Transcribing { so_far: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
}

#[tokio::test]
async fn on_gnome_a_problem_is_taken_away_before_the_next_recording_is_shown() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(notifier.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));

    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    notifier.progress(Notice::Problem(failure));
    // As at the service's end: pending notices are shown first, and no critical one is left.
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(2)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(matches!(desktop.sees().await, Seen::Closed(3)));
}

/// Regression: GNOME Shell 46 and later chooses whether to show a banner by the urgency of the
/// notification that is replaced. A problem in place of one that was only listed, of low urgency, had
/// none, and the next recording had none either.
#[tokio::test]
async fn on_gnome_what_is_only_listed_is_not_replaced_but_taken_away() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let folder = tempfile::tempdir().unwrap();
    let notifier = desktop.run(folder.path());
    assert!(notifier.show(undelivered()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    // As at the service's end.
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 0, .. }));
    drop(notifier);
    // The next run knows its number, and not its urgency.
    let next = desktop.run(folder.path());
    assert!(next.show(undelivered()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(2)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(next.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(3)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 0, .. }));
    assert!(next.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(4)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
}

/// Regression: GNOME Shell lets nobody but the connection that has shown a notification replace it.
#[tokio::test]
async fn on_gnome_one_connection_shows_all() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    let mut senders = Vec::new();
    for said in ["one", "two"] {
        assert!(notifier.show(text(said)).await.ok);
        let Seen::Shown { sender, .. } = desktop.sees().await else { panic!("closed") };
        senders.push(sender);
    }
    assert!(notifier.show(undelivered()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    let Seen::Shown { sender, .. } = desktop.sees().await else { panic!("closed") };
    senders.push(sender);
    assert!(notifier.show(text("three")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(2)));
    let Seen::Shown { sender, .. } = desktop.sees().await else { panic!("closed") };
    senders.push(sender);
    senders.dedup();
    assert_eq!(senders.len(), 1, "{senders:?}");
}

#[tokio::test]
async fn a_problem_is_urgent_and_says_what_to_do() {
    let mut desktop = Desktop::start().await;
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(desktop.notifier().show(Notice::Problem(failure)).await.ok);
    let Seen::Shown { body, urgency, .. } = desktop.sees().await else { panic!("not shown") };
    assert_eq!((body.as_str(), urgency), ("No microphone. Plug one in.", 2));
}

/// GNOME Shell and dunst tell it only the connection that has shown it.
#[tokio::test]
async fn a_notification_that_the_user_took_away_is_not_shown_again() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let folder = tempfile::tempdir().unwrap();
    let notifier = desktop.run(folder.path());
    let note = folder.path().join("v2m/note.json");
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    let Seen::Shown { replaces: 0, sender, .. } = desktop.sees().await else {
        panic!("not a new one")
    };
    assert!(note.exists());
    desktop.dismiss(&sender, 7).await;
    desktop.dismiss(&sender, 1).await;
    while note.exists() {
        tokio::task::yield_now().await;
    }
    // There was no notice in between, although GNOME is shown the current state again.
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
}

#[tokio::test]
async fn a_text_that_did_not_arrive_is_urgent_and_ends_in_the_list_of_past_notifications() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    assert!(notifier.show(undelivered()).await.ok);
    let Seen::Shown { summary, urgency: 2, .. } = desktop.sees().await else {
        panic!("not urgent")
    };
    assert_eq!(summary, "Not pasted: no window took it");
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    let Seen::Shown { replaces: 0, urgency: 0, transient: false, .. } = desktop.sees().await else {
        panic!("not listed")
    };
}

#[tokio::test]
async fn what_dunst_may_have_closed_is_not_shown_again() {
    let mut desktop = Desktop::named("dunst").await;
    let notifier = desktop.notifier();
    assert!(notifier.show(undelivered()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(notifier.show(text("next")).await.ok);
    let Seen::Shown { replaces: 0, body, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(body, "next");
}

#[tokio::test]
async fn what_is_shown_is_plain() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("a\0b\u{1b}[201~\u{202e}c\nd")).await.ok);
    let Seen::Shown { body, .. } = desktop.sees().await else { panic!("not shown") };
    assert!(body.starts_with("ab[201~c"), "{body:?}");
    assert!(notifier.show(text("still there")).await.ok);
}
