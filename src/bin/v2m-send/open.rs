//! The connection of a request, where v2m's socket may not be open yet.
//!
//! A package enables `v2m.socket` for everybody's next login. In a session from before, nothing may have opened it: the
//! first press does.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use v2m_ipc::client::{Client, ClientError};

/// Connects. If the socket does not exist, asks the user's systemd to open it, and connects again.
///
/// # Errors
/// Those of [`Client::connect`]. If systemd cannot open the socket, the error of the first attempt: it says what to do.
pub(crate) fn connect() -> Result<Client, ClientError> {
    match Client::connect() {
        Err(error) if is_closed(&error) && open() => Client::connect(),
        done => done,
    }
}

/// Whether the socket that systemd owns does not exist. One that was named is not systemd's.
fn is_closed(error: &ClientError) -> bool {
    let is_named = std::env::var_os("V2M_SOCKET_PATH").is_some_and(|path| !path.is_empty());
    let is_missing = matches!(error, ClientError::Connect { source, .. } if source.kind() == ErrorKind::NotFound);
    is_missing && !is_named
}

/// Whether the user's systemd has opened the socket. A socket that the user has masked stays closed.
fn open() -> bool {
    let mut systemctl = Command::new("systemctl");
    systemctl.args(["--user", "--quiet", "start", "v2m.socket"]);
    systemctl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    systemctl.status().is_ok_and(|status| status.success())
}
