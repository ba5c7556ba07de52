//! Numbers the dictations in the directory as users count them: 1 is the last one. Everything that
//! lists, reads or transcribes a kept dictation uses these numbers.
//!
//! Unfinished dictations (`in_work`) and foreign files do not count. Everything here blocks.
//! Records are read one after the other, and only as many as needed.

use super::StoreError;
use super::directory::{self, Found};
use super::record::{DeliveryRecord, PresetRecord, Record, RecordState};
use crate::call::{FIRST_WORDS, HistoryPage, KeptDelivery, KeptDictation, KeptText, Which};
use crate::session::Segment;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use v2m_ipc::pcm::in_seconds as seconds;
use v2m_ipc::plain;

/// Selects the dictations that [`list`] returns.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// The words that a text must contain, folded. See [`HistoryFilter::of_words`].
    words: Vec<String>,
    /// The dictation must not be older.
    pub since: Option<Timestamp>,
    /// The dictation must be older than the one with this id.
    pub before: Option<String>,
    /// The most dictations that are returned.
    pub limit: usize,
}

impl HistoryFilter {
    /// Selects only dictations with all these words. Case and accents are ignored.
    #[must_use]
    pub fn of_words(self, words: &str) -> Self {
        Self { words: fold(words).split_whitespace().map(str::to_owned).collect(), ..self }
    }

    fn has_words(&self, record: Option<&Record>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let Some(record) = record else { return false };
        let texts = [record.text.as_deref(), record.unrefined.as_deref()];
        let texts: String = texts.into_iter().flatten().map(|text| fold(text) + "\n").collect();
        self.words.iter().all(|word| texts.contains(word.as_str()))
    }
}

/// Removes case and accents: “Información” and “informacion” become the same word.
fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The result of looking up a dictation.
#[derive(Debug)]
pub enum Lookup {
    /// The dictation exists.
    Found(Box<KeptText>),
    /// The dictation's text is still being made or delivered.
    InWork,
    /// There is no dictation with this number or id.
    Missing,
}

/// A dictation that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The name of its files.
    pub id: String,
    /// The path of its recording, whether it exists or not.
    pub path: PathBuf,
    /// Its text, if it has one.
    pub text: Option<String>,
    /// Whether its recording still waits for a transcription.
    pub wants_text: bool,
}

/// All dictations that could be deleted.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The dictations, the newest first.
    pub candidates: Vec<Candidate>,
    /// The ids of dictations with a text that is still being made or delivered.
    pub in_work: Vec<String>,
    /// The ids of dictations that this v2m must leave alone.
    pub foreign: Vec<String>,
}

/// Whether this is the name of a dictation's files.
pub fn is_id(id: &str) -> bool {
    directory::time_of(id).is_some()
}

/// Iterates over all dictations that count, newest first, with their numbers.
pub(super) fn counted(
    directory: &Path,
    in_work: &[PathBuf],
) -> Result<impl Iterator<Item = (u32, Found)>, StoreError> {
    let found = directory::newest_first(directory)?;
    let counted = found.filter(|found| !found.foreign && !in_work.contains(&found.audio));
    Ok((1..).zip(counted))
}

/// Returns the id of the dictation with this number: 1 is the last one. `None` if there are fewer.
/// The recordings `in_work` do not count. While a store runs, use [`super::Store::id_of`].
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn id_of_number(
    directory: &Path,
    number: u32,
    in_work: &[PathBuf],
) -> Result<Option<String>, StoreError> {
    Ok(ids_of_numbers(directory, &[(number, in_work)])?.pop().flatten())
}

/// Returns the ids of the dictations with these numbers. The recordings given with a number do not
/// count for it. Each dictation is read once.
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub(super) fn ids_of_numbers(
    directory: &Path,
    wanted: &[(u32, &[PathBuf])],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut ids = vec![None; wanted.len()];
    let mut counted = vec![0; wanted.len()];
    for found in directory::newest_first(directory)?.filter(|found| !found.foreign) {
        for (at, (number, in_work)) in wanted.iter().enumerate() {
            if !in_work.contains(&found.audio) {
                counted[at] += 1;
                if counted[at] == *number {
                    ids[at] = Some(id_of(&found.audio).to_owned());
                }
            }
        }
        if ids.iter().all(Option::is_some) {
            break;
        }
    }
    Ok(ids)
}

/// Lists dictations, the newest first.
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn list(
    directory: &Path,
    filter: &HistoryFilter,
    in_work: &[PathBuf],
) -> Result<HistoryPage, StoreError> {
    let before = filter.before.as_deref().map(|id| (directory::time_of(id), id));
    let is_older = |found: &Found| {
        let id = id_of(&found.audio);
        before.is_none_or(|before| (directory::time_of(id), id) < before)
    };
    let mut page = HistoryPage { dictations: Vec::new(), has_more: false };
    for (number, found) in counted(directory, in_work)? {
        if filter.since.is_some_and(|since| found.started_at < since) {
            break;
        }
        if !is_older(&found) || !filter.has_words(found.record.as_ref()) {
            continue;
        }
        if page.dictations.len() == filter.limit {
            page.has_more = true;
            break;
        }
        page.dictations.push(kept(number, &found));
    }
    Ok(page)
}

