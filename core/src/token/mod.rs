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
//! Where clients share a store, a call that is to fetch may *adopt* a token from it, and the slot is Held; or *defer*,
//! while another client fetches, and the slot is Elsewhere until the store is looked at again.
//!
//! The first call that finds no token is made the one that fetches it; the others wait. That election is a side effect
//! of `&mut`, so nobody holds a lock; and it is a lease, so a call that is dropped or dies holds nobody up for long.

mod exchange;
mod slot;
mod stored;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;

use crate::interval::Interval;
use crate::registration::Registration;
use crate::secrecy::Secret;
use crate::transport::{Cause, Fate, TransportError};
use crate::{Error, ErrorKind, Policy, Scope, Scopes, assertion};

pub(crate) use exchange::NAME;
use slot::{HOLD, LOOK_AGAIN, PATROL, Slot, State, Token};
pub(crate) use stored::Holder;
pub use stored::{StoredToken, UnusableToken};

/// How long a call may take to fetch a token before another one tries.
const LEASE: Duration = Duration::from_secs(60);

/// How many tokens are held to be redacted.
const LATELY: usize = 16;

/// How many tokens are held that a service has refused.
const REJECTED: usize = 64;

/// What a token allows, and for how long. The token itself is the session's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The scopes that were granted: those asked for, where the platform named none.
    pub scopes: Scopes,
    /// The lifetime that the platform gave the token, or the policy where it gave none.
    pub lifetime: Duration,
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
    key: Box<str>,
    /// What was sent, to find it where the platform repeats it.
    assertion: Secret,
}

impl Lease {
    /// Which request in a row it is for.
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Where a store that processes share has the token: a text without secrets that token endpoint, client, deployment and
    /// scopes make up, the same in all of them. It may be some hundred characters long.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether the token was fetched with it.
    fn has_brought(&self, token: &Token) -> bool {
        token.serial == self.serial
    }
}

/// Whether another client is left to fetch a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deferral {
    First,
    Again,
    /// It has been waited for long enough.
    Over,
}

/// What a call that needs a token is told.
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub(crate) enum Acquired {
    Ready(Ready),
    Fetch(Request<Bytes>, Lease),
    /// Another call is fetching it, or another client.
    Wait(Duration),
    /// The token endpoint failed, and is asked again after this long.
    Cooling(Duration, Error),
    Failed(Error),
}

/// A token for a request.
pub(crate) struct Ready {
    pub(crate) authorization: HeaderValue,
    pub(crate) serial: u64,
    pub(crate) grant: Grant,
    /// It comes from another session, some time ago.
    pub(crate) adopted: bool,
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

/// The tokens of one registration, by the scopes that they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    slots: BTreeMap<Scopes, Slot>,
    serial: u64,
    /// The headers of the last tokens, to find where a platform repeats one.
    lately: VecDeque<HeaderValue>,
    /// Those that a service did not accept: they are not taken again from a store.
    rejected: VecDeque<HeaderValue>,
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
        let narrow = match self.slots.get(offered).map(|slot| &slot.state) {
            Some(State::TooWide { hold, .. }) => any_of
                .iter()
                .find(|scope| offered.contains(scope))
                .map(|scope| Scopes::from_iter([scope.clone()]))
                // Later, the wide set is tried again when a token is needed anyway.
                .filter(|narrow| hold.remaining(now).is_some() || self.holds(narrow, now)),
            _ => None,
        };
        let scopes = narrow.as_ref().unwrap_or(offered);
        let slot = match self.slots.get_mut(scopes) {
            Some(slot) => slot,
            None => self.slots.entry(scopes.clone()).or_default(),
        };
        match &slot.state {
            State::Held(token) if token.once || token.is_usable(now) => {
                if !any_of.is_empty() && !token.grant.scopes.contains_any(any_of) {
                    return Acquired::Failed(not_granted(any_of, &token.grant.scopes));
                }
                let Token { authorization, serial, grant, once, adopted, .. } = token.clone();
                if once {
                    slot.state = State::Empty;
                }
                return Acquired::Ready(Ready { authorization, serial, grant, adopted });
            }
            State::Failed { error, hold } | State::TooWide { error, hold }
                if hold.remaining(now).is_some() =>
            {
                return Acquired::Failed(error.clone());
            }
            State::Fetching { until, .. } | State::Elsewhere(until) => {
                if let Some(left) = until.remaining(now) {
                    // A call that looks into a store, and then waits on, wakes nobody: should it be dropped, another looks.
                    let is_look = slot.others.is_some();
                    return Acquired::Wait(if is_look { left.min(PATROL) } else { left });
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
                slot.look(now);
                slot.state = State::Fetching { serial: self.serial, until: Interval::new(now, LEASE) };
                let attempt = slot.faults.saturating_add(1);
                let key = Holder::of(registration).key(scopes).into();
                let lease = Lease { scopes: scopes.clone(), serial: self.serial, attempt, key, assertion };
                Acquired::Fetch(request, lease)
            }
            Err(error) => {
                let error = error.during(NAME);
                slot.state = State::Failed { error: error.clone(), hold: Interval::new(now, HOLD) };
                Acquired::Failed(error)
            }
        }
    }

