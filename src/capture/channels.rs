//! The channels of a source, read from its ports.

use pipewire::spa::sys;
use pipewire::spa::utils::dict::DictRef;
use std::collections::BTreeSet;

/// The most channels that PipeWire accepts, and so the most that v2m records.
pub(super) const MOST: usize = sys::SPA_AUDIO_MAX_CHANNELS as usize;

/// SPA's channel names, in the order of `enum spa_audio_channel` from
/// [`sys::SPA_AUDIO_CHANNEL_MONO`] on (spa/param/audio/raw.h). `AUX0` and the other AUX names are
/// handled separately.
const NAMES: [&str; 36] = [
    "MONO", "FL", "FR", "FC", "LFE", "SL", "SR", "FLC", "FRC", "RC", "RL", "RR", "TC", "TFL",
    "TFC", "TFR", "TRL", "TRC", "TRR", "RLC", "RRC", "FLW", "FRW", "LFE2", "FLH", "FCH", "FRH",
    "TFLC", "TFRC", "TSL", "TSR", "LLFE", "RLFE", "BC", "BLC", "BRC",
];

/// A port that outputs one channel of a node's sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// The id of its node in the registry.
    pub(super) node: u32,
    /// Its number in the node. Ports are sorted by it.
    pub(super) index: u32,
    /// `port.name`: `capture_AUX2`.
    pub(super) name: String,
    /// `audio.channel`: `AUX2`. Empty if the port has none.
    pub(super) channel: String,
}

impl Port {
    /// Reads a port from these properties. `None` if it does not output sound.
    pub(super) fn of(props: &DictRef) -> Option<Self> {
        let number = |key| props.get(key).and_then(|number: &str| number.parse().ok());
        let gives = props.get(*pipewire::keys::PORT_DIRECTION) == Some("out");
        // Some nodes also have ports for MIDI and control values.
        let sound = props.get(*pipewire::keys::FORMAT_DSP).is_none_or(|it| it.contains("audio"));
        (gives && sound).then_some(())?;
        Some(Self {
            node: number(*pipewire::keys::NODE_ID)?,
            index: number(*pipewire::keys::PORT_ID)?,
            name: props.get(*pipewire::keys::PORT_NAME)?.to_owned(),
            channel: props.get(*pipewire::keys::AUDIO_CHANNEL).unwrap_or_default().to_owned(),
        })
    }
}

/// Returns the channel part of `wanted` (`source:channel`), if it begins with this source's name.
/// Names of sources and ports may themselves contain colons.
pub(super) fn beside<'w>(source: &str, wanted: &'w str) -> Option<&'w str> {
    wanted.strip_prefix(source)?.strip_prefix(':')
}

/// Whether `wanted` means the port with this name: `capture_AUX2`, or `AUX2` for short.
pub(super) fn is_called(port: &str, wanted: &str) -> bool {
    port == wanted || port.split_once('_').is_some_and(|(_, channel)| channel == wanted)
}

/// The channels of a source that are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Channels {
    /// The channels' positions (`enum spa_audio_channel`), at least one and [`MOST`] at most. They
    /// are distinct, or all unknown.
    pub(super) positions: Vec<u32>,
    /// The index of the channel that is kept, if the configuration names one.
    pub(super) only: Option<usize>,
}

impl Channels {
    /// Takes all of these ports, which are in order.
    pub(super) fn all(ports: &[&Port]) -> Self {
        let position = |port: &&Port| position(&port.channel);
        let mut positions: Vec<u32> = ports.iter().take(MOST).map(position).collect();
        if matches!(positions[..], [] | [sys::SPA_AUDIO_CHANNEL_UNKNOWN]) {
            // PipeWire mixes everything into this one channel.
            positions = vec![sys::SPA_AUDIO_CHANNEL_MONO];
        }
        let distinct: BTreeSet<_> = positions.iter().collect();
        // Session managers link unknown ports with any port, in order. Positions other than the
        // ports' own would leave ports unlinked. If positions are equal, PipeWire delivers the
        // first such channel again for each of them.
        let positions = if distinct.len() == positions.len() {
            positions
        } else {
            vec![sys::SPA_AUDIO_CHANNEL_UNKNOWN; positions.len()]
        };
        Self { positions, only: None }
    }

