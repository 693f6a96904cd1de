//! What a client does with a store of tokens: load, else lock, load again, fetch and save; or wait for who does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::rt::Timer;
use lti_ags::{InFlight, Lease, Operation, Step};

use crate::StoreError;
use crate::exchange::either;
use crate::shared::{Shared, Turn};
use crate::token_store::{StoreFuture, TokenStore};

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// After how long a token that another client is fetching is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) type StoreObserver = dyn Fn(&StoreError) + Send + Sync;

/// A store, and who this client is there.
pub(crate) struct Sharing {
    pub(crate) store: Box<dyn TokenStore>,
    pub(crate) owner: String,
    pub(crate) observer: Option<Box<StoreObserver>>,
    pub(crate) timer: Arc<dyn Timer + Send + Sync>,
    /// How long a lease lasts: as long as an exchange may take.
    pub(crate) lease: Duration,
    /// Since when others have been fetching what this client needs.
    pub(crate) waiting: Mutex<BTreeMap<Box<str>, Instant>>,
}

/// How a call goes on that a store was asked about, and what is to be [settled](Sharing::settle) with the store then.
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub(crate) enum Consulted<'a, O: Operation> {
    /// By sending its request.
    Send(InFlight<O>, Option<Lease>),
    /// It has a token, or waits for the one that another client is fetching.
    Taken(Turn<'a, Step<O>>, Option<Lease>),
}

impl Sharing {
    /// Looks for the token that a call is to fetch.
    pub(crate) async fn consult<'a, O: Operation>(
        &self,
        in_flight: InFlight<O>,
        shared: &'a Shared,
    ) -> Consulted<'a, O> {
        let Some(lease) = in_flight.lease().cloned() else { return Consulted::Send(in_flight, None) };
        let key = lease.key();
        let in_flight = match self.load(key, in_flight, shared).await {
            Ok(consulted) => return consulted,
            Err(in_flight) => in_flight,
        };
        match self.ask(self.store.try_lock(key, &self.owner, self.lease)).await {
            Some(true) => self.waits_no_more(key),
            Some(false) if self.may_wait(key) => {
                let turn = shared.turn(|session, now| in_flight.defer(session, now, LOOK_AGAIN));
                return Consulted::Taken(turn, None);
            }
            Some(false) | None => {
                self.waits_no_more(key);
                return Consulted::Send(in_flight, None);
            }
        }
        // It may have been saved just before.
        match self.load(key, in_flight, shared).await {
            Ok(Consulted::Taken(turn, _)) => Consulted::Taken(turn, Some(lease)),
            Ok(Consulted::Send(in_flight, _)) | Err(in_flight) => Consulted::Send(in_flight, Some(lease)),
        }
    }

    /// Gives the lease back, and saves the token that goes with it, if there is one.
    pub(crate) async fn settle(&self, lease: &Lease, shared: &Shared) {
        let token = shared.turn(|session, now| session.token_of(lease, now)).result;
        let answer = match &token {
            Some(token) => self.store.save(lease.key(), &self.owner, token),
            None => self.store.unlock(lease.key(), &self.owner),
        };
        self.ask(answer).await;
    }

    /// Takes the stored token. Gives the call back where there is none, or none that it can use.
    async fn load<'a, O: Operation>(
        &self,
        key: &str,
        in_flight: InFlight<O>,
        shared: &'a Shared,
    ) -> Result<Consulted<'a, O>, InFlight<O>> {
        let Some(token) = self.ask(self.store.load(key)).await else {
            return Ok(Consulted::Send(in_flight, None));
        };
        let Some(token) = token else { return Err(in_flight) };
        let Turn { result, changed, events } =
            shared.turn(|session, now| in_flight.adopt(session, now, &token));
        let result = result.map_err(|(in_flight, _)| in_flight)?;
        self.waits_no_more(key);
        Ok(Consulted::Taken(Turn { result, changed, events }, None))
    }

    /// What the store answers; `None` where it fails, which the observer is told.
    async fn ask<T>(&self, answer: StoreFuture<'_, T>) -> Option<T> {
        let mut answered = None;
        let time = self.timer.sleep(PATIENCE);
        either(async { answered = Some(answer.await) }, time).await;
        match answered.unwrap_or_else(|| Err("the token store does not answer".into())) {
            Ok(answer) => Some(answer),
            Err(error) => {
                if let Some(observer) = &self.observer {
                    observer(&error);
                }
                None
            }
        }
    }

    /// Whether to wait on for a token: no longer than a lease, should a store never give it to anyone else.
    fn may_wait(&self, key: &str) -> bool {
        let now = self.timer.now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *waiting.entry(key.into()).or_insert(now);
        now.saturating_duration_since(since) < self.lease
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
