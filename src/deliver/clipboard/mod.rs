//! Clipboards: reading their content, lending them a text, and restoring their content.
//!
//! Each desktop's clipboard is a [`Clipboard`]. The order of the steps and their time limits are in
//! `paste`.
//!
//! On all desktops, every format that could be read whole is restored, best first. A picture in one
//! format is still the picture, and the alternative is that the user finds the dictated text in its
//! place. A format that is too large or refused is left out. When the time is up, the formats read
//! so far are kept. A clipboard that could not be read at all, or that holds a password, is
//! [`Before::Unknown`]. It keeps the text, because clearing it would claim that it had been empty.

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

/// The content of a clipboard before the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before<C> {
    /// The clipboard was empty. It is cleared again.
    Nothing,
    /// The content that could be read.
    Content(C),
    /// Nothing could be read, or the content is a secret.
    Unknown,
}

/// Whether a clipboard manager reads everything that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClipboardManager {
    /// No clipboard manager is running.
    None,
    /// A clipboard manager is running, and reads at once.
    Known,
    /// The desktop does not say.
    Unknown {
        /// A clipboard manager has read an earlier text.
        has_read: bool,
    },
}

/// Which requests are served, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serve {
    /// One request, if it comes within this time.
    One(Duration),
    /// All requests that come within this time.
    For(Duration),
    /// All requests, until no more come.
    UntilQuiet {
        /// How long to wait for the first request.
        first: Duration,
        /// How long to wait for each further request.
        quiet: Duration,
        /// How long requests are served at most.
        most: Duration,
        /// How long to wait for a program that is still reading.
        transfers: Duration,
    },
}

/// A clipboard that can be lent a text.
///
/// Only some methods serve requests, and their documentation says so. The caller must keep one of
/// them running.
///
/// # Errors
/// Every method that serves may fail with [`DeliverError::Overtaken`]: another program has taken
/// the clipboard.
pub(crate) trait Clipboard {
    /// The saved content.
    type Content;

    /// The kind of windows that paste from this clipboard.
    const WINDOWS: To;

    /// Reads the clipboard's content, as far as possible within `patience`.
    async fn remember(&mut self, patience: Duration)
    -> Result<Before<Self::Content>, DeliverError>;

    /// Puts `text` on the clipboard, unless something was copied since [`Self::remember`]. Returns
    /// whether it did.
    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError>;

    /// Whether a clipboard manager is going to read the text, independent of the keys.
    fn reader(&mut self) -> Result<ClipboardManager, DeliverError>;

    /// Notes whether the clipboard manager `has_read` the text while v2m waited for it.
    fn note_reader(&mut self, has_read: bool);

    /// Serves requests. Returns whether there were any.
    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError>;

    /// Marks the point after which a request may be the answer to the keys, which are pressed next.
    /// `are_apart`: the keys reach the desktop by another and perhaps faster route than the text,
    /// so this waits until the text is on the clipboard.
    async fn mark(&mut self, are_apart: bool) -> Result<(), DeliverError>;

    /// Waits until `keys` are pressed. A clipboard on which that may take long serves requests at
    /// the same time.
    async fn serve_while(
        &mut self,
        keys: impl Future<Output = Result<(), DeliverError>>,
        _loan: Option<&Loan>,
    ) -> Result<(), DeliverError> {
        keys.await
    }

    /// Whether a window asks for the text within `patience`, on this clipboard or through the
    /// `loan`. `window` had the keyboard.
    async fn receipt(
        &mut self,
        window: Option<&Window>,
        loan: Option<&Loan>,
        patience: Duration,
    ) -> Result<bool, DeliverError>;

    /// Puts `content` on the clipboard in place of the text.
    async fn give_back(&mut self, content: Self::Content) -> Result<(), DeliverError>;

    /// Clears the clipboard, so that it has no owner.
    async fn clear(&mut self) -> Result<(), DeliverError>;
}

/// A clipboard that serves requests on the calling thread, over a connection to a display server.
pub(crate) trait DisplayClipboard {
    /// Whether a program is still reading content.
    fn is_giving(&self) -> bool;

    /// Waits for the next event. Returns whether it was a request, which is then served. `None`:
    /// `until` has passed.
    ///
    /// # Errors
    /// [`DeliverError::Overtaken`]: another program has taken the clipboard.
    fn serve_next(&mut self, until: Instant) -> Result<Option<bool>, DeliverError>;

    /// Serves requests. Returns whether there were any.
    ///
    /// # Errors
    /// The same as for [`Self::serve_next`].
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

/// Whether a wait without a request for the clipboard ended early, because a program asked for the
/// primary selection that `loan` lends. Otherwise `until` has passed.
fn is_loan_taken(loan: Option<&Loan>, until: Instant) -> bool {
    loan.is_some() && Instant::now() < until
}

/// Computes when a [`Serve`] ends, as requests come. Pure: the caller has the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    requests: Serve,
    begun: Instant,
    /// The deadline as known so far.
    until: Instant,
}

impl Serving {
    /// Starts at `now`.
    pub(crate) fn new(requests: Serve, now: Instant) -> Self {
        let (Serve::One(first) | Serve::For(first) | Serve::UntilQuiet { first, .. }) = requests;
        Self { requests, begun: now, until: now + first }
    }

    /// Returns the time until which to wait for the next request. `is_giving`: a program is still
    /// reading.
    pub(crate) fn until(&self, is_giving: bool) -> Instant {
        match self.requests {
            Serve::One(_) | Serve::For(_) => self.until,
            Serve::UntilQuiet { most, transfers, .. } => {
                let end = if is_giving { most.max(transfers) } else { most };
                self.until.min(self.begun + end)
            }
        }
    }

    /// Notes that a request has been served. Returns whether to go on.
    pub(crate) fn asked(&mut self, now: Instant) -> bool {
        match self.requests {
            Serve::One(_) => return false,
            Serve::For(_) => {}
            Serve::UntilQuiet { quiet, .. } => self.until = now + quiet,
        }
        true
    }

    /// Decides after the deadline whether to go on for a program that is still reading.
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

    /// Serves requests that come at the times `at`, with a program that reads until `giving`.
    /// Returns when serving ends. All times are in ms.
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
