//! Spaces within the text that fit.

use super::token::{CLOSING, Token, TokenKind};

/// Marks that stand alone ("word , word") move to the word before them; whether there were any.
pub(super) fn spacing(tokens: &mut [Token<'_>]) -> bool {
    let mut changed = false;
    let mut at = 0;
    while at < tokens.len() {
        // A chunk of marks and nothing else: what is glued to its first one.
        let rest = &tokens[at + 1..];
        let end =
            at + 1 + rest.iter().take_while(|t| t.glued && t.kind != TokenKind::Break).count();
        let lone = at > 0
            && !tokens[at].glued
            && tokens[at - 1].kind != TokenKind::Break
            && tokens[at..end].iter().all(|token| token.is_mark_of(CLOSING));
        tokens[at].glued |= lone;
        changed |= lone;
        at = end;
    }
    changed
}
