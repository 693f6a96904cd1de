//! Connections that end when they should not, threads and futures that do: nobody else is held up. Over real sockets.

mod common;
mod raw;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use common::{Tool, impatient};
use lti_ags::{CreateLineItem, NewLineItem};
use raw::{LONG, OK, Platform, say, score, soon, with_body};

scenarios! {
    a_connection_closed_meanwhile_makes_no_creation_uncertain,
    a_connection_closed_meanwhile_with_words_makes_no_creation_uncertain,
    a_body_shorter_than_announced_is_no_receipt,
}

const CREATED: &str = r#"{"id":"http://127.0.0.1/items/1","label":"Essay","scoreMaximum":10}"#;

fn essay() -> CreateLineItem {
    CreateLineItem::new(NewLineItem::new("Essay", 10.0).unwrap())
}

/// The first answer keeps the connection, which the platform then closes, after these last words.
fn closes_after<T: Tool>(last_words: &'static str) {
    let (closed, is_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    let platform = Platform::start(move |stream, before| {
        if before > 0 {
            return say(stream, with_body("201 Created", CREATED));
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
            if before == 0 { say(stream, with_body("401 Unauthorized", "")) } else { say(stream, OK) }
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
