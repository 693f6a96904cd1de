//! Getting a token and nothing more, to see what a platform grants.

use bytes::Bytes;
use http::{Request, Response};

use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::token::Grant;
use crate::{Error, Scope};

/// The operation behind [`Session::authorize`](crate::Session::authorize): it ends as soon as there is a token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Authorize;

impl Operation for Authorize {
    type Output = Grant;
    const NAME: &'static str = "authorize";

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, _: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        Err(Error::input("authorizing has no request of its own; begin it with `Session::authorize`"))
    }

    fn response(self, _: Response<&[u8]>, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        Err(Error::input("authorizing has no request of its own; begin it with `Session::authorize`"))
    }

    fn granted(self, grant: &Grant) -> Result<Grant, Error> {
        Ok(grant.clone())
    }
}
