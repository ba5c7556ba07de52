//! Fuzzes message bodies from the session bus. A clipboard's list of formats, however nested, must
//! name each format once and contain no secret. The arguments of v2m's own methods must become
//! plain and short enough, or be refused.
//!
//! The input's first byte selects the kind of the rest.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m::dbus::fuzzing as dbus;
use v2m::deliver::fuzzing as deliver;
use v2m_ipc::llm::MAX_TEXT;
use v2m_ipc::plain;
use zbus::Variant;
use zbus::wire::Endian;
use zbus::wire::serialized::{Context, Data};

fuzz_target!(|input: &[u8]| {
    let Some((which, body)) = input.split_first() else { return };
    let endian = if which & 1 == 0 { Endian::Little } else { Endian::Big };
    let data = Data::new(body, Context::new(endian, 0));
    match which >> 1 & 1 {
        0 => formats(&data),
        _ => arguments(&data),
    }
});

fn formats(data: &Data<'_, '_>) {
    let Ok((list, _)) = data.deserialize::<Variant<'_>>() else { return };
    let (all, remembered) = deliver::formats(Some(&list));
    for (at, name) in all.iter().enumerate() {
        assert!(!all[..at].contains(name), "{name} is there twice");
    }
    let is_secret = all.iter().any(|name| name == "x-kde-passwordManagerHint");
    assert_eq!(remembered.is_none(), is_secret);
    assert!(remembered.unwrap_or_default().iter().all(|name| all.contains(name)));
}

fn arguments(data: &Data<'_, '_>) {
    let Ok(((text, preset, instruction), _)) = data.deserialize::<(String, String, String)>()
    else {
        return;
    };
    for given in [text, instruction] {
        match dbus::text(given.clone()) {
            Ok(taken) => assert!(plain::is_plain(&taken) && taken.len() <= MAX_TEXT),
            Err(failure) => assert!(given.len() > MAX_TEXT && !failure.message.is_empty()),
        }
    }
    assert!(dbus::choice(preset).is_none_or(|preset| !preset.trim().is_empty()));
}
