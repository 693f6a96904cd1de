//! Access tokens, shared by the calls of a session: one request at a time, renewed in time, refusals remembered.
//!
//! ```text
//!  Empty ──acquire──► Fetching (lease) ──token──────────► Held ──expiry near──► Fetching
//!    ▲                  │ │ │                              │
//!    │◄──abandoned, ────┘ │ └──faults──► Cooling ──later──► Fetching
//!    │   lease over       └──refused───► Failed ───later──► Fetching
//!    └──rejected by the service, if it is still the same token
//! ```
//!
//! The first call that finds no token is made the one that fetches it; the others wait. That election is a side effect
//! of `&mut`, so nobody holds a lock; and it is a lease, so a call that is dropped or dies holds nobody up for long.

mod exchange;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;

use crate::interval::Interval;
use crate::registration::Registration;
use crate::secrecy::Secret;
use crate::transport::TransportError;
use crate::{Error, ErrorKind, Policy, Scope, Scopes, assertion};

pub(crate) use exchange::NAME;

/// How long a call may take to fetch a token before another one tries.
const LEASE: Duration = Duration::from_secs(60);

/// How long the first refusal is remembered; the `n`th one n² as long.
const HOLD: Duration = Duration::from_secs(5);

/// The longest that a refusal is remembered.
const MAX_HOLD: Duration = Duration::from_secs(15 * 60);

/// How many tokens are held to be redacted.
const LATELY: usize = 16;

/// What a token allows, and for how long. The token itself is the session's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The scopes that were granted: those asked for, where the platform named none.
    pub scopes: Scopes,
    /// The lifetime that the platform gave the token, or the policy where it gave none.
    pub lifetime: Duration,
}

/// A token as it goes into requests.
#[derive(Clone, Debug)]
struct Token {
    authorization: HeaderValue,
    serial: u64,
    grant: Grant,
    life: Interval,
    /// The platform gave it no lifetime: it serves the call that fetched it, and no other.
    once: bool,
}

/// The right to fetch a token for all, which a call holds until its token request is answered, for a minute at most.
///
/// A driver that may be cancelled keeps it beside the call, and gives it back with
/// [`Session::release`](crate::Session::release) when the call is dropped, so that another one fetches at once.
#[derive(Clone, Debug)]
pub struct Lease {
    scopes: Scopes,
    serial: u64,
    attempt: u32,
    /// What was sent, to find it where the platform repeats it.
    assertion: Secret,
}

impl Lease {
    /// Which request in a row it is for.
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// What a call that needs a token is told.
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub(crate) enum Acquired {
    Ready {
        authorization: HeaderValue,
        serial: u64,
        grant: Grant,
    },
    Fetch(Request<Bytes>, Lease),
    /// Another call is fetching it.
    Wait(Duration),
    /// The token endpoint failed, and is asked again after this long.
    Cooling(Duration, Error),
    Failed(Error),
}

/// Why a token request gave none.
pub(crate) enum Failure {
    /// The platform said no: asking again changes nothing.
    Refused(Error),
    /// It refused these scopes together.
    InvalidScope(Error),
    /// Asking again may help, after this long if the platform said so.
    Transient(Error, Option<Duration>),
}

#[derive(Debug, Default)]
struct Slot {
    state: State,
    /// Faults in a row.
    faults: u32,
    /// Refusals in a row.
    refusals: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Empty,
    Fetching {
        serial: u64,
        until: Interval,
    },
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

/// The tokens of one registration, by the scopes that they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    slots: BTreeMap<Scopes, Slot>,
    serial: u64,
    /// The headers of the last tokens, to find where a platform repeats one.
    lately: VecDeque<HeaderValue>,
}

impl Tokens {
    /// The newest serial number: a token with a higher one was fetched later.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Asks for a token with one of the scopes `any_of`, out of the `offered` ones, all of which are asked for at once.
    pub(crate) fn acquire(
        &mut self,
        registration: &Registration,
        policy: &Policy,
        offered: &Scopes,
        any_of: &[Scope],
        now: Timestamp,
        jti: impl FnOnce() -> String,
    ) -> Acquired {
        let narrow = || {
            let scope =
                any_of.iter().find(|scope| offered.contains(scope) && offered.iter().nth(1).is_some())?;
            Some(Scopes::from_iter([scope.clone()]))
        };
        let narrow = match self.slots.get(offered).map(|slot| &slot.state) {
            Some(State::TooWide { error, hold }) if hold.remaining(now).is_some() => match narrow() {
                Some(narrow) => Some(narrow),
                None => return Acquired::Failed(error.clone()),
            },
            // The wide set is tried again when a token is needed anyway.
            Some(State::TooWide { .. }) => narrow().filter(|narrow| self.holds(narrow, now)),
            _ => None,
        };
        let scopes = narrow.as_ref().unwrap_or(offered);
        let slot = match self.slots.get_mut(scopes) {
            Some(slot) => slot,
            None => self.slots.entry(scopes.clone()).or_default(),
        };
        match &slot.state {
            State::Held(token) if token.once || token.life.remaining(now).is_some() => {
                if !any_of.is_empty() && !token.grant.scopes.contains_any(any_of) {
                    return Acquired::Failed(not_granted(any_of, &token.grant.scopes));
                }
                let Token { authorization, serial, grant, .. } = token.clone();
                if token.once {
                    slot.state = State::Empty;
                }
                return Acquired::Ready { authorization, serial, grant };
            }
            State::Failed { error, hold } | State::TooWide { error, hold }
                if hold.remaining(now).is_some() =>
            {
                return Acquired::Failed(error.clone());
            }
            State::Fetching { until, .. } => {
                if let Some(left) = until.remaining(now) {
                    return Acquired::Wait(left);
                }
            }
            State::Cooling { error, rest } => {
                if let Some(left) = rest.remaining(now) {
                    return Acquired::Cooling(left, error.clone());
                }
            }
            _ => {}
        }
        let request = assertion::sign(registration, now, policy.back_dating, &jti()).and_then(|assertion| {
            Ok((exchange::request(registration, policy, scopes, &assertion)?, assertion))
        });
        match request {
            Ok((request, assertion)) => {
                self.serial += 1;
                slot.state = State::Fetching { serial: self.serial, until: Interval::new(now, LEASE) };
                let attempt = slot.faults.saturating_add(1);
                Acquired::Fetch(
                    request,
                    Lease { scopes: scopes.clone(), serial: self.serial, attempt, assertion },
                )
            }
            Err(error) => {
                let error = error.during(NAME);
                slot.state = State::Failed { error: error.clone(), hold: Interval::new(now, HOLD) };
                Acquired::Failed(error)
            }
        }
    }

