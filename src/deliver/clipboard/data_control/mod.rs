//! One paste from beginning to end, and what comes after it, on the thread of the cursor.

mod owner;
mod protocol;
mod reader;
pub(crate) mod server;

use super::content::Content;
use super::x11::primary::{Loan, To};
use crate::deliver::keys::remote::{Remote, RemoteKeys};
use crate::deliver::keys::virtual_keyboard::{Keyboard, Presser, Typist};
use crate::deliver::order::Order;
use crate::deliver::problem::Problem;
use crate::deliver::window::wayland::focused;
use owner::{Event, Owner};
use reader::remember;
use server::{Mark, Said, Server, Woken};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long the old clipboard may take to be read: its owner may hang. A screenshot takes some 20 ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// Clipboard managers read what comes onto the clipboard. They are waited for until nobody has asked for so long,
const MANAGER: Duration = Duration::from_millis(15);
/// or altogether for so long.
const MANAGERS: Duration = Duration::from_millis(60);
/// How long windows may take to listen to the first keyboard there is.
const FIRST_KEYBOARD: Duration = Duration::from_millis(150);
/// How long a window may take to ask for what is pasted: busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may ask for the text in more than one format; the old clipboard comes back once it was quiet for so long,
const QUIET: Duration = Duration::from_millis(100);
/// or after so long: some programs read the clipboard again and again.
const NO_LONGER: Duration = Duration::from_millis(400);

/// More names of text, under which programs of X11 ask for it. All of them take UTF-8 here.
const MORE_TEXT: [&str; 2] = ["TEXT", "STRING"];

/// What is known of a desktop from one paste to the next.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    /// Somebody reads what comes onto the clipboard.
    has_manager: bool,
}

/// What was on the clipboard before a text. `None`: it could not be had.
pub(crate) type Before = Option<Arc<Content>>;

/// The connection, and what we have on the clipboard.
#[derive(Debug)]
pub(crate) struct Desk {
    // Dropped before the connection.
    owner: Owner,
    server: Server,
}

/// What has come.
enum News {
    Of(Event),
    Reached(Mark),
}

/// What came of serving for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// Nobody has asked.
    None,
    Some,
    /// Another program has the clipboard.
    Lost,
}

impl Desk {
    /// Connects. Blocking.
    pub(crate) fn open() -> Result<Self, Problem> {
        Ok(Self { owner: Owner::default(), server: Server::connect()? })
    }

    /// Whether the compositor lends keyboards too.
    pub(crate) fn lends_keyboards(&self) -> bool {
        self.server.lends_keyboards()
    }

