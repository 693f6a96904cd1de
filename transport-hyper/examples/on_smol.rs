//! On another runtime than tokio: smol's sockets and timers, and a connection for each request. Nothing else changes.

mod support;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use lti_ags_hyper::http::{Request, Response, header};
use lti_ags_hyper::{Bytes, Cause, ClientBuilder, TransportError};
use lti_ags_testing::Platform;
use smol::net::TcpStream;
use smol_hyper::rt::{FuturesIo, SmolTimer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = Platform::start();
    let registration = support::registration(&platform)?;
    let service = tower::service_fn(send);
    let client = ClientBuilder::over(registration, service, SmolTimer::new(), |error| error).build();
    let endpoint = support::endpoint(&platform)?;
    smol::block_on(client.call(&endpoint, support::score()?))?;
    support::show(&platform);
    Ok(())
}

/// Sends a request over a connection of its own, without TLS. What fails before it is handed over was not sent.
async fn send(request: Request<Full<Bytes>>) -> Result<Response<Incoming>, TransportError> {
    let uri = request.uri();
    let address = uri.authority().ok_or_else(|| not_sent("the URL has no host"))?.to_string();
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(header::HOST, address.parse().map_err(not_sent)?);
    parts.uri = parts.uri.path_and_query().map_or("/", |target| target.as_str()).parse().map_err(not_sent)?;

    let stream = TcpStream::connect(&address).await.map_err(not_sent)?;
    let (mut sender, connection) = http1::handshake(FuturesIo::new(stream)).await.map_err(not_sent)?;
    smol::spawn(connection).detach();
    let answer = sender.send_request(Request::from_parts(parts, body)).await;
    answer.map_err(|error| TransportError::in_doubt(Cause::Connection, error))
}

fn not_sent(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::not_sent(Cause::Connection, error)
}
