//! Means to get a token, or an assertion, sent to somebody else, who listens and must not even be connected to.

use std::io;
use std::net::TcpListener;

use lti_ags::{
    CreateLineItem, ErrorKind, GetLineItem, LineItem, ListLineItems, ListResults, NewLineItem, Page,
    PostScore, Score, UserResult,
};

use crate::common::{self, Tool};
use crate::raw::{OK, Platform, say, score, soon, with_headers};
use crate::scenarios;

scenarios! {
    a_link_to_the_next_page_leads_nowhere_else,
    a_redirect_of_any_kind_leads_nowhere_else,
    a_redirect_never_sends_a_score_again,
    a_token_endpoint_that_redirects_collects_no_assertion,
    the_location_of_a_line_item_leads_nowhere_else,
    the_id_of_a_listed_line_item_leads_nowhere_else,
    a_line_item_elsewhere_sees_no_token,
    headers_that_name_another_server_are_not_followed,
}

/// Another server on the same machine.
struct Thief(TcpListener);

impl Thief {
    fn lurk() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Its URLs, in forms that may pass for the platform's.
    fn urls(&self, platform: &Platform) -> Vec<String> {
        let port = self.port();
        let own = platform.url("").split_off("http://".len());
        vec![
            format!("http://127.0.0.1:{port}/x"),
            format!("//127.0.0.1:{port}/x"),
            format!("http://{own}@127.0.0.1:{port}/x"),
            format!("http://user:secret@127.0.0.1:{port}/x"),
            format!("http://127.0.0.1:{port}\\@{own}/x"),
            format!("http://localhost:{port}/x"),
            format!("http://127.1:{port}/x"),
            format!("http://2130706433:{port}/x"),
            format!("http://0x7f000001:{port}/x"),
            format!("http://[::ffff:127.0.0.1]:{port}/x"),
            format!("http://\u{ff11}27.0.0.1:{port}/x"),
            format!("http://127\u{3002}0.0.1:{port}/x"),
            format!("\\\\127.0.0.1:{port}/x"),
            format!("ht\ttp://127.0.0.1:{port}/x"),
            format!("https://127.0.0.1:{port}/x"),
            format!("https://{own}/x"),
            format!("http://xn--lms-9la.test:{port}/x"),
            format!("ws://127.0.0.1:{port}/x"),
        ]
    }

    #[track_caller]
    fn assert_caught_nothing(&self, by: &str) {
        let caught = self.0.accept();
        assert_eq!(caught.map_err(|error| error.kind()).unwrap_err(), io::ErrorKind::WouldBlock, "{by}");
    }
}

/// Tries each URL on a platform that answers with these headers and this body, `{}` being the URL.
fn try_all<T: Tool>(
    status: &'static str,
    headers: &'static str,
    body: &'static str,
    act: impl Fn(&T, &Platform, &str),
) {
    let thief = Thief::lurk();
    let known = Platform::start(|_, _| false);
    for url in thief.urls(&known) {
        let json = serde_json::to_string(&url).unwrap();
        let answer =
            with_headers(status, &headers.replace("{}", &url), &body.replace("{}", json.trim_matches('"')));
        let platform = Platform::start(move |stream, _| say(stream, &answer));
        let tool: T = platform.plain_tool();
        soon(|| act(&tool, &platform, &url));
        thief.assert_caught_nothing(&url);
    }
}

/// Errors that say that it was not followed, or not understood.
const REFUSALS: [ErrorKind; 5] = [
    ErrorKind::ForeignOrigin,
    ErrorKind::InsecureUrl,
    ErrorKind::MalformedResponse,
    ErrorKind::Redirect,
    ErrorKind::InvalidInput,
];

// AGS-PAGE-11
fn a_link_to_the_next_page_leads_nowhere_else<T: Tool>() {
    try_all("200 OK", "Link: <{}>; rel=\"next\"\r\n", "[]", |tool: &T, platform, url| {
        let all: Result<Vec<UserResult>, _> = tool.collect(&platform.endpoint(), ListResults::new(), 10);
        let error = all.expect_err(url);
        assert!(REFUSALS.contains(&error.kind()), "{url}: {error:?}");
        assert_eq!(platform.seen().len(), 1, "{url}");
    });
}

// AGS-HTTP-05
fn a_redirect_of_any_kind_leads_nowhere_else<T: Tool>() {
    for status in ["300 X", "301 X", "302 X", "303 X", "305 X", "307 X", "308 X"] {
        try_all(status, "Location: {}\r\n", "", |tool: &T, platform, url| {
            let item: Result<LineItem, _> = tool.call(&platform.endpoint(), GetLineItem::new());
            let error = item.expect_err(url);
            assert!(
                error.kind() == ErrorKind::Redirect || REFUSALS.contains(&error.kind()),
                "{url}: {error:?}"
            );
            assert_eq!(platform.seen().len(), 1, "{url}");
        });
    }
}

