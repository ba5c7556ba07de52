//! The stored dictations: LIST_DICTATIONS, GET_DICTATION, DELIVER_DICTATION and DELETE_DICTATIONS.
//! Threads read the store; its own thread deletes.
//!
//! Dictated text goes only to the client that asks, and where it wants it. None of it is logged.

mod since;

use super::chores::Chore;
use super::requests::answer;
use super::texts::Finished;
use super::{Daemon, Reply};
use crate::call::{Answer, Deleted, Deletion, HistoryQuery, KeptText, Redelivery, Which};
use crate::session::{Code, DeliverMode, Failure};
use crate::store::{self, Candidates, HistoryFilter, Lookup, StoreError};
use jiff::Zoned;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::task::spawn_blocking;
use tracing::info;
use v2m_messages::{mark, tr};

/// A result from the store, for a client that wants more than to read it.
#[derive(Debug)]
pub(super) enum HistoryFound {
    /// A text to deliver again.
    ToDeliver { text: Result<String, Failure>, deliver: DeliverMode, reply: Reply },
    /// Dictations that may be deleted.
    ToDelete { found: Result<Candidates, Failure>, deletion: Deletion, reply: Reply },
    /// The deleted dictations, with their texts at that time.
    Deleted { result: Result<Deleted, Failure>, deletion: Attempted, reply: Reply },
}

/// Result of a deletion.
#[derive(Debug)]
pub(super) struct Attempted {
    /// The recordings to delete.
    doomed: Vec<PathBuf>,
    /// The recordings that were deleted.
    gone: Vec<PathBuf>,
    /// Their texts at that time.
    texts: Vec<String>,
}

/// Id of a dictation that a client named; `None` if there is no such dictation.
pub(super) type FoundId = Result<Option<String>, Failure>;

impl HistoryFound {
    pub(super) fn refuse(self, failure: &Failure) {
        match self {
            Self::ToDeliver { reply, .. } | Self::ToDelete { reply, .. } => {
                answer(reply, Err(failure.clone()));
            }
            Self::Deleted { result, reply, .. } => answer(reply, result.map(Answer::Deleted)),
        }
    }
}

impl Daemon {
    pub(super) fn list_dictations(&mut self, query: HistoryQuery, reply: Reply) {
        let filter = match filter(query) {
            Ok(filter) => filter,
            Err(failure) => return answer(reply, Err(failure)),
        };
        self.look_up(move |folder, in_work| {
            let page = store::list(folder, &filter, in_work).map_err(unreadable);
            answer(reply, page.map(Answer::History));
            Chore::Answered
        });
    }

    pub(super) fn show_dictation(&mut self, which: Which, reply: Reply) {
        self.look_up_one(which.clone(), move |folder, id, in_work| {
            let found = find(folder, id, &which, in_work, Doing::Showing);
            answer(reply, found.map(Answer::Dictation));
            Chore::Answered
        });
    }

    pub(super) fn redeliver(&mut self, redelivery: Redelivery, reply: Reply) {
        let Redelivery { which, deliver } = redelivery;
        self.look_up_one(which.clone(), move |folder, id, in_work| {
            let found = find(folder, id, &which, in_work, Doing::Delivering);
            let text =
                found.and_then(|it| it.text.ok_or_else(|| without_text(it.dictation.number)));
            Chore::History(Box::new(HistoryFound::ToDeliver { text, deliver, reply }))
        });
    }

    pub(super) fn delete_dictations(&mut self, deletion: Deletion, reply: Reply) {
        let to_delete = |found, deletion, reply| {
            Chore::History(Box::new(HistoryFound::ToDelete { found, deletion, reply }))
        };
        match &deletion {
            Deletion::One(which) => self.look_up_one(which.clone(), move |folder, id, in_work| {
                let named = |id| store::candidates(folder, Some(&Which::Id(id)), in_work);
                let found = id.and_then(|id| {
                    id.map_or(Ok(Candidates::default()), |id| named(id).map_err(unreadable))
                });
                to_delete(found, deletion, reply)
            }),
            Deletion::All => self.look_up(move |folder, in_work| {
                let found = store::candidates(folder, None, in_work).map_err(unreadable);
                to_delete(found, deletion, reply)
            }),
        }
    }

