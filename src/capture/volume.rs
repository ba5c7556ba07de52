//! Asks a source's node whether it is muted or turned down to nothing.

use super::connection::Connection;
use pipewire::node::{Node, NodeListener};
use pipewire::permissions::PermissionFlags;
use pipewire::properties::PropertiesBox;
use pipewire::registry::GlobalObject;
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::deserialize::PodDeserializer;
use pipewire::spa::pod::{Pod, Value, ValueArray};
use pipewire::spa::sys;
use pipewire::types::ObjectType;
use std::cell::Cell;
use std::rc::Rc;

/// A question that was sent to a node. Fields are dropped in this order: the listener before its
/// node.
pub(super) struct VolumeQuestion {
    _listener: NodeListener,
    _node: Node,
    silenced: Rc<Cell<bool>>,
}

impl VolumeQuestion {
    /// Asks the node with this id. The answer has arrived after the connection's next round trip.
    pub(super) fn ask(connection: &Connection, id: u32) -> Option<Self> {
        let global = GlobalObject::<PropertiesBox> {
            id,
            permissions: PermissionFlags::empty(),
            type_: ObjectType::Node,
            version: 0,
            props: None,
        };
        let node: Node = connection.bind(&global)?;
        let silenced = Rc::new(Cell::new(false));
        let told = Rc::clone(&silenced);
        let listener = node
            .add_listener_local()
            .param(move |_, _, _, _, pod| {
                if pod.is_some_and(is_silencing) {
                    told.set(true);
                }
            })
            .register();
        node.enum_params(0, Some(ParamType::Props), 0, u32::MAX);
        Some(Self { _listener: listener, _node: node, silenced })
    }

    /// Whether the source gives no sound. Unknown counts as no.
    pub(super) fn is_silenced(&self) -> bool {
        self.silenced.get()
    }
}

/// Whether these properties mute the node, or turn all its channels down to nothing.
fn is_silencing(pod: &Pod) -> bool {
    let Ok((_, Value::Object(props))) = PodDeserializer::deserialize_any_from(pod.as_bytes())
    else {
        return false;
    };
    props.properties.iter().any(|property| match (property.key, &property.value) {
        (sys::SPA_PROP_mute | sys::SPA_PROP_softMute, Value::Bool(muted)) => *muted,
        (sys::SPA_PROP_channelVolumes, Value::ValueArray(ValueArray::Float(volumes))) => {
            !volumes.is_empty() && volumes.iter().all(|volume| *volume <= 0.0)
        }
        _ => false,
    })
}
