//! The session that clones of a client share, and how they wake each other.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use lti_ags::{Lease, Session, Timestamp};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

#[derive(Debug)]
pub(crate) struct Shared {
    session: Mutex<Session>,
    changed: Notify,
}

impl Shared {
    pub(crate) fn new(session: Session) -> Self {
        Self { session: Mutex::new(session), changed: Notify::new() }
    }

    /// Takes one turn with the session, tells the others if it changed, and gives what will tell this call if they
    /// change it. That is made before the session is looked at, or a change in between would go unheard.
    pub(crate) fn turn<R>(&self, turn: impl FnOnce(&mut Session, Timestamp) -> R) -> (R, Notified<'_>) {
        let changed = self.changed.notified();
        let (result, has_changed) = {
            // A task that panicked has left the session between two steps, where it is whole.
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let before = session.revision();
            let result = turn(&mut session, now());
            (result, session.revision() != before)
        };
        if has_changed {
            self.changed.notify_waiters();
        }
        (result, changed)
    }
}

/// Gives the right to fetch a token back when a call is dropped. After the answer, that changes nothing.
pub(crate) struct Guard<'a> {
    lease: Option<Lease>,
    shared: &'a Shared,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(lease: Option<&Lease>, shared: &'a Shared) -> Self {
        Self { lease: lease.cloned(), shared }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            let ((), _) = self.shared.turn(|session, _| session.release(lease));
        }
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
