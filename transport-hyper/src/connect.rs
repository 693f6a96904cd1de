//! The ready service: hyper-util's connection pool, rustls with AWS-LC, and the certificate authorities that Mozilla trusts.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::rt::Timer;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags::http::Uri;
use lti_ags::{Bytes, Registration};
use rustls::ClientConfig;
use tower_service::Service;

use crate::ClientBuilder;
use crate::classify::classify;
use crate::exchange::{BoxError, either};

/// hyper-util's client over rustls. It speaks HTTP/2 where that is agreed on by TLS (ALPN), and HTTP/1.1 elsewhere.
pub type Https = legacy::Client<Connector, Full<Bytes>>;

/// How long a connection may take to come about, from looking up the host to the last greeting of TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After how long without a sign of life an HTTP/2 connection with requests on it is tried with a ping, and how long the
/// answer may take. Otherwise one that a firewall has forgotten would spoil request after request.
const PING: Duration = Duration::from_secs(10);

pub(crate) fn builder(registration: Registration) -> ClientBuilder<Https> {
    ClientBuilder::over(registration, https(), TokioTimer::new(), classify)
}

/// The service of [`Client::new`](crate::Client::new), to put layers around: pooled connections, HTTP/1.1 and HTTP/2, TLS,
/// and the certificate authorities that Mozilla trusts. [`classify`] reads its errors.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "AWS-LC has cipher suites for TLS 1.2 and 1.3, and nothing that comes from outside changes that"
)]
pub fn https() -> Https {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .expect("AWS-LC has cipher suites for TLS 1.2 and 1.3");
    pooled(connector.https_or_http().enable_http1().enable_http2().wrap_connector(tcp()))
}

/// The same with a TLS configuration of your own: one that trusts a university's own certificate authority, for example.
/// The protocols that it offers (ALPN) are set here.
pub fn https_with(mut tls: ClientConfig) -> Https {
    tls.alpn_protocols.clear();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    pooled(connector.enable_http1().enable_http2().wrap_connector(tcp()))
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // Plain http is the core's to refuse: it lets loopback pass, and hosts that are allowed by name.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

fn pooled(connector: HttpsConnector<HttpConnector>) -> Https {
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .build(Connector(Arc::new(connector)))
}

/// Makes the connections of [`Https`], within ten seconds each: what has no connection by then was certainly not sent.
///
/// hyper-util clones it with each request, and needs it for few of them.
#[derive(Clone)]
pub struct Connector(Arc<HttpsConnector<HttpConnector>>);

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut connector = HttpsConnector::clone(&self.0);
        Box::pin(async move {
            let connecting = async {
                poll_fn(|context| connector.poll_ready(context)).await?;
                connector.call(uri).await
            };
            let mut connected = None;
            let time = TokioTimer::new().sleep(CONNECT_TIMEOUT);
            either(async { connected = Some(connecting.await) }, time).await;
            connected.unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
