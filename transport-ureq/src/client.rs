//! The loop: a session behind a lock, which is never held while a request is under way.

use std::borrow::Cow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use lti_ags::{Authorize, Endpoint, Error, Grant, Operation, Registration, Session, Step, Timestamp};

use crate::ClientBuilder;
use crate::exchange::Exchanger;

/// Performs operations on the calling thread. Threads share it by reference: they share its tokens and connections, and
/// one of them fetches the token that all need.
#[derive(Debug)]
pub struct Client {
    exchanger: Exchanger,
    session: Mutex<Session>,
    changed: Condvar,
}

impl Client {
    /// A client with an agent, a policy and limits that suit most tools.
    pub fn new(registration: Registration) -> Self {
        Self::builder(registration).build()
    }

    /// Chooses agent, policy and limits.
    pub fn builder(registration: Registration) -> ClientBuilder {
        ClientBuilder::new(registration)
    }

    pub(crate) fn assemble(exchanger: Exchanger, session: Session) -> Self {
        Self { exchanger, session: Mutex::new(session), changed: Condvar::new() }
    }

    /// Performs an operation on what the endpoint offers. It returns when the platform has answered for good, or when the
    /// policy's attempts or deadline are spent.
    pub fn call<O: Operation>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error> {
        let step = self.lock().begin(endpoint, operation, now());
        self.drive(step)
    }

    /// Gets a token for the endpoint, unless there is one, and tells what it allows.
    pub fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        let step: Step<Authorize> = self.lock().authorize(endpoint, now());
        self.drive(step)
    }

    /// The text without this client's tokens, should a platform have repeated one in it. The rest stays as it is.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.lock().redact(text)
    }

    fn drive<O: Operation>(&self, mut step: Step<O>) -> Result<O::Output, Error> {
        loop {
            step = match step {
                Step::Done(result) => return result,
                Step::Send(request, in_flight) => {
                    let watch = self.exchanger.watch(&request);
                    let outcome = self.exchanger.exchange(request);
                    self.exchanger.tell(watch, &in_flight, &outcome);
                    let mut session = self.lock();
                    let before = session.revision();
                    let step = in_flight.receive(&mut session, now(), outcome);
                    if session.revision() != before {
                        self.changed.notify_all();
                    }
                    step
                }
                Step::Wait(delay, paused) => {
                    let waited = self.changed.wait_timeout(self.lock(), delay);
                    let mut session = waited.unwrap_or_else(PoisonError::into_inner).0;
                    paused.resume(&mut session, now())
                }
            };
        }
    }

    /// A thread that panicked has left the session between two steps, where it is whole.
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
