//! What v2m asks of a language model, and what it takes of the answer. Only [`client`] has a network; the rest is pure.
//!
//! Dictated text is data, never instruction. Two things hold that, neither of them trusting the model: the text stands
//! within a fence that it cannot close ([`prompt`]), and an answer that is not a rewriting of it is refused in favour of
//! the original ([`accept`]). [`preset`] says what is asked for, [`language`] what may be translated into,
//! [`wire`] how each provider wants to be asked.

pub mod accept;
pub mod client;
pub mod language;
pub mod preset;
pub mod prompt;
pub mod wire;
