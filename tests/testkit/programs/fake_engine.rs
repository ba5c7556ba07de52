//! A double of `v2m-engine` that speaks its protocol and recognises nothing. Tests use it to check
//! how the daemon handles an engine that misbehaves.
//!
//! Its "model" is its script: one line for each life of the process; the last line also serves all
//! later lives. A line contains rules `WHEN WHAT`, separated by `;`. Each occasion uses up one
//! rule.
//!
//! - WHEN: `load` (before `Loading`), `loading` (before `Loaded`), `loaded`, `begin`, `pcm`,
//!   `finish`, `cancel`.
//! - WHAT, for the process: `die`, `abort`, `kill` (like the kernel when memory runs out),
//!   `allocate` (aborts like C++ when memory runs out), `spin` (computes until the file MODEL.go
//!   exists), `stop` (like SIGSTOP), `close` (closes its end and stays alive), `wait` (until the
//!   file MODEL.go exists), `linger` (answers pings only), `nothing`.
//! - WHAT, for a program that is no engine: `junk` (prints bytes that are no text, and exits 0).
//! - WHAT, for the protocol: `garbage`, `oversized`, `sound` (frames it must not send), `truncated`
//!   (half a frame, then the end), `early` (answers before it is asked), `late` (answers a
//!   cancelled job), `old` (does not support pauses).
//! - WHAT, for the engine: `missing`, `broken`, `memory`, `unsupported` (each refuses the model),
//!   `unfit` (says on standard error that it cannot work here), `unlinked` (ends like a program with a
//!   missing library), `device` (reports that its device is lost), `driver` (aborts with a driver's
//!   complaint).
//! - WHAT, for a job: `fail` (this job), `deaf` (never answers this job, unless it is paused),
//!   `mute` (forgets the sound since the last sentence), `gap` (reports that sound as a second of
//!   speech that could not be transcribed), `wild` (this job's text contains a NUL, an
//!   escape sequence and a bidirectional override), `sentence` (reports the end of a sentence,
//!   which has all sound since the last one; only if sentences are requested), `draft` (sends a
//!   draft of the sound since the last sentence), `speaks CODE` (the language that it detects from
//!   now on, if only the language is requested; otherwise English).
//!
//! A model whose file name begins with `canary` must be told the language: without one the job
//! fails, as it does with the real engine.
//!
//! With `--preview` it writes `preview of N` while it receives sound; N is the number of samples
//! received.
//!
//! Started through a link named `…-remote`, `…-cuda`, `…-vulkan` or `…-v4`, it pretends to be that
//! engine. Its script is then MODEL.cuda and so on, if there is such a file, and its marks are
//! MODEL.cuda.lives and so on.
//!
//! A job's text is `heard N samples HASH` (from [`v2m_testkit::digest`]), or empty if all samples
//! are zero. Each life adds its process id as a line to MODEL.lives. Each frame it reads adds its
//! kind to MODEL.log, and each answered ping adds `pong`.
#![allow(clippy::exit, reason = "it plays engines that end in the middle of things")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::thread::park;
use v2m_ipc::engine::{
    DecodeStats, EXIT_UNFIT, Frame, FromEngine, GAP, LoadFailure, Segment, ToEngine,
    encode_message, encode_pcm, read_frame,
};
use v2m_testkit::digest::Digest;

struct Fake {
    backend: &'static str,
    device: &'static str,
    stream: UnixStream,
    log: File,
    model: PathBuf,
    rules: Vec<(String, String)>,
    job: u32,
    /// The job's language as the daemon requests it; English if detection is requested.
    language: String,
    /// Whether the model must be told the language.
    must_be_told: bool,
    /// Whether the job lacks a language that the model must be told.
    untold: bool,
    /// The language that it detects.
    spoken: String,
    /// The number of samples after which it reports the language of a job that requests only this.
    /// 0: the job requests the text.
    language_after: u64,
    /// Whether the daemon requests the ends of sentences.
    sentences: bool,
    /// The finished sentences of this job.
    said: Vec<Segment>,
    heard: Digest,
    deaf: bool,
    wild: bool,
    /// Whether all sound of the job has arrived.
    finished: bool,
    /// Whether it writes while it receives sound.
    is_preview: bool,
    /// Whether it supports pauses.
    pauses: bool,
    /// Paused jobs: number, sound so far, and whether that was all.
    paused: Vec<(u32, Digest, bool)>,
}

