//! The one error of the library: what kind it is, which operation it ended, what the platform said, what can be done.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::container::ContainerError;
use crate::extensions::ExtensionError;
use crate::refusal::Refusal;
use crate::secrecy;
use crate::transport::TransportError;

/// Why an operation did not give its output.
///
/// Match on [`kind`](Self::kind); show `Display` to a person; log the source chain. None of them contains a token, an
/// assertion, a key or a student's comment. Cloning is cheap: one failed token request answers every call that waited
/// for it.
///
/// ```
/// use lti_ags::{ErrorKind, Score};
///
/// let error = Score::graded("u-1001", f64::NAN, 100.0).build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.specification(), Some("AGS 3.4.4"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: Option<&'static str>,
    message: Cow<'static, str>,
    specification: Option<&'static str>,
    refusal: Option<Arc<Refusal>>,
    status: Option<StatusCode>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What an [`Error`] is about: the thing to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument cannot be sent: nothing was. (A score without a user, a line item without a label…)
    InvalidInput,
    /// The private key cannot be used.
    InvalidKey,
    /// The launch offers no such service: no AGS claim, or no line item or container URL in it.
    ServiceNotAvailable,
    /// The launch, or the token that the platform granted, lacks the scope.
    MissingScope,
    /// The URL is plain http, and its host is neither loopback nor allowed by name.
    InsecureUrl,
    /// The URL leads to an origin that the token must not go to.
    ForeignOrigin,
    /// The line item belongs to the launch itself, or the platform keeps it.
    CoupledLineItem,
    /// The token endpoint refused the tool: its key, its client id, its audience, or the scopes.
    TokenRefused,
    /// The platform answered 401, and again with a new token.
    Unauthorized,
    /// The platform answered 403.
    Forbidden,
    /// The platform is throttling.
    RateLimited {
        /// How long it asked to wait, where it said so.
        after: Option<Duration>,
    },
    /// The platform answered 404 or 410.
    NotFound,
    /// The platform already holds this or a later score of the user.
    StaleTimestamp,
    /// The user is unknown, not enrolled, or has a role that cannot be graded.
    UserNotGradable,
    /// The platform refused the score.
    ScoreRefused,
    /// Several line items match.
    AmbiguousLineItem,
    /// The request may or may not have been acted on, and sending it again could double its effect.
    OutcomeUnknown,
    /// The answer cannot be understood.
    MalformedResponse,
    /// The answer is larger than the caller allows.
    ResponseTooLarge,
    /// The platform's pages lead in a circle.
    PageLoop,
    /// There are more pages than the caller allows.
    TooManyPages,
    /// The platform redirects where a redirect must not be followed.
    Redirect,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// TLS failed: most often a certificate that is not trusted.
    Tls,
    /// The platform answered with a status of 500 or more.
    ServerError,
    /// Any other refusal.
    Refused,
}

impl ErrorKind {
    /// All of them.
    pub(crate) const ALL: [Self; 27] = [
        Self::InvalidInput,
        Self::InvalidKey,
        Self::ServiceNotAvailable,
        Self::MissingScope,
        Self::InsecureUrl,
        Self::ForeignOrigin,
        Self::CoupledLineItem,
        Self::TokenRefused,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RateLimited { after: None },
        Self::NotFound,
        Self::StaleTimestamp,
        Self::UserNotGradable,
        Self::ScoreRefused,
        Self::AmbiguousLineItem,
        Self::OutcomeUnknown,
        Self::MalformedResponse,
        Self::ResponseTooLarge,
        Self::PageLoop,
        Self::TooManyPages,
        Self::Redirect,
        Self::Timeout,
        Self::Connection,
        Self::Tls,
        Self::ServerError,
        Self::Refused,
    ];