    fn holds(&self, scopes: &Scopes, now: Timestamp) -> bool {
        self.slots.get(scopes).is_some_and(|slot| slot.usable(now).is_some())
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
        if !slot.is_fetched_by(lease.serial) {
            return;
        }
        let result = match outcome {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let known: Vec<_> = self.lately.iter().map(bearer).collect();
                exchange::read(&Response::from_parts(parts, body.as_ref()), lease, &known, policy, now)
            }
            // A bad certificate stays bad.
            Err(error) if (error.fate(), error.cause()) == (Fate::NotSent, Cause::Tls) => {
                Err(Failure::Refused(Error::from_transport(error)))
            }
            Err(error) => Err(Failure::Transient(Error::from_transport(error), None)),
        };
        slot.state = match result {
            Ok((authorization, grant)) => {
                show_nowhere(&mut self.lately, &authorization);
                return slot.hold(Token::fetched(
                    authorization,
                    lease.serial,
                    grant,
                    policy.token_margin,
                    now,
                ));
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

    /// Those that can be used now, with the scopes that they were asked for.
    fn usable(&self, now: Timestamp) -> impl Iterator<Item = (&Scopes, &Token)> {
        self.slots.iter().filter_map(move |(asked, slot)| Some((asked, slot.usable(now)?)))
    }

    /// Takes a token that another session has fetched, unless there is one that lasts longer.
    pub(crate) fn insert(
        &mut self,
        ours: &Holder,
        token: &StoredToken,
        margin: Duration,
        now: Timestamp,
    ) -> Result<(), UnusableToken> {
        if token.holder() != ours {
            return Err(UnusableToken::Foreign);
        }
        let left = Token::left(token, margin, now).ok_or(UnusableToken::Expired)?;
        let authorization = token.authorization().ok_or(UnusableToken::Rejected)?;
        if self.rejected.contains(&authorization) {
            return Err(UnusableToken::Rejected);
        }
        let slot = self.slots.entry(token.asked().clone()).or_default();
        if slot.usable(now).is_some_and(|held| held.expires >= token.expires()) {
            return Ok(());
        }
        self.serial += 1;
        show_nowhere(&mut self.lately, &authorization);
        slot.hold(Token {
            authorization,
            serial: self.serial,
            grant: token.grant().clone(),
            expires: token.expires(),
            life: Interval::new(now, left),
            once: false,
            adopted: true,
        });
        Ok(())
    }

    /// Leaves it to another client to fetch the token, and to the next call that asks to look again.
    pub(crate) fn defer(&mut self, lease: &Lease, now: Timestamp, patience: Duration) -> Deferral {
        let slot = self.slots.get_mut(&lease.scopes).filter(|slot| slot.is_fetched_by(lease.serial));
        let Some(slot) = slot else { return Deferral::Again };
        let deferral = slot.wait_for_others(now, patience);
        if deferral != Deferral::Over {
            slot.state = State::Elsewhere(Interval::new(now, LOOK_AGAIN));
        }
        deferral
    }

    /// The call with this lease fetches the token now, and waits for no other client.
    pub(crate) fn fetches(&mut self, lease: &Lease) {
        let slot = self.slots.get_mut(&lease.scopes).filter(|slot| slot.is_fetched_by(lease.serial));
        if let Some(slot) = slot {
            slot.others = None;
        }
    }

    /// Whether the right to fetch has passed from this lease to another one.
    pub(crate) fn is_fetched_by_another(&self, lease: &Lease) -> bool {
        let slot = self.slots.get(&lease.scopes);
        slot.is_some_and(
            |slot| matches!(slot.state, State::Fetching { serial, .. } if serial != lease.serial),
        )
    }

    /// Gives a token request up, if it still is one; tells whether it was.
    pub(crate) fn release(&mut self, lease: &Lease) -> bool {
        let slot = self.slots.get_mut(&lease.scopes).filter(|slot| slot.is_fetched_by(lease.serial));
        slot.map(|slot| slot.state = State::Empty).is_some()
    }

    /// The tokens that were given lately: what must not be shown, wherever a platform repeats it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.lately.iter().map(bearer)
    }

    /// Forgets the token that a service did not accept, unless it has been replaced meanwhile.
    pub(crate) fn reject(&mut self, serial: u64, authorization: &HeaderValue) {
        if !self.rejected.contains(authorization) {
            self.rejected.push_front(authorization.clone());
            self.rejected.truncate(REJECTED);
        }
        for slot in self.slots.values_mut() {
            if matches!(&slot.state, State::Held(token) if token.serial == serial) {
                slot.state = State::Empty;
            }
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn rejections(&self) -> usize {
        self.rejected.len()
    }

    /// Forgets tokens and refusals, but not who is fetching.
    pub(crate) fn forget(&mut self) {
        self.rejected.clear();
        self.slots.retain(|_, slot| matches!(slot.state, State::Fetching { .. }));
    }
}

fn show_nowhere(lately: &mut VecDeque<HeaderValue>, authorization: &HeaderValue) {
    lately.retain(|other| other != authorization);
    lately.push_front(authorization.clone());
    lately.truncate(LATELY);
}

/// The header that a token goes in. It must not break out of that; RFC 6750 §2.1 allows less, but tokens are opaque.
fn authorization(token: &str) -> Option<HeaderValue> {
    let is_safe = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut authorization =
        is_safe.then(|| HeaderValue::try_from(format!("Bearer {token}")).ok()).flatten()?;
    authorization.set_sensitive(true);
    Some(authorization)
}

/// The token in a header, to find it where a platform echoes it.
pub(crate) fn bearer(authorization: &HeaderValue) -> &str {
    authorization.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
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