fn main() -> io::Result<()> {
    let mut fake = Fake::new()?;
    fake.play("load", 0)?;
    let bytes = std::fs::metadata(&fake.model)?.len();
    fake.send(&FromEngine::Loading { bytes })?;
    fake.play("loading", 0)?;
    fake.send(&FromEngine::Loaded {
        backend: fake.backend.into(),
        device: fake.device.into(),
        loaded_in_ms: 1,
        warm_up_ms: 1,
        memory_bytes: 0,
        multilingual: true,
        pauses: fake.pauses,
    })?;
    fake.play("loaded", 0)?;
    while let Some(frame) = fake.read()? {
        fake.take(frame)?;
    }
    Ok(())
}

impl Fake {
    fn new() -> io::Result<Self> {
        let program = std::env::args().next().unwrap_or_default();
        let (kind, backend, device) = match program.rsplit_once('-') {
            Some((_, "remote")) => ("remote", "remote", "a double server"),
            Some((_, "cuda")) => ("cuda", "cuda", "a double GPU"),
            Some((_, "vulkan")) => ("vulkan", "vulkan", "another double GPU"),
            Some((_, "v4")) => ("v4", "cpu", "a double with AVX-512"),
            _ => ("", "cpu", "a double"),
        };
        let mut arguments = std::env::args_os().skip_while(|argument| argument != "--model");
        let model = PathBuf::from(arguments.nth(1).expect("--model FILE is given"));
        let mark = |name: &str| match kind {
            "" => model.with_extension(name),
            _ => model.with_extension(format!("{kind}.{name}")),
        };
        let lives_path = mark("lives");
        let append = |path: &Path| File::options().append(true).create(true).open(path);
        let mut lives = append(&lives_path)?;
        let log = append(&mark("log"))?;
        let life = std::fs::read_to_string(&lives_path)?.lines().count();
        writeln!(lives, "{}", std::process::id())?;
        let script = std::fs::read_to_string(model.with_extension(kind));
        let script = script.or_else(|_| std::fs::read_to_string(&model))?;
        let line = script.lines().nth(life).or(script.lines().last()).unwrap_or_default();
        let rules = line.split(';').filter_map(|rule| rule.trim().split_once(' '));
        let rules = rules.map(|(when, what)| (when.to_owned(), what.to_owned())).collect();
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        // If another descriptor of the socket were open, closing this one would have no effect.
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        let heard = Digest::default();
        let name = model.file_name().unwrap_or_default().to_string_lossy();
        let must_be_told = name.starts_with("canary");
        Ok(Self {
            backend,
            device,
            stream,
            log,
            model,
            rules,
            job: 0,
            language: String::new(),
            must_be_told,
            untold: false,
            spoken: "en".into(),
            language_after: 0,
            sentences: false,
            said: Vec::new(),
            heard,
            deaf: false,
            wild: false,
            finished: false,
            is_preview: std::env::args().any(|argument| argument == "--preview"),
            pauses: true,
            paused: Vec::new(),
        })
    }

    fn read(&mut self) -> io::Result<Option<Frame<ToEngine>>> {
        let frame = read_frame(&mut self.stream)?;
        let kind = match &frame {
            Some(Frame::Message(ToEngine::Begin { .. })) => "begin",
            Some(Frame::Message(ToEngine::Finish { .. })) => "finish",
            Some(Frame::Message(ToEngine::Cancel { .. })) => "cancel",
            Some(Frame::Message(ToEngine::Pause { .. })) => "pause",
            Some(Frame::Message(ToEngine::Resume { .. })) => "resume",
            Some(Frame::Message(ToEngine::Ping { .. })) => "ping",
            Some(Frame::Pcm { .. }) => "pcm",
            None => "end",
        };
        writeln!(self.log, "{kind}")?;
        Ok(frame)
    }