    /// Reads one stored dictation in a thread. A number counts from the present moment, whatever is
    /// begun, finished or deleted before the thread has read it.
    pub(super) fn look_up_one(
        &mut self,
        which: Which,
        work: impl FnOnce(&Path, FoundId, &[PathBuf]) -> Chore + Send + 'static,
    ) {
        let number = match which {
            Which::Id(id) => {
                return self.look_up(move |folder, in_work| work(folder, Ok(Some(id)), in_work));
            }
            Which::Number(number) => number,
        };
        let (folder, in_work) = (self.under_way.folder().to_owned(), self.under_way.in_work());
        let asked = self.under_way.id_of(number, in_work.clone());
        self.chores.spawn(async move {
            let id = match asked {
                Some(asked) => {
                    asked.await.map_or_else(|_| Err(stopping()), |id| id.map_err(unreadable))
                }
                None => Err(too_slow()),
            };
            let worked = spawn_blocking(move || work(&folder, id, &in_work)).await;
            worked.unwrap_or_else(|error| Chore::Broken(error.to_string()))
        });
    }

    /// Reads the store in a thread.
    fn look_up(&mut self, work: impl FnOnce(&Path, &[PathBuf]) -> Chore + Send + 'static) {
        let (folder, in_work) = (self.under_way.folder().to_owned(), self.under_way.in_work());
        self.chores.spawn_blocking(move || work(&folder, &in_work));
    }

    pub(super) fn history_found(&mut self, found: HistoryFound) {
        match found {
            HistoryFound::ToDeliver { text: Ok(text), deliver, reply } => {
                let finished = Finished::unchanged(text.clone(), deliver, reply);
                self.hand_over(finished, text, Some(Instant::now()));
            }
            HistoryFound::ToDeliver { text: Err(failure), reply, .. } => {
                answer(reply, Err(failure));
            }
            HistoryFound::ToDelete { found: Ok(found), deletion, reply } => {
                self.delete_found(found, &deletion, reply);
            }
            HistoryFound::ToDelete { found: Err(failure), reply, .. } => {
                answer(reply, Err(failure));
            }
            HistoryFound::Deleted { result, deletion, reply } => {
                let Attempted { doomed, gone, texts } = deletion;
                self.background.deletion_is_over(&doomed, &gone);
                // A retry may have changed the text since the store was read.
                texts.iter().for_each(|text| self.texts.forget(text));
                answer(reply, result.map(Answer::Deleted));
            }
        }
    }

    /// Deletes the dictations that may be deleted, and reports the others.
    fn delete_found(&mut self, found: Candidates, deletion: &Deletion, reply: Reply) {
        let Candidates { candidates, in_work, foreign } = found;
        let works_on = |path: &Path| self.background.works_on(path);
        let (busy, doomed): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|it| works_on(&it.path));
        let busy: Vec<_> = in_work.into_iter().chain(busy.into_iter().map(|it| it.id)).collect();
        if let Deletion::One(which) = deletion
            && doomed.is_empty()
        {
            let failure = match (busy.is_empty(), foreign.is_empty()) {
                (false, _) => Doing::Deleting.refused(Code::Busy, IN_WORK),
                (true, false) => Doing::Deleting.refused(Code::File, FOREIGN),
                (true, true) => missing(Doing::Deleting, which),
            };
            return answer(reply, Err(failure));
        }
        let paths: Vec<_> = doomed.iter().map(|it| it.path.clone()).collect();
        let Some(report) = self.under_way.delete(paths.clone()) else {
            return answer(reply, Err(too_slow()));
        };
        self.background.deletion_begins(&paths);
        match deletion {
            Deletion::One(_) => {
                for text in doomed.iter().filter_map(|it| it.text.as_deref()) {
                    self.texts.forget(text);
                }
            }
            Deletion::All => self.texts.forget_all(),
        }
        let without_text = doomed.iter().filter(|it| it.wants_text).count();
        let because = |why| move |id| (id, v2m_messages::text(why).to_owned());
        let busy = busy.into_iter().map(because(IN_WORK));
        let mut kept: Vec<_> = busy.chain(foreign.into_iter().map(because(FOREIGN))).collect();
        self.chores.spawn(async move {
            let Ok(report) = report.await else {
                answer(reply, Err(stopping()));
                return Chore::Answered;
            };
            let deleted = count(report.deleted.len());
            info!(deleted, "a client had {deleted} dictations deleted");
            let id = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into();
            kept.extend(report.in_use.iter().map(id).map(because(IN_WORK)));
            let result = match report.error {
                None => {
                    let without_text = count(without_text);
                    Ok(Deleted { deleted, without_text, kept })
                }
                Some(error) => {
                    let text = tr!("{error}. Deleted so far: {deleted}", error, deleted);
                    Err(Failure::new(Code::File, text))
                }
            };
            let (gone, texts) = (report.deleted, report.texts);
            let deletion = Attempted { doomed: paths, gone, texts };
            Chore::History(Box::new(HistoryFound::Deleted { result, deletion, reply }))
        });
    }
}

