//! Requests as AGS wants them: one exact media type a header (AGS 3.2.1, 3.3.4), compact JSON, and nothing else.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use serde::Serialize;

use crate::{Error, ServiceUrl, media};

pub(crate) fn get(url: &ServiceUrl, accept: HeaderValue) -> Result<Request<Bytes>, Error> {
    build(Request::get(url.to_uri()?).header(ACCEPT, accept), Bytes::new())
}

/// A line item to write. It is asked for in the same type, since Open edX negotiates on every method.
pub(crate) fn write(
    method: Method,
    url: &ServiceUrl,
    line_item: &impl Serialize,
) -> Result<Request<Bytes>, Error> {
    let body = serde_json::to_vec(line_item)
        .map_err(|error| Error::input("the line item cannot be written as JSON").because(error))?;
    let request = Request::builder().method(method).uri(url.to_uri()?);
    build(request.header(CONTENT_TYPE, media::LINE_ITEM).header(ACCEPT, media::LINE_ITEM), body.into())
}

pub(crate) fn delete(url: &ServiceUrl) -> Result<Request<Bytes>, Error> {
    build(Request::delete(url.to_uri()?).header(ACCEPT, media::LINE_ITEM), Bytes::new())
}

fn build(request: http::request::Builder, body: Bytes) -> Result<Request<Bytes>, Error> {
    request.body(body).map_err(|error| Error::input("the request cannot be built").because(error))
}
