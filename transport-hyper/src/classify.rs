//! What an error of hyper-util's client means for the request: whether it may have been acted on, and what went wrong.

use std::error::Error as StdError;
use std::io;
use std::iter;

use hyper_util::client::legacy;
use lti_ags::{Cause, TransportError};

/// What an error of hyper-util's client means for the request.
///
/// It was certainly not acted on where no connection came about; where the connection was closed before anything of the
/// request was written; and where the platform itself said so, by HTTP/2's `REFUSED_STREAM`, or by a farewell (`GOAWAY`)
/// that leaves the request out (RFC 9113 §8.7). Otherwise nobody knows.
pub fn classify(error: legacy::Error) -> TransportError {
    let cause = causes(&error).find_map(cause).unwrap_or(Cause::Connection);
    if error.is_connect() || causes(&error).any(is_of_the_unsent) {
        TransportError::not_sent(cause, error)
    } else {
        TransportError::in_doubt(cause, error)
    }
}

fn is_of_the_unsent(error: &(dyn StdError + 'static)) -> bool {
    // hyper calls "canceled" what it hands back unwritten.
    error.downcast_ref().is_some_and(hyper::Error::is_canceled)
        || error.downcast_ref().is_some_and(|error: &h2::Error| {
            error.is_remote()
                && match error.reason() {
                    Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
                    Some(h2::Reason::NO_ERROR) => error.is_go_away(),
                    _ => false,
                }
        })
}

fn cause(error: &(dyn StdError + 'static)) -> Option<Cause> {
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return match () {
            () if error.is_parse() => Some(Cause::Protocol),
            () if error.is_timeout() => Some(Cause::Timeout),
            () => None,
        };
    }
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(timed_out).then_some(Cause::Timeout)
}

/// The error and what it came from. An I/O error does not give what it wraps as its source.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;
    use lti_ags::{Bytes, http};

    use super::*;

    #[tokio::test]
    async fn what_hyper_hands_back_unwritten_was_not_sent() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let (mut sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
        drop(connection);
        let error = sender.send_request(http::Request::new(Full::<Bytes>::default())).await.unwrap_err();
        assert!(causes(&error).any(is_of_the_unsent), "{error:?}");
    }
}
