//! `GET {line item}/results`, `application/vnd.ims.lis.v2.resultcontainer+json` (AGS 3.3).

use std::num::NonZeroU32;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};

use crate::filter::{Filter, Query};
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::page::{self, Member, Page, sealed};
use crate::{Error, Refusal, Scope, ServiceUrl, UserResult, container, media, request};

/// Lists the results of a line item: the launch's own, unless another is named.
///
/// Users without a result may be left out (AGS 3.3.5): who is not there has no grade, but may well be enrolled.
///
/// ```
/// use lti_ags::ListResults;
///
/// let operation = ListResults::new().at("https://lms.example/lineitems/9")?;
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListResults {
    line_item: Option<ServiceUrl>,
    query: Query,
}

impl ListResults {
    pub(crate) fn of(line_item: ServiceUrl) -> Self {
        Self { line_item: Some(line_item), ..Self::default() }
    }

    /// Lists the results of the launch's own line item.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lists those of this line item.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it is no absolute URL.
    pub fn at<U>(mut self, line_item: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        self.line_item = Some(line_item.try_into()?);
        Ok(self)
    }

    /// Only that of this user. Blackboard leaves the comment out of it; see
    /// [`has_comment_member`](UserResult::has_comment_member).
    #[must_use]
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.query.filter.user_id = Some(user_id.into());
        self
    }

    /// Asks for pages of at most so many (AGS 3.3.6). Moodle 4.5 fails on it: it is then asked once more, without.
    /// Open edX returns so many and hides the rest: set it only where it must be.
    #[must_use]
    pub fn limit(mut self, limit: NonZeroU32) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Adds a parameter of a platform's own.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.others.push((name.into(), value.into()));
        self
    }
}

impl Operation for ListResults {
    type Output = Page<UserResult>;
    const NAME: &'static str = <UserResult as sealed::Listed>::LIST;

    fn scopes(&self) -> &'static [Scope] {
        <UserResult as sealed::Listed>::scopes()
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn page(&self) -> Option<u32> {
        Some(1)
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let line_item = match &self.line_item {
            Some(line_item) => line_item,
            None => context.endpoint.line_item()?,
        };
        request::get(&self.query.on(&line_item.below("results"))?, media::RESULT_CONTAINER)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        page::read(&response, exchange, self.query.filter, page::Trail::default()).map(Answer::Done)
    }

    // Moodle 4.5: any limit is answered by 404 and a page for people.
    fn refused(mut self, refusal: Refusal, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let status = refusal.status();
        let failed = status == StatusCode::NOT_FOUND || status.is_server_error();
        if failed && refusal.is_html() && self.query.limit.take().is_some() {
            return Ok(Answer::Next(self));
        }
        Err(refusal.into())
    }
}

impl Member for UserResult {}

impl sealed::Listed for UserResult {
    const LIST: &'static str = "list results";

    fn accept() -> HeaderValue {
        media::RESULT_CONTAINER
    }

    fn scopes() -> &'static [Scope] {
        const { &[Scope::RESULT_READONLY] }
    }

    fn passes(&self, filter: &Filter) -> bool {
        filter.admits_result(self)
    }

    // A user has one result of a line item; the URL of a result is not always sent.
    fn identity(&self) -> Option<&str> {
        Some(self.user_id())
    }

    fn read(body: &[u8], cap: usize) -> Result<Vec<Self>, Error> {
        container::read_results(body, cap).map_err(Error::from)
    }
}
