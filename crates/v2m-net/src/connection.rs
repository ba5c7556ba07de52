//! Extends the HTTP library's connections: cancelling a question shuts down its connection,
//! connections that were kept from an earlier question can be recognised, and the end of an answer
//! has a shorter time limit than its beginning.
//!
//! All of this works through thread-local variables of the thread that asks. Certificates are
//! parsed once for all questions, although each question has its own time limits (the library would
//! parse them again for each connection of a request with settings of its own).

use crate::cancel::Cancel;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock, Weak};
use std::time;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, ShutdownHandle, Transport,
};

thread_local! {
    static ASKING: RefCell<Option<CurrentAttempt>> = const { RefCell::new(None) };
    static HURRY: Cell<Option<time::Duration>> = const { Cell::new(None) };
}

struct CurrentAttempt {
    cancel: Arc<Cancel>,
    connected: bool,
}

/// The current thread's attempt, until this is dropped.
pub struct AttemptGuard(());

impl AttemptGuard {
    /// Begins an attempt. From now on, `cancel` can end it.
    pub fn begin(cancel: &Arc<Cancel>) -> Self {
        ASKING.set(Some(CurrentAttempt { cancel: Arc::clone(cancel), connected: false }));
        Self(())
    }

    /// Whether a new connection was made or tried.
    pub fn connected(&self) -> bool {
        ASKING.with_borrow(|asking| asking.as_ref().is_some_and(|asking| asking.connected))
    }
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        ASKING.set(None);
    }
}

/// Limits the current thread's waits for further bytes to this time, until the result is dropped.
pub fn hurry(longest: time::Duration) -> Hurry {
    HURRY.set(Some(longest));
    Hurry(())
}

/// The guard of [`hurry`].
pub struct Hurry(());

impl Drop for Hurry {
    fn drop(&mut self) {
        HURRY.set(None);
    }
}

fn uses(connection: &Weak<dyn ShutdownHandle>) {
    ASKING.with_borrow(|asking| {
        if let Some(asking) = asking {
            asking.cancel.uses(Weak::clone(connection));
        }
    });
}

/// Makes connections as the library does.
#[derive(Debug, Default)]
pub struct Connections(DefaultConnector);

impl Connector for Connections {
    type Out = Tracked;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        ASKING.with_borrow_mut(|asking| {
            if let Some(asking) = asking {
                asking.connected = true;
            }
        });
        let socket = Arc::new(OnceLock::new());
        let (found, register) = (Arc::clone(&socket), Arc::clone(&details.register_shutdown));
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            // Requests have no TLS settings of their own here.
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::new(move |handle: Weak<dyn ShutdownHandle>| {
                // During the TLS handshake, the question already waits for the connection.
                uses(&handle);
                let _ = found.set(Weak::clone(&handle));
                register(handle)
            }),
        };
        let transport = self.0.connect(&details, chained)?;
        Ok(transport.map(|inner| Tracked { inner, socket: socket.get().cloned() }))
    }
}

/// A connection with a handle to its socket.
#[derive(Debug)]
pub struct Tracked {
    inner: Box<dyn Transport>,
    socket: Option<Weak<dyn ShutdownHandle>>,
}

impl Transport for Tracked {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // The connection may now carry another question than before.
        self.socket.iter().for_each(uses);
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, mut timeout: NextTimeout) -> Result<bool, Error> {
        if let Some(longest) = HURRY.get().filter(|longest| *timeout.after > *longest) {
            timeout.after = longest.into();
        }
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
