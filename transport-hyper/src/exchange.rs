//! One exchange through a tower service: the request as it is, the answer as it came, and the fate of what got no answer.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::ext::ReasonPhrase as HyperReasonPhrase;
use hyper::rt::Timer;
use lti_ags::http::{Request, Response};
use lti_ags::{Bytes, Cause, ReasonPhrase, TransportError};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Outcome = Result<Response<Bytes>, TransportError>;
pub(crate) type Classify<E> = dyn Fn(E) -> TransportError + Send + Sync;

/// A tower service that takes requests with a whole body: hyper-util's client is one, and so is any stack of layers on it.
///
/// It is implemented for all that are.
pub trait HttpService: tower_service::Service<Request<Full<Bytes>>> {}

impl<S: tower_service::Service<Request<Full<Bytes>>>> HttpService for S {}

/// A service, a timer and the limits of an exchange.
pub(crate) struct Exchanger<S: HttpService> {
    pub(crate) service: S,
    pub(crate) timer: Arc<dyn Timer + Send + Sync>,
    pub(crate) classify: Arc<Classify<S::Error>>,
    pub(crate) request_timeout: Duration,
    pub(crate) max_body_bytes: usize,
}

impl<S, B> Exchanger<S>
where
    S: HttpService<Response = Response<B>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + 'static {
        self.timer.sleep(time)
    }

    /// Sends the request and collects its answer, within the time for an exchange.
    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Outcome {
        let (mut outcome, mut taken) = (None, false);
        let running = async { outcome = Some(self.run(request, &mut taken).await) };
        either(running, self.sleep(self.request_timeout)).await;
        outcome.unwrap_or_else(|| {
            let message = "the time for the exchange is up";
            Err(if taken {
                TransportError::in_doubt(Cause::Timeout, message)
            } else {
                TransportError::not_sent(Cause::Timeout, message)
            })
        })
    }

    /// Tells by `taken` that the service has got the request: what it had no room for was not sent.
    async fn run(&self, request: Request<Bytes>, taken: &mut bool) -> Outcome {
        let mut service = self.service.clone();
        poll_fn(|context| service.poll_ready(context)).await.map_err(|error| {
            let error = (self.classify)(error);
            TransportError::not_sent(error.cause(), error)
        })?;
        *taken = true;
        let response = service.call(request.map(Full::new)).await.map_err(|error| (self.classify)(error))?;
        let (mut parts, body) = response.into_parts();
        if let Some(reason) = parts.extensions.remove::<HyperReasonPhrase>() {
            parts.extensions.insert(ReasonPhrase(Bytes::copy_from_slice(reason.as_bytes())));
        }
        let body = Limited::new(body, self.max_body_bytes).collect().await.map_err(|error| {
            let cause = if error.is::<LengthLimitError>() { Cause::TooLarge } else { Cause::Connection };
            TransportError::in_doubt(cause, error).with_status(parts.status)
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// Ends when either ends, the first one looked at first.
pub(crate) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        other.as_mut().poll(context)
    })
    .await;
}
