//! The platform like Open edX: exchanges seen on the wire, as cases.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE, SCOPE_SCORE};
use lti_ags_testing::{Personality, Platform};
use serde_json::{Value, json};
use support::{
    Answer, TokenRequest, builder, final_score, get, post_to_first, rules, send, service_url, token,
    token_for, writing,
};

fn edx() -> Platform {
    builder().like(Personality::OpenEdx).start()
}

fn create(platform: &Platform, token: &str, body: &Value) -> Answer {
    send(platform, "POST", &platform.line_items_url(), &writing(token), &body.to_string())
}

#[test]
fn only_unknown_scopes_give_a_token_for_nothing() {
    let platform = edx();
    let send = |change: fn(&mut TokenRequest)| {
        let mut request = TokenRequest::new(&platform, "a");
        change(&mut request);
        request.send(&platform)
    };
    let nothing = send(|r| r.scope = "https://example.com/x".into());
    assert_eq!((nothing.status, nothing.json()["scope"].as_str()), (200, Some("")));
    assert_eq!(nothing.json()["token_type"], "bearer");
    let error = |answer: Answer| (answer.status, answer.json()["error"].as_str().unwrap().to_owned());
    assert_eq!(error(send(|r| r.claims["exp"] = 1.into())), (400, "unidentified_error".into()));
    assert_eq!(error(send(|r| r.scope = String::new())), (400, "invalid_request".into()));
    let other = |r: &mut TokenRequest| r.key = lti_ags_testing::ToolKey::rsa(r.key.id()).unwrap();
    assert_eq!(error(send(other)), (400, "invalid_client".into()));
    let overlooked: [fn(&mut TokenRequest); 4] = [
        |r| r.claims["aud"] = "x".into(),
        |r| r.claims["sub"] = "x".into(),
        |r| r.claims["jti"] = Value::Null,
        |r| drop(r.header.as_object_mut().unwrap().remove("kid")),
    ];
    for change in overlooked {
        assert_eq!(send(change).status, 200);
    }
}

