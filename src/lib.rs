//! v2m's daemon, room by room. ARCHITECTURE.md describes it in more detail.
//!
//! The pure parts (`session`, `text`, and types that rooms share) are in a separate crate,
//! [`v2m_core`], described in its `lib.rs`. Its rooms are re-exported here: every room writes
//! `crate::session`.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`config`] | edge | reads and checks the file and the environment, as settings |
//! | [`capture`] | edge | the microphone, through PipeWire: samples and events out |
//! | [`recognise`] | edge | the recogniser: starts, feeds and replaces engines |
//! | [`deliver`] | edge | clipboard, cursor and notification; each sink reports its result |
//! | [`feedback`] | edge | sounds, pausing of media players, and the sign on the screen |
//! | [`store`] | edge | every dictation's audio and text on disk; recovery |
//! | [`media`] | edge | decodes sound files to PCM, in a separate process that may crash |
//! | [`server`] | edge | the socket: accept, peer check, frames, limits; wire types stop here |
//! | [`dbus`] | edge | the session-bus interface: state, events, the socket's commands |
//! | [`shortcut`] | edge | the key that runs `v2m-send toggle`, in GNOME's settings |
//! | [`systemd`] | edge | listening socket, readiness, status, watchdog |
//! | [`suspend`] | edge | logind's suspend and resume signals, and the lock that delays suspend |
//! | [`llm`] | edge | requests to v2m-llm, which alone uses the network, and the presets |
//! | [`telemetry`] | edge | figures of the machine: processors, memory, GPU |
//! | [`logging`] | edge | the journal with fields, or stderr |
//! | [`unit`] | leaf | the sockets of the programs that use the network: opens and closes them |
//! | [`watch`] | leaf | reports changes of files, whether they exist yet or not |
//! | [`call`] | leaf | the channel from the doors to the daemon |
//! | [`mix`] | leaf | mixes several channels of sound into one |
//! | [`loudness`] | leaf | the loudness of a recording, and whether that is good enough |
//! | [`regular`] | leaf | opens files without waiting, if they are of the expected kind |
//! | [`terminal`] | leaf | selects a terminal to run a program in |
//! | [`pipewire_client`] | leaf | selects the configuration that PipeWire's library reads |
//! | [`pauses`] | leaf | waits between attempts to reconnect |
//! | [`daemon`] | wiring | the one event loop: events in, `session.handle`, effects out |
//! | [`completions`] | leaf | shell completions for v2m and v2m-send |
//! | [`help`] | leaf | clap's own messages in `--help`, in the user's language |
//! | [`import`] | wiring | `v2m import-config`: imports the settings of voice2machine |
//! | [`doctor`] | wiring | `v2m doctor`: checks each thing a dictation needs, with a fix |
//! | [`setup`] | wiring | `v2m setup`: from a fresh installation to the first dictation |
//!
//! Edges never import one another; only wiring sees every room, and only `main` names wiring.

pub use v2m_core::{chord, language, session, text};
pub use v2m_files as atomic;

pub mod call;
pub mod capture;
pub mod completions;
pub mod config;
pub mod daemon;
pub mod dbus;
pub mod deliver;
pub mod doctor;
pub mod feedback;
pub mod help;
pub mod import;
pub mod llm;
pub mod logging;
pub mod loudness;
pub mod media;
pub mod mix;
pub mod pauses;
pub mod pipewire_client;
pub mod recognise;
pub mod regular;
pub mod server;
pub mod setup;
pub mod shortcut;
pub mod store;
pub mod suspend;
pub mod systemd;
pub mod telemetry;
pub mod terminal;
pub mod unit;
pub mod watch;
