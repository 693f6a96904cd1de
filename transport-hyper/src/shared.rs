//! The session that clones of a client share, and how they wake each other.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use lti_ags::{Event, Lease, Operation, Session, Step, Timestamp};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

pub(crate) type Observer = dyn Fn(&Event) + Send + Sync;

pub(crate) struct Shared {
    session: Mutex<Session>,
    changed: Notify,
    observer: Option<Box<Observer>>,
}

/// What a turn with the session came to.
pub(crate) struct Turn<'a, R> {
    pub(crate) result: R,
    /// Ends when another call changes the session.
    pub(crate) changed: Notified<'a>,
    pub(crate) events: Vec<Event>,
}

impl Shared {
    pub(crate) fn new(session: Session, observer: Option<Box<Observer>>) -> Self {
        Self { session: Mutex::new(session), changed: Notify::new(), observer }
    }

    /// What tells of changes from now on.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Takes one turn with the session, tells the others if it changed, and gives what will tell this call if they
    /// change it. That is made before the session is looked at, or a change in between would go unheard.
    pub(crate) fn turn<R>(&self, turn: impl FnOnce(&mut Session, Timestamp) -> R) -> Turn<'_, R> {
        let changed = self.changed.notified();
        let (result, has_changed, events) = {
            // A task that panicked has left the session between two steps, where it is whole.
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let before = session.revision();
            let result = turn(&mut session, now());
            (result, session.revision() != before, session.take_events())
        };
        if has_changed {
            self.changed.notify_waiters();
        }
        Turn { result, changed, events }
    }

    fn release(&self, lease: Option<&Lease>) {
        if let Some(lease) = lease {
            self.turn(|session, _| session.release(lease));
        }
    }

    /// Tells the observer.
    pub(crate) fn tell(&self, events: &[Event]) {
        if let Some(observer) = &self.observer {
            events.iter().for_each(observer);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A [`Guard`] for futures that have to own what they need.
pub(crate) struct OwnedGuard {
    lease: Option<Lease>,
    shared: Arc<Shared>,
}

impl OwnedGuard {
    pub(crate) fn new(lease: Option<&Lease>, shared: &Arc<Shared>) -> Self {
        Self { lease: lease.cloned(), shared: Arc::clone(shared) }
    }
}

/// Gives the right to fetch a token back when a call is dropped. After the answer, that changes nothing.
pub(crate) struct Guard<'a> {
    lease: Option<Lease>,
    shared: &'a Shared,
}

impl<'a> Guard<'a> {
    pub(crate) fn of<O: Operation>(step: &Step<O>, shared: &'a Shared) -> Self {
        let lease = if let Step::Send(_, in_flight) = step { in_flight.lease().cloned() } else { None };
        Self { lease, shared }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.shared.release(self.lease.as_ref());
    }
}

impl Drop for OwnedGuard {
    fn drop(&mut self) {
        self.shared.release(self.lease.as_ref());
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
