//! One exchange through ureq: the request as it is, the answer as it came, and the fate of what got no answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use lti_ags::http::{Request, Response};
use lti_ags::{Bytes, Cause, TransportError};
use ureq::config::AutoHeaderValue;
use ureq::{Agent, Timeout};

/// An agent and the limits of an exchange.
pub(crate) struct Exchanger {
    pub(crate) agent: Agent,
    pub(crate) request_timeout: Duration,
    pub(crate) max_body_bytes: u64,
}

impl Exchanger {
    /// Sends the request and reads its answer.
    pub(crate) fn exchange(&self, request: Request<Bytes>) -> Result<Response<Vec<u8>>, TransportError> {
        let (parts, body) = request.into_parts();
        // A body that is there but empty would give a GET a content-length.
        let response = if body.is_empty() {
            self.send(Request::from_parts(parts, ()))
        } else {
            self.send(Request::from_parts(parts, &*body))
        };
        let (parts, mut body) = response.map_err(classify)?.into_parts();
        let body = body.with_config().limit(self.max_body_bytes).read_to_vec();
        let body = body.map_err(|error| classify_body(error).with_status(parts.status))?;
        Ok(Response::from_parts(parts, body))
    }

    /// Sets what matters on each request, so that any agent is safe: by default ureq makes errors of refusals, turns a
    /// redirected POST into a GET, waits for ever, and adds an `Accept`.
    fn send(&self, request: Request<impl ureq::AsSendBody>) -> Result<Response<ureq::Body>, ureq::Error> {
        let is_here = request.uri().host().is_some_and(is_loopback);
        let request = self
            .agent
            .configure_request(request)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(self.request_timeout))
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None);
        // Plain http is for what does not leave this machine; a proxy of the environment would see the token.
        let request = if is_here { request.proxy(None) } else { request };
        self.agent.run(request.build())
    }
}

/// As [`Origin::is_loopback`](lti_ags::Origin::is_loopback), for each request, and so without parsing its URL.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

fn classify(error: ureq::Error) -> TransportError {
    use ureq::Error as E;
    match &error {
        E::HostNotFound
        | E::ConnectionFailed
        | E::BadUri(_)
        | E::RequireHttpsOnly(_)
        | E::InvalidProxyUrl
        | E::ConnectProxyFailed(_) => TransportError::not_sent(Cause::Connection, error),
        E::Tls(_) | E::TlsRequired | E::Pem(_) => TransportError::not_sent(Cause::Tls, error),
        E::Rustls(tls) if is_of_the_handshake(tls) => TransportError::not_sent(Cause::Tls, error),
        E::Rustls(_) => TransportError::in_doubt(Cause::Tls, error),
        E::Timeout(Timeout::Resolve | Timeout::Connect) => TransportError::not_sent(Cause::Timeout, error),
        E::Timeout(_) => TransportError::in_doubt(Cause::Timeout, error),
        E::Io(io) => match tls(io) {
            Some(tls) if is_of_the_handshake(tls) => TransportError::not_sent(Cause::Tls, error),
            Some(_) => TransportError::in_doubt(Cause::Tls, error),
            None if io.kind() == io::ErrorKind::ConnectionRefused => {
                TransportError::not_sent(Cause::Connection, error)
            }
            None => TransportError::in_doubt(Cause::Connection, error),
        },
        E::Protocol(_) | E::Http(_) | E::LargeResponseHeader(..) => {
            TransportError::in_doubt(Cause::Protocol, error)
        }
        _ => TransportError::in_doubt(Cause::Connection, error),
    }
}

/// The request has been sent when its answer is read.
fn classify_body(error: ureq::Error) -> TransportError {
    let cause = match &error {
        ureq::Error::BodyExceedsLimit(_) => Cause::TooLarge,
        ureq::Error::Timeout(_) => Cause::Timeout,
        _ => Cause::Connection,
    };
    TransportError::in_doubt(cause, error)
}

/// rustls reports what it finds inside an I/O error.
fn tls(error: &io::Error) -> Option<&rustls::Error> {
    let mut source = error.get_ref().map(|source| source as &(dyn StdError + 'static));
    while let Some(error) = source {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        source = error.source();
    }
    None
}

/// What can only be found before the request is sent. Other TLS faults may come after it as well.
fn is_of_the_handshake(error: &rustls::Error) -> bool {
    use rustls::{AlertDescription as Alert, Error as E};
    matches!(
        error,
        E::InvalidCertificate(_)
            | E::PeerIncompatible(_)
            | E::NoCertificatesPresented
            | E::AlertReceived(Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::UnrecognisedName)
    )
}

impl fmt::Debug for Exchanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanger")
            .field("request_timeout", &self.request_timeout)
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}
