//! A platform that means harm and speaks HTTP/2: frames that no server would send, or without end. The library that reads
//! them has its limits, and here it is seen that they hold in the client as it is configured.
#![cfg(all(feature = "rustls", feature = "aws-lc-rs"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod frames;

use std::time::{Duration, Instant};

use frames::{CONTINUATION, DATA, HEADERS, PING, SETTINGS, await_request, frame, marked, tls};
use hyper_util::rt::TokioTimer;
use lti_ags_hyper::{
    Algorithm, ClientBuilder, Endpoint, ErrorKind, Policy, PostScore, Registration, Score, Signer,
    SigningKey, classify, https_with,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Nobody;

impl Signer for Nobody {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(vec![1])
    }
}

/// Gives a token to whoever asks.
async fn token_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        let body = r#"{"access_token":"t-1","token_type":"Bearer","expires_in":3600}"#;
        let answer =
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        socket.write_all(answer.as_bytes()).await.unwrap();
        // To the end of the request, lest the connection is reset.
        let _ = socket.read_to_end(&mut Vec::new()).await;
    });
    url
}

/// How a call ends whose request is answered so: `settings` greet it, `answer` comes after the request, and then `flood`
/// over and over, as long as the client listens.
async fn end_of(settings: &[u8], answer: Vec<u8>, flood: Vec<u8>) -> ErrorKind {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (serving, trusting) = tls();
    let greeting = frame(SETTINGS, 0, settings);
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = serving.accept(socket).await.unwrap();
        stream.write_all(&greeting).await.unwrap();
        stream.flush().await.unwrap();
        await_request(&mut stream).await;
        stream.write_all(&answer).await.unwrap();
        stream.flush().await.unwrap();
        // It reads nothing any more.
        while !flood.is_empty() && stream.write_all(&flood).await.is_ok() {}
        std::future::pending::<()>().await;
    });

    let key = SigningKey::external(Algorithm::Rs256, "k", Nobody);
    let registration = Registration::new("tool", &token_endpoint().await, key).unwrap();
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    let client = ClientBuilder::over(registration, https_with(trusting), TokioTimer::new(), classify)
        .policy(policy)
        .request_timeout(Duration::from_millis(500))
        .max_body_bytes(1 << 20)
        .build();
    let endpoint = Endpoint::for_line_item(format!("{base}/items/9")).unwrap();
    let score = PostScore::new(Score::graded("u-1001", 1.0, 1.0).build().unwrap());
    let begun = Instant::now();
    let error = client.call(&endpoint, score).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(8), "{error:?}");
    error.kind()
}

/// A member of `SETTINGS` (RFC 9113 §6.5.1).
fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;

const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status 200`, entry 8 of the static table (RFC 7541, appendix A).
const STATUS_200: &[u8] = &[0x88];

/// The head of an answer that has a body.
fn ok() -> Vec<u8> {
    marked(END_HEADERS, frame(HEADERS, 1, STATUS_200))
}

/// A field with a value of a kilobyte, its name in no table; `kind` says whether it is kept in one (RFC 7541 §6.2). The
/// length is 127 and what two more bytes hold (§5.1).
fn field(kind: u8) -> Vec<u8> {
    [&[kind, 1, b'x', 0x7f, 0x81, 0x07][..], &[b'y'; 1024]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_block_without_end_is_an_error() {
    for more in [&*field(0x00), &[]] {
        let flood = frame(CONTINUATION, 1, more);
        assert_eq!(end_of(&[], frame(HEADERS, 1, STATUS_200), flood).await, ErrorKind::Connection);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_header_block_that_unpacks_into_a_large_one_is_an_error() {
    // A field that is kept in the dynamic table, and then named by a byte each time: 15 megabytes of 16 kilobytes.
    let block = [STATUS_200, &field(0x40), &[0xbe; 15_000]].concat();
    let bomb = marked(END_HEADERS, frame(HEADERS, 1, &block));
    assert_eq!(end_of(&[], bomb, Vec::new()).await, ErrorKind::Connection);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_interim_answers_ends() {
    // `:status 103`, its name by the table.
    let interim = marked(END_HEADERS, frame(HEADERS, 1, &[0x08, 0x03, b'1', b'0', b'3']));
    assert_eq!(end_of(&[], Vec::new(), interim).await, ErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_end_is_cut_off() {
    // Within the window that the client opens, as soon as its settings are acknowledged; and beyond it.
    let piece = frame(DATA, 1, &[b' '; 16_384]);
    let answer = [marked(ACK, frame(SETTINGS, 0, &[])), ok(), piece.repeat(96)].concat();
    assert_eq!(end_of(&[], answer, Vec::new()).await, ErrorKind::ResponseTooLarge);
    let end = end_of(&[], ok(), piece).await;
    assert!(matches!(end, ErrorKind::ResponseTooLarge | ErrorKind::Connection), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_say_nothing_and_never_end_are_an_error() {
    for flood in [
        frame(DATA, 1, &[]),
        frame(PING, 0, &[0; 8]),
        frame(SETTINGS, 0, &[]),
        marked(ACK, frame(PING, 0, &[0; 8])),
        // Of a kind that nobody knows.
        frame(0x77, 0, &[0; 8]),
    ] {
        let end = end_of(&[], ok(), flood).await;
        assert!(matches!(end, ErrorKind::Timeout | ErrorKind::Connection), "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_takes_no_request_is_a_timeout() {
    for settings in [setting(INITIAL_WINDOW_SIZE, 0), setting(MAX_CONCURRENT_STREAMS, 0)] {
        assert_eq!(end_of(&settings, Vec::new(), Vec::new()).await, ErrorKind::Timeout);
    }
}
