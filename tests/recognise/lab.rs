//! A recogniser, its engine's double, and the double's script.

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

/// Far longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Lab {
    dir: TempDir,
    pub(crate) recogniser: Recogniser,
    /// How long an engine may be silent.
    hang: Duration,
    /// How long a GPU's engine may be idle.
    unload: Duration,
    /// Events that arrived while the test waited for another one.
    said: VecDeque<RecogniseEvent>,
}

/// Returns the path of the double. `cargo test` builds it with the tests; to run a single test,
/// build it with `cargo build --package v2m-testkit --examples`.
pub(crate) fn double() -> PathBuf {
    let double = Path::new(env!("CARGO_BIN_EXE_v2m")).with_file_name("examples/fake-engine");
    assert!(
        double.exists(),
        "build the engine's double: cargo build --package v2m-testkit --examples"
    );
    double
}

/// Returns samples that are different for each seed.
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

/// Returns the double's text for this sound.
pub(crate) fn text_of(sound: &[i16]) -> String {
    let mut digest = Digest::default();
    digest.hear(sound);
    digest.text()
}

/// Shortens an event for messages, because it may contain minutes of sound.
pub(crate) fn short(event: &impl std::fmt::Debug) -> String {
    format!("{event:?}").chars().take(300).collect()
}

impl Lab {
    /// Creates a recogniser with a model of this script. Nothing has been awaited yet.
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

    /// Creates a recogniser with these engines, each with its own script: first the processor's,
    /// then others such as those of GPUs.
    pub(crate) fn with_engines(cpu: &str, others: &[(Backend, &str)]) -> Self {
        let mut lab = Self::without_model();
        let spec = lab.engines(cpu, others);
        lab.recogniser = Recogniser::new(Ok(spec));
        lab
    }

    /// Returns the engines of [`Self::with_engines`].
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

    /// Creates a program that gets a server instead of a model, and runs this double all the same.
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

    /// Creates a recogniser with the test's own engines and model.
    pub(crate) fn with_spec(spec: EngineSpec) -> Self {
        let mut lab = Self::without_model();
        lab.recogniser = Recogniser::new(Ok(spec));
        lab
    }

    /// Creates a recogniser without a model.
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

    /// Writes a model with this script.
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

    /// Ends the wait of the rule `wait` in the script.
    pub(crate) fn go(&self) {
        fs::write(self.dir.path().join("model.go"), "").unwrap();
    }

    /// Returns how often an engine was started with the model of that name.
    pub(crate) fn lives(&self, name: &str) -> usize {
        let lives = fs::read_to_string(self.dir.path().join(format!("{name}.lives")));
        lives.unwrap_or_default().lines().count()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the next event. Leaves and polls the recogniser all the time, like the daemon's
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

    /// Waits until `pick` returns a value for an event.
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

    /// Waits until the recogniser has that state.
    pub(crate) async fn state(&mut self, state: EngineState) -> EngineReport {
        self.until(|event| match event {
            RecogniseEvent::Engine(report) if report.state == state => Some(report),
            _ => None,
        })
        .await
    }

    /// Adds a job with all its audio.
    pub(crate) fn job(&mut self, job: u32, urgency: Priority, sound: &[i16]) {
        self.recogniser.begin(JobId(job), DecodeOptions::default(), urgency);
        self.recogniser.feed(JobId(job), sound);
        self.recogniser.finish(JobId(job));
    }

    /// Waits for the end of a job. Returns its number, its text or failure, and its audio.
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

    /// Waits for the text of this job, which must be that of this sound. Returns the number of
    /// attempts.
    pub(crate) async fn text(&mut self, job: u32, sound: &[i16]) -> u8 {
        let (ended, result, audio) = self.ended().await;
        assert_eq!(ended, job);
        assert!(audio == sound, "job {job}: other audio is handed back");
        let recognition = result.unwrap();
        assert_eq!(recognition.text, text_of(sound), "job {job}");
        assert_eq!(recognition.stats.samples, sound.len() as u64);
        recognition.attempts
    }

    /// Waits for the failure of this job, which must hand its audio back.
    pub(crate) async fn failure(&mut self, job: u32, sound: &[i16]) -> Failure {
        let (ended, result, audio) = self.ended().await;
        assert_eq!(ended, job);
        assert!(audio == sound, "job {job}: other audio is handed back");
        result.unwrap_err()
    }

    /// Lets the recogniser do the work that is ready now.
    pub(crate) async fn glance(&mut self) {
        let looked = std::cell::Cell::new(false);
        self.work_until(|_| looked.replace(true)).await;
    }

    /// Lets the recogniser work until `seen` is true, for conditions that send no event.
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
            // Gives the processes time on a busy machine. Uses the real clock, because tokio's may
            // stand still.
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
        }
    }

    /// Waits like [`Self::work_until`], but without letting the recogniser work.
    pub(crate) fn left_alone_until(&self, seen: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
        }
    }

    /// Lets the recogniser work until the double has logged this kind of entry so often.
    pub(crate) async fn engine_did(&mut self, kind: &str, count: usize) {
        self.did("model.log", kind, count).await;
    }

    /// Like [`Self::engine_did`], for a double that pretends to be that engine.
    pub(crate) async fn engine_did_on(&mut self, engine: &str, kind: &str, count: usize) {
        self.did(&format!("model.{engine}.log"), kind, count).await;
    }

    async fn did(&mut self, log: &str, kind: &str, count: usize) {
        self.work_until(|lab| lab.logged(log, kind) >= count).await;
    }

    /// Waits until no thread of that process is running, or until the process has been replaced.
    pub(crate) async fn engine_rests(&mut self, pid: Option<u32>) {
        let rests = |pid: u32| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            let stats = tasks.map(|task| fs::read_to_string(task.path().join("stat")));
            // The state follows the name, which is in brackets.
            !stats.flatten().any(|stat| stat.contains(") R "))
        };
        self.work_until(|lab| lab.recogniser.pid() != pid || pid.is_none_or(rests)).await;
    }

    /// Returns how often the double has logged this kind of entry.
    pub(crate) fn logged(&self, log: &str, kind: &str) -> usize {
        let log = fs::read_to_string(self.dir.path().join(log)).unwrap_or_default();
        log.lines().filter(|line| *line == kind).count()
    }

    /// Waits until the engine is started again, on a clock that jumps to that moment.
    pub(crate) async fn retried(&mut self) {
        tokio::time::pause();
        let event = self.recogniser.next().await;
        tokio::time::resume();
        let loading = |report: &EngineReport| report.state == EngineState::Loading;
        assert!(matches!(&event, RecogniseEvent::Engine(report) if loading(report)), "{event:?}");
    }

    /// Lets time pass without work until the engine is unloaded.
    pub(crate) async fn stays_idle_for_long(&mut self) {
        self.glance().await;
        let clock = Stillness::begin();
        clock.pass(self.unload + Duration::from_secs(1)).await;
        self.glance().await;
        drop(clock);
        self.state(EngineState::Unloaded).await;
    }

    /// Asserts that no event comes, even after an hour.
    pub(crate) async fn stays_silent(&mut self) {
        assert!(self.said.is_empty(), "{}", short(&self.said));
        // The paused clock jumps to the next timer, so the earlier of these two wins.
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

/// Stops the clock, so that only [`Self::pass`] advances it, while processes continue.
pub(crate) struct Stillness(#[expect(dead_code, reason = "its end ends the task")] SyncSender<()>);

impl Stillness {
    pub(crate) fn begin() -> Self {
        let (end, ended) = sync_channel::<()>(0);
        // While a blocking task runs, tokio's paused clock does not jump.
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
