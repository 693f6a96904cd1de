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

mod machine;
mod way;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use jiff::Timestamp;

use crate::event::{Event, EventKind};
use crate::interval::Interval;
use crate::operation::Operation;
use crate::pacing::Flight;
use crate::token::{Lease, bearer};
use crate::transport::TransportError;
use crate::{Error, Session, retry_after, secrecy};
use machine::done;

pub(crate) use machine::Call;

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
    sent: Timestamp,
}

/// A call that waits: for a token that another call is fetching, or for the platform to recover.
pub struct Paused<O>(Box<Call<O>>);

enum Awaits {
    Token(Lease),
    /// The flight counts as long as the request is under way.
    Answer(Sent, Flight),
}

/// What a request went with.
struct Sent {
    authorization: HeaderValue,
    serial: u64,
    /// It comes from another session, some time ago.
    adopted: bool,
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
        if session.events.are_wanted() {
            let event = self.event(session, now, &outcome);
            session.events.note(|| event);
        }
        match self.awaits {
            Awaits::Token(lease) => {
                let share = session.share();
                session.tokens.settle(&lease, outcome, &session.policy, now, share);
                session.revision += 1;
                self.call.advance(session, now)
            }
            Awaits::Answer(sent, flight) => {
                drop(flight);
                if let Ok(response) = &outcome {
                    session.hear(now, self.sent, response);
                }
                self.call.answered(session, now, &sent, outcome)
            }
        }
    }

    /// Goes on without sending the request, which has not been sent and will not be: another client has fetched the token that
    /// it is for, perhaps, or is fetching it (see [`Inquiry`](crate::Inquiry)).
    pub fn withdraw(mut self, session: &mut Session, now: Timestamp) -> Step<O> {
        if let Some(error) = self.call.way.stray(session) {
            return done(session, Err(error));
        }
        match &self.awaits {
            Awaits::Token(lease) => session.release(lease),
            Awaits::Answer(..) => {
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
            Awaits::Answer(..) => None,
        }
    }

    /// What the request is for: the operation, or the token that it needs first.
    pub fn name(&self) -> &'static str {
        match self.awaits {
            Awaits::Token(_) => crate::token::NAME,
            Awaits::Answer(..) => O::NAME,
        }
    }

    /// How many requests the call has sent, this one included, token requests apart.
    pub fn requests(&self) -> u32 {
        self.call.way.requests
    }

    /// What there is to tell of the exchange that is over.
    fn event<B: AsRef<[u8]>>(
        &self,
        session: &Session,
        now: Timestamp,
        outcome: &Result<Response<B>, TransportError>,
    ) -> Event {
        let (method, url, page, attempt) = match &self.awaits {
            Awaits::Token(lease) => {
                let url = session.registration.token_endpoint().as_str().into();
                (Method::POST, url, None, lease.attempt())
            }
            Awaits::Answer(sent, _) => {
                let (method, url) = self.call.way.target();
                let url = secrecy::scrub(&url, &[bearer(&sent.authorization)]).into_owned().into();
                (method, url, self.call.operation.page(), self.requests())
            }
        };
        let headers = outcome.as_ref().ok().map(Response::headers);
        let kind = EventKind::Exchange {
            method,
            url,
            outcome: match outcome {
                Ok(response) => Ok((response.status(), response.body().as_ref().len())),
                Err(error) => Err(error.clone()),
            },
            elapsed: Interval::since(self.sent, now),
            remaining: headers.and_then(retry_after::rate_limit_remaining),
            cost: headers.and_then(retry_after::request_cost),
        };
        Event { operation: self.name(), attempt, page, kind }
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

    /// Whether it waits for its turn, which the platform's limit gives it.
    pub(crate) fn is_in_line(&self) -> bool {
        self.0.way.ticket.is_some()
    }
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
