//! A gate to the bus that a test can shut. A client that came through it sees the bus drop its
//! connection. The bus itself stays, with its direct clients.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// An open gate, until this is dropped.
pub struct Gate {
    /// The address to use instead of the bus's own.
    pub address: String,
    open: Arc<Mutex<Vec<UnixStream>>>,
    /// The bytes sent to the bus since the last cut.
    sent: Arc<Mutex<Vec<u8>>>,
    _directory: TempDir,
}

impl Gate {
    /// Opens a gate to the bus at `address`.
    pub fn to(address: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate");
        let listener = UnixListener::bind(&path).unwrap();
        let bus = address.strip_prefix("unix:path=").unwrap().to_owned();
        let open = Arc::<Mutex<Vec<UnixStream>>>::default();
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let (all, log) = (Arc::clone(&open), Arc::clone(&sent));
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let Ok(bus) = UnixStream::connect(&bus) else { continue };
                let mut all = all.lock().unwrap();
                all.extend([client.try_clone().unwrap(), bus.try_clone().unwrap()]);
                let (to, from) = (bus.try_clone().unwrap(), client.try_clone().unwrap());
                let log = Arc::clone(&log);
                thread::spawn(move || copy(client, bus, Some(&log)));
                thread::spawn(move || copy(to, from, None));
            }
        });
        Self { address: format!("unix:path={}", path.display()), open, sent, _directory: directory }
    }

    /// Drops all connections through this gate. New ones are accepted.
    pub fn throw_off(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.sent.lock().unwrap().clear();
    }

    /// Waits until a call of this method has passed since the last cut.
    pub async fn has_passed(&self, method: &str) {
        let passed = || {
            let sent = self.sent.lock().unwrap();
            sent.windows(method.len()).any(|part| part == method.as_bytes())
        };
        while !passed() {
            tokio::task::yield_now().await;
        }
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream, log: Option<&Mutex<Vec<u8>>>) {
    let mut chunk = [0; 4096];
    let mut pass = || -> io::Result<usize> {
        let got = from.read(&mut chunk)?;
        to.write_all(&chunk[..got])?;
        if let Some(log) = log {
            log.lock().unwrap().extend_from_slice(&chunk[..got]);
        }
        Ok(got)
    };
    while pass().is_ok_and(|got| got > 0) {}
    let _ = to.shutdown(Shutdown::Both);
}
