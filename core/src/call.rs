//! A call: one operation on its way, as a state machine by value.
//!
//! ```text
//!                Session::begin(endpoint, operation, now)
//!                                │
//!       ┌────────────────────────▼───────────────────────┐
//!       │                      Step                      │
//!       └──┬───────────────────┬───────────────────┬─────┘
//!  Send(request, InFlight)   Wait(delay, Paused)   Done(result)
//!          │ receive(session, now, outcome)  │ resume(session, now)
//!          └──────────────► Step ◄───────────┘
//! ```

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;

use crate::authorize::Authorize;
use crate::interval::Interval;
use crate::operation::{Answer, Context, Exchange, Operation};
use crate::retry::{self, Verdict};
use crate::token::{Acquired, Grant, Lease, StoredToken, UnusableToken, bearer};
use crate::transport::{Fate, TransportError};
use crate::url::Origin;
use crate::{Endpoint, Error, ErrorKind, Policy, Refusal, Scopes, Seed, ServiceUrl, Session};

/// How many redirects of a GET are followed.
const MAX_REDIRECTS: u32 = 5;

/// What a call wants next. Each variant holds the only thing that can be done with the call then.
///
/// `Debug` shows neither the body of a request nor its token.
#[must_use = "a call goes nowhere unless its step is taken"]
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub enum Step<O: Operation> {
    /// Send the request, without following redirects, and tell the outcome with [`InFlight::receive`].
    Send(Request<Bytes>, InFlight<O>),
    /// Wait this long, or until the session's [revision](Session::revision) changes; then [`Paused::resume`]. Waiting for
    /// less is harmless: the call waits again.
    Wait(Duration, Paused<O>),
    /// The call is over.
    Done(Result<O::Output, Error>),
}

/// A call whose request is with the transport.
///
/// Dropping it leaves the session usable. Where it was fetching a token, others wait for it until its
/// [lease](Self::lease) is released, or has run out.
pub struct InFlight<O> {
    call: Box<Call<O>>,
    awaits: Awaits,
}

/// A call that waits: for a token that another call is fetching, or for the platform to recover.
pub struct Paused<O>(Box<Call<O>>);

enum Awaits {
    Token(Lease),
    Answer(Sent),
}

/// The token that a request went with.
struct Sent {
    authorization: HeaderValue,
    serial: u64,
    /// It comes from another session, some time ago.
    adopted: bool,
}

pub(crate) struct Call<O> {
    operation: O,
    way: Way,
}

/// How far a call has come.
struct Way {
    /// Of the session that the call was begun in.
    session: Seed,
    endpoint: Endpoint,
    deadline: Interval,
    /// Sent so far, renewals and redirects included.
    requests: u32,
    /// `None` where only the permission is wanted.
    request: Option<Request<Bytes>>,
    offered: Scopes,
    /// Tokens with a higher serial number were fetched after the call was begun.
    serial_at_begin: u64,
    /// Requests of this exchange that count towards the policy's limit.
    attempts: u32,
    /// A plain 500 was tried again.
    tried_once: bool,
    redirects: u32,
    /// How often it got a new token.
    renewals: u8,
    in_doubt: bool,
    rest: Option<Interval>,
    /// Why the exchange is not over yet: what to say when its time is up.
    setback: Option<Error>,
    /// An earlier exchange of the call may have been acted on: whatever fails now, that remains to be said.
    doubt: Option<Error>,
}

impl<O: Operation> InFlight<O> {
    /// Takes the outcome of the request. A 3xx is an answer like any other: transports do not follow it.
    pub fn receive<B: AsRef<[u8]>>(
        self,
        session: &mut Session,
        now: Timestamp,
        outcome: Result<Response<B>, TransportError>,
    ) -> Step<O> {
        if let Some(error) = self.call.way.stray(session) {
            return done(session, Err(error));
        }
        match self.awaits {
            Awaits::Token(lease) => {
                let share = session.share();
                session.tokens.settle(&lease, outcome, &session.policy, now, share);
                session.revision += 1;
                self.call.advance(session, now)
            }
            Awaits::Answer(sent) => self.call.answered(session, now, &sent, outcome),
        }
    }

