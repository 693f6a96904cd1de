//! The ready client: hyper-util's connection pool, rustls with AWS-LC, and the certificate authorities that Mozilla trusts.

use std::error::Error as StdError;
use std::time::Duration;

use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags::{Bytes, Cause, Registration, TransportError};

use crate::ClientBuilder;

/// hyper-util's client over rustls.
pub type Https = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn builder(registration: Registration) -> ClientBuilder<Https> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // Plain http is the core's to refuse: it lets loopback pass, and hosts that are allowed by name.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .expect("AWS-LC has cipher suites for TLS 1.2 and 1.3");
    let connector = connector.https_or_http().enable_http1().enable_http2().wrap_connector(http);
    let service =
        legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    ClientBuilder::over(registration, service, TokioTimer::new(), classify)
}

/// What an error of hyper-util's client means for the request: it never left where no connection came about.
pub fn classify(error: legacy::Error) -> TransportError {
    let cause = cause(&error);
    if error.is_connect() {
        TransportError::not_sent(cause, error)
    } else {
        TransportError::in_doubt(cause, error)
    }
}

fn cause(error: &legacy::Error) -> Cause {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<rustls::Error>() {
            return Cause::Tls;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_parse() {
                return Cause::Protocol;
            }
            if error.is_timeout() {
                return Cause::Timeout;
            }
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            if error.kind() == std::io::ErrorKind::TimedOut {
                return Cause::Timeout;
            }
            // An I/O error does not give what it wraps as its source.
            if let Some(inner) = error.get_ref() {
                source = Some(inner);
                continue;
            }
        }
        source = error.source();
    }
    Cause::Connection
}
