//! What stands at the cursor, so that the next text is joined to it: with a space, and inside a
//! sentence with a small letter.
//!
//! The best witness is the field: programs tell what is written around the cursor
//! (`window::programs`). Where they do not, v2m knows what it has put there itself, and that counts
//! as long as the text goes into the same window and the user has done nothing in between
//! (`between`). Where nobody tells what the user has done, a space is the smaller mistake for
//! [`SHORTLY`]; a letter is never changed then. What was not put at the cursor does not count.
//!
//! What stands there is kept in memory alone, and is written nowhere.

mod between;
pub(crate) mod mutter;
#[cfg(test)]
mod tests;
mod watch;
pub(crate) mod wayland;
pub(crate) mod x11;

pub(crate) use between::Grain;
pub use between::ShortcutPresses;
pub(crate) use watch::{InputWatch, Recorder};

use crate::deliver::window::programs::{Around, Field, Focused, Widget};
use crate::deliver::window::{PasteKeys, Window};
use crate::text::{Context, Letters, Rules};
use between::Between;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tracing::debug;

/// How long after a text the next one gets a space though nobody tells what the user has done: that
/// long they are likely to go on where they were. Counted to the beginning of the next recording,
/// as people who speak do not type.
const SHORTLY: Duration = Duration::from_secs(30);
/// Characters that are remembered of how a text ended: more than the beginning of a line matters
/// for.
const TAIL: usize = 200;
/// A text of so many bytes takes the rules less than a millisecond.
const SHORT: usize = 8 << 10;
/// Letters and digits at the end by which a field shows the text that was put there.
const ALIKE: usize = 8;

/// How a text is to be joined to what stands at the cursor.
#[derive(Clone, Debug)]
pub struct Join {
    /// They know what fits.
    pub rules: Arc<Rules>,
    /// The text's language, as an ISO 639-1 code.
    pub language: String,
    /// Whether letters may change too.
    pub letters: Letters,
    /// Whether programs are asked for what is written around the cursor.
    pub asks_field: bool,
    /// The shortcut's commands so far.
    pub presses: ShortcutPresses,
    /// When the recording began.
    pub begun: Instant,
}

/// Where a text goes, as far as anybody tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) window: Option<Window>,
    field: Option<Field>,
    programs: Vec<String>,
    /// The program with the keyboard is none that tells of itself.
    is_silent: bool,
    is_password: bool,
    is_terminal: bool,
}

impl Destination {
    /// `keys` knows terminals by their names.
    pub(crate) fn new(window: Option<Window>, focused: &Focused, keys: &PasteKeys) -> Self {
        let mut names = window.iter().map(|window| &window.class).chain(&focused.programs);
        let is_terminal =
            focused.widget == Widget::Terminal || names.any(|name| keys.is_terminal(name));
        Self {
            is_terminal,
            window,
            field: focused.field.clone(),
            programs: focused.programs.clone(),
            is_silent: focused.programs.is_empty() && focused.widget == Widget::Unknown,
            is_password: focused.widget == Widget::Password,
        }
    }

    /// Whether nobody says that this is another one.
    fn may_be(&self, other: &Self) -> bool {
        let is_another = |a: Option<bool>| a == Some(false);
        let both = |a: &Option<Window>, b: &Option<Window>| Some(a.as_ref()?.id == b.as_ref()?.id);
        let windows = both(&self.window, &other.window);
        let fields = self.field.as_ref().zip(other.field.as_ref()).map(|(a, b)| a == b);
        let programs = match (self.programs.is_empty(), other.programs.is_empty()) {
            _ if windows.is_some() => None,
            (false, false) => Some(self.programs.iter().any(|p| other.programs.contains(p))),
            (true, false) if self.is_silent => Some(false),
            (false, true) if other.is_silent => Some(false),
            _ => None,
        };
        ![windows, fields, programs].into_iter().any(is_another)
    }
}

/// What v2m has put at the cursor last.
#[derive(Debug, Default)]
pub(crate) struct Joint(Option<Landed>);

#[derive(Debug)]
struct Landed {
    place: Destination,
    /// How it ended, with what stood before it.
    tail: String,
    at: Instant,
    /// `None`: nobody tells what the user does.
    watch: Option<InputWatch>,
}

