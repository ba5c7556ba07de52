//! Downloads models over HTTP from Hugging Face: Whisper models from `ggerganov/whisper.cpp`,
//! others from the repository and revision in the catalogue. `V2M_HUB_URL` names a folder with all
//! these files.
//!
//! Downloaded bytes are in `FILE.part`. An interrupted download is resumed: automatically as long
//! as each connection delivers some bytes, and by the next `pull` after Ctrl-C or a lost network. A
//! file takes the model's place only after its SHA-256 has been verified.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::http::{HeaderMap, StatusCode};
use v2m_messages::tr;
use v2m_models::catalogue::Model;
use v2m_models::paths::{self, Places};
use v2m_models::{Doing, FILE_MODE, ModelError, verify};

use crate::failure::CommandError;
use crate::progress::Progress;

const HUB: &str = "https://huggingface.co";
/// Connection timeout. Fail fast if the host is unreachable: there is a fallback.
const CONNECT: Duration = Duration::from_secs(8);
/// A connection that delivers nothing for this long counts as dead, and is opened again.
const SILENCE: Duration = Duration::from_secs(30);

/// Downloads a model. Returns its file.
pub(crate) fn fetch(places: &Places, model: &Model) -> Result<PathBuf, CommandError> {
    let path = places.models.join(paths::file_name(model.name));
    let url = address(model, env::var("V2M_HUB_URL").ok().as_deref());
    Download { url, bytes: model.bytes, sha256: model.sha256, name: model.name }.to(&path)?;
    Ok(path)
}

/// Returns the URL of the file. `mirror`: a folder with all files.
fn address(model: &Model, mirror: Option<&str>) -> String {
    let file = model.origin.map_or_else(|| paths::file_name(model.name), |o| o.file.to_owned());
    match (mirror, model.origin) {
        (Some(mirror), _) => format!("{}/{file}", mirror.trim_end_matches('/')),
        (None, Some(origin)) => {
            format!("{HUB}/{}/resolve/{}/{file}", origin.repository, origin.revision)
        }
        (None, None) => format!("{HUB}/ggerganov/whisper.cpp/resolve/main/{file}"),
    }
}

/// A file to download, and how to verify it.
struct Download<'a> {
    url: String,
    bytes: u64,
    sha256: &'a str,
    name: &'a str,
}

/// Why one request did not deliver the file.
enum DownloadError {
    /// The connection broke or could not be opened; resuming may help.
    Lost(String),
    /// The host answered without the file; retrying does not help.
    Refused(String),
    /// A local failure, such as a full disk.
    Local(ModelError),
}

