//! Where processes share their tokens: what a store must do, and one for several clients in this process.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lti_ags::StoredToken;

/// Why a store did not do what it was asked. It must show neither a token nor a password.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// What a store answers, later.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps tokens for several clients, in as many processes as it likes, so that one of them fetches what all use.
///
/// A client that needs a token loads it. If there is none, the client that gets the lease fetches and saves it; the others
/// load again every tenth of a second, for as long as a lease lasts, and then fetch one for themselves. What a store does
/// wrong costs the sharing, never the call: a failure, or no answer in time
/// ([`StoreTerms::answer`](lti_ags::StoreTerms::answer), five seconds by default), and the client goes on alone.
///
/// A `key` stands for a token endpoint, a client id, a deployment and a set of scopes. It is no secret, but of any length. An
/// `owner` stands for a client; no two have the same. What is stored are **bearer tokens**: whoever reads the store can do
/// what they allow until they expire, which for most platforms is an hour.
///
/// A future may be dropped before it is ready. What it was to do may have been done.
pub trait TokenStore: Send + Sync {
    /// The token that was saved last, if there is one. It need not be checked: who loads it, does.
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredToken>>;

    /// Gives the lease to the owner, unless another one holds it: whether it has it now. Where it had it already, its time
    /// begins anew. After `time` the lease is free, whatever became of the owner.
    fn try_lock<'a>(&'a self, key: &'a str, owner: &'a str, time: Duration) -> StoreFuture<'a, bool>;

    /// Saves the token and gives the lease back. Where the owner does not hold it any more, another one is fetching, and
    /// nothing is done. The token is worth nothing after its [lifetime](lti_ags::Grant::lifetime).
    fn save<'a>(&'a self, key: &'a str, owner: &'a str, token: &'a StoredToken) -> StoreFuture<'a, ()>;

    /// Gives the lease back, if the owner still holds it: there is no token to save.
    fn unlock<'a>(&'a self, key: &'a str, owner: &'a str) -> StoreFuture<'a, ()>;
}

impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredToken>> {
        (**self).load(key)
    }

    fn try_lock<'a>(&'a self, key: &'a str, owner: &'a str, time: Duration) -> StoreFuture<'a, bool> {
        (**self).try_lock(key, owner, time)
    }

    fn save<'a>(&'a self, key: &'a str, owner: &'a str, token: &'a StoredToken) -> StoreFuture<'a, ()> {
        (**self).save(key, owner, token)
    }

    fn unlock<'a>(&'a self, key: &'a str, owner: &'a str) -> StoreFuture<'a, ()> {
        (**self).unlock(key, owner)
    }
}

/// A [`TokenStore`] in memory, for several clients of one process that are registered as the same tool, and for tests.
#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Slot>>);

#[derive(Default)]
struct Slot {
    token: Option<StoredToken>,
    lease: Option<(String, Instant)>,
}

impl MemoryStore {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the lease, if it is the owner's, and then takes the token.
    fn give_back(&self, key: &str, owner: &str, token: Option<&StoredToken>) {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(key) else { return };
        if slot.lease.take_if(|(holder, _)| holder == owner).is_some() && token.is_some() {
            slot.token = token.cloned();
        }
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredToken>> {
        let token = self.slots().get(key).and_then(|slot| slot.token.clone());
        Box::pin(ready(Ok(token)))
    }

    fn try_lock<'a>(&'a self, key: &'a str, owner: &'a str, time: Duration) -> StoreFuture<'a, bool> {
        let now = Instant::now();
        let mut slots = self.slots();
        let slot = slots.entry(key.to_owned()).or_default();
        let is_free = slot.lease.as_ref().is_none_or(|(holder, until)| holder == owner || *until <= now);
        if is_free {
            slot.lease = now.checked_add(time).map(|until| (owner.to_owned(), until));
        }
        Box::pin(ready(Ok(is_free)))
    }

    fn save<'a>(&'a self, key: &'a str, owner: &'a str, token: &'a StoredToken) -> StoreFuture<'a, ()> {
        self.give_back(key, owner, Some(token));
        Box::pin(ready(Ok(())))
    }

    fn unlock<'a>(&'a self, key: &'a str, owner: &'a str) -> StoreFuture<'a, ()> {
        self.give_back(key, owner, None);
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.slots().keys()).finish()
    }
}