    /// Its name in snake case, for logs and machine output; `rate_limited`, for example.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::InvalidKey => "invalid_key",
            Self::ServiceNotAvailable => "service_not_available",
            Self::MissingScope => "missing_scope",
            Self::InsecureUrl => "insecure_url",
            Self::ForeignOrigin => "foreign_origin",
            Self::CoupledLineItem => "coupled_line_item",
            Self::TokenRefused => "token_refused",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::RateLimited { .. } => "rate_limited",
            Self::NotFound => "not_found",
            Self::StaleTimestamp => "stale_timestamp",
            Self::UserNotGradable => "user_not_gradable",
            Self::ScoreRefused => "score_refused",
            Self::AmbiguousLineItem => "ambiguous_line_item",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::MalformedResponse => "malformed_response",
            Self::ResponseTooLarge => "response_too_large",
            Self::PageLoop => "page_loop",
            Self::TooManyPages => "too_many_pages",
            Self::Redirect => "redirect",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::ServerError => "server_error",
            Self::Refused => "refused",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            operation: None,
            message: message.into(),
            specification: None,
            refusal: None,
            status: None,
            source: None,
        }))
    }

    pub(crate) fn input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// An error for an [`Operation`](crate::Operation) of your own: its answer cannot be understood.
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::MalformedResponse, message)
    }

    /// An error for an [`Operation`](crate::Operation) of your own: an argument cannot be sent.
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::input(message)
    }

    /// The refusal as an error of this kind, with a sentence that says what it means or what to do.
    pub fn refused(kind: ErrorKind, message: impl Into<Cow<'static, str>>, refusal: Refusal) -> Self {
        Self::new(kind, message).answered(refusal)
    }

    pub(crate) fn from_transport(error: TransportError) -> Self {
        let kind = error.cause().kind();
        let message = match kind {
            ErrorKind::ResponseTooLarge => {
                "the answer is larger than is allowed; raise the limit if that is right"
            }
            ErrorKind::MalformedResponse => "what came back is not HTTP",
            ErrorKind::Timeout => "no answer in time",
            ErrorKind::Tls => "no secure connection; check the platform's certificate and its name",
            _ => "no connection, or it broke before the answer was complete",
        };
        let status = error.status();
        let failure = Self::new(kind, message).because(error);
        status.into_iter().fold(failure, Self::with_status)
    }

    /// The same error, with what caused it.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Arc<dyn StdError + Send + Sync> = Arc::from(source.into());
        self.change(|inner| inner.source = Some(source))
    }

    /// The same error, with the section of the specification that rules the case, such as `AGS 3.4.4`.
    #[must_use]
    pub fn section(self, section: &'static str) -> Self {
        self.change(|inner| inner.specification = Some(section))
    }

    /// The same case, understood better.
    pub(crate) fn meaning(self, kind: ErrorKind, message: &'static str) -> Self {
        self.change(|inner| {
            inner.kind = kind;
            inner.message = message.into();
        })
    }

    /// The same case, told where: in front of its message.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        self.change(|inner| inner.message = format!("{place}: {}", inner.message).into())
    }

    /// With what the platform answered.
    pub(crate) fn answered(self, refusal: Refusal) -> Self {
        self.change(|inner| inner.refusal = Some(Arc::new(refusal)))
    }

    /// Of an answer with this status, unless it is told already.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = inner.status.or(Some(status)))
    }

    pub(crate) fn during(self, operation: &'static str) -> Self {
        if self.0.operation.is_some() { self } else { self.change(|inner| inner.operation = Some(operation)) }
    }

    /// Without these in its message: it may name what a platform made up, as the host that a link leads to.
    pub(crate) fn without(self, secrets: &[&str]) -> Self {
        match secrecy::scrub_only(&self.0.message, secrets) {
            Cow::Borrowed(_) => self,
            Cow::Owned(message) => self.change(|inner| inner.message = message.into()),
        }
    }

    /// Without the comment that an operation carries, should the platform repeat it where nobody would.
    pub(crate) fn hide(self, private: Option<&str>) -> Self {
        match (&self.0.refusal, private) {
            (Some(refusal), Some(_)) => {
                let hidden = Refusal::clone(refusal).hide(private);
                self.answered(hidden)
            }
            _ => self,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What it is about.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that it ended, such as `post score`; a failed token exchange says `token request`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The status that the platform answered with, a successful one too where the answer cannot be understood.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.refusal.as_deref().map(Refusal::status).or(self.0.status)
    }

    /// What the platform said, where it answered at all.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_deref()
    }

    /// The section of the specification that rules the case, such as `AGS 3.4.4`.
    pub fn specification(&self) -> Option<&'static str> {
        self.0.specification
    }

    /// Whether the same call may succeed later with nothing changed by anyone: throttling, timeouts, connection faults
    /// and server errors.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::RateLimited { .. }
                | ErrorKind::Timeout
                | ErrorKind::Connection
                | ErrorKind::ServerError
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, message, refusal, specification, .. } = &*self.0;
        if let Some(operation) = operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(message)?;
        if let Some(refusal) = refusal {
            write!(f, " ({refusal})")?;
        }
        if let Some(section) = specification {
            write!(f, " [{section}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, operation, message, specification, refusal, source, .. } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("operation", operation)
            .field("message", message)
            .field("specification", specification)
            .field("refusal", refusal)
            .field("status", &self.status())
            .field("source", &source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What a refusal means by its status alone.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        let (kind, message) = match status {
            _ if refusal.is_throttling() => (
                ErrorKind::RateLimited { after: refusal.retry_after() },
                "the platform is throttling; try again later, and more slowly",
            ),
            StatusCode::UNAUTHORIZED => (
                ErrorKind::Unauthorized,
                "the platform does not accept the token for this, not even a new one",
            ),
            StatusCode::FORBIDDEN => (ErrorKind::Forbidden, "the platform does not allow it"),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                (ErrorKind::NotFound, "there is nothing at this URL any more; look for it again")
            }
            _ if status.is_server_error() => (ErrorKind::ServerError, "the platform failed"),
            _ => (ErrorKind::Refused, "the platform refused"),
        };
        Self::refused(kind, message, refusal)
    }
}

impl From<crate::key::KeyError> for Error {
    fn from(error: crate::key::KeyError) -> Self {
        Self::new(ErrorKind::InvalidKey, "the private key cannot be used").because(error)
    }
}

impl From<ExtensionError> for Error {
    fn from(error: ExtensionError) -> Self {
        let message = error.to_string();
        match error {
            ExtensionError::Write { source, .. } | ExtensionError::Read { source, .. } => {
                Self::input(message).because(source)
            }
            _ => Self::input(message),
        }
        .section("AGS 3.1.2")
    }
}

/// A body that cannot be read, or is not read to its end.
impl From<ContainerError> for Error {
    fn from(error: ContainerError) -> Self {
        let message = error.to_string();
        match error {
            ContainerError::TooMany { .. } => Self::new(ErrorKind::ResponseTooLarge, message),
            ContainerError::NotJson { source, .. } | ContainerError::Member { source, .. } => {
                Self::malformed(message).because(source)
            }
            ContainerError::Html | ContainerError::Truncated => Self::malformed(message),
        }
    }
}
