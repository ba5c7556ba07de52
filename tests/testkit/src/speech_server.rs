//! A double of a server with OpenAI's API for transcriptions, on loopback. It behaves or misbehaves
//! as a test demands, and can change its behaviour from one request to the next.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// It transcribes: it returns this text, and the language if the request asks for one.
    Says(String),
    /// It returns this head, without its last line, and this body.
    Raw(&'static str, String),
    /// It closes the connection without an answer.
    Drops,
    /// It sends this, and then nothing until the client disconnects.
    Hangs(&'static str),
    /// It sends a body without an end.
    Endless,
}

/// A running server. It ends with the process.
pub struct SpeechServer {
    /// `http://127.0.0.1:PORT/v1`
    pub url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request line and the headers.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns a text field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let (_, rest) = body.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
        rest.split("\r\n").next().map(str::to_owned)
    }

    /// Returns the samples of the file in the form.
    pub fn sound(&self) -> Vec<i16> {
        let start = find(&self.body, b"RIFF").expect("it holds a WAV file");
        let length = &self.body[start + 40..start + 44];
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let sound = &self.body[start + 44..start + 44 + length];
        sound.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

impl SpeechServer {
    /// Starts a server.
    pub fn new(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("it has one"));
        let behaviour = Arc::new(Mutex::new(behaviour));
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (acts, told) = (Arc::clone(&behaviour), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (acts, told) = (Arc::clone(&acts), Arc::clone(&told));
                thread::spawn(move || serve(&stream, &acts, &told));
            }
        });
        Self { url, behaviour, requests }
    }

    /// Returns an address on which nothing listens.
    pub fn nowhere() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}/v1", listener.local_addr().expect("it has one"))
    }

    /// Sets the behaviour from the next request on.
    pub fn now(&self, behaviour: Behaviour) {
        *self.behaviour.lock().expect("nobody panics with it") = behaviour;
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

fn serve(stream: &TcpStream, behaviour: &Mutex<Behaviour>, told: &Mutex<Vec<Request>>) {
    while let Some(request) = read(stream) {
        told.lock().expect("nobody panics with it").push(request.clone());
        let behaviour = behaviour.lock().expect("nobody panics with it").clone();
        if answer(stream, &request, &behaviour).is_none() {
            return;
        }
    }
}

/// Answers a request. Returns `None` if the connection is over.
fn answer(mut stream: &TcpStream, request: &Request, behaviour: &Behaviour) -> Option<()> {
    let mut whole = |head: &str, body: &str| {
        let length = body.len();
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).ok()
    };
    match behaviour {
        Behaviour::Says(text) => {
            let text = serde_json::to_string(text).expect("it is text");
            let body = match request.field("response_format").as_deref() {
                Some("verbose_json") => format!("{{\"language\":\"english\",\"text\":{text}}}"),
                _ => format!("{{\"text\":{text}}}"),
            };
            whole("200 OK\r\ncontent-type: application/json", &body)
        }
        Behaviour::Raw(head, body) => whole(head, body),
        Behaviour::Drops => None,
        Behaviour::Hangs(said) => {
            stream.write_all(said.as_bytes()).ok()?;
            let _ = stream.read(&mut [0]);
            None
        }
        Behaviour::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"text\":\"")
                .ok()?;
            // Until the client disconnects.
            while stream.write_all(&[b'a'; 4096]).is_ok() {}
            None
        }
    }
}

/// Reads a request. Returns `None` at the connection's end.
fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if &head[start..] == "\r\n" {
            break;
        }
        if let Some(value) = head[start..].to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}
