//! A recogniser, its engine's double and its script.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use v2m::recognise::{
    Backend, Candidate, EngineReport, EngineSpec, Priority, RecogniseEvent, Recogniser,
    Recognition, Unload,
};
use v2m::session::{EngineState, Failure, JobId};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::remote::Endpoint;
use v2m_testkit::digest::Digest;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Lab {
    dir: TempDir,
    pub(crate) recogniser: Recogniser,
    /// How long an engine may be silent.
    hang: Duration,
    /// How long an engine on a GPU may be without work.
    unload: Duration,
    /// Said while something else was waited for.
    said: VecDeque<RecogniseEvent>,
}

/// The double. `cargo test` builds it with the tests; for one test alone it is built by
/// `cargo build --package v2m-testkit --examples`.
pub(crate) fn double() -> PathBuf {
    let double = Path::new(env!("CARGO_BIN_EXE_v2m")).with_file_name("examples/fake-engine");
    assert!(
        double.exists(),
        "build the engine's double: cargo build --package v2m-testkit --examples"
    );
    double
}

/// Samples that no other seed has.
pub(crate) fn sound(seed: u32, samples: usize) -> Vec<i16> {
    let mut x = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        (x >> 16) as i16
    };
    (0..samples).map(|_| next()).collect()
}

/// What the double makes of it.
pub(crate) fn text_of(sound: &[i16]) -> String {
    let mut digest = Digest::default();
    digest.hear(sound);
    digest.text()
}

/// For messages: an event may hold minutes of sound.
pub(crate) fn short(event: &impl std::fmt::Debug) -> String {
    format!("{event:?}").chars().take(300).collect()
}

impl Lab {
    /// With a model of this script; nothing has been awaited yet.
    pub(crate) fn new(script: &str) -> Self {
        Self::with_hang(script, Duration::from_secs(60))
    }

    pub(crate) fn with_hang(script: &str, hang: Duration) -> Self {
        let mut lab = Self::without_model();
        lab.hang = hang;
        let spec = lab.model("model", script);
        lab.recogniser = Recogniser::new(Ok(spec));
        lab
    }

    /// With these engines, each of its own script: the processor's first, then those of the GPUs
    /// and the like.
    pub(crate) fn with_engines(cpu: &str, others: &[(Backend, &str)]) -> Self {
        let mut lab = Self::without_model();
        let spec = lab.engines(cpu, others);
        lab.recogniser = Recogniser::new(Ok(spec));
        lab
    }

    /// What [`Self::with_engines`] runs.
    pub(crate) fn engines(&self, cpu: &str, others: &[(Backend, &str)]) -> EngineSpec {
        let mut spec = self.model("model", cpu);
        for (backend, script) in others {
            let ending = match backend {
                Backend::Remote => "remote",
                Backend::Cuda => "cuda",
                Backend::Vulkan => "vulkan",
                Backend::CpuV4 => "v4",
                Backend::Cpu => panic!("it has its own place"),
            };
            fs::write(spec.model.with_extension(ending), script).unwrap();
            let program = self.path().join(format!("engine-{ending}"));
            std::os::unix::fs::symlink(double(), &program).unwrap();
            let program = match backend {
                Backend::Remote => self.asking(&program, &mut spec),
                _ => program,
            };
            let candidate = Candidate { backend: *backend, program };
            spec.candidates.insert(spec.candidates.len() - 1, candidate);
        }
        spec.unload.gpu = Some(self.unload);
        spec
    }

    /// A program that is told of a server in place of a model, and runs this double all the same.
    fn asking(&self, double: &Path, spec: &mut EngineSpec) -> PathBuf {
        let url = "http://server.test/v1";
        let (base_url, model) = (url.to_owned(), "big".to_owned());
        spec.server = Some(Endpoint { base_url, model, connect_ms: 1, total_ms: 1 });
        let (script, model) = (self.path().join("asking"), &spec.model);
        let words = format!("{} --model {}", double.display(), model.display());
        let told = "case \" $* \" in *' --remote='*) ;; *) exit 1;; esac";
        fs::write(&script, format!("#!/bin/sh\n{told}\nexec {words}\n")).unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        script
    }

