//! A connection to PipeWire, and its reports: the available sources, the default source, and the
//! links between nodes. Callbacks only record them. The worker makes the decisions.

use super::CaptureError;
use super::channels::{self, Channels, Port};
use super::session_manager;
use super::sources::Source;
use crate::pipewire_client;
use pipewire::context::ContextRc;
use pipewire::core::{self, CoreRc};
use pipewire::main_loop::MainLoopRc;
use pipewire::metadata::{Metadata, MetadataListener};
use pipewire::properties::{PropertiesBox, properties};
use pipewire::proxy::ProxyT;
use pipewire::registry::{self, GlobalObject, RegistryRc};
use pipewire::spa::utils::dict::DictRef;
use pipewire::types::ObjectType;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use v2m_ipc::plain;
use v2m_messages::tr;

/// A node that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The id in the registry. It is reused once the node is gone.
    pub(super) id: u32,
    /// `object.serial`. It is never reused.
    pub(super) serial: String,
    /// `node.name`.
    pub(super) name: String,
    /// `node.description`.
    pub(super) description: String,
}

/// A source and the channels to record from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// The source to record.
    pub(super) source: Node,
    /// The source's channels as they are now.
    pub(super) channels: Channels,
}

/// PipeWire's reports so far.
#[derive(Default)]
struct Known {
    sources: BTreeMap<u32, Node>,
    /// Port id → port. Only ports that output sound.
    ports: BTreeMap<u32, Port>,
    /// Link id → (output node, input node).
    links: BTreeMap<u32, (u32, u32)>,
    /// The session manager's metadata object, until it is bound.
    metadata: Option<GlobalObject<PropertiesBox>>,
    /// `node.name` of the default source.
    default: Option<String>,
    /// Client id → process id.
    clients: BTreeMap<u32, u32>,
    /// The client that owns the metadata: the session manager.
    manager: Option<u32>,
    /// The round trip that was answered last.
    answered: Option<i32>,
    /// Why the connection is dead. `None`: it is alive.
    dead: Option<String>,
}

/// The round trip that the connection waits for.
enum Phase {
    /// Waits until the registry has reported all objects.
    Objects(i32),
    /// Waits until the metadata has reported all properties.
    Defaults(i32),
    Known,
}

/// Creates the context for connections: PipeWire's modules, and the thread that moves the samples.
/// Keep it for the next connection: with PipeWire 0.3.65, each new context leaks 6 kB, most of it
/// in module-rt's connection to D-Bus.
pub(super) fn new_context(mainloop: &MainLoopRc) -> Result<ContextRc, CaptureError> {
    let properties = properties! {
        *pipewire::keys::CONFIG_NAME => pipewire_client::configuration(),
        *pipewire::keys::APP_NAME => "v2m",
        *pipewire::keys::APP_ID => "v2m",
    };
    ContextRc::new(mainloop, Some(properties)).map_err(unreachable)
}

fn unreachable(error: pipewire::Error) -> CaptureError {
    CaptureError::NoPipeWire(error.to_string())
}

/// A connection to PipeWire. Fields are dropped in this order: objects that depend on the core go
/// first.
pub(super) struct Connection {
    bound: Option<(MetadataListener, Metadata)>,
    _registry_listener: registry::Listener,
    registry: RegistryRc,
    _core_listener: core::Listener,
    core: CoreRc,
    known: Rc<RefCell<Known>>,
    phase: Phase,
}

impl Connection {
    /// Connects. Does not wait for an answer.
    pub(super) fn open(context: &ContextRc) -> Result<Self, CaptureError> {
        let core = context
            .connect_rc(None)
            .map_err(|_| CaptureError::NoPipeWire(tr!("nothing listens on its socket").into()))?;
        let known = Rc::new(RefCell::new(Known::default()));
        let core_listener = listen_core(&core, &known);
        let registry = core.get_registry_rc().map_err(unreachable)?;
        let registry_listener = listen_registry(&registry, &known);
        let asked = core.sync(0).map_err(unreachable)?;
        Ok(Self {
            bound: None,
            _registry_listener: registry_listener,
            registry,
            _core_listener: core_listener,
            core,
            known,
            phase: Phase::Objects(asked.seq()),
        })
    }

    /// Returns the core, on which streams are made.
    pub(super) fn core(&self) -> &CoreRc {
        &self.core
    }

