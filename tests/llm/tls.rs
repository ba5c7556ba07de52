//! Tests servers behind TLS: which certificates are trusted, and the message for others.

use crate::harness::{
    CLEAN, Daemon, PATIENCE, endpoint, failed, new_house, plain_program, rewrite, text,
};
use crate::peer::{STREAM, said};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use v2m_ipc::llm::FailureKind;

/// A server with a self-signed certificate.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) certificate: String,
    heads: Receiver<String>,
}

impl Server {
    /// Returns the head of the next request.
    pub(crate) fn head(&self) -> String {
        self.heads.recv_timeout(PATIENCE).unwrap()
    }
}

fn server(connections: usize) -> Server {
    let server = begin("localhost", connections, None);
    Server { url: server.url.replace("http://127.0.0.1", "https://localhost") + "/v1", ..server }
}

/// Starts the service of that name behind a proxy. Clients reach it through the proxy at `url`.
pub(crate) fn service(name: &str, connections: usize) -> Server {
    service_at(name, &format!("{name}:443"), connections)
}

/// Like [`service`], at another `place` than its name and the usual port.
pub(crate) fn service_at(name: &str, place: &str, connections: usize) -> Server {
    begin(name, connections, Some(place))
}

fn begin(name: &str, connections: usize, proxied: Option<&str>) -> Server {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, heads) = channel();
    let tunnel = proxied.map(|place| format!("CONNECT {place} HTTP/1.1\r\n"));
    thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(tunnel) = &tunnel {
                let head = head(&mut BufReader::new(&stream)).unwrap();
                assert!(head.starts_with(tunnel), "{head}");
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            }
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that does not trust the certificate disconnects during the handshake.
            let _ = serve(rustls::StreamOwned::new(tls, stream), &told, tunnel.is_some());
        }
    });
    Server { url, certificate: made.cert.pem(), heads }
}

/// Reads the head of a request, up to its empty line.
fn head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// Serves one request. If `once`, the answer says that the connection ends with it.
fn serve(mut stream: impl Read + Write, told: &Sender<String>, once: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut stream);
    let head = head(&mut reader)?;
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |value| value.trim().parse().unwrap());
    reader.read_exact(&mut vec![0; length])?;
    let _ = told.send(head);
    let body = said(CLEAN);
    let close = if once { "connection: close\r\n" } else { "" };
    let head = format!("HTTP/1.1 {STREAM}\r\n{close}content-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes())?;
    stream.flush()?;
    // Wait until the client disconnects.
    stream.read(&mut [0]).map(drop)
}

#[test]
fn an_authority_of_the_systems_is_believed_and_others_are_not() {
    let Server { url, certificate, .. } = &server(2);
    let trusting = new_house().file("company.pem", certificate, 0o644);
    let file = trusting.path("company.pem");
    // For this test, this is the file with the system's certificates.
    let trusting = trusting.with("SSL_CERT_FILE", file).start();
    assert_eq!(trusting.ask(&rewrite(endpoint(url))), text(CLEAN), "{}", trusting.log());

    // The program keeps its connection, and the server handles one at a time.
    drop(trusting);
    let strict = plain_program();
    let (trouble, message) = failed(strict.ask(&rewrite(endpoint(url))));
    assert!(
        trouble == FailureKind::Unavailable && message.contains("trust its certificate"),
        "{message}"
    );
    assert!(strict.log().contains("attempts 1"), "{}", strict.log());
}

#[test]
fn without_tls_there_https_is_told_to_fail() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let plain = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let program = plain_program();
    let (trouble, message) = failed(program.ask(&rewrite(endpoint(&url))));
    assert!(
        trouble == FailureKind::Unavailable && message.contains("Does it speak https"),
        "{message}"
    );
    plain.join().unwrap();
}
