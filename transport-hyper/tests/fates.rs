//! What became of a request that got no answer: whether it certainly was not acted on, or nobody knows.
//!
//! Servers here speak raw bytes to hyper-util's client, and the clock of the runtime is moved where one stays silent.
#![cfg(feature = "rustls")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod frames;

use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use frames::{INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, await_request, frame, goaway};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags_hyper::http::{Request, Response};
use lti_ags_hyper::{
    Algorithm, Bytes, Cause, ClientBuilder, CreateLineItem, Endpoint, Error, ErrorKind, Fate, NewLineItem,
    Policy, Registration, Scope, Signer, SigningKey, TransportError, classify, https,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time;

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn post(scheme: &str, address: &str) -> Request<Full<Bytes>> {
    Request::post(format!("{scheme}://{address}/items")).body(Full::from("{}")).unwrap()
}

/// What becomes of a request that a server of HTTP/2 answers with these bytes, and then closes the connection.
async fn fate_after(answer: Vec<u8>) -> Fate {
    let (listener, address) = listen().await;
    let client = legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(&frame(SETTINGS, 0, &[])).await.unwrap();
        await_request(&mut socket).await;
        socket.write_all(&answer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(client.request(post("http", &address)), served);
    classify(answer.unwrap_err()).fate()
}

#[tokio::test]
async fn a_stream_that_is_refused_was_not_acted_on() {
    let refusal = frame(RST_STREAM, 1, &REFUSED_STREAM.to_be_bytes());
    assert_eq!(fate_after(refusal).await, Fate::NotSent);
}

#[tokio::test]
async fn a_farewell_that_leaves_the_request_out_means_that_it_was_not_acted_on() {
    assert_eq!(fate_after(goaway(0, NO_ERROR)).await, Fate::NotSent);
}

#[tokio::test]
async fn a_farewell_that_includes_the_request_leaves_it_in_doubt() {
    assert_eq!(fate_after(goaway(1, NO_ERROR)).await, Fate::InDoubt);
}

#[tokio::test]
async fn a_broken_stream_or_connection_leaves_a_request_in_doubt() {
    assert_eq!(fate_after(frame(RST_STREAM, 1, &INTERNAL_ERROR.to_be_bytes())).await, Fate::InDoubt);
    assert_eq!(fate_after(goaway(1, INTERNAL_ERROR)).await, Fate::InDoubt);
    assert_eq!(fate_after(Vec::new()).await, Fate::InDoubt);
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = classify(https().request(post("http", &address)).await.unwrap_err());
    assert_eq!((error.fate(), error.cause()), (Fate::NotSent, Cause::Connection));
}

#[tokio::test]
async fn nothing_is_sent_where_tls_is_not_spoken() {
    let (listener, address) = listen().await;
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket.read_to_end(&mut Vec::new()).await
    };
    let client = https();
    let (answer, _) = tokio::join!(client.request(post("https", &address)), served);
    let error = classify(answer.unwrap_err());
    assert_eq!((error.fate(), error.cause()), (Fate::NotSent, Cause::Tls));
}

#[tokio::test]
async fn nothing_is_sent_where_the_greeting_of_tls_is_not_answered() {
    let (listener, address) = listen().await;
    let silent = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        time::pause();
        pending::<()>().await;
    };
    let client = https();
    let answer = time::timeout(Duration::from_secs(60), client.request(post("https", &address)));
    let answer = tokio::select! { answer = answer => answer, () = silent => unreachable!() };
    let error = classify(answer.expect("an end within a minute").unwrap_err());
    assert_eq!((error.fate(), error.cause()), (Fate::NotSent, Cause::Timeout));
}

/// A service that gives a token, and then has no room, or is gone.
#[derive(Clone)]
struct Door {
    gave: Arc<AtomicBool>,
    then: Poll<Result<(), &'static str>>,
}

impl tower_service::Service<Request<Full<Bytes>>> for Door {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.gave.load(Ordering::Relaxed) { self.then } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        assert_eq!(request.uri().path(), "/token");
        self.gave.store(true, Ordering::Relaxed);
        ready(Ok(Response::new(Full::from(r#"{"access_token":"t","token_type":"Bearer"}"#))))
    }
}

struct Nobody;

impl Signer for Nobody {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(vec![1])
    }
}

/// Creates a line item, once, with a service that gives a token and then answers so when it is asked for room.
async fn create(then: Poll<Result<(), &'static str>>) -> Error {
    let key = SigningKey::external(Algorithm::Rs256, "k", Nobody);
    let registration = Registration::new("tool", "https://lms.test/token", key).unwrap();
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    let classify = |error| TransportError::in_doubt(Cause::Connection, error);
    let door = Door { gave: Arc::default(), then };
    let client = ClientBuilder::over(registration, door, TokioTimer::new(), classify).policy(policy).build();
    let endpoint = Endpoint::new(Scope::AGS).with_line_items("https://lms.test/items").unwrap();
    client.call(&endpoint, CreateLineItem::new(NewLineItem::new("Essay", 10.0).unwrap())).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn what_a_service_had_no_room_for_was_not_sent() {
    assert_eq!(create(Poll::Pending).await.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn what_a_service_was_not_given_was_not_sent() {
    assert_eq!(create(Poll::Ready(Err("closed"))).await.kind(), ErrorKind::Connection);
}
