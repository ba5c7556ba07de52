//! Tests of the client against scripted peers on real sockets.

use super::*;
use serde_json::json;
use std::io::Read;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

const PONG: &[u8] = b"\0\0\0\x2f{\"status\":\"success\",\"data\":\"PONG\",\"error\":null}";

/// A test's own directory for its socket. A dependency is not worth it for this.
struct Socket(PathBuf);

impl Socket {
    fn new() -> (Self, UnixListener) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let n = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("v2m-ipc-{}-{n}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        (Self(path), listener)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Reads one complete PING.
fn read_ping(stream: &mut UnixStream) {
    let mut request = [0; 18];
    stream.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"\0\0\0\x0e{\"cmd\":\"PING\"}");
}

fn answer_one(listener: &UnixListener) {
    let (mut stream, _) = listener.accept().unwrap();
    read_ping(&mut stream);
    stream.write_all(PONG).unwrap();
}

/// Accepts and closes as soon as unread bytes are there, as systemd does when it flushes a queue.
fn reset_one(listener: &UnixListener) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 1]).unwrap();
}

fn serve(listener: UnixListener, script: fn(&UnixListener)) -> JoinHandle<UnixListener> {
    thread::spawn(move || {
        script(&listener);
        listener
    })
}

#[test]
fn requests_are_answered_on_one_connection() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..3 {
            read_ping(&mut stream);
            stream.write_all(PONG).unwrap();
        }
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    for _ in 0..3 {
        let answer = client.request(&Command::Ping).unwrap();
        assert_eq!(answer, Response::success(&"PONG"));
    }
    server.join().unwrap();
}

#[test]
fn a_request_that_was_never_read_is_sent_again() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        reset_one(listener);
        reset_one(listener);
        answer_one(listener);
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert_eq!(client.request(&Command::Ping).unwrap().data, json!("PONG"));
    server.join().unwrap();
}

#[test]
fn a_connection_that_was_closed_while_idle_is_made_again() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        drop(listener.accept().unwrap());
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    let server = serve(server.join().unwrap(), answer_one);
    assert_eq!(client.request(&Command::Ping).unwrap().data, json!("PONG"));
    server.join().unwrap();
}

#[test]
fn there_are_so_many_attempts_and_no_more() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| (0..ATTEMPTS).for_each(|_| reset_one(listener)));
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert!(matches!(client.request(&Command::Ping), Err(ClientError::Connect { .. })));
    let listener = server.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// A stopping service has read the request and did nothing for it.
#[test]
fn a_request_that_nothing_was_done_for_is_sent_again() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_ping(&mut stream);
        let again = Response::error("shutting_down", "Ask again.", json!({"again": true}));
        stream.write_all(&Framing::Length.encode(&again)).unwrap();
        answer_one(listener);
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert_eq!(client.request(&Command::Ping).unwrap().data, json!("PONG"));
    server.join().unwrap();
}

/// If such a request were sent again, it could start a second recording or stop a third.
#[test]
fn a_request_that_was_read_is_never_sent_again() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_ping(&mut stream);
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert!(matches!(client.request(&Command::Ping), Err(ClientError::Lost(_))));
    let listener = server.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn half_an_answer_is_a_lost_connection() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_ping(&mut stream);
        stream.write_all(&PONG[..9]).unwrap();
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert!(matches!(client.request(&Command::Ping), Err(ClientError::Lost(_))));
    server.join().unwrap();
}

#[test]
fn an_answer_given_before_the_request_was_read_counts() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let busy = Response::error("busy", "too many", json!(null));
        stream.write_all(&Framing::Length.encode(&busy)).unwrap();
        stream.read_exact(&mut [0; 1]).unwrap();
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    let text = "x".repeat(MAX_REQUEST / 2);
    let answer = client.request(&Command::TestRules { text, language: None }).unwrap();
    assert_eq!(answer.code.as_deref(), Some("busy"));
    server.join().unwrap();
}

