//! RETRY_RECORDING: transcribes a dictation from the store again, whether it failed or not.

use super::attempt::{Asked, Attempt};
use crate::call::{Retry, Which};
use crate::daemon::chores::Chore;
use crate::daemon::engine::Plan;
use crate::daemon::history::unreadable;
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, Reply};
use crate::language::spoken;
use crate::session::{Code, Failure};
use crate::store::{self, Unfinished};
use tracing::info;
use v2m_messages::tr;

/// A client's request, while its recording is looked up.
#[derive(Debug)]
pub(in crate::daemon) struct Wanted {
    number: u32,
    plan: Plan,
    reply: Reply,
}

impl Wanted {
    pub(in crate::daemon) fn refuse(self, failure: &Failure) {
        answer(self.reply, Err(failure.clone()));
    }
}

impl Daemon {
    /// Looks up the recording, in a thread.
    pub(in crate::daemon) fn retry(&mut self, retry: Retry, reply: Reply) {
        let Retry { number, model, language } = retry;
        let language = match language.as_deref().map(known_language).transpose() {
            Ok(language) => language,
            Err(failure) => return answer(reply, Err(failure)),
        };
        if number == 0 {
            let text =
                tr!("Transcribing a dictation again: dictations are counted from 1, the last one.");
            return answer(reply, Err(Failure::new(Code::BadRequest, text)));
        }
        if let Some(failure) = model.as_deref().and_then(|name| self.engine.models().lacks(name)) {
            return answer(reply, Err(failure));
        }
        let plan = Plan { model, language, is_safest: false };
        if let Some(language) = &plan.language
            && let Some(failure) = self.cannot_retry(&plan, language.as_deref())
        {
            return answer(reply, Err(failure));
        }
        let wanted = Wanted { number, plan, reply };
        self.look_up_one(Which::Number(number), move |folder, id, in_work| {
            let one = |id: String| store::one(folder, &id, in_work).map_err(unreadable);
            let found = id.and_then(|id| id.map_or(Ok(None), one));
            Chore::RetryFound { result: found.map(|found| found.map(Box::new)), wanted }
        });
    }

    /// Queues the attempt once the recording has been looked up.
    pub(in crate::daemon) fn retry_found(
        &mut self,
        result: Result<Option<Box<Unfinished>>, Failure>,
        wanted: Wanted,
    ) {
        let Wanted { number, plan, reply } = wanted;
        let refused = |code, why: &str| {
            let text = tr!("Transcribing dictation {number} again: {why}", number, why);
            Err(Failure::new(code, text))
        };
        let left = match result {
            Ok(Some(left)) if !self.background.is_deleted(&left.path) => left,
            Ok(Some(_) | None) => {
                let why =
                    tr!("the store has no such dictation. `v2m-send retry` takes the last one.");
                return answer(reply, refused(Code::NoText, why));
            }
            Err(failure) => return answer(reply, refused(failure.code, &failure.message)),
        };
        if left.samples == 0 {
            let why = tr!("its recording was deleted (store.keep_audio, store.keep_days). \
                 `v2m-send last` prints the last text.");
            return answer(reply, refused(Code::File, why));
        }
        if self.background.works_on(&left.path) {
            return answer(
                reply,
                refused(Code::Busy, tr!("it is being transcribed. Wait for its text.")),
            );
        }
        if self.background.is_being_deleted(&left.path) {
            return answer(reply, refused(Code::Busy, tr!("it is being deleted.")));
        }
        // By default, use the language in which the user began to dictate.
        if plan.language.is_none() {
            let usual = self.config.settings().engine.language.as_deref();
            let code = left.language.as_deref().or(usual);
            if let Some(failure) = self.cannot_retry(&plan, code) {
                return answer(reply, Err(failure));
            }
        }
        info!(number, "asked to transcribe dictation {number} again");
        // This attempt replaces the pending automatic one.
        let recovery = &mut self.background.recovery;
        recovery.waiting.retain(|it| it.left.path != left.path);
        recovery.waiting.push_back(Attempt::asked(*left, Asked { plan, reply }));
    }

    /// Returns why this plan cannot transcribe a recording in the language `code`.
    fn cannot_retry(&self, plan: &Plan, code: Option<&str>) -> Option<Failure> {
        let settings = &self.config.settings().engine;
        let doing = tr!("Transcribing a dictation again");
        let models = self.engine.models();
        models.cannot_transcribe(doing, settings, plan.model.as_deref(), code)
    }
}

fn known_language(code: &str) -> Result<Option<String>, Failure> {
    let known = spoken::code(code).map(|code| code.map(str::to_owned));
    known.map_err(|unknown| {
        let text = tr!("Transcribing a dictation again: {unknown}", unknown);
        Failure::new(Code::BadRequest, text)
    })
}
