//! Measures what `v2m-llm` costs in comparison with asking a language model's server directly: a
//! question to a server on loopback that answers immediately. The two take turns, so that both find
//! the machine in the same state. Then measures its start and its memory.
//!
//!     cargo bench --bench llm
//!
//! The time that a model needs is not measured.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, Provider, Question};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The number of questions of each kind.
const WARM: usize = 1000;
const COLD: usize = 40;
/// About a minute of dictation, when repeated.
const TEXT: &str =
    "So the meeting is on Monday at ten, and we talk about the plan for the next year. ";
const REPEATS: usize = 12;

fn main() -> Result<()> {
    let text = TEXT.repeat(REPEATS);
    let url = server(&text)?;
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("llm.sock");
    let listener = UnixListener::bind(&socket)?;
    // The configuration is read with each question. It has all documented defaults, as a user's
    // may.
    let config = folder.path().join("config.toml");
    let defaults = v2m::config::default_toml();
    let lines = format!("provider = \"openai\"\nbase_url = \"{url}\"\n");
    std::fs::write(&config, defaults.replace("[llm]\n", &format!("[llm]\n{lines}")))?;
    let question = question(&url, &text);
    println!(
        "A text of {} bytes, {WARM} questions each; ms: median, 95th of a hundred\n",
        text.len()
    );

    let mut program = start(&listener, &config)?;
    let (mut kept, agent) = (connect(&socket)?, ureq::agent());
    let (mut direct, mut warm, mut fresh) = (Times::new(), Times::new(), Times::new());
    for round in 0..WARM + 20 {
        // The first rounds open connections and fill caches.
        let counts = round >= 20;
        direct.time(counts, || ask_directly(&agent, &url, &text))?;
        warm.time(counts, || ask(&mut kept, &question, &text))?;
        fresh.time(counts, || ask(&mut connect(&socket)?, &question, &text))?;
    }
    let memory = resident(program.id())?;
    end(&mut program)?;

    let (mut cold, mut first) = (Times::new(), Times::new());
    for _ in 0..COLD {
        let begun = Instant::now();
        let mut program = start(&listener, &config)?;
        first.time(true, || ask(&mut connect(&socket)?, &question, &text))?;
        cold.0.push(begun.elapsed());
        end(&mut program)?;
    }
    direct.print("directly, connection kept", None);
    warm.print("by v2m-llm, connections kept", Some(&direct));
    fresh.print("by v2m-llm, new connection to it", Some(&direct));
    cold.print("by v2m-llm, from its start to the answer", Some(&direct));
    println!("\nResident memory of v2m-llm after {} questions: {memory}", 2 * (WARM + 20));
    Ok(())
}

struct Times(Vec<Duration>);

impl Times {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn time(&mut self, counts: bool, once: impl FnOnce() -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        once()?;
        self.0.extend(counts.then(|| begun.elapsed()));
        Ok(())
    }

    /// Returns a percentile in ms.
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted
            .get((sorted.len() * percent / 100).min(sorted.len() - 1))
            .map_or(0.0, Duration::as_secs_f64)
            * 1e3
    }

    fn print(&self, name: &str, beside: Option<&Self>) {
        let (median, high) = (self.percentile(50), self.percentile(95));
        let more =
            beside.map(|other| (median - other.percentile(50), median / other.percentile(50)));
        let more = more
            .map_or(String::new(), |(more, times)| format!("   + {more:.2} ms, {times:.1} times"));
        println!("  {name:42} {median:8.2} {high:8.2}{more}");
    }
}

/// Starts a server that returns the text in pieces of one word, as models do. Returns its base URL.
fn server(text: &str) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let piece = |word: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{word}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let pieces: String = text.split_inclusive(' ').map(piece).collect();
    let body = pieces
        + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length";
    let answer: &'static str = format!("{head}: {}\r\n\r\n{body}", body.len()).leak();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream, answer));
        }
    });
    Ok(url)
}

fn serve(stream: &TcpStream, answer: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        writer.write_all(answer.as_bytes())?;
    }
}

fn question(url: &str, text: &str) -> Question {
    let endpoint = Endpoint {
        provider: Provider::OpenAi,
        base_url: Some(url.to_owned()),
        model: "m".into(),
        temperature: 0.2,
        connect_ms: 5000,
        total_ms: 30_000,
    };
    let accept = Some(v2m_ipc::llm::Bounds::default());
    Question::Rewrite { endpoint, instruction: "Correct it.".into(), text: text.into(), accept }
}

/// The least that any program would do: sends a request, and reads the whole answer.
fn ask_directly(agent: &ureq::Agent, url: &str, text: &str) -> Result<()> {
    let body = format!(
        "{{\"model\":\"m\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}"
    );
    let call =
        agent.post(format!("{url}/chat/completions")).header("content-type", "application/json");
    let answer = call.send(body)?.into_body().read_to_string()?;
    if answer.ends_with("[DONE]\n\n") { Ok(()) } else { Err("half an answer".into()) }
}

fn connect(socket: &Path) -> Result<UnixStream> {
    Ok(UnixStream::connect(socket)?)
}

fn ask(stream: &mut UnixStream, question: &Question, text: &str) -> Result<()> {
    stream.write_all(&Framing::Length.encode(question))?;
    let mut answers = FrameDecoder::for_answers(Framing::Length);
    let mut chunk = [0; 16 << 10];
    loop {
        if let Some(frame) = answers.next_frame()? {
            return match serde_json::from_slice(frame)? {
                Answer::Text { text: said } if said == text.trim() => Ok(()),
                other => Err(format!("{other:?}").into()),
            };
        }
        let got = stream.read(&mut chunk)?;
        if got == 0 {
            return Err("v2m-llm went away".into());
        }
        answers.push(&chunk[..got]);
    }
}

/// Starts the program as systemd does.
fn start(listener: &UnixListener, config: &Path) -> Result<Child> {
    Ok(Command::new("sh")
        .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" 3<&0 0</dev/null"])
        .arg(env!("CARGO_BIN_EXE_v2m-llm"))
        .env("V2M_CONFIG", config)
        .stdin(OwnedFd::from(listener.try_clone()?))
        .stderr(Stdio::null())
        .spawn()?)
}

fn end(program: &mut Child) -> Result<()> {
    program.kill()?;
    program.wait()?;
    Ok(())
}

fn resident(pid: u32) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.ok_or("no VmRSS")?.trim().to_owned())
}
