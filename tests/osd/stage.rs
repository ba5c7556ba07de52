//! A private session bus with v2m, which the test plays, and the program.

use crate::screen::Screen;
use std::collections::HashMap;
use std::io::Read;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::mpsc;
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::wait_for;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant, Variant};

const V2M: &str = "org.v2m.Dictation1";
const PATH: &str = "/org/v2m/Dictation1";
const SIGN: &str = "org.v2m.Sign";

enum Line {
    Sign(&'static str, Vec<(&'static str, String)>),
    Level(f64),
    End,
    Start,
}

struct Dictation(Sender<&'static str>);

#[zbus::interface(name = "org.v2m.Dictation1")]
impl Dictation {
    fn subscribe_level(&self) {
        let _ = self.0.send("subscribed");
    }

    #[zbus(property)]
    fn recording_since(&self) -> f64 {
        0.0
    }

    #[zbus(signal)]
    async fn sign(
        emitter: &SignalEmitter<'_>,
        kind: &str,
        details: HashMap<&str, OwnedVariant>,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn level(emitter: &SignalEmitter<'_>, rms: f64, peak: f64) -> zbus::Result<()>;
}

pub(crate) struct Stage {
    pub(crate) bus: PrivateBus,
    osd: Child,
    lines: mpsc::UnboundedSender<Line>,
    done: Receiver<&'static str>,
}

impl Stage {
    /// Starts the program. It shows the states when this returns.
    pub(crate) fn start(screen: &impl Screen, arguments: &[&str]) -> Self {
        let bus = PrivateBus::start();
        let (lines, script) = mpsc::unbounded_channel();
        let (told, done) = channel();
        let address = bus.address.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(play(&address, script, told));
        });
        assert_eq!(done.recv().unwrap(), "started");
        let mut program = screen.program(&bus.address, arguments);
        let osd = program.stderr(Stdio::piped()).spawn().unwrap();
        let stage = Self { bus, osd, lines, done };
        stage.expect("subscribed");
        stage
    }

    fn seen(&self) -> &'static str {
        self.done.recv_timeout(std::time::Duration::from_secs(30)).expect("something is done")
    }

    fn expect(&self, what: &str) {
        assert_eq!(self.seen(), what);
    }

    pub(crate) fn tell(&mut self, kind: &'static str, details: &[(&'static str, &str)]) {
        let details = details.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        self.lines.send(Line::Sign(kind, details)).unwrap();
        self.expect("told");
    }

    pub(crate) fn level(&mut self, rms_dbfs: f64) {
        self.lines.send(Line::Level(rms_dbfs)).unwrap();
        self.expect("told");
    }

    pub(crate) fn v2m_ends(&mut self) {
        self.lines.send(Line::End).unwrap();
        self.expect("ended");
    }

    pub(crate) fn v2m_starts(&mut self) {
        self.lines.send(Line::Start).unwrap();
        // The program may notice v2m before v2m knows of the program.
        let mut seen = [self.seen(), self.seen()];
        seen.sort_unstable();
        assert_eq!(seen, ["started", "subscribed"]);
    }

    /// Returns how often the program has gone to sleep voluntarily.
    pub(crate) fn switches(&self) -> u64 {
        let status = format!("/proc/{}/status", self.osd.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Returns the program's processor time, in ticks of 10 ms.
    #[allow(dead_code, reason = "benches/osd measures")]
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.osd.id())).unwrap();
        let after_name = stat.rsplit(") ").next().unwrap();
        let fields: Vec<&str> = after_name.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Returns its resident memory, and its proportional share of shared memory.
    #[allow(dead_code, reason = "benches/osd measures")]
    pub(crate) fn memory(&self) -> String {
        let rollup = format!("/proc/{}/smaps_rollup", self.osd.id());
        let rollup = std::fs::read_to_string(rollup).unwrap();
        let wanted = ["Rss:", "Pss:", "Private_Dirty:"];
        let lines = rollup.lines().filter(|line| wanted.iter().any(|it| line.starts_with(it)));
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Waits for the program's end. Returns its status and its output.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = wait_for("its end", || self.osd.try_wait().unwrap());
        let mut said = String::new();
        self.osd.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.osd.kill();
        let _ = self.osd.wait();
    }
}

async fn service(address: &str, told: &Sender<&'static str>) -> Connection {
    let builder = zbus::connection::Builder::address(address);
    let builder = builder.serve_at(PATH, Dictation(told.clone())).name(V2M);
    builder.build().await.unwrap()
}

async fn play(
    address: &str,
    mut script: mpsc::UnboundedReceiver<Line>,
    told: Sender<&'static str>,
) {
    let mut v2m = Some(service(address, &told).await);
    told.send("started").unwrap();
    while let Some(line) = script.recv().await {
        match line {
            Line::End => {
                v2m.take().unwrap().close().await.unwrap();
                told.send("ended").unwrap();
                continue;
            }
            Line::Start => {
                v2m = Some(service(address, &told).await);
                told.send("started").unwrap();
                continue;
            }
            Line::Sign(..) | Line::Level(_) => {}
        }
        let v2m = v2m.as_ref().unwrap();
        let bus = zbus::fdo::DBusProxy::new(v2m).await.unwrap();
        let owner = bus.get_name_owner(SIGN.try_into().unwrap()).await.unwrap();
        let object = v2m.object_server().interface::<_, Dictation>(PATH).await.unwrap();
        let emitter = object.signal_emitter().clone();
        let emitter = emitter.set_destination(zbus::names::BusName::from(owner.into_inner()));
        match line {
            Line::Sign(kind, details) => {
                let details: HashMap<&str, OwnedVariant> = details
                    .iter()
                    .map(|(key, value)| (*key, Variant::from(value.clone()).try_into().unwrap()))
                    .collect();
                Dictation::sign(&emitter, kind, details).await.unwrap();
            }
            Line::Level(rms) => Dictation::level(&emitter, rms, rms + 6.0).await.unwrap(),
            Line::End | Line::Start => {}
        }
        told.send("told").unwrap();
    }
}
