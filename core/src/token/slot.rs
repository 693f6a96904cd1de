//! What is known of the token for one set of scopes.

use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;

use crate::interval::Interval;
use crate::token::stored::{Holder, StoredToken};
use crate::token::{Deferral, Grant, bearer};
use crate::{Error, ErrorKind, Policy, Scopes};

/// How long the first refusal is remembered; the `n`th one n² as long.
pub(super) const HOLD: Duration = Duration::from_secs(5);

/// After how long a store is asked again for the token that another client is fetching.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// After how long a call sees to it that another one still looks.
pub(super) const PATROL: Duration = Duration::from_secs(1);

/// After how long without a look nobody has been waiting any more.
const FORGOTTEN: Duration = Duration::from_secs(2);

/// The longest that a refusal is remembered.
const MAX_HOLD: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) state: State,
    /// Faults in a row.
    pub(super) faults: u32,
    /// Refusals in a row.
    refusals: u32,
    /// Other clients are waited for.
    pub(super) others: Option<Others>,
}

/// Since when other clients have been fetching the token, as far as this one has looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Others {
    since: Timestamp,
    looked: Timestamp,
}

#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Empty,
    Fetching {
        serial: u64,
        until: Interval,
    },
    /// Another client is fetching it: look again after this.
    Elsewhere(Interval),
    Held(Token),
    Cooling {
        error: Error,
        rest: Interval,
    },
    Failed {
        error: Error,
        hold: Interval,
    },
    /// The platform does not give these scopes together.
    TooWide {
        error: Error,
        hold: Interval,
    },
}

/// A token as it goes into requests.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    pub(super) serial: u64,
    pub(super) grant: Grant,
    pub(super) expires: Timestamp,
    /// How long it is used: less than it lives.
    pub(super) life: Interval,
    /// The platform gave it no lifetime: it serves the call that fetched it, and no other.
    pub(super) once: bool,
    /// Another session fetched it, some time ago.
    pub(super) adopted: bool,
}

impl Token {
    /// One that the platform has just given.
    pub(super) fn fetched(
        authorization: HeaderValue,
        serial: u64,
        grant: Grant,
        margin: Duration,
        now: Timestamp,
    ) -> Self {
        let life = grant.lifetime.saturating_sub(margin.min(grant.lifetime / 2));
        let expires = now.saturating_add(grant.lifetime).unwrap_or(Timestamp::MAX);
        let once = grant.lifetime.is_zero();
        Self { authorization, serial, grant, expires, life: Interval::new(now, life), once, adopted: false }
    }

    /// How long a stored token can be used from now on. A clock that is behind the one it was stored by lengthens no life.
    pub(super) fn left(token: &StoredToken, margin: Duration, now: Timestamp) -> Option<Duration> {
        let lifetime = token.grant().lifetime;
        let left = Duration::try_from(now.duration_until(token.expires())).ok()?.min(lifetime);
        left.checked_sub(margin.min(lifetime / 2)).filter(|left| !left.is_zero())
    }

    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.life.remaining(now).is_some()
    }

    pub(super) fn stored(&self, holder: &Holder, asked: &Scopes) -> Option<StoredToken> {
        StoredToken::new(holder.clone(), asked, &self.grant, self.expires, bearer(&self.authorization))
    }
}

impl Slot {
    pub(super) fn is_fetched_by(&self, lease: u64) -> bool {
        matches!(self.state, State::Fetching { serial, .. } if serial == lease)
    }

    pub(super) fn usable(&self, now: Timestamp) -> Option<&Token> {
        match &self.state {
            State::Held(token) if token.is_usable(now) => Some(token),
            _ => None,
        }
    }

    pub(super) fn hold(&mut self, token: Token) {
        *self = Self { state: State::Held(token), faults: 0, refusals: 0, others: None };
    }

    /// A call asks for the token again. Whom the calls before it waited for matters where they did so until now.
    pub(super) fn look(&mut self, now: Timestamp) {
        self.others = self.others.filter(|others| Interval::since(others.looked, now) < FORGOTTEN);
        if let Some(others) = &mut self.others {
            others.looked = now;
        }
    }

    /// Waits for other clients, unless that has gone on for too long.
    pub(super) fn wait_for_others(&mut self, now: Timestamp, patience: Duration) -> Deferral {
        let (since, deferral) = match self.others {
            Some(others) => (others.since, Deferral::Again),
            None => (now, Deferral::First),
        };
        if Interval::since(since, now) >= patience {
            return Deferral::Over;
        }
        self.others = Some(Others { since, looked: now });
        deferral
    }

    pub(super) fn refuse(&mut self, now: Timestamp) -> Interval {
        self.faults = 0;
        self.refusals = self.refusals.saturating_add(1);
        Interval::new(now, HOLD.saturating_mul(self.refusals.saturating_pow(2)).min(MAX_HOLD))
    }

    pub(super) fn cool(
        &mut self,
        error: Error,
        after: Option<Duration>,
        policy: &Policy,
        now: Timestamp,
        share: f64,
    ) -> State {
        self.faults += 1;
        let wait = policy.rest(self.faults, share).max(after.unwrap_or_default());
        if after.is_some_and(|after| after > policy.max_retry_after) || self.faults >= policy.max_attempts {
            self.faults = 0;
            let hold = Interval::new(now, after.unwrap_or_default().clamp(HOLD, MAX_HOLD));
            let error = match after {
                Some(wait) if wait > policy.max_retry_after => error.meaning(
                    ErrorKind::RateLimited { after },
                    "the token endpoint asks to wait longer than is allowed",
                ),
                _ => error,
            };
            State::Failed { error, hold }
        } else {
            State::Cooling { error, rest: Interval::new(now, wait) }
        }
    }
}
