//! The score service, met by right and wrong scores over real HTTP.

mod support;

use std::time::Duration;

use lti_ags_testing::{Kind, LineItem, names};
use serde_json::{Value, json};
use support::{Connection, TokenRequest, at, builder, platform, post, rules, score, score_headers, token};

#[test]
fn a_score_is_recorded_scaled_to_the_line_item() {
    // AGS-SCORE-07
    let platform = platform();
    let token = token(&platform);
    let mut body = score(17.5, 0);
    body["scoringUserId"] = "u-9".into();
    body["submission"] =
        json!({ "startedAt": "2026-03-01T08:00:00.000Z", "submittedAt": "2026-03-01T09:10:30.250Z" });
    body["https://tool.test/x"] = Value::Null;
    assert_eq!(post(&platform, &token, &body.to_string()).status, 204);
    platform.assert_no_violations();
    let gradebook = platform.gradebook();
    let entry = gradebook.result("li-1", "u-1001").unwrap();
    assert_eq!((entry.score, entry.maximum, entry.posts), (Some(87.5), 100.0, 1));
    assert_eq!(entry.comment.as_deref(), Some("Clear plots."));
    assert_eq!(entry.scoring_user_id.as_deref(), Some("u-9"));
    assert_eq!(entry.submitted_at.unwrap().to_string(), "2026-03-01T09:10:30.25Z");
    assert!(entry.extensions.contains_key("https://tool.test/x"));
    assert_eq!(platform.ledger().last().unwrap().effect, "u-1001 on li-1: 87.5 of 100");
}

#[test]
fn zero_is_a_grade_and_no_score_clears_it() {
    // AGS-SCORE-03, AGS-SCORE-06, AGS-SCORE-16
    let platform = platform();
    let token = token(&platform);
    assert_eq!(post(&platform, &token, &score(0.0, 0).to_string()).status, 204);
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, Some(0.0));
    let reset = json!({
        "userId": "u-1001", "activityProgress": "Initialized", "gradingProgress": "NotReady", "timestamp": at(1),
    });
    assert_eq!(post(&platform, &token, &reset.to_string()).status, 204);
    platform.assert_no_violations();
    let gradebook = platform.gradebook();
    let entry = gradebook.result("li-1", "u-1001").unwrap();
    assert_eq!(
        (entry.score, entry.comment.as_deref(), entry.submitted_at, entry.posts),
        (None, None, None, 2)
    );
}

/// Changes one thing about a right score.
type Change = fn(&mut Value);

#[test]
fn each_fault_of_a_score_is_named() {
    let cases: &[(&str, &str, u16, Change)] = &[
        ("user null", "AGS-SCORE-02", 400, |s| s["userId"] = Value::Null),
        ("user blank", "AGS-SCORE-02", 400, |s| s["userId"] = " ".into()),
        ("user number", "AGS-SCORE-13", 400, |s| s["userId"] = 1001.into()),
        ("no time", "AGS-SCORE-02", 400, |s| drop(s.as_object_mut().unwrap().remove("timestamp"))),
        ("time", "AGS-TS-03", 400, |s| s["timestamp"] = "today".into()),
        ("whole seconds", "AGS-TS-03", 400, |s| s["timestamp"] = "2026-03-02T09:00:00Z".into()),
        ("no zone", "AGS-DATE-01", 400, |s| s["timestamp"] = "2026-03-02T09:00:00.000".into()),
        ("not UTC", "AGS-DATE-02", 204, |s| s["timestamp"] = "2026-03-02T11:00:00.000+02:00".into()),
        ("activity", "AGS-SCORE-08", 400, |s| s["activityProgress"] = "completed".into()),
        ("no activity", "AGS-SCORE-02", 400, |s| drop(s.as_object_mut().unwrap().remove("activityProgress"))),
        ("grading", "AGS-SCORE-09", 400, |s| s["gradingProgress"] = "pendingManual".into()),
        ("negative", "AGS-SCORE-03", 400, |s| s["scoreGiven"] = json!(-0.5)),
        ("text", "AGS-SCORE-03", 400, |s| s["scoreGiven"] = "17".into()),
        ("no maximum", "AGS-SCORE-04", 400, |s| drop(s.as_object_mut().unwrap().remove("scoreMaximum"))),
        ("maximum 0", "AGS-SCORE-04", 400, |s| s["scoreMaximum"] = 0.into()),
        ("maximum alone", "AGS-SCORE-04", 204, |s| drop(s.as_object_mut().unwrap().remove("scoreGiven"))),
        ("comment", "AGS-SCORE-15", 400, |s| s["comment"] = json!(["x"])),
        ("comment null", "AGS-SCORE-22", 204, |s| s["comment"] = Value::Null),
        ("grader null", "AGS-SCORE-14", 400, |s| s["scoringUserId"] = Value::Null),
        ("grader blank", "AGS-SCORE-14", 400, |s| s["scoringUserId"] = "".into()),
        ("submission", "AGS-SUBM-01", 400, |s| s["submission"] = "x".into()),
        ("started", "AGS-SUBM-02", 400, |s| s["submission"] = json!({ "startedAt": "2026-03-02T09:00:00Z" })),
        ("order", "AGS-SUBM-03", 400, |s| {
            let (started, submitted) = ("2026-03-02T08:30:00.000Z", "2026-03-02T08:29:59.999Z");
            s["submission"] = json!({ "startedAt": started, "submittedAt": submitted });
        }),
        ("in submission", "AGS-EXT-01", 204, |s| s["submission"] = json!({ "foo": 1 })),
        ("extension", "AGS-EXT-01", 204, |s| s["foo"] = 1.into()),
        ("array", "AGS-SCORE-01", 400, |s| *s = json!([s.take()])),
    ];
    for (name, rule, status, change) in cases {
        let platform = platform();
        let token = token(&platform);
        let mut body = score(17.5, 0);
        change(&mut body);
        let answer = post(&platform, &token, &body.to_string());
        assert_eq!((answer.status, rules(&platform)), (*status, vec![*rule]), "{name}");
        let recorded = platform.gradebook().result("li-1", "u-1001").is_some();
        assert_eq!(recorded, *status == 204, "{name}");
    }
}

