//! An operation that does whatever the script wants, as a user's own could.

use http::{Method, Request, Response};

use crate::{Answer, Bytes, Context, Error, Exchange, Operation, Refusal, Replay, Scope};

/// In each request: which exchange of its call it belongs to.
pub(super) const EXCHANGE: &str = "x-exchange";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Members,
    Write,
    WriteAndLook,
}

/// Sends to a URL, which may be any.
#[derive(Debug)]
pub(super) struct Probe {
    purpose: Purpose,
    url: String,
    exchange: u8,
}

/// An operation of several exchanges ends with this one.
const LAST: u8 = 4;

impl Probe {
    pub(super) fn new(purpose: Purpose, url: &str) -> Self {
        let url = if url.is_empty() { super::platform::LINE_ITEMS } else { url };
        Self { purpose, url: url.to_owned(), exchange: 0 }
    }

    fn writes(&self) -> bool {
        matches!(self.purpose, Purpose::Write | Purpose::WriteAndLook) && self.exchange.is_multiple_of(2)
    }

    /// Goes on to the next exchange, if there is one.
    fn next(self) -> Option<Self> {
        let more = self.purpose == Purpose::WriteAndLook && self.exchange < LAST;
        more.then(|| Self { exchange: self.exchange + 1, ..self })
    }
}

impl Operation for Probe {
    type Output = ();
    const NAME: &'static str = "probe";

    fn scopes(&self) -> &'static [Scope] {
        match (self.purpose, self.writes()) {
            (Purpose::Members, _) => {
                const { &[Scope::new("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly")] }
            }
            (_, true) => const { &[Scope::LINE_ITEM] },
            (_, false) => const { &[Scope::LINE_ITEM_READONLY, Scope::LINE_ITEM] },
        }
    }

    fn replay(&self) -> Replay {
        if self.writes() { Replay::Unsafe } else { Replay::Safe }
    }

    fn request(&mut self, _: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let (method, body) = if self.writes() { (Method::POST, "{}") } else { (Method::GET, "") };
        Request::builder()
            .method(method)
            .uri(&self.url)
            .header(EXCHANGE, u16::from(self.exchange))
            .body(Bytes::from_static(body.as_bytes()))
            .map_err(|_| Error::invalid_input("the script has no URL here"))
    }

    fn response(self, _: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        assert!(exchange.requests() > 0);
        Ok(self.next().map_or(Answer::Done(()), Answer::Next))
    }

    fn refused(self, refusal: Refusal, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        self.next().map(Answer::Next).ok_or_else(|| refusal.into())
    }

    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        assert!(self.writes(), "what may be sent twice is never in doubt");
        self.next().map(Answer::Next).ok_or(error)
    }
}
