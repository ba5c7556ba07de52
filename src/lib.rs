//! v2m's daemon, room by room. ARCHITECTURE.md is the long form of this map.
//!
//! What is pure (`session`, `text`, and the words that rooms share) is a crate of its own,
//! [`v2m_core`], whose map is in its `lib.rs`. Its rooms are named here as if they were this
//! crate's: every room writes `crate::session`.
//!
//! | room | kind | what it is for |
//! |---|---|---|
//! | [`config`] | edge | the file and the environment, checked, as settings |
//! | [`capture`] | edge | the microphone, through PipeWire: samples and events out |
//! | [`recognise`] | edge | the recogniser: engines that are spawned, fed, replaced, and fed again |
//! | [`deliver`] | edge | clipboard, cursor and notification; each sink tells what it did or why not |
//! | [`feedback`] | edge | sounds, media players that are quiet while somebody speaks, and the sign on the screen |
//! | [`store`] | edge | every dictation's audio and text on disk; recovery |
//! | [`media`] | edge | sound files into PCM, in a process that may die of it |
//! | [`server`] | edge | the socket: accept, peer check, frames, limits; wire types stop here |
//! | [`dbus`] | edge | the session-bus interface: state, events, the socket's commands |
//! | [`shortcut`] | edge | the key that runs `v2m-send toggle`, in GNOME's settings |
//! | [`systemd`] | edge | listening socket, readiness, status, watchdog |
//! | [`suspend`] | edge | logind's word that the machine sleeps or wakes, and the lock that delays it |
//! | [`llm`] | edge | what v2m-llm is asked, and the presets: it alone has a network |
//! | [`telemetry`] | edge | figures of the machine: processors, memory, GPU |
//! | [`logging`] | edge | the journal with fields, or stderr |
//! | [`unit`] | leaf | the sockets of the programs with a network: opened when needed, closed otherwise |
//! | [`watch`] | leaf | tells when files change, whether they exist yet or not |
//! | [`call`] | leaf | the channel by which doors ask the daemon |
//! | [`mix`] | leaf | several channels of sound into one that carries what was said |
//! | [`loudness`] | leaf | how loud a recording is, and whether that is good enough |
//! | [`regular`] | leaf | files that are opened without waiting, if they are what they should be |
//! | [`terminal`] | leaf | which terminal a program can be shown in |
//! | [`pipewire_client`] | leaf | which configuration PipeWire's library reads |
//! | [`pauses`] | leaf | how long to wait before a lost connection is made anew |
//! | [`daemon`] | wiring | the one event loop: events in, `session.handle`, effects out |
//! | [`completions`] | leaf | what a shell completes for v2m and v2m-send |
//! | [`help`] | leaf | clap's own words in `--help`, in the user's language |
//! | [`import`] | wiring | `v2m import-config`: the settings of voice2machine |
//! | [`doctor`] | wiring | `v2m doctor`: each thing a dictation needs, a line each with its fix |
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
