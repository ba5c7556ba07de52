//! What a dictation is like beside its text: short sounds that say when v2m hears, media players
//! that keep quiet meanwhile, and the program that shows the state on the screen.
//!
//! | file | what it is for |
//! |---|---|
//! | `sounds` | the sounds, computed: pure |
//! | `player` | who plays them, one after the other, on the thread `v2m-sounds` |
//! | `playback` | one sound through PipeWire, from connecting to the last sample |
//! | `players` | media players (MPRIS): paused for a recording, resumed after it |
//! | `overlay` | starts and ends `v2m-osd`, which shows the state on the screen |
//!
//! Nothing here is needed for a dictation, so nothing here is waited for, and what goes wrong is a
//! line of the log at debug. Deliberately not here: when which sound is due (the session's
//! decision, `Effect::Play`), and volume (the desktop's own, by the stream's role).

pub mod overlay;
mod playback;
mod player;
mod players;
mod sounds;

pub use player::Speaker;
pub use players::MediaPlayers;
pub use sounds::{PEAK_DBFS, RATE, Sound};
