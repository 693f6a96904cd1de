//! What values say of themselves, in logs and in errors: the subject is there, and what is secret or long is not.

use crate::common::{LINE_ITEM, LINE_ITEMS, Tool, answer_with, graded};
use lti_ags::{
    Extensions, LineItem, ListLineItems, Listing, Origin, Passback, PostScore, Score, ServiceUrl,
    StoredRegistration, UnusableToken, UpdateLineItem, UserResult, WaitReason, format_timestamp,
    parse_timestamp, printable,
};
use serde::de::DeserializeOwned;

#[test]
fn a_reason_is_a_phrase() {
    for (shown, phrase) in [
        (WaitReason::Token.to_string(), "the token that is being fetched"),
        (WaitReason::TokenEndpoint.to_string(), "the token endpoint to recover"),
        (WaitReason::Retry.to_string(), "the platform to recover"),
        (WaitReason::Throttled.to_string(), "the platform, which throttles"),
        (WaitReason::Turn.to_string(), "its turn"),
        (UnusableToken::Foreign.to_string(), "the token was given to another registration"),
        (UnusableToken::Expired.to_string(), "the token has expired, or is about to"),
        (UnusableToken::Rejected.to_string(), "the platform has refused the token"),
    ] {
        assert_eq!(shown, phrase);
    }
}

fn refused<T: DeserializeOwned>(json: &str) -> String {
    serde_json::from_str::<T>(json).err().unwrap().to_string()
}

#[test]
fn what_was_expected_in_json_is_named() {
    for (said, expected) in [
        (refused::<UserResult>("7"), "a result"),
        (refused::<UserResult>(r#"{"userId":[]}"#), "a string"),
        (refused::<UserResult>(r#"{"userId":"u","resultScore":[]}"#), "a number"),
        (refused::<LineItem>("7"), "a line item"),
        (refused::<LineItem>(r#"{"label":"Lab","scoreMaximum":1,"gradesReleased":[]}"#), "a boolean"),
        (refused::<Score>("7"), "a score"),
        (refused::<Extensions>("7"), "an object"),
    ] {
        assert!(said.contains(&format!("expected {expected} ")), "{said}");
    }
}

#[test]
fn debug_shows_the_subject() {
    let url: ServiceUrl = LINE_ITEM.parse().unwrap();
    let origin: Origin = LINE_ITEM.parse().unwrap();
    let mut extensions: Extensions = serde_json::from_str(r#"{"https://tool.test/x":1}"#).unwrap();
    assert_eq!(format!("{extensions:?}"), r#"{"https://tool.test/x": "1"}"#);
    extensions = serde_json::from_str("{}").unwrap();
    assert_eq!(format!("{extensions:?}"), "{}");
    let score = graded().comment("Planted: Jo").build().unwrap();
    let mut tool = Tool::new();
    let receipt = tool.call(PostScore::new(score.clone())).unwrap();
    let next = format!("<{LINE_ITEMS}?page=2>; rel=next");
    tool.answers.push_back(answer_with(200, &[("link", next.as_bytes())], b"[]"));
    let page = tool.call(ListLineItems::new()).unwrap();
    let mut listing = Listing::new(ListLineItems::new());
    listing.receive(Ok(page.clone()));
    for (shown, subject) in [
        (format!("{url:?}"), format!("ServiceUrl({LINE_ITEM})")),
        (format!("{origin:?}"), "Origin(https://lms.northfield.test)".to_owned()),
        (format!("{score:?}"), "\"u-1001\"".to_owned()),
        (format!("{receipt:?}"), "outcome: Sent".to_owned()),
        (format!("{:?}", page.next.unwrap()), format!("{LINE_ITEMS}?page=2")),
        (format!("{:?}", Passback::new(&tool.endpoint)), "summary: Summary { rows: 0".to_owned()),
        (format!("{listing:?}"), "items: 0".to_owned()),
        (format!("{:?}", UpdateLineItem::new(|_| Ok(()))), "stage: \"read\"".to_owned()),
        (
            format!("{:?}", tool.endpoint.scopes()),
            "https://purl.imsglobal.org/spec/lti-ags/scope/score".to_owned(),
        ),
        (
            format!("{:?}", tool.session.begin(&tool.endpoint, PostScore::new(score.clone()), tool.now)),
            "InFlight { name: \"post score\"".to_owned(),
        ),
    ] {
        assert!(shown.contains(&subject), "{shown}");
        assert!(!shown.contains("Planted"), "{shown}");
    }
}

#[test]
fn an_origin_names_a_port_that_is_not_its_schemes() {
    for (url, origin) in [
        ("https://lms.test:443/x", "https://lms.test"),
        ("https://lms.test:80/x", "https://lms.test:80"),
        ("https://lms.test:8443/x", "https://lms.test:8443"),
        ("http://localhost:80/x", "http://localhost"),
        ("http://localhost:443/x", "http://localhost:443"),
    ] {
        assert_eq!(url.parse::<Origin>().unwrap().to_string(), origin);
    }
}

#[test]
fn what_is_no_url_is_shown_without_what_may_be_a_password() {
    let error = "//jo:pass@lms\u{1}.test/x".parse::<ServiceUrl>().unwrap_err().to_string();
    assert!(error.contains("`lms.test/x`"), "{error}");
    let error = "x".repeat(200).parse::<ServiceUrl>().unwrap_err().to_string();
    assert!(error.contains(&format!("`{}`", "x".repeat(80))), "{error}");
}

#[test]
fn the_whole_path_of_a_short_host_counts() {
    let url = |text: &str| text.parse::<ServiceUrl>().unwrap();
    assert!(!url("https://a.b/1/lineitems").same_resource(&url("https://a.b/2/lineitems")));
}

#[test]
fn urls_are_equal_and_hashed_by_their_text() {
    let [one, other] = [LINE_ITEM, LINE_ITEMS].map(|url| url.parse::<ServiceUrl>().unwrap());
    assert!(one == one.clone() && one != other);
    let state = std::hash::RandomState::new();
    let hash = |url: &ServiceUrl| std::hash::BuildHasher::hash_one(&state, url);
    assert_eq!(hash(&one), hash(&one.clone()));
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn extensions_are_equal_in_names_order_and_bytes() {
    let read = |json: &str| serde_json::from_str::<Extensions>(json).unwrap();
    let one = read(r#"{"a":1,"b":2}"#);
    assert!(one == read(r#"{"a":1,"b":2}"#));
    for other in
        [r#"{"a":1}"#, r#"{"b":2,"a":1}"#, r#"{"a":1,"b":3}"#, r#"{"a":1,"c":2}"#, r#"{"a":1.0,"b":2}"#]
    {
        assert!(one != read(other), "{other}");
    }
}

#[test]
fn moments_are_read_and_written_with_their_zone() {
    let nine = parse_timestamp("2026-03-02T10:00:00+01:00").unwrap();
    assert_eq!(format_timestamp(nine), "2026-03-02T09:00:00.000Z");
    assert!(parse_timestamp("2026-03-02T10:00:00").is_err());
}

#[test]
fn a_text_from_outside_is_made_fit_for_a_screen() {
    assert_eq!(printable("\u{1b}[31mno\nsuch token: Bearer abcd"), "no such token: Bearer [redacted]");
}

#[test]
fn a_stored_registration_tells_its_client() {
    assert_eq!(
        StoredRegistration::from(Tool::new().session.registration()).client_id(),
        crate::common::registration().client_id()
    );
}