/// Looks for one dictation.
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn find(directory: &Path, which: &Which, in_work: &[PathBuf]) -> Result<Lookup, StoreError> {
    if let Which::Id(id) = which
        && in_work.iter().any(|path| id_of(path) == id)
    {
        return Ok(Lookup::InWork);
    }
    let is_it = |(number, found): &(u32, Found)| match which {
        Which::Number(wanted) => number == wanted,
        Which::Id(id) => id_of(&found.audio) == id,
    };
    let found = counted(directory, in_work)?.find(is_it);
    Ok(found.map_or(Lookup::Missing, |(number, found)| {
        Lookup::Found(Box::new(with_text(number, found)))
    }))
}

/// Lists the dictations that could be deleted: one, or all (`None`).
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn candidates(
    directory: &Path,
    which: Option<&Which>,
    in_work: &[PathBuf],
) -> Result<Candidates, StoreError> {
    let mut all = Candidates::default();
    let mut number = 0;
    for found in directory::newest_first(directory)? {
        let id = id_of(&found.audio).to_owned();
        let is_named = which.is_none() || which == Some(&Which::Id(id.clone()));
        if in_work.contains(&found.audio) {
            all.in_work.extend(Some(id).filter(|_| is_named));
        } else if found.foreign {
            all.foreign.extend(Some(id).filter(|_| is_named));
        } else {
            number += 1;
            if is_named || which == Some(&Which::Number(number)) {
                all.candidates.push(candidate(id, found));
            }
        }
    }
    Ok(all)
}

fn candidate(id: String, found: Found) -> Candidate {
    let wants_text = found.samples > 0 && found.record.as_ref().is_none_or(Record::wants_text);
    let text = found.record.and_then(|record| record.text);
    Candidate { id, path: found.audio, text, wants_text }
}

