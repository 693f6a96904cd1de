//! How far a call has come, and how much further it may go.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;

use super::Sent;
use super::Step;
use super::machine::{Call, done, prepare};
use crate::interval::Interval;
use crate::operation::{Answer, Operation};
use crate::pacing::Ticket;
use crate::retry::Verdict;
use crate::url::Origin;
use crate::{Endpoint, Error, ErrorKind, Policy, Refusal, Scopes, Seed, ServiceUrl, Session};

/// How many redirects of a GET are followed.
const MAX_REDIRECTS: u32 = 5;

/// How far a call has come.
pub(super) struct Way {
    /// Of the session that the call was begun in.
    pub(super) session: Seed,
    pub(super) endpoint: Endpoint,
    pub(super) deadline: Interval,
    /// A passback's.
    pub(super) is_one_of_many: bool,
    /// Sent so far, renewals and redirects included.
    pub(super) requests: u32,
    /// `None` where only the permission is wanted.
    pub(super) request: Option<Request<Bytes>>,
    pub(super) offered: Scopes,
    /// Tokens with a higher serial number were fetched after the call was begun.
    pub(super) serial_at_begin: u64,
    /// Requests of this exchange that count towards the policy's limit.
    pub(super) attempts: u32,
    /// A plain 500 was tried again.
    pub(super) tried_once: bool,
    pub(super) redirects: u32,
    /// How often it got a new token.
    pub(super) renewals: u8,
    pub(super) in_doubt: bool,
    pub(super) rest: Option<Interval>,
    /// A place among those who wait for their turn.
    pub(super) ticket: Option<Ticket>,
    /// Why the exchange is not over yet: what to say when its time is up.
    pub(super) setback: Option<Error>,
    /// An earlier exchange of the call may have been acted on: whatever fails now, that remains to be said.
    pub(super) doubt: Option<Error>,
}

impl Way {
    pub(super) fn begin(
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
            is_one_of_many: false,
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
            ticket: None,
            setback: None,
            doubt: None,
        }
    }

    /// Ends the call, or begins its next exchange: with a budget of its own, within the same deadline.
    pub(super) fn proceed<O: Operation>(
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
        let Self { endpoint, deadline, is_one_of_many, requests, serial_at_begin, doubt, .. } = self;
        match prepare(session, &endpoint, &mut operation, now) {
            Ok((request, offered)) => {
                let way = Self::begin(session, endpoint, Some(request), offered, now);
                let way = Self { deadline, is_one_of_many, requests, serial_at_begin, doubt, ..way };
                Box::new(Call { operation, way }).advance(session, now)
            }
            Err(error) => done(session, Err(error)),
        }
    }

    /// Ends the call with an error.
    pub(super) fn fail<O: Operation>(self, session: &Session, error: Error) -> Step<O> {
        let error = match self.doubt {
            Some(doubt) if error.kind() != ErrorKind::OutcomeUnknown => doubt.because(error),
            _ => error,
        };
        done(session, Err(error))
    }

    /// One of many loses no time to the platform's limit, as long as the platform takes others.
    pub(super) fn heed_progress(&mut self, taken: Option<Timestamp>) {
        let is_limited = |error: &Error| matches!(error.kind(), ErrorKind::RateLimited { .. });
        let waits = self.ticket.is_some() || self.setback.as_ref().is_some_and(is_limited);
        if let Some(taken) = taken.filter(|_| self.is_one_of_many && waits) {
            self.deadline = self.deadline.no_earlier_than(taken);
        }
    }

    /// A call goes on in the session that it was begun in: its token belongs to that one.
    pub(super) fn stray(&self, session: &Session) -> Option<Error> {
        (self.session != session.seed).then(|| Error::input("the call was begun in another session"))
    }

    /// Whether a server's failure has been met as often as it may be: it is the platform's last word then, and the
    /// operation's to read.
    pub(super) fn is_spent(&self, verdict: Verdict, policy: &Policy) -> bool {
        match verdict {
            Verdict::Once => self.tried_once || self.attempts >= policy.max_attempts,
            Verdict::Later(_) => self.attempts >= policy.max_attempts,
            Verdict::Final | Verdict::Unknown | Verdict::Throttled(_) => false,
        }
    }

    /// A token is renewed once. One that came out of a store may be as old as the one that it replaced: once more, then.
    pub(super) fn is_renewed(&self, sent: &Sent) -> bool {
        self.renewals > u8::from(sent.adopted)
    }

    /// A 401 is worth a new token. A 403 is, where the token is not new.
    pub(super) fn may_renew(&self, refusal: &Refusal, sent: &Sent) -> bool {
        refusal.status() == StatusCode::UNAUTHORIZED || sent.adopted || sent.serial <= self.serial_at_begin
    }

    /// Where the request goes.
    pub(super) fn target(&self) -> (Method, String) {
        match &self.request {
            Some(request) => (request.method().clone(), request.uri().to_string()),
            None => (Method::GET, String::new()),
        }
    }

    pub(super) fn follow(&mut self, headers: &HeaderMap) -> Result<(), String> {
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
