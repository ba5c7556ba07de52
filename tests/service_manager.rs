//! Tests the interface to the service manager: passed sockets and notifications. There is one test
//! with all steps in order, because it changes the environment, which is only safe in a process
//! without other threads.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::os::fd::IntoRawFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::Duration;
use v2m::systemd::{self, SocketError, Watchdog};

fn set(pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        // SAFETY: the only other thread of this test's process is libtest's, which waits for this
        // one.
        unsafe { std::env::set_var(name, value) };
    }
}

fn told(manager: &UnixDatagram) -> String {
    let mut datagram = [0; 4096];
    let length = manager.recv(&mut datagram).expect("the manager was told something");
    String::from_utf8(datagram[..length].to_vec()).unwrap()
}

/// Passes a descriptor on permanently, as systemd does.
fn pass(fd: impl IntoRawFd, count: &str) {
    let fd = fd.into_raw_fd().to_string();
    set(&[("LISTEN_FDS", count), ("LISTEN_FDS_FIRST_FD", &fd)]);
}

#[test]
fn the_socket_is_taken_and_the_manager_is_told() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(systemd::listener(), Err(SocketError::Missing)));

    let path = directory.path().join("v2m.sock");
    let passed = UnixListener::bind(&path).unwrap();
    pass(passed.try_clone().unwrap(), "2");
    assert!(matches!(systemd::listener(), Err(SocketError::TooMany(2))));
    let (end, _other) = UnixStream::pair().unwrap();
    pass(end, "1");
    assert!(matches!(systemd::listener(), Err(SocketError::Unusable(_))));
    pass(UnixDatagram::unbound().unwrap(), "1");
    assert!(matches!(systemd::listener(), Err(SocketError::Unusable(_))));
    pass(passed, "1");
    let listener = systemd::listener().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let _client = UnixStream::connect(&path).unwrap();
    listener.accept().unwrap();

    let socket = directory.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    set(&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "20000000")]);
    systemd::status("Loading base-q8_0\n(82 MB)");
    assert_eq!(told(&manager), "STATUS=Loading base-q8_0 (82 MB)\n");
    systemd::ready("Ready");
    assert_eq!(told(&manager), "READY=1\nSTATUS=Ready\n");
    systemd::extend_timeout(Duration::from_secs(30));
    assert_eq!(told(&manager), "EXTEND_TIMEOUT_USEC=30000000\n");

    let mut watchdog = Watchdog::from_env();
    watchdog.active();
    watchdog.idle();
    watchdog.idle();
    assert_eq!(told(&manager), "WATCHDOG_USEC=3600000000\nWATCHDOG=1\n");
    watchdog.active();
    assert_eq!(told(&manager), "WATCHDOG_USEC=20000000\nWATCHDOG=1\n");
    watchdog.ping();
    assert_eq!(told(&manager), "WATCHDOG=1\n");
    systemd::stopping("Ending");
    assert_eq!(told(&manager), "STOPPING=1\nSTATUS=Ending\n");
}