// AGS-HTTP-05
fn a_redirect_never_sends_a_score_again<T: Tool>() {
    for status in ["301 X", "302 X", "303 X", "307 X", "308 X"] {
        try_all(status, "Location: {}\r\n", "", |tool: &T, platform, url| {
            let error = tool.call(&platform.endpoint(), score(1.0)).unwrap_err();
            assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::Redirect, 1), "{url}");
        });
        let platform =
            Platform::start(move |stream, _| say(stream, with_headers(status, "Location: /y\r\n", "")));
        let error = platform.plain_tool::<T>().call(&platform.endpoint(), score(1.0)).unwrap_err();
        assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::Redirect, 1), "to the same origin");
    }
}

// AGS-HTTP-05, AGS-SEC-09
fn a_token_endpoint_that_redirects_collects_no_assertion<T: Tool>() {
    let thief = Thief::lurk();
    for status in ["300 X", "301 X", "302 X", "303 X", "307 X", "308 X"] {
        let answer =
            with_headers(status, &format!("Location: http://127.0.0.1:{}/token\r\n", thief.port()), "");
        let platform = Platform::answering(move |stream| say(stream, &answer), |stream, _| say(stream, OK));
        let error = platform.plain_tool::<T>().call(&platform.endpoint(), score(1.0)).unwrap_err();
        assert_eq!((error.kind(), platform.seen().len()), (ErrorKind::Redirect, 0), "{status}");
        thief.assert_caught_nothing(status);
    }
}

fn essay() -> NewLineItem {
    NewLineItem::new("Essay", 10.0).unwrap()
}

/// Posts a score to an item of whatever id.
fn post_to<T: Tool>(tool: &T, platform: &Platform, item: &LineItem) {
    let posted =
        PostScore::new(Score::graded("u-1001", 1.0, 2.0).build().unwrap()).at(item.id().unwrap_or_default());
    if let Ok(score) = posted {
        let before = platform.seen().len();
        if let Err(error) = tool.call(&platform.endpoint(), score) {
            assert!(REFUSALS.contains(&error.kind()) || platform.seen().len() > before, "{error:?}");
        }
    }
}

fn the_location_of_a_line_item_leads_nowhere_else<T: Tool>() {
    for body in
        ["", r#"{"label":"Essay","scoreMaximum":10}"#, r#"{"id":"{}","label":"Essay","scoreMaximum":10}"#]
    {
        try_all("201 Created", "Location: {}\r\n", body, |tool: &T, platform, _| {
            if let Ok(item) = tool.call(&platform.endpoint(), CreateLineItem::new(essay())) {
                post_to(tool, platform, &item);
            }
        });
    }
}

fn the_id_of_a_listed_line_item_leads_nowhere_else<T: Tool>() {
    let list = r#"[{"id":"{}","label":"Essay","scoreMaximum":10}]"#;
    try_all("200 OK", "", list, |tool: &T, platform, _| {
        let page: Result<Page<LineItem>, _> = tool.call(&platform.endpoint(), ListLineItems::new());
        for item in page.into_iter().flat_map(|page| page.items) {
            post_to(tool, platform, &item);
        }
    });
}

// AGS-SEC-09
fn a_line_item_elsewhere_sees_no_token<T: Tool>() {
    let thief = Thief::lurk();
    let platform = Platform::start(|stream, _| say(stream, OK));
    for url in thief.urls(&platform) {
        let Ok(elsewhere) = score(1.0).at(&*url) else { continue };
        let error = platform.plain_tool::<T>().call(&platform.endpoint(), elsewhere).expect_err(&url);
        assert!(REFUSALS.contains(&error.kind()), "{url}: {error:?}");
        thief.assert_caught_nothing(&url);
    }
    assert_eq!(platform.seen().len(), 0);
}

fn headers_that_name_another_server_are_not_followed<T: Tool>() {
    for (status, header) in [
        ("200 OK", "Refresh: 0; url={}\r\n"),
        ("200 OK", "Content-Location: {}\r\n"),
        ("200 OK", "Alt-Svc: h2=\"{}\"\r\n"),
        ("401 X", "WWW-Authenticate: Bearer resource_metadata=\"{}\", authorization_uri=\"{}\"\r\n"),
        ("407 X", "Proxy-Authenticate: Bearer realm=\"{}\"\r\nLocation: {}\r\n"),
        ("421 X", "Location: {}\r\n"),
        ("503 X", "Retry-After: 0\r\nLocation: {}\r\n"),
    ] {
        try_all(status, header, "", |tool: &T, platform, _| {
            let sent = tool.call(&platform.endpoint(), score(1.0));
            assert_eq!(sent.is_ok(), status == "200 OK");
        });
    }
}