    /// With engines and a model of the test's own.
    pub(crate) fn with_spec(spec: EngineSpec) -> Self {
        let mut lab = Self::without_model();
        lab.recogniser = Recogniser::new(Ok(spec));
        lab
    }

    /// With nothing to load.
    pub(crate) fn without_model() -> Self {
        let absent = Failure::new(v2m::session::Code::ModelMissing, "There is no model.");
        Self {
            dir: tempfile::tempdir().unwrap(),
            recogniser: Recogniser::new(Err(absent)),
            hang: Duration::from_secs(60),
            unload: Duration::from_secs(900),
            said: VecDeque::new(),
        }
    }

    /// Writes a model of this script.
    pub(crate) fn model(&self, name: &str, script: &str) -> EngineSpec {
        let model = self.dir.path().join(name).with_extension("bin");
        fs::write(&model, script).unwrap();
        EngineSpec {
            candidates: vec![Candidate { backend: Backend::Cpu, program: double() }],
            model_name: name.to_owned(),
            model,
            server: None,
            vad: None,
            threads: 0,
            hang: self.hang,
            unload: Unload::default(),
            is_preview: false,
        }
    }

    /// Lets the rule `wait` of the script go on.
    pub(crate) fn go(&self) {
        fs::write(self.dir.path().join("model.go"), "").unwrap();
    }

    /// How often an engine was started with the model of that name.
    pub(crate) fn lives(&self, name: &str) -> usize {
        let lives = fs::read_to_string(self.dir.path().join(format!("{name}.lives")));
        lives.unwrap_or_default().lines().count()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The next event; the recogniser is left and asked again all the time, as in the daemon's
    /// loop.
    pub(crate) async fn event(&mut self) -> RecogniseEvent {
        let begun = Instant::now();
        loop {
            if let Some(event) = self.said.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                event = self.recogniser.next() => return event,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for an event");
        }
    }

    /// Waits until `pick` finds its event.
    pub(crate) async fn until<T>(
        &mut self,
        mut pick: impl FnMut(RecogniseEvent) -> Option<T>,
    ) -> T {
        loop {
            if let Some(found) = pick(self.event().await) {
                return found;
            }
        }
    }

    /// Waits for the recogniser to be in that state.
    pub(crate) async fn state(&mut self, state: EngineState) -> EngineReport {
        self.until(|event| match event {
            RecogniseEvent::Engine(report) if report.state == state => Some(report),
            _ => None,
        })
        .await
    }

    /// A job whose audio is all there.
    pub(crate) fn job(&mut self, job: u32, urgency: Priority, sound: &[i16]) {
        self.recogniser.begin(JobId(job), DecodeOptions::default(), urgency);
        self.recogniser.feed(JobId(job), sound);
        self.recogniser.finish(JobId(job));
    }

    /// Waits for the end of some job: its number, its text or failure, and its audio.
    pub(crate) async fn ended(&mut self) -> (u32, Result<Recognition, Failure>, Vec<i16>) {
        self.until(|event| match event {
            RecogniseEvent::Done { job, recognition, audio } => {
                Some((job.0, Ok(recognition), audio))
            }
            RecogniseEvent::Failed { job, failure, audio } => Some((job.0, Err(failure), audio)),
            _ => None,
        })
        .await
    }

    /// Waits for the text of this job, which must be that of this sound; how many attempts it took.
    pub(crate) async fn text(&mut self, job: u32, sound: &[i16]) -> u8 {
        let (ended, result, audio) = self.ended().await;
        assert_eq!(ended, job);
        assert!(audio == sound, "job {job}: other audio is handed back");
        let recognition = result.unwrap();
        assert_eq!(recognition.text, text_of(sound), "job {job}");
        assert_eq!(recognition.stats.samples, sound.len() as u64);
        recognition.attempts
    }

    /// Waits for the failure of this job, whose audio must be handed back.
    pub(crate) async fn failure(&mut self, job: u32, sound: &[i16]) -> Failure {
        let (ended, result, audio) = self.ended().await;
        assert_eq!(ended, job);
        assert!(audio == sound, "job {job}: other audio is handed back");
        result.unwrap_err()
    }

    /// Lets it do what it can do at once.
    pub(crate) async fn glance(&mut self) {
        let looked = std::cell::Cell::new(false);
        self.work_until(|_| looked.replace(true)).await;
    }

    /// Lets it work until something shows that no event tells.
    pub(crate) async fn work_until(&mut self, seen: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            for _ in 0..10 {
                tokio::select! {
                    biased;
                    event = self.recogniser.next() => self.said.push_back(event),
                    () = tokio::task::yield_now() => {}
                }
            }
            // For the processes on a busy machine; by the real clock, the other one may stand
            // still.
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
        }
    }

