//! A private PipeWire with WirePlumber, a session bus and virtual microphones. It touches nothing
//! of the system, and ends with the test. Runs as root and as an ordinary user.
//!
//! Needs the packages pipewire, pipewire-bin, wireplumber, libspa-0.2-modules and dbus.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most time for a server to start or a change to show. It is far more than needed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Samples of the graph's clock (48 kHz) in one cycle. With fewer, a busy machine with two cores
/// drops buffers, which would be the machine's fault, not the code's.
const QUANTUM: u32 = 1024;

/// A running process, which ends when this is dropped.
pub struct Running(Child);

impl Running {
    fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Returns whether the process still runs. Panics if it has failed.
    pub fn is_running(&mut self) -> bool {
        let ended = self.0.try_wait().unwrap();
        assert!(ended.is_none_or(|status| status.success()), "{:?}: {ended:?}", self.0);
        ended.is_none()
    }

    /// Kills the process, like a crash.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Environment variable: set in a process that runs within an instance's environment.
const INSIDE: &str = "V2M_TEST_PIPEWIRE_DIR";

/// Runs the calling test, `name`, in a separate process with the environment of a private instance.
/// For code that finds PipeWire through this process's environment, which must not change while
/// threads run. Only one runs at a time, because two instances on two cores drop buffers.
pub fn isolated(name: &str, test: impl FnOnce()) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = private_dir();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(INSIDE, dir.path());
    let output = command.envs(environment(dir.path())).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in told.lines().filter(|line| line.starts_with("measured:")) {
        println!("{line}");
    }
}

/// A running instance. Its fields are dropped in this order.
pub struct PipeWire {
    wireplumber: Option<Running>,
    pipewire: Option<Running>,
    _bus: Running,
    microphones: Vec<String>,
    dir: PathBuf,
    _own_dir: Option<tempfile::TempDir>,
}

impl PipeWire {
    /// Starts an instance with one virtual microphone for each name. The first one has the highest
    /// priority and so is the default source. A name may be followed by the microphone's channels,
    /// as in `interface: AUX0 AUX1`; otherwise it has one.
    pub fn start(microphones: &[&str]) -> Self {
        let mut instance = Self::prepare(microphones);
        instance.start_servers();
        instance
    }

    /// Prepares everything except the servers: PipeWire does not run yet.
    pub fn prepare(microphones: &[&str]) -> Self {
        let (dir, own_dir) = match std::env::var_os(INSIDE) {
            Some(dir) => (PathBuf::from(dir), None),
            None => {
                let own = private_dir();
                (own.path().to_owned(), Some(own))
            }
        };
        let conf = dir.join("config/pipewire/pipewire.conf.d");
        std::fs::create_dir_all(&conf).unwrap();
        std::fs::create_dir_all(dir.join("state")).unwrap();
        std::fs::write(conf.join("10-microphones.conf"), microphone_objects(microphones)).unwrap();
        Self {
            wireplumber: None,
            pipewire: None,
            _bus: session_bus(&dir),
            microphones: microphones.iter().map(|one| channels_of(one).0.to_owned()).collect(),
            dir,
            _own_dir: own_dir,
        }
    }

    /// Starts or restarts PipeWire and WirePlumber, and waits until the microphones can be
    /// recorded.
    pub fn start_servers(&mut self) {
        self.start_pipewire();
        let mut wireplumber = self.command("wireplumber");
        self.wireplumber = Some(Running::spawn(wireplumber.stderr(self.log("wireplumber.log"))));
        if let Some(default) = self.microphones.first() {
            let wanted = format!("default.audio.source' value:'{{\"name\":\"{default}\"}}'");
            self.until("the default source", |pw| {
                pw.ask("pw-metadata", &["0"]).is_some_and(|told| told.contains(&wanted))
            });
        }
        let quantum = QUANTUM.to_string();
        self.run("pw-metadata", &["-n", "settings", "0", "clock.force-quantum", &quantum]);
    }

