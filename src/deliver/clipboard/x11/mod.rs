//! One paste from beginning to end, and what comes after it, on the thread of the cursor.

mod owner;
pub(crate) mod primary;
mod reader;

use super::content::Content;
use crate::deliver::display::x11::Server;
use crate::deliver::keys::held::Wait;
use crate::deliver::keys::xtest::typing::Typing;
use crate::deliver::keys::xtest::{Strokes, are_down};
use crate::deliver::order::Order;
use crate::deliver::problem::Problem;
use crate::deliver::window::Window;
use crate::deliver::window::x11::focused;
use owner::{Format, Owner, Said, Selection, formats_of, text_formats};
use primary::{Loan, To};
use reader::remember;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use tracing::debug;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, PropMode};
use x11rb::wrapper::ConnectionExt as _;

/// How long the old clipboard may take to be read: its owner may hang. A screenshot takes some 20 ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// How long a clipboard manager is waited for. It reads at once, or not at all.
const MANAGER: Duration = Duration::from_millis(150);
/// X11 tells of no key that is pressed elsewhere, except to who takes the keyboard from the others. So it is asked, so often.
const LOOK: Duration = Duration::from_millis(10);
/// How long a window may take to ask for what is pasted: busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may ask for the text in more than one format; the old clipboard comes back once it was quiet for so long.
const QUIET: Duration = Duration::from_millis(100);
/// And at last after so long: somebody may ask again and again.
const ENOUGH: Duration = Duration::from_secs(3);
/// How long a clipboard manager may take to save what is on the clipboard, at the end.
const SAVE: Duration = Duration::from_secs(1);
/// Programs that are remembered as clipboard managers.
const READERS: usize = 16;

/// What was on the clipboard before a text. `None`: it could not be had.
pub(crate) type Before = Option<Vec<Format>>;

/// The connection, the clipboard, and what is known of other programs.
#[derive(Debug)]
pub(crate) struct Desk {
    server: Server,
    owner: Owner,
    /// Programs that have read a text before its keys were pressed: clipboard managers, as a rule.
    readers: Vec<u32>,
    /// A clipboard manager that was waited for in vain. It reads when programs end, and is not waited for again.
    lazy_manager: u32,
}

impl Desk {
    /// Connects. Blocking.
    pub(crate) fn open() -> Result<Self, Problem> {
        let server = Server::connect()?;
        Ok(Self { server, owner: Owner::default(), readers: Vec::new(), lazy_manager: x11rb::NONE })
    }

    /// Gives others what is on the clipboard, until `bell` rings. Asleep when nobody asks.
    pub(crate) fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<(), Problem> {
        while let Some(seen) = self.server.next(None, Some(bell))? {
            self.owner.handle(&self.server, &seen)?;
        }
        Ok(())
    }

