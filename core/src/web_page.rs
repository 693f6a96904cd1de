//! A web page where a service should have answered: 200, and most likely a form to sign in. What was to be written has not
//! arrived.

use http::Response;

use crate::operation::Exchange;
use crate::{Error, ErrorKind};

/// Whether a body is a whole page: the fragments that PHP warns with may stand in front of a success.
fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    let begins =
        |with: &str| body.get(..with.len()).is_some_and(|body| body.eq_ignore_ascii_case(with.as_bytes()));
    begins("<!doctype") || begins("<html")
}

/// Refuses such an answer, without what is for one person's eyes.
pub(crate) fn check(
    response: &Response<&[u8]>,
    exchange: &Exchange<'_>,
    private: Option<&str>,
) -> Result<(), Error> {
    if !is_page(response.body()) {
        return Ok(());
    }
    let message = "the platform answered with a web page, most likely to sign in, and not to the request";
    Err(Error::refused(ErrorKind::MalformedResponse, message, exchange.refusal(response).hide(private)))
}