    /// Goes on with a token from elsewhere, such as a store that processes share, in place of sending the token request.
    ///
    /// # Errors
    ///
    /// Gives the call back where the token is of no use to it, or the request is none for a token: send it, then. A token
    /// that a service has refused is not taken again.
    pub fn adopt(
        self,
        session: &mut Session,
        now: Timestamp,
        token: &StoredToken,
    ) -> Result<Step<O>, (Self, UnusableToken)> {
        if let Some(error) = self.call.way.stray(session) {
            return Ok(done(session, Err(error)));
        }
        let Awaits::Token(lease) = &self.awaits else { return Err((self, UnusableToken::OtherScopes)) };
        match session.adopt(lease, token, now) {
            Ok(()) => Ok(self.call.advance(session, now)),
            Err(unusable) => Err((self, unusable)),
        }
    }

    /// Has all calls that need the token wait in place of sending the token request: another process is fetching it. When
    /// the time is up, one of them is to fetch it, or to look into the store again.
    pub fn defer(mut self, session: &mut Session, now: Timestamp, delay: Duration) -> Step<O> {
        if let Some(error) = self.call.way.stray(session) {
            return done(session, Err(error));
        }
        match &self.awaits {
            Awaits::Token(lease) => session.defer(lease, now, delay.max(Duration::from_millis(1))),
            // It has not been sent, and goes now.
            Awaits::Answer(_) => {
                self.call.way.requests -= 1;
                self.call.way.attempts -= 1;
            }
        }
        self.call.advance(session, now)
    }

    /// The right to fetch a token, where that is what the request does.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.awaits {
            Awaits::Token(lease) => Some(lease),
            Awaits::Answer(_) => None,
        }
    }

    /// What the request is for: the operation, or the token that it needs first.
    pub fn name(&self) -> &'static str {
        match self.awaits {
            Awaits::Token(_) => crate::token::NAME,
            Awaits::Answer(_) => O::NAME,
        }
    }

    /// How many requests the call has sent, this one included, token requests apart.
    pub fn requests(&self) -> u32 {
        self.call.way.requests
    }

    /// The same, but of a token request, which one in a row it is.
    pub(crate) fn attempt(&self) -> u32 {
        match &self.awaits {
            Awaits::Token(lease) => lease.attempt(),
            Awaits::Answer(_) => self.requests(),
        }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        match &self.awaits {
            Awaits::Token(_) => None,
            Awaits::Answer(sent) => Some(bearer(&sent.authorization)),
        }
    }
}

impl<O: Operation> Paused<O> {
    /// Goes on. Resuming early is harmless.
    pub fn resume(self, session: &mut Session, now: Timestamp) -> Step<O> {
        match self.0.way.stray(session) {
            Some(error) => done(session, Err(error)),
            None => self.0.advance(session, now),
        }
    }
}

impl Call<Authorize> {
    pub(crate) fn authorize(session: &mut Session, endpoint: &Endpoint, now: Timestamp) -> Step<Authorize> {
        let way = Way::begin(session, endpoint.clone(), None, endpoint.ags_scopes().clone(), now);
        Box::new(Self { operation: Authorize, way }).advance(session, now)
    }
}

impl<O: Operation> Call<O> {
    pub(crate) fn begin(
        session: &mut Session,
        endpoint: &Endpoint,
        mut operation: O,
        now: Timestamp,
    ) -> Step<O> {
        match prepare(session, endpoint, &mut operation, now) {
            Ok((request, offered)) => {
                let way = Way::begin(session, endpoint.clone(), Some(request), offered, now);
                Box::new(Self { operation, way }).advance(session, now)
            }
            Err(error) => done(session, Err(error)),
        }
    }

    fn advance(mut self: Box<Self>, session: &mut Session, now: Timestamp) -> Step<O> {
        let left = session.policy.deadline.saturating_sub(self.way.deadline.elapsed(now));
        if left.is_zero() {
            return self.give_up(session);
        }
        if let Some(pause) = session.paused(now) {
            // Not all at the same moment, when it is over.
            let share = session.share();
            let delay = pause + session.policy.jitter(share);
            if delay >= left {
                self.way.setback.get_or_insert_with(|| throttled(pause));
                return self.give_up(session);
            }
            return Step::Wait(delay, Paused(self));
        }
        if let Some(delay) = self.way.rest.and_then(|rest| rest.remaining(now)) {
            // A rest that outlasts the deadline need not be taken.
            return if delay >= left { self.give_up(session) } else { Step::Wait(delay, Paused(self)) };
        }
        self.way.rest = None;
        match session.acquire(&self.way.offered, self.operation.scopes(), now) {
            Acquired::Wait(delay) => Step::Wait(delay.min(left), Paused(self)),
            Acquired::Cooling(delay, error) => {
                self.way.setback = Some(error);
                if delay >= left { self.give_up(session) } else { Step::Wait(delay, Paused(self)) }
            }
            Acquired::Failed(error) => self.way.fail(session, error),
            Acquired::Fetch(request, lease) => {
                Step::Send(request, InFlight { call: self, awaits: Awaits::Token(lease) })
            }
            Acquired::Ready { authorization, serial, grant, adopted } => {
                self.send(session, Sent { authorization, serial, adopted }, &grant)
            }
        }
    }

