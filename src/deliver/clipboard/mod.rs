//! Clipboards: reading what is on one, lending it a text, and giving back what was there.
//!
//! Each desktop's is a [`Clipboard`]. What is done with it in which order, and how long that may
//! take, is in `paste`.
//!
//! What is given back: every format that could be read whole, best first, on all desktops. A
//! picture in one format is still the picture, and the alternative is that the user finds the
//! dictated text in its place. A format that is too large or refused is left out; when the time is
//! up, those that came before it are what is kept. A clipboard of which nothing could be read, or
//! which holds a password, is [`Before::Unknown`]: it keeps the text, because to clear it would
//! claim that it had been empty.

pub(crate) mod bus;
pub(crate) mod content;
pub(crate) mod data_control;
pub(crate) mod mutter;
pub(crate) mod portal;
pub(crate) mod x11;

use super::error::DeliverError;
use super::window::Window;
use std::time::{Duration, Instant};
use x11::primary::{Loan, To};

/// What was on a clipboard before a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before<C> {
    /// Nothing: it is cleared again.
    Nothing,
    /// What could be read of it.
    Content(C),
    /// Nothing of it could be read, or it is a secret.
    Unknown,
}

/// Whether a program reads all that is copied, as clipboard managers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClipboardManager {
    /// None does.
    None,
    /// One does, and reads at once.
    Known,
    /// The desktop does not tell.
    Unknown {
        /// One has read the text before.
        has_read: bool,
    },
}

/// Which requests are served, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serve {
    /// One, if it comes within this time.
    One(Duration),
    /// All that come within this time.
    For(Duration),
    /// All, until it is quiet.
    UntilQuiet {
        /// How long the first request is waited for.
        first: Duration,
        /// How long the next one is waited for.
        quiet: Duration,
        /// How long requests are served at most.
        most: Duration,
        /// How long a program that is still being given something is waited for.
        transfers: Duration,
    },
}

/// A clipboard that can be lent a text.
///
/// Requests are served only by the methods that say so: the caller sees to it that one of them
/// runs.
///
/// # Errors
/// Every method that serves may fail with [`DeliverError::Overtaken`]: another program has taken the
/// clipboard.
pub(crate) trait Clipboard {
    /// What is kept of it.
    type Content;

    /// Whose windows take its texts.
    const WINDOWS: To;

    /// What is on it, as far as it can be read within `patience`.
    async fn remember(&mut self, patience: Duration)
    -> Result<Before<Self::Content>, DeliverError>;

    /// Puts `text` there, unless something was copied since [`Self::remember`]; whether it did.
    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError>;

    /// Whether a program is going to read the text whatever the keys do.
    fn reader(&mut self) -> Result<ClipboardManager, DeliverError>;

    /// Takes note of whether one `has_read` it, while it was waited for.
    fn note_reader(&mut self, has_read: bool);

    /// Serves requests; whether there were any.
    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError>;

    /// What is asked for from here on may be the answer to the keys, which are pressed next.
    /// `are_apart`: they come to the desktop by another way than the text, which may be shorter.
    /// The text is known to be there then.
    async fn mark(&mut self, are_apart: bool) -> Result<(), DeliverError>;

    /// Waits until `keys` are pressed. A clipboard on which that may take long serves requests
    /// meanwhile.
    async fn serve_while(
        &mut self,
        keys: impl Future<Output = Result<(), DeliverError>>,
        _loan: Option<&Loan>,
    ) -> Result<(), DeliverError> {
        keys.await
    }

    /// Whether a window asks for the text, here or in the `loan`, within `patience`. `window` had
    /// the keyboard.
    async fn receipt(
        &mut self,
        window: Option<&Window>,
        loan: Option<&Loan>,
        patience: Duration,
    ) -> Result<bool, DeliverError>;

    /// Puts `content` there in place of the text.
    async fn give_back(&mut self, content: Self::Content) -> Result<(), DeliverError>;

    /// Leaves it to nobody.
    async fn clear(&mut self) -> Result<(), DeliverError>;
}

/// A clipboard that serves requests on the calling thread, over a connection to a display server.
pub(crate) trait DisplayClipboard {
    /// Whether a program is still being given something.
    fn is_giving(&self) -> bool;

    /// Waits for the next event; whether it was a request, which is served then. `None`: `until`
    /// has come.
    ///
    /// # Errors
    /// [`DeliverError::Overtaken`]: another program has taken the clipboard.
    fn serve_next(&mut self, until: Instant) -> Result<Option<bool>, DeliverError>;

