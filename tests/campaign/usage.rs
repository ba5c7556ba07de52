//! Measures a process's resources. The recogniser's own user cannot read its files in `/proc`, so a
//! root process (`serve`) reads them and answers on a socket.

use serde_json::{Value, json};
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// The socket of the root process.
const SOCKET: &str = "/run/v2m-usage";

/// The resources of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Its share of the memory in use (PSS), in MB.
    pub(crate) memory_mb: f64,
    /// The number of open descriptors, sockets included.
    pub(crate) files: u64,
    /// The number of threads.
    pub(crate) threads: u64,
    /// The number of open sockets.
    pub(crate) sockets: u64,
}

impl Usage {
    /// Returns the minimum of each figure.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            memory_mb: self.memory_mb.min(other.memory_mb),
            files: self.files.min(other.files),
            threads: self.threads.min(other.threads),
            sockets: self.sockets.min(other.sockets),
        }
    }

    /// Returns the figures as JSON for the report.
    pub(crate) fn json(&self) -> Value {
        json!({"memory_mb": self.memory_mb, "files": self.files, "threads": self.threads, "sockets": self.sockets})
    }

    fn read(pid: u32) -> Option<Self> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let kb: f64 = pss.trim().trim_end_matches("kB").trim().parse().ok()?;
        let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let open: Vec<_> = open.filter_map(|it| fs::read_link(it.path()).ok()).collect();
        let is_socket =
            |target: &&std::path::PathBuf| target.to_string_lossy().starts_with("socket:");
        Some(Self {
            memory_mb: kb / 1024.0,
            files: open.len() as u64,
            threads: fs::read_dir(format!("/proc/{pid}/task")).ok()?.count() as u64,
            sockets: open.iter().filter(is_socket).count() as u64,
        })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.1} {:8} {:8} {:10}", self.memory_mb, self.files, self.threads, self.sockets)
    }
}

/// Returns the resources of a process; `None` if it has ended.
pub(crate) fn ask(pid: u32) -> Option<Usage> {
    let mut stream = UnixStream::connect(SOCKET).expect("run.sh has started the reader");
    writeln!(stream, "{pid}").ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    Some(Usage {
        memory_mb: answer["memory_mb"].as_f64()?,
        files: answer["files"].as_u64()?,
        threads: answer["threads"].as_u64()?,
        sockets: answer["sockets"].as_u64()?,
    })
}

/// Answers requests until it is killed. Runs as root.
pub(crate) fn serve() -> std::io::Result<()> {
    let _ = fs::remove_file(SOCKET);
    let listener = UnixListener::bind(SOCKET)?;
    fs::set_permissions(SOCKET, Permissions::from_mode(0o666))?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut line = String::new();
        // A client that disconnects early gets no answer.
        let _ = BufReader::new(&stream).read_line(&mut line);
        let usage = line.trim().parse().ok().and_then(Usage::read);
        let _ = writeln!(stream, "{}", usage.map_or(Value::Null, |usage| usage.json()));
    }
    Ok(())
}