    fn send(mut self: Box<Self>, session: &Session, sent: Sent, grant: &Grant) -> Step<O> {
        let Some(request) = &self.way.request else {
            return done(session, self.operation.granted(grant));
        };
        let mut request = request.clone();
        request.headers_mut().insert(AUTHORIZATION, sent.authorization.clone());
        self.way.requests += 1;
        self.way.attempts += 1;
        Step::Send(request, InFlight { call: self, awaits: Awaits::Answer(sent) })
    }

    fn give_up(mut self, session: &Session) -> Step<O> {
        let setback = self.way.setback.take().unwrap_or_else(|| {
            Error::new(ErrorKind::Timeout, "the time for the call was up before the platform could be asked")
        });
        self.way.fail(session, setback)
    }

    fn answered<B: AsRef<[u8]>>(
        mut self: Box<Self>,
        session: &mut Session,
        now: Timestamp,
        sent: &Sent,
        outcome: Result<Response<B>, TransportError>,
    ) -> Step<O> {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                let verdict = retry::after_fault(&error, self.operation.replay());
                self.way.in_doubt |= error.fate() == Fate::InDoubt;
                return self.again(session, now, verdict, Error::from_transport(error));
            }
        };
        let (parts, body) = response.into_parts();
        let response = Response::from_parts(parts, body.as_ref());
        let token = bearer(&sent.authorization);
        if response.status().is_success() {
            session.renewals.accepted(self.way.renewals > 0);
            let status = response.status();
            return self.read(session, now, token, |operation, exchange| {
                operation.response(response, exchange).map_err(|error| error.with_status(status))
            });
        }
        let secrets: Vec<_> = session.tokens.secrets().chain([token]).collect();
        let refusal = Refusal::new(&response, now, &secrets).hide(self.operation.private());
        if response.status().is_redirection() {
            return self.redirected(session, now, response.headers(), refusal);
        }
        if may_be_about_the_token(&refusal) {
            if self.way.is_renewed(sent) {
                session.renewals.in_vain(refusal.status(), now);
            } else if self.way.may_renew(&refusal, sent) && session.renewals.may_help(refusal.status(), now) {
                return self.renew(session, now, sent);
            }
        }
        let verdict = retry::after_refusal(&refusal, self.operation.replay());
        if verdict == Verdict::Final || self.way.is_spent(verdict, &session.policy) {
            return self
                .read(session, now, token, |operation, exchange| operation.refused(refusal, exchange));
        }
        self.way.in_doubt |= retry::may_have_been_acted_on(refusal.status());
        self.again(session, now, verdict, refusal.into())
    }

    /// Goes again with a new token.
    fn renew(mut self: Box<Self>, session: &mut Session, now: Timestamp, sent: &Sent) -> Step<O> {
        session.tokens.reject(sent.serial, &sent.authorization);
        self.way.renewals += 1;
        self.way.attempts = self.way.attempts.saturating_sub(1);
        self.advance(session, now)
    }

    /// Sends the request again when the verdict, the budget and the deadline allow it.
    fn again(
        mut self: Box<Self>,
        session: &mut Session,
        now: Timestamp,
        verdict: Verdict,
        error: Error,
    ) -> Step<O> {
        let after = match verdict {
            Verdict::Later(after) | Verdict::Throttled(after) => after,
            _ => None,
        };
        if after.is_some_and(|after| after > session.policy.max_retry_after) {
            let message = "the platform asks to wait longer than is allowed";
            return self.way.fail(session, error.meaning(ErrorKind::RateLimited { after }, message));
        }
        match verdict {
            Verdict::Unknown => {
                let Self { operation, mut way } = *self;
                let unknown = outcome_unknown(error);
                way.doubt = Some(unknown.clone());
                return way.proceed(session, now, operation.in_doubt(unknown));
            }
            Verdict::Once if !self.way.tried_once => self.way.tried_once = true,
            Verdict::Final | Verdict::Once => return self.way.fail(session, error),
            Verdict::Later(_) | Verdict::Throttled(_) => {}
        }
        if self.way.attempts >= session.policy.max_attempts {
            return self.way.fail(session, error);
        }
        let share = session.share();
        // On top of what the platform asks for, so that those who were told the same do not come back together.
        let delay = after.unwrap_or_default() + session.policy.rest(self.way.attempts, share);
        if after.is_some() || matches!(verdict, Verdict::Throttled(_)) {
            session.pause(now, delay);
        }
        self.way.rest = Some(Interval::new(now, delay));
        self.way.setback = Some(error);
        self.advance(session, now)
    }

    /// Follows a redirect of a GET inside its origin; anything else that redirects is an error (RFC 9110 §15.4).
    fn redirected(
        mut self: Box<Self>,
        session: &mut Session,
        now: Timestamp,
        headers: &HeaderMap,
        refusal: Refusal,
    ) -> Step<O> {
        match self.way.follow(headers) {
            Ok(()) => self.advance(session, now),
            Err(message) => self.way.fail(session, Error::refused(ErrorKind::Redirect, message, refusal)),
        }
    }

    fn read(
        mut self,
        session: &mut Session,
        now: Timestamp,
        token: &str,
        read: impl FnOnce(O, &Exchange<'_>) -> Result<Answer<O>, Error>,
    ) -> Step<O> {
        let request = self.way.request.take().unwrap_or_default();
        let Self { operation, way } = self;
        let exchange = Exchange {
            endpoint: &way.endpoint,
            policy: &session.policy,
            url: request.uri(),
            requests: way.requests,
            in_doubt: way.in_doubt,
            now,
            token,
            tokens: &session.tokens,
        };
        let answer = read(operation, &exchange);
        way.proceed(session, now, answer)
    }
}

