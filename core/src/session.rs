//! What the calls to one registration share.

use std::borrow::Cow;
use std::time::Duration;

use http::{Response, Uri};
use jiff::Timestamp;

use crate::call::{Call, Step};
use crate::event::Events;
use crate::interval::Interval;
use crate::operation::Operation;
use crate::pacing::Pacing;
use crate::registration::Registration;
use crate::renewal::Renewals;
use crate::timestamps::Timestamps;
use crate::token::{Acquired, Deferral, Lease, StoredToken, Tokens};
use crate::url::Origin;
use crate::{Authorize, Endpoint, Error, ErrorKind, Policy, Scope, Scopes, TokenScopes, refusal, secrecy};

/// A number that no other session uses: assertion ids and the jitter of waits are made from it.
///
/// Transports draw it from the operating system; a test chooses it, and gets the same bytes every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u128);

impl Seed {
    /// Takes the number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }
}

/// What the calls to one registration on one platform share: tokens, what the platform said about its limits, the
/// policy, the latest timestamps.
///
/// It is a plain value without lock, clock or I/O. Whoever drives calls at the same time decides how to share it, and
/// never holds it while a request is under way. See [the crate's documentation](crate) for the loop.
#[derive(Debug)]
pub struct Session {
    pub(crate) registration: Registration,
    pub(crate) policy: Policy,
    pub(crate) tokens: Tokens,
    pub(crate) timestamps: Timestamps,
    pub(crate) revision: u64,
    /// The platform throttles: every call rests.
    pause: Option<Interval>,
    /// When a service last took what was sent.
    pub(crate) taken: Option<Timestamp>,
    pub(crate) renewals: Renewals,
    pub(crate) events: Events,
    pub(crate) pacing: Pacing,
    pub(crate) seed: Seed,
    assertions: u64,
    random: fastrand::Rng,
}

impl Session {
    /// A session without a token, with the default [`Policy`].
    pub fn new(registration: Registration, seed: Seed) -> Self {
        let policy = Policy::default();
        // Both halves, so that seeds which differ anywhere jitter apart.
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart here")]
        let folded = (seed.0 >> 64) as u64 ^ seed.0 as u64;
        Self {
            registration,
            tokens: Tokens::default(),
            timestamps: Timestamps::new(policy.timestamp_step),
            policy,
            revision: 0,
            pause: None,
            taken: None,
            renewals: Renewals::default(),
            events: Events::default(),
            pacing: Pacing::default(),
            seed,
            assertions: 0,
            random: fastrand::Rng::with_seed(folded),
        }
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.timestamps = Timestamps::new(policy.timestamp_step);
        self.policy = policy;
        self
    }

    /// Begins a call: an operation on what the endpoint offers, with what it allows.
    pub fn begin<O: Operation>(&mut self, endpoint: &Endpoint, operation: O, now: Timestamp) -> Step<O> {
        Call::begin(self, endpoint, operation, now, false)
    }

    /// The same, for a call that shares the platform's limit with many like it: what it waits for its turn is no time of its
    /// own, as long as the platform takes others.
    pub(crate) fn begin_one_of_many<O: Operation>(
        &mut self,
        endpoint: &Endpoint,
        operation: O,
        now: Timestamp,
    ) -> Step<O> {
        Call::begin(self, endpoint, operation, now, true)
    }

    /// Begins to get a token for an endpoint, and nothing more: to see what the platform grants.
    pub fn authorize(&mut self, endpoint: &Endpoint, now: Timestamp) -> Step<Authorize> {
        Call::<Authorize>::authorize(self, endpoint, now)
    }

    /// The registration.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The latest timestamps of scores, to take note of those that another process has used.
    pub fn timestamps(&mut self) -> &mut Timestamps {
        &mut self.timestamps
    }

    /// Gives back the right to fetch a token: the call that held it was dropped. Harmless when the answer has come.
    pub fn release(&mut self, lease: &Lease) {
        if self.tokens.release(lease) {
            self.revision += 1;
        }
    }

    /// Takes a stored token in place of fetching one, and tells whether it is of use.
    pub(crate) fn adopt(&mut self, lease: &Lease, token: &StoredToken, now: Timestamp) -> bool {
        token.asked() == lease.scopes() && self.insert_token(token, now).is_ok()
    }

    /// Leaves it to another client to fetch the token, unless that has gone on for longer than it may; tells whether it does.
    pub(crate) fn defer(&mut self, lease: &Lease, now: Timestamp, patience: Duration) -> bool {
        let deferral = self.tokens.defer(lease, now, patience);
        if deferral == Deferral::First {
            // Those who wait for this call are to wait for less.
            self.revision += 1;
        }
        deferral != Deferral::Over
    }

    /// Forgets tokens, and that the token endpoint refused some: someone has changed the registration on the platform, its
    /// key or its scopes.
    pub fn forget_tokens(&mut self) {
        self.tokens.forget();
        self.renewals = Renewals::default();
        self.revision += 1;
    }

