//! HTTP/2 over TLS, agreed on by ALPN, as platforms behind a modern front speak it: the embedded platform behind hyper's
//! server.
#![cfg(all(feature = "rustls", feature = "aws-lc-rs"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod frames;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lti_ags_hyper::http::{Request, Response, Version};
use lti_ags_hyper::{
    Bytes, Cause, Client, ClientBuilder, Endpoint, Https, Launch, PostScore, Registration, Score, SigningKey,
    Timestamp, classify, https_with,
};
use lti_ags_testing::{Lms, Platform};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time;
use tokio_rustls::TlsAcceptor;

/// A platform that speaks HTTP/2 and nothing else, over TLS with a certificate of its own making.
struct Front {
    lms: Arc<Mutex<Lms>>,
    connections: Arc<AtomicUsize>,
    client: Client<Https>,
    endpoint: Endpoint,
}

const LEARNERS: usize = 300;

fn learner(number: usize) -> String {
    format!("u-{number}")
}

async fn start() -> Front {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let lms = Platform::builder().learners((0..LEARNERS).map(learner)).lms(&base);

    let key = SigningKey::from_pem(lti_ags_testing::ToolKey::shared().private_key_pem()).unwrap();
    let key = key.with_key_id(lti_ags_testing::ToolKey::shared().id());
    let registration = Registration::new(lms.client_id(), &lms.token_endpoint(), key).unwrap();
    let endpoint = Launch::from_claims(lms.claims(now(), &learner(0))).unwrap().endpoint().unwrap();

    let (serving, trusting) = frames::tls();
    let service = https_with(trusting);
    let client = ClientBuilder::over(registration, service, TokioTimer::new(), classify).build();
    let front = Front { lms: Arc::new(Mutex::new(lms)), connections: Arc::default(), client, endpoint };
    let (lms, connections) = (Arc::clone(&front.lms), Arc::clone(&front.connections));
    tokio::spawn(serve(listener, serving, lms, connections));
    front
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, lms: Arc<Mutex<Lms>>, connections: Arc<AtomicUsize>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (tls, lms, connections) = (tls.clone(), Arc::clone(&lms), Arc::clone(&connections));
        tokio::spawn(async move {
            let stream = tls.accept(socket).await.unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            let service = service_fn(move |request| answer(Arc::clone(&lms), request));
            // The client ends a connection when it likes.
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    lms: Arc<Mutex<Lms>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let reply = lms.lock().unwrap().respond(now(), &Request::from_parts(parts, body));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(reply.body.into()).unwrap())
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn graded(user_id: String) -> PostScore {
    PostScore::new(Score::graded(user_id, 85.0, 100.0).build().unwrap())
}

#[tokio::test]
async fn a_score_arrives_over_http2() {
    let front = start().await;
    front.client.call(&front.endpoint, graded(learner(0))).await.unwrap();
    let lms = front.lms.lock().unwrap();
    assert_eq!(lms.gradebook().result("li-1", &learner(0)).unwrap().score, Some(85.0));
    lms.assert_no_violations();
}

#[tokio::test]
async fn hundreds_of_calls_share_a_token_and_a_connection() {
    let front = start().await;
    let calls = (0..LEARNERS).map(|number| {
        let (client, endpoint) = (front.client.clone(), front.endpoint.clone());
        tokio::spawn(async move { client.call(&endpoint, graded(learner(number))).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let lms = front.lms.lock().unwrap();
    assert_eq!(lms.gradebook().results().count(), LEARNERS);
    assert_eq!(lms.ledger().token_requests().len(), 1);
    assert_eq!(front.connections.load(Ordering::Relaxed), 1, "the token request had opened it");
    lms.assert_no_violations();
}

/// A connection that a firewall has forgotten: what is sent there vanishes, and nothing says so.
#[tokio::test]
async fn a_connection_that_went_silent_spoils_one_request_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let (serving, trusting) = frames::tls();
    let silent_after_one_answer = async {
        let mut connections = Vec::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            if !connections.is_empty() {
                time::resume();
            }
            let mut stream = serving.accept(socket).await.unwrap();
            stream.write_all(&frames::frame(frames::SETTINGS, 0, &[])).await.unwrap();
            frames::await_request(&mut stream).await;
            stream.write_all(&frames::ok()).await.unwrap();
            stream.flush().await.unwrap();
            connections.push(stream);
        }
    };
    let requests = async {
        let service = https_with(trusting);
        let get = || service.request(Request::get(&url).body(Full::default()).unwrap());
        get().await.unwrap();
        time::pause();
        let answer = time::timeout(Duration::from_secs(25), get()).await.expect("an end in time");
        assert_eq!(classify(answer.unwrap_err()).cause(), Cause::Timeout);
        get().await.unwrap();
    };
    tokio::select! { () = requests => {}, () = silent_after_one_answer => {} }
}