#[test]
fn media_types_are_negotiated() {
    let platform = edx();
    let token = token(&platform);
    let read = |url: &str, accept: &str| {
        let answer = get(&platform, &token, url, accept);
        (answer.status, answer.header("content-type").unwrap())
    };
    let (items, item) = (platform.line_items_url(), platform.line_item_url());
    assert_eq!(read(&items, MEDIA_LINE_ITEMS), (200, MEDIA_LINE_ITEMS.into()));
    assert_eq!(read(&items, "*/*"), (200, MEDIA_LINE_ITEMS.into()));
    assert_eq!(read(&items, MEDIA_LINE_ITEM), (200, MEDIA_LINE_ITEM.into()));
    assert_eq!(read(&items, "application/json"), (406, MEDIA_LINE_ITEMS.into()));
    assert_eq!(read(&item, MEDIA_LINE_ITEM), (200, MEDIA_LINE_ITEM.into()));
    assert_eq!(read(&item, "*/*"), (200, MEDIA_LINE_ITEMS.into()));
    let json = writing(&token)
        .replace(&format!("Content-Type: {MEDIA_LINE_ITEM}"), "Content-Type: application/json");
    let refused =
        send(&platform, "POST", &items, &json, r#"{"label":"a","scoreMaximum":1,"resourceId":"r"}"#);
    let detail = "Unsupported media type \"application/json\" in request.";
    assert_eq!((refused.status, refused.json()), (415, json!({ "detail": detail })));
}

#[test]
fn line_items_have_rules_of_their_own_and_show_nulls() {
    let platform = edx();
    let token = token(&platform);
    let made = create(
        &platform,
        &token,
        &json!({
            "label": "Chapter 5 Test", "scoreMaximum": 60, "resourceId": "a-9", "tag": "grade",
            "endDateTime": "2026-04-06T20:05:03.123Z", "https://example.com/ext": {"a": 1},
        }),
    );
    let expected = json!({
        "id": format!("{}/2", platform.line_items_url()), "label": "Chapter 5 Test", "scoreMaximum": 60,
        "resourceId": "a-9", "tag": "grade", "resourceLinkId": null, "startDateTime": null,
        "endDateTime": "2026-04-06T20:05:03.123000Z",
    });
    assert_eq!((made.status, made.json()), (201, expected.clone()));
    // What it shows may go back to it.
    let url = expected["id"].as_str().unwrap();
    assert_eq!(send(&platform, "PUT", url, &writing(&token), &expected.to_string()).json(), expected);
    platform.assert_no_violations();

    let fault = |body: Value| {
        let answer = create(&platform, &token, &body);
        assert_eq!(answer.status, 400);
        answer.json()
    };
    assert_eq!(
        fault(json!({ "label": "a", "scoreMaximum": 12.5, "resourceId": "r" })),
        json!({ "scoreMaximum": ["A valid integer is required."] })
    );
    assert_eq!(
        fault(json!({ "label": "a", "scoreMaximum": 1 })),
        json!({ "non_field_errors": ["Must provide at least one of resource_id or resource_link_id"] })
    );
    assert_eq!(
        fault(json!({ "label": "a", "scoreMaximum": 1, "resourceLinkId": "nope" })),
        json!({ "resourceLinkId": ["Invalid usage key: 'nope'"] })
    );
    assert_eq!(
        fault(json!({ "label": "x".repeat(101), "scoreMaximum": 1, "resourceId": "r" })),
        json!({ "label": ["Ensure this field has no more than 100 characters."] })
    );
    assert_eq!(
        fault(json!({ "scoreMaximum": 1, "resourceId": "r" })),
        json!({ "label": ["This field is required."] })
    );
    // The first two are no fault of the client's.
    assert_eq!(rules(&platform), ["AGS-CREATE-06", "AGS-ITEM-02"]);

    let deleted = send(&platform, "DELETE", url, &format!("Authorization: Bearer {token}\r\n"), "");
    let detail = "You do not have permission to perform this action.";
    assert_eq!((deleted.status, deleted.json()["detail"].as_str()), (403, Some(detail)));
    let filtered = format!("{}?resource_link_id=zzz", platform.line_items_url());
    assert_eq!(get(&platform, &token, &filtered, MEDIA_LINE_ITEMS).status, 500);
}

#[test]
fn scores_are_echoed_and_may_not_repeat_a_timestamp() {
    let platform = edx();
    let token = token(&platform);
    let learner = &platform.learners()[0];
    let mut body = final_score(learner, 83.0, 0);
    body["https://example.com/x"] = 1.into();
    let answer = post_to_first(&platform, &token, &body);
    let echo = json!({
        "timestamp": "2026-03-02T09:00:00Z", "scoreGiven": 83.0, "scoreMaximum": 100.0, "comment": null,
        "activityProgress": "Completed", "gradingProgress": "FullyGraded", "userId": learner,
    });
    assert_eq!((answer.status, answer.json()), (201, echo));
    assert_eq!(answer.header("content-type").unwrap(), MEDIA_SCORE);
    let same = post_to_first(&platform, &token, &body);
    let sentence = "Score already exists for the provided timestamp";
    assert_eq!((same.status, same.json()), (400, json!({ "timestamp": [sentence] })));
    body["timestamp"] = "2026-03-02T09:00:00.000001Z".into();
    assert_eq!(post_to_first(&platform, &token, &body).status, 201);
    platform.assert_no_violations();
    body["timestamp"] = "2026-03-01T09:00:00.000Z".into();
    let old = post_to_first(&platform, &token, &body);
    assert_eq!(old.json()["timestamp"][0], "Score timestamp can only be updated to a later point in time");

    let mut stranger = final_score("nobody", 8.0, 0);
    assert_eq!(post_to_first(&platform, &token, &stranger).status, 500);
    stranger["gradingProgress"] = "Pending".into();
    assert_eq!(post_to_first(&platform, &token, &stranger).status, 201);
    let mut negative = final_score(learner, -1.0, 1);
    assert_eq!(
        post_to_first(&platform, &token, &negative).header("content-type").unwrap(),
        "text/html; charset=utf-8"
    );
    negative["scoreGiven"] = 8.into();
    negative.as_object_mut().unwrap().remove("scoreMaximum");
    assert_eq!(post_to_first(&platform, &token, &negative).status, 400);
}

#[test]
fn only_what_is_final_and_not_zero_is_published_and_nothing_takes_it_back() {
    let platform = edx();
    let token = token(&platform);
    let learner = platform.learners()[0].clone();
    let results = service_url(&platform.line_item_url(), "/results");
    let mut millis = 0;
    // What the gradebook holds after a score, and what the service shows.
    let mut after = |given: Value, grading_progress: &str| {
        millis += 1;
        let mut body = final_score(&learner, 0.0, millis);
        body["gradingProgress"] = grading_progress.into();
        body["scoreGiven"] = given;
        if body["scoreGiven"].is_null() {
            body.as_object_mut().unwrap().retain(|name, _| !name.starts_with("score"));
        }
        assert_eq!(post_to_first(&platform, &token, &body).status, 201);
        let shown = get(&platform, &token, &results, MEDIA_RESULTS).json();
        let published = platform.gradebook().result("li-1", &learner).unwrap().score;
        (published, shown[0]["resultScore"].as_f64())
    };
    assert_eq!(after(0.into(), "FullyGraded"), (None, Some(0.0)));
    assert_eq!(after(40.into(), "Pending"), (None, Some(40.0)));
    assert_eq!(after(110.into(), "FullyGraded"), (Some(100.0), Some(110.0)));
    assert_eq!(after(0.into(), "FullyGraded"), (Some(100.0), Some(0.0)));
    assert_eq!(after(Value::Null, "NotReady"), (Some(100.0), None));
    assert_eq!(after(70.into(), "FullyGraded"), (Some(70.0), Some(70.0)));
}

#[test]
fn scores_of_line_items_without_a_block_are_not_published() {
    let platform = edx();
    let token = token(&platform);
    let made = create(&platform, &token, &json!({ "label": "a", "scoreMaximum": 10, "resourceId": "r" }));
    let url = made.json()["id"].as_str().unwrap().to_owned();
    let learner = platform.learners()[0].clone();
    let body = final_score(&learner, 7.0, 0).to_string();
    let headers = support::score_headers(&token);
    assert_eq!(send(&platform, "POST", &service_url(&url, "/scores"), &headers, &body).status, 201);
    assert!(platform.gradebook().results().all(|(_, _, entry)| entry.score.is_none()));
    let shown = get(&platform, &token, &service_url(&url, "/results"), MEDIA_RESULTS).json();
    assert_eq!(shown[0]["resultScore"], 7.0);
}

#[test]
fn results_ignore_the_user_and_are_cut_without_a_link() {
    let platform = edx();
    let token = token(&platform);
    let learners = platform.learners();
    for (learner, millis) in learners.iter().zip([10, 20, 30]) {
        let mut body = final_score(learner, 8.0, millis);
        body["scoreMaximum"] = 10.into();
        post_to_first(&platform, &token, &body);
    }
    let url = service_url(&platform.line_item_url(), "/results");
    let users = |suffix: &str| -> Vec<String> {
        let answer = get(&platform, &token, &format!("{url}{suffix}"), MEDIA_RESULTS);
        assert_eq!((answer.status, answer.header("link")), (200, None));
        let results = answer.json();
        results
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["userId"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest_first = [learners[2].clone(), learners[1].clone(), learners[0].clone()];
    assert_eq!(users(""), newest_first);
    assert_eq!(users(&format!("?user_id={}", learners[0])), newest_first);
    assert_eq!(users(&format!("/{}", learners[0])), [learners[0].as_str()]);
    assert_eq!(users("/nobody"), [""; 0]);
    assert_eq!(users("?limit=2"), newest_first[..2]);
    let first = get(&platform, &token, &url, MEDIA_RESULTS).json()[0].clone();
    assert_eq!(
        (&first["resultScore"], &first["resultMaximum"], &first["comment"]),
        (&json!(8.0), &json!(10.0), &Value::Null)
    );
    platform.assert_no_violations();
    assert_eq!(get(&platform, &token, &format!("{url}?limit=abc"), MEDIA_RESULTS).status, 500);
}

#[test]
fn every_trouble_with_a_token_is_403() {
    let platform = edx();
    let detail = |token: &str| {
        let answer = get(&platform, token, &platform.line_items_url(), MEDIA_LINE_ITEMS);
        assert_eq!((answer.status, answer.header("www-authenticate")), (403, None));
        answer.json()["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail("x.y.z"), "Invalid token signature.");
    assert_eq!(
        detail(&token_for(&platform, SCOPE_SCORE)),
        "You do not have permission to perform this action."
    );
    let url = service_url(&platform.line_item_url(), "/scores/");
    assert_eq!(
        send(&platform, "POST", &url, "", "").header("content-type").unwrap(),
        "text/html; charset=utf-8"
    );
}
