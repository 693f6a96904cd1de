//! The platform like Canvas.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, SCOPE_SCORE};
use lti_ags_testing::{LineItem, Personality, Platform, Route, Script};
use serde_json::{Value, json};
use support::{
    TokenRequest, at, builder, final_score, get, link, post_to_first, send, service_url, token, token_for,
    writing,
};

const SUBMISSION: &str = "https://canvas.instructure.com/lti/submission";

fn canvas() -> Platform {
    builder().like(Personality::Canvas).start()
}

#[test]
fn one_scope_too_many_or_another_audience_fails_the_token_request() {
    let platform = builder().like(Personality::Canvas).scopes([SCOPE_SCORE]).start();
    let refused = TokenRequest::new(&platform, "a").send(&platform);
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_scope")));
    assert!(refused.json()["error_description"].as_str().unwrap().ends_with("scope/result.readonly"));
    let mut request = TokenRequest::new(&platform, "b");
    request.scope = SCOPE_SCORE.into();
    request.claims["aud"] = "https://sso.canvaslms.com/login/oauth2/token".into();
    let expected = json!({ "error": "invalid_request", "error_description": "the 'aud' is invalid" });
    assert_eq!(request.send(&platform).json(), expected);
    request.claims["aud"] = json!([platform.token_endpoint()]);
    request.claims["iat"] = (platform.now().as_second() - 301).into();
    assert_eq!(request.send(&platform).status, 400);
    request.claims["iat"] = (platform.now().as_second() + 30).into();
    assert_eq!(request.send(&platform).status, 200);
    request.claims["sub"] = "x".into();
    assert_eq!(request.send(&platform).header("www-authenticate").unwrap(), "Canvas OAuth 2.0");
}

#[test]
fn five_links_are_joined_by_a_bare_comma() {
    let mut builder = builder().like(Personality::Canvas);
    for number in 0..7 {
        builder = builder.line_item(LineItem::new(format!("i{number}"), 50.0).tag("t").unlinked());
    }
    let platform = builder.start();
    let token = token(&platform);
    let url = platform.line_items_url();
    let first = get(&platform, &token, &format!("{url}?limit=2&tag=t"), MEDIA_LINE_ITEMS);
    let links = first.header("link").unwrap();
    assert!(
        links.starts_with(&format!("<{url}?limit=2&tag=t&page=1&per_page=2>; rel=\"current\",<")),
        "{links}"
    );
    let mut next = link(&first, "next");
    let mut pages = 1;
    while let Some(url) = next {
        next = link(&get(&platform, &token, &url, MEDIA_LINE_ITEMS), "next");
        pages += 1;
    }
    assert_eq!(pages, 4);
    assert!(String::from_utf8_lossy(&first.body).contains("\"scoreMaximum\":50.0"));
    assert_eq!(first.header("x-rate-limit-remaining").unwrap(), "599.2");
    platform.assert_no_violations();
}