    fn take(&mut self, frame: Frame<ToEngine>) -> io::Result<()> {
        match frame {
            Frame::Message(ToEngine::Begin { job, options }) => {
                if options.patient {
                    writeln!(self.log, "patient")?;
                }
                if options.language_after > 0 && (options.quiet_after > 0 || options.sentences) {
                    writeln!(self.log, "minds silence")?;
                }
                (self.job, self.heard, self.deaf) = (job, Digest::default(), false);
                self.language_after = options.language_after;
                let mut languages = options.languages;
                let only = languages.pop().filter(|_| languages.is_empty());
                let language = options.language.or(only.filter(|_| self.must_be_told));
                self.untold = self.must_be_told && language.is_none();
                self.language = language.unwrap_or_else(|| "en".into());
                (self.finished, self.sentences) = (false, options.sentences);
                self.said.clear();
                self.play("begin", job)
            }
            Frame::Pcm { job, samples } => {
                // The daemon must not confuse two jobs. A real engine would not notice.
                assert_eq!(job, self.job, "audio of another job");
                self.heard.hear(&samples);
                if self.deaf {
                    return Ok(());
                }
                let before = self.said.last().map_or(0, |last| last.end);
                let settled = before + self.heard.samples;
                if self.is_preview {
                    let text = format!("preview of {settled}");
                    let segment = Segment { start: 0, end: settled, text };
                    self.send(&FromEngine::Segment { job, segment, is_final: false })?;
                }
                self.send(&FromEngine::Progress { job, settled })?;
                self.play("pcm", job)?;
                let is_enough = self.heard.samples >= self.language_after;
                if self.language_after > 0 && is_enough { self.answer(job) } else { Ok(()) }
            }
            Frame::Message(ToEngine::Finish { job }) => {
                assert_eq!(job, self.job, "the end of another job");
                self.finished = true;
                self.play("finish", job)?;
                if self.deaf { Ok(()) } else { self.answer(job) }
            }
            Frame::Message(ToEngine::Cancel { job }) => {
                self.paused.retain(|(paused, ..)| *paused != job);
                self.play("cancel", job)
            }
            Frame::Message(ToEngine::Pause { job }) => {
                // The job may already have been answered.
                if job == self.job {
                    self.paused.push((job, std::mem::take(&mut self.heard), self.finished));
                }
                Ok(())
            }
            Frame::Message(ToEngine::Resume { job }) => {
                let index = self.paused.iter().position(|(paused, ..)| *paused == job);
                let index = index.expect("only what was paused goes on");
                (self.job, self.heard, self.finished) = self.paused.remove(index);
                self.deaf = false;
                if self.finished { self.answer(job) } else { Ok(()) }
            }
            Frame::Message(ToEngine::Ping { n }) => self.pong(n),
        }
    }

    /// Reports the language of a job that requests only this.
    fn tell_language(&mut self, job: u32) -> io::Result<()> {
        self.deaf = true;
        let voice = if self.heard.text().is_empty() { 0 } else { self.heard.samples };
        let language = Some(self.spoken.clone()).filter(|_| voice > 0);
        self.send(&FromEngine::Language { job, language, voice })
    }

    fn answer(&mut self, job: u32) -> io::Result<()> {
        if self.language_after > 0 {
            return self.tell_language(job);
        }
        if self.untold {
            return self.act("fail", job);
        }
        let heard = self.heard.text();
        let text = match std::mem::take(&mut self.wild) {
            true => format!("\u{1b}[201~{heard}\0\u{202e}\u{9b}"),
            false => heard,
        };
        let start = self.said.last().map_or(0, |last| last.end);
        let end = start + self.heard.samples;
        let segment = Segment { start, end, text: text.clone() };
        let mut segments = self.said.clone();
        segments.extend((!text.is_empty()).then(|| segment.clone()));
        let texts: Vec<_> = segments.iter().map(|segment| segment.text.as_str()).collect();
        let whole_text = texts.join(" ");
        let mut frames = Vec::new();
        if !text.is_empty() {
            frames = encode_message(&FromEngine::Segment { job, segment, is_final: true });
        }
        let failed = segments.iter().filter(|segment| segment.text == GAP).count() as u32;
        let stats = DecodeStats { samples: end, failed, ..DecodeStats::default() };
        let language = self.language.clone();
        let whole = FromEngine::Final { job, text: whole_text, language, segments, stats };
        frames.extend(encode_message(&whole));
        // In one write, so that nothing the daemon sends after the first frame can be read before
        // the second one is sent.
        self.stream.write_all(&frames)
    }

    fn pong(&mut self, n: u64) -> io::Result<()> {
        self.send(&FromEngine::Pong { n })?;
        writeln!(self.log, "pong")
    }

    fn send(&mut self, message: &FromEngine) -> io::Result<()> {
        self.stream.write_all(&encode_message(message))
    }

    fn play(&mut self, when: &str, job: u32) -> io::Result<()> {
        match self.rules.iter().position(|(at, _)| at == when) {
            Some(index) => {
                let (_, what) = self.rules.remove(index);
                self.act(&what, job)
            }
            None => Ok(()),
        }
    }