    /// Gives others what is on the clipboard, until `bell` rings or there is nothing more to give; whether there is.
    /// Asleep when nobody asks.
    pub(crate) fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, Problem> {
        while !self.owner.is_done() {
            if self.next(None, Some(bell))?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Offers the text, presses the keys, waits for the window's request. `is_wanted` is asked before the keys: who
    /// ordered it may have given up. Answers what was on the clipboard before, for [`Self::give_back`]. `remote` presses the keys,
    /// or else a keyboard of our own.
    pub(crate) fn paste(
        &mut self,
        order: &Order,
        remote: Option<RemoteKeys>,
        habits: &mut Habits,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Before, Problem> {
        let window = focused()?;
        order.check(window.as_ref())?;
        // What has been said while nobody listened.
        while self.next(Some(Instant::now()), None)?.is_some() {}
        let before = match self.owner.content() {
            Some(own) => Some(Arc::clone(own)),
            None => remember(&mut self.server, Instant::now() + REMEMBER)?.map(Arc::new),
        };
        if !is_wanted() {
            return Err(Problem::Hanging);
        }
        let is_remote = remote.is_some();
        let listened_to = is_remote || self.server.has_keyboard();
        let press = order.press(window.as_ref());
        let presser: Box<dyn Presser> = match remote {
            Some(keys) => Box::new(Remote { keys, chord: press.chord.clone() }),
            None => Box::new(Keyboard::new(&self.server, &press.chord)?),
        };
        let lend = || Loan::begin_blocking(&order.text, To::Wayland, order.is_sensitive);
        let loan = press.primary.then(lend).transpose();
        let loan = loan.map_err(|_unreachable| Problem::NoPrimary)?;
        self.owner.own(&mut self.server, Arc::new(content(order)));
        self.wait_for_managers(habits)?;
        if !listened_to {
            self.pause(FIRST_KEYBOARD)?;
        }
        // Some time has passed.
        order.check(focused()?.as_ref())?;
        if !is_wanted() {
            self.give_back(before)?;
            return Err(Problem::Hanging);
        }
        // Before the keys, so that no request of theirs is taken for an earlier one.
        let keys = self.server.mark();
        if is_remote {
            // Those come to the compositor by another way, which may be shorter.
            if !self.wait_for(keys)? {
                return Err(Problem::Hanging);
            }
            if self.owner.content().is_none() {
                return Err(Problem::Overtaken);
            }
        }
        if let Some(loan) = &loan {
            loan.forget_requests();
        }
        presser.press()?;
        if self.wait_for_receipt(keys, is_remote, loan.as_ref())? {
            Ok(before)
        } else {
            Err(Problem::NotTaken(press.by_hand()))
        }
    }

    /// Types the text. `is_wanted` is asked before the keys: who ordered it may have given up.
    pub(crate) fn write(
        &mut self,
        order: &Order,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), Problem> {
        order.check(focused()?.as_ref())?;
        let typist = Typist::new(&self.server, &order.text)?;
        if !is_wanted() {
            return Err(Problem::Hanging);
        }
        typist.press();
        let typed = self.server.mark();
        if self.wait_for(typed)? { Ok(()) } else { Err(Problem::Hanging) }
    }

    /// Puts back what was on the clipboard once nobody asks for the text any more, unless the user has copied something.
    pub(crate) fn give_back(&mut self, before: Before) -> Result<(), Problem> {
        if self.serve_until_quiet(QUIET, QUIET, NO_LONGER)? == Served::Lost {
            return Ok(());
        }
        match before {
            None => debug!("the clipboard keeps the text"),
            Some(before) if before.formats.is_empty() => self.owner.clear(&self.server),
            Some(before) => self.owner.own(&mut self.server, before),
        }
        // Sent now, whatever comes.
        let given = self.server.mark();
        self.wait_for(given).map(drop)
    }

    fn wait_for_managers(&mut self, habits: &mut Habits) -> Result<(), Problem> {
        // One that is known and has not read yet is busy, and would be taken for the window.
        let first = if habits.has_manager { MANAGERS } else { MANAGER };
        let served = self.serve_until_quiet(first, MANAGER, MANAGERS)?;
        habits.has_manager = served == Served::Some;
        if served == Served::Lost { Err(Problem::Overtaken) } else { Ok(()) }
    }

    /// Serves requests until none has come for the time `first`, or for `quiet` since the last, or `no_longer` is over.
    fn serve_until_quiet(
        &mut self,
        first: Duration,
        quiet: Duration,
        no_longer: Duration,
    ) -> Result<Served, Problem> {
        let enough = Instant::now() + no_longer;
        let mut until = Instant::now() + first;
        let mut served = Served::None;
        while let Some(news) = self.next(Some(until.min(enough)), None)? {
            match news {
                News::Of(Event::Lost) => return Ok(Served::Lost),
                News::Of(Event::Asked) => {
                    served = Served::Some;
                    until = Instant::now() + quiet;
                }
                News::Reached(_) => {}
            }
        }
        Ok(served)
    }

    fn pause(&mut self, pause: Duration) -> Result<(), Problem> {
        let until = Instant::now() + pause;
        while let Some(news) = self.next(Some(until), None)? {
            if matches!(news, News::Of(Event::Lost)) {
                return Err(Problem::Overtaken);
            }
        }
        Ok(())
    }

    /// Whether a window asks for the text after the keys, which were pressed at the mark `keys`; `pressed`: that is behind us.
    fn wait_for_receipt(
        &mut self,
        keys: Mark,
        mut pressed: bool,
        loan: Option<&Loan>,
    ) -> Result<bool, Problem> {
        let until = Instant::now() + RECEIPT;
        while let Some(news) = self.next(Some(until), loan.map(Loan::bell))? {
            match news {
                News::Of(Event::Lost) => return Err(Problem::Overtaken),
                News::Of(Event::Asked) if pressed => return Ok(true),
                // A manager that was late.
                News::Of(Event::Asked) => {}
                News::Reached(mark) => pressed |= mark == keys,
            }
        }
        // What is selected was asked for, or the time is up.
        Ok(loan.is_some() && Instant::now() < until)
    }

    /// Whether the compositor has dealt with everything up to the mark; it is given some time.
    fn wait_for(&mut self, mark: Mark) -> Result<bool, Problem> {
        let until = Instant::now() + NO_LONGER;
        while let Some(news) = self.next(Some(until), None)? {
            if matches!(news, News::Reached(reached) if reached == mark) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next thing that comes. `None`: `until` has come, or the bell has rung.
    fn next(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<News>, Problem> {
        loop {
            while let Some(said) = self.server.said()? {
                if let Said::Reached(mark) = said {
                    return Ok(Some(News::Reached(mark)));
                }
                if let Some(event) = self.owner.handle(said) {
                    return Ok(Some(News::Of(event)));
                }
            }
            self.owner.go_on();
            match self.server.wait(until, bell, self.owner.waiting())? {
                Woken::News => {}
                Woken::Rung | Woken::TimeIsUp => return Ok(None),
            }
        }
    }
}

/// The text under all names that programs ask for text by.
fn content(order: &Order) -> Content {
    let mut content = Content::text(&order.text, order.is_sensitive);
    let text = order.text.as_bytes();
    content.formats.extend(MORE_TEXT.map(|name| (name.to_owned(), text.to_vec())));
    content
}
