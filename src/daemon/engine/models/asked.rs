//! Whether a client's request can be transcribed: one check for a press, a retry and a file.

use super::Models;
use crate::config::EngineSettings;
use crate::session::Failure;

impl Models {
    /// Returns why the language `code` (`None`: to be detected) cannot be transcribed, if so: the
    /// model does not know it, or must be told it; or the model that takes over when a server fails
    /// would write words that nobody said. `model`: one on this machine, instead of the configured
    /// one. `doing`: the beginning of the message.
    pub(in crate::daemon) fn cannot_transcribe(
        &self,
        doing: &str,
        engine: &EngineSettings,
        model: Option<&str>,
        code: Option<&str>,
    ) -> Option<Failure> {
        let name = model.unwrap_or(&engine.model);
        let unheard = self.cannot_hear(doing, name, code, &engine.languages);
        let stands_in = || match model {
            Some(_) => None,
            None => self.cannot_stand_in(doing, engine, code),
        };
        unheard.or_else(stands_in)
    }
}
