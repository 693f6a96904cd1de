//! A platform whose bytes are wrong, late, too many or lost, over real sockets and both transports.

mod common;

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use common::{Limits, Tool, impatient};
use lti_ags::{
    Algorithm, CreateLineItem, Endpoint, ErrorKind, ListResults, NewLineItem, Page, Policy, PostScore,
    Registration, Scope, Score, Signer, SigningKey, UserResult,
};

scenarios! {
    an_answer_a_byte_at_a_time_is_a_timeout,
    a_header_a_byte_at_a_time_is_a_timeout,
    headers_without_end_are_an_error,
    interim_answers_are_not_the_answer,
    an_answer_behind_the_answer_is_not_the_next_answer,
    a_connection_closed_meanwhile_makes_no_creation_uncertain,
    a_connection_closed_meanwhile_with_words_makes_no_creation_uncertain,
    a_body_shorter_than_announced_is_no_receipt,
    a_body_where_none_may_be_does_not_spoil_the_next_exchange,
    contradictory_lengths_are_an_error,
    what_nobody_asked_to_compress_is_an_error,
    an_exchange_ends_with_the_deadline,
}

/// Reads requests, and does with the connection what the test says. It notes the requests to services.
struct Platform {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

const TOKEN: &str = r#"{"access_token":"nf.Zk3~81-planted","token_type":"Bearer","expires_in":3600}"#;

impl Platform {
    /// `answer` gets the connection and how many requests to services came before; it says whether the connection stays.
    fn start(answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, noted) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                thread::spawn(move || serve(stream, &*answer, &noted));
            }
        });
        Self { origin, seen }
    }

    fn endpoint(&self) -> Endpoint {
        let url = |path: &str| format!("{}{path}", self.origin);
        let endpoint = Endpoint::new(Scope::AGS).with_line_items(url("/items"));
        endpoint.unwrap().with_line_item(url("/items/9")).unwrap()
    }

    fn tool<T: Tool>(&self, policy: Policy, request_timeout: Duration) -> T {
        T::assemble(self.registration(), policy, Limits { request_timeout, ..Limits::default() })
    }

    fn registration(&self) -> Registration {
        struct Nobody;
        impl Signer for Nobody {
            fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
                Ok(vec![1])
            }
        }
        let key = SigningKey::external(Algorithm::Rs256, "k", Nobody);
        Registration::new("tool", &format!("{}/token", self.origin), key).unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &impl Fn(&mut TcpStream, usize) -> bool, seen: &Mutex<Vec<String>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((line, _)) = request(&mut reader) {
        let stream = reader.get_mut();
        let goes_on = if line.contains(" /token ") {
            say(stream, &with_body("200 OK", TOKEN))
        } else {
            let before = {
                let mut seen = seen.lock().unwrap();
                seen.push(line);
                seen.len() - 1
            };
            answer(stream, before)
        };
        if !goes_on {
            return;
        }
    }
}

/// The first line of a request, and its body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|&read| read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        match line.trim_end().to_ascii_lowercase().strip_prefix("content-length: ") {
            Some(text) => length = text.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first.trim_end().to_owned(), body))
}

/// Writes; whether the client is still there.
fn say(stream: &mut TcpStream, text: &str) -> bool {
    stream.write_all(text.as_bytes()).is_ok()
}

/// Writes a byte every few milliseconds, as long as the client listens.
fn drip(stream: &mut TcpStream, mut bytes: impl Iterator<Item = u8>) -> bool {
    bytes.all(|byte| {
        thread::sleep(Duration::from_millis(10));
        stream.write_all(&[byte]).is_ok()
    })
}

fn with_body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const CREATED: &str = r#"{"id":"http://127.0.0.1/items/1","label":"Essay","scoreMaximum":10}"#;

fn once() -> Policy {
    let mut policy = impatient();
    policy.max_attempts = 1;
    policy
}

fn score(given: f64) -> PostScore {
    PostScore::new(Score::graded("u-1001", given, 100.0).build().unwrap())
}

fn essay() -> CreateLineItem {
    CreateLineItem::new(NewLineItem::new("Essay", 10.0).unwrap())
}