    /// Starts PipeWire alone, without its session manager.
    pub fn start_pipewire(&mut self) {
        let mut pipewire = self.command("pipewire");
        self.pipewire = Some(Running::spawn(pipewire.stderr(self.log("pipewire.log"))));
        self.until("PipeWire to answer", |pw| pw.ask("pw-cli", &["info", "0"]).is_some());
    }

    fn log(&self, name: &str) -> std::fs::File {
        std::fs::File::create(self.dir.join(name)).unwrap()
    }

    /// Kills PipeWire and WirePlumber, like a crash.
    pub fn kill_servers(&mut self) {
        // PipeWire first, so that WirePlumber cannot disconnect the streams in an orderly way.
        self.pipewire = None;
        self.wireplumber = None;
    }

    /// Returns the environment in which programs find this instance and nothing of the system.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        environment(&self.dir)
    }

    /// Freezes PipeWire: its socket stays, and nothing answers.
    pub fn freeze(&self) {
        let id = rustix::process::Pid::from_child(&self.pipewire.as_ref().unwrap().0);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    }

    /// Returns a command that uses this instance.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::null());
        die_with_us(&mut command);
        command
    }

    /// Runs a command to its end, returns what it printed, and panics if it failed.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let told = self.ask(program, args);
        told.unwrap_or_else(|| panic!("{program} {args:?} failed; {}", self.logs()))
    }

    /// Runs a command to its end, and returns what it printed; `None` if it failed.
    pub fn ask(&self, program: &str, args: &[&str]) -> Option<String> {
        let mut command = self.command(program);
        let Output { status, stdout, .. } =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).output().unwrap();
        status.success().then(|| String::from_utf8_lossy(&stdout).into_owned())
    }

    /// Plays a WAV file into a microphone. The process ends at the end of the file, or when the
    /// value is dropped. Returns once the player and the microphone are linked. The sound before
    /// that is lost, so files start with silence or with a lead-in that is not needed.
    pub fn play(&self, wav: &Path, microphone: &str) -> Running {
        let name = format!("feeder-of-{microphone}");
        let mut command = self.command("pw-cat");
        command.args(["-p", "--target", "0", "-P"]).arg(format!("{{ node.name={name} }}"));
        let feeder = Running::spawn(command.arg(wav));
        let (from, to) = (format!("{name}:output_MONO"), format!("{microphone}:input_MONO"));
        self.until("the feeder's link", |pw| pw.ask("pw-link", &[&from, &to]).is_some());
        feeder
    }

    /// Plays a WAV file into a microphone, each channel into one of these input ports
    /// (`input_AUX2`). If a name is repeated, the next port of that name is used. Otherwise like
    /// [`Self::play`].
    pub fn play_into(&self, wav: &Path, microphone: &str, ports: &[&str]) -> Running {
        let name = format!("feeder-of-{microphone}");
        let mut command = self.command("pw-cat");
        let map = (0..ports.len()).map(|index| format!("AUX{index}")).collect::<Vec<_>>().join(",");
        command.args(["-p", "--target", "0", "--channel-map", &map, "-P"]);
        let feeder = Running::spawn(command.arg(format!("{{ node.name={name} }}")).arg(wav));
        for (index, port) in ports.iter().enumerate() {
            let earlier = ports[..index].iter().filter(|earlier| *earlier == port).count();
            let (from, to) = (format!("{name}:output_AUX{index}"), format!("{microphone}:{port}"));
            let all = self.run("pw-link", &["-I", "-i"]);
            let ids = all.lines().filter_map(|line| line.trim().split_once(' '));
            let to = ids.filter(|(_, name)| *name == to).nth(earlier).unwrap().0.to_owned();
            self.until("the feeder's link", |pw| pw.ask("pw-link", &[&from, &to]).is_some());
        }
        feeder
    }

    /// Adds a sink, makes it the default, and connects its output to a microphone.
    pub fn add_speaker(&self, name: &str, microphone: &str) {
        let properties = format!(
            "{{ factory.name=support.null-audio-sink node.name={name} media.class=Audio/Sink \
             audio.position=[ MONO ] audio.rate=48000 object.linger=true priority.session=1000 }}"
        );
        self.run("pw-cli", &["create-node", "adapter", &properties]);
        let default = format!("default.audio.sink' value:'{{\"name\":\"{name}\"}}'");
        self.until("the default sink", |pw| {
            pw.ask("pw-metadata", &["0"]).is_some_and(|told| told.contains(&default))
        });
        let (from, to) = (format!("{name}:monitor_MONO"), format!("{microphone}:input_MONO"));
        self.until("the speaker's link", |pw| pw.ask("pw-link", &[&from, &to]).is_some());
    }

    /// Returns the id of the node of that name, if there is one.
    pub fn node_id(&self, name: &str) -> Option<u32> {
        let name = format!("node.name = \"{name}\"");
        let told = self.run("pw-cli", &["ls", "Node"]);
        let mut id = None;
        for line in told.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("id ") {
                id = rest.split(',').next().and_then(|id| id.parse().ok());
            } else if line == name {
                return id;
            }
        }
        None
    }

    /// Removes a microphone, as if it were unplugged.
    pub fn unplug(&self, microphone: &str) {
        let id = self.node_id(microphone).unwrap().to_string();
        self.run("pw-cli", &["destroy", &id]);
    }

    /// Waits until `seen` returns true, for changes that send no event.
    pub fn until(&self, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !seen(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}; {}", self.logs());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn logs(&self) -> String {
        let log = |name| std::fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        format!("pipewire: {}\nwireplumber: {}", log("pipewire.log"), log("wireplumber.log"))
    }
}

