//! Answers that never come to their end.

use std::time::Duration;

use lti_ags::ErrorKind;

use crate::common::{self, Tool, impatient};
use crate::raw::{LONG, OK, Platform, drip, once, say, score, soon};
use crate::scenarios;

scenarios! {
    an_answer_a_byte_at_a_time_is_a_timeout,
    a_header_a_byte_at_a_time_is_a_timeout,
    chunks_of_a_byte_without_end_are_a_timeout,
    a_token_a_byte_at_a_time_is_a_timeout,
    an_exchange_ends_with_the_deadline,
    a_platform_that_accepts_and_says_nothing_is_a_timeout,
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
