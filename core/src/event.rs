//! What happens to calls, told as values: each exchange, wait, renewal and retry, for logs and metrics. Never a token, an
//! assertion, a body or a comment.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::Session;
use crate::error::Error;
use crate::transport::TransportError;

/// How many events wait to be taken, at most: those of one turn with the session are fewer.
const MOST: usize = 256;

/// Something that happened to a call.
///
/// `Display` is one line: `post score: POST https://lms.example/lineitems/9/scores: 200, 0 bytes, 12 ms (attempt 1)`.
///
/// A session makes events where it was told to ([`Session::record_events`]); a driver takes them in the same turn, and
/// shows them when it has let go of the session.
///
/// ```
/// use lti_ags::{Event, EventKind};
///
/// fn observe(event: &Event) {
///     match &event.kind {
///         EventKind::Exchange { outcome: Ok((status, _)), elapsed, .. } => println!("{status} after {elapsed:?}"),
///         EventKind::Wait { length, reason } => println!("rests for {length:?}: {reason}"),
///         _ => println!("{event}"),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The operation, or `token request`.
    pub operation: &'static str,
    /// How many requests the call has sent, token requests apart; of a token request, which one in a row it is.
    pub attempt: u32,
    /// Of a list: which page the call is for, counted from 1.
    pub page: Option<u32>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A request was answered, or is known to get no answer.
    #[non_exhaustive]
    Exchange {
        /// The method.
        method: Method,
        /// The URL. Where a platform put a token into it, that is redacted.
        url: Box<str>,
        /// How it ended: the status and the length of the body in bytes, or why there is none.
        outcome: Result<(StatusCode, usize), TransportError>,
        /// How long it took, by the session's clock.
        elapsed: Duration,
        /// What the platform said is left of its limit (`X-Rate-Limit-Remaining`; Canvas, Brightspace), in its own units.
        remaining: Option<f64>,
        /// What the request cost of it (`X-Request-Cost`).
        cost: Option<f64>,
    },
    /// The call waits.
    Wait {
        /// For how long, unless the session changes earlier.
        length: Duration,
        /// What for.
        reason: WaitReason,
    },
    /// A service did not accept the token: the call gets another one.
    Renewal {
        /// What the service answered: 401, or 403.
        status: StatusCode,
    },
    /// The request failed in a way that may pass: it is sent again.
    Retry {
        /// What failed.
        error: Error,
    },
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// The token, which another call or another process is fetching.
    Token,
    /// The token endpoint, which failed, and is asked again after a while.
    TokenEndpoint,
    /// The platform, which failed to act on this request.
    Retry,
    /// The platform, which throttles: all calls of the session wait.
    Throttled,
    /// The call's turn: requests are spread, so that the platform need not throttle.
    Turn,
}

/// Events, where they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Events(Option<Vec<Event>>);

impl Events {
    pub(crate) fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.0
            && events.len() < MOST
        {
            events.push(event());
        }
    }
}

impl Session {
    /// Begins to make events.
    pub fn record_events(&mut self) {
        self.events.0.get_or_insert_default();
    }

    /// Takes the events since the last time. A driver does so after each turn of a call, and each of them is that call's;
    /// the next ones are lost where nobody takes some hundreds of them.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, attempt, page, kind } = self;
        write!(f, "{operation}: {kind} (attempt {attempt}")?;
        if let Some(page) = page {
            write!(f, ", page {page}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange { method, url, outcome, elapsed, .. } => {
                write!(f, "{method} {url}: ")?;
                match outcome {
                    Ok((status, bytes)) => write!(f, "{}, {bytes} bytes", status.as_u16())?,
                    Err(error) => write!(f, "{error}: {:?}", error.cause())?,
                }
                write!(f, ", {} ms", elapsed.as_millis())
            }
            Self::Wait { length, reason } => write!(f, "waits {} ms for {reason}", length.as_millis()),
            Self::Renewal { status } => write!(f, "gets another token after a {}", status.as_u16()),
            Self::Retry { error } => match error.status() {
                Some(status) => write!(f, "tries again after a {}", status.as_u16()),
                None => write!(f, "tries again after a failure: {}", error.kind().name()),
            },
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "the token that is being fetched",
            Self::TokenEndpoint => "the token endpoint to recover",
            Self::Retry => "the platform to recover",
            Self::Throttled => "the platform, which throttles",
            Self::Turn => "its turn",
        })
    }
}
