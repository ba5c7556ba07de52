//! The socketpair to an engine: sends and receives frames without waiting.

use std::collections::VecDeque;
use std::io;
use tokio::io::Interest;
use tokio::net::UnixStream;
use v2m_ipc::engine::{self, Frame, FromEngine};
use v2m_messages::tr;

/// The daemon's end of the socketpair.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    /// Queued bytes; the first `written` of them are written.
    out: Vec<u8>,
    written: usize,
    /// Received bytes of an incomplete frame.
    input: Vec<u8>,
    /// Messages from the engine that have not been taken yet.
    pub(super) frames: VecDeque<FromEngine>,
    /// Whether the engine has sent a message.
    pub(super) spoken: bool,
    /// Whether either end was closed.
    pub(super) closed: bool,
}

impl Link {
    /// Takes an end of a socketpair.
    pub(super) fn new(end: std::os::unix::net::UnixStream) -> io::Result<Self> {
        end.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(end)?,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            frames: VecDeque::new(),
            spoken: false,
            closed: false,
        })
    }

    /// Whether everything queued is written, so that more can be queued.
    pub(super) fn flushed(&self) -> bool {
        self.written == self.out.len()
    }

    pub(super) fn queue(&mut self, bytes: &[u8]) {
        if self.flushed() {
            self.out.clear();
            self.written = 0;
        }
        self.out.extend_from_slice(bytes);
    }

    /// Reads what has already arrived.
    ///
    /// # Errors
    /// As for [`Self::turn`].
    pub(super) fn listen(&mut self) -> io::Result<()> {
        while self.read()? {}
        Ok(())
    }

    /// Reads and writes as soon as that is possible. Whole frames are put into `frames`.
    /// Cancel-safe.
    ///
    /// # Errors
    /// `UnexpectedEof` if the engine has closed its end; others if it sends anything that is not a
    /// frame.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        let wanted = if self.flushed() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let ready = self.stream.ready(wanted).await?;
        if ready.is_writable() {
            match self.stream.try_write(&self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // The engine may have sent the reason before it closed its end, so read first.
                Err(e) if is_closed(&e) => {
                    self.out.clear();
                    self.written = 0;
                }
                Err(e) => return Err(e),
            }
        }
        if ready.is_readable() {
            self.read()?;
        }
        Ok(())
    }

    /// Reads once. Returns whether anything was there.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => return Err(self.end()),
            Ok(n) => self.input.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // Also an end: the process had not read everything.
            Err(e) if is_closed(&e) => return Err(self.end()),
            Err(e) => return Err(e),
        }
        while let Some(header) = self.input.first_chunk::<4>() {
            let end = 4 + engine::frame_length(*header)?;
            let Some(body) = self.input.get(4..end) else { break };
            match engine::decode(body)? {
                Frame::Message(message) => {
                    self.spoken = true;
                    self.frames.push_back(message);
                }
                Frame::Pcm { .. } => {
                    let told = tr!("PCM from the engine");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, told));
                }
            }
            self.input.drain(..end);
        }
        Ok(true)
    }

    fn end(&mut self) -> io::Error {
        self.closed = true;
        io::ErrorKind::UnexpectedEof.into()
    }

    /// Closes both directions.
    pub(super) fn close(&mut self) {
        // If the other end is already gone, no shutdown is needed.
        let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both);
        self.closed = true;
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