impl Way {
    fn begin(
        session: &Session,
        endpoint: Endpoint,
        request: Option<Request<Bytes>>,
        offered: Scopes,
        now: Timestamp,
    ) -> Self {
        Self {
            session: session.seed,
            endpoint,
            deadline: Interval::new(now, session.policy.deadline),
            requests: 0,
            request,
            offered,
            serial_at_begin: session.tokens.serial(),
            attempts: 0,
            tried_once: false,
            redirects: 0,
            renewals: 0,
            in_doubt: false,
            rest: None,
            setback: None,
            doubt: None,
        }
    }

    /// Ends the call, or begins its next exchange: with a budget of its own, within the same deadline.
    fn proceed<O: Operation>(
        self,
        session: &mut Session,
        now: Timestamp,
        answer: Result<Answer<O>, Error>,
    ) -> Step<O> {
        let mut operation = match answer {
            Ok(Answer::Next(operation)) => operation,
            Ok(Answer::Done(output)) => return done(session, Ok(output)),
            Err(error) => return self.fail(session, error),
        };
        let Self { endpoint, deadline, requests, serial_at_begin, doubt, .. } = self;
        match prepare(session, &endpoint, &mut operation, now) {
            Ok((request, offered)) => {
                let way = Self::begin(session, endpoint, Some(request), offered, now);
                Box::new(Call { operation, way: Self { deadline, requests, serial_at_begin, doubt, ..way } })
                    .advance(session, now)
            }
            Err(error) => done(session, Err(error)),
        }
    }

    /// Ends the call with an error.
    fn fail<O: Operation>(self, session: &Session, error: Error) -> Step<O> {
        let error = match self.doubt {
            Some(doubt) if error.kind() != ErrorKind::OutcomeUnknown => doubt.because(error),
            _ => error,
        };
        done(session, Err(error))
    }

    /// A call goes on in the session that it was begun in: its token belongs to that one.
    fn stray(&self, session: &Session) -> Option<Error> {
        (self.session != session.seed).then(|| Error::input("the call was begun in another session"))
    }

    /// Whether a server's failure has been met as often as it may be: it is the platform's last word then, and the
    /// operation's to read.
    fn is_spent(&self, verdict: Verdict, policy: &Policy) -> bool {
        match verdict {
            Verdict::Once => self.tried_once || self.attempts >= policy.max_attempts,
            Verdict::Later(_) => self.attempts >= policy.max_attempts,
            Verdict::Final | Verdict::Unknown | Verdict::Throttled(_) => false,
        }
    }

    /// A token is renewed once. One that came out of a store may be as old as the one that it replaced: once more, then.
    fn is_renewed(&self, sent: &Sent) -> bool {
        self.renewals > u8::from(sent.adopted)
    }