/// Why a dictation cannot be changed.
const IN_WORK: &str = mark!(
    "its text is still being transcribed or delivered. Wait for it, or drop it with `v2m-send cancel`."
);
const FOREIGN: &str = mark!("a newer v2m or another program made it, so this v2m leaves it alone.");

/// A client's action on one dictation.
#[derive(Clone, Copy)]
enum Doing {
    Showing,
    Delivering,
    Deleting,
}

impl Doing {
    /// Returns the failure for a refused client. `why`: a message.
    fn refused(self, code: Code, why: &'static str) -> Failure {
        let why = v2m_messages::text(why);
        let text = match self {
            Self::Showing => tr!("Showing a dictation: {why}", why),
            Self::Delivering => tr!("Delivering a dictation: {why}", why),
            Self::Deleting => tr!("Deleting a dictation: {why}", why),
        };
        Failure::new(code, text)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn filter(query: HistoryQuery) -> Result<HistoryFilter, Failure> {
    let HistoryQuery { search, since, before, limit } = query;
    let refused =
        |why: String| Failure::new(Code::BadRequest, tr!("Listing dictations: {why}", why));
    let since = since.map(|since| since::moment(&since, &Zoned::now()).map_err(refused));
    if let Some(id) = before.as_deref().filter(|id| !store::is_id(id)) {
        let id = format_args!("{id:?}");
        return Err(refused(tr!("`before` is not the id of a dictation: {id}.", id)));
    }
    let mut filter = HistoryFilter::default().of_words(search.as_deref().unwrap_or_default());
    filter.since = since.transpose()?;
    filter.before = before;
    filter.limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(filter)
}

fn find(
    folder: &Path,
    id: FoundId,
    asked: &Which,
    in_work: &[PathBuf],
    doing: Doing,
) -> Result<Box<KeptText>, Failure> {
    let Some(id) = id? else { return Err(missing(doing, asked)) };
    match store::find(folder, &Which::Id(id), in_work).map_err(unreadable)? {
        Lookup::Found(kept) => Ok(kept),
        Lookup::InWork => Err(doing.refused(Code::Busy, IN_WORK)),
        Lookup::Missing => Err(missing(doing, asked)),
    }
}

fn too_slow() -> Failure {
    let text = tr!(
        "The disk is too slow now, or too many requests wait for it, so nothing was done. Try again."
    );
    Failure::new(Code::Busy, text)
}

fn stopping() -> Failure {
    Failure::new(Code::ShuttingDown, tr!("v2m is stopping. Ask again in a moment."))
}

fn missing(doing: Doing, which: &Which) -> Failure {
    let which = match which {
        Which::Number(number) => number.to_string(),
        Which::Id(id) => format!("{id:?}"),
    };
    let text = match doing {
        Doing::Showing => tr!(
            "Showing dictation {which}: the store has no such dictation. `v2m-send history` lists them.",
            which
        ),
        Doing::Delivering => tr!(
            "Delivering dictation {which}: the store has no such dictation. `v2m-send history` lists them.",
            which
        ),
        Doing::Deleting => tr!(
            "Deleting dictation {which}: the store has no such dictation. `v2m-send history` lists them.",
            which
        ),
    };
    Failure::new(Code::NoText, text)
}

fn without_text(number: u32) -> Failure {
    let text = tr!(
        "Delivering dictation {number}: it has no text. Transcribe it once more: v2m-send retry {number}",
        number
    );
    Failure::new(Code::NoText, text)
}

pub(super) fn unreadable(error: StoreError) -> Failure {
    Failure::new(Code::File, error.to_string())
}
