//! Removes text that models put around their answer despite their instructions: thoughts, tokens,
//! quotes, fences, prefaces, notes.
//!
//! Nothing that the user wrote is removed: a marker that also occurs in the original text stays.

use v2m_messages::verbatim;

/// The tags that begin and end thoughts, by the models that write them (DeepSeek and Qwen; Claude's
/// and others' tags; Mistral's Magistral; gpt-oss's channels in OpenAI's "harmony" format: all
/// channels before the last one are thoughts).
const THOUGHTS: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis", FINAL_CHANNEL),
    ("<|channel|>commentary", FINAL_CHANNEL),
    ("<|start|>assistant<|channel|>analysis", FINAL_CHANNEL),
    ("<|start|>assistant<|channel|>commentary", FINAL_CHANNEL),
];

/// The length of the longest tag that begins a thought, in bytes.
pub(crate) const LONGEST_TAG: usize = "<|start|>assistant<|channel|>commentary".len();

/// In gpt-oss's channels, the answer itself follows this and a [`MESSAGE`].
const FINAL_CHANNEL: &str = "<|channel|>final";
const MESSAGE: &str = "<|message|>";

/// The beginning and end of gpt-oss's thoughts if the server removes its tokens.
const BARE_CHANNELS: (&str, &str) = ("analysis", "assistantfinal");

/// Tokens that end an answer, if a server shows them.
const END_TOKENS: [&str; 11] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<|return|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "</s>",
    "<eos>",
    "[/INST]",
    "<|assistant|>",
];

/// Beginnings of a line that may announce the answer, in lower case.
const PREFACES: [&str; 14] = verbatim!([
    "here is",
    "here's",
    "here are",
    "sure",
    "certainly",
    "of course",
    "okay",
    "ok,",
    "the",
    "corrected",
    "cleaned",
    "aquí",
    "claro",
    "por supuesto",
]);

/// Words in such a line that describe an answer, unlike words that people dictate. The line must
/// contain at least one of each list.
const DONE: [&str; 16] = [
    "corrected",
    "cleaned",
    "rewritten",
    "revised",
    "edited",
    "translated",
    "polished",
    "improved",
    "translation",
    "corregid",
    "limpi",
    "reescrit",
    "revisad",
    "editad",
    "traducid",
    "traducción",
];

/// Beginnings of a paragraph that may be about the answer, in lower case.
const NOTES: [&str; 12] = verbatim!([
    "note",
    "(note",
    "*note",
    "**note",
    "i fixed",
    "i corrected",
    "i've",
    "i have",
    "i made",
    "i removed",
    "nota",
    "he corregido",
]);

/// The subjects of such a paragraph.
const EDITING: [&str; 12] = [
    "punctuation",
    "grammar",
    "spelling",
    "typo",
    "filler",
    "capitali",
    "wording",
    "puntuación",
    "gramátic",
    "ortograf",
    "mayúscula",
    "muletilla",
];

/// The largest number of nested layers that are removed. An answer may be made to have thousands.
const MOST_LAYERS: usize = 16;

/// The longest preface, in bytes.
const LONGEST_PREFACE: usize = 120;

/// The longest note, in bytes.
const LONGEST_NOTE: usize = 600;

const QUOTES: [(char, char); 5] = [('"', '"'), ('“', '”'), ('«', '»'), ('„', '“'), ('\'', '\'')];

/// Returns the tags of the thought at the start of a text: its beginning and its end.
pub(crate) fn opening_thought(text: &str) -> Option<(&'static str, &'static str)> {
    let text = text.trim_start();
    THOUGHTS.into_iter().find(|(open, _)| starts_with(text, open))
}

/// Returns the text after the last end of a thought, in any letter case. The thought's beginning
/// may be missing.
pub(crate) fn after_thoughts(text: &str) -> Option<&str> {
    let ends = THOUGHTS.iter().map(|(_, close)| *close).chain([BARE_CHANNELS.1]);
    let last = ends.filter_map(|close| Some(rfind(text, close)? + close.len())).max();
    last.and_then(|at| text.get(at..))
}

/// The length of the longest end of a thought, in bytes.
pub(crate) const LONGEST_END: usize = FINAL_CHANNEL.len();

/// Returns the position of `needle`, which is ASCII, in the text, in any letter case.
pub(crate) fn find(text: &str, needle: &str) -> Option<usize> {
    let found = text.as_bytes().windows(needle.len());
    found.into_iter().position(|part| part.eq_ignore_ascii_case(needle.as_bytes()))
}

