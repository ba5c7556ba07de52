//! The text as it grows, on the screen: not while a field has the keyboard that hides what is written in it, nor while the
//! screen is locked.
//!
//! Asking takes some milliseconds, and a second at most, so an actor does it. What it was given is shown only if nothing else was shown meanwhile.

use crate::deliver::{Lock, Notice, Observer, Secret};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long an answer holds: drafts come once or twice a second, and people move to a password field less often.
const HOLDS: Duration = Duration::from_secs(2);

/// A growing text, and when in the order of all notices it came.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) notice: Notice,
    pub(super) order: u64,
    /// It will be put where the cursor is.
    pub(super) at_cursor: bool,
}

/// Runs until nobody gives it any more. `show` gets each notice as it may be seen, and knows whether it is too late for it.
pub(super) async fn show_when_known(
    mut growing: mpsc::Receiver<Growth>,
    mut observer: Observer,
    show: impl Fn(Growth),
) {
    let mut lock = Lock::default();
    let mut known: Option<(Instant, Option<Secret>)> = None;
    while let Some(growth) = growing.recv().await {
        let still = known.filter(|(asked, _)| asked.elapsed() < HOLDS);
        let secret = match still {
            Some((_, secret)) => secret,
            None => {
                let asked = Instant::now();
                let secret = if lock.is_locked().await {
                    Some(Secret::Locked)
                } else {
                    let hides = growth.at_cursor && observer.is_password().await;
                    hides.then_some(Secret::Password)
                };
                known = Some((asked, secret));
                secret
            }
        };
        show(match secret {
            Some(secret) => Growth { notice: hidden(growth.notice, secret), ..growth },
            None => growth,
        });
    }
}

fn hidden(notice: Notice, secret: Secret) -> Notice {
    let hide = |so_far: Option<String>| so_far.map(|_text| secret.notice().to_owned());
    match notice {
        Notice::Recording { so_far } => Notice::Recording { so_far: hide(so_far) },
        Notice::Transcribing { so_far } => Notice::Transcribing { so_far: hide(so_far) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_text_says_so_and_an_invitation_stays() {
        let so_far = Some("secret".to_owned());
        let notice = |secret: Secret| Some(secret.notice().to_owned());
        let shown = hidden(Notice::Recording { so_far: so_far.clone() }, Secret::Locked);
        assert_eq!(shown, Notice::Recording { so_far: notice(Secret::Locked) });
        let shown = hidden(Notice::Transcribing { so_far }, Secret::Password);
        assert_eq!(shown, Notice::Transcribing { so_far: notice(Secret::Password) });
        let nothing_yet = Notice::Recording { so_far: None };
        assert_eq!(hidden(nothing_yet.clone(), Secret::Locked), nothing_yet);
    }
}
