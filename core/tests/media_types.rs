//! The media types that go out and those that come back (AGS 3.4.3; RFC 9110 §8.3, §12.5.1).
//!
//! Those of line items and results stand with their operations.

use crate::common::{Tool, answer, answer_with, graded};
use lti_ags::http::HeaderName;
use lti_ags::{ErrorKind, Outcome, PostScore};

const SCORE: &str = "application/vnd.ims.lis.v1.score+json";

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

#[test]
fn a_score_names_its_type_and_nothing_more() {
    // AGS-MEDIA-01, AGS-MEDIA-02
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let headers = tool.requests[0].headers();
    assert_eq!(headers.get_all("content-type").iter().collect::<Vec<_>>(), [SCORE]);
    assert!(headers.get("accept").is_none_or(|accept| accept == SCORE || accept == "*/*"));
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "content-type", "user-agent"]);
}

#[test]
fn a_success_is_not_refused_for_its_label() {
    // AGS-MEDIA-03
    let body = br#"{"resultUrl":"https://north.test/r/9"}"#;
    for label in [
        &b"Application/JSON;charset=utf-8"[..],
        b"application/vnd.ims.lis.v2.lineitem+json",
        b"text/html",
        b"",
        b"\xff",
    ] {
        let receipt =
            Tool::new().answers([answer_with(200, &[("content-type", label)], body)]).call(post()).unwrap();
        assert_eq!(receipt.result_url.as_deref(), Some("https://north.test/r/9"), "{label:?}");
    }
    let unlabelled = Tool::new().answers([answer_with(200, &[], body)]).call(post()).unwrap();
    assert!(unlabelled.result_url.is_some());
}

#[test]
fn a_page_in_place_of_an_answer_is_no_success() {
    // AGS-MEDIA-04: a proxy or a portal asks to sign in, and the score went nowhere
    for page in [
        "<!DOCTYPE html>\n<html><head><title>Sign in to Northfield</title></head></html>",
        "<html lang=en><title>Sign in to Northfield</title>",
        "\u{feff}\r\n <HTML><TITLE>Sign in to Northfield</TITLE>",
    ] {
        let mut tool =
            Tool::new().answers([answer_with(200, &[("content-type", b"text/html")], page.as_bytes())]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::MalformedResponse, 1), "{page}");
        assert!(error.to_string().contains("Sign in to Northfield"), "{error}");
        assert_eq!(error.refusal().unwrap().content_type(), Some("text/html"));
    }
    // PHP puts its warnings in front of an answer that is none the less a success.
    let warned = answer(200, "<br />\n<b>Deprecated</b>: x in <b>y.php</b><br />\n");
    assert_eq!(Tool::new().answers([warned]).call(post()).unwrap().outcome, Outcome::Sent);
}

#[test]
fn a_type_that_is_not_taken_is_named() {
    // AGS-MEDIA-05
    let seen = r#"{"detail":"Unsupported media type \"application/vnd.ims.lis.v1.score+json\" in request."}"#;
    for status in [406, 415] {
        let mut tool = Tool::new().answers([answer(status, seen)]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::ScoreRefused, 1));
        assert!(error.to_string().split("(the platform").next().unwrap().contains(SCORE), "{error}");
    }
}

#[test]
fn a_byte_order_mark_hides_nothing() {
    // AGS-MEDIA-05: Moodle's hidden refusal is one behind a mark, too
    for body in ["[]", "\u{feff}[]", "\u{feff} \n[]"] {
        let error = Tool::new().answers([answer(200, body)]).call(post()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ScoreRefused, "{body:?}");
    }
}