    /// The text without this session's tokens, should a platform have repeated one in it, whatever its escapes. The rest
    /// of the text stays as it is.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        secrecy::scrub_only(text, &self.tokens.secrets().collect::<Vec<_>>())
    }

    /// Changes whenever a waiting call may be able to go on before its time is up: drivers wake waiting calls then.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn acquire(&mut self, offered: &Scopes, any_of: &[Scope], now: Timestamp) -> Acquired {
        let token_endpoint = self.registration.token_endpoint().origin();
        if let Err(error) = self.policy.check_secure(token_endpoint) {
            return Acquired::Failed(error.during(crate::token::NAME));
        }
        let Self { registration, policy, tokens, seed, assertions, .. } = self;
        tokens.acquire(registration, policy, offered, any_of, now, || {
            *assertions += 1;
            format!("{:032x}-{assertions}", seed.0)
        })
    }

    /// The scopes to ask a token for, so that a call with one of `any_of` can be made on the endpoint.
    pub(crate) fn offered(&self, endpoint: &Endpoint, any_of: &[Scope]) -> Result<Scopes, Error> {
        // The claim speaks of AGS only: the scope of another service is not in it.
        if let Some(scope) = any_of.first().filter(|_| !any_of.iter().any(Scope::is_ags)) {
            return Ok(Scopes::from_iter([scope.clone()]));
        }
        let offered = endpoint.ags_scopes();
        let Some(needed) = any_of.first() else { return Ok(offered.clone()) };
        let Some(scope) = any_of.iter().find(|scope| offered.contains(scope)) else {
            return Err(Error::new(
                ErrorKind::MissingScope,
                format!("the launch does not allow it: its AGS claim lacks the scope {needed}"),
            )
            .section("AGS 3.1"));
        };
        Ok(match self.policy.token_scopes {
            TokenScopes::OfEndpoint => offered.clone(),
            TokenScopes::OfOperation => Scopes::from_iter([scope.clone()]),
        })
    }

    /// One platform's token does not go to another's services, even where a caller mixes them up.
    pub(crate) fn check_platform(&self, endpoint: &Endpoint) -> Result<(), Error> {
        match (self.registration.issuer(), endpoint.issuer()) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(Error::new(
                ErrorKind::ForeignOrigin,
                "the endpoint comes from a launch of another platform than the registration is for",
            )),
            _ => Ok(()),
        }
    }

    /// Learns from an answer when the next requests may go.
    pub(crate) fn hear<B: AsRef<[u8]>>(&mut self, now: Timestamp, sent: Timestamp, response: &Response<B>) {
        let (status, headers) = (response.status(), response.headers());
        let refused = refusal::is_throttling(status, headers, response.body().as_ref());
        if self.pacing.answered(now, sent, headers, refused) {
            self.revision += 1;
        }
    }

    /// Makes every call rest: the platform is throttling.
    pub(crate) fn pause(&mut self, now: Timestamp, length: Duration) {
        if self.paused(now).is_none_or(|left| left < length) {
            self.pause = Some(Interval::new(now, length));
            self.pacing.rests(length);
        }
    }

    pub(crate) fn paused(&self, now: Timestamp) -> Option<Duration> {
        self.pause.and_then(|pause| pause.remaining(now))
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.random.f64()
    }
}

impl Policy {
    /// Plain http only where it is allowed (AGS 3.1; Security Framework 3).
    pub(crate) fn check_secure(&self, origin: &Origin) -> Result<(), Error> {
        if origin.is_https() || origin.is_loopback() {
            return Ok(());
        }
        if self.allow_http_hosts.iter().any(|host| host.eq_ignore_ascii_case(origin.host())) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InsecureUrl,
            format!("{origin} is plain http, where anyone on the way reads the token; use https, or allow the host by name"),
        )
        .section("Security Framework 3"))
    }

    /// A token goes to the origins of the endpoint and those the caller allowed, whoever named the URL.
    pub(crate) fn check_destination(&self, origin: &Origin, endpoint: &[Origin]) -> Result<(), Error> {
        self.check_secure(origin)?;
        if endpoint.contains(origin) || self.allow_origins.contains(origin) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ForeignOrigin,
            format!(
                "{origin} is not an origin of this endpoint: the token does not go there unless it is allowed"
            ),
        ))
    }

    /// The same of a request's URL.
    pub(crate) fn check_target(&self, target: &Uri, endpoint: &[Origin]) -> Result<(), Error> {
        if let Some(origin) = endpoint.iter().chain(&self.allow_origins).find(|origin| origin.is_of(target)) {
            return self.check_secure(origin);
        }
        let origin = Origin::of_uri(target)
            .ok_or_else(|| Error::input("the URL of the request is not absolute, or not http"))?;
        self.check_destination(&origin, endpoint)
    }
}