    fn act(&mut self, what: &str, job: u32) -> io::Result<()> {
        match what {
            "die" => exit(3),
            "abort" => std::process::abort(),
            "kill" => {
                let own = rustix::process::getpid();
                rustix::process::kill_process(own, rustix::process::Signal::KILL)?;
                loop {
                    park();
                }
            }
            "allocate" => {
                eprintln!("terminate called after throwing an instance of 'std::bad_alloc'");
                std::process::abort()
            }
            "spin" => {
                writeln!(self.log, "spin")?;
                while !self.model.with_extension("go").exists() {
                    std::hint::spin_loop();
                }
                Ok(())
            }
            "stop" => {
                let own = rustix::process::getpid();
                Ok(rustix::process::kill_process(own, rustix::process::Signal::STOP)?)
            }
            "close" => {
                self.stream.shutdown(std::net::Shutdown::Both)?;
                loop {
                    park();
                }
            }
            "garbage" => self.stream.write_all(b"\0\0\0\x08J{\"type\""),
            "oversized" => self.stream.write_all(&[0xff; 64]),
            "sound" => self.stream.write_all(&encode_pcm(job, &[1, 2, 3])),
            "truncated" => {
                self.stream.write_all(&[0, 0, 1, 0, b'J', b'{'])?;
                exit(0)
            }
            "junk" => {
                let mut junk = b"\xff\xfe\x1b[31m".to_vec();
                junk.extend([b'7'; 400]);
                junk.extend(b"\0\x07\n\x80");
                io::stderr().write_all(&junk)?;
                exit(0)
            }
            "unfit" => {
                eprintln!("v2m-engine-double: there is no device for a double");
                exit(i32::from(EXIT_UNFIT))
            }
            "unlinked" => {
                eprintln!(
                    "double: error while loading shared libraries: libdouble.so.1: not there"
                );
                exit(127)
            }
            "device" => {
                let reason = "the double's device is gone".to_owned();
                self.send(&FromEngine::DeviceFailed { reason })?;
                exit(1)
            }
            "driver" => {
                eprintln!("CUDA error: out of memory\n  in a double\n#0 somewhere");
                std::process::abort()
            }
            "fail" => {
                self.deaf = true;
                let reason = "the double was told to fail".to_owned();
                self.send(&FromEngine::Failed { job, reason })
            }
            "old" => {
                self.pauses = false;
                Ok(())
            }
            "nothing" => Ok(()),
            what if what.starts_with("speaks ") => {
                self.spoken = what.trim_start_matches("speaks ").into();
                Ok(())
            }
            "mute" => {
                self.heard = Digest::default();
                Ok(())
            }
            "deaf" => {
                self.deaf = true;
                Ok(())
            }
            "wild" => {
                self.wild = true;
                Ok(())
            }
            "sentence" if self.sentences => {
                let start = self.said.last().map_or(0, |last| last.end);
                let heard = std::mem::take(&mut self.heard);
                let segment = Segment { start, end: start + heard.samples, text: heard.text() };
                self.said.push(segment.clone());
                let (until, language) = (segment.end, self.language.clone());
                self.send(&FromEngine::Segment { job, segment, is_final: true })?;
                self.send(&FromEngine::Sentence { job, until, language })
            }
            "sentence" => Ok(()),
            "gap" => {
                self.heard = Digest::default();
                let start = self.said.last().map_or(0, |last| last.end);
                self.said.push(Segment { start, end: start + 16_000, text: GAP.into() });
                Ok(())
            }
            "draft" => {
                let (end, text) = (self.heard.samples, self.heard.text());
                let segment = Segment { start: 0, end, text };
                self.send(&FromEngine::Segment { job, segment, is_final: false })
            }
            "early" | "late" => self.answer(job),
            "wait" => {
                while !self.model.with_extension("go").exists() {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                Ok(())
            }
            "linger" => {
                while let Some(frame) = self.read()? {
                    if let Frame::Message(ToEngine::Ping { n }) = frame {
                        self.pong(n)?;
                    }
                }
                exit(0)
            }
            "missing" => self.refuse(LoadFailure::Missing),
            "broken" => self.refuse(LoadFailure::Broken),
            "memory" => self.refuse(LoadFailure::Memory),
            "unsupported" => self.refuse(LoadFailure::Unsupported),
            _ => panic!("the script says `{what}`, which is nothing a double can do"),
        }
    }

    fn refuse(&mut self, failure: LoadFailure) -> io::Result<()> {
        let reason = format!("Loading {}: as scripted.", self.model.display());
        self.send(&FromEngine::LoadFailed { failure, reason })?;
        exit(1)
    }
}