    /// A 401 is worth a new token. A 403 is, where the token is not new.
    fn may_renew(&self, refusal: &Refusal, sent: &Sent) -> bool {
        refusal.status() == StatusCode::UNAUTHORIZED || sent.adopted || sent.serial <= self.serial_at_begin
    }

    fn follow(&mut self, headers: &HeaderMap) -> Result<(), String> {
        let Some(request) = &mut self.request else { return Err("the platform redirects".to_owned()) };
        let location =
            headers.get(LOCATION).and_then(|location| std::str::from_utf8(location.as_bytes()).ok());
        let Some(location) = location else {
            return Err("the platform redirects, but does not say where".to_owned());
        };
        let target = url::Url::parse(&request.uri().to_string()).and_then(|base| base.join(location)).ok();
        let Some(target) = target.and_then(|target| ServiceUrl::from_url(&target).ok()) else {
            return Err("the platform redirects to what is not a URL for a token".to_owned());
        };
        if request.method() != Method::GET {
            return Err(format!(
                "the platform redirects to {}, and what writes is not sent elsewhere; use the URL that it leads to",
                target.origin()
            ));
        }
        if Origin::of_uri(request.uri()).as_ref() != Some(target.origin()) {
            return Err(format!(
                "the platform redirects to {}, where the token does not go",
                target.origin()
            ));
        }
        if self.redirects >= MAX_REDIRECTS {
            return Err(format!("the platform redirects more than {MAX_REDIRECTS} times"));
        }
        *request.uri_mut() = target.to_uri().map_err(|error| error.to_string())?;
        self.redirects += 1;
        self.attempts = self.attempts.saturating_sub(1);
        Ok(())
    }
}

fn done<O: Operation>(session: &Session, result: Result<O::Output, Error>) -> Step<O> {
    Step::Done(
        result.map_err(|error| error.during(O::NAME).without(&session.tokens.secrets().collect::<Vec<_>>())),
    )
}

/// Makes the next request of an operation, and checks that it may be sent, before a token is asked for.
fn prepare<O: Operation>(
    session: &mut Session,
    endpoint: &Endpoint,
    operation: &mut O,
    now: Timestamp,
) -> Result<(Request<Bytes>, Scopes), Error> {
    let mut context = Context { endpoint, policy: &session.policy, timestamps: &mut session.timestamps, now };
    let mut request = operation.request(&mut context)?;
    let offered = session.offered(endpoint, operation.scopes())?;
    let origin = Origin::of_uri(request.uri())
        .ok_or_else(|| Error::input("the URL of the request is not absolute, or not http"))?;
    session.check_platform(endpoint)?;
    session.policy.check_destination(&origin, endpoint.origins())?;
    let user_agent = &session.policy.user_agent;
    request.headers_mut().entry(USER_AGENT).or_insert_with(|| user_agent.clone());
    Ok((request, offered))
}

/// A 401 may mean that the token has expired. So may a 403 (Open edX, Sakai, OpenOLAT), unless the platform says that it is
/// about the scope, or that it is throttling.
fn may_be_about_the_token(refusal: &Refusal) -> bool {
    match refusal.status() {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => {
            !refusal.is_throttling() && refusal.error_code() != Some("insufficient_scope")
        }
        _ => false,
    }
}

fn throttled(pause: Duration) -> Error {
    let kind = ErrorKind::RateLimited { after: Some(pause) };
    Error::new(kind, "the platform is throttling, and asks to wait longer than the call may take")
}

fn outcome_unknown(error: Error) -> Error {
    let message = "nobody knows whether the platform acted on it, and sending it again could do it twice; look before \
                   you try again";
    error.meaning(ErrorKind::OutcomeUnknown, message)
}

impl<O: Operation> fmt::Debug for Step<O>
where
    O::Output: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(request, in_flight) => {
                let (method, url) = (request.method(), request.uri());
                f.debug_tuple("Send").field(&format_args!("{method} {url}")).field(in_flight).finish()
            }
            Self::Wait(delay, paused) => f.debug_tuple("Wait").field(delay).field(paused).finish(),
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
        }
    }
}

impl<O: Operation> fmt::Debug for InFlight<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("name", &self.name())
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl<O: Operation> fmt::Debug for Paused<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Paused").field(&self.0).finish()
    }
}

impl<O: Operation> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(O::NAME)
            .field("requests", &self.way.requests)
            .field("attempts", &self.way.attempts)
            .field("setback", &self.way.setback)
            .finish_non_exhaustive()
    }
}
