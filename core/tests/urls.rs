//! The URLs of scores and what is added to queries: every byte of the platform's own stays (AGS 3.3.1, 3.4.1; worked
//! example 8).

use crate::common::{self, LINE_ITEMS, Tool, graded};
use lti_ags::{Endpoint, Policy, PostScore, Scope, ServiceUrl};
use proptest::prelude::*;

const HOST: &str = "https://lms.northfield.test";

/// Where a score for this line item goes, to the byte.
fn scores_of(line_item: &str) -> String {
    let mut tool = Tool::new().at(Endpoint::for_line_item(line_item).unwrap());
    tool.call(PostScore::new(graded().build().unwrap())).unwrap();
    tool.requests[0].uri().to_string()
}

fn url(text: &str) -> ServiceUrl {
    text.parse().unwrap()
}

#[test]
fn the_urls_of_the_worked_example_are_derived_byte_for_byte() {
    // AGS-URL-01, AGS-URL-02, AGS-URL-03, AGS-URL-06, worked example 8
    for (line_item, scores, results) in [
        (
            "/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1",
            "/mod/lti/services.php/88/lineitems/12/lineitem/scores?type_id=1",
            "/mod/lti/services.php/88/lineitems/12/lineitem/results?type_id=1&user_id=u-1001",
        ),
        ("/ctx/9/lineitems/4/", "/ctx/9/lineitems/4/scores", "/ctx/9/lineitems/4/results?user_id=u-1001"),
        (
            "/ctx/9/lineitems/4/?a=1",
            "/ctx/9/lineitems/4/scores?a=1",
            "/ctx/9/lineitems/4/results?a=1&user_id=u-1001",
        ),
        (
            "/learn/api/v1/lti/courses/_4_1/lineItems/_40_1",
            "/learn/api/v1/lti/courses/_4_1/lineItems/_40_1/scores",
            "/learn/api/v1/lti/courses/_4_1/lineItems/_40_1/results?user_id=u-1001",
        ),
        ("/li/a%2Fb?x=%20y", "/li/a%2Fb/scores?x=%20y", "/li/a%2Fb/results?x=%20y&user_id=u-1001"),
        (
            "/li.php?path=/items/7",
            "/li.php/scores?path=/items/7",
            "/li.php/results?path=/items/7&user_id=u-1001",
        ),
        (
            "/gb;v=2/items/7;sec=b?k=1",
            "/gb;v=2/items/7;sec=b/scores?k=1",
            "/gb;v=2/items/7;sec=b/results?k=1&user_id=u-1001",
        ),
        ("/li/7#frag", "/li/7/scores", "/li/7/results?user_id=u-1001"),
    ] {
        assert_eq!(scores_of(&format!("{HOST}{line_item}")), format!("{HOST}{scores}"));
        // The user is added to the results' URL behind what its query has.
        let unfiltered = scores.replacen("/scores", "/results", 1);
        assert_eq!(
            url(&format!("{HOST}{unfiltered}")).with_query("user_id", "u-1001").as_str(),
            format!("{HOST}{results}")
        );
    }
}

#[test]
fn sub_paths_stand_in_front_of_the_query_and_below_the_last_segment() {
    // AGS-URL-02
    let scores = scores_of(&format!("{HOST}/88/lineitems/12/lineitem?type_id=1"));
    assert!(!scores.ends_with("type_id=1/scores"), "not behind the query: {scores}");
    assert!(scores.contains("/lineitem/scores?"), "not in place of the last segment: {scores}");
}