    /// Serves requests; whether there were any.
    ///
    /// # Errors
    /// As [`Self::serve_next`].
    fn serve_all(&mut self, requests: Serve) -> Result<bool, DeliverError> {
        let mut serving = Serving::new(requests, Instant::now());
        let mut any = false;
        loop {
            match self.serve_next(serving.until(self.is_giving()))? {
                Some(true) => {
                    any = true;
                    if !serving.asked(Instant::now()) {
                        return Ok(any);
                    }
                }
                Some(false) => {}
                None if serving.goes_on(self.is_giving(), Instant::now()) => {}
                None => return Ok(any),
            }
        }
    }
}

/// Whether a wait that ended without a request for the clipboard ended because a program asked for
/// the primary selection, which is lent by `loan`. Otherwise `until` has come.
fn is_loan_taken(loan: Option<&Loan>, until: Instant) -> bool {
    loan.is_some() && Instant::now() < until
}

/// The end of a [`Serve`], as requests come. Pure: the caller has the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    requests: Serve,
    begun: Instant,
    /// As far as is known by now.
    until: Instant,
}

impl Serving {
    /// Begins.
    pub(crate) fn new(requests: Serve, now: Instant) -> Self {
        let (Serve::One(first) | Serve::For(first) | Serve::UntilQuiet { first, .. }) = requests;
        Self { requests, begun: now, until: now + first }
    }

    /// How long to wait for the next request. `is_giving`: a program is still being given
    /// something.
    pub(crate) fn until(&self, is_giving: bool) -> Instant {
        match self.requests {
            Serve::One(_) | Serve::For(_) => self.until,
            Serve::UntilQuiet { most, transfers, .. } => {
                let end = if is_giving { most.max(transfers) } else { most };
                self.until.min(self.begun + end)
            }
        }
    }

    /// A request has come and is served. Whether to go on.
    pub(crate) fn asked(&mut self, now: Instant) -> bool {
        match self.requests {
            Serve::One(_) => return false,
            Serve::For(_) => {}
            Serve::UntilQuiet { quiet, .. } => self.until = now + quiet,
        }
        true
    }

    /// The time is up. Whether to go on for the sake of a program that is still being given
    /// something.
    pub(crate) fn goes_on(&mut self, is_giving: bool, now: Instant) -> bool {
        match self.requests {
            Serve::UntilQuiet { quiet, transfers, .. }
                if is_giving && now < self.begun + transfers =>
            {
                self.until = now + quiet;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Serves requests that come at these times, with a program that reads until `giving`; when it
    /// ends.
    fn ends(requests: Serve, at: &[u64], giving: u64) -> u64 {
        let begun = Instant::now();
        let mut serving = Serving::new(requests, begun);
        let mut now = begun;
        let mut coming = at.iter().map(|at| begun + ms(*at));
        let mut next = coming.next();
        loop {
            let is_giving = now < begun + ms(giving);
            let until = serving.until(is_giving).max(now);
            match next.filter(|at| *at < until) {
                Some(at) => {
                    (now, next) = (at, coming.next());
                    if !serving.asked(now) {
                        break;
                    }
                }
                None => {
                    now = until;
                    if !serving.goes_on(now < begun + ms(giving), now) {
                        break;
                    }
                }
            }
        }
        u64::try_from((now - begun).as_millis()).unwrap()
    }

    #[test]
    fn requests_are_served_until_it_is_quiet_and_no_longer_than_need_be() {
        let quiet = Serve::UntilQuiet {
            first: ms(50),
            quiet: ms(100),
            most: ms(400),
            transfers: ms(2_000),
        };
        for (at, giving, end) in [
            (&[][..], 0, 50),
            (&[10], 0, 110),
            (&[10, 90, 150], 0, 250),
            (&[10, 200], 0, 110),
            (&[40, 130, 220, 310, 390, 480], 0, 400),
            // A long text is read to its end.
            (&[10], 350, 410),
            (&[10], 1_000, 1_010),
            (&[10], 9_000, 2_000),
        ] {
            assert_eq!(ends(quiet, at, giving), end, "{at:?} {giving}");
        }
        assert_eq!(ends(Serve::One(ms(150)), &[20, 30], 0), 20);
        assert_eq!(ends(Serve::One(ms(150)), &[], 9_000), 150);
        assert_eq!(ends(Serve::For(ms(150)), &[20, 30], 9_000), 150);
    }
}
