//! The calls of a passback: scores, and what has to be known before they are sent.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::call::{InFlight, Paused, Step};
use crate::operation::Operation;
use crate::{
    Error, GetLineItem, Lease, LineItem, ListResults, Page, PageRequest, PostScore, Receipt, Session,
    TransportError, UserResult,
};

pub(super) type ReadResults = PageRequest<ListResults, UserResult>;

/// A request of a passback that is with the transport: bring its outcome back with [`Passback::receive`](super::Passback::receive).
#[derive(Debug)]
pub struct Flight {
    /// The number of the row, or the index of the line item.
    of: u64,
    call: Sending,
}

#[derive(Debug)]
pub(super) enum Sending {
    Post(InFlight<PostScore>),
    Read(InFlight<ReadResults>),
    Look(InFlight<GetLineItem>),
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Rest {
    of: u64,
    call: Resting,
}

#[derive(Debug)]
pub(super) enum Resting {
    Post(Paused<PostScore>),
    Read(Paused<ReadResults>),
    Look(Paused<GetLineItem>),
}

/// What a call came to, for now.
pub(super) enum Came {
    Send(Request<Bytes>, Flight),
    Wait(Duration, Rest),
    Posted(u64, Result<Receipt, Error>),
    Read(u64, Result<Page<UserResult>, Error>),
    Looked(u64, Result<LineItem, Error>),
}

/// An operation that a passback performs.
pub(super) trait Errand: Operation {
    fn sending(in_flight: InFlight<Self>) -> Sending;
    fn resting(paused: Paused<Self>) -> Resting;
    fn came(of: u64, result: Result<Self::Output, Error>) -> Came;
}

macro_rules! errand {
    ($operation:ty, $variant:ident, $came:path) => {
        impl Errand for $operation {
            fn sending(in_flight: InFlight<Self>) -> Sending {
                Sending::$variant(in_flight)
            }

            fn resting(paused: Paused<Self>) -> Resting {
                Resting::$variant(paused)
            }

            fn came(of: u64, result: Result<Self::Output, Error>) -> Came {
                $came(of, result)
            }
        }
    };
}

errand!(PostScore, Post, Came::Posted);
errand!(ReadResults, Read, Came::Read);
errand!(GetLineItem, Look, Came::Looked);

impl Came {
    pub(super) fn of<O: Errand>(of: u64, step: Step<O>) -> Self {
        match step {
            Step::Send(request, in_flight) => Self::Send(request, Flight { of, call: O::sending(in_flight) }),
            Step::Wait(delay, paused) => Self::Wait(delay, Rest { of, call: O::resting(paused) }),
            Step::Done(result) => O::came(of, result),
        }
    }
}

impl Rest {
    /// The number of the row whose score it is to carry, if it is to carry one.
    pub(super) fn row(&self) -> Option<u64> {
        matches!(self.call, Resting::Post(_)).then_some(self.of)
    }

    /// Whether it waits for its turn.
    pub(super) fn is_in_line(&self) -> bool {
        match &self.call {
            Resting::Post(paused) => paused.is_in_line(),
            Resting::Read(paused) => paused.is_in_line(),
            Resting::Look(paused) => paused.is_in_line(),
        }
    }

    pub(super) fn resume(self, session: &mut Session, now: Timestamp) -> Came {
        match self.call {
            Resting::Post(paused) => Came::of(self.of, paused.resume(session, now)),
            Resting::Read(paused) => Came::of(self.of, paused.resume(session, now)),
            Resting::Look(paused) => Came::of(self.of, paused.resume(session, now)),
        }
    }
}

impl Flight {
    pub(super) fn receive<B: AsRef<[u8]>>(
        self,
        session: &mut Session,
        now: Timestamp,
        outcome: Result<Response<B>, TransportError>,
    ) -> Came {
        match self.call {
            Sending::Post(in_flight) => Came::of(self.of, in_flight.receive(session, now, outcome)),
            Sending::Read(in_flight) => Came::of(self.of, in_flight.receive(session, now, outcome)),
            Sending::Look(in_flight) => Came::of(self.of, in_flight.receive(session, now, outcome)),
        }
    }

    pub(super) fn withdraw(self, session: &mut Session, now: Timestamp) -> Came {
        match self.call {
            Sending::Post(in_flight) => Came::of(self.of, in_flight.withdraw(session, now)),
            Sending::Read(in_flight) => Came::of(self.of, in_flight.withdraw(session, now)),
            Sending::Look(in_flight) => Came::of(self.of, in_flight.withdraw(session, now)),
        }
    }

    /// The number of the row whose score it carries, if it carries one.
    pub fn row(&self) -> Option<u64> {
        match &self.call {
            Sending::Post(in_flight) if in_flight.lease().is_none() => Some(self.of),
            _ => None,
        }
    }

    /// The right to fetch a token, where that is what the request does; see [`InFlight::lease`].
    pub fn lease(&self) -> Option<&Lease> {
        match &self.call {
            Sending::Post(in_flight) => in_flight.lease(),
            Sending::Read(in_flight) => in_flight.lease(),
            Sending::Look(in_flight) => in_flight.lease(),
        }
    }

    /// What the request is for: an operation, or the token that it needs first.
    pub fn name(&self) -> &'static str {
        match &self.call {
            Sending::Post(in_flight) => in_flight.name(),
            Sending::Read(in_flight) => in_flight.name(),
            Sending::Look(in_flight) => in_flight.name(),
        }
    }
}
