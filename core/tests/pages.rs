//! Paging through line items and results (AGS 3.2.4, 3.3.6; RFC 8288).

use std::time::Duration;

use crate::scripted::{item, ok, page, platform, result, status, with};
use lti_ags::http::{HeaderValue, Response};
use lti_ags::{
    Continuation, ErrorKind, LineItem, ListLineItems, ListResults, Listing, Page, PageRequest, UserResult,
};

fn items(numbers: impl IntoIterator<Item = u32>) -> String {
    let items: Vec<_> = numbers.into_iter().map(|number| item(number, "")).collect();
    format!("[{}]", items.join(","))
}

fn labels(items: Vec<Result<LineItem, lti_ags::Error>>) -> Vec<String> {
    items
        .into_iter()
        .map(|item| item.map_or_else(|error| error.kind().name().into(), |item| item.label().to_owned()))
        .collect()
}

#[test]
fn three_pages_are_three_requests_in_order() {
    // AGS-PAGE-01, AGS-PAGE-02
    let mut platform = platform([
        page(&items([1, 2]), "https://lms.test/ctx/9/lineitems?cursor=abc"),
        page(&items([3]), "https://lms.test/ctx/9/lineitems?cursor=%41b%2f"),
        with(ok(&items([4])), "link", "<https://lms.test/ctx/9/lineitems>; rel=first"),
    ]);
    let list = ListLineItems::new().limit(2.try_into().unwrap()).query("x", "y");
    assert_eq!(labels(platform.items(list)), ["L1", "L2", "L3", "L4"]);
    assert_eq!(
        platform.lines(),
        [
            "GET /ctx/9/lineitems?x=y&limit=2",
            "GET /ctx/9/lineitems?cursor=abc",
            "GET /ctx/9/lineitems?cursor=%41b%2f"
        ]
    );
    assert_eq!(platform.header(2, "accept"), Some("application/vnd.ims.lis.v2.lineitemcontainer+json"));
}

#[test]
fn results_page_like_line_items() {
    // AGS-RESULT-11
    let mut platform = platform([
        page(&format!("[{}]", result("u-1")), "https://lms.test/ctx/9/lineitems/4/results?p=2"),
        ok(&format!("[{}]", result("u-2"))),
    ]);
    let users: Vec<_> = platform
        .items(ListResults::new())
        .into_iter()
        .map(|result| result.unwrap().user_id().to_owned())
        .collect();
    assert_eq!(users, ["u-1", "u-2"]);
    assert_eq!(platform.header(1, "accept"), Some("application/vnd.ims.lis.v2.resultcontainer+json"));
}

#[test]
fn a_relative_next_resolves_against_the_url_that_answered() {
    // AGS-PAGE-03
    for (next, second) in [
        ("?p=2", "GET /other/lineitems?p=2"),
        ("lineitems?p=2", "GET /other/lineitems?p=2"),
        ("/li?p=2", "GET /li?p=2"),
        ("//lms.test/x?p=2#top", "GET /x?p=2"),
    ] {
        let moved = with(status(307, ""), "location", "https://lms.test/other/lineitems");
        let mut platform = platform([moved, page(&items([1]), next), ok("[]")]);
        assert_eq!(platform.items(ListLineItems::new()).len(), 1);
        assert_eq!(platform.lines()[2], second);
    }
}

