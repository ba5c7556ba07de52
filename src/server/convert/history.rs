//! Converts requests and answers about the dictations in the store.

use super::{deliver_mode, path, preset_data, segment_data};
use crate::call::{
    Deleted, Deletion, HistoryPage, HistoryQuery, KeptDelivery, KeptDictation, KeptText,
    LONGEST_PAGE, PAGE, Redelivery, Which,
};
use v2m_ipc::data;
use v2m_ipc::message;

pub(super) fn query(
    search: Option<String>,
    since: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
) -> HistoryQuery {
    let limit = limit.unwrap_or(PAGE).min(LONGEST_PAGE);
    HistoryQuery { search, since, before, limit }
}

pub(super) fn which(which: message::Which) -> Which {
    match which {
        message::Which::Number(number) => Which::Number(number),
        message::Which::Id(id) => Which::Id(id),
    }
}

pub(super) fn redelivery(wanted: message::Which, deliver: message::Deliver) -> Redelivery {
    Redelivery { which: which(wanted), deliver: deliver_mode(deliver) }
}

pub(super) fn deletion(wanted: Option<message::Which>) -> Deletion {
    wanted.map_or(Deletion::All, |wanted| Deletion::One(which(wanted)))
}

pub(super) fn page_data(page: HistoryPage) -> data::Dictations {
    let HistoryPage { dictations, has_more } = page;
    let dictations = dictations.into_iter().map(dictation_data).collect();
    data::Dictations { dictations, more: has_more }
}

pub(super) fn kept_data(kept: KeptText) -> data::DictationText {
    let KeptText { dictation, text, unrefined, preset, segments, earlier } = kept;
    let segments = segments.into_iter().map(|segment| segment_data(segment, &[])).collect();
    let (dictation, preset) = (dictation_data(dictation), preset.map(preset_data));
    data::DictationText { dictation, text, unrefined, preset, segments, earlier }
}

fn dictation_data(kept: KeptDictation) -> data::Dictation {
    let KeptDictation {
        number,
        id,
        started_at,
        seconds,
        language,
        state,
        first_words,
        deliveries,
        problem,
        audio_path,
    } = kept;
    data::Dictation {
        number,
        id,
        started_at,
        seconds,
        language,
        state: state.into(),
        first_words,
        deliveries: deliveries.into_iter().map(delivery_data).collect(),
        problem: problem.map(|(code, error)| data::Problem { code, error }),
        audio_path: path(audio_path),
    }
}

fn delivery_data(kept: KeptDelivery) -> data::Delivery {
    let KeptDelivery { by, backend, ok, detail } = kept;
    data::Delivery { by, backend, ok, detail }
}

pub(super) fn deleted_data(deleted: Deleted) -> data::Deleted {
    let Deleted { deleted, without_text, kept } = deleted;
    let kept = kept.into_iter().map(|(id, reason)| data::NotDeleted { id, reason }).collect();
    data::Deleted { deleted, without_text, kept }
}
