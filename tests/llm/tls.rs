//! Servers behind TLS: whose word is taken, and what is said where it is not.

use crate::harness::{CLEAN, House, Program, endpoint, failed, rewrite, text};
use crate::peer::{STREAM, said};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use v2m_ipc::llm::Trouble;

/// A server with a certificate that it wrote itself; gives its address and the certificate.
fn server(connections: usize) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
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
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for _ in 0..connections {
            let (stream, _) = listener.accept().unwrap();
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // Who does not believe the certificate goes away in the middle.
            let _ = serve(rustls::StreamOwned::new(tls, stream));
        }
    });
    (url, made.cert.pem())
}

fn serve(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut stream);
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let body = said(CLEAN);
    let head = format!("HTTP/1.1 {STREAM}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes())?;
    stream.flush()?;
    // Until the client leaves.
    stream.read(&mut [0]).map(drop)
}

#[test]
fn an_authority_of_the_systems_is_believed_and_others_are_not() {
    let (url, certificate) = server(2);
    let trusting = House::new().file("company.pem", &certificate, 0o644);
    let file = trusting.path("company.pem");
    // Where the system's own certificates are, for this test.
    let trusting = trusting.with("SSL_CERT_FILE", file).with("OPENAI_API_KEY", "secret-1").start();
    assert_eq!(trusting.ask(&rewrite(endpoint(&url))), text(CLEAN), "{}", trusting.log());

    // It keeps its connection, and the server has one at a time.
    drop(trusting);
    let strict = House::new().with("OPENAI_API_KEY", "secret-1").start();
    let (trouble, message) = failed(strict.ask(&rewrite(endpoint(&url))));
    assert!(
        trouble == Trouble::Unavailable && message.contains("trust its certificate"),
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
    let program = Program::plain();
    let (trouble, message) = failed(program.ask(&rewrite(endpoint(&url))));
    assert!(
        trouble == Trouble::Unavailable && message.contains("Does it speak https"),
        "{message}"
    );
    plain.join().unwrap();
}
