//! How a call goes on: what each answer, each fault and each moment makes of it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode};
use jiff::Timestamp;

use super::way::Way;
use super::{Awaits, InFlight, Paused, Sent, Step};
use crate::authorize::Authorize;
use crate::event::{Event, EventKind, WaitReason};
use crate::interval::Interval;
use crate::operation::{Answer, Context, Exchange, Operation};
use crate::retry::{self, Verdict};
use crate::token::{self, Acquired, Ready, bearer};
use crate::transport::{Fate, TransportError};
use crate::{Endpoint, Error, ErrorKind, Refusal, Scopes, Session};

pub(crate) struct Call<O> {
    pub(super) operation: O,
    pub(super) way: Way,
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
        is_one_of_many: bool,
    ) -> Step<O> {
        match prepare(session, endpoint, &mut operation, now) {
            Ok((request, offered)) => {
                let way = Way::begin(session, endpoint.clone(), Some(request), offered, now);
                Box::new(Self { operation, way: Way { is_one_of_many, ..way } }).advance(session, now)
            }
            Err(error) => done(session, Err(error)),
        }
    }

    pub(super) fn advance(mut self: Box<Self>, session: &mut Session, now: Timestamp) -> Step<O> {
        self.way.heed_progress(session.taken);
        self.way.deadline = self.way.deadline.no_later_than(now);
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
            return self.wait(session, delay, WaitReason::Throttled);
        }
        if let Some(delay) = self.way.rest.and_then(|rest| rest.remaining(now)) {
            // A rest that outlasts the deadline need not be taken.
            return if delay >= left {
                self.give_up(session)
            } else {
                self.wait(session, delay, WaitReason::Retry)
            };
        }
        self.way.rest = None;
        if self.way.request.is_some()
            && let Some(delay) = session.pacing.wait(now, &mut self.way.ticket)
        {
            return self.wait(session, delay.min(left), WaitReason::Turn);
        }
        match session.acquire(&self.way.offered, self.operation.scopes(), now) {
            Acquired::Wait(delay) => self.wait(session, delay.min(left), WaitReason::Token),
            Acquired::Cooling(delay, error) => {
                self.way.setback = Some(error.hide(self.operation.private()));
                if delay >= left {
                    self.give_up(session)
                } else {
                    self.wait(session, delay, WaitReason::TokenEndpoint)
                }
            }
            Acquired::Failed(error) => {
                let error = error.hide(self.operation.private());
                self.way.fail(session, error)
            }
            Acquired::Fetch(request, lease) => {
                Step::Send(request, InFlight { call: self, awaits: Awaits::Token(lease), sent: now })
            }
            Acquired::Ready(ready) => {
                // That there was none set it back; that is over.
                self.way.setback.take_if(|error| error.operation() == Some(token::NAME));
                self.send(session, now, ready)
            }
        }
    }

    fn send(
        mut self: Box<Self>,
        session: &mut Session,
        now: Timestamp,
        Ready { authorization, serial, grant, adopted }: Ready,
    ) -> Step<O> {
        let Some(request) = &mut self.way.request else {
            return done(session, self.operation.granted(&grant));
        };
        request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        let request = request.clone();
        self.way.requests += 1;
        self.way.attempts += 1;
        let flight = session.pacing.sent(now, self.way.ticket.take());
        let sent = Sent { authorization, serial, adopted };
        Step::Send(request, InFlight { call: self, awaits: Awaits::Answer(sent, flight), sent: now })
    }

    fn wait(self: Box<Self>, session: &mut Session, delay: Duration, reason: WaitReason) -> Step<O> {
        self.tell(session, EventKind::Wait { length: delay, reason });
        Step::Wait(delay, Paused(self))
    }

    fn tell(&self, session: &mut Session, kind: EventKind) {
        let (attempt, page) = (self.way.requests, self.operation.page());
        session.events.note(|| Event { operation: O::NAME, attempt, page, kind });
    }

    fn give_up(mut self, session: &Session) -> Step<O> {
        let setback = self.way.setback.take().unwrap_or_else(|| {
            if self.way.ticket.is_some() {
                let kind = ErrorKind::RateLimited { after: None };
                return Error::new(
                    kind,
                    "the platform's limit left no room for the call in the time that it had",
                );
            }
            Error::new(ErrorKind::Timeout, "the time for the call was up before the platform could be asked")
        });
        self.way.fail(session, setback)
    }

    pub(super) fn answered<B: AsRef<[u8]>>(
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
            session.taken = Some(now);
            session.renewals.accepted(sent.serial, self.way.renewals > 0);
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
            } else if (self.way.may_renew(&refusal, sent) || self.has_ended_early(session, sent))
                && session.renewals.may_help(refusal.status(), now)
            {
                self.tell(session, EventKind::Renewal { status: refusal.status() });
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

    /// Whether another call has shown that the token was good, so that it must have ended since: one that this call has used
    /// in an earlier exchange has not.
    fn has_ended_early(&self, session: &Session, sent: &Sent) -> bool {
        self.way.requests == self.way.attempts && session.renewals.is_proven(sent.serial)
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
            Verdict::Once => self.way.tried_once = true,
            Verdict::Final => return self.way.fail(session, error),
            Verdict::Later(_) | Verdict::Throttled(_) => {}
        }
        if self.way.attempts >= session.policy.max_attempts {
            return self.way.fail(session, error);
        }
        let share = session.share();
        // On top of what the platform asks for, so that those who were told the same do not come back together.
        let delay = after.unwrap_or_default() + session.policy.rest(self.way.attempts, share);
        if let Some(after) = after {
            session.pause(now, delay.min(after + session.policy.rest(1, share)));
        } else if matches!(verdict, Verdict::Throttled(_)) {
            // This call has failed several times, perhaps; the others have not.
            session.pause(now, session.policy.rest(1, share));
        }
        self.tell(session, EventKind::Retry { error: error.clone() });
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

pub(super) fn done<O: Operation>(session: &Session, result: Result<O::Output, Error>) -> Step<O> {
    Step::Done(
        result.map_err(|error| error.during(O::NAME).without(&session.tokens.secrets().collect::<Vec<_>>())),
    )
}

/// Makes the next request of an operation, and checks that it may be sent, before a token is asked for.
pub(super) fn prepare<O: Operation>(
    session: &mut Session,
    endpoint: &Endpoint,
    operation: &mut O,
    now: Timestamp,
) -> Result<(Request<Bytes>, Scopes), Error> {
    session.timestamps.tell(now);
    let mut context = Context { endpoint, policy: &session.policy, timestamps: &mut session.timestamps, now };
    let mut request = operation.request(&mut context)?;
    let offered = session.offered(endpoint, operation.scopes())?;
    session.check_platform(endpoint)?;
    session.policy.check_target(request.uri(), endpoint.origins())?;
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

impl<O: Operation> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(O::NAME)
            .field("requests", &self.way.requests)
            .field("attempts", &self.way.attempts)
            .field("setback", &self.way.setback)
            .finish_non_exhaustive()
    }
}
