//! The words of a notification, as the service receives them. Pure.

use crate::deliver::card::Card;
use v2m_ipc::plain;

/// Returns the title and body as they are sent. `markup`: the service reads markup in bodies. Also
/// removes NUL characters, because a bus closes the connection of a program that sends one.
pub(in crate::deliver) fn words(card: &Card, markup: bool) -> (String, String) {
    let (summary, body) = (plain::line(&card.summary), plain::text(&card.body));
    let body = if markup { escaped(&body) } else { body.into_owned() };
    (summary.into_owned(), body)
}

/// Escapes the three characters that begin markup or an entity, because dictated text is never
/// markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn words_are_never_markup() {
        assert_eq!(escaped("a < b & <i>c</i>"), "a &lt; b &amp; &lt;i&gt;c&lt;/i&gt;");
        assert_eq!(escaped("“€5” ñ 日"), "“€5” ñ 日");
    }
}
