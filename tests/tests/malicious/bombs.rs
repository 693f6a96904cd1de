//! Answers that are too large, or would be once they were unpacked, and lists that do not end.

use lti_ags::{ErrorKind, ListResults, Page, UserResult};

use crate::common::{self, Tool, impatient};
use crate::raw::{LONG, OK, Platform, close_with, once, say, score, soon, with_body, with_headers};
use crate::scenarios;

scenarios! {
    a_length_beyond_all_memory_takes_none,
    an_answer_without_end_is_cut_off,
    a_list_that_never_ends_is_cut_off,
    a_list_that_leads_back_is_a_circle,
    a_list_with_too_many_members_is_no_short_list,
    a_token_answer_without_end_is_cut_off,
    a_token_of_many_kilobytes_is_not_sent,
    nobody_asks_for_compression_and_nothing_is_unpacked,
}

// AGS-SEC-10
fn an_answer_without_end_is_cut_off<T: Tool>() {
    for (head, piece) in [
        ("Transfer-Encoding: chunked\r\n\r\n", format!("10000\r\n{}\r\n", " ".repeat(0x10000))),
        ("Connection: close\r\n\r\n", " ".repeat(0x10000)),
    ] {
        let platform = Platform::start(move |stream, _| {
            say(stream, format!("HTTP/1.1 200 OK\r\n{head}")) && (0..10_000).all(|_| say(stream, &piece))
        });
        let tool: T = platform.plain_tool();
        let error = soon(|| tool.call(&platform.endpoint(), score(1.0))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge, "{error:?}");
    }
}

fn a_length_beyond_all_memory_takes_none<T: Tool>() {
    for length in ["9223372036854775807", "18446744073709551615", "99999999999999999999999"] {
        let platform = Platform::start(move |stream, _| {
            close_with(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n[]"))
        });
        let tool: T = platform.plain_tool();
        let page: Result<Page<UserResult>, _> = soon(|| tool.call(&platform.endpoint(), ListResults::new()));
        assert!(!page.unwrap_err().to_string().is_empty(), "{length}");
    }
}

fn a_token_answer_without_end_is_cut_off<T: Tool>() {
    let endless = |stream: &mut _| {
        let piece = "x".repeat(100_000);
        say(stream, "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"") && (0..1_000).all(|_| say(stream, &piece))
    };
    let platform = Platform::answering(endless, |stream, _| say(stream, OK));
    let error = soon(|| platform.plain_tool::<T>().call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::ResponseTooLarge, 0), "{error:?}");
}

fn a_token_of_many_kilobytes_is_not_sent<T: Tool>() {
    let token = format!(r#"{{"access_token":"{}","expires_in":3600}}"#, "x".repeat(500_000));
    let answer = with_body("200 OK", &token);
    let platform = Platform::answering(move |stream| say(stream, &answer), |stream, _| say(stream, OK));
    let error = soon(|| platform.plain_tool::<T>().call(&platform.endpoint(), score(1.0))).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::MalformedResponse, 0));
    assert!(!format!("{error:?}").contains("xxxx"));
}

/// `[]` in gzip: were it unpacked, it would be a list.
const PACKED: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 0, 0xfd, 0xff, b'[', b']', 0x29, 0xbb, 0x4c, 0x0d, 2, 0, 0, 0,
];

// AGS-HTTP-09
fn nobody_asks_for_compression_and_nothing_is_unpacked<T: Tool>() {
    for encoding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip"] {
        let platform = Platform::start(move |stream, _| {
            let head = format!("Content-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n", PACKED.len());
            say(stream, format!("HTTP/1.1 200 OK\r\n{head}")) && say(stream, PACKED)
        });
        let page: Result<Page<UserResult>, _> =
            soon(|| platform.plain_tool::<T>().call(&platform.endpoint(), ListResults::new()));
        let error = page.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{encoding}: {error:?}");
        assert!(!platform.seen()[0].to_ascii_lowercase().contains("accept-encoding"));
    }
}

/// Each page has one member, and links to the next one.
fn pages(next: impl Fn(usize) -> usize + Send + Sync + 'static) -> Platform {
    Platform::start(move |stream, before| {
        let link = format!("Link: </items/9/results?page={}>; rel=\"next\"\r\n", next(before));
        let body = format!(r#"[{{"userId":"u-{before}","resultScore":1}}]"#);
        say(stream, with_headers("200 OK", &link, &body))
    })
}

fn a_list_that_never_ends_is_cut_off<T: Tool>() {
    let platform = pages(|before| before);
    let mut policy = once();
    policy.max_pages = 20;
    let tool: T = platform.tool(policy, LONG);
    let error = tool.collect(&platform.endpoint(), ListResults::new(), usize::MAX).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::TooManyPages, 20));
}

fn a_list_that_leads_back_is_a_circle<T: Tool>() {
    let platform = pages(|before| before % 3);
    let tool: T = platform.tool(impatient(), LONG);
    let error = tool.collect(&platform.endpoint(), ListResults::new(), usize::MAX).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::PageLoop, 4));
}

fn a_list_with_too_many_members_is_no_short_list<T: Tool>() {
    let platform = pages(|before| before);
    let tool: T = platform.tool(impatient(), LONG);
    let error = tool.collect(&platform.endpoint(), ListResults::new(), 10).unwrap_err();
    assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::ResponseTooLarge, 11));
}
