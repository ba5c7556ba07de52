//! Shows drafts of the text, except while a password field has the keyboard or the screen is
//! locked.
//!
//! Asking for both takes some milliseconds, and a second at most, so an actor does it. A draft is
//! shown only if nothing else was shown meanwhile.

use crate::deliver::{Notice, Observer, ScreenLock, Secret};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long an answer is used. Drafts come once or twice a second.
const HOLDS: Duration = Duration::from_millis(500);

/// A draft, and its place in the order of all notices.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) notice: Notice,
    pub(super) order: u64,
    /// The text will be put at the cursor.
    pub(super) at_cursor: bool,
}

/// Runs until the sender of drafts is dropped. `show` gets each notice that may be seen, and
/// decides whether it comes too late.
pub(super) async fn show_when_known(
    mut growing: mpsc::Receiver<Growth>,
    mut observer: Observer,
    show: impl Fn(Growth),
) {
    let mut lock = ScreenLock::default();
    let mut known: Option<(Instant, bool, Option<Secret>)> = None;
    while let Some(growth) = growing.recv().await {
        let still = known.filter(|(asked, at_cursor, _)| {
            *at_cursor == growth.at_cursor && asked.elapsed() < HOLDS
        });
        let secret = match still {
            Some((.., secret)) => secret,
            None => {
                let asked = Instant::now();
                let secret = if lock.is_locked().await {
                    Some(Secret::Locked)
                } else {
                    let hides = growth.at_cursor && observer.is_password().await;
                    hides.then_some(Secret::Password)
                };
                known = Some((asked, growth.at_cursor, secret));
                secret
            }
        };
        show(match secret {
            Some(secret) => Growth { notice: growth.notice.hidden(secret), ..growth },
            None => growth,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_text_says_so_and_an_invitation_stays() {
        let so_far = Some("secret".to_owned());
        let notice = |secret: Secret| Some(secret.notice().to_owned());
        let shown =
            Notice::Recording { so_far: so_far.clone(), stops_after: None }.hidden(Secret::Locked);
        assert_eq!(shown, Notice::Recording { so_far: notice(Secret::Locked), stops_after: None });
        let shown = Notice::Transcribing { so_far }.hidden(Secret::Password);
        assert_eq!(shown, Notice::Transcribing { so_far: notice(Secret::Password) });
        let nothing_yet = Notice::Recording { so_far: None, stops_after: None };
        assert_eq!(nothing_yet.clone().hidden(Secret::Locked), nothing_yet);
    }

    #[test]
    fn a_state_without_its_draft_says_nothing_of_the_text() {
        let so_far = Some("secret".to_owned());
        let place = "at the cursor".to_owned();
        for state in [
            Notice::Recording { so_far: so_far.clone(), stops_after: None },
            Notice::RecordingNext { text: "secret".into(), place },
            Notice::Transcribing { so_far },
        ] {
            let shown = state.without_draft();
            assert!(shown.is_state() && !shown.shows_text(), "{shown:?}");
        }
    }
}
