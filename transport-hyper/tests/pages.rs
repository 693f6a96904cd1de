//! Lists as streams, over a service that answers at once: nothing here waits.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_core::Stream;
use http_body_util::Full;
use hyper::rt::{Sleep, Timer};
use lti_ags_hyper::http::{Request, Response};
use lti_ags_hyper::{
    Algorithm, Bytes, Client, ClientBuilder, Endpoint, ErrorKind, LineItem, ListLineItems, Registration,
    Scope, Signer, SigningKey, TransportError,
};

/// Three pages of two line items; the third cannot be read. It notes what it is asked.
#[derive(Clone, Default)]
struct Platform {
    asked: Arc<Mutex<Vec<String>>>,
    /// How often each answer lets itself be waited for.
    waits: u32,
}

struct Answer(Option<Response<Full<Bytes>>>, u32);

impl Future for Answer {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 > 0 {
            self.1 -= 1;
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.0.take().unwrap()))
    }
}

impl tower_service::Service<Request<Full<Bytes>>> for Platform {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let path = request.uri().path_and_query().unwrap().to_string();
        let body = match &*path {
            "/token" => r#"{"access_token":"t","token_type":"Bearer"}"#,
            "/items" => r#"[{"label":"1","scoreMaximum":1},{"label":"2","scoreMaximum":1}]"#,
            "/items?p=2" => r#"[{"label":"3","scoreMaximum":1},{"label":"4","scoreMaximum":1}]"#,
            _ => "[",
        };
        let next = if path == "/items" { "?p=2" } else { "?p=3" };
        self.asked.lock().unwrap().push(path);
        let response = Response::builder().header("link", format!("<{next}>; rel=next"));
        Answer(Some(response.body(body.into()).unwrap()), self.waits)
    }
}

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

impl Signer for Never {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(vec![1])
    }
}

fn client() -> (Client<Platform>, Platform, Endpoint) {
    client_on(Platform::default())
}

fn client_on(platform: Platform) -> (Client<Platform>, Platform, Endpoint) {
    let key = SigningKey::external(Algorithm::Rs256, "k", Never);
    let registration = Registration::new("tool", "https://lms.test/token", key).unwrap();
    let classify = |never: Infallible| -> TransportError { match never {} };
    let client = ClientBuilder::over(registration, platform.clone(), Never, classify).build();
    (client, platform, Endpoint::new(Scope::AGS).with_line_items("https://lms.test/items").unwrap())
}

fn now<T>(mut future: Pin<&mut dyn Future<Output = T>>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn next<S: Stream + Unpin + Send + 'static>(stream: &mut S) -> Option<S::Item> {
    match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_page_is_read_when_it_is_asked_for() {
    let (client, platform, endpoint) = client();
    let mut pages = client.pages(&endpoint, ListLineItems::new());
    assert!(platform.asked.lock().unwrap().is_empty());
    assert_eq!(next(&mut pages).unwrap().unwrap().items.len(), 2);
    assert_eq!(*platform.asked.lock().unwrap(), ["/token", "/items"]);
    assert!(next(&mut pages).unwrap().unwrap().next.is_some());
    assert_eq!(next(&mut pages).unwrap().unwrap_err().kind(), ErrorKind::MalformedResponse);
    assert!(next(&mut pages).is_none() && next(&mut pages).is_none());
    assert_eq!(platform.asked.lock().unwrap().len(), 4);
}

#[test]
fn items_come_in_order_and_an_error_in_its_place() {
    let (client, platform, endpoint) = client();
    let mut items = client.items(&endpoint, ListLineItems::new());
    let mut labels = Vec::new();
    while let Some(item) = next(&mut items) {
        labels.push(
            item.map_or_else(
                |error| error.kind().name().to_owned(),
                |item: LineItem| item.label().to_owned(),
            ),
        );
    }
    assert_eq!(labels, ["1", "2", "3", "4", "malformed_response"]);
    assert_eq!(platform.asked.lock().unwrap().len(), 4);
}

#[test]
fn a_list_is_collected_whole_or_not_at_all() {
    let (client, platform, endpoint) = client();
    let error = now(pin!(client.collect(&endpoint, ListLineItems::new(), 3))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    assert_eq!(platform.asked.lock().unwrap().len(), 3);
    let error = now(pin!(client.collect(&endpoint, ListLineItems::new(), 100))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
}

#[test]
fn a_reader_that_stops_waiting_loses_no_page_and_asks_for_none_twice() {
    let (client, platform, endpoint) = client_on(Platform { waits: 3, ..Platform::default() });
    let mut items = client.items(&endpoint, ListLineItems::new());
    let (mut labels, mut waits) = (Vec::new(), 0);
    loop {
        // As a `select!` does when something else comes first.
        let next = std::future::poll_fn(|context| Pin::new(&mut items).poll_next(context));
        match pin!(next).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => waits += 1,
            Poll::Ready(Some(item)) => labels.extend(item.ok().map(|item: LineItem| item.label().to_owned())),
            Poll::Ready(None) => break,
        }
    }
    assert_eq!((waits, labels), (12, ["1", "2", "3", "4"].map(str::to_owned).to_vec()));
    assert_eq!(*platform.asked.lock().unwrap(), ["/token", "/items", "/items?p=2", "/items?p=3"]);
}
