//! `GET {line item}`, `application/vnd.ims.lis.v2.lineitem+json` (AGS 3.2.2).

use bytes::Bytes;
use http::{Request, Response};

use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, LineItem, Scope, ServiceUrl, container, media, request};

/// Reads a line item: the launch's own, unless another is named.
///
/// One that comes without an id gets the URL that was asked for it.
///
/// ```
/// use lti_ags::GetLineItem;
///
/// let operation = GetLineItem::new().at("https://lms.example/lineitems/9")?.query("include[]", "launch_url");
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GetLineItem {
    line_item: Option<ServiceUrl>,
    query: Vec<(String, String)>,
}

impl GetLineItem {
    pub(crate) fn of(line_item: ServiceUrl) -> Self {
        Self { line_item: Some(line_item), ..Self::default() }
    }

    /// Reads the launch's own line item.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the line item at this URL.
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

    /// Adds a parameter of a platform's own, such as Canvas's `include[]` with `launch_url`.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }
}

impl Operation for GetLineItem {
    type Output = LineItem;
    const NAME: &'static str = "get line item";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::LINE_ITEM_READONLY, Scope::LINE_ITEM] }
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let line_item = match self.line_item.take() {
            Some(line_item) => line_item,
            None => context.endpoint.line_item()?.clone(),
        };
        let parameters = self.query.iter();
        let url = parameters.fold(line_item.clone(), |url, (name, value)| url.with_query(name, value));
        self.line_item = Some(line_item);
        request::get(&url, media::LINE_ITEM)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let item = read(&response, exchange)?;
        Ok(Answer::Done(match &self.line_item {
            Some(url) => item.or_id(url.as_str()),
            None => item,
        }))
    }
}

/// Reads the one line item of an answer.
pub(crate) fn read(response: &Response<&[u8]>, exchange: &Exchange<'_>) -> Result<LineItem, Error> {
    container::read_line_item(response.body())
        .map_err(Error::from)
        .and_then(|item| item.ok_or_else(|| Error::malformed("the answer holds no line item")))
        .map_err(|error| error.answered(exchange.refusal(response)).section("AGS 3.2.2"))
}
