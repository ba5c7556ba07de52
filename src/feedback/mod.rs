//! Feedback during a dictation: short sounds that mark the start and end of a recording, media
//! players that are paused meanwhile, and the program that shows the state on the screen.
//!
//! | file | what it is for |
//! |---|---|
//! | `sounds` | computes the sounds; pure |
//! | `player` | plays them one after the other, on the thread `v2m-sounds` |
//! | `playback` | one sound through PipeWire, from connecting to the last sample |
//! | `players` | pauses media players (MPRIS) for a recording and resumes them after it |
//! | `overlay` | starts and ends `v2m-osd`, which shows the state on the screen |
//!
//! A dictation does not need any of this, so nothing waits for it, and failures are only logged at
//! debug level. Deliberately not here: the decision when to play which sound (the session's,
//! `Effect::Play`), and the volume (the desktop's own, by the stream's role).

pub mod overlay;
mod playback;
mod player;
mod players;
mod sounds;

pub use player::Speaker;
pub use players::MediaPlayers;
pub use sounds::{PEAK_DBFS, RATE, Sound};
