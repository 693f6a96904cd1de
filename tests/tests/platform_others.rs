//! The platform like Sakai, Blackboard, Brightspace and Schoology.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, SCOPE_SCORE};
use lti_ags_testing::{LineItem, Personality, Platform};
use serde_json::{Value, json};
use support::{
    Answer, TokenRequest, builder, final_score, get, post_to_first, send, service_url, status_line, token,
    token_for, writing,
};

fn like(personality: Personality) -> (Platform, String) {
    let platform = builder().like(personality).start();
    let token = token(&platform);
    (platform, token)
}

fn create(platform: &Platform, token: &str, body: &Value) -> Answer {
    send(platform, "POST", &platform.line_items_url(), &writing(token), &body.to_string())
}

fn delete(platform: &Platform, token: &str, url: &str) -> Answer {
    send(platform, "DELETE", url, &format!("Authorization: Bearer {token}\r\n"), "")
}

#[test]
fn sakai_refuses_known_scopes_and_names_them_in_a_header() {
    let platform = builder().like(Personality::Sakai).scopes([SCOPE_SCORE]).start();
    let refused = TokenRequest::new(&platform, "a").send(&platform);
    assert_eq!((refused.status, refused.json()), (400, json!({ "error": "invalid_scope" })));
    assert!(refused.header("x-tsugi-lti13-error-detail").unwrap().ends_with("scope/lineitem"));
    let mut request = TokenRequest::new(&platform, "b");
    request.scope = format!("{SCOPE_SCORE} https://example.com/x");
    let granted = request.send(&platform);
    assert_eq!((granted.status, granted.json()["scope"].as_str()), (200, Some(SCOPE_SCORE)));
    assert!(granted.body.starts_with(b"{\n"));
    // Whether the audience is right does not matter, whether the signature is does.
    request.claims["aud"] = "x".into();
    assert_eq!(request.send(&platform).status, 200);
    request.key = lti_ags_testing::ToolKey::rsa(request.key.id()).unwrap();
    assert_eq!(request.send(&platform).status, 500);
}

#[test]
fn sakai_makes_line_items_with_200_and_keeps_the_one_on_demand() {
    let (platform, token) = like(Personality::Sakai);
    assert!(platform.line_item_url().contains(":::"));
    let made = create(&platform, &token, &json!({ "label": "a", "scoreMaximum": 60, "resourceId": "r" }));
    assert_eq!((made.status, made.json()["scoreMaximum"].to_string()), (200, "60.0".into()));
    let by_link = format!("{}?resource_link_id=nonsense", platform.line_items_url());
    assert_eq!(get(&platform, &token, &by_link, MEDIA_LINE_ITEMS).json().as_array().unwrap().len(), 2);
    let url = made.json()["id"].as_str().unwrap().to_owned();
    let gone = delete(&platform, &token, &url);
    assert_eq!((gone.status, gone.body.len()), (200, 0));
    let missing = get(&platform, &token, &url, MEDIA_LINE_ITEM);
    assert_eq!((missing.status, missing.json()), (404, json!({ "error": "Could not load column" })));
    assert_eq!(delete(&platform, &token, &platform.line_item_url()).status, 400);
    platform.assert_no_violations();
}

#[test]
fn sakai_does_not_compare_timestamps_and_lists_everybody() {
    let (platform, token) = like(Personality::Sakai);
    let learner = platform.learners().remove(0);
    assert_eq!(post_to_first(&platform, &token, &final_score(&learner, 80.0, 10)).status, 200);
    assert_eq!(post_to_first(&platform, &token, &final_score(&learner, 70.0, 5)).status, 200);
    let mut bare = final_score(&learner, 1.5, 20);
    bare.as_object_mut().unwrap().remove("scoreMaximum");
    post_to_first(&platform, &token, &bare);
    assert_eq!(platform.gradebook().result("li-1", &learner).unwrap().score, Some(150.0));
    assert_eq!(post_to_first(&platform, &token, &final_score("nobody", 1.0, 0)).status, 400);

    let url = service_url(&platform.line_item_url(), "/results");
    let all = get(&platform, &token, &format!("{url}?user_id=x"), MEDIA_RESULTS);
    assert_eq!(all.header("content-type").unwrap(), "application/json; charset=utf-8");
    assert_eq!(all.json().as_array().unwrap().len(), 100);
    let first = all.json()[0].clone();
    let one = get(&platform, &token, first["id"].as_str().unwrap(), MEDIA_RESULTS);
    assert_eq!(one.json(), first);
    assert_eq!(get(&platform, &token, &format!("{url}/u999"), MEDIA_RESULTS).body, b"");
}

#[test]
fn sakai_says_403_for_tokens_and_400_for_scopes() {
    let platform = builder().like(Personality::Sakai).start();
    let refused = get(&platform, "x", &platform.line_items_url(), MEDIA_LINE_ITEMS);
    assert_eq!((refused.status, refused.json()), (403, json!({ "error": "signature_error" })));
    let narrow = token_for(&platform, SCOPE_SCORE);
    let refused = get(&platform, &narrow, &platform.line_items_url(), MEDIA_LINE_ITEMS);
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().ends_with("not in access token"));
}

