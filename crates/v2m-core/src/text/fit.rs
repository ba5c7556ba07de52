//! Corrects spaces within the text.

use super::language::Language;
use super::token::{CLOSING, Token, TokenKind};

/// Moves lone marks ("word , word") to the word before them, unless the language has a space there.
/// Returns whether there were any.
pub(super) fn spacing(tokens: &mut [Token<'_>], language: &Language) -> bool {
    let mut changed = false;
    let mut at = 0;
    while at < tokens.len() {
        // This chunk may be marks only. Find what is glued to its first one.
        let rest = &tokens[at + 1..];
        let end =
            at + 1 + rest.iter().take_while(|t| t.glued && t.kind != TokenKind::Break).count();
        let lone = at > 0
            && !tokens[at].glued
            && tokens[at - 1].kind != TokenKind::Break
            && !language.spaces(&tokens[at].text)
            && tokens[at..end].iter().all(|token| token.is_mark_of(CLOSING));
        tokens[at].glued |= lone;
        changed |= lone;
        at = end;
    }
    changed
}
