//! Which files the program may read, however it is started: by Landlock, in which a process takes
//! rights from itself.
//!
//! It talks to strangers, so it may read what talking takes (name resolution, certificates, keys,
//! and the configuration, which says to whom) and nothing else, and may write and run nothing: a
//! dictation in the store cannot leave by it. The network is not restricted here, for who is asked
//! may change at any time; the unit's `RestrictAddressFamilies=` leaves it no desktop to talk to.

use crate::{configuration, log};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use std::env;
use std::fs;
use std::path::PathBuf;
use v2m_messages::verbatim;

/// The newest set of rights that is asked for. Older kernels enforce what they know of it.
const NEWEST: ABI = ABI::V9;

/// Where the C library, its resolver and certificates lie, on the distributions there are.
const READ: [&str; 12] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/nix/store",
    "/gnu/store",
    // Certificates of openSUSE, to which /etc only links.
    "/var/lib/ca-certificates",
    // Whatever /etc/resolv.conf leads to.
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/connman",
];

/// Closes everything else, for this thread and all that it starts. Where the kernel cannot, nothing
/// changes.
pub fn close() {
    // Another process of the same user does not look into this one's memory, where keys are.
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
        // It serves nobody by the network.
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(NEWEST))?
        .set_compatibility(landlock::CompatLevel::BestEffort)
        .create()?
        // Those that are not there are passed over.
        .add_rules(path_beneath_rules(readable(), read))?;
    Ok(rules.restrict_self()?.ruleset)
}

fn readable() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = READ.map(PathBuf::from).into();
    let named = ["CREDENTIALS_DIRECTORY", "SSL_CERT_FILE"];
    paths.extend(named.into_iter().filter_map(env::var_os).map(PathBuf::from));
    let folders = env::var_os("SSL_CERT_DIR").unwrap_or_default();
    paths.extend(env::split_paths(&folders));
    // The user's keys; the configuration too, mostly. Where that lies elsewhere, by V2M_CONFIG or a
    // link, that file alone is open.
    paths.extend(configuration::folder());
    paths.extend(configuration::path());
    // Links lead out of /etc: the resolver's configuration, certificates that a company put
    // elsewhere.
    let links = ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"];
    paths.extend(links.into_iter().filter_map(|link| fs::canonicalize(link).ok()));
    paths.retain(|path| path.is_absolute());
    paths
}