#[test]
fn blackboard_takes_part_of_a_line_item_but_not_its_id() {
    let (platform, token) = like(Personality::Blackboard);
    let body = json!({
        "label": "Essay", "scoreMaximum": 100, "tag": "t", "endDateTime": "2024-10-11T04:59:59.999123Z",
    });
    let made = create(&platform, &token, &body).json();
    let url = made["id"].as_str().unwrap();
    assert!(url.ends_with("/learn/api/v1/lti/courses/_220_1/lineItems/_1398_1"), "{url}");
    assert_eq!(made["endDateTime"], "2024-10-11T04:59:59.999Z");
    let refused = send(&platform, "PUT", url, &writing(&token), &made.to_string());
    assert_eq!((refused.status, &refused.json()["status"]), (400, &json!(400)));
    platform.assert_no_violations();
    let part = send(&platform, "PUT", url, &writing(&token), r#"{"scoreMaximum":50}"#).json();
    assert_eq!(
        (&part["label"], &part["tag"], &part["scoreMaximum"]),
        (&json!("Essay"), &json!("t"), &json!(50))
    );
}

#[test]
fn blackboard_loses_comments_where_one_learner_is_asked_for() {
    let (platform, token) = like(Personality::Blackboard);
    let learner = platform.learners().remove(0);
    let mut body = final_score(&learner, 50.0, 0);
    body["comment"] = "one\ntwo".into();
    assert_eq!(post_to_first(&platform, &token, &body).status, 204);
    let url = service_url(&platform.line_item_url(), "/results");
    let comment = |url: &str| get(&platform, &token, url, MEDIA_RESULTS).json()[0]["comment"].clone();
    assert_eq!(comment(&url), "one two");
    assert_eq!(comment(&format!("{url}?user_id={learner}")), "");
    platform.assert_no_violations();
    body["timestamp"] = "2026-03-02T13:26:14.786962".into();
    let zoneless = post_to_first(&platform, &token, &body);
    let message = zoneless.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("JSON parse error: Invalid date string: 2026-03-02T13:26:14.786962;"),
        "{message}"
    );
    let stranger = post_to_first(&platform, &token, &final_score("nobody", 1.0, 0));
    assert!(stranger.json()["message"].as_str().unwrap().contains("User could not be found:"));
}

#[test]
fn brightspace_has_a_registered_audience_and_takes_only_one() {
    let platform = builder().like(Personality::Brightspace).start();
    assert_eq!(platform.audience(), "https://api.brightspace.com/auth/token");
    let send = |change: &dyn Fn(&mut TokenRequest)| {
        let mut request = TokenRequest::new(&platform, "a");
        change(&mut request);
        request.send(&platform)
    };
    assert_eq!(send(&|_| {}).status, 200);
    assert_eq!(send(&|r| r.claims["aud"] = platform.token_endpoint().into()).status, 200);
    let two = json!([platform.audience(), platform.token_endpoint()]);
    assert_eq!(send(&|r| r.claims["aud"] = two.clone()).status, 500);
    let without_kid = send(&|r| drop(r.header.as_object_mut().unwrap().remove("kid")));
    let description = "Error validating assertion: KeyId not found in token";
    assert_eq!(without_kid.json(), json!({ "error": "invalid_grant", "error_description": description }));
    assert_eq!(send(&|r| r.claims["iss"] = "x".into()).json(), json!({ "error": "invalid_client" }));
}

#[test]
fn brightspace_tells_strangers_apart_and_cuts_scores() {
    let (platform, token) = like(Personality::Brightspace);
    let learner = platform.learners().remove(0);
    let answer = post_to_first(&platform, &token, &final_score(&learner, 120.0, 0));
    assert_eq!(answer.header("x-rate-limit-remaining").as_deref(), Some("49990"));
    assert_eq!(platform.gradebook().result("li-1", &learner).unwrap().score, Some(100.0));
    let status = |user: &str| post_to_first(&platform, &token, &final_score(user, 1.0, 0)).status;
    assert_eq!((status("nobody"), status(&learner.replace("_201", "_999"))), (404, 403));
    platform.assert_no_violations();
    let two = builder().like(Personality::Brightspace);
    let two = two.line_item(LineItem::new("a", 1.0)).line_item(LineItem::new("b", 1.0)).start();
    assert_eq!(
        two.claims(&learner)["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"],
        ""
    );
}

#[test]
fn schoology_allows_no_member_it_does_not_know() {
    let (platform, token) = like(Personality::Schoology);
    let refused = create(&platform, &token, &json!({ "label": "a", "scoreMaximum": 1, "id": "x" }));
    let sentence = "Invalid parameter \"body.id\": \"id\" is not allowed";
    assert_eq!((refused.status, refused.json()), (400, json!({ "error": sentence })));
    let learner = platform.learners().remove(0);
    let mut body = final_score(&learner, 1.0, 0);
    assert_eq!(status_line(&post_to_first(&platform, &token, &body)), "HTTP/1.1 201 Created");
    body["timestamp"] = "2026-03-02T09:00:01.000Z".into();
    body["https://canvas.instructure.com/lti/submission"] = json!({});
    assert_eq!(post_to_first(&platform, &token, &body).status, 400);
    let accept = get(&platform, &token, &platform.line_items_url(), "application/json");
    assert!(accept.json()["error"].as_str().unwrap().ends_with("Invalid Accept Header"));
    let made = create(
        &platform,
        &token,
        &json!({ "label": "a", "scoreMaximum": 1, "endDateTime": "2026-04-01T00:00:00Z" }),
    );
    assert_eq!((made.status, made.json().get("endDateTime")), (201, None));
}
