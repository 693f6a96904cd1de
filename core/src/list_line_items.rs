//! `GET {container}`, `application/vnd.ims.lis.v2.lineitemcontainer+json` (AGS 3.2.4).

use std::num::NonZeroU32;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response};

use crate::filter::{Filter, Query};
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::page::{self, Member, Page, sealed};
use crate::{Error, LineItem, Scope, ServiceUrl, container, media, request};

/// Lists the line items of a container: the launch's, unless another is named. A platform shows a tool only those that
/// belong to it (AGS 1).
///
/// Filters match exactly, and all of them: what a platform returns beside that is left out. Several line items may match
/// (AGS 4.8).
///
/// ```
/// use lti_ags::ListLineItems;
///
/// let operation = ListLineItems::new().resource_id("quiz-9").tag("grade").query("include[]", "launch_url");
/// # let _ = operation;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListLineItems {
    container: Option<ServiceUrl>,
    query: Query,
}

impl ListLineItems {
    /// Lists all that the launch's container holds.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn matching(filter: Filter, container: Option<ServiceUrl>) -> Self {
        Self { container, query: Query { filter, ..Query::default() } }
    }

    /// Lists another container.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it is no absolute URL.
    pub fn in_container<U>(mut self, container: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        self.container = Some(container.try_into()?);
        Ok(self)
    }

    /// Only those that belong to this resource link. Sakai binds no line item to one.
    #[must_use]
    pub fn resource_link_id(mut self, id: impl Into<String>) -> Self {
        self.query.filter.resource_link_id = Some(id.into());
        self
    }

    /// Only those with this identifier of the tool's own.
    #[must_use]
    pub fn resource_id(mut self, id: impl Into<String>) -> Self {
        self.query.filter.resource_id = Some(id.into());
        self
    }

    /// Only those with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.query.filter.tag = Some(tag.into());
        self
    }

    /// Asks for pages of at most so many: a wish, which changes no more than the number of requests (AGS 3.2.4).
    #[must_use]
    pub fn limit(mut self, limit: NonZeroU32) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Adds a parameter of a platform's own, such as Canvas's `include[]` with `launch_url`.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.others.push((name.into(), value.into()));
        self
    }
}

impl Operation for ListLineItems {
    type Output = Page<LineItem>;
    const NAME: &'static str = <LineItem as sealed::Listed>::LIST;

    fn scopes(&self) -> &'static [Scope] {
        <LineItem as sealed::Listed>::scopes()
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn page(&self) -> Option<u32> {
        Some(1)
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let container = match &self.container {
            Some(container) => container,
            None => context.endpoint.line_items()?,
        };
        request::get(&self.query.on(container)?, media::LINE_ITEM_CONTAINER)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        page::read(&response, exchange, self.query.filter, page::Trail::default()).map(Answer::Done)
    }
}

impl Member for LineItem {}

impl sealed::Listed for LineItem {
    const LIST: &'static str = "list line items";

    fn accept() -> HeaderValue {
        media::LINE_ITEM_CONTAINER
    }

    fn scopes() -> &'static [Scope] {
        const { &[Scope::LINE_ITEM_READONLY, Scope::LINE_ITEM] }
    }

    fn passes(&self, filter: &Filter) -> bool {
        filter.admits_line_item(self)
    }

    fn identity(&self) -> Option<&str> {
        self.id()
    }

    fn read(body: &[u8], cap: usize) -> Result<Vec<Self>, Error> {
        container::read_line_items(body, cap).map_err(Error::from)
    }
}
