//! Line items and their container, as the specification has them, over real HTTP.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS};
use lti_ags_testing::{LineItem, Platform};
use serde_json::{Value, json};
use support::{Answer, builder, get, link, platform, post, rules, score, send, token, writing};

fn list(platform: &Platform, token: &str, query: &str) -> Answer {
    get(platform, token, &(platform.line_items_url() + query), MEDIA_LINE_ITEMS)
}

fn labels(answer: &Answer) -> Vec<String> {
    let items = answer.json();
    items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
}

fn create(platform: &Platform, token: &str, body: &Value) -> Answer {
    send(platform, "POST", &platform.line_items_url(), &writing(token), &body.to_string())
}

#[test]
fn filters_are_anded_and_no_match_is_an_empty_array() {
    // AGS-LIST-02, AGS-LIST-05
    let platform = builder()
        .line_item(LineItem::new("a", 10.0).tag("grade").resource_id("quiz-9"))
        .line_item(LineItem::new("b", 10.0).tag("grade").unlinked())
        .line_item(LineItem::new("c", 10.0).tag("late").resource_id("quiz-9").unlinked())
        .start();
    let token = token(&platform);
    assert_eq!(labels(&list(&platform, &token, "")), ["a", "b", "c"]);
    assert_eq!(labels(&list(&platform, &token, "?tag=grade")), ["a", "b"]);
    assert_eq!(labels(&list(&platform, &token, "?tag=grade&resource_id=quiz-9")), ["a"]);
    assert_eq!(labels(&list(&platform, &token, "?resource_link_id=rl-1")), ["a"]);
    let none = list(&platform, &token, "?tag=x");
    assert_eq!((none.body.as_slice(), none.header("link")), (&b"[]"[..], None));
    assert_eq!(none.header("content-type").unwrap(), MEDIA_LINE_ITEMS);
    platform.assert_no_violations();
}

#[test]
fn pages_are_linked_in_all_directions_and_need_no_filters() {
    // AGS-PAGE-01, AGS-PAGE-02
    let mut builder = builder().line_items_at("/ctx/9/lineitems?type_id=1").page_size(2, 3);
    for number in 0..7 {
        builder = builder.line_item(LineItem::new(format!("i{number}"), 1.0).tag("t").unlinked());
    }
    let platform = builder.line_item(LineItem::new("other", 1.0)).start();
    let token = token(&platform);
    let first = list(&platform, &token, "&tag=t&limit=100");
    assert_eq!(labels(&first), ["i0", "i1", "i2"]);
    assert_eq!(link(&first, "prev"), None);
    let follow = |answer: &Answer, relation| {
        get(&platform, &token, &link(answer, relation).unwrap(), MEDIA_LINE_ITEMS)
    };
    let second = follow(&first, "next");
    assert_eq!(labels(&second), ["i3", "i4", "i5"]);
    assert_eq!(labels(&follow(&second, "prev")), ["i0", "i1", "i2"]);
    let last = follow(&second, "next");
    assert_eq!((labels(&last), link(&last, "next")), (vec!["i6".to_owned()], None));
    assert_eq!(labels(&follow(&first, "last")), ["i6"]);
    assert_eq!(labels(&follow(&last, "first")), ["i0", "i1", "i2"]);
    assert_eq!(labels(&list(&platform, &token, "&tag=t")), ["i0", "i1"]);
    platform.assert_no_violations();

    let refiltered = link(&first, "next").unwrap() + "&tag=t";
    assert_eq!(get(&platform, &token, &refiltered, MEDIA_LINE_ITEMS).status, 200);
    assert_eq!(rules(&platform), ["AGS-PAGE-02"]);
}

#[test]
fn a_line_item_is_made_read_replaced_and_deleted() {
    let platform = platform();
    let token = token(&platform);
    let body = json!({
        "label": "Essay 2", "scoreMaximum": 30, "resourceId": "essay-2", "tag": "grade",
        "endDateTime": "2026-04-10T21:59:59Z", "gradesReleased": false, "https://tool.test/x": {"k": [1, null]},
    });
    let made = create(&platform, &token, &body);
    assert_eq!(made.status, 201);
    let mut item = made.json();
    let url = item["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location").as_deref(), Some(url.as_str()));
    assert_eq!(get(&platform, &token, &url, MEDIA_LINE_ITEM).json(), item);

    item["label"] = "Essay 2 (final)".into();
    item.as_object_mut().unwrap().remove("tag");
    item.as_object_mut().unwrap().remove("endDateTime");
    let put = send(&platform, "PUT", &url, &writing(&token), &item.to_string());
    assert_eq!((put.status, put.json()), (200, item));
    let gradebook = platform.gradebook();
    let kept = gradebook.line_items().last().unwrap();
    assert_eq!((kept.label.as_str(), &kept.tag, &kept.end_date_time), ("Essay 2 (final)", &None, &None));
    assert_eq!(kept.resource_id.as_deref(), Some("essay-2"));

    let delete = || send(&platform, "DELETE", &url, &format!("Authorization: Bearer {token}\r\n"), "");
    assert_eq!((delete().status, delete().status), (204, 404));
    platform.assert_no_violations();
}

#[test]
fn a_new_maximum_rescales_the_results() {
    // AGS-UPDATE-07
    let platform = platform();
    let token = token(&platform);
    post(&platform, &token, &score(10.0, 0).to_string());
    let body = json!({ "label": "li-1", "scoreMaximum": 50, "resourceLinkId": "rl-1" });
    let put = send(&platform, "PUT", &platform.line_item_url(), &writing(&token), &body.to_string());
    assert_eq!(put.status, 200);
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, Some(25.0));
    platform.assert_no_violations();
}

