//! What a transport tells about an exchange that is over, for logs: never a token, an assertion or a body.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode, Uri};

use crate::transport::TransportError;

/// One exchange, told when it is over.
///
/// `Display` is one line: `post score: POST https://lms.example/lineitems/9/scores: 200, 0 bytes, 12 ms (attempt 1)`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ExchangeReport<'a> {
    /// The operation, or `token request`.
    pub operation: &'static str,
    /// The method.
    pub method: &'a Method,
    /// The URL, without a token in it.
    pub url: &'a Uri,
    /// How many requests the call has sent, this one included, token requests apart.
    pub attempt: u32,
    /// How it ended: the status and the length of the body in bytes, or why there is none.
    pub outcome: Result<(StatusCode, usize), &'a TransportError>,
    /// How long it took.
    pub elapsed: Duration,
}

impl<'a> ExchangeReport<'a> {
    /// A report, for transports.
    pub fn new(
        operation: &'static str,
        attempt: u32,
        (method, url): (&'a Method, &'a Uri),
        outcome: Result<(StatusCode, usize), &'a TransportError>,
        elapsed: Duration,
    ) -> Self {
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
        write!(f, ", {} ms", elapsed.as_millis())?;
        if *attempt > 0 { write!(f, " (attempt {attempt})") } else { Ok(()) }
    }
}
