//! What a transport tells about an exchange that is over, for logs: never a token, an assertion or a body.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode, Uri};

use crate::call::InFlight;
use crate::operation::Operation;
use crate::secrecy;
use crate::transport::TransportError;

/// One exchange, told when it is over.
///
/// `Display` is one line: `post score: POST https://lms.example/lineitems/9/scores: 200, 0 bytes, 12 ms (attempt 1)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExchangeReport<'a> {
    /// The operation, or `token request`.
    pub operation: &'static str,
    /// The method.
    pub method: &'a Method,
    /// The URL. Where a platform put a token into it, that is redacted.
    pub url: Cow<'a, str>,
    /// How many requests the call has sent, this one included, token requests apart; of a token request, which one in a
    /// row it is.
    pub attempt: u32,
    /// How it ended: the status and the length of the body in bytes, or why there is none.
    pub outcome: Result<(StatusCode, usize), &'a TransportError>,
    /// How long it took.
    pub elapsed: Duration,
}

impl<'a> ExchangeReport<'a> {
    /// A report, for transports: of the request that the call waits for.
    pub fn new<O: Operation>(
        in_flight: &InFlight<O>,
        (method, url): (&'a Method, &Uri),
        outcome: Result<(StatusCode, usize), &'a TransportError>,
        elapsed: Duration,
    ) -> Self {
        let (operation, attempt) = (in_flight.name(), in_flight.attempt());
        let url = secrecy::scrub(&url.to_string(), in_flight.token().as_slice()).into_owned().into();
        Self { operation, method, url, attempt, outcome, elapsed }
    }
}

impl fmt::Display for ExchangeReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, method, url, attempt, outcome, elapsed } = self;
        write!(f, "{operation}: {method} {url}: ")?;
        match outcome {
            Ok((status, bytes)) => write!(f, "{}, {bytes} bytes", status.as_u16())?,
            Err(error) => write!(f, "{error}: {:?}", error.cause())?,
        }
        write!(f, ", {} ms (attempt {attempt})", elapsed.as_millis())
    }
}