#[test]
fn other_shapes_of_urls_have_their_scores_too() {
    // AGS-URL-01, AGS-URL-03, AGS-URL-06
    for (line_item, scores) in [
        ("https://lms.northfield.test", "https://lms.northfield.test/scores"),
        ("https://lms.northfield.test/", "https://lms.northfield.test/scores"),
        ("https://lms.northfield.test:8443/li", "https://lms.northfield.test:8443/li/scores"),
        ("https://lms.northfield.test/li?", "https://lms.northfield.test/li/scores?"),
        ("https://lms.northfield.test/li?a=1?b=/2", "https://lms.northfield.test/li/scores?a=1?b=/2"),
        // Sakai's signed placements, ILIAS's negative ids.
        (
            "https://lms.northfield.test/imsblis/lti13/lineitems/f093:::92e7:::content:6/12",
            "https://lms.northfield.test/imsblis/lti13/lineitems/f093:::92e7:::content:6/12/scores",
        ),
        (
            "https://lms.northfield.test/gradeservice/71/lineitems/-5/lineitem",
            "https://lms.northfield.test/gradeservice/71/lineitems/-5/lineitem/scores",
        ),
        ("  https://lms.northfield.test/li \n", "https://lms.northfield.test/li/scores"),
    ] {
        assert_eq!(scores_of(line_item), scores, "{line_item:?}");
    }
}

#[test]
fn what_is_added_is_encoded_and_what_is_there_is_not_touched() {
    // AGS-URL-04
    let results = url(&format!("{HOST}/li/results?x=%20y&z=a+b&&=&Y"));
    assert_eq!(
        results.with_query("user_id", "u 1/é+&").as_str(),
        format!("{HOST}/li/results?x=%20y&z=a+b&&=&Y&user_id=u%201%2F%C3%A9%2B%26")
    );
    assert_eq!(
        url(&format!("{HOST}/li?")).with_query("tag", "grade").as_str(),
        format!("{HOST}/li?tag=grade")
    );
    assert_eq!(url(&format!("{HOST}/li")).with_query("a=b", "").as_str(), format!("{HOST}/li?a%3Db="));
}

#[test]
fn a_parameter_that_is_there_is_replaced() {
    // AGS-URL-05
    for (before, after) in [
        ("limit=50", "limit=10"),
        ("a=1&limit=50&b=2", "a=1&limit=10&b=2"),
        ("limit=50&a=1&limit=60", "limit=10&a=1"),
        ("lim%69t=50", "limit=10"),
        ("limit", "limit=10"),
        ("limits=50", "limits=50&limit=10"),
        ("Limit=50", "Limit=50&limit=10"),
    ] {
        let replaced = url(&format!("{HOST}/li?{before}")).with_query("limit", "10");
        assert_eq!(replaced.as_str(), format!("{HOST}/li?{after}"));
    }
}

#[test]
fn a_line_item_may_be_anywhere() {
    // AGS-URL-07
    let endpoint = Endpoint::new(Scope::AGS).with_line_items(LINE_ITEMS).unwrap();
    let mut tool = Tool::new().at(endpoint);
    let elsewhere = "https://lms.northfield.test/other/path/without-number?x";
    tool.call(PostScore::new(graded().build().unwrap()).at(elsewhere).unwrap()).unwrap();
    assert_eq!(tool.requests[0].uri(), "https://lms.northfield.test/other/path/without-number/scores?x");
}

#[test]
fn what_is_no_url_for_a_token_is_refused() {
    for text in [
        "",
        "lineitems/4",
        "/lineitems/4",
        "//lms.northfield.test/li",
        "ftp://lms.northfield.test/li",
        "javascript:alert(1)",
        "https://",
        "https://user:secret@lms.northfield.test/li",
        "https://user@lms.northfield.test/li",
        "https://[::1",
        "https://lms.northfield.test:99999/li",
    ] {
        let error = text.parse::<ServiceUrl>().unwrap_err();
        assert_eq!(error.kind(), lti_ags::ErrorKind::InvalidInput, "{text}");
        assert!(!common::shown(&error).contains("secret"), "{error}");
    }
}

