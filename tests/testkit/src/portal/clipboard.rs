//! The portal's Clipboard interface.

use super::{HANGS, Options, Reader, Shared, TEXT, ask, lock, session, started, tell_owner};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use zbus::{Connection, OwnedObjectPath, fdo};

pub(super) struct Clipboard {
    pub(super) state: Shared,
}

#[zbus::interface(name = "org.freedesktop.portal.Clipboard")]
impl Clipboard {
    fn request_clipboard(&self, at: OwnedObjectPath, _options: Options) -> fdo::Result<()> {
        let mut state = lock(&self.state);
        let session = session(&mut state, &at)?;
        if session.started {
            return Err(fdo::Error::Failed("Invalid state".into()));
        }
        session.with_clipboard = true;
        Ok(())
    }

    async fn set_selection(
        &self,
        at: OwnedObjectPath,
        options: Options,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<()> {
        let manager = {
            let mut state = lock(&self.state);
            started(&mut state, &at)?;
            let types = options.get("mime_types").cloned();
            state.offered = types.map(|types| Vec::<String>::try_from(types).unwrap());
            state.copied.clear();
            state.transfers.clear();
            state.manager && state.offered.is_some()
        };
        tell_owner(bus, &self.state).await;
        if manager {
            ask(bus, &self.state, TEXT, Reader::Manager).await;
        }
        Ok(())
    }

    fn selection_write(&self, at: OwnedObjectPath, serial: u32) -> fdo::Result<zbus::OwnedFd> {
        let mut state = lock(&self.state);
        started(&mut state, &at)?;
        let reader = state.transfers.remove(&serial);
        state.stale += usize::from(reader.is_none());
        let reader = reader.ok_or_else(|| fdo::Error::Failed("No such transfer".into()))?;
        let (pipe, theirs) = std::io::pipe().unwrap();
        let state = Arc::clone(&self.state);
        thread::spawn(move || {
            let (mut pipe, mut bytes) = (pipe, Vec::new());
            pipe.read_to_end(&mut bytes).unwrap();
            match reader {
                Reader::Window => lock(&state).pasted.push(String::from_utf8(bytes).unwrap()),
                Reader::Manager => {}
                Reader::Program(tell) => drop(tell.send(bytes)),
            }
        });
        Ok(OwnedFd::from(theirs).into())
    }

    fn selection_write_done(
        &self,
        at: OwnedObjectPath,
        serial: u32,
        _success: bool,
    ) -> fdo::Result<()> {
        let mut state = lock(&self.state);
        state.transfers.remove(&serial);
        started(&mut state, &at).map(drop)
    }

    async fn selection_read(
        &self,
        at: OwnedObjectPath,
        format: String,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<zbus::OwnedFd> {
        let (theirs, mut pipe) = std::io::pipe().unwrap();
        let is_changed = {
            let mut state = lock(&self.state);
            started(&mut state, &at)?;
            let copied = state.copied.iter().find(|(name, _)| *name == format);
            let refused = || fdo::Error::Failed("No such format".into());
            let (name, bytes) = copied.ok_or_else(refused)?.clone();
            if name == HANGS {
                #[expect(
                    clippy::mem_forget,
                    reason = "an open pipe lets its reader wait for ever"
                )]
                std::mem::forget(pipe);
            } else {
                thread::spawn(move || pipe.write_all(&bytes));
            }
            let next = state.copied_next.take();
            let is_changed = next.is_some();
            if let Some(next) = next {
                state.copied = vec![(TEXT.to_owned(), next)];
            }
            is_changed
        };
        if is_changed {
            tell_owner(bus, &self.state).await;
        }
        Ok(OwnedFd::from(theirs).into())
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}