#[test]
fn an_answer_that_is_none_is_said_to_be() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_ping(&mut stream);
        stream.write_all(b"\0\0\0\x02[]").unwrap();
        read_ping(&mut stream);
        stream.write_all(b"HTTP").unwrap();
    });
    let mut client = Client::connect_to(&socket.0).unwrap();
    assert!(matches!(client.request(&Command::Ping), Err(ClientError::BadAnswer(_))));
    assert!(matches!(client.request(&Command::Ping), Err(ClientError::BadAnswer(_))));
    server.join().unwrap();
}

#[test]
fn a_subscription_gives_events_until_the_service_ends() {
    let (socket, listener) = Socket::new();
    let server = serve(listener, |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut header = [0; 4];
        stream.read_exact(&mut header).unwrap();
        stream.read_exact(&mut vec![0; u32::from_be_bytes(header) as usize]).unwrap();
        for frame in [
            Response::success(&json!({"subscribed": ["level"]})),
            Response::event(&Event::Level { dbfs: -20.0, peak_dbfs: None }),
            Response {
                data: json!({"type": "later"}),
                ..Response::event(&Event::Level { dbfs: 0.0, peak_dbfs: None })
            },
        ] {
            stream.write_all(&Framing::Length.encode(&frame)).unwrap();
        }
    });
    let client = Client::connect_to(&socket.0).unwrap();
    let mut events = client.subscribe(&[EventName::Level]).unwrap();
    let mut got = Vec::new();
    while let Some((event, _)) = events.next_event().unwrap() {
        got.push(event);
    }
    assert_eq!(got, [Some(Event::Level { dbfs: -20.0, peak_dbfs: None }), None]);
    server.join().unwrap();
}

#[test]
fn nobody_there_says_how_to_enable_the_socket() {
    let error = Client::connect_to(Path::new("/nonexistent/v2m.sock")).unwrap_err();
    assert!(error.to_string().contains("systemctl --user enable --now v2m.socket"), "{error}");
}

#[test]
fn the_socket_is_named_or_lies_in_the_runtime_directory() {
    let named = |a: Option<&str>, b: Option<&str>| named_path(a.map(Into::into), b.map(Into::into));
    assert_eq!(named(Some("/s"), Some("/run/user/7")), Some("/s".into()));
    assert_eq!(named(None, Some("/run/user/7")), Some("/run/user/7/v2m/v2m.sock".into()));
    assert_eq!(named(None, None), None);
}

#[test]
fn a_directory_under_tmp_that_is_not_ours_is_not_trusted() {
    let (tmp, _listener) = Socket::new();
    let tmp = tmp.0.with_extension("d");
    std::fs::create_dir(&tmp).unwrap();
    let uid = std::fs::metadata("/proc/self").unwrap().uid();
    let directory = tmp.join(format!("v2m_{uid}"));
    assert_eq!(path_under_tmp(&tmp).unwrap(), directory.join("v2m.sock"));
    std::os::unix::fs::symlink("/", &directory).unwrap();
    assert!(matches!(path_under_tmp(&tmp), Err(ClientError::NoPath(_))));
    std::fs::remove_dir_all(&tmp).unwrap();
}

/// Anybody may listen under `/tmp`, or at the path in a variable.
#[test]
fn a_socket_of_another_user_is_sent_nothing() {
    use rustix::process::{Uid, geteuid};
    use std::os::unix::fs::PermissionsExt;
    if !geteuid().is_root() {
        println!("skipped: only root can listen as another user");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().join("v2m.sock");
    let listener = std::thread::scope(|scope| {
        let listening = scope.spawn(|| {
            // This affects only this thread, which ends with it.
            let other = Uid::from_raw(4242);
            rustix::thread::set_thread_res_uid(other, other, other).unwrap();
            UnixListener::bind(&path).unwrap()
        });
        listening.join().unwrap()
    });
    let refused = Client::connect_to(&path).unwrap_err();
    assert!(matches!(&refused, ClientError::Foreign { uid: 4242, .. }), "{refused}");
    let mut sent = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut sent).unwrap();
    assert!(sent.is_empty());
}