    /// Keeps the port with this name. All other ports are recorded with it and then dropped.
    pub(super) fn only(name: &str, ports: &[&Port]) -> Option<Self> {
        let only = ports.iter().take(MOST).position(|port| is_called(&port.name, name))?;
        Some(Self { only: Some(only), ..Self::all(ports) })
    }
}

/// Returns the position of the channel with this name, or `SPA_AUDIO_CHANNEL_UNKNOWN` if SPA has no
/// such name.
fn position(name: &str) -> u32 {
    let known = match name.strip_prefix("AUX") {
        Some(number) => {
            let number = number.parse::<u32>().ok().filter(|number| *number < MOST as u32);
            number.map(|number| sys::SPA_AUDIO_CHANNEL_AUX0 + number)
        }
        None => {
            let at = NAMES.iter().position(|known| *known == name);
            at.map(|at| sys::SPA_AUDIO_CHANNEL_MONO + at as u32)
        }
    };
    known.unwrap_or(sys::SPA_AUDIO_CHANNEL_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(channels: &[&str]) -> Vec<Port> {
        let port = |(index, channel): (usize, &&str)| Port {
            node: 7,
            index: index as u32,
            name: format!("capture_{channel}"),
            channel: (*channel).to_owned(),
        };
        channels.iter().enumerate().map(port).collect()
    }

    fn positions(channels: &[&str]) -> Vec<u32> {
        let ports = ports(channels);
        Channels::all(&ports.iter().collect::<Vec<_>>()).positions
    }

    #[test]
    fn channels_have_the_positions_of_their_ports() {
        use sys::*;
        assert_eq!(positions(&[]), [SPA_AUDIO_CHANNEL_MONO]);
        assert_eq!(positions(&["FL", "FR"]), [SPA_AUDIO_CHANNEL_FL, SPA_AUDIO_CHANNEL_FR]);
        assert_eq!(positions(&["BRC", "MONO"]), [SPA_AUDIO_CHANNEL_BRC, SPA_AUDIO_CHANNEL_MONO]);
        assert_eq!(positions(&["AUX3", "AUX0"]), [SPA_AUDIO_CHANNEL_AUX3, SPA_AUDIO_CHANNEL_AUX0]);
        assert_eq!(positions(&["", "FL"]), [SPA_AUDIO_CHANNEL_UNKNOWN, SPA_AUDIO_CHANNEL_FL]);
        assert_eq!(positions(&["FL", "FL", "FR"]), [SPA_AUDIO_CHANNEL_UNKNOWN; 3]);
        assert_eq!(positions(&["MONO", "MONO"]), [SPA_AUDIO_CHANNEL_UNKNOWN; 2]);
        assert_eq!(positions(&["UNK", "", "AUX99"]), [SPA_AUDIO_CHANNEL_UNKNOWN; 3]);
        assert_eq!(positions(&["AUX7"]), [SPA_AUDIO_CHANNEL_AUX7]);
        // Some nodes have one port for all their channels.
        for one in ["", "UNK"] {
            assert_eq!(positions(&[one]), [SPA_AUDIO_CHANNEL_MONO], "{one}");
        }
        assert_eq!(positions(&["AUX1"; 100]).len(), MOST);
    }

    #[test]
    fn one_channel_is_named_as_its_port_or_as_what_it_stands_for() {
        let ports = ports(&["AUX0", "AUX1", "AUX2"]);
        let ports: Vec<_> = ports.iter().collect();
        for name in ["AUX2", "capture_AUX2"] {
            assert_eq!(Channels::only(name, &ports).unwrap().only, Some(2));
        }
        assert_eq!(Channels::only("AUX7", &ports), None);
    }
}
