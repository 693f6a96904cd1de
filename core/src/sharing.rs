//! Tokens that several clients share through a store: what to ask it before a token request is sent, and after.
//!
//! ```text
//!  a lease ─► Load ─┬─ usable ─────────────────────────────────────────────────► Withdraw
//!                   ├─ none ─► TryLock ─┬─ got it ──► Load ─┬─ usable ──────────► Withdraw, unlock
//!                   │                   │                   └─ none, or failed ─► Send, then save or unlock
//!                   │                   ├─ another's ─┬─ for less than a lease ─► Withdraw: wait, and look again
//!                   │                   │             └─ for longer ────────────► Send, alone
//!                   │                   └─ failed ──────────────────────────────► Send, alone
//!                   └─ failed ──────────────────────────────────────────────────► Send, alone
//! ```

use std::time::Duration;

use jiff::Timestamp;

use crate::{Lease, Session, StoredToken};

/// The longest that a store may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What the holder of a [`Lease`] is to ask of the store. Each variant holds the only thing that can be done next; a failure
/// of the store costs the sharing, never the call.
///
/// ```
/// use lti_ags::{Inquiry, Lease, Session, StoreLease, StoreTerms, StoredToken, Timestamp};
///
/// trait Store {
///     fn load(&mut self, key: &str) -> std::io::Result<Option<StoredToken>>;
///     fn try_lock(&mut self, lease: &StoreLease) -> std::io::Result<bool>;
/// }
///
/// /// Whether to send the token request, and what to give back to the store afterwards.
/// fn inquire(
///     store: &mut impl Store, session: &mut Session, lease: &Lease, terms: StoreTerms, now: fn() -> Timestamp,
/// ) -> (bool, Option<StoreLease>) {
///     let mut inquiry = Inquiry::begin(lease, terms);
///     loop {
///         inquiry = match inquiry {
///             Inquiry::Load(loading) => {
///                 let answer = store.load(loading.key());
///                 loading.loaded(session, now(), answer)
///             }
///             Inquiry::TryLock(locking) => {
///                 let answer = store.try_lock(locking.lease());
///                 locking.answered(session, now(), answer)
///             }
///             Inquiry::Send(lease) => return (true, lease),
///             Inquiry::Withdraw(lease) => return (false, lease),
///         };
///     }
/// }
/// ```
#[must_use = "the call waits for what comes of it"]
#[derive(Debug)]
pub enum Inquiry {
    /// Load the token under the key, then tell the answer with [`Loading::loaded`].
    Load(Loading),
    /// Try to get the store's lease, then tell the answer with [`Locking::answered`].
    TryLock(Locking),
    /// Send the token request. When its outcome has been received, [settle](StoreLease::settle) the store's lease, if
    /// there is one.
    Send(Option<StoreLease>),
    /// Do not send it: [`InFlight::withdraw`](crate::InFlight::withdraw). Either the session has a token now, or another
    /// client is fetching one, and the call looks again in a tenth of a second. Settle the store's lease, if there is one.
    Withdraw(Option<StoreLease>),
}

/// A stored token that is to be loaded.
#[derive(Debug)]
pub struct Loading {
    lease: StoreLease,
    is_locked: bool,
}

/// A lease of the store that is to be had, unless another client has it.
#[derive(Debug)]
pub struct Locking(StoreLease);

/// The right to fetch a token for all who share the store: to be [settled](Self::settle).
#[derive(Clone, Debug)]
pub struct StoreLease {
    lease: Lease,
    terms: StoreTerms,
}

/// What to do with a lease of the store.
#[must_use = "other clients wait for it"]
#[derive(Debug)]
pub enum Settle {
    /// Save the token, which was fetched under it, and give it back.
    Save(StoredToken),
    /// Give it back.
    Unlock,
    /// Nothing: another call of this client needs it, and gives it back.
    Keep,
}

/// How long the store may take to answer, and how long a client may keep the others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreTerms {
    answer: Duration,
    lease: Duration,
}

impl StoreTerms {
    /// The terms of a client whose token request may take so long. The store may take as long to answer, but five seconds at
    /// most.
    pub fn new(exchange: Duration) -> Self {
        let answer = exchange.min(ANSWER);
        // The answer that it is had, a second look, and the token request and its saving all come while it lasts.
        Self { answer, lease: exchange.saturating_add(answer.saturating_mul(3)) }
    }

    /// How long to wait for an answer of the store. After that, it counts as failed.
    pub fn answer(self) -> Duration {
        self.answer
    }

    /// How long a lease of the store lasts: for all that is done under it, and not much longer, since a client that is
    /// killed with it holds the others up.
    pub fn lease(self) -> Duration {
        self.lease
    }
}

impl Inquiry {
    /// Begins with the lease of a call that is to [fetch a token](crate::InFlight::lease).
    pub fn begin(lease: &Lease, terms: StoreTerms) -> Self {
        Self::Load(Loading { lease: StoreLease { lease: lease.clone(), terms }, is_locked: false })
    }
}

impl Loading {
    /// What the token is stored under.
    pub fn key(&self) -> &str {
        self.lease.key()
    }

    /// Takes the answer: a token, none, or a failure. A token that the session cannot use is none.
    pub fn loaded<E>(
        self,
        session: &mut Session,
        now: Timestamp,
        answer: Result<Option<StoredToken>, E>,
    ) -> Inquiry {
        let Self { lease, is_locked } = self;
        match answer {
            Ok(Some(token)) if session.adopt(&lease.lease, &token, now) => {
                Inquiry::Withdraw(is_locked.then_some(lease))
            }
            _ if is_locked => Inquiry::Send(Some(lease)),
            Ok(_) => Inquiry::TryLock(Locking(lease)),
            Err(_) => lease.alone(session),
        }
    }
}

impl Locking {
    /// What to try to get.
    pub fn lease(&self) -> &StoreLease {
        &self.0
    }

    /// Takes the answer: whether this client has the lease now, or a failure.
    pub fn answered<E>(self, session: &mut Session, now: Timestamp, answer: Result<bool, E>) -> Inquiry {
        let Self(lease) = self;
        match answer.ok() {
            Some(true) => {
                session.tokens.fetches(&lease.lease);
                // It may have been saved just before.
                Inquiry::Load(Loading { lease, is_locked: true })
            }
            Some(false) if session.defer(&lease.lease, now, lease.time()) => Inquiry::Withdraw(None),
            Some(false) | None => lease.alone(session),
        }
    }
}

impl StoreLease {
    /// What it is held under.
    pub fn key(&self) -> &str {
        self.lease.key()
    }

    /// How long it lasts: see [`StoreTerms::lease`].
    pub fn time(&self) -> Duration {
        self.terms.lease
    }

    /// What to do with it when the call has gone on.
    pub fn settle(&self, session: &Session, now: Timestamp) -> Settle {
        match session.fetched_with(&self.lease, now) {
            Some(token) => Settle::Save(token),
            None if session.tokens.is_fetched_by_another(&self.lease) => Settle::Keep,
            None => Settle::Unlock,
        }
    }

    /// Goes on without the store.
    fn alone(self, session: &mut Session) -> Inquiry {
        session.tokens.fetches(&self.lease);
        Inquiry::Send(None)
    }
}
