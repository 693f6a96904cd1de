//! Answers that never come to their end.

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use lti_ags::{Endpoint, Error, ErrorKind, GetLineItem, PostScore, Score};

use crate::common::{self, Tool, impatient};
use crate::raw::{LONG, OK, Platform, TOKEN, drip, once, say, score, soon, with_body};
use crate::scenarios;

scenarios! {
    an_answer_a_byte_at_a_time_is_a_timeout,
    a_header_a_byte_at_a_time_is_a_timeout,
    chunks_of_a_byte_without_end_are_a_timeout,
    a_token_a_byte_at_a_time_is_a_timeout,
    an_exchange_ends_with_the_deadline,
    a_platform_that_accepts_and_says_nothing_is_a_timeout,
    a_platform_that_reads_no_request_is_a_timeout,
    a_greeting_of_tls_a_byte_at_a_time_is_a_timeout,
    a_greeting_of_tls_without_end_is_an_error,
    an_answer_that_comes_too_late_is_not_that_of_the_next_request,
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

fn chunks_of_a_byte_without_end_are_a_timeout<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            && drip(stream, b"1\r\n \r\n".iter().copied().cycle())
    });
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

fn a_token_a_byte_at_a_time_is_a_timeout<T: Tool>() {
    let slow = |stream: &mut _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            && drip(stream, std::iter::repeat(b' '))
    };
    let platform = Platform::answering(slow, |stream, _| say(stream, OK));
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::Timeout, 0), "{error:?}");
}

// AGS-HTTP-08
fn a_platform_that_accepts_and_says_nothing_is_a_timeout<T: Tool>() {
    let platform = Platform::start(|_, _| true);
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
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

/// The token comes, and what is sent after it on the same connection is left where it is.
fn a_platform_that_reads_no_request_is_a_timeout<T: Tool>() {
    let token = |stream: &mut _| {
        say(stream, with_body("200 OK", TOKEN));
        loop {
            std::thread::park();
        }
    };
    let platform = Platform::answering(token, |stream, _| say(stream, OK));
    let tool: T = platform.tool(once(), Duration::from_millis(300));
    // More than two sockets keep.
    let score = Score::graded("u-1001", 1.0, 100.0).comment("x".repeat(32 << 20)).build().unwrap();
    let error = soon(|| tool.call(&platform.endpoint(), PostScore::new(score))).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::Timeout, 0), "{error:?}");
}

/// How a score fares at a platform with this greeting of TLS; its token comes from elsewhere.
fn greeted<T: Tool>(greet: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Error {
    let tokens = Platform::start(|stream, _| say(stream, OK));
    let platform = Platform::connecting(greet, |_| false, |_, _| false);
    let url = platform.url("/items/9").replace("http:", "https:");
    let tool: T = tokens.tool(once(), Duration::from_millis(300));
    soon(|| tool.call(&Endpoint::for_line_item(url).unwrap(), score(1.0))).unwrap_err()
}

/// The head of a record with a `ServerHello` (RFC 8446 §4, §5.1), whose length is that of all that a record holds.
const GREETING: [u8; 9] = [0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc];

fn a_greeting_of_tls_a_byte_at_a_time_is_a_timeout<T: Tool>() {
    let error = greeted::<T>(|stream| drip(stream, GREETING.into_iter().chain(std::iter::repeat(0))));
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

fn a_greeting_of_tls_without_end_is_an_error<T: Tool>() {
    // Each record goes on with a message of 16 megabytes.
    let record = [&[0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0xff, 0xff, 0xff][..], &[0; 0x3ffc]].concat();
    let error = greeted::<T>(move |stream| {
        while say(stream, &record) {}
        false
    });
    assert!(matches!(error.kind(), ErrorKind::Tls | ErrorKind::Connection), "{error:?}");
}

fn an_answer_that_comes_too_late_is_not_that_of_the_next_request<T: Tool>() {
    let item = |label: &str| with_body("200 OK", &format!(r#"{{"label":"{label}","scoreMaximum":1}}"#));
    let late = OnceLock::new();
    let platform = Platform::start(move |stream, before| {
        let peer = stream.peer_addr().unwrap();
        if before == 0 {
            return late.set(peer).is_ok();
        }
        say(stream, item(if late.get() == Some(&peer) { "first" } else { "second" }))
    });
    let tool: T = platform.tool(once(), Duration::from_secs(1));
    let error = soon(|| tool.call(&platform.endpoint(), GetLineItem::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    let found = tool.call(&platform.endpoint(), GetLineItem::new()).unwrap();
    assert_eq!(found.label(), "second");
}