    /// Waits as [`Self::work_until`] does, while the recogniser does not get to work at all.
    pub(crate) fn left_alone_until(&self, seen: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
        }
    }

    /// Lets it work until the double has logged that so often.
    pub(crate) async fn engine_did(&mut self, kind: &str, count: usize) {
        self.did("model.log", kind, count).await;
    }

    /// As [`Self::engine_did`], of a double that pretends to be that engine.
    pub(crate) async fn engine_did_on(&mut self, engine: &str, kind: &str, count: usize) {
        self.did(&format!("model.{engine}.log"), kind, count).await;
    }

    async fn did(&mut self, log: &str, kind: &str, count: usize) {
        self.work_until(|lab| lab.logged(log, kind) >= count).await;
    }

    /// Waits until no thread of that process wants a processor, or it is replaced.
    pub(crate) async fn engine_rests(&mut self, pid: Option<u32>) {
        let rests = |pid: u32| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            let stats = tasks.map(|task| fs::read_to_string(task.path().join("stat")));
            // The state follows the name, which is in brackets.
            !stats.flatten().any(|stat| stat.contains(") R "))
        };
        self.work_until(|lab| lab.recogniser.pid() != pid || pid.is_none_or(rests)).await;
    }

    /// How often the double has logged that.
    pub(crate) fn logged(&self, log: &str, kind: &str) -> usize {
        let log = fs::read_to_string(self.dir.path().join(log)).unwrap_or_default();
        log.lines().filter(|line| *line == kind).count()
    }

    /// Waits until the engine is started again, on a clock that leaps there.
    pub(crate) async fn retried(&mut self) {
        tokio::time::pause();
        let event = self.recogniser.next().await;
        tokio::time::resume();
        let loading = |report: &EngineReport| report.state == EngineState::Loading;
        assert!(matches!(&event, RecogniseEvent::Engine(report) if loading(report)), "{event:?}");
    }

    /// Lets so much time pass without work that the engine is let go.
    pub(crate) async fn stays_idle_for_long(&mut self) {
        self.glance().await;
        let clock = Stillness::begin();
        clock.pass(self.unload + Duration::from_secs(1)).await;
        self.glance().await;
        drop(clock);
        self.state(EngineState::Unloaded).await;
    }

    /// Nothing more is said, however long one waits.
    pub(crate) async fn stays_silent(&mut self) {
        assert!(self.said.is_empty(), "{}", short(&self.said));
        // On a clock that leaps to the next timer: the first of these two that is due, wins.
        tokio::time::pause();
        let hours = tokio::time::sleep(Duration::from_secs(3600));
        tokio::select! {
            biased;
            event = self.recogniser.next() => panic!("{}", short(&event)),
            () = hours => {}
        }
        tokio::time::resume();
    }
}

/// Holds the clock still, so that only [`Self::pass`] moves it while processes go on.
pub(crate) struct Stillness(#[expect(dead_code, reason = "its end ends the task")] SyncSender<()>);

impl Stillness {
    pub(crate) fn begin() -> Self {
        let (end, ended) = sync_channel::<()>(0);
        // While a blocking task runs, tokio's paused clock does not leap.
        tokio::task::spawn_blocking(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("waited in vain on a clock that stands still");
                std::process::abort();
            }
        });
        tokio::time::pause();
        Self(end)
    }

    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

impl Drop for Stillness {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
