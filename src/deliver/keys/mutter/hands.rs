//! Finds the keys that the user may still hold, the shortcut's keys, on the current layout.

use super::shortcut::{ShortcutCache, Shortcuts};
use crate::chord::Modifier;
use crate::deliver::keys::codes;
use crate::deliver::keys::held::probe::ProbeKey;
use crate::deliver::keys::layout::compositor;
use crate::deliver::keys::layout::{Layout, OFFSET};
use std::sync::Arc;
use tokio::sync::Mutex;
use tracing::debug;

/// The keys of v2m's shortcuts on the user's keyboard.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    shortcuts: Shortcuts,
    /// For each modifier, the kernel's codes of all its keys. The first code is the key to press.
    places: Vec<(Modifier, Vec<u32>)>,
}

/// The shortcuts and the keymap that are remembered from one text to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits(Arc<Mutex<(ShortcutCache, Option<KeymapCache>)>>);

/// A keymap, and the modifier keys that were found in it.
#[derive(Debug)]
struct KeymapCache {
    keymap: Vec<u8>,
    places: Vec<(Modifier, Vec<u32>)>,
}

const ALL: [Modifier; 4] = [Modifier::Ctrl, Modifier::Shift, Modifier::Alt, Modifier::Super];

impl Habits {
    /// Reads the settings and the keymap at the same time. Bounded in time.
    pub(crate) async fn hands(self) -> Hands {
        let mut known = self.0.lock().await;
        let (memory, layout) = &mut *known;
        let (shortcuts, keymap) =
            tokio::join!(memory.recall(), tokio::task::spawn_blocking(compositor::layout));
        let places = match keymap {
            Ok(Ok(Some(keymap))) => places_in(layout, keymap),
            _ => {
                debug!(
                    "the keyboard's layout is not told; modifiers are taken to be where they are as a rule"
                );
                ALL.map(|modifier| (modifier, vec![codes::of_modifier(modifier).into()])).to_vec()
            }
        };
        Hands { shortcuts, places }
    }
}

/// Finds the modifiers' keys in `keymap`. Parsing a keymap takes some milliseconds, and it seldom
/// changes, so the result is cached.
fn places_in(known: &mut Option<KeymapCache>, keymap: Vec<u8>) -> Vec<(Modifier, Vec<u32>)> {
    if let Some(known) = known.as_ref().filter(|known| known.keymap == keymap) {
        return known.places.clone();
    }
    let layout = Layout::parse(&keymap).inspect_err(|error| debug!(%error, "no layout")).ok();
    let places = ALL.map(|modifier| {
        let mut codes: Vec<u32> = layout
            .iter()
            .flat_map(|layout| layout.keys_of(modifier))
            .map(|key| key - OFFSET)
            .collect();
        if codes.is_empty() {
            codes.push(codes::of_modifier(modifier).into());
        }
        (modifier, codes)
    });
    known.insert(KeymapCache { keymap, places: places.to_vec() }).places.clone()
}

impl Hands {
    /// Returns the key to press for a modifier.
    pub(crate) fn place(&self, modifier: Modifier) -> ProbeKey {
        let codes = self.codes(modifier);
        ProbeKey::Code(
            codes.first().copied().unwrap_or_else(|| codes::of_modifier(modifier).into()),
        )
    }

    fn codes(&self, modifier: Modifier) -> &[u32] {
        let found = self.places.iter().find(|(known, _)| *known == modifier);
        found.map_or(&[], |(_, codes)| codes)
    }

    /// Returns all keys of the shortcuts' modifiers, except the Control key that is pressed first.
    pub(crate) fn all(&self) -> Vec<ProbeKey> {
        let modifiers = self.shortcuts.modifiers.iter();
        let keys =
            modifiers.flat_map(|modifier| self.codes(*modifier)).copied().map(ProbeKey::Code);
        keys.filter(|key| *key != self.place(Modifier::Ctrl)).collect()
    }

    /// Returns the keys that would change a combination with Control. A second Control key would
    /// not.
    pub(crate) fn in_the_way(&self) -> Vec<ProbeKey> {
        let control = self.codes(Modifier::Ctrl);
        let is_other = |key: &ProbeKey| !control.iter().any(|code| *key == ProbeKey::Code(*code));
        self.all().into_iter().filter(is_other).collect()
    }

    /// Returns the shortcuts' last keys among the keys that write a text. `of` returns the key of a
    /// character. `None`: it may be any key.
    pub(crate) fn suspects(&self, of: impl Fn(char) -> Option<u32>) -> Option<Vec<u32>> {
        let names = self.shortcuts.keys.as_ref()?;
        let characters = names.iter().filter_map(|name| {
            let symbol: kbvm::Keysym = name.parse().ok()?;
            symbol.char()
        });
        Some(characters.flat_map(char::to_lowercase).filter_map(of).collect())
    }
}
