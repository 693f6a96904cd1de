//! The loop: a session behind a lock, which is never held while a request is under way.

use std::borrow::Cow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
use lti_ags::Registration;
use lti_ags::{Authorize, Endpoint, Error, Grant, Lease, Operation, Session, Step, Timestamp};

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
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
    pub(crate) fn assemble(exchanger: Exchanger, session: Session) -> Self {
        Self { exchanger, session: Mutex::new(session), changed: Condvar::new() }
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
        let begun: (Step<Authorize>, u64) = self.turn(|session| session.authorize(endpoint, now()));
        self.drive(begun)
    }

    /// Looks at the session, or changes it: forgets tokens when the registration has been mended on the platform, or takes
    /// note of timestamps that another process has used. Nothing else goes on meanwhile: do not call the client in it.
    pub fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        self.turn(look).0
    }

    /// The text without this client's tokens, should a platform have repeated one in it. The rest stays as it is.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.lock().redact(text)
    }

    fn drive<O: Operation>(&self, (mut step, mut revision): (Step<O>, u64)) -> Result<O::Output, Error> {
        loop {
            (step, revision) = match step {
                Step::Done(result) => return result,
                Step::Send(request, in_flight) => {
                    let _guard = Guard { lease: in_flight.lease().cloned(), client: self };
                    let watch = self.exchanger.watch(&request);
                    let outcome = self.exchanger.exchange(request);
                    self.exchanger.tell(watch, &in_flight, &outcome);
                    self.turn(|session| in_flight.receive(session, now(), outcome))
                }
                Step::Wait(delay, paused) => {
                    self.wait(delay, revision);
                    self.turn(|session| paused.resume(session, now()))
                }
            };
        }
    }

    /// Takes one turn with the session, wakes the others if it changed, and tells its revision.
    fn turn<R>(&self, turn: impl FnOnce(&mut Session) -> R) -> (R, u64) {
        let mut session = self.lock();
        let before = session.revision();
        let result = turn(&mut session);
        let revision = session.revision();
        drop(session);
        if revision != before {
            self.changed.notify_all();
        }
        (result, revision)
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

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            self.client.turn(|session| session.release(lease));
        }
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
