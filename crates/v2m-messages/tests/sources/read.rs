//! Finds messages, and sentences that are not messages, in Rust sources.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// A message in a source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) context: Option<String>,
    pub(crate) text: String,
    /// The form for numbers other than one.
    pub(crate) many: Option<String>,
    /// The names of the values. `None`: the message is only marked here, and filled elsewhere.
    pub(crate) values: Option<BTreeSet<String>>,
}

/// A string literal that looks like a sentence but is not a message.
#[derive(Debug, PartialEq)]
pub(crate) struct Sentence {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The messages and other sentences found in sources.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) messages: Vec<Message>,
    pub(crate) sentences: Vec<Sentence>,
}

/// Macros and methods with texts that users do not see: the journal's, or those of a bug.
const SILENT: [&str; 22] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "trace_span",
    "debug_span",
    "info_span",
    "event",
    "panic",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "expect",
    "expect_err",
    "include_str",
    "verbatim",
    "matches",
];

/// Attributes with texts that users see: thiserror's and clap's.
const SHOWN: [&str; 5] = ["error", "arg", "command", "value", "clap"];
/// clap's derive macros. Doc comments inside these types are help texts.
const CLAP: [&str; 4] = ["Parser", "Subcommand", "Args", "ValueEnum"];

impl Found {
    /// Reads a source. Tests in it are left out.
    pub(crate) fn add(&mut self, file: &str, source: &str) {
        let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        self.walk(file, tokens, true);
    }

    fn walk(&mut self, file: &str, tokens: TokenStream, shown: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        // Whether the next braces belong to a type for clap.
        let mut clap = false;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                // `#[…]` and `#![…]`.
                TokenTree::Punct(mark) if mark.as_char() == '#' => {
                    let inner =
                        matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                    let Some(TokenTree::Group(group)) = tokens.get(at + usize::from(inner)) else {
                        continue;
                    };
                    if group.delimiter() != Delimiter::Bracket {
                        continue;
                    }
                    at += 1 + usize::from(inner);
                    let text = group.stream().to_string();
                    let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
                    let mut words = text.split(|c: char| !c.is_alphanumeric());
                    clap |= name == "derive" && words.any(|word| CLAP.contains(&word));
                    if text == "cfg (test)" || text == "cfg(test)" || text == "test" {
                        at += item(&tokens[at..]);
                    } else {
                        self.walk(file, group.stream(), shown && SHOWN.contains(&name));
                    }
                }
                TokenTree::Ident(name) => {
                    let name = name.to_string();
                    let call =
                        matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                    let Some(TokenTree::Group(group)) = tokens.get(at + usize::from(call)) else {
                        continue;
                    };
                    if call && (name == "tr" || name == "mark") {
                        at += 2;
                        self.message(file, group, name == "tr", shown);
                    } else if name != "error" && call && name == "macro_rules" {
                        at += 1;
                    } else if SILENT.contains(&name.as_str())
                        && (call || name.starts_with("expect"))
                    {
                        at += 1 + usize::from(call);
                        self.walk(file, group.stream(), false);
                    }
                }
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Brace && std::mem::take(&mut clap) {
                        self.docs(file, group.stream());
                    }
                    self.walk(file, group.stream(), shown);
                }
                TokenTree::Literal(literal) if shown => {
                    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
                        continue;
                    };
                    self.sentence(file, literal.span().start().line, text.value());
                }
                _ => {}
            }
        }
    }

    /// Takes doc comments as sentences.
    fn docs(&mut self, file: &str, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.docs(file, group.stream()),
                // `doc = "…"`: the compiler's form of a doc comment.
                TokenTree::Ident(name) if name == "doc" => {
                    let Some(TokenTree::Literal(literal)) = tokens.get(at + 2) else { continue };
                    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
                        continue;
                    };
                    self.sentence(file, literal.span().start().line, text.value());
                }
                _ => {}
            }
        }
    }

    fn sentence(&mut self, file: &str, line: usize, text: String) {
        if is_sentence(&text) {
            self.sentences.push(Sentence { file: file.into(), line, text });
        }
    }

    /// Reads the arguments of `tr!` or `mark!`.
    fn message(&mut self, file: &str, group: &Group, filled: bool, shown: bool) {
        let parts = arguments(group.stream());
        let line = group.span_open().start().line;
        let mut texts = Vec::new();
        let mut marks = String::new();
        let first = parts.first().cloned().unwrap_or_default();
        for token in &first {
            match token {
                TokenTree::Literal(literal) if !marks.contains('%') => {
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    texts.extend(text.map(|text| text.value()));
                }
                TokenTree::Punct(mark) => marks.push(mark.as_char()),
                _ => {}
            }
        }
        let (context, text, many) = match (texts.as_slice(), marks.get(..2)) {
            ([context, text], Some("=>")) => (Some(context.clone()), text.clone(), None),
            ([one, many], Some("|%")) => (None, one.clone(), Some(many.clone())),
            ([text], None) => (None, text.clone(), None),
            _ => panic!("{file}:{line}: a message is a text, a plural or a context and a text"),
        };
        let names = parts[1..].iter().filter_map(|part| Some(part.first()?.to_string()));
        let values = filled.then(|| names.collect());
        self.messages.push(Message { file: file.into(), line, context, text, many, values });
        // Values may contain messages.
        let rest = parts[1..].iter().flatten().cloned();
        self.walk(file, rest.collect(), shown);
        if let Some(percent) = first.iter().position(|t| t.to_string() == "%") {
            self.walk(file, first[percent..].iter().cloned().collect(), shown);
        }
    }
}