#[test]
fn progress_that_is_not_final_clears_the_grade() {
    let platform = canvas();
    let token = token(&platform);
    let learner = &platform.learners()[0];
    let kept = |change: &dyn Fn(&mut Value), millis| {
        let mut body = final_score(learner, 80.0, millis);
        change(&mut body);
        let answer = post_to_first(&platform, &token, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        platform.gradebook().result("li-1", learner).unwrap().score
    };
    assert_eq!(kept(&|_| {}, 0), Some(80.0));
    assert_eq!(kept(&|s| s["gradingProgress"] = "Pending".into(), 1), None);
    assert_eq!(kept(&|s| s["gradingProgress"] = "PendingManual".into(), 2), Some(80.0));
    let started = |s: &mut Value| {
        s.as_object_mut().unwrap().retain(|name, _| !name.starts_with("score"));
        s[SUBMISSION] = json!({ "preserve_score": true });
    };
    assert_eq!(kept(&started, 3), Some(80.0));
    // An equal timestamp is taken.
    assert_eq!(kept(&|s| s["scoreGiven"] = 120.into(), 3), Some(120.0));
    let old = post_to_first(&platform, &token, &final_score(learner, 1.0, 1));
    let message = "Provided timestamp of 2026-03-02T09:00:00.001Z before last updated timestamp of \
                   2026-03-02T09:00:00.003Z";
    assert_eq!(
        (old.status, old.json()),
        (400, json!({ "errors": { "type": "bad_request", "message": message } }))
    );
}

#[test]
fn posts_make_attempts_and_pile_up_comments() {
    let platform = canvas();
    let token = token(&platform);
    let learner = &platform.learners()[0];
    let attempts = |change: &dyn Fn(&mut Value), millis| {
        let mut body = final_score(learner, 80.0, millis);
        body["comment"] = "again".into();
        change(&mut body);
        let answer = post_to_first(&platform, &token, &body);
        assert!(answer.json()["resultUrl"].as_str().unwrap().ends_with("/line_items/2/results/1"));
        platform.gradebook().result("li-1", learner).unwrap().attempts
    };
    assert_eq!(attempts(&|_| {}, 0), 1);
    assert_eq!(attempts(&|s| s[SUBMISSION] = json!({ "new_submission": false }), 1), 1);
    let handed_in = |s: &mut Value| s["submission"] = json!({ "submittedAt": at(0) });
    assert_eq!(attempts(&handed_in, 2), 1);
    assert_eq!(attempts(&|_| {}, 3), 2);
    let gradebook = platform.gradebook();
    assert_eq!(gradebook.result("li-1", learner).unwrap().earlier_comments, ["again"; 3]);
    platform.assert_no_violations();
}

#[test]
fn refusals_have_canvas_words() {
    let platform = canvas();
    let token = token(&platform);
    let unknown = post_to_first(&platform, &token, &final_score("nobody", 1.0, 0));
    let message = "User not found in course or is not a student";
    let body = json!({ "errors": { "type": "unprocessable_entity", "message": message } });
    assert_eq!((unknown.status, unknown.json()), (422, body));
    let narrow = token_for(&platform, SCOPE_SCORE);
    let refused = get(&platform, &narrow, &platform.line_items_url(), MEDIA_LINE_ITEMS);
    assert_eq!(
        (refused.status, refused.json()["errors"]["message"].as_str()),
        (401, Some("Insufficient permissions"))
    );
    assert_eq!(refused.header("www-authenticate"), None);
    let coupled = send(
        &platform,
        "DELETE",
        &platform.line_item_url(),
        &format!("Authorization: Bearer {token}\r\n"),
        "",
    );
    assert_eq!((coupled.status, coupled.body.len()), (401, 0));
    platform.script(Route::Scores, Script::throttled());
    let throttled = post_to_first(&platform, &token, &final_score("nobody", 1.0, 0));
    assert_eq!(
        (throttled.status, throttled.body.as_slice()),
        (403, &b"403 Forbidden (Rate Limit Exceeded)\n"[..])
    );
    assert_eq!(throttled.header("x-rate-limit-remaining").unwrap(), "0.0");
    platform.assert_no_violations();
}

#[test]
fn line_items_and_results_are_in_floats_and_know_extensions() {
    let platform = canvas();
    let token = token(&platform);
    let name = "https://canvas.instructure.com/lti/submission_type";
    let kind = json!({ "type": "external_tool", "external_tool_url": "https://tool.test/l" });
    let body = json!({ "label": "a", "scoreMaximum": 10, name: kind, "https://tool.test/x": 1 });
    let made =
        send(&platform, "POST", &platform.line_items_url(), &writing(&token), &body.to_string()).json();
    assert_eq!((&made[name], made.get("https://tool.test/x")), (&kind, None));
    let url = made["id"].as_str().unwrap();
    let read = get(&platform, &token, &format!("{url}?include[]=launch_url"), MEDIA_LINE_ITEM).json();
    assert_eq!(read["https://canvas.instructure.com/lti/launch_url"], "https://tool.test/launch");

    let learner = &platform.learners()[1];
    post_to_first(&platform, &token, &final_score(learner, 80.0, 0));
    let results = service_url(&platform.line_item_url(), "/results");
    let expected = json!({
        "id": format!("{results}/2"), "scoreOf": platform.line_item_url(), "userId": learner,
        "resultScore": 80.0, "resultMaximum": 100.0,
    });
    assert_eq!(get(&platform, &token, &results, MEDIA_RESULTS).json(), json!([expected]));
    assert_eq!(get(&platform, &token, &format!("{results}/2"), MEDIA_RESULTS).json(), expected);
    assert_eq!(get(&platform, &token, &format!("{results}?user_id=nobody"), MEDIA_RESULTS).json(), json!([]));
    platform.assert_no_violations();
}
