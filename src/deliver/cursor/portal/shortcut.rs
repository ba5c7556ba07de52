//! The modifiers of v2m's shortcut, as far as KDE's settings say.

use crate::chord::Modifier;
use etcetera::{BaseStrategy, base_strategy::Xdg};

/// Names of modifiers in a shortcut (Qt's QKeySequence).
const NAMES: [(&str, Modifier); 4] = [
    ("Ctrl+", Modifier::Ctrl),
    ("Shift+", Modifier::Shift),
    ("Alt+", Modifier::Alt),
    ("Meta+", Modifier::Super),
];

/// All that the user may hold. Reads a small file.
pub(super) fn modifiers() -> Vec<Modifier> {
    let file = Xdg::new().ok().map(|dirs| dirs.config_dir().join("kglobalshortcutsrc"));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    read(&text.unwrap_or_default())
}

/// The modifiers of all shortcuts whose program is called after v2m; if there is none, any modifier may be one's.
fn read(text: &str) -> Vec<Modifier> {
    let mut shortcuts = Vec::new();
    let mut is_ours = false;
    for line in text.lines() {
        if line.starts_with('[') {
            is_ours = line.contains("v2m");
        } else if let (true, Some((_, shortcut))) = (is_ours, line.split_once('=')) {
            shortcuts.push(shortcut);
        }
    }
    let is_there =
        |name: &str| shortcuts.is_empty() || shortcuts.iter().any(|all| all.contains(name));
    NAMES.into_iter().filter(|(name, _)| is_there(name)).map(|(_, modifier)| modifier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shortcuts_of_ours_count() {
        use Modifier::{Alt, Ctrl, Shift, Super};
        let text = "[kwin]\nOverview=Meta+W,Meta+W,x\n\n[services][net.local.v2m-send.desktop]\n_launch=Ctrl+Alt+V\n\n[ksmserver]\na=Shift+B\n";
        assert_eq!(read(text), [Ctrl, Alt]);
        assert_eq!(
            read("[services][v2m.desktop]\n_launch=Meta+D\\tMeta+Shift+D\n"),
            [Shift, Super]
        );
        assert_eq!(read("[kwin]\nOverview=Meta+W\n"), [Ctrl, Shift, Alt, Super]);
    }

    proptest! {
        #[test]
        fn any_settings_are_read_without_harm(text in "\\PC{0,80}") {
            let _ = read(&text);
        }
    }
}
