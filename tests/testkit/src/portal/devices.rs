//! The portal's RemoteDesktop interface.

use super::{
    Options, Reader, Session, Shared, TEXT, User, ask, decide, lock, number, path, respond,
    session, started, text,
};
use std::collections::HashMap;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, fdo};

pub(super) struct Devices {
    pub(super) state: Shared,
}

impl Devices {
    async fn key(
        &self,
        bus: &Connection,
        at: &ObjectPath<'_>,
        key: i32,
        down: u32,
    ) -> fdo::Result<()> {
        let pastes = {
            let mut state = lock(&self.state);
            started(&mut state, at)?;
            if state.refuses == Some(key) && down == 1 {
                return Err(fdo::Error::Failed("No such key".into()));
            }
            let sign = if down == 1 { '+' } else { '-' };
            state.strokes.push(format!("{sign}{key}"));
            let held = |key: &str| {
                let last = state.strokes.iter().rev().find(|stroke| stroke[1..] == *key);
                last.is_some_and(|stroke| stroke.starts_with('+'))
            };
            key == i32::from(b'v')
                && down == 1
                && held("29")
                && state.window
                && state.offered.is_some()
        };
        if pastes {
            ask(bus, &self.state, TEXT, Reader::Window).await;
        }
        Ok(())
    }
}

#[zbus::interface(name = "org.freedesktop.portal.RemoteDesktop")]
impl Devices {
    async fn create_session(
        &self,
        options: Options,
        #[zbus(header)] header: zbus::message::Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> OwnedObjectPath {
        let client = header.sender().unwrap().to_string();
        let request = path("request", &client, &options, "handle_token");
        let session = path("session", &client, &options, "session_handle_token");
        lock(&self.state).session = Some(Session {
            path: session.clone(),
            client: client.clone(),
            with_clipboard: false,
            selected: false,
            restored: false,
            started: false,
            waiting: None,
        });
        let results = HashMap::from([("session_handle", Variant::from(session.as_str()))]);
        respond(bus, &client, &request, 0, results).await;
        request
    }

    async fn select_devices(
        &self,
        at: OwnedObjectPath,
        options: Options,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        let token = text(&options, "restore_token");
        // Like the real portal: a token that is not a UUID fails, and an unknown one is ignored.
        if token.as_ref().is_some_and(|token| token.len() != 36) {
            return Err(fdo::Error::InvalidArgs("Restore token is not a valid UUID string".into()));
        }
        let client = {
            let mut state = lock(&self.state);
            assert_eq!(number(&options, "types"), Some(1), "only the keyboard");
            assert_eq!(number(&options, "persist_mode"), Some(2));
            let is_known = token.is_some() && token == state.token;
            state.restored.push(token);
            let session = session(&mut state, &at)?;
            session.selected = true;
            session.restored = is_known;
            session.client.clone()
        };
        let request = path("request", &client, &options, "handle_token");
        respond(bus, &client, &request, 0, HashMap::new()).await;
        Ok(request)
    }

    async fn start(
        &self,
        at: OwnedObjectPath,
        _parent: String,
        options: Options,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        let (request, answers) = {
            let mut state = lock(&self.state);
            let user = state.user;
            let session = session(&mut state, &at)?;
            assert!(session.selected && !session.started);
            let request = path("request", &session.client, &options, "handle_token");
            let is_restored = session.restored;
            if !is_restored && user == User::Away {
                session.waiting = Some(request.clone());
            }
            state.asked += usize::from(!is_restored);
            (request, is_restored || user != User::Away)
        };
        if answers {
            decide(bus, &self.state, request.clone()).await;
        }
        Ok(request)
    }

    async fn notify_keyboard_keycode(
        &self,
        at: OwnedObjectPath,
        _options: Options,
        code: i32,
        down: u32,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<()> {
        self.key(bus, &at, code, down).await
    }

    async fn notify_keyboard_keysym(
        &self,
        at: OwnedObjectPath,
        _options: Options,
        symbol: i32,
        down: u32,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<()> {
        self.key(bus, &at, symbol, down).await
    }

    #[zbus(property)]
    fn available_device_types(&self) -> u32 {
        7
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}