const LONG: Duration = Duration::from_secs(20);

/// The result, and that it came long before the patience of a default was at its end.
fn soon<R>(act: impl FnOnce() -> R) -> R {
    let begun = Instant::now();
    let result = act();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    result
}

fn an_answer_a_byte_at_a_time_is_a_timeout<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            && drip(stream, std::iter::repeat(b' '))
    });
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

fn a_header_a_byte_at_a_time_is_a_timeout<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        drip(stream, b"HTTP/1.1 200 OK\r\nX: ".iter().copied().chain(std::iter::repeat(b'x')))
    });
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

fn headers_without_end_are_an_error<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
        say(stream, "HTTP/1.1 200 OK\r\n") && (0..100_000).all(|_| say(stream, &line))
    });
    let tool: T = platform.tool(once(), LONG);
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{error:?}");
}

fn interim_answers_are_not_the_answer<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 100 Continue\r\n\r\n")
            && say(stream, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
            && say(stream, OK)
    });
    let tool: T = platform.tool(once(), LONG);
    for given in [1.0, 2.0] {
        soon(|| tool.call(&platform.endpoint(), score(given))).unwrap();
    }
    assert_eq!(platform.seen().len(), 2);
}

fn an_answer_behind_the_answer_is_not_the_next_answer<T: Tool>() {
    let platform =
        Platform::start(
            |stream, before| {
                if before == 0 { say(stream, &format!("{OK}{OK}")) } else { say(stream, OK) }
            },
        );
    let tool: T = platform.tool(impatient(), LONG);
    for given in [1.0, 2.0, 3.0] {
        soon(|| tool.call(&platform.endpoint(), score(given))).unwrap();
    }
    assert_eq!(platform.seen().len(), 3, "a score was believed to be sent");
}

/// The first answer keeps the connection, which the platform then closes, after these last words.
fn closes_after<T: Tool>(last_words: &'static str) {
    let (closed, is_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    let platform = Platform::start(move |stream, before| {
        if before > 0 {
            return say(stream, &with_body("201 Created", CREATED));
        }
        say(stream, OK);
        thread::sleep(Duration::from_millis(50));
        say(stream, last_words);
        stream.shutdown(std::net::Shutdown::Both).unwrap();
        closed.lock().unwrap().send(()).unwrap();
        false
    });
    let tool: T = platform.tool(impatient(), LONG);
    tool.call(&platform.endpoint(), score(1.0)).unwrap();
    is_closed.recv().unwrap();
    soon(|| tool.call(&platform.endpoint(), essay())).unwrap();
    assert_eq!(platform.seen().len(), 2, "{:?}", platform.seen());
}

fn a_connection_closed_meanwhile_makes_no_creation_uncertain<T: Tool>() {
    closes_after::<T>("");
}

// Apache, HAProxy: what they say to a connection that idles too long.
fn a_connection_closed_meanwhile_with_words_makes_no_creation_uncertain<T: Tool>() {
    closes_after::<T>("HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

fn a_body_shorter_than_announced_is_no_receipt<T: Tool>() {
    let platform = Platform::start(|stream, before| {
        if before == 0 {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}");
            return false;
        }
        say(stream, OK)
    });
    let tool: T = platform.tool(impatient(), LONG);
    let receipt = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap();
    assert_eq!(receipt.attempts, 2);
}

fn a_body_where_none_may_be_does_not_spoil_the_next_exchange<T: Tool>() {
    let platform =
        Platform::start(|stream, _| say(stream, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"));
    let tool: T = platform.tool(impatient(), LONG);
    for given in [1.0, 2.0, 3.0] {
        soon(|| tool.call(&platform.endpoint(), score(given))).unwrap();
    }
    assert_eq!(platform.seen().len(), 3);
}

fn contradictory_lengths_are_an_error<T: Tool>() {
    for lengths in ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: -1", "Content-Length: 1e3"] {
        let text = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n[]   ");
        let platform = Platform::start(move |stream, _| {
            say(stream, &text);
            false
        });
        let tool: T = platform.tool(once(), Duration::from_secs(2));
        let page: Result<Page<UserResult>, _> = soon(|| tool.call(&platform.endpoint(), ListResults::new()));
        let error = page.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{lengths}: {error:?}");
    }
}

fn what_nobody_asked_to_compress_is_an_error<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n")
            && stream.write_all(b"\x1f\x8b\x08\0\0\0\0\0\0\x03").is_ok()
    });
    let tool: T = platform.tool(once(), LONG);
    let page: Result<Page<UserResult>, _> = soon(|| tool.call(&platform.endpoint(), ListResults::new()));
    let error = page.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{error:?}");
}