    /// Binds a registry object.
    pub(super) fn bind<T: ProxyT>(&self, global: &GlobalObject<PropertiesBox>) -> Option<T> {
        self.registry.bind(global).ok()
    }

    /// Begins a round trip. Everything asked before has been answered when [`Self::is_back`] is
    /// true.
    pub(super) fn round_trip(&self) -> Option<i32> {
        self.core.sync(0).ok().map(|asked| asked.seq())
    }

    /// Whether a round trip has ended.
    pub(super) fn is_back(&self, asked: i32) -> bool {
        self.known.borrow().answered == Some(asked)
    }

    /// Returns why the connection is dead. `None`: it is alive.
    pub(super) fn dead(&self) -> Option<String> {
        self.known.borrow().dead.clone()
    }

    /// Whether PipeWire has reported everything that the connection asked for. Call it after each
    /// turn of the loop: it also takes the next step.
    pub(super) fn ready(&mut self) -> bool {
        self.bind_metadata();
        let answered = self.known.borrow().answered;
        match self.phase {
            Phase::Objects(asked) if answered == Some(asked) => match self.core.sync(0) {
                // The second round trip brings the properties of the metadata that was just bound.
                Ok(asked) => self.phase = Phase::Defaults(asked.seq()),
                Err(error) => self.known.borrow_mut().dead = Some(error.to_string()),
            },
            Phase::Defaults(asked) if answered == Some(asked) => self.phase = Phase::Known,
            Phase::Objects(_) | Phase::Defaults(_) | Phase::Known => {}
        }
        matches!(self.phase, Phase::Known)
    }

    fn bind_metadata(&mut self) {
        let Some(global) = self.known.borrow_mut().metadata.take() else { return };
        let Ok(metadata) = self.registry.bind::<Metadata, _>(&global) else { return };
        let known = Rc::clone(&self.known);
        let listener = metadata
            .add_listener_local()
            .property(move |_, key, _, value| {
                if key.is_none_or(|key| key == "default.audio.source") {
                    known.borrow_mut().default = value.and_then(name_in);
                }
                0
            })
            .register();
        self.bound = Some((listener, metadata));
    }

    /// Finds the input to record: all channels of the source named `wanted`, or of the default
    /// source. `wanted` may also name one channel: `source:channel`.
    pub(super) fn find(&self, wanted: Option<&str>) -> Result<Input, CaptureError> {
        self.known.borrow().find(wanted)
    }

    /// Whether the session manager has inspected the devices: it has chosen a default source, or
    /// has had enough time to do so.
    pub(super) fn settled(&self) -> bool {
        let known = self.known.borrow();
        let is_default = |node: &Node| known.default.as_ref() == Some(&node.name);
        let manager = known.manager.and_then(|client| known.clients.get(&client).copied());
        known.sources.values().any(is_default) || session_manager::has_settled(manager)
    }

    /// Lists all available sources with their ids. Their volume must be requested separately.
    pub(super) fn sources(&self) -> Vec<(u32, Source)> {
        self.known.borrow().listed()
    }

    /// Whether exactly this source is still there.
    pub(super) fn has(&self, source: &Node) -> bool {
        self.known.borrow().sources.get(&source.id) == Some(source)
    }

    /// Whether the source has more channels than when it was looked up. Fewer channels do not
    /// count: they may come back at once, and a stream that is recreated each time would never
    /// deliver sound.
    pub(super) fn has_grown(&self, input: &Input) -> bool {
        let known = self.known.borrow();
        let now = Channels::all(&known.ports_of(&input.source)).positions.len();
        now > input.channels.positions.len()
    }

    /// Returns the ids of the nodes that feed `node`, each once.
    pub(super) fn feeders(&self, node: u32) -> BTreeSet<u32> {
        let known = self.known.borrow();
        known.links.values().filter(|(_, to)| *to == node).map(|(from, _)| *from).collect()
    }
}

