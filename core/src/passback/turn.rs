//! What comes next: the one thing that a driver matches on.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::{Batch, Flight, Settlement, Summary};
#[cfg(doc)]
use super::{Passback, Stopper};
#[cfg(doc)]
use crate::Session;

/// What the driver of a [`Passback`] is to do next.
///
/// `Debug` shows neither the body of a request nor its token.
#[must_use = "the passback goes nowhere unless its turn is taken"]
#[expect(clippy::large_enum_variant, reason = "it is matched at once, where it is made")]
pub enum Turn {
    /// Hand the next row in with [`Passback::feed`], or say with [`Passback::finish`] that there is none.
    Feed,
    /// Write this to the journal, then say so with [`Passback::recorded`]. It may take its time: other turns go on.
    Record(Batch),
    /// Send the request, without following redirects, and tell the outcome with [`Passback::receive`].
    Send(Request<Bytes>, Flight),
    /// A row is settled.
    Settled(Settlement),
    /// Nothing can be done until something comes back: an outcome, or that a batch is recorded. Where there is a time, until
    /// it is up, or the session's [revision](Session::revision) changes.
    Wait(Option<Duration>),
    /// All is done, or all that had been begun when it was [stopped](Stopper::stop).
    Done(Summary),
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed => f.write_str("Feed"),
            Self::Record(batch) => f.debug_tuple("Record").field(batch).finish(),
            Self::Send(request, flight) => {
                let (method, url) = (request.method(), request.uri());
                f.debug_tuple("Send").field(&format_args!("{method} {url}")).field(flight).finish()
            }
            Self::Settled(settlement) => f.debug_tuple("Settled").field(settlement).finish(),
            Self::Wait(delay) => f.debug_tuple("Wait").field(delay).finish(),
            Self::Done(summary) => f.debug_tuple("Done").field(summary).finish(),
        }
    }
}
