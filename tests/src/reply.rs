//! What the platform answers, byte for byte, and how the socket layer is to deliver it.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// An answer, free to be as odd as real platforms' answers are. `Debug` shows neither header values nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The reason phrase, raw: platforms put whole messages, even UTF-8, into it.
    pub reason: Vec<u8>,
    /// Header fields in order. The socket layer adds `Content-Length` where neither it nor
    /// `Transfer-Encoding` is here.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long to wait before anything is sent. The platform has acted by then.
    pub delay: Duration,
    /// What happens on the connection.
    pub delivery: Delivery,
}

/// What the socket layer does with a [`Reply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Delivery {
    /// Sends it and keeps the connection, as the request allows.
    #[default]
    Send,
    /// Sends it and closes the connection.
    SendAndClose,
    /// Sends nothing: the connection is reset (TCP RST).
    Reset,
    /// Sends nothing: the connection is closed (TCP FIN).
    HangUp,
    /// Sends nothing and keeps the connection, until the client gives up.
    Stall,
    /// Sends it byte by byte, with this pause before each.
    Drip(Duration),
    /// Sends it but for the last byte, and closes the connection.
    Truncate,
    /// Sends what is no HTTP in its place, and closes the connection.
    Garbage,
    /// Sends it with a `Content-Length` of half its body; one without a body says 0, and a byte follows.
    WrongLength,
    /// Sends nothing: the connection is closed, and others are refused for this long, as when the platform is started
    /// anew. Without a socket: this request never arrived.
    Refuse(Duration),
}

impl Reply {
    /// An answer without headers or body, with the status' usual reason phrase.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            reason: usual_reason(status).as_bytes().to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Send,
        }
    }

    /// An answer with a JSON body, as `application/json`.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        let mut reply = Self::new(status).header("Content-Type", "application/json");
        reply.body = body.to_string().into_bytes();
        reply
    }

    pub(crate) fn of_type(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(status).header("Content-Type", media_type) }
    }

    /// With this reason phrase.
    pub(crate) fn reason(mut self, reason: impl Into<Vec<u8>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        self
    }

    /// The body as a client gets it that takes its announced length for true.
    pub(crate) fn announced(&self) -> &[u8] {
        match self.delivery {
            Delivery::WrongLength => self.body.get(..self.body.len() / 2).unwrap_or_default(),
            _ => &self.body,
        }
    }

    /// The status the client gets to see: none where no whole answer is sent.
    pub fn seen_status(&self) -> Option<u16> {
        match self.delivery {
            Delivery::Send | Delivery::SendAndClose | Delivery::Drip(_) | Delivery::WrongLength => {
                Some(self.status)
            }
            Delivery::Reset
            | Delivery::HangUp
            | Delivery::Stall
            | Delivery::Truncate
            | Delivery::Garbage
            | Delivery::Refuse(_) => None,
        }
    }

    /// As the client of a sans-IO test gets it: `None` where there is no whole answer, and the fate of the request is
    /// for [`delivery`](Self::delivery) to say. Header names and values that no HTTP library accepts are left out.
    pub fn into_response(self) -> Option<http::Response<Vec<u8>>> {
        let status = self.seen_status()?;
        let mut response = http::Response::new(self.announced().to_vec());
        *response.status_mut() = http::StatusCode::from_u16(status).ok()?;
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (http::HeaderName::try_from(name), http::HeaderValue::from_bytes(&value))
            {
                response.headers_mut().append(name, value);
            }
        }
        Some(response)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("delay", &self.delay)
            .field("delivery", &self.delivery)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn usual_reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_breaks_the_connection_has_no_response() {
        let mut reply = Reply::new(200);
        reply.delivery = Delivery::Reset;
        assert_eq!(reply.seen_status(), None);
        assert!(reply.into_response().is_none());
    }

    #[test]
    fn header_bytes_reach_a_sans_io_client_unchanged() {
        let response =
            Reply::new(200).header("Link", b"<x>; rel=\xe2\x80\x9cnext\xe2\x80\x9d").into_response();
        let response = response.unwrap();
        assert_eq!(response.headers()["link"].as_bytes(), b"<x>; rel=\xe2\x80\x9cnext\xe2\x80\x9d");
    }
}
