//! Reading results (AGS 3.3).

use std::num::NonZeroU32;

use crate::common::{Tool, answer, answer_with, shown};
use crate::scripted::{html, ok, page, platform, result, status};
use lti_ags::{ErrorKind, GetResult, ListResults};

fn limited() -> ListResults {
    ListResults::new().limit(NonZeroU32::new(5).unwrap())
}

#[test]
fn results_are_below_the_line_item_and_before_its_query() {
    // AGS-RESULT-01, AGS-RESULT-02
    let mut platform = platform([ok("[]"), ok("[]")]);
    platform.call(ListResults::new()).unwrap();
    let moodle = "https://lms.test/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1";
    platform.call(ListResults::new().at(moodle).unwrap().user_id("u 1001")).unwrap();
    assert_eq!(
        platform.lines(),
        [
            "GET /ctx/9/lineitems/4/results",
            "GET /mod/lti/services.php/88/lineitems/12/lineitem/results?type_id=1&user_id=u%201001"
        ]
    );
    assert_eq!(platform.header(0, "accept"), Some("application/vnd.ims.lis.v2.resultcontainer+json"));
}

#[test]
fn a_result_that_was_not_asked_for_is_left_out() {
    // AGS-RESULT-03; Open edX and Sakai ignore user_id, Moodle 4.5 does where it is no number
    let everybody = format!("[{},{},{}]", result("u-1000"), result("u-1001"), result("u-1002"));
    let page = platform([ok(&everybody)]).call(ListResults::new().user_id("u-1001")).unwrap();
    assert_eq!(page.items.len(), 1);
    let found = platform([ok(&everybody)]).call(GetResult::new("u-1001")).unwrap().unwrap();
    assert_eq!((found.user_id(), found.percent()), ("u-1001", Some(50.0)));
}

#[test]
fn a_user_is_looked_for_page_by_page_and_no_further() {
    // AGS-RESULT-03
    let mut platform =
        platform([page(&format!("[{}]", result("a")), "?p=2"), page(&format!("[{}]", result("b")), "?p=3")]);
    assert!(platform.call(GetResult::new("b")).unwrap().is_some());
    assert_eq!(platform.lines()[1], "GET /ctx/9/lineitems/4/results?p=2");
}

#[test]
fn a_user_without_a_result_is_none() {
    // AGS-RESULT-02, AGS-RESULT-08
    for reply in [ok("[]"), ok(&format!("[{}]", result("other"))), status(204, "")] {
        let get = GetResult::new("u-1001").at("https://lms.test/li/5").unwrap();
        assert!(platform([reply]).call(get).unwrap().is_none());
    }
    // AMB-32: not found is no "no grade"
    let error = platform([status(404, "")]).call(GetResult::new("u-1001")).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::NotFound, Some("get result")));
}

#[test]
fn a_single_object_and_a_wrapped_list_are_read() {
    // Sakai; Tsugi
    for body in [result("u"), format!(r#"{{"results":[{}]}}"#, result("u"))] {
        assert_eq!(platform([ok(&body)]).call(ListResults::new()).unwrap().items[0].user_id(), "u");
    }
}

#[test]
fn moodle_4_5_is_asked_once_more_without_the_limit_it_fails_on() {
    // Rule 22
    for code in [404, 500] {
        let failures = if code == 500 { 2 } else { 1 };
        let script = (0..failures).map(|_| html(code)).chain([ok(&format!("[{}]", result("u")))]);
        let mut platform = platform(script);
        assert_eq!(platform.call(limited()).unwrap().items.len(), 1);
        assert_eq!(platform.lines()[0], "GET /ctx/9/lineitems/4/results?limit=5");
        assert_eq!(platform.lines()[failures], "GET /ctx/9/lineitems/4/results");
    }
}

#[test]
fn a_page_for_people_is_known_by_its_type_or_by_its_beginning() {
    for (content_type, body) in [("text/html", "Not found"), ("text/plain", " <html>")] {
        let mut tool = Tool::new().answers([
            answer_with(404, &[("content-type", content_type.as_bytes())], body.as_bytes()),
            answer(200, "[]"),
        ]);
        tool.call(limited()).unwrap();
        assert_eq!(tool.requests.len(), 2, "{content_type}");
    }
}

#[test]
fn a_platforms_own_parameters_are_sent_beside_the_others() {
    let mut platform = platform([ok("[]")]);
    platform.call(ListResults::new().user_id("u").query("include[]", "x")).unwrap();
    assert_eq!(platform.lines()[0], "GET /ctx/9/lineitems/4/results?include%5B%5D=x&user_id=u");
}

#[test]
fn a_limit_is_not_given_up_for_any_other_refusal() {
    for reply in [status(404, "{}"), html(403)] {
        let mut platform = platform([reply, ok("[]")]);
        let error = platform.call(limited()).unwrap_err();
        // A 403 may mean an old token; this one is new.
        assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden));
        assert_eq!(platform.sent.len(), 1);
    }
    assert_eq!(platform([html(404), html(404)]).call(limited()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_blank_user_is_refused() {
    assert_eq!(platform([]).call(GetResult::new("")).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_result_without_a_user_is_an_error_that_names_nobody() {
    // AGS-RESULT-04
    let body = format!(r#"[{},{{"comment":"Jane failed"}}]"#, result("u"));
    let error = platform([ok(&body)]).call(ListResults::new()).unwrap_err();
    assert!(
        error.to_string().contains("cannot read [1].userId") && !error.to_string().contains("Jane"),
        "{error}"
    );
}

#[test]
fn results_are_read_in_whatever_scale_the_line_item_has_now() {
    // AGS-UPDATE-07
    let cell = |score: u32, maximum: u32| {
        ok(&format!(r#"[{{"userId":"u-1001","resultScore":{score},"resultMaximum":{maximum}}}]"#))
    };
    let mut platform = platform([cell(5, 10), cell(10, 20)]);
    for points in [5.0, 10.0] {
        let found = platform.call(GetResult::new("u-1001")).unwrap().unwrap();
        assert_eq!((found.result_score(), found.percent()), (Some(points), Some(50.0)));
    }
}

#[test]
fn what_is_no_list_is_told_in_words() {
    // AGS-RESULT-01
    let of = |body: &str| Tool::new().answers([answer(200, body)]).call(ListResults::new());
    let one = of(r#"{"userId":"u-1","resultScore":1,"results":"none"}"#).unwrap();
    assert_eq!((one.items.len(), one.items[0].user_id()), (1, "u-1"));
    for (body, words) in [
        ("5", "expected an array"),
        (r#"[{"userId":"u","resultScore":[]}]"#, "expected a number"),
        (r#"[{"userId":"u","resultScore":"five"}]"#, "a string that is not a number"),
        (r#"[{"userId":"u","resultScore":"1e999"}]"#, "out of range"),
    ] {
        let error = of(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{body}");
        assert!(shown(&error).contains(words), "{body}: {}", shown(&error));
    }
    let blank = of(r#"[{"userId":"u","resultScore":null,"resultMaximum":" "}]"#).unwrap();
    assert_eq!((blank.items[0].result_score(), blank.items[0].result_maximum()), (None, 1.0));
}
