//! The menu as `com.canonical.dbusmenu` sends it. Pure.
//!
//! A layout is an entry's number, its properties, and the layouts below it, each in a variant.
//! The protocol lets properties be left out if they have their default value. But Plasma takes a
//! property that is left out for one that has not changed, so what can change is always told.

use crate::menu::{Entry, Kind};
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// An entry with what is below it: `(ia{sv}av)`.
pub type Layout = (i32, Properties, Vec<OwnedVariant>);
/// What a host is told of an entry.
pub type Properties = HashMap<String, OwnedVariant>;

/// The layout of `entry`. `depth`: how many levels below it; negative: all. `wanted`: which
/// properties; empty: all.
pub fn layout(entry: &Entry, depth: i32, wanted: &[String]) -> Layout {
    let below = match depth {
        0 => &[],
        _ => entry.children(),
    };
    let below = below.iter().filter_map(|child| {
        let (id, properties, children) = layout(child, depth - 1, wanted);
        // Only file descriptors cannot be owned; there are none.
        Variant::from((id, properties, children)).try_into().ok()
    });
    let children = below.collect();
    (entry.id, properties(entry, wanted), children)
}

/// The properties of `entry` alone. `wanted`: as for [`layout`].
pub fn properties(entry: &Entry, wanted: &[String]) -> Properties {
    let label = Variant::from(entry.label.clone());
    let mut all: Vec<(&str, Variant<'static>)> = match &entry.kind {
        Kind::Separator => vec![("type", Variant::from("separator"))],
        Kind::Plain => vec![("label", label)],
        Kind::Submenu(_) if entry.label.is_empty() => {
            vec![("children-display", Variant::from("submenu"))]
        }
        Kind::Submenu(_) => {
            vec![("label", label), ("children-display", Variant::from("submenu"))]
        }
        Kind::Choice(is_chosen) => vec![
            ("label", label),
            ("toggle-type", Variant::from("radio")),
            ("toggle-state", Variant::from(i32::from(*is_chosen))),
        ],
    };
    if entry.kind != Kind::Separator {
        all.push(("enabled", Variant::from(entry.is_enabled)));
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    let all = all.into_iter().filter(|(name, _)| is_wanted(name));
    all.filter_map(|(name, value)| Some((name.to_owned(), value.try_into().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::{Content, Menu, ROOT};
    use crate::state::State;

    fn root() -> Entry {
        let mut menu = Menu::default();
        menu.fill(Content { language: Some("es".to_owned()), ..Content::default() });
        menu.entries(&State::default())
    }

    fn names(properties: &Properties) -> Vec<&str> {
        let mut names: Vec<_> = properties.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn it_goes_as_deep_as_asked() {
        let root = root();
        let (id, properties, children) = layout(&root, 0, &[]);
        assert_eq!(
            (id, names(&properties), children.len()),
            (ROOT, vec!["children-display", "enabled"], 0)
        );
        let (_, _, children) = layout(&root, 1, &[]);
        assert_eq!(children.len(), root.children().len());
        assert_eq!(children[0].value_signature().to_string(), "(ia{sv}av)");
        // The languages are below one of them.
        let size = |depth| format!("{:?}", layout(&root, depth, &[])).len();
        assert!(size(2) > size(1));
        assert_eq!(size(-1), size(2));
    }

    #[test]
    fn what_can_change_is_always_told_and_only_what_is_wanted() {
        let root = root();
        let of = |label: &str| {
            let mut all =
                root.children().iter().chain(root.children().iter().flat_map(Entry::children));
            all.find(|entry| entry.label == label).unwrap()
        };
        for (label, is_enabled) in [("Start Dictation", true), ("Cancel", false)] {
            let told = properties(of(label), &[]);
            assert_eq!(names(&told), ["enabled", "label"]);
            assert_eq!(bool::try_from(&*told["enabled"]), Ok(is_enabled), "{label}");
        }
        let wanted = ["label".to_owned(), "toggle-state".to_owned()];
        let chosen = properties(of("Spanish"), &wanted);
        assert_eq!(names(&chosen), ["label", "toggle-state"]);
        assert_eq!(i32::try_from(&*chosen["toggle-state"]), Ok(1));
    }
}
