//! HTTP that is wrong, ambiguous or without end (RFC 9112).

use std::io::Write as _;
use std::time::Duration;

use lti_ags::{ErrorKind, ListResults, Page, UserResult};

use crate::common::{self, Tool, impatient};
use crate::raw::{LONG, OK, Platform, close_with, once, say, score, soon, with_body};
use crate::scenarios;

scenarios! {
    a_flood_of_interim_answers_ends_with_the_time_for_an_exchange,
    a_header_of_ten_megabytes_is_an_error,
    a_switch_of_protocols_that_nobody_asked_for_is_an_error,
    an_answer_behind_the_answer_is_not_the_next_answer,
    an_answer_inside_a_body_is_not_the_next_answer,
    a_body_where_none_may_be_does_not_spoil_the_next_exchange,
    bare_header_lines_of_ancient_http_are_no_success,
    chunks_that_lie_about_their_size_are_errors,
    contradictory_lengths_are_an_error,
    endless_chunk_extensions_are_an_error,
    endless_trailers_end_with_an_error,
    headers_without_end_are_an_error,
    interim_answers_are_not_the_answer,
    a_line_break_smuggled_into_a_header_adds_none,
    nonsense_is_not_an_answer,
    thousands_of_headers_are_an_error,
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
                if before == 0 { say(stream, format!("{OK}{OK}")) } else { say(stream, OK) }
            },
        );
    let tool: T = platform.tool(impatient(), LONG);
    for given in [1.0, 2.0, 3.0] {
        soon(|| tool.call(&platform.endpoint(), score(given))).unwrap();
    }
    assert_eq!(platform.seen().len(), 3, "a score was believed to be sent");
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

/// The error of a call to a platform that answers so, again and again, as long as somebody listens.
fn error_of<T: Tool>(begin: &'static str, goes_on: String, times: usize) -> lti_ags::Error {
    let platform =
        Platform::start(move |stream, _| say(stream, begin) && (0..times).all(|_| say(stream, &goes_on)));
    let tool: T = platform.tool(once(), Duration::from_secs(5));
    soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err()
}

#[track_caller]
fn assert_no_answer(error: &lti_ags::Error) {
    let kinds = [ErrorKind::MalformedResponse, ErrorKind::Connection, ErrorKind::ResponseTooLarge];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert!(error.to_string().len() < 1_000, "{} bytes", error.to_string().len());
}

fn a_flood_of_interim_answers_ends_with_the_time_for_an_exchange<T: Tool>() {
    for interim in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let answer = format!("HTTP/1.1 {interim}\r\nLink: </x>; rel=preload\r\n\r\n");
        let platform = Platform::start(move |stream, _| (0..20_000_000).all(|_| say(stream, &answer)));
        let tool: T = platform.tool(once(), Duration::from_millis(300));
        let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::MalformedResponse), "{error:?}");
    }
}

fn a_header_of_ten_megabytes_is_an_error<T: Tool>() {
    assert_no_answer(&error_of::<T>("HTTP/1.1 200 OK\r\nX: ", "x".repeat(100_000), 100));
    assert_no_answer(&error_of::<T>("HTTP/1.1 200 ", "x".repeat(100_000), 100));
}

fn thousands_of_headers_are_an_error<T: Tool>() {
    assert_no_answer(&error_of::<T>("HTTP/1.1 200 OK\r\n", "X: y\r\n".repeat(10_000) + "\r\n", 1));
}

fn endless_chunk_extensions_are_an_error<T: Tool>() {
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
    assert_no_answer(&error_of::<T>(begin, "x".repeat(100_000), 1_000));
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_no_answer(&error_of::<T>(begin, format!("1;{}\r\n \r\n", "x".repeat(10_000)), 10_000));
}

/// ureq reads them, and keeps none, until the time for an exchange is up.
fn endless_trailers_end_with_an_error<T: Tool>() {
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let error = error_of::<T>(begin, "X-Trailer: y\r\n".repeat(1_000), 10_000);
    if error.kind() != ErrorKind::Timeout {
        assert_no_answer(&error);
    }
}

fn chunks_that_lie_about_their_size_are_errors<T: Tool>() {
    for chunk in
        ["ffffffffffffffff\r\n[]", "10000000000000000\r\n[]", "-1\r\n[]", "0x2\r\n[]", "\r\n[]", "1\r\n[]"]
    {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        let platform = Platform::start(move |stream, _| close_with(stream, &answer));
        let page: Result<Page<UserResult>, _> =
            soon(|| platform.plain_tool::<T>().call(&platform.endpoint(), ListResults::new()));
        assert_no_answer(&page.expect_err(chunk));
    }
}

fn a_switch_of_protocols_that_nobody_asked_for_is_an_error<T: Tool>() {
    let platform = Platform::start(|stream, _| {
        say(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")
    });
    let tool: T = platform.tool(once(), Duration::from_millis(500));
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert!(error.status().is_none_or(|status| !status.is_success()), "{error:?}");
}

fn an_answer_inside_a_body_is_not_the_next_answer<T: Tool>() {
    let split = with_body("422 No", &format!("\r\n\r\n{OK}"));
    let platform =
        Platform::start(move |stream, before| say(stream, if before < 2 { split.as_str() } else { OK }));
    let tool: T = platform.plain_tool();
    for expected in [false, false, true] {
        assert_eq!(soon(|| tool.call(&platform.endpoint(), score(1.0))).is_ok(), expected);
    }
    assert_eq!(platform.seen().len(), 3);
}

/// A platform that repeats what it was sent in a header has its header split: what comes then is no answer of its own.
fn a_line_break_smuggled_into_a_header_adds_none<T: Tool>() {
    for smuggled in ["\rX: y", "\u{0}", "\n\nHTTP/1.1 200 OK"] {
        let answer = format!("HTTP/1.1 422 No\r\nX-Echo: a{smuggled}\r\nContent-Length: 0\r\n\r\n");
        let platform = Platform::start(move |stream, _| close_with(stream, &answer));
        let tool: T = platform.tool(once(), Duration::from_secs(2));
        let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
        assert!(!format!("{error}").contains(char::is_control), "{error:?}");
    }
}

fn bare_header_lines_of_ancient_http_are_no_success<T: Tool>() {
    for answer in [
        "[]",
        "HTTP/0.9 200 OK\r\n\r\n[]",
        "HTTP/3.0 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
    ] {
        let platform = Platform::start(move |stream, _| close_with(stream, answer));
        let tool: T = platform.tool(once(), Duration::from_secs(2));
        let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).expect_err(answer);
        assert_no_answer(&error);
    }
}

fn nonsense_is_not_an_answer<T: Tool>() {
    let nonsense = |stream: &mut std::net::TcpStream| {
        stream.write_all(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n").is_err()
    };
    let platform = Platform::answering(nonsense, |_, _| false);
    let mut policy = impatient();
    policy.max_attempts = 2;
    let tool: T = platform.tool(policy, LONG);
    let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
}
