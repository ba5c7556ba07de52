//! Tests the notifications that one run of the service leaves for the next one.

use crate::desktop::{Desktop, Seen, refusal, text};
use v2m::deliver::Notice;
use v2m::session::Code;

/// Regression: with a held key and a broken configuration, 32 processes left 32 notifications, and
/// there was no room for the one that said "Recording".
#[tokio::test]
async fn runs_that_refuse_to_start_share_one_notification_and_one_that_starts_takes_it_away() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    for number in [0, 1, 1] {
        assert!(desktop.run(folder.path()).show(refusal()).await.ok);
        let Seen::Shown { replaces, urgency: 2, .. } = desktop.sees().await else {
            panic!("the refusal was not shown as critical")
        };
        assert_eq!(replaces, number);
    }
    let started = desktop.run(folder.path());
    started.progress(Notice::Tidy);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(started.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

#[tokio::test]
async fn what_a_killed_run_said_is_taken_away_by_the_next_one() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    assert!(
        desktop
            .run(folder.path())
            .show(Notice::Recording { so_far: None, stops_after: None })
            .await
            .ok
    );
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    let next = desktop.run(folder.path());
    next.progress(Notice::Tidy);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    // A delivered text stays until the next notice.
    assert!(next.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    drop(next);
    let third = desktop.run(folder.path());
    assert!(third.show(Notice::Tidy).await.ok);
    assert!(third.show(text("two")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 2, .. }));
}

#[tokio::test]
async fn a_restarted_service_is_not_asked_to_take_away_a_strangers_notification() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    assert!(
        desktop
            .run(folder.path())
            .show(Notice::Recording { so_far: None, stops_after: None })
            .await
            .ok
    );
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.stop_service().await;
    desktop.start_service(0).await;
    let next = desktop.run(folder.path());
    assert!(next.show(Notice::Tidy).await.ok);
    assert!(next.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

#[tokio::test]
async fn a_problem_is_taken_away_once_it_is_mended_and_no_other_is() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(refusal()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { .. }));
    assert!(notifier.show(Notice::Mended(Code::EngineFailed)).await.ok);
    assert!(notifier.show(Notice::Mended(Code::BadConfig)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(notifier.show(Notice::Mended(Code::BadConfig)).await.ok);
    assert!(notifier.show(text("two")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 2, .. }), "the text stayed");
}
