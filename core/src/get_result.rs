//! `GET {line item}/results?user_id=…`: the result of one user (AGS 3.3.6).

use bytes::Bytes;
use http::{Request, Response};

use crate::listing::PageRequest;
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::page::Page;
use crate::{Error, ListResults, Refusal, Scope, ServiceUrl, UserResult};

/// Reads the result of one user, in the launch's own line item unless another is named; `None` where the gradebook holds
/// none.
///
/// A platform that returns everybody's (Open edX, Sakai) is read until the user is found, page by page.
#[derive(Clone, Debug)]
pub struct GetResult(PageRequest<ListResults, UserResult>);

impl GetResult {
    /// The user's result in the launch's own line item.
    pub fn new(user_id: impl Into<String>) -> Self {
        Self(PageRequest::First(ListResults::new().user_id(user_id)))
    }

    /// The one in this line item.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it is no absolute URL.
    pub fn at<U>(self, line_item: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        match self.0 {
            PageRequest::First(list) => list.at(line_item).map(|list| Self(PageRequest::First(list))),
            next @ PageRequest::Next(_) => Ok(Self(next)),
        }
    }
}

impl Operation for GetResult {
    type Output = Option<UserResult>;
    const NAME: &'static str = "get result";

    fn scopes(&self) -> &'static [Scope] {
        self.0.scopes()
    }

    fn replay(&self) -> Replay {
        self.0.replay()
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        self.0.request(context)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        self.0.response(response, exchange).map(go_on)
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        self.0.refused(refusal, exchange).map(go_on)
    }
}

fn go_on(answer: Answer<PageRequest<ListResults, UserResult>>) -> Answer<GetResult> {
    match answer {
        Answer::Next(request) => Answer::Next(GetResult(request)),
        Answer::Done(Page { items, next }) => match (items.into_iter().next(), next) {
            (None, Some(next)) => Answer::Next(GetResult(PageRequest::Next(next))),
            (result, _) => Answer::Done(result),
        },
    }
}