fn private_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("v2m-pw").tempdir().unwrap()
}

fn environment(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let bus = format!("unix:path={}", dir.join("bus").display());
    vec![
        ("XDG_RUNTIME_DIR", dir.into()),
        ("PIPEWIRE_RUNTIME_DIR", dir.into()),
        ("XDG_CONFIG_HOME", dir.join("config")),
        ("XDG_STATE_HOME", dir.join("state")),
        ("DBUS_SESSION_BUS_ADDRESS", bus.into()),
    ]
}

/// Starts a session bus, which accepts connections once this returns.
fn session_bus(dir: &Path) -> Running {
    let mut command = Command::new("dbus-daemon");
    command
        .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
        .arg(format!("--address=unix:path={}", dir.join("bus").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    die_with_us(&mut command);
    let mut bus = Running::spawn(&mut command);
    let mut address = String::new();
    BufReader::new(bus.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
    assert!(address.starts_with("unix:"), "dbus-daemon told the address {address:?}");
    bus
}

/// Ends the process together with this one, even if this one is killed and no destructor runs.
fn die_with_us(command: &mut Command) {
    let die = || {
        let signal = Some(rustix::process::Signal::TERM);
        rustix::process::set_parent_process_death_signal(signal).map_err(Into::into)
    };
    // SAFETY: between fork and exec only the system call prctl is made, which allocates nothing.
    unsafe { command.pre_exec(die) };
}

/// Splits a microphone's name from its channels.
fn channels_of(microphone: &str) -> (&str, &str) {
    microphone.split_once(": ").unwrap_or((microphone, "MONO"))
}

fn microphone_objects(names: &[&str]) -> String {
    let mut conf = String::from("context.objects = [\n");
    for (index, name) in names.iter().enumerate() {
        let (name, channels) = channels_of(name);
        let priority = 2000 - index;
        conf += &format!(
            "  {{ factory = adapter args = {{ factory.name = support.null-audio-sink \
             node.name = {name} node.description = \"Microphone {name}\" \
             media.class = Audio/Source/Virtual audio.position = [ {channels} ] object.linger = true \
             audio.rate = 48000 priority.session = {priority} }} }}\n"
        );
    }
    conf + "]\n"
}