fn rfind(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes().windows(needle.len()).rposition(|p| p.eq_ignore_ascii_case(needle.as_bytes()))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// Returns the answer to `original`, without the text around it. `fence`: the name of the tag
/// around the original in the prompt.
pub fn unwrap(answer: &str, original: &str, fence: &str) -> String {
    let mut text = without_thoughts(answer.trim_matches(is_nothing), original);
    // Each layer may contain another one.
    for _ in 0..MOST_LAYERS {
        let before = text.len();
        text = without_end_tokens(text, original);
        text = without_fence(text, fence);
        text = without_preface(text, original);
        text = without_note(text, original);
        text = without_code_fence(text, original);
        text = without_quotes(text, original);
        text = without_bold(text, original);
        text = text.trim_matches(is_nothing);
        if text.len() == before {
            break;
        }
    }
    text.to_owned()
}

fn is_nothing(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

fn without_thoughts<'t>(mut text: &'t str, original: &str) -> &'t str {
    if let Some(said) = final_channel(text, original) {
        return said;
    }
    while let Some((open, close)) = opening_thought(text) {
        if starts_with(original.trim_start(), open) {
            return text;
        }
        // A thought without an end is the whole text.
        text = find(text, close)
            .map_or("", |at| &text[at + close.len()..])
            .trim_start_matches(is_nothing);
    }
    // Some servers drop the beginning of a thought.
    let ends = THOUGHTS.iter().filter(|(_, close)| find(original, close).is_none());
    // An end after its beginning is part of the text, which may be about such tags.
    let ends = ends.filter(|(open, _)| find(text, open).is_none());
    let last = ends.filter_map(|(_, close)| Some(rfind(text, close)? + close.len())).max();
    last.map_or(text, |at| &text[at..])
}

/// Returns gpt-oss's last channel. In its earlier channels it thinks, or calls tools that it does
/// not have.
fn final_channel<'t>(text: &'t str, original: &str) -> Option<&'t str> {
    if original.contains("<|channel|>") {
        return None;
    }
    if let Some(at) = rfind(text, FINAL_CHANNEL) {
        // There may be "<|constrain|>json" between them.
        let rest = &text[at + FINAL_CHANNEL.len()..];
        return Some(find(rest, MESSAGE).map_or(rest, |at| &rest[at + MESSAGE.len()..]));
    }
    let (open, close) = BARE_CHANNELS;
    // "analysisThe user wants…": people would put a space there.
    let begins =
        text.strip_prefix(open).is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    let at = text.rfind(close).filter(|_| begins && !original.contains(close))?;
    Some(&text[at + close.len()..])
}

fn without_end_tokens<'t>(text: &'t str, original: &str) -> &'t str {
    let text = text.trim_end_matches(is_nothing);
    let token =
        END_TOKENS.iter().find(|token| text.ends_with(**token) && !original.contains(**token));
    token.map_or(text, |token| &text[..text.len() - token.len()])
}

fn without_fence<'t>(text: &'t str, fence: &str) -> &'t str {
    let (open, close) = (format!("<{fence}>"), format!("</{fence}>"));
    let text = text.strip_prefix(open.as_str()).unwrap_or(text).trim();
    text.strip_suffix(close.as_str()).unwrap_or(text).trim()
}

/// Removes a line such as "Here is the corrected text:".
fn without_preface<'t>(text: &'t str, original: &str) -> &'t str {
    let Some((first, rest)) = text.split_once('\n') else { return text };
    let first = first.trim().trim_matches('*');
    if first.len() > LONGEST_PREFACE {
        return text;
    }
    let low = first.to_lowercase();
    let is_one = low.ends_with([':', '：'])
        && PREFACES.iter().any(|start| low.starts_with(start))
        && DONE.iter().any(|word| low.contains(word) && !original.to_lowercase().contains(word))
        && !rest.trim().is_empty();
    if is_one { rest.trim_start() } else { text }
}

/// Removes a last paragraph that describes the changes.
fn without_note<'t>(text: &'t str, original: &str) -> &'t str {
    let Some(at) = text.trim_end().rfind("\n\n") else { return text };
    if text.len() - at > LONGEST_NOTE {
        return text;
    }
    let (low, original) = (text[at..].trim().to_lowercase(), original.to_lowercase());
    let is_one = NOTES.iter().any(|start| low.starts_with(start))
        && EDITING.iter().any(|word| low.contains(word) && !original.contains(word));
    if is_one && !text[..at].trim().is_empty() { text[..at].trim_end() } else { text }
}

/// Removes "```text\n…\n```" around the whole answer, if there are no other fences.
fn without_code_fence<'t>(text: &'t str, original: &str) -> &'t str {
    if original.contains("```") {
        return text;
    }
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let inner = inner.filter(|inner| !inner.contains("```"));
    match inner.and_then(|inner| inner.split_once('\n')) {
        Some((language, inner)) if language.trim().chars().all(char::is_alphanumeric) => {
            inner.trim()
        }
        Some(_) | None => text,
    }
}

