//! Doubles of accessible programs: a registry of assistive technologies (AT-SPI), and trees of
//! accessible objects.

use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use zbus::{Connection, OwnedObjectPath};

/// Roles and states, numbered as in at-spi2-core's `atspi-constants.h`.
pub mod role {
    pub const FRAME: u32 = 23;
    pub const PANEL: u32 = 39;
    pub const PASSWORD_TEXT: u32 = 40;
    pub const TERMINAL: u32 = 60;
    pub const TEXT: u32 = 61;
}
const ACTIVE: u64 = 1 << 1;
const FOCUSED: u64 = 1 << 12;
const SHOWING: u64 = 1 << 25;

type Object = (String, OwnedObjectPath);

const ROOT: &str = "/org/a11y/atspi/accessible/root";

/// An accessible object: its role, states, text and children.
#[derive(Clone, Debug)]
pub struct Thing {
    role: u32,
    states: u64,
    written: Option<Written>,
    is_editable: bool,
    inside: Vec<Thing>,
}

/// The text in a field, shared with the test.
#[derive(Clone, Debug)]
pub struct Written {
    content: Arc<Mutex<Content>>,
}

#[derive(Debug)]
struct Content {
    text: Vec<char>,
    caret: usize,
    selected: Option<(usize, usize)>,
}

impl Written {
    /// Parses a text in which `|` marks the cursor, and `[` and `]` enclose the selection.
    pub fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        let at = |mark: char| text.iter().position(|c| *c == mark);
        let selected = at('[').zip(at(']')).map(|(from, to)| (from, to - 1));
        let end = text.iter().filter(|c| !"|[]".contains(**c)).count();
        let caret = at('|').or(selected.map(|(_, to)| to)).unwrap_or(end);
        let text = text.into_iter().filter(|c| !"|[]".contains(*c)).collect();
        Self { content: Arc::new(Mutex::new(Content { text, caret, selected })) }
    }

    /// Returns the current text.
    pub fn text(&self) -> String {
        self.content.lock().unwrap().text.iter().collect()
    }

    /// Replaces the text, as the user does. See [`Written::new`] for the form.
    pub fn replace(&self, text: &str) {
        let new = Self::new(text);
        let new = Arc::into_inner(new.content).unwrap().into_inner().unwrap();
        *self.content.lock().unwrap() = new;
    }
}

/// The interface through which others change the text.
struct Editable(Written);

#[zbus::interface(name = "org.a11y.atspi.EditableText")]
impl Editable {
    fn delete_text(&self, from: i32, to: i32) -> bool {
        let mut content = self.0.content.lock().unwrap();
        content.text.drain(from as usize..to as usize);
        content.caret = from as usize;
        true
    }
}

#[zbus::interface(name = "org.a11y.atspi.Text")]
impl Written {
    fn get_text(&self, from: i32, to: i32) -> String {
        self.content.lock().unwrap().text[from as usize..to as usize].iter().collect()
    }

    #[zbus(name = "GetNSelections")]
    fn selections(&self) -> i32 {
        i32::from(self.content.lock().unwrap().selected.is_some())
    }

    fn get_selection(&self, _number: i32) -> (i32, i32) {
        let (from, to) = self.content.lock().unwrap().selected.unwrap();
        (from as i32, to as i32)
    }

    #[zbus(property)]
    fn caret_offset(&self) -> i32 {
        self.content.lock().unwrap().caret as i32
    }

    #[zbus(property)]
    fn character_count(&self) -> i32 {
        self.content.lock().unwrap().text.len() as i32
    }
}

impl Thing {
    /// Creates an object that is on the screen.
    pub fn new(role: u32, inside: Vec<Self>) -> Self {
        Self { role, states: SHOWING, written: None, is_editable: false, inside }
    }

    /// Adds a text, in the form of [`Written::new`].
    pub fn with_text(mut self, text: &str) -> Self {
        self.written = Some(Written::new(text));
        self
    }

    /// Adds a text that the test can read and change.
    pub fn with_written(mut self, written: &Written) -> Self {
        self.written = Some(written.clone());
        self
    }