#[test]
fn every_fault_of_one_score_is_named() {
    let platform = platform();
    let token = token(&platform);
    let body =
        json!({ "userId": "", "scoreGiven": -1, "activityProgress": "x", "gradingProgress": "FullyGraded" });
    assert_eq!(post(&platform, &token, &body.to_string()).status, 400);
    assert_eq!(
        rules(&platform),
        ["AGS-SCORE-02", "AGS-SCORE-02", "AGS-SCORE-08", "AGS-SCORE-03", "AGS-SCORE-04"]
    );
}

#[test]
fn the_form_of_the_body_counts() {
    let platform = platform();
    let token = token(&platform);
    let twice = score(1.0, 0).to_string().replacen('{', r#"{"userId":"u-1002","#, 1);
    assert_eq!(post(&platform, &token, &twice).status, 400);
    let pretty = serde_json::to_string_pretty(&score(1.0, 1)).unwrap();
    assert_eq!(post(&platform, &token, &pretty).status, 204);
    assert_eq!(post(&platform, &token, "{").status, 400);
    assert_eq!(rules(&platform), ["AGS-EXT-02", "AGS-SCORE-22", "AGS-SCORE-01"]);
    assert_eq!(platform.violations()[1].kind, Kind::Practice);
}

#[test]
fn media_types_are_compared_byte_for_byte() {
    // AGS-MEDIA-01, AGS-MEDIA-02
    let platform = platform();
    let token = token(&platform);
    let send = |content_type: &str, millis| {
        let headers = format!("Authorization: Bearer {token}\r\n{content_type}");
        let body = score(1.0, millis).to_string();
        Connection::open(&platform).send("POST", "/lineitems/li-1/scores", &headers, &body).unwrap().status
    };
    assert_eq!(send(&format!("Content-Type: {}; charset=utf-8\r\n", names::MEDIA_SCORE), 0), 204);
    assert_eq!(send("Content-Type: application/json\r\n", 1), 415);
    assert_eq!(send("", 2), 415);
    assert_eq!(rules(&platform), ["AGS-MEDIA-02", "AGS-MEDIA-01", "AGS-MEDIA-01"]);
}

#[test]
fn timestamps_have_to_increase_except_for_a_retry() {
    // AGS-TS-02, AGS-TS-04, AGS-TS-08
    let platform = platform();
    let token = token(&platform);
    let send = |points, millis| post(&platform, &token, &score(points, millis).to_string()).status;
    assert_eq!(send(1.0, 10), 204);
    assert_eq!(send(1.0, 10), 409);
    platform.assert_no_violations();
    assert_eq!(send(2.0, 10), 409);
    assert_eq!(send(2.0, 9), 409);
    assert_eq!(send(2.0, 11), 204);
    assert_eq!(rules(&platform), ["AGS-TS-04", "AGS-TS-02"]);
    let entry = platform.gradebook().result("li-1", "u-1001").unwrap().clone();
    assert_eq!((entry.score, entry.posts), (Some(10.0), 2));
}

#[test]
fn an_unknown_user_is_not_the_clients_fault() {
    // AGS-SCORE-21
    let platform = builder().learners(["u-7"]).start();
    let token = token(&platform);
    assert_eq!(post(&platform, &token, &score(1.0, 0).to_string()).status, 404);
    let mut body = score(1.0, 0);
    body["userId"] = "u-7".into();
    assert_eq!(post(&platform, &token, &body.to_string()).status, 204);
    platform.assert_no_violations();
}

#[test]
fn a_token_has_to_be_live_and_of_the_right_scope_and_form() {
    let platform = builder().token_lifetime(Duration::from_secs(60)).start();
    let token = token(&platform);
    let body = score(1.0, 0).to_string();
    let send = |authorization: &str| {
        let headers = format!("{authorization}Content-Type: {}\r\n", names::MEDIA_SCORE);
        Connection::open(&platform).send("POST", "/lineitems/li-1/scores", &headers, &body).unwrap()
    };
    let mut narrow = TokenRequest::new(&platform, "narrow");
    narrow.scope = names::SCOPE_LINE_ITEM.into();
    let narrow = narrow.send(&platform).json()["access_token"].as_str().unwrap().to_owned();
    let answer = send(&format!("Authorization: Bearer {narrow}\r\n"));
    assert_eq!(answer.status, 403);
    assert!(answer.header("www-authenticate").unwrap().contains(names::SCOPE_SCORE));
    platform.advance(Duration::from_secs(59));
    platform.advance(Duration::from_secs(1));
    let answer = send(&format!("Authorization: Bearer {token}\r\n"));
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    let fresh = support::token(&platform);
    platform.revoke_tokens();
    assert_eq!(send(&format!("Authorization: Bearer {fresh}\r\n")).status, 401);
    platform.assert_no_violations();
    // AGS-SEC-02
    let fresh = support::token(&platform);
    assert_eq!(send("").status, 401);
    assert_eq!(send(&format!("Authorization: {fresh}\r\n")).status, 401);
    assert_eq!(
        send(&format!("Authorization: Bearer {fresh}\r\nAuthorization: Bearer {fresh}\r\n")).status,
        400
    );
    assert_eq!(send(&format!("Authorization: bearer {fresh}\r\n")).status, 204);
    assert_eq!(rules(&platform), ["AGS-SEC-02"; 4]);
}

#[test]
fn the_scores_url_is_the_items_with_its_query_kept() {
    // AGS-URL-01 to AGS-URL-03
    let item = LineItem::new("12", 20.0).at("/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1");
    let platform =
        builder().line_item(item).line_item(LineItem::new("13", 1.0).at("/ctx/9/lineitems/4/")).start();
    let token = token(&platform);
    let mut millis = 0;
    let mut send = |target: &str| {
        millis += 1;
        let body = score(20.0, millis).to_string();
        Connection::open(&platform).send("POST", target, &score_headers(&token), &body).unwrap().status
    };
    assert_eq!(send("/mod/lti/services.php/88/lineitems/12/lineitem/scores?type_id=1"), 204);
    assert_eq!(send("/ctx/9/lineitems/4/scores"), 204);
    platform.assert_no_violations();
    assert_eq!(send("/mod/lti/services.php/88/lineitems/12/lineitem/scores"), 404);
    assert_eq!(send("/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1/scores"), 404);
    assert_eq!(send("/ctx/9/lineitems/4//scores"), 404);
    assert_eq!(rules(&platform), ["AGS-URL-01", "AGS-URL-02", "AGS-URL-03"]);
    assert_eq!(platform.gradebook().result("13", "u-1001").unwrap().score, Some(1.0));
}

#[test]
fn the_score_service_is_write_only() {
    // AGS-SCORE-19
    let platform = platform();
    let token = token(&platform);
    let answer = Connection::open(&platform)
        .send("GET", "/lineitems/li-1/scores", &score_headers(&token), "")
        .unwrap();
    assert_eq!(answer.status, 405);
    assert!(rules(&platform).contains(&"AGS-SCORE-19"));
}

#[test]
fn nothing_printed_holds_a_token_an_assertion_or_a_comment() {
    // AGS-SEC-08
    let platform = platform();
    let token = token(&platform);
    post(&platform, &token, &score(1.0, 0).to_string());
    post(&platform, &token, &score(2.0, 0).to_string().replace("u-1001", "u-1001\u{7f}"));
    post(&platform, &format!("x{token}"), &score(3.0, 0).to_string());
    let violations: Vec<String> = platform.violations().iter().map(ToString::to_string).collect();
    let printed = format!(
        "{platform:?} {:?} {:?} {:?} {violations:?} {:?} {:?}",
        lti_ags_testing::Reply::json(200, &token.as_str().into()),
        platform.ledger(),
        platform.gradebook(),
        platform.violations(),
        *platform.lms()
    );
    let form = String::from_utf8(platform.ledger()[0].body.clone()).unwrap();
    let assertion = form.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap();
    let signature = assertion.split('.').next_back().unwrap();
    for secret in [token.as_str(), "Clear plots.", signature] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
