//! Reads the desktop's appearance settings: light or dark, and whether animations are allowed. They
//! come from the settings portal (`org.freedesktop.portal.Settings`), which most desktops have. The
//! portal is not started for this.

use std::collections::HashMap;
use std::time::Duration;
use zbus::proxy::MethodFlags;
use zbus::{Connection, OwnedVariant, Proxy};

/// The time limit for the portal. The sign is visible in the meantime.
const WITHIN: Duration = Duration::from_secs(2);

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const COMMON: &str = "org.freedesktop.appearance";
const GNOME: &str = "org.gnome.desktop.interface";
const KDE: &str = "org.kde.kdeglobals.KDE";

/// The appearance of the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Whether it has bright letters on a dark background.
    pub is_dark: bool,
    /// Whether animations are allowed.
    pub moves: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self { is_dark: true, moves: true }
    }
}

type Settings = HashMap<String, HashMap<String, OwnedVariant>>;

/// Returns the desktop's settings. `None` if they are not available.
pub async fn asked(bus: &Connection) -> Option<Appearance> {
    let ask = async {
        let portal = Proxy::new(bus, PORTAL, PATH, SETTINGS).await.ok()?;
        let spaces = [COMMON, GNOME, KDE];
        let flags = MethodFlags::NO_AUTO_START;
        let told: Option<Settings> =
            portal.call_with_flags("ReadAll", flags, &(&spaces[..],)).await.ok()?;
        told
    };
    Some(read(&tokio::time::timeout(WITHIN, ask).await.ok()??))
}

fn read(told: &Settings) -> Appearance {
    let value = |space: &str, key: &str| told.get(space)?.get(key);
    let number = |space, key| value(space, key).and_then(|it| u32::try_from(&**it).ok());
    let is = |space, key| value(space, key).and_then(|it| bool::try_from(&**it).ok());
    // Plasma stores it as text.
    let factor = value(KDE, "AnimationDurationFactor").and_then(|it| {
        let text = <&str>::try_from(&**it).ok().map(str::to_owned);
        text.and_then(|text| text.parse::<f64>().ok()).or_else(|| f64::try_from(&**it).ok())
    });
    let is_still = number(COMMON, "reduced-motion") == Some(1)
        || is(GNOME, "enable-animations") == Some(false)
        || factor == Some(0.0);
    Appearance {
        // 1: dark, 2: light, 0: no preference.
        is_dark: number(COMMON, "color-scheme") != Some(2),
        moves: !is_still,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;

    fn told(space: &str, key: &str, value: Variant<'_>) -> Appearance {
        let value = value.try_clone().unwrap().try_to_owned().unwrap();
        read(&HashMap::from([(space.to_owned(), HashMap::from([(key.to_owned(), value)]))]))
    }

    #[test]
    fn each_desktops_own_words_are_understood() {
        assert_eq!(read(&HashMap::new()), Appearance::default());
        assert!(!told(COMMON, "color-scheme", 2_u32.into()).is_dark);
        assert!(told(COMMON, "color-scheme", 1_u32.into()).is_dark);
        assert!(told(COMMON, "color-scheme", "light".into()).is_dark, "it is of another type");
        assert!(!told(COMMON, "reduced-motion", 1_u32.into()).moves);
        assert!(!told(GNOME, "enable-animations", false.into()).moves);
        assert!(!told(KDE, "AnimationDurationFactor", "0".into()).moves);
        assert!(told(KDE, "AnimationDurationFactor", "0.5".into()).moves);
    }
}
