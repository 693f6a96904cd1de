//! The loop: a session behind a lock, which is never held while a request is under way.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
use lti_ags::Registration;
use lti_ags::http::{Request, Response};
use lti_ags::{
    Authorize, Bytes, Endpoint, Error, Event, Grant, Lease, Operation, Session, Step, StoreLease, Timestamp,
    TransportError,
};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
use crate::ClientBuilder;
use crate::exchange::Exchanger;
use crate::sharing::{Consulted, Sharing};

/// Performs operations on the calling thread. Threads share it, by reference or by its clones, which are cheap: they share its
/// tokens and connections, and one of them fetches the token that all need.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) exchanger: Arc<Exchanger>,
    pub(crate) shared: Arc<Shared>,
    sharing: Option<Arc<Sharing>>,
}

/// The session that all who use a client share, and how they wake each other.
pub(crate) struct Shared {
    session: Mutex<Session>,
    changed: Condvar,
    observer: Option<Box<Observer>>,
}

/// What came of a request.
pub(crate) struct Carried {
    /// `None` where it was not sent, and is to be withdrawn.
    pub(crate) outcome: Option<Result<Response<Vec<u8>>, TransportError>>,
    /// To be [settled](Client::settle).
    pub(crate) held: Option<StoreLease>,
}

pub(crate) type Observer = dyn Fn(&Event) + Send + Sync;

/// What a turn with the session came to.
pub(crate) struct Turn<R> {
    pub(crate) result: R,
    /// Of the session, afterwards.
    pub(crate) revision: u64,
    pub(crate) events: Vec<Event>,
}

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
impl Client {
    /// A client with an agent, a policy and limits that suit most tools. Its agent looks a host up once in ten seconds, and
    /// not for each request. With other features than the default ones, bring an agent: [`ClientBuilder::over`].
    pub fn new(registration: Registration) -> Self {
        Self::builder(registration).build()
    }

    /// Chooses policy and limits.
    pub fn builder(registration: Registration) -> ClientBuilder {
        ClientBuilder::over(registration, crate::builder::agent())
    }
}

impl Client {
    pub(crate) fn assemble(
        exchanger: Exchanger,
        session: Session,
        observer: Option<Box<Observer>>,
        sharing: Option<Sharing>,
    ) -> Self {
        let shared = Shared { session: Mutex::new(session), changed: Condvar::new(), observer };
        let (exchanger, shared) = (Arc::new(exchanger), Arc::new(shared));
        Self { exchanger, shared, sharing: sharing.map(Arc::new) }
    }

    /// Performs an operation on what the endpoint offers. It returns when the platform has answered for good, or when the
    /// policy's attempts or deadline are spent.
    ///
    /// # Errors
    ///
    /// Match on [`Error::kind`]: what the launch or the policy does not allow fails before anything is sent
    /// (`ServiceNotAvailable`, `MissingScope`, `InsecureUrl`, `ForeignOrigin`); what the platform refuses tells its status
    /// and words; what may succeed later says so ([`Error::is_transient`]).
    pub fn call<O: Operation>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error> {
        let begun = self.shared.turn(|session| session.begin(endpoint, operation, now()));
        self.drive(begun)
    }

