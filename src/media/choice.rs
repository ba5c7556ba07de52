//! Chooses one of several sound tracks: the requested one, or the first audible one.

use super::MediaError;
use super::source::SoundTrack;
use std::path::Path;
use symphonia::core::formats::FormatReader;
use v2m_messages::tr;

/// A track with no sample louder than this is silent: -60 dB of full scale.
const SILENT: f32 = 0.001;

/// The chosen track.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// symphonia's number of the track. `None`: there is only the default one.
    pub(super) track: Option<u32>,
    /// The note about the choice, if there are several tracks.
    pub(super) note: Option<String>,
}

/// The content of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TrackContent {
    /// Audible sound.
    Sound,
    /// No audible sound.
    Silence,
    /// The content is unknown, because the track cannot be decoded.
    Unknown {
        /// Why it cannot be decoded.
        reason: String,
    },
}

/// Chooses among `tracks`, which are in the file's order and counted from 1. `asked` is the user's
/// choice, and `default` the file's. `content` inspects a track, for which it may read the whole
/// file.
///
/// # Errors
/// [`MediaError::NoTrack`], and the errors of `content`.
pub(super) fn choose(
    path: &Path,
    tracks: &[u32],
    default: Option<u32>,
    asked: Option<u32>,
    mut content: impl FnMut(u32) -> Result<TrackContent, MediaError>,
) -> Result<Choice, MediaError> {
    let count = tracks.len();
    if let Some(asked) = asked {
        let index = usize::try_from(asked).ok().and_then(|asked| asked.checked_sub(1));
        return match index.and_then(|index| tracks.get(index)) {
            Some(track) => Ok(Choice {
                track: Some(*track),
                note: (count > 1).then(|| {
                    tr!(
                        "track {number} of its {count} sound tracks was taken as you asked \
                         (`v2m-send transcribe --track N` takes another one)",
                        number = asked,
                        count
                    )
                }),
            }),
            // There is no track to choose from. The error is reported when the file is read.
            None if count == 0 => Ok(Choice { track: None, note: None }),
            None => Err(MediaError::NoTrack { path: path.into(), asked, count }),
        };
    }
    if count < 2 {
        return Ok(Choice { track: tracks.first().copied(), note: None });
    }
    let numbered = || (1..).zip(tracks.iter().copied());
    let first = numbered().filter(|(_, track)| Some(*track) == default);
    let others = numbered().filter(|(_, track)| Some(*track) != default);
    let mut passed = Vec::new();
    for (number, track) in first.chain(others) {
        match content(track)? {
            TrackContent::Sound => {
                let note = Some(heard(number, count, &passed));
                return Ok(Choice { track: Some(track), note });
            }
            other => passed.push((number, track, other)),
        }
    }
    // Prefer a track that is known to be silent to one with unknown content.
    let silent = passed.iter().find(|(_, _, content)| *content == TrackContent::Silence);
    let Some((number, track, _)) = silent.or(passed.first()) else {
        return Ok(Choice { track: default, note: None });
    };
    let note = tr!(
        "track {number} of its {count} sound tracks was taken, and none is audible: {reasons} \
         (`v2m-send transcribe --track N` takes another one)",
        number,
        count,
        reasons = reasons(&passed)
    );
    Ok(Choice { track: Some(*track), note: Some(note) })
}

type Passed = (usize, u32, TrackContent);

/// Writes the note about the first audible track, which follows the `passed` ones.
fn heard(number: usize, count: usize, passed: &[Passed]) -> String {
    if passed.is_empty() {
        return tr!(
            "track {number} of its {count} sound tracks was taken (`v2m-send transcribe --track N` \
             takes another one)",
            number,
            count
        );
    }
    tr!(
        "track {number} of its {count} sound tracks was taken, because {reasons} (`v2m-send \
         transcribe --track N` takes another one)",
        number,
        count,
        reasons = reasons(passed)
    )
}

/// Writes the problem of each of these tracks.
fn reasons(passed: &[Passed]) -> String {
    let mut passed: Vec<_> = passed.iter().collect();
    passed.sort_by_key(|(number, ..)| *number);
    let silent = passed.iter().filter(|(_, _, content)| *content == TrackContent::Silence);
    let silent: Vec<_> = silent.map(|(number, ..)| number.to_string()).collect();
    let mut reasons = match &silent[..] {
        [] => Vec::new(),
        [one] => vec![tr!("track {number} is silent", number = one)],
        [most @ .., last] => {
            vec![tr!("tracks {most} and {last} are silent", most = most.join(", "), last)]
        }
    };
    for (number, _, content) in passed {
        if let TrackContent::Unknown { reason } = content {
            reasons.push(tr!("track {number} cannot be decoded ({reason})", number, reason));
        }
    }
    let together = |one, other| tr!("{one} and {other}", one, other);
    reasons.into_iter().reduce(together).unwrap_or_default()
}

/// Inspects a track of a file that is at its beginning.
pub(super) fn content(mut format: Box<dyn FormatReader>, track: u32) -> TrackContent {
    let unknown = |error: symphonia::core::errors::Error| error.to_string();
    let mut source = match SoundTrack::of(format.as_ref(), Some(track)) {
        Ok(source) => source,
        Err(error) => return TrackContent::Unknown { reason: unknown(error) },
    };
    let (mut decoded, mut failed) = (false, None);
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != track {
            continue;
        }
        match source.decode(&packet) {
            Ok(_) if source.samples.iter().any(|sample| sample.abs() > SILENT) => {
                return TrackContent::Sound;
            }
            Ok(_) => decoded = true,
            Err(error) => failed = Some(unknown(error)),
        }
    }
    match failed {
        Some(reason) if !decoded => TrackContent::Unknown { reason },
        _ => TrackContent::Silence,
    }
}