/// Returns the name of a dictation's files.
pub(super) fn id_of(audio: &Path) -> &str {
    audio.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// Converts a dictation for a list.
fn kept(number: u32, found: &Found) -> KeptDictation {
    let record = found.record.as_ref();
    let text = record.and_then(|record| record.text.as_deref()).unwrap_or_default();
    let zoned = found.started_at.to_zoned(TimeZone::system());
    let problem = record.and_then(|record| record.error.as_ref());
    let length = record.map(|record| record.seconds).filter(|seconds| *seconds > 0.0);
    KeptDictation {
        number,
        id: id_of(&found.audio).to_owned(),
        started_at: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        // The record of a recording that was cut off lacks its length.
        seconds: length.unwrap_or_else(|| seconds(found.samples)),
        language: record.and_then(|record| record.language.clone()),
        state: record.map_or(RecordState::Recording, |record| record.state).name(),
        first_words: plain::line(text).trim().chars().take(FIRST_WORDS).collect(),
        deliveries: record.map_or(&[][..], |record| &record.deliveries).iter().map(told).collect(),
        problem: problem.map(|it| (it.code.clone(), plain::text(&it.message).into_owned())),
        audio_path: found.has_sound.then(|| found.audio.clone()),
    }
}

fn told(delivery: &DeliveryRecord) -> KeptDelivery {
    let DeliveryRecord { by, backend, ok, detail } = delivery.clone();
    KeptDelivery { by, backend, ok, detail }
}

fn with_text(number: u32, found: Found) -> KeptText {
    let dictation = kept(number, &found);
    let Record { text, unrefined, preset, segments, earlier, .. } =
        found.record.unwrap_or_default();
    // Earlier versions stored the transcript unfiltered.
    let segments = segments.into_iter().map(|it| Segment {
        start: it.start,
        end: it.end,
        text: plain::owned(it.text),
    });
    KeptText {
        dictation,
        text: text.map(plain::owned).filter(|text| !text.is_empty()),
        unrefined: unrefined.map(plain::owned),
        preset: preset.as_ref().and_then(PresetRecord::chosen),
        segments: segments.collect(),
        earlier: earlier.into_iter().map(|it| plain::owned(it.text)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const NAMES: [&str; 5] = [
        "20261121T101010.000Z-1",
        "20261121T101011.000Z-2",
        "20261122T101012.000Z-3",
        "20261123T101013.000Z-4",
        "20261124T101014.000Z-5",
    ];

    /// Makes five dictations: delivered, delivered, failed, of a newer version, delivered.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let records = [
            r#"{"state":"delivered","text":"Una canción.\nY otra.","language":"es",
                "seconds":2.5,"deliveries":[{"by":"paste","ok":true,"detail":"pasted"}]}"#,
            r#"{"state":"delivered","text":"Dear Ann,","unrefined":"um dear ann"}"#,
            r#"{"state":"failed","error":{"code":"no_speech","message":"nothing"}}"#,
            r#"{"state":"delivered","text":"later","version":2}"#,
            r#"{"state":"delivered","text":"Dear Bob,\u001b[2J"}"#,
        ];
        for (name, record) in NAMES.iter().zip(records) {
            fs::write(folder.path().join(format!("{name}.json")), record).unwrap();
        }
        folder
    }

    fn listed(filter: HistoryFilter) -> Vec<(u32, String)> {
        let page = list(folder().path(), &filter, &[]).unwrap();
        page.dictations.into_iter().map(|it| (it.number, it.id)).collect()
    }

    fn all() -> HistoryFilter {
        HistoryFilter { limit: 10, ..HistoryFilter::default() }
    }

    fn those(wanted: &[(u32, usize)]) -> Vec<(u32, String)> {
        wanted.iter().map(|(number, at)| (*number, NAMES[*at].to_owned())).collect()
    }

    #[test]
    fn the_newest_comes_first_and_what_is_not_ours_does_not_count() {
        assert_eq!(listed(all()), those(&[(1, 4), (2, 2), (3, 1), (4, 0)]));
    }

    #[test]
    fn words_are_found_whatever_their_case_and_accents_also_before_the_rules() {
        assert_eq!(listed(all().of_words("CANCION otra")), those(&[(4, 0)]));
        assert_eq!(listed(all().of_words("dear")), those(&[(1, 4), (3, 1)]));
        assert_eq!(listed(all().of_words("um")), those(&[(3, 1)]));
        assert_eq!(listed(all().of_words("dear canción")), those(&[]));
    }

    #[test]
    fn pages_follow_one_another_also_if_the_last_one_seen_is_deleted() {
        let mut filter = HistoryFilter { limit: 2, ..HistoryFilter::default() };
        let folder = folder();
        let page = list(folder.path(), &filter, &[]).unwrap();
        assert!(page.has_more && page.dictations.len() == 2);
        filter.before = Some(page.dictations[1].id.clone());
        fs::remove_file(folder.path().join(format!("{}.json", NAMES[2]))).unwrap();
        let page = list(folder.path(), &filter, &[]).unwrap();
        let numbers: Vec<_> = page.dictations.iter().map(|it| (it.number, &*it.id)).collect();
        assert_eq!((numbers, page.has_more), (vec![(2, NAMES[1]), (3, NAMES[0])], false));
    }

    #[test]
    fn none_is_older_than_asked_for() {
        let since = "2026-11-22T00:00:00Z".parse().unwrap();
        let filter = HistoryFilter { since: Some(since), ..all() };
        assert_eq!(listed(filter), those(&[(1, 4), (2, 2)]));
    }

    #[test]
    fn one_is_found_by_number_or_id_but_not_while_it_is_in_work() {
        let folder = folder();
        let in_work = [folder.path().join(format!("{}.wav", NAMES[4]))];
        let found = |which: Which| find(folder.path(), &which, &in_work).unwrap();
        let Lookup::Found(it) = found(Which::Number(3)) else { panic!("not there") };
        assert_eq!((it.dictation.id.as_str(), it.dictation.number), (NAMES[0], 3));
        assert_eq!(it.text.as_deref(), Some("Una canción.\nY otra."));
        assert_eq!(it.dictation.first_words, "Una canción. Y otra.");
        assert_eq!((it.dictation.seconds, it.dictation.state), (2.5, "delivered"));
        assert_eq!(it.dictation.deliveries[0].by, "paste");
        let Lookup::Found(it) = found(Which::Id(NAMES[2].into())) else { panic!("not there") };
        assert_eq!((it.text, it.dictation.number), (None, 1));
        assert_eq!(it.dictation.problem, Some(("no_speech".into(), "nothing".into())));
        assert!(matches!(found(Which::Id(NAMES[4].into())), Lookup::InWork));
        for which in [Which::Number(4), Which::Id(NAMES[3].into()), Which::Id("../x".into())] {
            assert!(matches!(found(which), Lookup::Missing));
        }
    }

    #[test]
    fn what_could_be_deleted_is_told_apart() {
        let folder = folder();
        let in_work = [folder.path().join(format!("{}.wav", NAMES[4]))];
        let all = candidates(folder.path(), None, &in_work).unwrap();
        let ids: Vec<_> = all.candidates.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, [NAMES[2], NAMES[1], NAMES[0]]);
        assert_eq!((all.in_work, all.foreign), (vec![NAMES[4].into()], vec![NAMES[3].into()]));
        let one = candidates(folder.path(), Some(&Which::Number(2)), &in_work).unwrap();
        assert_eq!((one.candidates[0].id.as_str(), one.candidates.len()), (NAMES[1], 1));
        assert!(one.in_work.is_empty() && one.foreign.is_empty());
        let id = Which::Id(NAMES[4].into());
        let one = candidates(folder.path(), Some(&id), &in_work).unwrap();
        assert!(one.candidates.is_empty() && one.in_work == [NAMES[4]]);
    }

    /// A text from an earlier version could contain control characters for the terminal.
    #[test]
    fn what_is_listed_is_plain() {
        let page = list(folder().path(), &all(), &[]).unwrap();
        assert_eq!(page.dictations[0].first_words, "Dear Bob,[2J");
    }
}
