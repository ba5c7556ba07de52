//! Connects an engine without a model to `v2m-remote`. Both speak [`v2m_ipc::remote`]; nothing that
//! passes is looked at.
//!
//! The engine keeps its end as long as it lives. `v2m-remote` is connected when the engine asks
//! something for the first time, and anew if it has ended since: what was asked and not answered is
//! then asked again.

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

/// What is waited before a question is put again. One that comes when `v2m-remote` ends loses its
/// connection, and so do those that follow until systemd has seen the end: it closes them together
/// with what the program had not accepted.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// The longest question: a minute of sound, and the words around it. More is no question.
const LONGEST: usize = 2 * engine::MAX_FRAME;

/// A relay. Ends when it is dropped, or when the engine closes its end.
#[derive(Debug)]
pub(super) struct Relay(JoinHandle<()>);

impl Relay {
    /// Takes the daemon's end of the engine's socketpair.
    ///
    /// # Errors
    /// Those of the socket's registration.
    pub(super) fn spawn(end: std::os::unix::net::UnixStream) -> io::Result<Self> {
        end.set_nonblocking(true)?;
        let engine = UnixStream::from_std(end)?;
        Ok(Self(tokio::spawn(async move {
            // The engine's end, or an engine that talks nonsense: in either case nobody is left.
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
    // Asked, and not answered yet.
    let mut asked = Vec::new();
    let mut pauses = PAUSES.iter();
    let (mut question, mut answer) = (vec![0; 64 << 10], vec![0; 16 << 10]);
    loop {
        if server.is_none() && !has_question(&asked) {
            // The end of a question that was answered meanwhile. It needs no answer.
            asked.clear();
        }
        if server.is_none() && !asked.is_empty() {
            match connect().await {
                Ok(mut connected) => {
                    // If it is gone already, reading shows that.
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

/// Whether there is anything to answer in what was asked: sound, a question, or the beginning of one.
/// What cannot be read is taken for one.
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

/// Connects to `v2m-remote`, or says why that is not possible.
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
