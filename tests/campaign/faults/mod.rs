//! All faults. Each is prepared before a dictation, strikes at its moment, and is ended after its
//! duration.
//!
//! Jumps of the clock are not here: the container shares the machine's clock, which a test must not
//! change.

mod clients;
mod desktop;
mod disk;
mod engine;
mod resources;
mod service;
mod sound;
mod world;

use crate::lab::Lab;
use crate::plan::Random;

/// Ends a fault.
pub(crate) type Relief = Box<dyn FnOnce(&Lab) + Send>;
/// Starts a fault.
pub(crate) type Strike = Box<dyn FnOnce(&Lab) -> Relief + Send>;

/// A kind of fault.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its name in `FAULTS=` and in tables.
    pub(crate) name: &'static str,
    /// Whether the service is restarted before it, with the settings of `prepare`, and again after
    /// it.
    pub(crate) is_fresh: bool,
    /// The shortest and the longest duration, in seconds.
    pub(crate) lasts: (f64, f64),
    /// Whether the client does not wait for the answer to the stop.
    pub(crate) leaves: bool,
    /// Prepares the fault before the dictation.
    pub(crate) prepare: fn(&Lab, &mut Random) -> Strike,
}

/// The usual kind: the fault strikes the service that already runs.
const PLAIN: Kind = Kind {
    name: "",
    is_fresh: false,
    lasts: (0.0, 0.0),
    leaves: false,
    prepare: |_, _| strike(|_| {}),
};

/// Makes a fault that needs no end.
fn strike(happens: impl FnOnce(&Lab) + Send + 'static) -> Strike {
    Box::new(move |lab| {
        happens(lab);
        Box::new(|_| {})
    })
}

/// Makes a fault with an end.
fn strike_until(
    happens: impl FnOnce(&Lab) + Send + 'static,
    ends: impl FnOnce(&Lab) + Send + 'static,
) -> Strike {
    Box::new(move |lab| {
        happens(lab);
        Box::new(ends)
    })
}

/// Returns all kinds.
pub(crate) fn all() -> Vec<&'static Kind> {
    let rooms: [&[Kind]; 8] = [
        &engine::KINDS,
        &service::KINDS,
        &sound::KINDS,
        &disk::KINDS,
        &resources::KINDS,
        &desktop::KINDS,
        &clients::KINDS,
        &world::KINDS,
    ];
    rooms.into_iter().flatten().collect()
}

/// Kills the session bus and the notification daemon, and starts them again. If `is_whole`, also
/// the display, as at the end of a desktop session.
pub(crate) fn restart_desktop(is_whole: bool) {
    desktop::restart(is_whole);
}

/// Returns the kinds in a list that is separated by commas or spaces. A prefix selects all kinds
/// that start with it. An empty list selects all.
pub(crate) fn chosen(names: &str) -> Result<Vec<&'static Kind>, String> {
    let names: Vec<_> = names.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let is_meant = |kind: &&Kind| names.iter().any(|name| kind.name.starts_with(name));
    if let Some(name) =
        names.iter().find(|name| !all().iter().any(|it| it.name.starts_with(**name)))
    {
        let all: Vec<_> = all().iter().map(|kind| kind.name).collect();
        return Err(format!("there is no fault `{name}`. There are: {}", all.join(" ")));
    }
    Ok(all().into_iter().filter(|kind| names.is_empty() || is_meant(kind)).collect())
}
