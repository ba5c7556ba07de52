//! The message catalogue: the texts that v2m's programs show, in the user's language.
//!
//! The English text is in the code, inside [`tr!`], and identifies the message, as with GNU
//! gettext. Translations are in `po/LANGUAGE.po`; the build script turns them into tables.
//! `tests/sources` reads all sources and checks that each message is translated, with the same
//! placeholders; `make messages` adds new messages to the files.
//!
//! Not translated: text for programs (JSON keys, D-Bus, exit codes), the journal's own messages,
//! manuals, shell completions, and prompts for language models.

#[cfg(feature = "lexopt")]
pub mod arguments;
mod fill;
mod locale;
mod sentence;
mod system;

pub use fill::fill;
pub use sentence::{capitalised, ended};
pub use system::system_error;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

include!(concat!(env!("OUT_DIR"), "/catalogues.rs"));

/// The translations into one language.
#[derive(Debug)]
pub struct Catalogue {
    /// The ISO 639-1 code.
    language: &'static str,
    /// English text and translations, sorted by the English text. A message that depends on a
    /// number has two translations: for one, and for any other number.
    rows: &'static [(&'static str, &'static [&'static str])],
}

impl Catalogue {
    /// Returns the catalogue of a language, by its ISO 639-1 code.
    #[must_use]
    pub fn of(language: &str) -> Option<&'static Self> {
        CATALOGUES.iter().find(|catalogue| catalogue.language == language)
    }

    /// Returns the translation of `english`.
    #[must_use]
    pub fn text(&self, english: &str) -> Option<&'static str> {
        self.forms(english)?.first().copied()
    }

    /// Returns the translation for the number `n` of a message with the singular `english`.
    #[must_use]
    pub fn plural(&self, english: &str, n: u64) -> Option<&'static str> {
        self.forms(english)?.get(usize::from(n != 1)).copied()
    }

    fn forms(&self, english: &str) -> Option<&'static [&'static str]> {
        let at = self.rows.binary_search_by_key(&english, |(id, _)| id).ok()?;
        self.rows.get(at).map(|(_, texts)| *texts)
    }
}

/// Whether all messages are in English, whatever the locale.
static ENGLISH: AtomicBool = AtomicBool::new(false);

/// Shows all further messages in English. For text that is in English in every locale: shell
/// completions, which packages build once for all users.
pub fn keep_to_english() {
    ENGLISH.store(true, Ordering::Relaxed);
}

/// Returns the catalogue for the user's locale. `None`: English.
fn in_force() -> Option<&'static Catalogue> {
    static IN_FORCE: OnceLock<Option<&'static Catalogue>> = OnceLock::new();
    if ENGLISH.load(Ordering::Relaxed) {
        return None;
    }
    *IN_FORCE.get_or_init(|| {
        let variable = |name: &str| std::env::var(name).ok();
        let wanted = locale::languages(variable).into_iter();
        wanted
            .map_while(|language| (language != "en").then_some(language))
            .find_map(|l| Catalogue::of(&l))
    })
}

/// Returns the language of the messages: the ISO 639-1 code of a catalogue, or `en`.
#[must_use]
pub fn language() -> &'static str {
    in_force().map_or("en", |catalogue| catalogue.language)
}

/// Returns the languages that the user reads, according to the locale, the preferred one first: ISO
/// 639-1 codes, with or without a catalogue.
#[must_use]
pub fn wanted_languages() -> Vec<String> {
    locale::languages(|name| std::env::var(name).ok())
}

/// Returns the translation of a text that was marked with [`mark!`].
#[must_use]
pub fn text(english: &'static str) -> &'static str {
    in_force().and_then(|catalogue| catalogue.text(english)).unwrap_or(english)
}

/// Returns the words that users may say for a text that was marked with [`mark!`]: its translation
/// in each catalogue. The program that understands them may have another locale than the user.
pub fn translations(english: &str) -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().filter_map(move |catalogue| catalogue.text(english))
}

/// Used by [`tr!`]: returns the translation of a text with a context, which distinguishes messages
/// with the same English text.
#[must_use]
pub fn in_context(english: &'static str, id: &str) -> &'static str {
    in_force().and_then(|catalogue| catalogue.text(id)).unwrap_or(english)
}

/// Used by [`tr!`]: returns the form of a message for the number `n`.
#[must_use]
pub fn plural(one: &'static str, many: &'static str, n: u64) -> &'static str {
    let english = if n == 1 { one } else { many };
    in_force().and_then(|catalogue| catalogue.plural(one, n)).unwrap_or(english)
}

/// A number that selects the form of a message.
pub trait Count {
    /// Returns the number, or `u64::MAX` if it does not fit.
    fn count(self) -> u64;
}