    /// Lets others change the text.
    pub fn editable(mut self) -> Self {
        self.is_editable = true;
        self
    }

    /// Gives the object the keyboard focus.
    pub fn focused(mut self) -> Self {
        self.states |= FOCUSED;
        self
    }

    /// Marks a window as the one with the keyboard focus.
    pub fn active(mut self) -> Self {
        self.states |= ACTIVE;
        self
    }

    /// Marks the object as not on the screen, like the content of another tab.
    pub fn hidden(mut self) -> Self {
        self.states &= !SHOWING;
        self
    }
}

/// The object that is served at a path.
struct Served {
    name: String,
    role: u32,
    states: u64,
    inside: Arc<Mutex<Vec<Object>>>,
}

#[zbus::interface(name = "org.a11y.atspi.Accessible")]
impl Served {
    fn get_children(&self) -> Vec<Object> {
        self.inside.lock().unwrap().clone()
    }

    fn get_state(&self) -> Vec<u32> {
        vec![self.states as u32, (self.states >> 32) as u32]
    }

    fn get_role(&self) -> u32 {
        self.role
    }

    #[zbus(property)]
    fn name(&self) -> String {
        self.name.clone()
    }
}

struct Address(String);

#[zbus::interface(name = "org.a11y.Bus")]
impl Address {
    fn get_address(&self) -> String {
        self.0.clone()
    }
}

/// An accessibility bus, which is the session bus here, and the programs on it.
pub struct Technologies {
    address: String,
    programs: Arc<Mutex<Vec<Object>>>,
    connections: Vec<Connection>,
}

fn path(text: &str) -> OwnedObjectPath {
    text.to_owned().try_into().unwrap()
}

impl Technologies {
    pub fn start(runtime: &Runtime, address: &str) -> Self {
        let programs = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&programs);
        let registry = Served { name: "main".into(), role: role::FRAME, states: 0, inside };
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(address);
            let builder = builder.serve_at(ROOT, registry);
            let builder = builder.serve_at("/org/a11y/bus", Address(address.to_owned()));
            let builder = builder.name("org.a11y.Bus").name("org.a11y.atspi.Registry");
            builder.build().await.unwrap()
        });
        Self { address: address.to_owned(), programs, connections: vec![connection] }
    }

    /// Starts a program with these windows.
    pub fn program(&mut self, runtime: &Runtime, name: &str, windows: Vec<Thing>) {
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(self.address.as_str());
            builder.build().await.unwrap()
        });
        let unique = connection.unique_name().unwrap().to_string();
        let root = Thing { inside: windows, states: 0, ..Thing::new(role::FRAME, Vec::new()) };
        runtime.block_on(serve(&connection, &unique, name, ROOT.to_owned(), root));
        self.programs.lock().unwrap().push((unique, path(ROOT)));
        self.connections.push(connection);
    }

    /// Starts a program that hangs: it is on the bus, and never answers.
    pub fn program_that_hangs(&mut self, runtime: &Runtime) {
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(self.address.as_str());
            builder.build().await.unwrap()
        });
        let unique = connection.unique_name().unwrap().to_string();
        self.programs.lock().unwrap().push((unique, path(ROOT)));
        self.connections.push(connection);
    }
}

/// Serves an object at a path, and its children below it.
async fn serve(connection: &Connection, unique: &str, name: &str, at: String, thing: Thing) {
    let mut inside = Vec::new();
    for (number, inner) in thing.inside.into_iter().enumerate() {
        let below = format!("{at}/{number}");
        inside.push((unique.to_owned(), path(&below)));
        Box::pin(serve(connection, unique, "", below, inner)).await;
    }
    let inside = Arc::new(Mutex::new(inside));
    let served = Served { name: name.to_owned(), role: thing.role, states: thing.states, inside };
    if let Some(written) = thing.written {
        if thing.is_editable {
            let editable = Editable(written.clone());
            connection.object_server().at(at.clone(), editable).await.unwrap();
        }
        connection.object_server().at(at.clone(), written).await.unwrap();
    }
    connection.object_server().at(at, served).await.unwrap();
}