#[test]
fn an_empty_page_is_not_the_last() {
    // AGS-PAGE-10
    let mut platform = platform([page("[]", "?p=2"), page("[]", "?p=3"), ok(&items([1]))]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1"]);
}

#[test]
fn a_url_that_comes_again_is_a_circle() {
    // AGS-PAGE-10; an empty reference is the request's own URL
    for next in ["https://lms.test/ctx/9/lineitems", "", "lineitems#2"] {
        let mut platform = platform([page(&items([1]), next)]);
        let error = platform.call(ListLineItems::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PageLoop);
        assert!(error.to_string().starts_with("list line items: page 1: "), "{error}");
    }
    let mut platform =
        platform([page(&items([1]), "?p=2"), page(&items([2]), "?p=3"), page(&items([3]), "?p=2")]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1", "L2", "page_loop"]);
    assert!(platform.is_done());
}

#[test]
fn a_list_that_begins_anew_is_a_circle() {
    // Moodle 4.5, its links followed to the letter: ?limit=3 gave three, then all, for ever
    let mut platform = platform([page(&items([1, 2, 3]), "?from=3"), page(&items(1..12), "?from=6")]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1", "L2", "L3", "page_loop"]);
}

#[test]
fn filters_do_not_hide_a_circle() {
    let body = items([1]);
    let mut platform = platform([page(&body, "?p=2"), page(&body, "?p=3")]);
    assert_eq!(labels(platform.items(ListLineItems::new().tag("none"))), ["page_loop"]);
}

#[test]
fn too_many_pages_are_an_error_after_the_last_allowed_one() {
    let mut platform = platform([page(&items([1]), "?p=2"), page(&items([2]), "?p=3")])
        .with_policy(|policy| policy.max_pages = 2);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1", "L2", "too_many_pages"]);
    assert_eq!(platform.sent.len(), 2);
}

#[test]
fn the_token_does_not_follow_a_next_link_elsewhere() {
    // AGS-PAGE-11, AGS-SEC-09
    for (next, kind) in [
        ("https://evil.test/li", ErrorKind::ForeignOrigin),
        ("https://lms.test:8443/li", ErrorKind::ForeignOrigin),
        ("//evil.test/li", ErrorKind::ForeignOrigin),
        ("http://lms.test/ctx/9/lineitems?p=2", ErrorKind::InsecureUrl),
        ("http://127.0.0.1/ctx/9/lineitems?p=2", ErrorKind::ForeignOrigin),
    ] {
        let mut platform = platform([page(&items([1]), next)]);
        let error = platform.call(ListLineItems::new()).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("page 1: the link to the next page: "), "{error}");
    }
    let mut platform = platform([page(&items([1]), "https://lms-2.test/li"), ok("[]")])
        .with_policy(|policy| policy.allow_origins.push("https://lms-2.test".parse().unwrap()));
    assert_eq!(platform.items(ListLineItems::new()).len(), 1);
}

#[test]
fn a_next_link_that_cannot_be_read_is_an_error() {
    // AGS-PAGE-12
    for field in [
        "<https://[>; rel=next",
        "<https://lms.test/?p=2; rel=next",
        "<ftp://lms.test/x>; rel=next",
        "<https://a:b@lms.test/>; rel=next",
    ] {
        let error = platform([with(ok("[]"), "link", field)]).call(ListLineItems::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{field}");
    }
    let mut platform = platform([with(ok("[]"), "link", "garbage, <?p=2>; rel=next"), ok("[]")]);
    platform.items(ListLineItems::new());
    assert_eq!(platform.lines()[1], "GET /ctx/9/lineitems?p=2");
}

#[test]
fn moodle_4_5_pages_with_curly_quotes_and_escaped_urls() {
    let base = "https://lms.test/mod/lti/services.php/2/lineitems?type_id=1&amp;limit=2&amp;from";
    let field = format!(
        "<{base}=0>; rel=\u{201c}first\u{201d}, <{base}=0>; rel=\u{201c}canonical\u{201d}, \
                         <{base}=2>; rel=\u{201c}next\u{201d}, <{base}=44>; rel=\u{201c}last\u{201d}"
    );
    let mut first = Response::new(items([5, 6]).into_bytes());
    first.headers_mut().insert("link", HeaderValue::from_bytes(field.as_bytes()).unwrap());
    let mut platform = platform([Ok(first), ok(&items([7]))]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L5", "L6", "L7"]);
    assert_eq!(platform.lines()[1], "GET /mod/lti/services.php/2/lineitems?type_id=1&limit=2&from=2");
}

#[test]
fn a_token_that_expires_between_pages_is_renewed_and_the_page_read_once() {
    // AGS-PAGE-13
    let mut platform = platform([page(&items([1]), "?p=2"), status(401, ""), ok(&items([2]))]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1", "L2"]);
    assert_eq!((platform.token_requests, platform.sent.len()), (2, 3));
}

#[test]
fn a_page_that_fails_is_tried_again() {
    let mut platform = platform([page(&items([1]), "?p=2"), status(503, ""), ok(&items([2]))]);
    assert_eq!(labels(platform.items(ListLineItems::new())), ["L1", "L2"]);
}

#[test]
fn paging_goes_on_in_another_process() {
    let mut here = platform([page(&items([1]), "?p=2")]);
    let next = here.call(ListLineItems::new().tag("t")).unwrap().next.unwrap();
    let stored = serde_json::to_string(&next).unwrap();
    assert!(!stored.contains("secret"));

    let next: Continuation<LineItem> = serde_json::from_str(&stored).unwrap();
    let mut there = platform([
        page(&format!("[{},{}]", item(2, ""), item(3, r#","tag":"t""#)), "?p=3"),
        page(&items([1]), "?p=4"),
    ]);
    // The filter is still checked, and the first page still known.
    assert_eq!(labels(there.items(next)), ["L3", "page_loop"]);
    assert_eq!(there.lines(), ["GET /ctx/9/lineitems?p=2", "GET /ctx/9/lineitems?p=3"]);
}

#[test]
fn a_stored_continuation_counts_its_pages_and_goes_nowhere_else() {
    let stored = |url: &str, page: u32| {
        format!(r#"{{"version":1,"of":"line items","url":"{url}","page":{page},"filter":{{}},"seen":""}}"#)
    };
    for (url, page, kind) in [
        ("https://evil.test/", 2, ErrorKind::ForeignOrigin),
        ("https://lms.test/", 1001, ErrorKind::TooManyPages),
    ] {
        let next: Continuation<LineItem> = serde_json::from_str(&stored(url, page)).unwrap();
        assert_eq!(platform([]).call(next).unwrap_err().kind(), kind);
    }
    for broken in [
        stored("https://lms.test/", 2).replace("\"version\":1", "\"version\":2"),
        stored("https://lms.test/", 2).replace("\"seen\":\"\"", "\"seen\":\"é\""),
        stored("nonsense", 2),
    ] {
        assert!(serde_json::from_str::<Continuation<LineItem>>(&broken).is_err(), "{broken}");
    }
    assert!(serde_json::from_str::<Continuation<UserResult>>(&stored("https://lms.test/", 2)).is_err());
}

#[test]
fn a_list_is_over_after_an_error() {
    let mut platform = platform([page(&items([1]), "?p=2"), ok("[")]);
    let mut listing: Listing<_, LineItem> = Listing::new(ListLineItems::new());
    let request = listing.request().unwrap();
    listing.receive(platform.call(request));
    assert!(listing.take().unwrap().is_ok() && listing.take().is_none());
    let request = listing.request().unwrap();
    listing.receive(platform.call(request));
    assert!(listing.take().unwrap().is_err());
    assert!(listing.take().is_none() && listing.request().is_none());
}

#[test]
fn a_list_with_more_members_than_wanted_is_an_error_not_a_short_list() {
    let mut platform = platform([ok(&items([1, 2])), ok(&items([3]))]);
    let mut all = Vec::new();
    let mut read = || -> Page<LineItem> { platform.call(PageRequest::First(ListLineItems::new())).unwrap() };
    read().append_to(&mut all, 2).unwrap();
    assert_eq!(read().append_to(&mut all, 2).unwrap_err().kind(), ErrorKind::ResponseTooLarge);
    assert_eq!(all.len(), 2);
}

#[test]
fn a_page_beyond_the_deadline_of_the_one_before_is_a_call_of_its_own() {
    let mut platform = platform([page(&items([1]), "?p=2"), ok("[]")]);
    let next = platform.call(ListLineItems::new()).unwrap().next.unwrap();
    platform.now += Duration::from_secs(600);
    assert!(platform.call(next).is_ok());
}