    /// Offers the text, presses the keys, waits for the window's request. `is_wanted` is asked before the keys: who ordered it
    /// may have given up. Answers what was on the clipboard before, for [`Self::give_back`].
    pub(crate) fn paste(
        &mut self,
        order: &Order,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Before, Problem> {
        let window = focused(&self.server)?;
        order.check(window.as_ref())?;
        let press = order.press(window.as_ref());
        let strokes = Strokes::find(&self.server, &press.chord)?;
        // Of before the reading: who copies something from now on has the clipboard, and keeps it.
        let time = self.server.time()?;
        let before = match self.owner.content() {
            Some(own) => Some(own.to_vec()),
            None => {
                let until = Instant::now() + REMEMBER;
                remember(&mut self.server, Selection::Clipboard, time, until)?
            }
        };
        if !is_wanted() {
            return Err(Problem::Hanging);
        }
        let text = text_formats(&order.text, order.is_sensitive, &self.server.atoms);
        if !self.owner.own(&self.server, text, time)? {
            return Err(Problem::Overtaken);
        }
        let lend = || Loan::begin_blocking(&order.text, To::X11, order.is_sensitive);
        let loan = press.primary.then(lend).transpose();
        let loan = loan.map_err(|problem| {
            debug!(reason = %problem, "the primary selection cannot be had");
            Problem::NoPrimary
        })?;
        self.wait_for_manager()?;
        self.wait_for_hands(strokes.in_the_way())?;
        if !is_wanted() {
            self.give_back(before)?;
            return Err(Problem::Hanging);
        }
        // Some time has passed.
        order.check(focused(&self.server)?.as_ref())?;
        if let Some(loan) = &loan {
            loan.forget_requests();
        }
        let keys = strokes.press(&self.server)?;
        if self.wait_for_receipt(keys, window.as_ref(), loan.as_ref())? {
            Ok(before)
        } else {
            Err(Problem::NotTaken(press.by_hand()))
        }
    }

    /// Types the text. `is_wanted` is asked between the keys: who ordered it may have given up.
    pub(crate) fn write(
        &mut self,
        order: &Order,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), Problem> {
        let window = focused(&self.server)?.ok_or(Problem::NoWindow)?;
        order.check(Some(&window))?;
        let typing = Typing::find(&self.server, &order.text)?;
        self.wait_for_hands(typing.in_the_way())?;
        typing.write(&self.server, || {
            Ok(is_wanted() && focused(&self.server)?.is_some_and(|now| now.id == window.id))
        })
    }

    /// Puts back what was on the clipboard once nobody asks for the text any more, unless the user has copied something.
    pub(crate) fn give_back(&mut self, before: Before) -> Result<(), Problem> {
        let enough = Instant::now() + ENOUGH;
        let mut quiet = Instant::now() + QUIET;
        loop {
            match self.step(quiet.min(enough))? {
                Some(Said::Lost) => return Ok(()),
                Some(_) => {}
                None if Instant::now() < enough && self.owner.is_giving() => {}
                None => break,
            }
            quiet = Instant::now() + QUIET;
        }
        let Some(before) = before else { return Ok(()) };
        let time = self.server.time()?;
        while let Some(said) = self.step(Instant::now())? {
            if said == Said::Lost {
                return Ok(());
            }
        }
        if before.is_empty() {
            return self.owner.clear(&self.server, time);
        }
        // Taken anew, though it is ours: programs that show what is on the clipboard are told only then.
        let owned = self.owner.own(&self.server, before, time)?;
        debug!(owned, "the clipboard was given back");
        Ok(())
    }

    /// Takes the clipboard for `content`.
    pub(crate) fn hold(&mut self, content: &Content) -> Result<(), Problem> {
        let time = self.server.time()?;
        let formats = formats_of(content, &self.server)?;
        if self.owner.own(&self.server, formats, time)? { Ok(()) } else { Err(Problem::Overtaken) }
    }

    /// Lets the clipboard manager, if there is one, keep what is on the clipboard, for with us it would go
    /// (freedesktop.org's clipboard manager specification).
    pub(crate) fn leave(&mut self) -> Result<(), Problem> {
        let Some(content) = self.owner.content() else { return Ok(()) };
        let targets: Vec<_> = content.iter().map(|format| format.target).collect();
        if self.manager()? == x11rb::NONE {
            return Ok(());
        }
        let time = self.server.time()?;
        let Server { conn, window, atoms, .. } = &self.server;
        let (manager, save, list) =
            (atoms.CLIPBOARD_MANAGER, atoms.SAVE_TARGETS, atoms.V2M_CONTENT);
        conn.change_property32(PropMode::REPLACE, *window, list, AtomEnum::ATOM, &targets)?;
        conn.convert_selection(*window, manager, save, list, time)?;
        let until = Instant::now() + SAVE;
        while let Some(said) = self.step(until)? {
            if matches!(said, Said::Saved | Said::Lost) {
                break;
            }
        }
        Ok(())
    }

    fn manager(&self) -> Result<u32, Problem> {
        let manager = self.server.atoms.CLIPBOARD_MANAGER;
        Ok(self.server.conn.get_selection_owner(manager)?.reply()?.owner)
    }

    /// Managers read what comes onto the clipboard. What is read before the keys is read by them.
    fn wait_for_manager(&mut self) -> Result<(), Problem> {
        let manager = self.manager()?;
        let waited_for = manager != x11rb::NONE && manager != self.lazy_manager;
        let until = Instant::now() + if waited_for { MANAGER } else { Duration::ZERO };
        let read = self.step(until)?.map(|said| self.note_reader(said)).transpose()?;
        if waited_for && read.is_none() {
            self.lazy_manager = manager;
        }
        Ok(())
    }

    /// Waits until none of `keys` is down.
    fn wait_for_hands(&mut self, keys: &[u8]) -> Result<(), Problem> {
        let wait = Wait::from(Instant::now());
        loop {
            // Also asks whatever is on its way from the server by now.
            let any_down = are_down(&self.server, keys)?;
            let now = Instant::now();
            let again = wait.next(any_down, now, LOOK)?;
            while let Some(said) = self.step(again.unwrap_or(now))? {
                self.note_reader(said)?;
            }
            if again.is_none() {
                return Ok(());
            }
        }
    }

    fn note_reader(&mut self, said: Said) -> Result<(), Problem> {
        match said {
            Said::Lost => Err(Problem::Overtaken),
            Said::Gave { client, .. } => {
                if !self.readers.contains(&client) {
                    self.readers.truncate(READERS - 1);
                    self.readers.insert(0, client);
                }
                Ok(())
            }
            Said::Saved => Ok(()),
        }
    }

    /// Whether a window asks for the text after the keys: request `keys` and later. Or for what is selected, which nobody else reads.
    fn wait_for_receipt(
        &mut self,
        keys: u64,
        window: Option<&Window>,
        loan: Option<&Loan>,
    ) -> Result<bool, Problem> {
        let client = window.map(|window| self.server.client_of(window.id));
        let until = Instant::now() + RECEIPT;
        while let Some(said) = self.step_or(until, loan.map(Loan::bell))? {
            match said {
                Said::Lost => return Err(Problem::Overtaken),
                Said::Gave { client: who, after } if after >= keys => {
                    // A manager may be late. But the window's own program counts, also if it reads the clipboard at all times.
                    if Some(who) == client || !self.readers.contains(&who) {
                        return Ok(true);
                    }
                }
                early => self.note_reader(early)?,
            }
        }
        // Otherwise the time is up.
        Ok(loan.is_some() && Instant::now() < until)
    }

    /// Deals with events until one says something. `None`: `until` has come.
    fn step(&mut self, until: Instant) -> Result<Option<Said>, Problem> {
        self.step_or(until, None)
    }

    /// As [`Self::step`]. `None`: `until` has come, or `bell` rings.
    fn step_or(
        &mut self,
        until: Instant,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<Said>, Problem> {
        while let Some(seen) = self.server.next(Some(until), bell)? {
            if let Some(said) = self.owner.handle(&self.server, &seen)? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }
}
