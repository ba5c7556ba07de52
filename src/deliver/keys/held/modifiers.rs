//! Modifiers that the user holds, as KWin tells them (`org_kde_kwin_keystate` of Plasma's protocols, from version 5 on).
//!
//! KWin offers it only to programs whose `.desktop` file asks for it: `applications/` has v2m's. It tells modifiers and no
//! other keys, so nobody can read along what is written.

use super::Wait;
use crate::deliver::clipboard::data_control::server::{ANSWER, Woken, connection, wait};
use crate::deliver::problem::Problem;
use std::time::Instant;
use tokio::sync::oneshot;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle};
use wayland_protocols_plasma::keystate::client::org_kde_kwin_keystate::{
    Event, Key, OrgKdeKwinKeystate, State,
};

/// The first version that tells modifiers; those before tell only locks.
const VERSION: u32 = 5;

/// What has been told.
#[derive(Debug, Default)]
struct Told {
    keys: Option<OrgKdeKwinKeystate>,
    rounds: u32,
    /// One bit for each modifier that is down, by its number in the protocol.
    down: u32,
}

/// The user holds no modifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Up {
    /// When that was seen.
    pub(crate) since: Instant,
    /// One was held before it.
    pub(crate) were_down: bool,
}

/// Waits until the user holds no modifier. `None`: the compositor does not tell. Bounded, but for
/// one that takes no connection at all.
///
/// # Errors
/// [`Problem::KeysHeld`], or why the compositor cannot be asked.
pub(crate) async fn wait_for_modifiers() -> Result<Option<Up>, Problem> {
    let (tell, told) = oneshot::channel();
    let asking = std::thread::Builder::new().name("v2m-keys".to_owned()).spawn(move || {
        let _ = tell.send(wait_until_up()); // nobody waits any more
    });
    asking.map_err(Problem::NoThread)?;
    told.await.unwrap_or(Err(Problem::Hanging))
}

/// Waits until no modifier is down. `None`: the compositor does not tell. Blocking:
/// as long as [`Wait`] says, and half a second for each of two answers.
///
/// # Errors
/// [`Problem::KeysHeld`]: they are held all the time. Or why the compositor does not answer.
fn wait_until_up() -> Result<Option<Up>, Problem> {
    let conn = connection()?;
    let mut queue = conn.new_event_queue();
    let handle = queue.handle();
    let mut told = Told::default();
    let _registry = conn.display().get_registry(&handle, ());
    catch_up(&conn, &mut queue, &mut told)?;
    let Some(keys) = told.keys.clone() else { return Ok(None) };
    keys.fetchStates();
    catch_up(&conn, &mut queue, &mut told)?;
    let were_down = told.down != 0;
    let patience = Wait::from(Instant::now());
    loop {
        let since = Instant::now();
        // It tells of each change by itself.
        let Some(until) = patience.next(told.down != 0, since, super::PATIENCE)? else {
            return Ok(Some(Up { since, were_down }));
        };
        wait(&mut queue, &mut told, Some(until), None, Vec::new())?;
    }
}

/// Waits for the compositor to deal with everything up to now.
fn catch_up(
    conn: &Connection,
    queue: &mut EventQueue<Told>,
    told: &mut Told,
) -> Result<(), Problem> {
    let (round, until) = (told.rounds + 1, Instant::now() + ANSWER);
    conn.display().sync(&queue.handle(), ());
    while told.rounds < round {
        if wait(queue, told, Some(until), None, Vec::new())? == Woken::TimeIsUp {
            return Err(Problem::Hanging);
        }
    }
    Ok(())
}

impl Told {
    fn handle(&mut self, event: &Event) {
        let Event::StateChanged { key, state } = *event else { return };
        let modifiers = [Key::Alt, Key::Control, Key::Shift, Key::Meta, Key::Altgr];
        if !modifiers.map(|key| key as u32).contains(&key) {
            return;
        }
        // A modifier that is latched or locked (sticky keys) mixes with ours too. But some layouts lock AltGr for good.
        let is_down = state == State::Pressed as u32
            || (state != State::Unlocked as u32 && key != Key::Altgr as u32);
        let bit = 1 << key;
        self.down = if is_down { self.down | bit } else { self.down & !bit };
    }
}

impl Dispatch<WlRegistry, ()> for Told {
    fn event(
        told: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event
            && interface == OrgKdeKwinKeystate::interface().name
            && version >= VERSION
        {
            told.keys = Some(registry.bind(name, VERSION, handle, ()));
        }
    }
}

impl Dispatch<WlCallback, ()> for Told {
    fn event(
        told: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        told.rounds += 1;
    }
}

impl Dispatch<OrgKdeKwinKeystate, ()> for Told {
    fn event(
        told: &mut Self,
        _: &OrgKdeKwinKeystate,
        event: Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        told.handle(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[(Key, State)]) -> bool {
        let mut told = Told::default();
        for (key, state) in events {
            told.handle(&Event::StateChanged { key: *key as u32, state: *state as u32 });
        }
        told.down != 0
    }

    #[test]
    fn modifiers_are_down_until_the_last_one_is_let_go_of() {
        use {Key::*, State::*};
        assert!(!told(&[]));
        assert!(told(&[(Control, Pressed), (Alt, Pressed), (Control, Unlocked)]));
        assert!(!told(&[(Control, Pressed), (Alt, Pressed), (Control, Unlocked), (Alt, Unlocked)]));
        assert!(told(&[(Meta, Pressed)]) && told(&[(Altgr, Pressed)]));
    }

    #[test]
    fn locks_are_no_modifiers_and_sticky_keys_are() {
        use {Key::*, State::*};
        assert!(!told(&[(Capslock, Locked), (Numlock, Locked), (Scrolllock, Locked)]));
        assert!(told(&[(Shift, Latched)]) && told(&[(Control, Locked)]));
        assert!(!told(&[(Altgr, Locked)]));
    }
}
