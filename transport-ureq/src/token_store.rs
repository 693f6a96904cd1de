//! Where processes share their tokens: what a store must do, and one for several clients in this process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lti_ags::StoredToken;

/// Why a store did not do what it was asked. It must show neither a token nor a password.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps tokens for several clients, in as many processes as it likes, so that one of them fetches what all use.
///
/// A client that needs a token loads it. If there is none, the client that gets the lease fetches and saves it; the others
/// load again every tenth of a second, for as long as a lease lasts, and then fetch one for themselves. A store that fails
/// costs the sharing, never the call: the client goes on alone. It must fail soon, though: within
/// [`StoreTerms::answer`](lti_ags::StoreTerms::answer), five seconds by default, or the lease runs out too soon.
///
/// A `key` stands for a token endpoint, a client id, a deployment and a set of scopes. It is no secret, but of any length. An
/// `owner` stands for a client; no two have the same. What is stored are **bearer tokens**: whoever reads the store can do
/// what they allow until they expire, which for most platforms is an hour.
pub trait TokenStore: Send + Sync {
    /// The token that was saved last, if there is one. It need not be checked: who loads it, does.
    fn load(&self, key: &str) -> Result<Option<StoredToken>, StoreError>;

    /// Gives the lease to the owner, unless another one holds it: whether it has it now. Where it had it already, its time
    /// begins anew. After `time` the lease is free, whatever became of the owner.
    fn try_lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError>;

    /// Saves the token and gives the lease back. Where the owner does not hold it any more, another one is fetching, and
    /// nothing is done. The token is worth nothing after its [lifetime](lti_ags::Grant::lifetime).
    fn save(&self, key: &str, owner: &str, token: &StoredToken) -> Result<(), StoreError>;

    /// Gives the lease back, if the owner still holds it: there is no token to save.
    fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError>;
}

impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    fn load(&self, key: &str) -> Result<Option<StoredToken>, StoreError> {
        (**self).load(key)
    }

    fn try_lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        (**self).try_lock(key, owner, time)
    }

    fn save(&self, key: &str, owner: &str, token: &StoredToken) -> Result<(), StoreError> {
        (**self).save(key, owner, token)
    }

    fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
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
    fn load(&self, key: &str) -> Result<Option<StoredToken>, StoreError> {
        let token = self.slots().get(key).and_then(|slot| slot.token.clone());
        Ok(token)
    }

    fn try_lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let now = Instant::now();
        let mut slots = self.slots();
        let slot = slots.entry(key.to_owned()).or_default();
        let is_free = slot.lease.as_ref().is_none_or(|(holder, until)| holder == owner || *until <= now);
        if is_free {
            slot.lease = now.checked_add(time).map(|until| (owner.to_owned(), until));
        }
        Ok(is_free)
    }

    fn save(&self, key: &str, owner: &str, token: &StoredToken) -> Result<(), StoreError> {
        self.give_back(key, owner, Some(token));
        Ok(())
    }

    fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        self.give_back(key, owner, None);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.slots().keys()).finish()
    }
}
