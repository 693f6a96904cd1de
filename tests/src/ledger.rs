//! The ledger: every exchange the platform took part in, as received.

use std::fmt;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Which of the platform's services a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The token endpoint.
    Token,
    /// The container of line items.
    LineItems,
    /// One line item.
    LineItem,
    /// The score service of a line item.
    Scores,
    /// The results of a line item.
    Results,
    /// Anything else.
    Other,
}

/// The head of a request as it stood on the wire, which [`http::Request`] cannot keep. The socket layer puts it into
/// the request's extensions; without it the ledger shows what [`http::Request`] has.
#[derive(Clone, Default)]
pub struct RawHead {
    /// Which connection it came on, counted from 1; 0 where there is none.
    pub connection: u64,
    /// The request target.
    pub target: Vec<u8>,
    /// Header names and values in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl RawHead {
    pub(crate) fn of(request: &http::Request<Vec<u8>>) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self {
            connection: 0,
            target: request.uri().to_string().into_bytes(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
        })
    }
}

impl fmt::Debug for RawHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHead").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// One request and what became of it. `Debug` shows neither headers nor body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// Its number, counted from 1.
    pub number: u64,
    /// Which connection it came on, counted from 1; 0 in tests without sockets.
    pub connection: u64,
    /// When the platform got it.
    pub received_at: Timestamp,
    /// The method.
    pub method: Method,
    /// The request target, raw.
    pub target: Vec<u8>,
    /// Header names and values as received, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
    /// What it was for.
    pub service: Service,
    /// Whether the platform acted on it; a scripted reply may stand before or instead.
    pub acted: bool,
    /// The status answered; `None` where the connection was broken instead.
    pub status: Option<u16>,
    /// What it did, in a few words without secrets or comments.
    pub effect: String,
}

impl Exchange {
    /// The target's path, without the query.
    pub fn path(&self) -> String {
        let target = String::from_utf8_lossy(&self.target);
        path_of(&target).to_owned()
    }

    /// The first value of a header field, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The exchange without target query, headers and body.
    pub fn to_redacted_json(&self) -> Value {
        json!({
            "number": self.number,
            "connection": self.connection,
            "receivedAt": self.received_at.to_string(),
            "method": self.method.as_str(),
            "path": self.path(),
            "status": self.status,
            "acted": self.acted,
            "effect": self.effect,
        })
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, self.path())?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("---")?,
        }
        if self.effect.is_empty() { Ok(()) } else { write!(f, " {}", self.effect) }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({}: {self})", self.number)
    }
}

/// Every exchange, oldest first, or the latest ones if the ledger is
/// [limited](crate::Builder::ledger_limit). Dereferences to a slice; clones are cheap.
#[derive(Debug, Clone)]
pub struct Ledger {
    kept: Vec<Arc<Exchange>>,
    limit: usize,
    seen: u64,
}

impl Ledger {
    pub(crate) fn limited(limit: usize) -> Self {
        Self { kept: Vec::new(), limit, seen: 0 }
    }

    /// Exchanges whose path is exactly this one.
    pub fn requests_to(&self, path: &str) -> Vec<&Exchange> {
        self.select(|exchange| exchange.path() == path)
    }

    /// Exchanges with the token endpoint.
    pub fn token_requests(&self) -> Vec<&Exchange> {
        self.select(|exchange| exchange.service == Service::Token)
    }

    /// Exchanges with anything but the token endpoint.
    pub fn service_requests(&self) -> Vec<&Exchange> {
        self.select(|exchange| exchange.service != Service::Token)
    }

    fn select(&self, keep: impl Fn(&Exchange) -> bool) -> Vec<&Exchange> {
        self.iter().map(Arc::as_ref).filter(|exchange| keep(exchange)).collect()
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.seen + 1
    }

    pub(crate) fn push(&mut self, exchange: Arc<Exchange>) {
        self.seen += 1;
        self.kept.push(exchange);
        // What is too old goes in one sweep now and then, which costs next to nothing for each exchange.
        if self.kept.len() >= self.limit.saturating_mul(2).max(1) && self.kept.len() > self.limit {
            self.kept.drain(..self.kept.len() - self.limit);
        }
    }
}

impl std::ops::Deref for Ledger {
    type Target = [Arc<Exchange>];

    fn deref(&self) -> &Self::Target {
        self.kept.get(self.kept.len().saturating_sub(self.limit)..).unwrap_or_default()
    }
}

/// The path of a request target in origin or absolute form.
pub(crate) fn path_of(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    };
    target.split(['?', '#']).next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_either_form_of_target() {
        assert_eq!(path_of("/a/b?c=/d"), "/a/b");
        assert_eq!(path_of("https://lms.test/a?b"), "/a");
        assert_eq!(path_of("https://lms.test"), "/");
        assert_eq!(path_of("/li.php?u=https://x/y"), "/li.php");
    }

    #[test]
    fn a_limited_ledger_keeps_the_latest() {
        for limit in [0, 1, 3] {
            let mut ledger = Ledger::limited(limit);
            for _ in 0..10 {
                let number = ledger.next_number();
                ledger.push(Arc::new(Exchange {
                    number,
                    connection: 0,
                    received_at: Timestamp::UNIX_EPOCH,
                    method: Method::GET,
                    target: Vec::new(),
                    headers: Vec::new(),
                    body: Vec::new(),
                    service: Service::Other,
                    acted: true,
                    status: None,
                    effect: String::new(),
                }));
            }
            let numbers: Vec<_> = ledger.iter().map(|exchange| exchange.number).collect();
            assert_eq!(numbers, (11 - limit as u64..=10).collect::<Vec<_>>());
            assert!(ledger.kept.len() <= limit * 2);
        }
    }
}
