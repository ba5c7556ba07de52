//! What can go wrong. Each fault is prepared before a dictation, strikes at its moment, and is ended
//! after its time.
//!
//! Not here: jumps of the clock. The container shares the machine's clock, which a test must not
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
/// Lets it happen.
pub(crate) type Strike = Box<dyn FnOnce(&Lab) -> Relief + Send>;

/// A kind of fault.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its name in `FAULTS=` and in tables.
    pub(crate) name: &'static str,
    /// The service is started anew for it, with what `prepare` sets, and again after it.
    pub(crate) is_fresh: bool,
    /// How long it lasts, in seconds: the least and the most.
    pub(crate) lasts: (f64, f64),
    /// The client that stops does not wait for the answer.
    pub(crate) leaves: bool,
    /// Before the dictation.
    pub(crate) prepare: fn(&Lab, &mut Random) -> Strike,
}

/// Most faults are these: the service that runs already is hit.
const PLAIN: Kind = Kind {
    name: "",
    is_fresh: false,
    lasts: (0.0, 0.0),
    leaves: false,
    prepare: |_, _| strike(|_| {}),
};

/// A fault that has nothing to end.
fn strike(happens: impl FnOnce(&Lab) + Send + 'static) -> Strike {
    Box::new(move |lab| {
        happens(lab);
        Box::new(|_| {})
    })
}

/// A fault with an end.
fn strike_until(
    happens: impl FnOnce(&Lab) + Send + 'static,
    ends: impl FnOnce(&Lab) + Send + 'static,
) -> Strike {
    Box::new(move |lab| {
        happens(lab);
        Box::new(ends)
    })
}

/// All of them.
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

/// Session bus and notification daemon end at once and are there again; the display too, as at the
/// end of a desktop's session, if `is_whole`.
pub(crate) fn restart_desktop(is_whole: bool) {
    desktop::restart(is_whole);
}

/// Those that are named, with commas or spaces between; a name's beginning stands for all that begin
/// so. All of them if none is named.
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