fn an_exchange_ends_with_the_deadline<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\n") && drip(stream, std::iter::repeat_n(b'x', 2_000))
    });
    let mut policy = impatient();
    policy.deadline = Duration::from_millis(500);
    let tool: T = platform.tool(policy, LONG);
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

/// Whoever was told to wait when the token had already come waited until the lease of it was over: a minute.
#[test]
fn threads_that_wait_for_a_token_are_all_woken() {
    for round in 0..60 {
        let platform = Platform::start(|stream, _| say(stream, OK));
        let tool: Arc<common::OverUreq> = Arc::new(platform.tool(impatient(), LONG));
        let scores = (0..16).map(|given| score(given.into())).collect();
        let begun = Instant::now();
        for receipt in tool.call_all(&platform.endpoint(), scores) {
            receipt.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?} in round {round}", begun.elapsed());
    }
}

/// Panics at the first exchange, which fetches a token.
fn clumsy(told: &AtomicUsize) {
    assert!(told.fetch_add(1, Ordering::Relaxed) > 0, "an observer may fail");
}

#[test]
fn an_observer_that_panics_in_a_thread_keeps_no_token_from_others() {
    let platform = Platform::start(|stream, _| say(stream, OK));
    let told = AtomicUsize::new(0);
    let client =
        lti_ags_ureq::Client::builder(platform.registration()).observe(move |_| clumsy(&told)).build();
    let client = Arc::new(client);
    let (other, endpoint) = (Arc::clone(&client), platform.endpoint());
    thread::spawn(move || other.call(&endpoint, score(1.0))).join().unwrap_err();
    soon(|| client.call(&platform.endpoint(), score(2.0))).unwrap();
}

#[test]
fn an_observer_that_panics_in_a_task_keeps_no_token_from_others() {
    let platform = Platform::start(|stream, _| say(stream, OK));
    let told = AtomicUsize::new(0);
    let client =
        lti_ags_hyper::Client::builder(platform.registration()).observe(move |_| clumsy(&told)).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (other, endpoint) = (client.clone(), platform.endpoint());
        tokio::spawn(async move { other.call(&endpoint, score(1.0)).await }).await.unwrap_err();
        let endpoint = platform.endpoint();
        let later = tokio::time::timeout(Duration::from_secs(8), client.call(&endpoint, score(2.0)));
        later.await.unwrap().unwrap();
    });
}

/// Drops a future after so many polls, whatever it waits for then; another call goes on beside it.
#[test]
fn a_future_dropped_at_any_await_holds_nobody_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for polls in 1..40 {
        let platform = Platform::start(|stream, before| {
            if before == 0 { say(stream, &with_body("401 Unauthorized", "")) } else { say(stream, OK) }
        });
        let client = lti_ags_hyper::Client::builder(platform.registration()).policy(impatient()).build();
        let endpoint = platform.endpoint();
        let finished = runtime.block_on(async {
            let dropped = async {
                let mut call = Box::pin(client.call(&endpoint, score(1.0)));
                let mut left = polls;
                std::future::poll_fn(|context| {
                    left -= 1;
                    match call.as_mut().poll(context) {
                        Poll::Ready(result) => Poll::Ready(result.is_ok()),
                        Poll::Pending if left == 0 => Poll::Ready(false),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await
            };
            let waiting = tokio::time::timeout(Duration::from_secs(8), client.call(&endpoint, score(2.0)));
            let (finished, waiting) = tokio::join!(dropped, waiting);
            waiting.unwrap().unwrap();
            finished
        });
        if finished {
            return;
        }
    }
    panic!("the call never came to its end");
}
