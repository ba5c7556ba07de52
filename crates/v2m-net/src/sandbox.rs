//! Limits the files that the program may read, however it is started. It uses Landlock, with which
//! a process gives up rights.
//!
//! The program talks to untrusted servers. So it may only read the files that this needs (name
//! resolution, certificates, keys, and the configuration, which names the endpoint), and may not
//! write or execute any: a dictation in the store cannot leave through it. The network is not
//! restricted here, because the endpoint may change at any time; the unit's
//! `RestrictAddressFamilies=` keeps it from the desktop's sockets.

use crate::{configuration, log};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use std::env;
use std::fs;
use std::path::PathBuf;
use v2m_messages::verbatim;

/// The newest set of rights that is requested. Older kernels enforce the rights that they know.
const NEWEST: ABI = ABI::V9;

/// The places of the C library, its resolver and certificates, on all known distributions.
const READ: [&str; 12] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/nix/store",
    "/gnu/store",
    // openSUSE's certificates; /etc only has links to them.
    "/var/lib/ca-certificates",
    // The possible targets of /etc/resolv.conf.
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/connman",
];

/// Restricts files for this thread and all threads that it starts. If the kernel does not support
/// that, nothing changes.
pub fn close() {
    // Other processes of the same user must not read this one's memory, which contains keys.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    configuration::opened();
    match restrict() {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {
            log::debug(verbatim!("files are closed but for those that a question needs"));
        }
        Ok(RulesetStatus::NotEnforced) => {
            log::debug(verbatim!(
                "this kernel has no Landlock: files are as open as to any program of the user's"
            ));
        }
        Err(error) => log::warning(&verbatim!(format!("closing files by Landlock: {error}"))),
    }
}

fn restrict() -> Result<RulesetStatus, RulesetError> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        // It accepts no network connections.
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(NEWEST))?
        .set_compatibility(landlock::CompatLevel::BestEffort)
        .create()?
        // Missing paths are ignored.
        .add_rules(path_beneath_rules(readable(), read))?;
    Ok(rules.restrict_self()?.ruleset)
}

fn readable() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = READ.map(PathBuf::from).into();
    let named = ["CREDENTIALS_DIRECTORY", "SSL_CERT_FILE"];
    paths.extend(named.into_iter().filter_map(env::var_os).map(PathBuf::from));
    let folders = env::var_os("SSL_CERT_DIR").unwrap_or_default();
    paths.extend(env::split_paths(&folders));
    // The folder with the user's keys, and usually the configuration. If that is elsewhere, through
    // V2M_CONFIG or a link, only that file is allowed.
    paths.extend(configuration::folder());
    paths.extend(configuration::path());
    // Some links lead out of /etc: the resolver's configuration, and certificates that a company
    // stores elsewhere.
    let links = ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"];
    paths.extend(links.into_iter().filter_map(|link| fs::canonicalize(link).ok()));
    paths.retain(|path| path.is_absolute());
    paths
}