/// Splits at commas.
fn arguments(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        if matches!(&token, TokenTree::Punct(p) if p.as_char() == ',') {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns the number of tokens of the item after an attribute: up to its braces or semicolon.
fn item(tokens: &[TokenTree]) -> usize {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    });
    end.map_or(tokens.len(), |at| at + 1)
}

/// Whether a text has two consecutive words, the second in lower case: names of units, keys and
/// command lines rarely do.
fn is_sentence(text: &str) -> bool {
    let word = |word: &str| {
        let word = word.trim_end_matches(['.', ',', ':', ';', '?', '!', ')', '…']);
        word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '\'')
    };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words
        .windows(2)
        .any(|pair| word(pair[1]) && (word(pair[0]) || pair[0].chars().all(char::is_alphabetic)))
}

#[test]
fn messages_and_sentences_are_told_apart() {
    let source = r##"
        //! A comment of words.
        #[error("{}", tr!("reading {path}: {source}", path = .path.display(), source))]
        struct A;
        #[error("not a message")]
        struct B;
        /// A comment of words.
        #[derive(Debug, Parser)]
        #[command(about = "help of a program")]
        struct L {
            #[arg(long = "long-name", help = "help of an option", default_value = tr!("a default"))]
            m: bool,
            /// A comment that is help.
            n: bool,
        }
        #[derive(Debug)]
        struct O {
            /// A comment of words.
            #[serde(rename = "neither shown nor a message")]
            p: bool,
        }
        static C: &str = mark!("a marked text");
        fn d() {
            warn!("nobody reads this text");
            let e = f("shown but no message", "systemctl", "v2m-send toggle");
            let g = tr!("{n} file in {place}" | "{n} files in {place}" % h.len(), place = tr!("the folder"));
            let i = tr!("state" => "is open \
                there");
            let j = verbatim!(format!("for the journal"));
        }
        #[cfg(test)]
        mod tests { fn k() { l("nobody sees this text") } }
    "##;
    let mut found = Found::default();
    found.add("a.rs", source);
    let sentences: Vec<_> = found.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "not a message",
            "help of a program",
            " A comment that is help.",
            "help of an option",
            "shown but no message",
        ]
    );
    let texts: Vec<_> = found.messages.iter().map(|message| message.text.as_str()).collect();
    let expected = [
        "reading {path}: {source}",
        "a default",
        "a marked text",
        "{n} file in {place}",
        "the folder",
        "is open there",
    ];
    assert_eq!(texts, expected);
    let values =
        |at: usize| found.messages[at].values.clone().map(|v| v.into_iter().collect::<Vec<_>>());
    assert_eq!(values(0).unwrap(), ["path", "source"]);
    assert_eq!(values(2), None);
    assert_eq!(values(3).unwrap(), ["place"]);
    assert_eq!(found.messages[3].many.as_deref(), Some("{n} files in {place}"));
    assert_eq!(found.messages[5].context.as_deref(), Some("state"));
}
