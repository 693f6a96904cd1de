//! The one trait: what an operation is.

use std::fmt;

use bytes::Bytes;
use http::{Request, Response, Uri};
use jiff::Timestamp;

use crate::timestamps::Timestamps;
use crate::token::{Grant, Tokens};
use crate::{Endpoint, Error, Policy, Refusal, Scope};

/// One thing to do with a service of a platform: the scope it needs, its request without `Authorization`, how to read the
/// answer, and whether it may be sent twice.
///
/// Most take one exchange. One that takes several, each depending on what came before, is a value that changes: it
/// answers [`Answer::Next`] with itself in the next state, and the call goes on, within the same deadline.
///
/// Tokens, retries and the transport are none of its affairs. Implement it to reach another LTI service, or a
/// proprietary one, with the same tokens, retries and transports:
///
/// ```
/// use lti_ags::http::{Request, Response};
/// use lti_ags::{Answer, Bytes, Context, Error, Exchange, Operation, Replay, Scope};
///
/// /// `GET` the members of a small course (Names and Role Provisioning Services), without paging.
/// struct ListMembers { url: String }
///
/// impl Operation for ListMembers {
///     type Output = serde_json::Value;
///     const NAME: &'static str = "list members";
///
///     fn scopes(&self) -> &'static [Scope] {
///         const { &[Scope::new("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly")] }
///     }
///
///     fn replay(&self) -> Replay {
///         Replay::Safe
///     }
///
///     fn request(&mut self, _: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
///         Request::get(&self.url)
///             .header("Accept", "application/vnd.ims.lti-nrps.v2.membershipcontainer+json")
///             .body(Bytes::new())
///             .map_err(|error| Error::invalid_input("the URL of the members is none").because(error))
///     }
///
///     fn response(self, response: Response<&[u8]>, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
///         let members = serde_json::from_slice(response.body());
///         members.map(Answer::Done).map_err(|error| Error::malformed("the members are not JSON").because(error))
///     }
/// }
/// ```
pub trait Operation: Sized {
    /// What it gives when it succeeds.
    type Output;

    /// What it is called in errors and logs: a verb and its object, in lower case.
    const NAME: &'static str;

    /// The scopes of which one suffices, the least powerful first.
    fn scopes(&self) -> &'static [Scope];

    /// Whether the same request may be sent again when its fate is unknown.
    fn replay(&self) -> Replay;

    /// The request, without `Authorization`. Called once per exchange, before anything of it is sent; its retries have the
    /// same bytes.
    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error>;

    /// What in the request is for one person's eyes: errors do not show it, where the platform repeats it. A score's
    /// comment, for example.
    fn private(&self) -> Option<&str> {
        None
    }

    /// Of a list: which page it reads, counted from 1. Events tell it.
    fn page(&self) -> Option<u32> {
        None
    }

    /// Reads a successful (2xx) answer.
    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error>;

    /// Reads a final refusal: one that is not mended by a new token, and not retried, or not any more. Override it to
    /// tell refusals apart further, or to find success in one.
    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let _ = exchange;
        Err(refusal.into())
    }

    /// Goes on where an [unsafe](Replay::Unsafe) request may have been acted on and is not sent again: by looking, for
    /// example. The error says so and is of the kind [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        Err(error)
    }

    /// Reads the grant, where a call wants nothing else: see [`Session::authorize`](crate::Session::authorize).
    #[doc(hidden)]
    fn granted(self, _: &Grant) -> Result<Self::Output, Error> {
        Err(Error::input("nothing was asked"))
    }
}

/// What an operation makes of an answer.
#[derive(Debug)]
pub enum Answer<O: Operation> {
    /// It is done.
    Done(O::Output),
    /// It takes another exchange.
    Next(O),
}

impl<O: Operation> Answer<O> {
    /// The same for an operation that `wrap` makes of this one: for operations that go on through others.
    pub fn wrap<W>(self, wrap: impl FnOnce(O) -> W) -> Answer<W>
    where
        W: Operation<Output = O::Output>,
    {
        match self {
            Self::Done(output) => Answer::Done(output),
            Self::Next(operation) => Answer::Next(wrap(operation)),
        }
    }
}

/// Whether repeating a request that may already have been acted on is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Acting on it twice is the same as once.
    Safe,
    /// It is not: the request is sent again only where it certainly was not acted on.
    Unsafe,
}

/// What an operation may draw on when it makes its request.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) policy: &'a Policy,
    pub(crate) timestamps: &'a mut Timestamps,
    pub(crate) now: Timestamp,
}

impl Context<'_> {
    /// The endpoint that the call was begun for.
    pub fn endpoint(&self) -> &Endpoint {
        self.endpoint
    }

    /// The session's policy.
    pub fn policy(&self) -> &Policy {
        self.policy
    }

    /// The time at which the exchange is begun.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The session's timestamps of scores.
    pub fn timestamps(&mut self) -> &mut Timestamps {
        self.timestamps
    }
}

/// What is known of the exchange that an answer ends.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) policy: &'a Policy,
    pub(crate) url: &'a Uri,
    pub(crate) requests: u32,
    pub(crate) in_doubt: bool,
    pub(crate) now: Timestamp,
    pub(crate) token: &'a str,
    pub(crate) tokens: &'a Tokens,
}

impl Exchange<'_> {
    /// The endpoint that the call was begun for.
    pub fn endpoint(&self) -> &Endpoint {
        self.endpoint
    }

    /// The session's policy.
    pub fn policy(&self) -> &Policy {
        self.policy
    }

    /// What a successful status hides: the answer as a refusal, for an error.
    pub fn refusal(&self, response: &Response<&[u8]>) -> Refusal {
        let secrets: Vec<_> = self.tokens.secrets().chain([self.token]).collect();
        Refusal::new(response, self.now, &secrets)
    }

    /// The URL that answered, redirects followed.
    pub fn url(&self) -> &Uri {
        self.url
    }

    /// How many requests the call has sent, this one included, token requests apart.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Whether an earlier request of the same call may have been acted on, its answer lost.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("url", &self.url)
            .field("requests", &self.requests)
            .field("in_doubt", &self.in_doubt)
            .finish_non_exhaustive()
    }
}
