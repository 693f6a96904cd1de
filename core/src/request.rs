//! Requests as AGS wants them: one exact media type a header (AGS 3.2.1, 3.3.4), compact JSON, and nothing else.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use serde::Serialize;

use crate::{Error, ServiceUrl, media};

pub(crate) fn get(url: &ServiceUrl, accept: HeaderValue) -> Result<Request<Bytes>, Error> {
    Ok(build(Method::GET, url.to_uri()?, [(ACCEPT, accept)], Bytes::new()))
}

/// A line item to write. It is asked for in the same type, since Open edX negotiates on every method.
pub(crate) fn write(
    method: Method,
    url: &ServiceUrl,
    line_item: &impl Serialize,
) -> Result<Request<Bytes>, Error> {
    let body = serde_json::to_vec(line_item)
        .map_err(|error| Error::input("the line item cannot be written as JSON").because(error))?;
    let headers = [(CONTENT_TYPE, media::LINE_ITEM), (ACCEPT, media::LINE_ITEM)];
    Ok(build(method, url.to_uri()?, headers, body.into()))
}

pub(crate) fn delete(url: &ServiceUrl) -> Result<Request<Bytes>, Error> {
    Ok(build(Method::DELETE, url.to_uri()?, [(ACCEPT, media::LINE_ITEM)], Bytes::new()))
}

pub(crate) fn build<const N: usize>(
    method: Method,
    uri: Uri,
    headers: [(HeaderName, HeaderValue); N],
    body: Bytes,
) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for (name, value) in headers {
        request.headers_mut().insert(name, value);
    }
    request
}
