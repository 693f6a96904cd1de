//! `POST {container}`, `application/vnd.ims.lis.v2.lineitem+json` (AGS 3.2.5).

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use url::Url;

use crate::get_line_item;
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, ErrorKind, LineItem, NewLineItem, Refusal, Scope, ServiceUrl, request, web_page};

/// Creates a line item in a container: the launch's, unless another is named.
///
/// Its output is the line item as the platform answers it, which may lack or change what was asked for (AGS 3.2.5); Moodle
/// 4.5 repeats what it was sent, also what it does not hold. Where the platform answers no more than its URL, the output
/// is what was asked for, with that URL as its id.
///
/// It is sent again only where the first try certainly was not acted on; else the error is
/// [`ErrorKind::OutcomeUnknown`]. Use [`EnsureLineItem`](crate::EnsureLineItem) where a line item must not be created
/// twice.
///
/// ```
/// use lti_ags::{CreateLineItem, NewLineItem};
///
/// let operation = CreateLineItem::new(NewLineItem::new("Lab 3", 20.0)?.with_resource_id("lab-3"));
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CreateLineItem {
    item: NewLineItem,
    container: Option<ServiceUrl>,
}

impl CreateLineItem {
    /// Creates it in the launch's container.
    pub fn new(item: NewLineItem) -> Self {
        Self { item, container: None }
    }

    /// Creates it in another container.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where it is no absolute URL.
    pub fn in_container<U>(mut self, container: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        self.container = Some(container.try_into()?);
        Ok(self)
    }
}

impl Operation for CreateLineItem {
    type Output = LineItem;
    const NAME: &'static str = "create line item";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::LINE_ITEM] }
    }

    // Twice the same is two columns in the gradebook (RFC 9110 §9.2.2).
    fn replay(&self) -> Replay {
        Replay::Unsafe
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let container = match &self.container {
            Some(container) => container,
            None => context.endpoint.line_items()?,
        };
        request::write(Method::POST, container, &self.item)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        web_page::check(&response, exchange, self.private())?;
        let read = get_line_item::read(&response, exchange);
        if let Ok(item) = &read
            && item.id().is_some()
        {
            return read.map(Answer::Done);
        }
        if let Some(url) = location(response.headers(), exchange.url()) {
            let item = read.unwrap_or_else(|_| self.item.as_line_item().clone());
            return Ok(Answer::Done(item.or_id(url.as_str())));
        }
        let message = "the platform created the line item but does not tell its URL; look for it in the list";
        let error = Error::refused(ErrorKind::MalformedResponse, message, exchange.refusal(&response));
        Err(match read {
            Ok(_) => error,
            Err(unread) => error.because(unread),
        }
        .section("AGS 3.2.5"))
    }

    fn refused(self, refusal: Refusal, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        Err(match refusal.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                let message = "the platform does not find the container, or not the resource link that the line item is for";
                Error::refused(ErrorKind::NotFound, message, refusal).section("AGS 3.2.9")
            }
            _ => refusal.into(),
        })
    }

    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        let message =
            "nobody knows whether the line item was created; ensure it instead, which looks for it first";
        Err(error.meaning(ErrorKind::OutcomeUnknown, message).section("AGS 3.2.5"))
    }
}

/// Where the new line item is, if a header says so.
fn location(headers: &HeaderMap, answered: &Uri) -> Option<ServiceUrl> {
    let location = std::str::from_utf8(headers.get(LOCATION)?.as_bytes()).ok()?;
    if let Ok(url) = location.parse() {
        return Some(url);
    }
    let url = Url::parse(&answered.to_string()).ok()?.join(location).ok()?;
    ServiceUrl::from_url(&url).ok()
}
