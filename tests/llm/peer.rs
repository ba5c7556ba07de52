//! A language model's server on loopback that handles each request as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to a connection after a request.
pub(crate) enum Then {
    /// The next request is read.
    Keep,
    /// The connection is closed.
    Close,
}

/// The handler of one request.
pub(crate) type Act = Box<dyn FnOnce(&mut TcpStream) -> Then + Send>;

/// A running server. It ends after its last handler.
pub(crate) struct Peer {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

/// The received requests.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Head and body of each request.
    pub(crate) requests: Vec<String>,
    /// The number of connections used.
    pub(crate) connections: usize,
}

impl Peer {
    pub(crate) fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let told = Arc::clone(&seen);
        thread::spawn(move || {
            let mut open: Option<TcpStream> = None;
            for act in acts {
                let (mut stream, request) = loop {
                    let stream = open.take().unwrap_or_else(|| {
                        told.lock().unwrap().connections += 1;
                        listener.accept().unwrap().0
                    });
                    if let Some(request) = read_request(&stream) {
                        break (stream, request);
                    }
                };
                told.lock().unwrap().requests.push(request);
                if let Then::Keep = act(&mut stream) {
                    open = Some(stream);
                }
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// Reads a request. Returns `None` at the connection's end.
fn read_request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
        if &head[start..] == "\r\n" {
            break;
        }
        if let Some(value) = head[start..].to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(head + &String::from_utf8(body).unwrap())
}

/// Sends an answer, which ends with the connection.
pub(crate) fn reply(head: &'static str, body: impl Into<String>) -> Act {
    let body = body.into();
    Box::new(move |stream| {
        // A client that rejects the answer does not wait for its end.
        let _ = write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}");
        Then::Close
    })
}

/// Sends an answer with which the connection can be kept; `then` says what the server does.
pub(crate) fn kept(head: &'static str, body: impl Into<String>, then: Then) -> Act {
    let body = body.into();
    Box::new(move |stream| {
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
        then
    })
}

/// Sends this, and then nothing until the client disconnects.
pub(crate) fn silent(said: &'static str) -> Act {
    Box::new(move |stream| {
        let _ = stream.write_all(said.as_bytes());
        let _ = stream.read(&mut [0]);
        Then::Close
    })
}

pub(crate) const STREAM: &str = "200 OK\r\ncontent-type: text/event-stream";
pub(crate) const JSON: &str = "200 OK\r\ncontent-type: application/json";

/// Returns a text in OpenAI's format, in pieces of one word each.
pub(crate) fn said(text: &str) -> String {
    let piece = |word: &str| {
        let content = serde_json::to_string(word).unwrap();
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":{content}}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let words: String = text.split_inclusive(' ').map(piece).collect();
    words + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
}