impl Joint {
    /// The text as it goes there. `told` is what the field tells.
    fn join(
        &self,
        text: &str,
        join: &Join,
        place: &Destination,
        told: Option<&Around>,
        now: Instant,
    ) -> String {
        let (context, letters) = self.context(join, place, told, now);
        join.rules.join(text, &join.language, context, letters)
    }

    /// As [`Self::join`]. Goes over a long text in a thread.
    pub(crate) async fn join_apart(
        &self,
        text: &str,
        join: &Join,
        place: &Destination,
        told: Option<&Around>,
        now: Instant,
    ) -> String {
        if text.len() <= SHORT {
            return self.join(text, join, place, told, now);
        }
        let (context, letters) = self.context(join, place, told, now);
        let [before, after] = [context.before, context.after].map(|it| it.map(str::to_owned));
        let (text, join) = (text.to_owned(), join.clone());
        let joined = spawn_blocking(move || {
            let context = Context { before: before.as_deref(), after: after.as_deref() };
            join.rules.join(&text, &join.language, context, letters)
        });
        // What panics ends the process.
        joined.await.unwrap_or_default()
    }

    /// What stands there, and whether letters may change to fit it.
    fn context<'a>(
        &'a self,
        join: &Join,
        place: &Destination,
        told: Option<&'a Around>,
        now: Instant,
    ) -> (Context<'a>, Letters) {
        let (context, letters) = self.surroundings(join, place, told, now);
        // Commands know small letters from capitals.
        (context, if place.is_terminal { Letters::Keep } else { letters })
    }

    fn surroundings<'a>(
        &'a self,
        join: &Join,
        place: &Destination,
        told: Option<&'a Around>,
        now: Instant,
    ) -> (Context<'a>, Letters) {
        let nothing = (Context::default(), Letters::Keep);
        if place.is_password {
            return nothing;
        }
        let landed = self.0.as_ref().filter(|landed| landed.place.may_be(place));
        let between = landed.map(|landed| match &landed.watch {
            Some(watch) => watch.between(&join.presses, now),
            None => Between::Unknown,
        });
        debug!(?between, field = told.is_some(), "what stands at the cursor");
        if let Some(told) = told {
            // What v2m has put there must be there, or the program tells something else, or not
            // yet.
            let is_right = between != Some(Between::Nothing)
                || landed.is_none_or(|landed| ends_alike(&told.before, &landed.tail));
            if is_right {
                let (before, after) = (Some(told.before.as_str()), told.after.as_deref());
                return (Context { before, after }, join.letters);
            }
        }
        let (Some(landed), Some(between)) = (landed, between) else { return nothing };
        let before = Context { before: Some(&landed.tail), after: None };
        match between {
            Between::Nothing => (before, join.letters),
            Between::Something => nothing,
            Between::Unknown if join.begun.saturating_duration_since(landed.at) <= SHORTLY => {
                (before, Letters::Keep)
            }
            Between::Unknown => nothing,
        }
    }

    /// The text has been put there as it is. `told` is what the field told before. A password is
    /// not remembered.
    pub(crate) fn landed(
        &mut self,
        text: &str,
        place: Destination,
        told: Option<&Around>,
        watch: Option<InputWatch>,
        at: Instant,
    ) {
        if place.is_password {
            self.0 = None;
            return;
        }
        let before = told.map_or("", |told| &told.before);
        let tail = last(&format!("{before}{text}"), TAIL);
        self.0 = Some(Landed { place, tail, at, watch });
    }

    /// A text may have been put there, or in part.
    pub(crate) fn doubt(&mut self) {
        if let Some(landed) = &mut self.0 {
            landed.watch = None;
        }
    }
}

fn last(text: &str, characters: usize) -> String {
    let start = text.char_indices().rev().nth(characters - 1).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}

/// Whether two texts end with the same letters and digits. Programs may change quotes and spaces.
fn ends_alike(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> Vec<char> {
        text.chars().rev().filter(|c| c.is_alphanumeric()).take(ALIKE).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let length = one.len().min(other.len());
    (length > 0 || other.is_empty()) && one[..length] == other[..length]
}