    fn holds(&self, scopes: &Scopes, now: Timestamp) -> bool {
        let state = self.slots.get(scopes).map(|slot| &slot.state);
        matches!(state, Some(State::Held(token)) if token.life.remaining(now).is_some())
    }

    /// Takes the outcome of a token request. An answer that comes after its lease has passed to another call is ignored: that
    /// one's is on its way.
    pub(crate) fn settle<B: AsRef<[u8]>>(
        &mut self,
        lease: &Lease,
        outcome: Result<Response<B>, TransportError>,
        policy: &Policy,
        now: Timestamp,
        share: f64,
    ) {
        let Some(slot) = self.slots.get_mut(&lease.scopes) else { return };
        if !matches!(slot.state, State::Fetching { serial, .. } if serial == lease.serial) {
            return;
        }
        let result = match outcome {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                exchange::read(&Response::from_parts(parts, body.as_ref()), lease, policy, now)
            }
            Err(error) => Err(Failure::Transient(Error::from_transport(error), None)),
        };
        slot.state = match result {
            Ok((authorization, grant)) => {
                (slot.faults, slot.refusals) = (0, 0);
                let margin = policy.token_margin.min(grant.lifetime / 2);
                let life = Interval::new(now, grant.lifetime.saturating_sub(margin));
                let once = grant.lifetime.is_zero();
                self.lately.push_front(authorization.clone());
                self.lately.truncate(LATELY);
                State::Held(Token { authorization, serial: lease.serial, grant, life, once })
            }
            Err(Failure::Refused(error)) => {
                State::Failed { error: error.during(NAME), hold: slot.refuse(now) }
            }
            Err(Failure::InvalidScope(error)) => {
                State::TooWide { error: error.during(NAME), hold: slot.refuse(now) }
            }
            Err(Failure::Transient(error, after)) => slot.cool(error.during(NAME), after, policy, now, share),
        };
    }

    /// Gives a token request up, if it still is one; tells whether it was.
    pub(crate) fn release(&mut self, lease: &Lease) -> bool {
        match self.slots.get_mut(&lease.scopes) {
            Some(slot) if matches!(slot.state, State::Fetching { serial, .. } if serial == lease.serial) => {
                slot.state = State::Empty;
                true
            }
            _ => false,
        }
    }

    /// The tokens that were given lately: what must not be shown, wherever a platform repeats it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.lately.iter().map(crate::call::bearer)
    }

    /// Forgets the token that a service did not accept, unless it has been replaced meanwhile.
    pub(crate) fn reject(&mut self, serial: u64) {
        for slot in self.slots.values_mut() {
            if matches!(&slot.state, State::Held(token) if token.serial == serial) {
                slot.state = State::Empty;
            }
        }
    }

    /// Forgets tokens and refusals, but not who is fetching.
    pub(crate) fn forget(&mut self) {
        self.slots.retain(|_, slot| matches!(slot.state, State::Fetching { .. }));
    }
}

impl Slot {
    fn refuse(&mut self, now: Timestamp) -> Interval {
        self.faults = 0;
        self.refusals = self.refusals.saturating_add(1);
        Interval::new(now, HOLD.saturating_mul(self.refusals.saturating_pow(2)).min(MAX_HOLD))
    }

    fn cool(
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

fn not_granted(any_of: &[Scope], granted: &Scopes) -> Error {
    let needed = any_of.first().map(Scope::as_str).unwrap_or_default();
    // Others are the platform's own text, of any length.
    let granted: Scopes = granted.iter().filter(|scope| scope.is_ags()).cloned().collect();
    let granted = if granted.is_empty() { "none of this service".to_owned() } else { granted.to_string() };
    Error::new(
        ErrorKind::MissingScope,
        format!(
            "the platform granted the token without the scope {needed} (granted: {granted}); \
             ask the administrator to allow it for the tool"
        ),
    )
    .section("AGS 3.1")
}