fn without_quotes<'t>(text: &'t str, original: &str) -> &'t str {
    let had = original.trim().starts_with(|c| QUOTES.iter().any(|(open, _)| c == *open));
    let inner = QUOTES.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.contains([*open, *close])).then_some(inner)
    });
    inner.filter(|_| !had).unwrap_or(text)
}

fn without_bold<'t>(text: &'t str, original: &str) -> &'t str {
    let inner = text.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"));
    inner.filter(|inner| !inner.contains("**") && !original.contains("**")).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "hello it's me";

    #[test]
    fn what_models_put_around_is_taken_off() {
        for answer in [
            "Hello.",
            " \nHello.\n ",
            "<f>\nHello.\n</f>",
            "<think>They greet.</think>\n\nHello.",
            "<Think>\nThey greet.\n</Think>\nHello.",
            "<think></think>\n<think>b</think>\nHello.",
            "<thinking>They greet.</thinking>Hello.",
            "[THINK]They greet.[/THINK]Hello.",
            "They greet.\n</think>\n\nHello.",
            "<|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>",
            "<|start|>assistant<|channel|>commentary<|message|>x<|end|><|channel|>final <|constrain|>text<|message|>Hello.<|end|>",
            "<|channel|>final<|message|>Hello.",
            "analysisThey greet. \"Hello\".assistantfinalHello.",
            "Hello.<|im_end|>",
            "Hello.</s>\n",
            "```\nHello.\n```",
            "```plaintext\nHello.\n```",
            "```\nHello.\n```\n\nI fixed the punctuation.",
            "Here is the corrected text:\n\nHello.",
            "Here is the corrected text:\n\n```\nHello.\n```",
            "**Sure, here is the cleaned text:**\n\"Hello.\"",
            "\"Hello.\"",
            "“Hello.”",
            "«Hello.»",
            "**Hello.**",
            "\u{feff}Hello.\u{200b}",
            "Hello.\n\nNote: I corrected the punctuation.",
            "Aquí está el texto corregido:\nHello.",
        ] {
            assert_eq!(unwrap(answer, TEXT, "f"), "Hello.", "{answer}");
        }
        for thought in ["<think>They greet", "<|channel|>analysis<|message|>They greet.<|end|>"] {
            assert_eq!(unwrap(thought, TEXT, "f"), "", "{thought}");
        }
    }

    #[test]
    fn what_the_user_wrote_stays() {
        for text in [
            "\"Hello\" is a word. So is \"you\"",
            "'tis so, and 'twas'",
            "```\na\n```\nb\n```\nc\n```",
            "```",
            "Hello: a\nb",
            "First.\n\nSecond.",
            "Sure: yes",
            "Hi Ana,\n\nI've attached the report.",
            "OK, team:\n\nThe meeting is at noon.",
            "See the report.\n\nLet me know if you have questions.",
            "Here is the shopping list:\n- milk\n- eggs",
            "Claro que sí, estos son los puntos:\n- uno",
            "Open daily.\n\nNote: closed on Monday.",
            "Put <think> and </think> tags around it.",
            "Analysis of the data: done.",
            "analysis of the data is what the assistantfinal does",
        ] {
            assert_eq!(unwrap(text, TEXT, "f"), text, "{text}");
        }
        for (original, answer) in [
            ("\"quoted\"", "\"Quoted.\""),
            ("**bold**", "**Bold.**"),
            ("here is the list: eggs", "Here is the list:\neggs"),
            ("buy milk note: not skimmed", "Buy milk.\n\nNote: not skimmed."),
            ("the tag </think> ends it", "The tag </think> ends it."),
            ("<think> is a tag", "<think> is a tag."),
            ("the token <|channel|>final", "The token <|channel|>final"),
            ("write </s>", "Write </s>"),
            ("```x```", "```\nx\n```"),
        ] {
            assert_eq!(unwrap(answer, original, "f"), answer, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_unwrapped_once_and_for_all(
            answer in "(<think>|</think>|```|\n|<f>|\"|“|”|\\*\\*|Here is:|Note:|</s>|.){0,8}",
        ) {
            let once = unwrap(&answer, TEXT, "f");
            prop_assert!(once.len() <= answer.len());
        }

        #[test]
        fn a_text_that_is_given_back_stays(text in "[a-zñ \"“”*`<>/:\n]{0,40}") {
            prop_assert_eq!(unwrap(&text, &text, "f"), text.trim());
        }
    }
}
