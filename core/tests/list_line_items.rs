//! Listing line items (AGS 3.2.4).

use std::num::NonZeroU32;

use crate::scripted::{CONTAINER, html, item, ok, page, platform, status};
use lti_ags::http::{HeaderMap, HeaderName, Request};
use lti_ags::{Bytes, Endpoint, ErrorKind, LineItem, ListLineItems, Scope};

fn ids(items: Vec<Result<LineItem, lti_ags::Error>>) -> Vec<String> {
    items.into_iter().map(|item| item.unwrap().id().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_list_is_a_get_with_one_media_type() {
    // AGS-LIST-01
    let mut platform = platform([ok("[]")]);
    assert!(platform.call(ListLineItems::new()).unwrap().items.is_empty());
    let request: &Request<Bytes> = &platform.sent[0];
    assert_eq!(platform.lines(), ["GET /ctx/9/lineitems"]);
    assert_eq!(platform.header(0, "accept"), Some("application/vnd.ims.lis.v2.lineitemcontainer+json"));
    assert_eq!(platform.header(0, "authorization"), Some("Bearer secret-1"));
    assert_eq!(names(request.headers()), ["accept", "authorization", "user-agent"]);
    assert!(request.body().is_empty());
}

#[test]
fn nothing_is_an_empty_list() {
    // AGS-LIST-02
    for reply in [ok("[]"), ok(""), status(204, "")] {
        let page = platform([reply]).call(ListLineItems::new()).unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }
}

#[test]
fn what_is_no_list_is_an_error_with_the_status() {
    // AGS-LIST-02, AGS-LIST-07
    for (body, says) in [
        (r#"{"lineItems":[]}"#, "page 1: cannot read the body"),
        (r#"[{"scoreMaximum":1},{"scoreMaximum":{}}]"#, "page 1: cannot read [1].scoreMaximum"),
        ("[{\"scoreMaximum\":1}", "page 1: the body ends too early"),
        ("<html><title>Sign in</title>", "page 1: the body is HTML, not JSON"),
    ] {
        let error = platform([ok(body)]).call(ListLineItems::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse);
        assert_eq!((error.operation(), error.status().unwrap().as_u16()), (Some("list line items"), 200));
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn filters_are_encoded_and_go_behind_the_query_of_the_container() {
    // AGS-LIST-03, AGS-LIST-04
    let mut platform = platform([ok("[]")]);
    let list = ListLineItems::new()
        .in_container("https://lms.test/services.php/88/lineitems?type_id=1")
        .unwrap()
        .resource_link_id("rl/7 a&b")
        .resource_id("quiz-9")
        .tag("grade+late")
        .limit(NonZeroU32::new(25).unwrap())
        .query("include[]", "launch_url");
    platform.call(list).unwrap();
    assert_eq!(
        platform.lines(),
        ["GET /services.php/88/lineitems?type_id=1&include%5B%5D=launch_url&resource_link_id=rl%2F7%20a%26b\
          &resource_id=quiz-9&tag=grade%2Blate&limit=25"]
    );
}

#[test]
fn a_blank_filter_is_refused_before_anything_is_sent() {
    for list in [
        ListLineItems::new().tag(" "),
        ListLineItems::new().resource_id(""),
        ListLineItems::new().resource_link_id("\t"),
    ] {
        let mut platform = platform([]);
        assert_eq!(platform.call(list).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!((platform.sent.len(), platform.token_requests), (0, 0));
    }
}

#[test]
fn what_does_not_match_is_left_out_on_every_page() {
    // AGS-LIST-05; Sakai ignores resource_link_id
    let first = format!("[{},{}]", item(1, r#","tag":"originality""#), item(2, r#","tag":"grade""#));
    let second = format!("[{},{}]", item(3, ""), item(4, r#","tag":"grade""#));
    let mut platform = platform([page(&first, "?c=2"), ok(&second)]);
    assert_eq!(ids(platform.items(ListLineItems::new().tag("grade"))), ["2", "4"]);
}

#[test]
fn a_limit_neither_ends_nor_cuts_a_list() {
    // AGS-LIST-06
    let items = |numbers: std::ops::Range<u32>| {
        format!("[{}]", numbers.map(|number| item(number, "")).collect::<Vec<_>>().join(","))
    };
    let mut platform = platform([page(&items(0..3), "?p=2"), ok(&items(3..15))]);
    let list = ListLineItems::new().limit(NonZeroU32::new(10).unwrap());
    assert_eq!(platform.items(list).len(), 15);
}

#[test]
fn several_matches_are_all_returned() {
    // AGS-ITEM-06
    let body = format!("[{},{}]", item(1, r#","tag":"grade""#), item(2, r#","tag":"grade""#));
    assert_eq!(ids(platform([ok(&body)]).items(ListLineItems::new().tag("grade"))), ["1", "2"]);
}

#[test]
fn more_items_than_allowed_on_a_page_are_an_error() {
    let body = format!("[{},{}]", item(1, ""), item(2, ""));
    let mut platform = platform([ok(&body)]).with_policy(|policy| policy.max_page_items = 1);
    let error = platform.call(ListLineItems::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
}

#[test]
fn without_a_container_or_the_scope_nothing_is_sent() {
    for (endpoint, kind) in [
        (Endpoint::for_line_item("https://lms.test/li/1").unwrap(), ErrorKind::ServiceNotAvailable),
        (Endpoint::new([Scope::SCORE]).with_line_items(CONTAINER).unwrap(), ErrorKind::MissingScope),
    ] {
        let mut platform = platform([]);
        platform.endpoint = endpoint;
        assert_eq!(platform.call(ListLineItems::new()).unwrap_err().kind(), kind);
        assert_eq!(platform.token_requests, 0);
    }
}

#[test]
fn either_scope_suffices_to_list() {
    for scope in [Scope::LINE_ITEM, Scope::LINE_ITEM_READONLY] {
        let mut platform = platform([ok("[]")]);
        platform.endpoint = Endpoint::new([scope]).with_line_items(CONTAINER).unwrap();
        assert!(platform.call(ListLineItems::new()).is_ok());
    }
}

#[test]
fn html_with_a_refusal_is_told_by_its_status() {
    let error = platform([html(404)]).call(ListLineItems::new()).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::NotFound, 404));
}

#[test]
fn open_edx_lists_with_nulls_and_moodle_with_escapes() {
    let edx = r#"[{"id":"https://lms.test/api/lti_consumer/v1/lti/3/lti-ags/7","resourceId":"","scoreMaximum":20,
        "label":"Lab","tag":"","resourceLinkId":null,"startDateTime":null,"endDateTime":null}]"#;
    let moodle = r#"[{"id":"https:\/\/lms.test\/mod\/lti\/services.php\/2\/lineitems\/5\/lineitem?type_id=1","label":"Test",
        "scoreMaximum":60,"resourceId":"","tag":"","resourceLinkId":"7","ltiLinkId":"7"}]"#;
    for (body, link) in [(edx, None), (moodle, Some("7"))] {
        let item = platform([ok(body)]).call(ListLineItems::new()).unwrap().items.remove(0);
        assert_eq!((item.resource_id(), item.tag(), item.resource_link_id()), (None, None, link));
    }
}
