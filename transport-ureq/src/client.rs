//! The loop: a session behind a lock, which is never held while a request is under way.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
use lti_ags::Registration;
use lti_ags::{Authorize, Endpoint, Error, Event, Grant, Lease, Operation, Session, Step, Timestamp};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
use crate::ClientBuilder;
use crate::exchange::Exchanger;

/// Performs operations on the calling thread. Threads share it by reference: they share its tokens and connections, and
/// one of them fetches the token that all need.
pub struct Client {
    exchanger: Exchanger,
    session: Mutex<Session>,
    changed: Condvar,
    observer: Option<Box<Observer>>,
}

pub(crate) type Observer = dyn Fn(&Event) + Send + Sync;

/// What a turn with the session came to.
struct Turn<R> {
    result: R,
    /// Of the session, afterwards.
    revision: u64,
    events: Vec<Event>,
}

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
impl Client {
    /// A client with an agent, a policy and limits that suit most tools. With other features than the default ones, bring
    /// an agent: [`ClientBuilder::over`].
    pub fn new(registration: Registration) -> Self {
        Self::builder(registration).build()
    }

    /// Chooses policy and limits.
    pub fn builder(registration: Registration) -> ClientBuilder {
        ClientBuilder::over(registration, crate::builder::agent())
    }
}

impl Client {
    pub(crate) fn assemble(exchanger: Exchanger, session: Session, observer: Option<Box<Observer>>) -> Self {
        Self { exchanger, session: Mutex::new(session), changed: Condvar::new(), observer }
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
        let begun = self.turn(|session| session.begin(endpoint, operation, now()));
        self.drive(begun)
    }

    /// Gets a token for the endpoint, unless there is one, and tells what it allows.
    pub fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        let begun: Turn<Step<Authorize>> = self.turn(|session| session.authorize(endpoint, now()));
        self.drive(begun)
    }

    /// Looks at the session, or changes it: forgets tokens when the registration has been mended on the platform, or takes
    /// note of timestamps that another process has used. Nothing else goes on meanwhile: do not call the client in it.
    pub fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        let Turn { result, events, .. } = self.turn(look);
        self.tell(&events);
        result
    }

    /// The text without this client's tokens, should a platform have repeated one in it. The rest stays as it is.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.lock().redact(text)
    }

    fn drive<O: Operation>(&self, mut turn: Turn<Step<O>>) -> Result<O::Output, Error> {
        loop {
            // Before anything that may panic.
            let _guard = Guard::of(&turn.result, self);
            self.tell(&turn.events);
            turn = match turn.result {
                Step::Done(result) => return result,
                Step::Send(request, in_flight) => {
                    let outcome = self.exchanger.exchange(request);
                    self.turn(|session| in_flight.receive(session, now(), outcome))
                }
                Step::Wait(delay, paused) => {
                    self.wait(delay, turn.revision);
                    self.turn(|session| paused.resume(session, now()))
                }
            };
        }
    }

    /// Takes one turn with the session, and wakes the others if it changed.
    fn turn<R>(&self, turn: impl FnOnce(&mut Session) -> R) -> Turn<R> {
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

    fn tell(&self, events: &[Event]) {
        if let Some(observer) = &self.observer {
            events.iter().for_each(observer);
        }
    }

    /// Waits until the time is up, or the session is another than it was. That it may be already: whoever changed it since
    /// woke those who were waiting then, and nobody else.
    fn wait(&self, delay: Duration, revision: u64) {
        let is_same = |session: &mut Session| session.revision() == revision;
        // Whether the time is up is for the call to say.
        let _ = self.changed.wait_timeout_while(self.lock(), delay, is_same);
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
        if let Some(lease) = &self.lease {
            self.client.turn(|session| session.release(lease));
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchanger, session, .. } = self;
        f.debug_struct("Client")
            .field("exchanger", exchanger)
            .field("session", session)
            .finish_non_exhaustive()
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
