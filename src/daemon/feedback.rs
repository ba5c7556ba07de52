//! Plays sounds and pauses media players. The session decides when; `crate::feedback` does it.

use crate::feedback::{MediaPlayers, Sound, Speaker};
use crate::session::Cue;

/// The player of sounds, and the control of media players.
#[derive(Debug)]
pub(super) struct Feedback {
    speaker: Speaker,
    players: MediaPlayers,
}

impl Feedback {
    /// Must be called within a tokio runtime.
    pub(super) fn new() -> Self {
        Self { speaker: Speaker::spawn(), players: MediaPlayers::spawn(None) }
    }

    /// Returns at once.
    pub(super) fn play(&self, cue: Cue) {
        self.speaker.play(match cue {
            Cue::Start => Sound::Start,
            Cue::Stop => Sound::Stop,
            Cue::Problem => Sound::Problem,
        });
    }

    /// Pauses or resumes media players. Returns at once.
    pub(super) fn quiet(&self, wanted: bool) {
        self.players.quiet(wanted);
    }

    /// Resumes media players, which takes 2 s at most, and then plays the last sound to its end.
    pub(super) async fn end(self) {
        let Self { speaker, players } = self;
        players.finish().await;
        drop(speaker);
    }
}
