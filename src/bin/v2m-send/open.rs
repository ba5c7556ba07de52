//! Opens the connection for a request, even if v2m's socket is not open yet.
//!
//! A package enables `v2m.socket` for every user's next login. In a session that began before,
//! nothing may have opened it: the first press does.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use v2m_ipc::client::{Client, ClientError};

/// Connects. If the socket does not exist, asks the user's systemd to open it, and connects again.
///
/// # Errors
/// Those of [`Client::connect`]. If systemd cannot open the socket, the error of the first attempt,
/// which says what to do.
pub(crate) fn connect() -> Result<Client, ClientError> {
    match Client::connect() {
        Err(error) if is_closed(&error) && open() => Client::connect(),
        done => done,
    }
}

/// Whether systemd's socket does not exist. A socket given explicitly is not systemd's.
fn is_closed(error: &ClientError) -> bool {
    let is_named = std::env::var_os("V2M_SOCKET_PATH").is_some_and(|path| !path.is_empty());
    let is_missing = matches!(error, ClientError::Connect { source, .. } if source.kind() == ErrorKind::NotFound);
    is_missing && !is_named
}

/// Asks the user's systemd to open the socket. Returns whether it did; a masked socket stays
/// closed.
fn open() -> bool {
    let mut systemctl = Command::new("systemctl");
    systemctl.args(["--user", "--quiet", "start", "v2m.socket"]);
    systemctl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    systemctl.status().is_ok_and(|status| status.success())
}