    /// Gets a token for the endpoint, unless there is one, and tells what it allows.
    pub fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        let begun: Turn<Step<Authorize>> = self.shared.turn(|session| session.authorize(endpoint, now()));
        self.drive(begun)
    }

    /// Looks at the session, or changes it: forgets tokens when the registration has been mended on the platform, or takes
    /// note of timestamps that another process has used. Nothing else goes on meanwhile: do not call the client in it.
    pub fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        let Turn { result, events, .. } = self.shared.turn(look);
        self.shared.tell(&events);
        result
    }

    /// The text without this client's tokens, should a platform have repeated one in it. The rest stays as it is.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.shared.lock().redact(text)
    }

    fn drive<O: Operation>(&self, mut turn: Turn<Step<O>>) -> Result<O::Output, Error> {
        let mut held = None;
        loop {
            // Before anything that may panic.
            let _guard = Guard::of(&turn.result, self);
            self.shared.tell(&turn.events);
            self.settle(held.as_ref());
            (turn, held) = match turn.result {
                Step::Done(result) => return result,
                Step::Send(request, in_flight) => {
                    let Carried { outcome, held } = self.carry(request, in_flight.lease());
                    let turn = self.shared.turn(|session| match outcome {
                        Some(outcome) => in_flight.receive(session, now(), outcome),
                        None => in_flight.withdraw(session, now()),
                    });
                    (turn, held)
                }
                Step::Wait(delay, paused) => {
                    let is_same = |session: &Session| session.revision() == turn.revision;
                    self.shared.wait(Some(delay), is_same);
                    (self.shared.turn(|session| paused.resume(session, now())), None)
                }
            };
        }
    }

    /// Sends a request. Where it is one for a token, and there is a store, it looks there first.
    pub(crate) fn carry(&self, request: Request<Bytes>, lease: Option<&Lease>) -> Carried {
        let consulted = match (&self.sharing, lease) {
            (Some(sharing), Some(lease)) => sharing.consult(lease, &self.shared),
            _ => Consulted::default(),
        };
        let outcome = (!consulted.is_withdrawn).then(|| self.exchanger.exchange(request));
        Carried { outcome, held: consulted.held }
    }

    /// Gives the store its lease back, when the outcome of the request has been received.
    pub(crate) fn settle(&self, held: Option<&StoreLease>) {
        if let (Some(sharing), Some(held)) = (&self.sharing, held) {
            sharing.settle(held, &self.shared);
        }
    }
}

impl Shared {
    /// Takes one turn with the session, and wakes the others if it changed.
    pub(crate) fn turn<R>(&self, turn: impl FnOnce(&mut Session) -> R) -> Turn<R> {
        let mut session = self.lock();
        let before = session.revision();
        let result = turn(&mut session);
        let (revision, events) = (session.revision(), session.take_events());
        drop(session);
        if revision != before {
            self.changed.notify_all();
        }
        Turn { result, revision, events }
    }

    /// Tells the observer.
    pub(crate) fn tell(&self, events: &[Event]) {
        if let Some(observer) = &self.observer {
            events.iter().for_each(observer);
        }
    }

    /// Waits until the time is up, or nothing is the same any more. That it may be already: whoever changed it since woke those
    /// who were waiting then, and nobody else.
    pub(crate) fn wait(&self, delay: Option<Duration>, is_same: impl Fn(&Session) -> bool) {
        let is_same = |session: &mut Session| is_same(session);
        // Whether the time is up is for the call to say.
        match delay {
            Some(delay) => drop(self.changed.wait_timeout_while(self.lock(), delay, is_same)),
            None => drop(self.changed.wait_while(self.lock(), is_same)),
        }
    }

    /// Wakes those who wait for more than the session.
    pub(crate) fn wake(&self) {
        // One that has looked, and is about to wait, holds the lock: it must not miss it.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Gives the right to fetch tokens back.
    pub(crate) fn release<'a>(&self, leases: impl Iterator<Item = &'a Lease>) {
        for lease in leases {
            self.turn(|session| session.release(lease));
        }
    }

    /// A thread that panicked has left the session between two steps, where it is whole.
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the right to fetch a token back when the call that held it panics, in an observer perhaps. After the answer, that
/// changes nothing.
struct Guard<'a> {
    lease: Option<Lease>,
    client: &'a Client,
}

impl<'a> Guard<'a> {
    fn of<O: Operation>(step: &Step<O>, client: &'a Client) -> Self {
        let lease = if let Step::Send(_, in_flight) = step { in_flight.lease().cloned() } else { None };
        Self { lease, client }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.client.shared.release(self.lease.iter());
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("session", &self.session).finish_non_exhaustive()
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
