//! A call that is dropped at whatever point it waits leaves the session usable. It takes no socket and no runtime to see
//! that: the platform is a plain value behind a tower service, and futures are polled by hand.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::mem::take;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::rt::{Sleep, Timer};
use lti_ags_hyper::http::{Request, Response};
use lti_ags_hyper::{
    Bytes, Cause, Client, ClientBuilder, Endpoint, EnsureLineItem, Launch, NewLineItem, PostScore,
    Registration, Score, SigningKey, TransportError,
};
use lti_ags_testing::{Lms, Platform, ToolKey};

/// A platform that takes its time: a call waits for the connection, for the head of the answer, and for its body.
#[derive(Clone)]
struct Service(Arc<Mutex<Lms>>);

impl Service {
    fn lms(&self) -> MutexGuard<'_, Lms> {
        self.0.lock().unwrap()
    }

    async fn exchange(self, request: Request<Full<Bytes>>) -> Result<Response<Late>, Broken> {
        later().await;
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let reply = self.lms().respond(jiff::Timestamp::now(), &Request::from_parts(parts, body));
        later().await;
        let response = reply.into_response().ok_or(Broken)?;
        Ok(response.map(|body| Late { body: Some(body.into()), is_due: false }))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the connection broke")]
struct Broken;

impl tower_service::Service<Request<Full<Bytes>>> for Service {
    type Response = Response<Late>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Late>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

/// A body that is not there at once.
struct Late {
    body: Option<Bytes>,
    is_due: bool,
}

impl Body for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !std::mem::replace(&mut self.is_due, true) {
            return Poll::Pending;
        }
        Poll::Ready(take(&mut self.body).map(|body| Ok(Frame::data(body))))
    }
}

/// Waits for one poll.
async fn later() {
    let mut is_due = false;
    poll_fn(|_| if std::mem::replace(&mut is_due, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// No time passes.
struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Never {}

impl Timer for Never {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self)
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self)
    }
}

/// A client, its platform, and what a launch offers.
fn tool() -> (Client<Service>, Service, Endpoint) {
    let lms = Platform::builder().lms("https://lms.test");
    let launch = Launch::from_claims(lms.claims(jiff::Timestamp::now(), "u-1001")).unwrap();
    let key = ToolKey::shared();
    let signing_key = SigningKey::from_pem(key.private_key_pem()).unwrap().with_key_id(key.id());
    let registration = Registration::new(lms.client_id(), &lms.token_endpoint(), signing_key).unwrap();
    let service = Service(Arc::new(Mutex::new(lms)));
    let classify = |error: Broken| TransportError::in_doubt(Cause::Connection, error);
    let client = ClientBuilder::over(registration, service.clone(), Never, classify).build();
    (client, service, launch.endpoint().unwrap())
}

fn score(given: f64) -> PostScore {
    PostScore::new(Score::graded("u-1001", given, 100.0).build().unwrap())
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end, which is not far.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..100 {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
    panic!("it waits for ever");
}

/// Polls so often, and drops; whether it came to its end.
fn drop_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = Box::pin(future);
    (0..polls).any(|_| poll(future.as_mut()).is_ready())
}

/// Goes through all points at which a call may be dropped; tells how many there were.
fn everywhere(mut try_at: impl FnMut(usize) -> bool) -> usize {
    (0..100).find(|polls| try_at(*polls)).expect("it comes to its end")
}

#[test]
fn the_next_call_goes_on_with_one_token_request_more_at_most() {
    let points = everywhere(|polls| {
        let (client, service, endpoint) = tool();
        let is_finished = drop_after(polls, client.call(&endpoint, score(1.0)));
        let before = service.lms().ledger().token_requests().len();
        finish(client.call(&endpoint, score(2.0))).unwrap();
        let lms = service.lms();
        let more = lms.ledger().token_requests().len() - before;
        assert!(before + more <= 2 && more <= 1, "dropped after {polls} polls: {before} and {more}");
        assert_eq!(lms.gradebook().result("li-1", "u-1001").unwrap().score, Some(2.0));
        lms.assert_no_violations();
        is_finished
    });
    // Connection, head and body, of the token and of the score.
    assert_eq!(points, 7);
}

#[test]
fn a_renewal_may_be_dropped_as_well() {
    let points = everywhere(|polls| {
        let (client, service, endpoint) = tool();
        finish(client.authorize(&endpoint)).unwrap();
        service.lms().revoke_tokens();
        let is_finished = drop_after(polls, client.call(&endpoint, score(1.0)));
        let before = service.lms().ledger().token_requests().len();
        finish(client.call(&endpoint, score(2.0))).unwrap();
        let lms = service.lms();
        assert!(lms.ledger().token_requests().len() - before <= 1, "dropped after {polls} polls");
        assert_eq!(lms.gradebook().result("li-1", "u-1001").unwrap().score, Some(2.0));
        is_finished
    });
    assert_eq!(points, 10);
}

#[test]
fn a_call_that_waits_for_anothers_token_goes_on_when_that_is_dropped() {
    let points = everywhere(|polls| {
        let (client, service, endpoint) = tool();
        let mut waiting = Box::pin(client.call(&endpoint, score(2.0)));
        let is_finished = {
            let mut dropped = Box::pin(client.call(&endpoint, score(1.0)));
            (0..polls).any(|_| {
                let is_ready = poll(dropped.as_mut()).is_ready();
                // It began later, and does not end before.
                assert!(is_ready || poll(waiting.as_mut()).is_pending());
                is_ready
            })
        };
        if !is_finished {
            finish(waiting).unwrap();
            assert!(service.lms().ledger().token_requests().len() <= 2, "dropped after {polls} polls");
        }
        is_finished
    });
    assert_eq!(points, 7);
}

#[test]
fn a_line_item_that_is_ensured_once_more_is_made_once() {
    let item = || EnsureLineItem::new(NewLineItem::new("Essay", 10.0).unwrap().with_tag("essay"));
    let points = everywhere(|polls| {
        let (client, service, endpoint) = tool();
        let is_finished = drop_after(polls, client.call(&endpoint, item()));
        finish(client.call(&endpoint, item())).unwrap();
        let lms = service.lms();
        let made = lms.gradebook().line_items().iter().filter(|item| item.label == "Essay").count();
        assert_eq!(made, 1, "dropped after {polls} polls");
        is_finished
    });
    assert_eq!(points, 10);
}
