//! What a client does with a store of tokens: load, else lock, load again, fetch and save; or wait for who does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lti_ags::{InFlight, Lease, Operation, Step};

use crate::client::{Shared, Turn, now};
use crate::token_store::{StoreError, TokenStore};

/// After how long a token that another client is fetching is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) type StoreObserver = dyn Fn(&StoreError) + Send + Sync;

/// A store, and who this client is there.
pub(crate) struct Sharing {
    pub(crate) store: Box<dyn TokenStore>,
    pub(crate) owner: String,
    pub(crate) observer: Option<Box<StoreObserver>>,
    /// How long a lease lasts: as long as an exchange may take.
    pub(crate) lease: Duration,
    /// Since when others have been fetching what this client needs.
    pub(crate) waiting: Mutex<BTreeMap<Box<str>, Instant>>,
}

/// How a call goes on that a store was asked about, and what is to be [settled](Sharing::settle) with the store then.
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub(crate) enum Consulted<O: Operation> {
    /// By sending its request.
    Send(InFlight<O>, Option<Lease>),
    /// It has a token, or waits for the one that another client is fetching.
    Taken(Turn<Step<O>>, Option<Lease>),
}

impl Sharing {
    /// Looks for the token that a call is to fetch.
    pub(crate) fn consult<O: Operation>(&self, in_flight: InFlight<O>, shared: &Shared) -> Consulted<O> {
        let Some(lease) = in_flight.lease().cloned() else { return Consulted::Send(in_flight, None) };
        let key = lease.key();
        let in_flight = match self.load(key, in_flight, shared) {
            Ok(consulted) => return consulted,
            Err(in_flight) => in_flight,
        };
        match self.hear(self.store.try_lock(key, &self.owner, self.lease)) {
            Some(true) => self.waits_no_more(key),
            Some(false) if self.may_wait(key) => {
                let turn = shared.turn(|session| in_flight.defer(session, now(), LOOK_AGAIN));
                return Consulted::Taken(turn, None);
            }
            Some(false) | None => {
                self.waits_no_more(key);
                return Consulted::Send(in_flight, None);
            }
        }
        // It may have been saved just before.
        match self.load(key, in_flight, shared) {
            Ok(Consulted::Taken(turn, _)) => Consulted::Taken(turn, Some(lease)),
            Ok(Consulted::Send(in_flight, _)) | Err(in_flight) => Consulted::Send(in_flight, Some(lease)),
        }
    }

    /// Gives the lease back, and saves the token that goes with it, if there is one.
    pub(crate) fn settle(&self, lease: &Lease, shared: &Shared) {
        let token = shared.turn(|session| session.token_of(lease, now())).result;
        self.hear(match &token {
            Some(token) => self.store.save(lease.key(), &self.owner, token),
            None => self.store.unlock(lease.key(), &self.owner),
        });
    }

    /// Takes the stored token. Gives the call back where there is none, or none that it can use.
    fn load<O: Operation>(
        &self,
        key: &str,
        in_flight: InFlight<O>,
        shared: &Shared,
    ) -> Result<Consulted<O>, InFlight<O>> {
        let Some(token) = self.hear(self.store.load(key)) else {
            return Ok(Consulted::Send(in_flight, None));
        };
        let Some(token) = token else { return Err(in_flight) };
        let Turn { result, revision, events } =
            shared.turn(|session| in_flight.adopt(session, now(), &token));
        let result = result.map_err(|(in_flight, _)| in_flight)?;
        self.waits_no_more(key);
        Ok(Consulted::Taken(Turn { result, revision, events }, None))
    }

    /// What the store answers; `None` where it fails, which the observer is told.
    fn hear<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        let tell = |error: &StoreError| self.observer.iter().for_each(|observer| observer(error));
        answer.inspect_err(tell).ok()
    }

    /// Whether to wait on for a token: no longer than a lease, should a store never give it to anyone else.
    fn may_wait(&self, key: &str) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(key.into()).or_insert_with(Instant::now).elapsed() < self.lease
    }

    fn waits_no_more(&self, key: &str) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").field("lease", &self.lease).finish_non_exhaustive()
    }
}
