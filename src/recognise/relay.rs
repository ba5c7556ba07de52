//! Connects an engine without a model to `v2m-remote`. Both speak [`v2m_ipc::remote`]; the relay
//! does not inspect the content.
//!
//! The engine keeps its end as long as it lives. The relay connects to `v2m-remote` at the engine's
//! first request, and again if `v2m-remote` has exited since: unanswered requests are then sent
//! again.

use crate::unit::{REMOTE, Unconnected};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, FailureKind, Question, socket_path};
use v2m_messages::tr;

/// Waits before a request is repeated. A request that arrives while `v2m-remote` exits loses its
/// connection, and so do the following ones until systemd has noticed the exit: it closes them
/// together with any that the program had not accepted.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// Maximum length of a request: a minute of sound, and the words around it.
const LONGEST: usize = 2 * engine::MAX_FRAME;

/// A relay. Ends when it is dropped, or when the engine closes its end.
#[derive(Debug)]
pub(super) struct Relay(JoinHandle<()>);

impl Relay {
    /// Takes the daemon's end of the engine's socketpair.
    ///
    /// # Errors
    /// If the socket cannot be registered.
    pub(super) fn spawn(end: std::os::unix::net::UnixStream) -> io::Result<Self> {
        end.set_nonblocking(true)?;
        let engine = UnixStream::from_std(end)?;
        Ok(Self(tokio::spawn(async move {
            // The engine has exited or violates the protocol: there is nobody to report to.
            let _ = relay(engine).await;
        })))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn relay(mut engine: UnixStream) -> io::Result<()> {
    let mut server: Option<UnixStream> = None;
    // Requests that have not been answered yet.
    let mut asked = Vec::new();
    let mut pauses = PAUSES.iter();
    let (mut question, mut answer) = (vec![0; 64 << 10], vec![0; 16 << 10]);
    loop {
        if server.is_none() && !has_question(&asked) {
            // The end of a request that was already answered. It needs no answer.
            asked.clear();
        }
        if server.is_none() && !asked.is_empty() {
            match connect().await {
                Ok(mut connected) => {
                    // If the connection is already lost, reading reports that.
                    let _ = connected.write_all(&asked).await;
                    server = Some(connected);
                }
                Err(why) => {
                    engine.write_all(&failed(why)).await?;
                    asked.clear();
                }
            }
        }
        tokio::select! {
            got = engine.read(&mut question) => {
                let got = got?;
                if got == 0 || asked.len() + got > LONGEST {
                    return Ok(());
                }
                asked.extend_from_slice(&question[..got]);
                if let Some(server) = &mut server {
                    let _ = server.write_all(&question[..got]).await;
                }
            }
            got = read(&mut server, &mut answer) => match got {
                Ok(got @ 1..) => {
                    engine.write_all(&answer[..got]).await?;
                    asked.clear();
                    pauses = PAUSES.iter();
                }
                Ok(_) | Err(_) => {
                    server = None;
                    if !has_question(&asked) {
                        continue;
                    }
                    match pauses.next() {
                        Some(pause) => sleep(*pause).await,
                        None => {
                            let why = tr!("v2m-remote stopped without an answer; see why: journalctl --user -u v2m-remote");
                            engine.write_all(&failed(why.to_owned())).await?;
                            asked.clear();
                        }
                    }
                }
            }
        }
    }
}

/// Whether the pending data contains anything to answer: sound, a request, or the beginning of one.
/// Unreadable data counts as a request.
fn has_question(asked: &[u8]) -> bool {
    let mut rest = asked;
    loop {
        match engine::read_frame::<Question>(&mut rest) {
            Ok(None) => return false,
            Ok(Some(Frame::Message(Question::Cancel))) => {}
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

async fn read(server: &mut Option<UnixStream>, into: &mut [u8]) -> io::Result<usize> {
    match server {
        Some(server) => server.read(into).await,
        None => std::future::pending().await,
    }
}

/// Connects to `v2m-remote`, or returns why that is not possible.
async fn connect() -> Result<UnixStream, String> {
    let Some(path) = socket_path() else {
        return Err(tr!(
            "reaching v2m-remote: XDG_RUNTIME_DIR is not set, so its socket cannot be found"
        )
        .to_owned());
    };
    REMOTE.connect(&path).await.map_err(|unconnected| {
        let path = path.display();
        match unconnected {
            Unconnected::Nobody(source, unopened) => tr!(
                "reaching v2m-remote at {path}: {source}, and its socket could not be opened ({unopened}). To open it: {start}",
                path,
                source,
                unopened,
                start = REMOTE.start_command()
            ),
            Unconnected::Foreign => tr!(
                "reaching v2m-remote at {path}: another user's process listens there. Nothing was sent to it; check \
                 XDG_RUNTIME_DIR and V2M_REMOTE_SOCKET",
                path
            ),
            Unconnected::Lost(error) => tr!("reaching v2m-remote at {path}: {error}", path, error),
        }
    })
}

fn failed(message: String) -> Vec<u8> {
    engine::encode_message(&Answer::Failed { kind: FailureKind::Unavailable, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_ipc::remote::Endpoint;

    #[test]
    fn a_cancel_alone_is_no_question() {
        let cancel = engine::encode_message(&Question::Cancel);
        let endpoint =
            Endpoint { base_url: "U".into(), model: "m".into(), connect_ms: 1, total_ms: 1 };
        let question = engine::encode_message(&Question::Transcribe {
            endpoint,
            language: None,
            translate: false,
            prompt: String::new(),
        });
        let sound = engine::encode_pcm(1, &[0; 100]);
        for none in [&[][..], &cancel, &[&*cancel, &cancel].concat()] {
            assert!(!has_question(none));
        }
        let begun = &question[..question.len() - 1];
        for one in [&question[..], begun, &sound, &[&*cancel, &sound, &question].concat()] {
            assert!(has_question(one), "{one:?}");
        }
    }
}
