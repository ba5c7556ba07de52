//! Joins the samples of several pieces into one recording with short pauses.

use crate::stream::Piece;

/// The samples of a pause that are kept on each side. Measured: with the whole pause, fewer words
/// were right.
const KEPT: u64 = 3200;

/// Returns the samples of several pieces with short pauses between them, and the number of samples
/// between the first and the last voice.
pub fn splice<'a>(pieces: impl Iterator<Item = (Piece, &'a [i16])>) -> (Vec<i16>, u64) {
    let pieces: Vec<_> = pieces.collect();
    let mut samples = Vec::new();
    let (mut silence, last) = (0, pieces.len().saturating_sub(1));
    for (at, (piece, audio)) in pieces.iter().enumerate() {
        let from = if at == 0 { piece.start } else { piece.voice_start.saturating_sub(KEPT) };
        let until = if at == last { piece.end } else { piece.voice_end + KEPT };
        let [from, until] = [from, until].map(|sample| {
            let offset = sample.clamp(piece.start, piece.end) - piece.start;
            usize::try_from(offset).map_or(audio.len(), |offset| offset.min(audio.len()))
        });
        samples.extend_from_slice(&audio[from..until.max(from)]);
        silence += if at == 0 { piece.voice_start - piece.start } else { 0 };
        silence += if at == last { piece.end - piece.voice_end } else { 0 };
    }
    let voice = (samples.len() as u64).saturating_sub(silence);
    (samples, voice)
}