impl Known {
    fn find(&self, wanted: Option<&str>) -> Result<Input, CaptureError> {
        let there = || self.sources.values().map(|node| node.name.clone()).collect();
        if self.sources.is_empty() {
            return Err(CaptureError::NoSource);
        }
        let all = |source: &Node| Input {
            source: source.clone(),
            channels: Channels::all(&self.ports_of(source)),
        };
        let Some(wanted) = wanted else {
            let default = self.default.as_deref().and_then(|name| self.source(name));
            return default.map(all).ok_or_else(|| CaptureError::NoDefault { there: there() });
        };
        if let Some(source) = self.source(wanted) {
            return Ok(all(source));
        }
        let one = |source: &Node| {
            let channel = channels::beside(&source.name, wanted)?;
            let channels = Channels::only(channel, &self.ports_of(source))?;
            Some(Input { source: source.clone(), channels })
        };
        if let Some(input) = self.sources.values().find_map(one) {
            return Ok(input);
        }
        let meant = |source: &&Node| channels::beside(&source.name, wanted).is_some();
        match self.sources.values().filter(meant).max_by_key(|source| source.name.len()) {
            None => Err(CaptureError::SourceMissing { wanted: wanted.into(), there: there() }),
            Some(source) => {
                let name = |port: &&Port| format!("{}:{}", source.name, port.name);
                let there = self.ports_of(source).iter().map(name).collect();
                Err(CaptureError::ChannelMissing { wanted: wanted.into(), there })
            }
        }
    }

    fn listed(&self) -> Vec<(u32, Source)> {
        let source = |node: &Node| Source {
            name: node.name.clone(),
            description: node.description.clone(),
            channels: self.ports_of(node).iter().map(|port| port.name.clone()).collect(),
            is_default: self.default.as_ref() == Some(&node.name),
            is_silenced: false,
        };
        self.sources.iter().map(|(id, node)| (*id, source(node))).collect()
    }

    fn source(&self, name: &str) -> Option<&Node> {
        self.sources.values().find(|node| node.name == name)
    }

    /// Returns the node's ports that are recorded, in order.
    fn ports_of(&self, node: &Node) -> Vec<&Port> {
        let mut ports: Vec<_> = self.ports.values().filter(|port| port.node == node.id).collect();
        ports.sort_by_key(|port| port.index);
        ports.truncate(channels::MOST);
        ports
    }
}

fn listen_core(core: &CoreRc, known: &Rc<RefCell<Known>>) -> core::Listener {
    let (done, dead) = (Rc::clone(known), Rc::clone(known));
    core.add_listener_local()
        .done(move |id, seq| {
            if id == core::PW_ID_CORE {
                done.borrow_mut().answered = Some(seq.seq());
            }
        })
        .error(move |id, _, _, message| {
            // Errors on other objects are reported where they matter: to the stream.
            if id == core::PW_ID_CORE {
                dead.borrow_mut().dead = Some(message.into());
            }
        })
        .register()
}

fn listen_registry(registry: &RegistryRc, known: &Rc<RefCell<Known>>) -> registry::Listener {
    let (appeared, gone) = (Rc::clone(known), Rc::clone(known));
    registry
        .add_listener_local()
        .global(move |global| note(&mut appeared.borrow_mut(), global))
        .global_remove(move |id| {
            let mut known = gone.borrow_mut();
            known.sources.remove(&id);
            known.ports.remove(&id);
            known.links.remove(&id);
            known.clients.remove(&id);
        })
        .register()
}

fn note(known: &mut Known, global: &GlobalObject<&DictRef>) {
    let Some(props) = global.props else { return };
    match global.type_ {
        ObjectType::Node => {
            if let Some(node) = source_node(global.id, props) {
                known.sources.insert(global.id, node);
            }
        }
        ObjectType::Port => known.ports.extend(Port::of(props).map(|port| (global.id, port))),
        ObjectType::Link => {
            let end = |key| props.get(key).and_then(|id: &str| id.parse().ok());
            if let (Some(from), Some(to)) =
                (end(*pipewire::keys::LINK_OUTPUT_NODE), end(*pipewire::keys::LINK_INPUT_NODE))
            {
                known.links.insert(global.id, (from, to));
            }
        }
        ObjectType::Metadata if props.get("metadata.name") == Some("default") => {
            known.manager = props.get(*pipewire::keys::CLIENT_ID).and_then(|id| id.parse().ok());
            known.metadata = Some(global.to_owned());
        }
        ObjectType::Client => {
            let pid = props.get(*pipewire::keys::SEC_PID).and_then(|pid| pid.parse().ok());
            known.clients.extend(pid.map(|pid| (global.id, pid)));
        }
        _ => {}
    }
}