macro_rules! counts {
    ($($kind:ty),+) => {$(
        impl Count for $kind {
            #[allow(clippy::useless_conversion, reason = "u64 is one of them")]
            #[allow(clippy::unnecessary_fallible_conversions, reason = "u64 is one of them")]
            fn count(self) -> u64 {
                u64::try_from(self).unwrap_or(u64::MAX)
            }
        }
    )+};
}
counts!(u32, u64, usize, u128);

/// Returns a message in the user's language.
///
/// - `tr!("Recording")`: a `&'static str`.
/// - `tr!("reading {path}: {error}", path = path.display(), error)`: a `String`. `error` alone
///   stands for `error = error`. Placeholders are names only, without a format; if one is needed,
///   write `seconds = format_args!("{seconds:.1}")`. `{{` and `}}` stand for braces.
/// - `tr!("{n} file" | "{n} files" % count)`: the form for a number, which `{n}` shows.
/// - `tr!("noun" => "Recording")`: a context, if one English text needs two translations.
///
/// The syntax is that of the crate `tr`, so that `xtr` and editors for gettext know it. The texts
/// must be literals: `tests/sources` reads them in the source.
#[macro_export]
macro_rules! tr {
    ($one:literal | $many:literal % $n:expr $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        let n = $crate::Count::count($n);
        let form = $crate::plural($one, $many, n);
        $crate::fill(form, &[("n", &n) $(, $crate::argument!($name $(= $value)?))*])
    }};
    ($context:literal => $text:literal) => {
        $crate::in_context($text, concat!($context, "\u{4}", $text))
    };
    ($context:literal => $text:literal $(, $name:ident $(= $value:expr)?)+ $(,)?) => {
        $crate::fill(
            $crate::in_context($text, concat!($context, "\u{4}", $text)),
            &[$($crate::argument!($name $(= $value)?)),+],
        )
    };
    ($text:literal $(,)?) => {
        $crate::text($text)
    };
    ($text:literal $(, $name:ident $(= $value:expr)?)+ $(,)?) => {
        $crate::fill($crate::text($text), &[$($crate::argument!($name $(= $value)?)),+])
    };
}

/// Marks a text for the catalogue if it cannot be translated yet, for example in a `static`. Show
/// it with [`text`].
#[macro_export]
macro_rules! mark {
    ($text:literal) => {
        $text
    };
}

/// Marks code with texts that stay English, because programs or only the journal get them.
/// `tests/sources` requires every other sentence to be a message.
#[macro_export]
macro_rules! verbatim {
    ($($code:tt)*) => {
        $($code)*
    };
}

/// Used by [`tr!`]: a placeholder's name and value.
#[doc(hidden)]
#[macro_export]
macro_rules! argument {
    ($name:ident) => {
        (stringify!($name), &$name as &dyn ::std::fmt::Display)
    };
    ($name:ident = $value:expr) => {
        (stringify!($name), &$value as &dyn ::std::fmt::Display)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogues_are_sorted_and_known_by_their_code() {
        let spanish = Catalogue::of("es").unwrap();
        assert!(spanish.rows.is_sorted_by_key(|(id, _)| id));
        assert!(spanish.text("no such text").is_none());
        assert!(Catalogue::of("en").is_none());
    }

    #[test]
    fn a_text_is_known_in_every_language() {
        assert!(translations("French").any(|name| name == "francés"));
        assert_eq!(translations("no such text").count(), 0);
    }

    #[test]
    fn a_number_chooses_the_form() {
        const ROWS: &[(&str, &[&str])] = &[("{n} file", &["{n} archivo", "{n} archivos"])];
        let catalogue = Catalogue { language: "es", rows: ROWS };
        let form = |n| catalogue.plural("{n} file", n).unwrap();
        assert_eq!([form(0), form(1), form(2)], ["{n} archivos", "{n} archivo", "{n} archivos"]);
    }

    #[test]
    fn without_a_catalogue_the_english_stands() {
        // Tests run with LC_ALL=C.
        assert_eq!(tr!("a text nobody translates"), "a text nobody translates");
        let (path, count) = ("/a", 2_usize);
        assert_eq!(tr!("at {path}: {why}", path, why = 1 + 1), "at /a: 2");
        assert_eq!(tr!("{n} x in {path}" | "{n} xs in {path}" % count, path), "2 xs in /a");
        assert_eq!(tr!("one x" | "{n} xs" % 1_u64), "one x");
        assert_eq!(tr!("a context" => "a text"), "a text");
        assert_eq!(tr!("a context" => "a {path}", path), "a /a");
        assert_eq!(text(mark!("a mark")), "a mark");
    }
}