impl Download<'_> {
    fn to(&self, path: &Path) -> Result<(), CommandError> {
        let part = v2m_files::beside(path, "part");
        let mut file = v2m_files::lock(&part)?;
        let completed = self.complete(&mut file, &part);
        if completed.is_err() && file.metadata().is_ok_and(|m| m.len() == 0) {
            // An empty part is useless and would only confuse.
            let _ = fs::remove_file(&part);
        }
        let resumed = completed?;
        let checked = self.check(&part);
        if let (Err(ModelError::Digest { .. }), true) = (&checked, resumed) {
            // The part of an earlier run may belong to another file: start over.
            file.set_len(0).map_err(ModelError::io(Doing::Write, &part))?;
            self.complete(&mut file, &part)?;
            self.check(&part).map_err(|e| self.wrong(&part, e))?;
        } else {
            checked.map_err(|e| self.wrong(&part, e))?;
        }
        let placed = v2m_files::put_in_place(&part, path, FILE_MODE);
        Ok(placed.map_err(ModelError::io(Doing::Write, path))?)
    }

    /// Downloads what is missing. Returns whether something was there already.
    fn complete(&self, file: &mut File, part: &Path) -> Result<bool, CommandError> {
        let mut there = file.seek(SeekFrom::End(0)).map_err(ModelError::io(Doing::Read, part))?;
        if there > self.bytes {
            file.set_len(0).map_err(ModelError::io(Doing::Write, part))?;
            there = 0;
        }
        let resumed = there > 0;
        let mut progress =
            Progress::new(&tr!("fetching {name}", name = self.name), self.bytes, there);
        while there < self.bytes {
            let outcome = self.request(file, part, there, &mut progress);
            let now = file.stream_position().map_err(ModelError::io(Doing::Read, part))?;
            match outcome {
                Ok(()) => {}
                // As long as each connection delivers something, the next one may deliver the rest.
                Err(DownloadError::Lost(_)) if now > there => {}
                Err(DownloadError::Lost(reason)) => {
                    return Err(CommandError::NotFetched(self.failed(&reason, now > 0)));
                }
                Err(DownloadError::Refused(reason)) => {
                    return Err(CommandError::NotFetched(self.failed(&reason, false)));
                }
                Err(DownloadError::Local(error)) => return Err(error.into()),
            }
            there = now;
        }
        Ok(resumed)
    }

    /// Sends one request for the bytes from `at` on. Afterwards the file's position is at its end,
    /// in any case.
    fn request(
        &self,
        file: &mut File,
        part: &Path,
        at: u64,
        progress: &mut Progress,
    ) -> Result<(), DownloadError> {
        let mut request = agent().get(&self.url);
        if at > 0 {
            request = request.header(RANGE, format!("bytes={at}-"));
        }
        let response = request.call().map_err(|e| DownloadError::Lost(e.to_string()))?;
        let at = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if starts_at(response.headers(), at) => at,
            StatusCode::PARTIAL_CONTENT => {
                return Err(DownloadError::Refused(
                    tr!("the host sent a different part of the file than requested").into(),
                ));
            }
            other => {
                return Err(DownloadError::Refused(tr!(
                    "the host answered {status}",
                    status = other
                )));
            }
        };
        let local = |e| DownloadError::Local(ModelError::io(Doing::Write, part)(e));
        file.set_len(at).map_err(local)?;
        file.seek(SeekFrom::Start(at)).map_err(local)?;
        progress.set(at);
        // One byte more than expected would show that it is another file.
        let mut body = response.into_body().into_reader().take(self.bytes - at + 1);
        let mut buffer = vec![0; 1 << 16];
        let mut got = at;
        loop {
            let n = body.read(&mut buffer).map_err(|e| DownloadError::Lost(e.to_string()))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(local)?;
            progress.add(n as u64);
            got += n as u64;
        }
        match got {
            n if n == self.bytes => Ok(()),
            n if n < self.bytes => Err(DownloadError::Lost(tr!("the connection was cut").into())),
            _ => {
                file.set_len(0).map_err(local)?;
                file.rewind().map_err(local)?;
                Err(DownloadError::Refused(tr!(
                    "it is longer than the {bytes} bytes it should have",
                    bytes = self.bytes
                )))
            }
        }
    }

    /// Returns the message for a failed download. `is_begun`: a part of the file exists, and is
    /// kept.
    fn failed(&self, reason: &str, is_begun: bool) -> String {
        let Self { url, name, .. } = self;
        if is_begun {
            tr!(
                "cannot fetch {url}: {reason}; what has arrived is kept, `v2m-model pull {name}` goes on from there",
                url,
                reason,
                name
            )
        } else {
            tr!("cannot fetch {url}: {reason}", url, reason)
        }
    }

    fn check(&self, part: &Path) -> Result<(), ModelError> {
        let mut progress = Progress::new(&tr!("checking {name}", name = self.name), self.bytes, 0);
        verify::check(part, self.sha256, &mut |n| progress.add(n))
    }

    /// Returns the error for a wrong digest. Such a file is useless for a later run.
    fn wrong(&self, part: &Path, error: ModelError) -> CommandError {
        let ModelError::Digest { found, .. } = error else { return error.into() };
        let _ = fs::remove_file(part);
        CommandError::Damaged(tr!(
            "{url} sent another file than {name}: its SHA-256 is {found}, not {expected}; it was deleted",
            url = self.url,
            name = self.name,
            found,
            expected = self.sha256
        ))
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity") // parts of a compressed body could not be joined
        .user_agent(concat!("v2m-model/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE));
    config.build().new_agent()
}

/// Whether the response starts there: `Content-Range: bytes 100-199/200` for a request from 100 on.
fn starts_at(headers: &HeaderMap, at: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|v| v.to_str().ok());
    range.is_some_and(|r| r.starts_with(&format!("bytes {at}-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::thread::{self, JoinHandle};

    /// The server's response to one request.
    #[derive(Clone)]
    enum ServerReply {
        /// The file (from the requested position), cut after this many bytes.
        File(Vec<u8>, usize),
        /// The whole file in any case, as from hosts without range support.
        NoRanges(Vec<u8>),
        Status(&'static str),
    }

    /// Serves one connection after the other, then ends. Returns the `Range` headers it received.
    fn serve(answers: Vec<ServerReply>) -> (String, JoinHandle<Vec<Option<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            answers.into_iter().map(|a| answer(&listener.accept().unwrap().0, a)).collect()
        });
        (url, server)
    }

    fn answer(mut stream: &TcpStream, answer: ServerReply) -> Option<String> {
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let head: Vec<String> = lines.take_while(|l| !l.is_empty()).collect();
        let range =
            head.iter().find_map(|l| l.to_lowercase().strip_prefix("range: ").map(str::to_owned));
        let close = "Connection: close\r\n";
        // Writes may fail: a client that has everything it needs disconnects.
        let _ = match answer {
            ServerReply::Status(status) => {
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n{close}\r\n")
            }
            ServerReply::NoRanges(file) => {
                let n = file.len();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n{close}\r\n")
                    .and_then(|()| stream.write_all(&file))
            }
            ServerReply::File(file, cut) => {
                let from =
                    range.as_deref().map(|r| r.trim_start_matches("bytes=").trim_end_matches('-'));
                let from: usize = from.map_or(0, |n| n.parse().unwrap());
                let (n, all) = (file.len() - from, file.len());
                let status = match from {
                    0 => "200 OK".to_owned(),
                    _ => format!(
                        "206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}",
                        all - 1
                    ),
                };
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {n}\r\n{close}\r\n")
                    .and_then(|()| stream.write_all(&file[from..all.min(from + cut)]))
            }
        };
        range
    }

    fn model() -> Vec<u8> {
        (0..200_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
    }

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The file or the error, the `Range` of each request, and the remaining part.
    type Fetched = (Result<Vec<u8>, CommandError>, Vec<Option<String>>, Option<Vec<u8>>);

    /// Downloads `model()` from a server with these answers; `part` is left from an earlier run.
    fn download(part: &[u8], answers: Vec<ServerReply>) -> Fetched {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ggml-x.bin");
        if !part.is_empty() {
            fs::write(v2m_files::beside(&path, "part"), part).unwrap();
        }
        let (url, server) = serve(answers);
        let sha256 = digest(&model());
        let download = Download { url, bytes: model().len() as u64, sha256: &sha256, name: "x" };
        let outcome = download.to(&path).map(|()| fs::read(&path).unwrap());
        (outcome, server.join().unwrap(), fs::read(v2m_files::beside(&path, "part")).ok())
    }

    const ALL: usize = usize::MAX >> 1;

    #[test]
    fn every_model_has_its_address() {
        let find = |name| v2m_models::catalogue::find(name).unwrap();
        let (whisper, canary) = (find("base-q8_0"), find("canary-180m-flash-q8_0"));
        assert!(address(whisper, None).ends_with("/whisper.cpp/resolve/main/ggml-base-q8_0.bin"));
        let revision = canary.origin.unwrap().revision;
        let wanted =
            format!("canary-180m-flash-gguf/resolve/{revision}/canary-180m-flash-Q8_0.gguf");
        assert!(address(canary, None).ends_with(&wanted), "{}", address(canary, None));
        let mirror = Some("http://m/x/");
        assert_eq!(address(whisper, mirror), "http://m/x/ggml-base-q8_0.bin");
        assert_eq!(address(canary, mirror), "http://m/x/canary-180m-flash-Q8_0.gguf");
    }

    #[test]
    fn a_file_is_fetched_and_leaves_no_part() {
        let (file, ranges, part) = download(b"", vec![ServerReply::File(model(), ALL)]);
        assert_eq!(file.unwrap(), model());
        assert_eq!((ranges, part), (vec![None], None));
    }

    #[test]
    fn a_part_of_an_earlier_run_is_gone_on_with() {
        let (file, ranges, _) =
            download(&model()[..150_000], vec![ServerReply::File(model(), ALL)]);
        assert_eq!(file.unwrap(), model());
        assert_eq!(ranges, [Some("bytes=150000-".to_owned())]);
    }

    #[test]
    fn a_part_that_is_whole_needs_no_request() {
        let (file, ranges, _) = download(&model(), vec![]);
        assert_eq!((file.unwrap(), ranges), (model(), vec![]));
    }

    #[test]
    fn a_cut_connection_is_gone_on_with_at_once() {
        let cut = ServerReply::File(model(), 70_000);
        let (file, ranges, _) =
            download(b"", vec![cut.clone(), cut, ServerReply::File(model(), ALL)]);
        assert_eq!(file.unwrap(), model());
        assert_eq!(ranges[0], None);
        assert!(ranges[1..].iter().all(|r| r.as_deref().is_some_and(|r| r.starts_with("bytes="))));
    }

    #[test]
    fn a_connection_that_brings_nothing_ends_it_and_what_was_there_is_kept() {
        let (file, _, part) = download(&model()[..1000], vec![ServerReply::File(model(), 0)]);
        let error = file.unwrap_err();
        assert!(
            matches!(&error, CommandError::NotFetched(t) if t.contains("goes on from there")),
            "{error}"
        );
        assert_eq!(part.as_deref(), Some(&model()[..1000]));
    }

    #[test]
    fn a_host_without_ranges_gives_the_file_from_the_start() {
        let (file, _, _) = download(&model()[..1000], vec![ServerReply::NoRanges(model())]);
        assert_eq!(file.unwrap(), model());
    }

    #[test]
    fn a_part_of_another_file_is_fetched_again_from_the_start() {
        let answers = vec![ServerReply::File(model(), ALL), ServerReply::File(model(), ALL)];
        let (file, ranges, _) = download(&[7; 1000], answers);
        assert_eq!(file.unwrap(), model());
        assert_eq!(ranges, [Some("bytes=1000-".to_owned()), None]);
    }

    #[test]
    fn a_file_with_another_digest_is_thrown_away() {
        let mut other = model();
        other[99] ^= 1;
        let (file, _, part) = download(b"", vec![ServerReply::File(other, ALL)]);
        let error = file.unwrap_err();
        assert!(matches!(&error, CommandError::Damaged(t) if t.contains("deleted")), "{error}");
        assert_eq!(part, None);
    }

    #[test]
    fn a_longer_file_is_refused() {
        let (file, _, _) =
            download(b"", vec![ServerReply::File([model(), vec![0; 9000]].concat(), ALL)]);
        assert!(matches!(file.unwrap_err(), CommandError::NotFetched(t) if t.contains("longer")));
    }

    #[test]
    fn an_answer_that_is_no_file_is_told() {
        for status in ["404 Not Found", "403 Forbidden", "500 Internal Server Error"] {
            let (file, _, part) = download(&model()[..1000], vec![ServerReply::Status(status)]);
            let error = file.unwrap_err().to_string();
            assert!(error.contains(&status[..3]), "{error}");
            assert_eq!(part.as_deref(), Some(&model()[..1000]), "what has arrived is kept");
        }
    }

    #[test]
    fn a_refused_connection_is_told() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let download =
            Download { url: format!("http://{port}/f"), bytes: 10, sha256: "00", name: "x" };
        let error = download.to(&dir.path().join("x")).unwrap_err();
        assert!(matches!(&error, CommandError::NotFetched(t) if t.contains("efused")), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "no empty part is left");
    }
}
