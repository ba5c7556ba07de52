//! Cancels a question whose answer is no longer needed: shuts its connection down, and ends its
//! waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use ureq::unversioned::transport::ShutdownHandle;

/// The cancellation of one question.
#[derive(Default)]
pub struct Cancel {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    /// The connection that the question uses.
    connection: Option<Weak<dyn ShutdownHandle>>,
}

impl Cancel {
    /// Cancels the question, from another thread.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        shut(&mut state);
        self.bell.notify_all();
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Waits for this time. Returns false if it was cancelled.
    pub fn wait(&self, time: Duration) -> bool {
        let waited = self.bell.wait_timeout_while(self.state(), time, |state| !state.cancelled);
        !waited.unwrap_or_else(PoisonError::into_inner).0.cancelled
    }

    /// Sets the connection that the question uses now.
    pub fn uses(&self, connection: Weak<dyn ShutdownHandle>) {
        let mut state = self.state();
        state.connection = Some(connection);
        if state.cancelled {
            shut(&mut state);
        }
    }

    /// Locks the state. A panic of another holder leaves it consistent, so poisoning is ignored.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut(state: &mut State) {
    if let Some(connection) = state.connection.take().and_then(|connection| connection.upgrade()) {
        connection.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Default)]
    struct Connection(AtomicBool);

    impl ShutdownHandle for Connection {
        fn shutdown(&self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn weak(connection: &Arc<Connection>) -> Weak<dyn ShutdownHandle> {
        Arc::downgrade(connection) as Weak<dyn ShutdownHandle>
    }

    #[test]
    fn the_last_connection_is_shut_and_any_later_one() {
        let (cancel, connections) =
            (Cancel::default(), [(); 3].map(|()| Arc::<Connection>::default()));
        cancel.uses(weak(&connections[0]));
        cancel.uses(weak(&connections[1]));
        assert!(cancel.wait(Duration::ZERO) && !cancel.is_cancelled());
        cancel.cancel();
        cancel.uses(weak(&connections[2]));
        let shut = connections.map(|connection| connection.0.load(Ordering::SeqCst));
        assert_eq!(shut, [false, true, true]);
        assert!(!cancel.wait(Duration::from_secs(3600)) && cancel.is_cancelled());
    }
}
