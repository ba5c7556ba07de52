//! What there is to hear of v2m, and what is quiet meanwhile. The session decides what is due; the
//! sounds and the players are `crate::feedback`'s.

use crate::feedback::{MediaPlayers, Sound, Speaker};
use crate::session::Cue;

/// What the daemon is heard by, and hears less beside.
#[derive(Debug)]
pub(super) struct Feedback {
    speaker: Speaker,
    players: MediaPlayers,
}

impl Feedback {
    /// Within a tokio runtime.
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

    /// Whether media players are to be quiet. Returns at once.
    pub(super) fn quiet(&self, wanted: bool) {
        self.players.quiet(wanted);
    }

    /// Lets media play again. Takes 2 s at most; then the last sound is heard out.
    pub(super) async fn end(self) {
        let Self { speaker, players } = self;
        players.finish().await;
        drop(speaker);
    }
}