/// Changes one thing about a right line item.
type Change = fn(&mut Value);

#[test]
fn each_fault_of_a_new_line_item_is_named() {
    let cases: &[(&str, u16, Change)] = &[
        ("AGS-CREATE-02", 400, |item| item["id"] = "https://x.test/1".into()),
        ("AGS-CREATE-02", 201, |item| item["tag"] = Value::Null),
        ("AGS-CREATE-06", 404, |item| item["resourceLinkId"] = "rl-9".into()),
        ("AGS-ITEM-02", 400, |item| item["label"] = " ".into()),
        ("AGS-ITEM-02", 400, |item| item["label"] = Value::Null),
        ("AGS-ITEM-03", 400, |item| item["scoreMaximum"] = 0.into()),
        ("AGS-ITEM-03", 400, |item| item["scoreMaximum"] = (-1).into()),
        ("AGS-ITEM-03", 400, |item| item["scoreMaximum"] = "15".into()),
        ("AGS-ITEM-03", 400, |item| drop(item.as_object_mut().unwrap().remove("scoreMaximum"))),
        ("AGS-ITEM-05", 400, |item| item["resourceId"] = 7.into()),
        ("AGS-ITEM-07", 400, |item| item["endDateTime"] = "tomorrow".into()),
        ("AGS-DATE-01", 400, |item| item["startDateTime"] = "2026-04-10T21:59:59".into()),
        ("AGS-ITEM-08", 400, |item| item["gradesReleased"] = "no".into()),
        ("AGS-EXT-01", 201, |item| item["foo"] = 1.into()),
    ];
    for (rule, status, change) in cases {
        let platform = platform();
        let mut body = json!({ "label": "Lab 3", "scoreMaximum": 20 });
        change(&mut body);
        let answer = create(&platform, &token(&platform), &body);
        assert_eq!((answer.status, rules(&platform)), (*status, vec![*rule]), "{body}");
    }
}

#[test]
fn id_and_link_of_a_line_item_stay() {
    // AGS-UPDATE-03
    for change in [json!({ "id": "https://x.test/1" }), json!({ "resourceLinkId": "rl-9" })] {
        let platform = platform();
        let mut body = json!({ "label": "a", "scoreMaximum": 1 });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let url = platform.line_item_url();
        let answer = send(&platform, "PUT", &url, &writing(&token(&platform)), &body.to_string());
        assert_eq!((answer.status, rules(&platform)), (400, vec!["AGS-UPDATE-03"]));
    }
}

#[test]
fn media_types_methods_and_scopes_are_looked_at() {
    let platform = builder().keep_coupled_line_items().start();
    let all = token(&platform);
    let url = platform.line_item_url();
    assert_eq!(get(&platform, &all, &url, "application/json").status, 406);
    assert_eq!(get(&platform, &all, &url, "*/*").status, 200);
    let json = format!("Authorization: Bearer {all}\r\nContent-Type: application/json\r\n");
    assert_eq!(send(&platform, "PUT", &url, &json, r#"{"label":"a","scoreMaximum":1}"#).status, 415);
    assert_eq!(send(&platform, "PATCH", &url, &writing(&all), "").status, 405);
    assert_eq!(
        rules(&platform),
        ["AGS-MEDIA-01", "AGS-MEDIA-02", "AGS-MEDIA-01", "AGS-UPDATE-01", "AGS-ITEM-12"]
    );

    let mut request = support::TokenRequest::new(&platform, "readonly");
    request.scope = lti_ags_testing::names::SCOPE_LINE_ITEM_READONLY.into();
    let readonly = request.send(&platform).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(get(&platform, &readonly, &url, MEDIA_LINE_ITEM).status, 200);
    assert_eq!(create(&platform, &readonly, &json!({ "label": "a", "scoreMaximum": 1 })).status, 403);
    let delete = |token| send(&platform, "DELETE", &url, &format!("Authorization: Bearer {token}\r\n"), "");
    let refused = delete(&readonly);
    assert!(refused.header("www-authenticate").unwrap().contains("scope/lineitem\""));
    // AGS-DELETE-04: the link's own line item stays.
    assert_eq!((refused.status, delete(&all).status), (403, 403));
}

#[test]
fn the_claim_follows_what_there_is() {
    // AGS-CLAIM-03, AGS-CLAIM-04
    let claim = |platform: &Platform| {
        platform.claims("u-1001")["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"].clone()
    };
    let two = builder().line_item(LineItem::new("a", 1.0)).line_item(LineItem::new("b", 1.0)).start();
    assert_eq!(claim(&two).get("lineitem"), None);
    let one =
        builder().line_item(LineItem::new("a", 1.0).unlinked()).line_item(LineItem::new("b", 1.0)).start();
    assert!(claim(&one)["lineitem"].as_str().unwrap().ends_with("/lineitems/b"));
    let score_only = builder().without_line_items().start();
    assert_eq!(claim(&score_only).get("lineitems"), None);
    let token = token(&score_only);
    assert_eq!(list(&score_only, &token, "").status, 404);
    assert_eq!(post(&score_only, &token, &score(1.0, 0).to_string()).status, 204);
}

#[test]
fn a_review_launch_names_viewer_and_learner() {
    // AGS-REVIEW-02
    let platform = platform();
    let claims = platform.review_claims("u-9", "u-1001");
    let claim = |name: &str| &claims[format!("https://purl.imsglobal.org/spec/lti/claim/{name}")];
    assert_eq!(claims["sub"], "u-9");
    assert_eq!(claim("message_type"), "LtiSubmissionReviewRequest");
    assert_eq!(claim("for_user")["user_id"], "u-1001");
    let endpoint = &claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"];
    assert_eq!(endpoint["lineitem"], platform.line_item_url());
}
