//! What a transport reports when there is no answer: the one judgement that it must make.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::error::ErrorKind;

/// A failure to get an answer, as the transport saw it.
///
/// The difference that matters is the [`Fate`] of the request: what certainly never left may be sent again whatever
/// it was; what may have been acted on may not. Cloning is cheap.
///
/// ```
/// use lti_ags::{Cause, TransportError};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = TransportError::not_sent(Cause::Connection, refused);
/// assert_eq!(error.cause(), Cause::Connection);
/// ```
#[derive(Clone, Debug)]
pub struct TransportError {
    fate: Fate,
    cause: Cause,
    status: Option<StatusCode>,
    source: Arc<dyn StdError + Send + Sync>,
}

/// Whether the platform may have acted on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never left.
    NotSent,
    /// It left, at least in part; nobody knows what became of it.
    InDoubt,
}

/// What went wrong with an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No connection, or it broke.
    Connection,
    /// It took too long.
    Timeout,
    /// TLS failed.
    Tls,
    /// The answer's body is longer than is allowed.
    TooLarge,
    /// What came back is not HTTP.
    Protocol,
}

impl Cause {
    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::Connection => ErrorKind::Connection,
            Self::Timeout => ErrorKind::Timeout,
            Self::Tls => ErrorKind::Tls,
            Self::TooLarge => ErrorKind::ResponseTooLarge,
            Self::Protocol => ErrorKind::MalformedResponse,
        }
    }
}

impl TransportError {
    /// The request never left.
    pub fn not_sent(cause: Cause, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { fate: Fate::NotSent, cause, status: None, source: Arc::from(source.into()) }
    }

    /// The request may have been acted on.
    pub fn in_doubt(cause: Cause, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { fate: Fate::InDoubt, cause, status: None, source: Arc::from(source.into()) }
    }

    /// With the status of an answer that broke off, or is too large.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Whether the platform may have acted on the request.
    pub fn fate(&self) -> Fate {
        self.fate
    }

    /// What went wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The status, where an answer had begun.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fate {
            Fate::NotSent => "the request was not sent",
            Fate::InDoubt => "no complete answer to the request",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
