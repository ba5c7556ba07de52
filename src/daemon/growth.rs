//! The text as it grows, on the screen: not while a field has the keyboard that hides what is written in it.
//!
//! Asking takes up to 300 ms, so an actor does it. What it was given is shown only if nothing else was shown meanwhile.

use super::handing::HIDDEN;
use crate::deliver::{Notice, Observer};
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
}

/// Runs until nobody gives it any more. `show` gets each notice as it may be seen, and knows whether it is too late for it.
pub(super) async fn show_when_known(
    mut growing: mpsc::Receiver<Growth>,
    mut observer: Observer,
    show: impl Fn(Growth),
) {
    let mut known: Option<(Instant, bool)> = None;
    while let Some(growth) = growing.recv().await {
        let still = known.filter(|(asked, _)| asked.elapsed() < HOLDS);
        let hides = match still {
            Some((_, hides)) => hides,
            None => {
                let (asked, hides) = (Instant::now(), observer.is_password().await);
                known = Some((asked, hides));
                hides
            }
        };
        show(if hides { Growth { notice: hidden(growth.notice), ..growth } } else { growth });
    }
}

fn hidden(notice: Notice) -> Notice {
    let hide = |so_far: Option<String>| so_far.map(|_text| HIDDEN.to_owned());
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
        let shown = hidden(Notice::Recording { so_far: so_far.clone() });
        assert_eq!(shown, Notice::Recording { so_far: Some(HIDDEN.to_owned()) });
        let shown = hidden(Notice::Transcribing { so_far });
        assert_eq!(shown, Notice::Transcribing { so_far: Some(HIDDEN.to_owned()) });
        assert_eq!(hidden(Notice::Recording { so_far: None }), Notice::Recording { so_far: None });
    }
}
