//! Over reqwest: a client that the program has anyway, with its proxies, its certificates and its pool.
//!
//! Two things matter. Redirects must not be followed, since a token would go where nobody allowed it, and a `POST` would
//! come back as a `GET`; and its errors must tell what never left. It reads URLs anew: `%7E` may come out as `~`.

mod support;

use std::time::Duration;

use hyper_util::rt::TokioTimer;
use lti_ags_hyper::http::{Request, Response};
use lti_ags_hyper::{Cause, ClientBuilder, TransportError};
use lti_ags_testing::Platform;
use reqwest::redirect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = Platform::start();
    let http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .build()?;
    let service = tower::service_fn(move |request: Request<_>| {
        let http = http.clone();
        async move {
            let request = request.map(reqwest::Body::wrap).try_into()?;
            http.execute(request).await.map(Response::<reqwest::Body>::from)
        }
    });
    let registration = support::registration(&platform)?;
    let client = ClientBuilder::over(registration, service, TokioTimer::new(), classify).build();
    client.call(&support::endpoint(&platform)?, support::score()?).await?;
    support::show(&platform);
    Ok(())
}

fn classify(error: reqwest::Error) -> TransportError {
    let cause = if error.is_timeout() { Cause::Timeout } else { Cause::Connection };
    if error.is_builder() || error.is_connect() {
        TransportError::not_sent(cause, error)
    } else {
        TransportError::in_doubt(cause, error)
    }
}
