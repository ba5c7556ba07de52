//! Keys: which ones paste or write a text, which ones the user still holds, and the ways to press them.

pub(crate) mod codes;
pub(crate) mod held;
pub(crate) mod layout;
pub(crate) mod mutter;
pub(crate) mod portal;
pub(crate) mod remote;
pub(crate) mod virtual_keyboard;
pub(crate) mod xtest;
