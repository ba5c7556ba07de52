//! The modifiers that the user holds, as reported by KWin (`org_kde_kwin_keystate` of Plasma's
//! protocols, from version 5 on).
//!
//! KWin offers this protocol only to programs that request it in their `.desktop` file. v2m's file
//! is in `applications/`. The protocol reports modifiers and no other keys, so no program can use
//! it to read what the user types.

use super::Wait;
use crate::deliver::display::wayland::{CompositorState, WaylandConnection};
use crate::deliver::error::DeliverError;
use std::time::Instant;
use tokio::sync::oneshot;
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle};
use wayland_protocols_plasma::keystate::client::org_kde_kwin_keystate::{
    Event, Key, OrgKdeKwinKeystate, State,
};

/// The first version that reports modifiers. Earlier versions report only locks.
const VERSION: u32 = 5;

/// The modifiers as KWin has reported them.
#[derive(Debug, Default)]
struct ModifierState {
    /// One bit for each modifier that is down, at its number in the protocol.
    down: u32,
}

/// The result of [`wait_for_modifiers`]: the user holds no modifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Up {
    /// The time at which this was seen.
    pub(crate) since: Instant,
    /// A modifier was held before.
    pub(crate) were_down: bool,
}

/// Waits until the user holds no modifier. `None`: the compositor does not report modifiers. The
/// time is bounded, except for a compositor that accepts no connection.
///
/// # Errors
/// [`DeliverError::KeysHeld`]: modifiers were held the whole time. Other errors: the compositor
/// cannot be asked.
pub(crate) async fn wait_for_modifiers() -> Result<Option<Up>, DeliverError> {
    let (tell, told) = oneshot::channel();
    let asking = std::thread::Builder::new().name("v2m-keys".to_owned()).spawn(move || {
        let _ = tell.send(wait_until_up()); // the caller may have given up
    });
    asking.map_err(DeliverError::NoThread)?;
    told.await.unwrap_or(Err(DeliverError::Hanging))
}

/// Waits until no modifier is down. `None`: the compositor does not report modifiers. Blocks for
/// the time of [`Wait`] at most, plus half a second for each of two answers.
///
/// # Errors
/// [`DeliverError::KeysHeld`]: modifiers were held the whole time. Other errors: the compositor
/// does not answer.
fn wait_until_up() -> Result<Option<Up>, DeliverError> {
    let mut compositor = WaylandConnection::begin(ModifierState::default())?;
    let keys = compositor.bind::<OrgKdeKwinKeystate>(VERSION);
    let Some(keys) = keys.filter(|keys| keys.version() >= VERSION) else { return Ok(None) };
    keys.fetchStates();
    compositor.catch_up()?;
    let were_down = compositor.heard.state.down != 0;
    let patience = Wait::from(Instant::now());
    loop {
        let since = Instant::now();
        // KWin reports each change by itself.
        let are_down = compositor.heard.state.down != 0;
        let Some(until) = patience.next(are_down, since, super::PATIENCE)? else {
            return Ok(Some(Up { since, were_down }));
        };
        compositor.wait(Some(until), None, Vec::new())?;
    }
}

impl ModifierState {
    fn handle(&mut self, event: &Event) {
        let Event::StateChanged { key, state } = *event else { return };
        let modifiers = [Key::Alt, Key::Control, Key::Shift, Key::Meta, Key::Altgr];
        if !modifiers.map(|key| key as u32).contains(&key) {
            return;
        }
        // A modifier that is latched or locked (sticky keys) mixes with our keys too. But some
        // layouts lock AltGr permanently.
        let is_down = state == State::Pressed as u32
            || (state != State::Unlocked as u32 && key != Key::Altgr as u32);
        let bit = 1 << key;
        self.down = if is_down { self.down | bit } else { self.down & !bit };
    }
}

impl Dispatch<OrgKdeKwinKeystate, ()> for CompositorState<ModifierState> {
    fn event(
        heard: &mut Self,
        _: &OrgKdeKwinKeystate,
        event: Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.state.handle(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[(Key, State)]) -> bool {
        let mut told = ModifierState::default();
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
