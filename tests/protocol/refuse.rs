//! Tests that a service that must end immediately still answers the presses that started it.

use crate::harness::{Peer, code};
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use v2m::server::refuse_pending;
use v2m::session::{Code, Failure};

#[test]
fn everyone_who_waits_is_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v2m.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let connect = || Peer::new(UnixStream::connect(&path).unwrap());
    let mut by_length = connect();
    by_length.send(r#"{"cmd":"TOGGLE_RECORDING"}"#);
    let mut by_line = connect();
    by_line.write(b"{\"cmd\":\"TOGGLE_RECORDING\"}\n");
    let mut silent = connect();
    let mut gone = connect();
    gone.send(r#"{"cmd":"PING"}"#);
    drop(gone);
    let mut too_long = connect();
    too_long.write(&[0, 0xff, 0xff, 0xff]);

    let failure =
        Failure::new(Code::BadConfig, "config.toml, line 3: unknown key; run: v2m check-config");
    refuse_pending(listener.try_clone().unwrap(), &failure);

    assert_eq!(code(&by_length.read()), "bad_config");
    // The connection must end without a reset, which would make the client try again and systemd
    // start the service again.
    assert_eq!(by_length.rest(), b"");
    assert_eq!(code(&by_line.read_line()), "bad_config");
    assert_eq!(code(&silent.read()), "bad_config");
    assert_eq!(code(&too_long.read()), "bad_config");
    assert_eq!(listener.accept().map(|_| ()).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
}
