//! Whether what a client asks for can be transcribed: the one question of a press, a retry and a file.

use super::Models;
use crate::config::EngineSettings;
use crate::session::Failure;

impl Models {
    /// Why nothing is transcribed in that language (`code`; `None`: it is to be detected), if that is
    /// so: the model does not know it, or must be told; or the model that takes over when a server
    /// fails would write words that nobody said. `model`: another one than the configured one, which
    /// is of this machine. `doing`: how the message begins.
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
