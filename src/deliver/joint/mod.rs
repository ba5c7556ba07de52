//! Joins the next text to the text at the cursor: with a space, and inside a sentence with a small
//! letter.
//!
//! The field is the best source, because programs report the text around the cursor
//! (`window::programs`). If they do not, v2m knows what it has put there itself. That counts as
//! long as the text goes into the same window and the user has done nothing in between (`between`).
//! If nothing is known about the user's actions, a space is the smaller mistake for [`SHORTLY`],
//! and letters are not changed. Text that was not put at the cursor does not count.
//!
//! The text at the cursor is kept only in memory, and is written nowhere.

mod between;
pub(crate) mod mutter;
#[cfg(test)]
mod tests;
mod watch;
pub(crate) mod wayland;
pub(crate) mod x11;

pub use between::ShortcutPresses;
pub(crate) use between::{Between, Grain};
pub(crate) use watch::{InputWatch, Recorder};

use crate::deliver::cursor::Delivered;
use crate::deliver::window::programs::{Around, Field, Focused, Widget};
use crate::deliver::window::{PasteKeys, Window};
use crate::text::{Context, Letters, Rules};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tracing::debug;

/// How long after a text the next one gets a space although nothing is known about the user's
/// actions. For this time, users are likely to continue where they were. It is counted to the start
/// of the next recording, because people who speak do not type.
pub(crate) const SHORTLY: Duration = Duration::from_secs(30);
/// The number of characters that are remembered from the end of a text. Joining never needs more
/// context.
const TAIL: usize = 200;
/// The length in bytes up to which the rules take less than a millisecond for a text.
const SHORT: usize = 8 << 10;
/// The number of letters and digits at the end that are compared to recognise v2m's text in a
/// field.
const ALIKE: usize = 8;

/// The settings for joining a text to the text at the cursor.
#[derive(Clone, Debug)]
pub struct Join {
    /// The rules for joining texts.
    pub rules: Arc<Rules>,
    /// The text's language, as an ISO 639-1 code.
    pub language: String,
    /// Whether letters may change too.
    pub letters: Letters,
    /// Whether programs are asked for the text around the cursor.
    pub asks_field: bool,
    /// The shortcut's commands so far.
    pub presses: ShortcutPresses,
    /// When the recording started.
    pub begun: Instant,
}

/// The place that a text goes to, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) window: Option<Window>,
    field: Option<Field>,
    programs: Vec<String>,
    /// The program that has the keyboard reports nothing about itself.
    is_silent: bool,
    is_password: bool,
    is_terminal: bool,
}

impl Destination {
    /// Collects what is known about the place. `keys` recognises terminals by their names.
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

    /// Whether the program reported its text field.
    pub(crate) fn has_field(&self) -> bool {
        self.field.is_some()
    }

    /// Whether nothing is known about the place.
    pub(crate) fn is_unknown(&self) -> bool {
        self.window.is_none() && self.field.is_none() && self.programs.is_empty()
    }

    /// Whether both may be the same place, because nothing shows that they differ.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
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

/// The last text that v2m has put at the cursor.
#[derive(Debug, Default)]
pub(crate) struct Joint(Option<Landed>);

#[derive(Debug)]
struct Landed {
    place: Destination,
    /// The end of the text, including the text that stood before it.
    tail: String,
    at: Instant,
    /// The watch over the user's actions since. `None`: the desktop does not report them.
    watch: Option<InputWatch>,
    /// The whole text, in case the user takes it back.
    delivered: Option<Delivered>,
}

impl Joint {
    /// Returns the text as it is put at the cursor. `told` is the field's report.
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

    /// Joins a text as [`Self::join`] does, and uses a thread for a long one.
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
        // A panic ends the process.
        joined.await.unwrap_or_default()
    }

    /// Returns the text around the cursor, and whether letters may change to fit it.
    fn context<'a>(
        &'a self,
        join: &Join,
        place: &Destination,
        told: Option<&'a Around>,
        now: Instant,
    ) -> (Context<'a>, Letters) {
        let (context, letters) = self.surroundings(join, place, told, now);
        // Commands are case-sensitive.
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
            // The text that v2m has put there must be there. Otherwise the program reports
            // something else, or is late.
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

    /// Notes that the text has been put there unchanged. `told` is the field's report before that.
    /// A password is not remembered.
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
        self.0 = Some(Landed { place, tail, at, watch, delivered: None });
    }

    /// Keeps the whole text that was delivered.
    pub(crate) fn keep(&mut self, delivered: Delivered) {
        if let Some(landed) = &mut self.0 {
            landed.delivered = Some(delivered);
        }
    }

    /// Returns the last text, and its place.
    pub(crate) fn undoable(&self) -> Option<(&Delivered, &Destination)> {
        let landed = self.0.as_ref()?;
        Some((landed.delivered.as_ref()?, &landed.place))
    }

    /// Returns the user's activity since the last text, and the time of its delivery.
    pub(crate) fn since(&self, presses: &ShortcutPresses, now: Instant) -> (Between, Instant) {
        let Some(landed) = &self.0 else { return (Between::Unknown, now) };
        let watch = landed.watch.as_ref();
        (watch.map_or(Between::Unknown, |watch| watch.between(presses, now)), landed.at)
    }

    /// Forgets the last text, because the text at the cursor is unknown.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }

    /// Notes that a text may have been put there, completely or in part.
    pub(crate) fn doubt(&mut self) {
        if let Some(landed) = &mut self.0 {
            landed.watch = None;
            landed.delivered = None;
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
