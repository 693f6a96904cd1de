//! Asks a store of tokens what a call is to ask there, and tells the answers.

use std::fmt;
use std::sync::Arc;

use hyper::rt::Timer;
use lti_ags::{Inquiry, Lease, Settle, StoreLease, StoreTerms};

use crate::StoreError;
use crate::exchange::either;
use crate::shared::Shared;
use crate::token_store::{StoreFuture, TokenStore};

pub(crate) type StoreObserver = dyn Fn(&StoreError) + Send + Sync;

/// A store, and who this client is there.
pub(crate) struct Sharing {
    pub(crate) store: Box<dyn TokenStore>,
    pub(crate) owner: String,
    pub(crate) observer: Option<Box<StoreObserver>>,
    pub(crate) timer: Arc<dyn Timer + Send + Sync>,
    pub(crate) terms: StoreTerms,
}

/// What came of asking.
#[derive(Default)]
pub(crate) struct Consulted {
    /// The token request is not to be sent.
    pub(crate) is_withdrawn: bool,
    /// What is to be [settled](Sharing::settle) when the call has gone on.
    pub(crate) held: Option<StoreLease>,
}

impl Sharing {
    /// Asks on behalf of a call that is to fetch a token.
    pub(crate) async fn consult(&self, lease: &Lease, shared: &Shared) -> Consulted {
        let mut inquiry = Inquiry::begin(lease, self.terms);
        loop {
            let turn = match inquiry {
                Inquiry::Load(loading) => {
                    let answer = self.hear(self.store.load(loading.key())).await;
                    shared.turn(|session, now| loading.loaded(session, now, answer))
                }
                Inquiry::TryLock(locking) => {
                    let lease = locking.lease();
                    let answer = self.hear(self.store.try_lock(lease.key(), &self.owner, lease.time())).await;
                    shared.turn(|session, now| locking.answered(session, now, answer))
                }
                Inquiry::Send(held) => return Consulted { is_withdrawn: false, held },
                Inquiry::Withdraw(held) => return Consulted { is_withdrawn: true, held },
            };
            shared.tell(&turn.events);
            inquiry = turn.result;
        }
    }

    /// Gives the lease back, with the token that was fetched under it, if there is one.
    pub(crate) async fn settle(&self, held: &StoreLease, shared: &Shared) {
        let settle = shared.turn(|session, now| held.settle(session, now)).result;
        // A failure has been told.
        let _ = match &settle {
            Settle::Save(token) => self.hear(self.store.save(held.key(), &self.owner, token)).await,
            Settle::Unlock => self.hear(self.store.unlock(held.key(), &self.owner)).await,
            Settle::Keep => Ok(()),
        };
    }

    /// What the store answers, in the time that it has. Tells the observer of a failure.
    async fn hear<T>(&self, answer: StoreFuture<'_, T>) -> Result<T, ()> {
        let mut answered = None;
        let time = self.timer.sleep(self.terms.answer());
        either(async { answered = Some(answer.await) }, time).await;
        let answer = answered.unwrap_or_else(|| Err("the token store does not answer".into()));
        answer.map_err(|error| self.observer.iter().for_each(|observer| observer(&error)))
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").field("terms", &self.terms).finish_non_exhaustive()
    }
}