#[test]
fn one_resource_may_be_spelled_in_several_ways() {
    let same = |a: &str, b: &str| url(a).same_resource(&url(b));
    for (a, b) in [
        ("https://LMS.test/li/4", "https://lms.test:443/li/4/"),
        ("https://lms.test/li/%34?a=1&b=%32", "https://lms.test/li/4?b=2&a=1"),
    ] {
        assert!(same(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("https://lms.test/li/4", "https://lms.test/li/5"),
        ("https://lms.test/LI/4", "https://lms.test/li/4"),
        ("https://lms.test/li/4?a=1", "https://lms.test/li/4?a=2"),
        ("https://lms.test/li/4", "http://lms.test/li/4"),
        ("https://lms.test/li/4", "https://lms.test:8443/li/4"),
        // A slash that is escaped is part of its segment (RFC 3986 §2.2).
        ("https://lms.test/li%2F4", "https://lms.test/li/4"),
        ("https://lms.test/li?4", "https://lms.test/li%3F4"),
    ] {
        assert!(!same(a, b), "{a} {b}");
    }
}

/// A URL as a platform may have it, in pieces: origin, path, query.
fn any_url() -> impl Strategy<Value = (String, String, Option<String>)> {
    (
        prop::sample::select(vec![
            "https://lms.northfield.test",
            "https://LMS.Northfield.test:8443",
            "https://[2001:db8::1]",
        ]),
        "(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}){0,8}){1,5}",
        prop::option::of("([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}){0,16}"),
    )
        .prop_map(|(origin, path, query)| (origin.to_owned(), path, query))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // AGS-URL-01, AGS-URL-02, AGS-URL-03, AGS-URL-06, AGS-CLAIM-08
    #[test]
    fn a_derived_url_has_every_byte_of_the_platforms((origin, path, query) in any_url(), fragment in prop::option::of("[a-z?/]{0,6}")) {
        let suffix = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
        let line_item = format!("{origin}{path}{suffix}");
        let read = url(&format!("{line_item}{fragment}"));
        prop_assert_eq!(read.as_str(), &line_item);

        let mut policy = Policy::default();
        policy.allow_origins.push(origin.parse().unwrap());
        let mut tool = Tool::with_policy(policy).at(Endpoint::for_line_item(&*format!("{line_item}{fragment}")).unwrap());
        tool.call(PostScore::new(graded().build().unwrap())).unwrap();
        let sent = tool.requests[0].uri().to_string();
        let path = path.strip_suffix('/').unwrap_or(&path);
        prop_assert_eq!(sent, format!("{origin}{path}/scores{suffix}"));
    }

    // AGS-URL-04, AGS-URL-05
    #[test]
    fn an_added_parameter_is_read_back_and_leaves_the_others_alone((origin, path, query) in any_url(), value in ".{0,12}") {
        let before = url(&format!("{origin}{path}{}", query.as_ref().map(|query| format!("?{query}")).unwrap_or_default()));
        let after = before.with_query("user_id", &value);
        let (same_path, added) = after.as_str().split_once('?').unwrap();
        prop_assert_eq!(same_path, format!("{origin}{path}"));
        let existing = query.unwrap_or_default();
        let expected = if existing.is_empty() { String::new() } else { format!("{existing}&") };
        prop_assert!(added.starts_with(&expected), "{} in {}", expected, added);
        let read: Vec<_> = url::form_urlencoded::parse(&added.as_bytes()[expected.len()..]).into_owned().collect();
        prop_assert_eq!(read, [("user_id".to_owned(), value)]);
        prop_assert!(added[expected.len()..].is_ascii());
        prop_assert_eq!(after.with_query("user_id", "x").with_query("user_id", "y"), before.with_query("user_id", "y"));
        prop_assert!(after.as_str().parse::<ServiceUrl>().unwrap() == after);
    }

    // AGS-SEC-09
    #[test]
    fn any_text_is_a_url_with_an_origin_or_an_error(text in "(https?:)?[ -~é\\\\/@#?:]{0,40}") {
        if let Ok(url) = text.parse::<ServiceUrl>() {
            let shown = url.to_string();
            prop_assert!(!shown.contains(['#', ' ', '\n']) && !url.origin().host().contains('@'), "{}", shown);
            prop_assert_eq!(&url.as_str().parse::<ServiceUrl>().unwrap(), &url);
        }
    }
}

#[test]
fn a_host_that_no_name_can_be_is_refused_in_few_words() {
    let host = ["label"; 60].join(".");
    for url in
        [format!("https://{host}/li"), format!("https://u@{host}/li"), format!("{}:x", "s".repeat(2000))]
    {
        let error = url.parse::<ServiceUrl>().unwrap_err();
        assert_eq!(error.kind(), lti_ags::ErrorKind::InvalidInput);
        assert!(error.to_string().len() < 200, "{error}");
    }
}