fn source_node(id: u32, props: &DictRef) -> Option<Node> {
    let class = props.get(*pipewire::keys::MEDIA_CLASS)?;
    if !matches!(class, "Audio/Source" | "Audio/Source/Virtual" | "Audio/Duplex") {
        return None;
    }
    let name = props.get(*pipewire::keys::NODE_NAME)?.to_owned();
    let description = props.get(*pipewire::keys::NODE_DESCRIPTION).unwrap_or(&name);
    let description = plain::line(description).into_owned();
    Some(Node { id, serial: props.get("object.serial")?.to_owned(), name, description })
}

/// Reads the name from the metadata's value, `{"name":"alsa_input…"}`.
fn name_in(value: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(value).ok()?;
    Some(value.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_sources_name_is_read_from_its_json() {
        assert_eq!(name_in(r#"{"name":"vmic"}"#).as_deref(), Some("vmic"));
        assert_eq!(name_in(r#"{"name":7}"#), None);
        assert_eq!(name_in("vmic"), None);
    }

    /// Makes sources with these names, and their ports.
    fn known(sources: &[(&str, &[&str])]) -> Known {
        let mut known = Known::default();
        for (id, (name, ports)) in (0_u32..).zip(sources) {
            let (name, serial) = ((*name).to_owned(), id.to_string());
            let node = Node { id, serial, description: name.clone(), name };
            known.sources.insert(id, node);
            for (index, name) in (0_u32..).zip(*ports) {
                let (name, channel) = ((*name).to_owned(), String::new());
                known.ports.insert(id * 1000 + index, Port { node: id, index, name, channel });
            }
        }
        known
    }

    fn found(known: &Known, wanted: &str) -> Result<(String, Option<usize>), CaptureError> {
        known.find(Some(wanted)).map(|input| (input.source.name, input.channels.only))
    }

    #[test]
    fn names_of_sources_and_of_ports_may_have_colons() {
        let known = known(&[
            ("usb-X", &["capture_AUX0", "in:left"]),
            ("usb-X:1", &["capture_AUX0", "capture_AUX1"]),
        ]);
        for (wanted, name, only) in [
            ("usb-X", "usb-X", None),
            ("usb-X:AUX0", "usb-X", Some(0)),
            ("usb-X:in:left", "usb-X", Some(1)),
            ("usb-X:1", "usb-X:1", None),
            ("usb-X:1:AUX1", "usb-X:1", Some(1)),
        ] {
            assert_eq!(found(&known, wanted), Ok((name.to_owned(), only)), "{wanted}");
        }
        let there = vec!["usb-X:1:capture_AUX0".to_owned(), "usb-X:1:capture_AUX1".to_owned()];
        let error = CaptureError::ChannelMissing { wanted: "usb-X:1:AUX7".into(), there };
        assert_eq!(found(&known, "usb-X:1:AUX7"), Err(error));
        // A name means a channel only if it has a source's whole name before a colon.
        let there = vec!["usb-X".to_owned(), "usb-X:1".to_owned()];
        let error = CaptureError::SourceMissing { wanted: "usb-Y:AUX0".into(), there };
        assert_eq!(found(&known, "usb-Y:AUX0"), Err(error));
    }

    #[test]
    fn a_channel_of_a_source_without_ports_may_still_come() {
        let known = known(&[("late", &[]), ("desk", &["capture_AUX0"])]);
        assert!(found(&known, "late:AUX0").unwrap_err().may_pass());
        for missing in ["desk:AUX1", "studio:AUX0", "studio"] {
            assert!(!found(&known, missing).unwrap_err().may_pass(), "{missing}");
        }
    }

    #[test]
    fn what_is_not_recorded_is_not_offered() {
        let ports: Vec<_> = (0..80).map(|number| format!("capture_AUX{number}")).collect();
        let ports: Vec<_> = ports.iter().map(String::as_str).collect();
        let known = known(&[("wide", &ports)]);
        assert_eq!(found(&known, "wide:AUX63"), Ok(("wide".to_owned(), Some(63))));
        let error = found(&known, "wide:AUX70").unwrap_err();
        let CaptureError::ChannelMissing { there, .. } = error else { panic!("{error:?}") };
        assert_eq!(there.len(), 64);
        assert_eq!(there[63], "wide:capture_AUX63");
        let (_, source) = &known.listed()[0];
        assert!(source.is_called("wide:AUX63") && !source.is_called("wide:AUX70"));
    }
}
