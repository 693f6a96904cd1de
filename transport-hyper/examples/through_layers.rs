//! Through tower's layers, put around the ready service: no more than so many requests at once, a header on each, a time
//! limit of its own.
//!
//! What a layer says instead of the service must be classified too. While a layer has no room, the request has not been
//! sent; that much the client knows by itself. Layers that retry or follow redirects are left out: the client does what is
//! safe of these.

mod support;

use std::time::Duration;

use hyper_util::rt::TokioTimer;
use lti_ags_hyper::http::HeaderValue;
use lti_ags_hyper::http::header::HeaderName;
use lti_ags_hyper::{Cause, ClientBuilder, TransportError, https};
use lti_ags_testing::Platform;
use tower::ServiceBuilder;
use tower::timeout::error::Elapsed;
use tower_http::set_header::SetRequestHeaderLayer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = Platform::start();
    let tool_version = HeaderName::from_static("x-tool-version");
    let service = ServiceBuilder::new()
        .concurrency_limit(16)
        .timeout(Duration::from_secs(20))
        .layer(SetRequestHeaderLayer::overriding(tool_version, HeaderValue::from_static("4.2")))
        .service(https());
    let registration = support::registration(&platform)?;
    let client = ClientBuilder::over(registration, service, TokioTimer::new(), classify).build();
    client.call(&support::endpoint(&platform)?, support::score()?).await?;
    support::show(&platform);
    Ok(())
}

fn classify(error: tower::BoxError) -> TransportError {
    match error.downcast() {
        Ok(error) => lti_ags_hyper::classify(*error),
        Err(error) if error.is::<Elapsed>() => TransportError::in_doubt(Cause::Timeout, error),
        Err(error) => TransportError::in_doubt(Cause::Connection, error),
    }
}
