//! Limits the files that a process may open with Landlock.

use super::ConfineError;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use std::path::PathBuf;
use v2m_messages::verbatim;

/// The newest set of rights that is requested. Older kernels enforce the rights that they know.
const NEWEST: ABI = ABI::V9;

/// Files, and folders with all their content. Paths that do not exist are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedFiles {
    /// Paths that may be read.
    pub read: Vec<PathBuf>,
    /// Devices that may be read, written, and controlled through their driver (ioctl).
    pub devices: Vec<PathBuf>,
}

impl AllowedFiles {
    pub(super) fn close(&self) -> Result<(), ConfineError> {
        match self.restrict() {
            Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => Ok(()),
            Ok(RulesetStatus::NotEnforced) => {
                let reason = verbatim!("this kernel has none, or has it switched off");
                Err(ConfineError::Files(reason.to_owned()))
            }
            Err(error) => Err(ConfineError::Files(error.to_string())),
        }
    }

    fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
        let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
        let device = read | AccessFs::WriteFile | AccessFs::IoctlDev;
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?
            .add_rules(path_beneath_rules(&self.read, read))?
            .add_rules(path_beneath_rules(&self.devices, device))?;
        Ok(rules.restrict_self()?.ruleset)
    }
}
