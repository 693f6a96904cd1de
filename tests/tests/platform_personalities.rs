//! One right client on every platform: whatever a platform does, nobody can blame the client.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS};
use lti_ags_testing::{Personality, Route, Script};
use serde_json::{Value, json};
use support::{builder, final_score, get, post_to_first, send, service_url, token, writing};

#[test]
fn a_right_client_works_everywhere_and_breaks_no_rule() {
    for personality in Personality::ALL {
        let platform = builder().like(personality).start();
        let learner = platform.learners().remove(0);
        let claims = platform.claims(&learner);
        let endpoint = &claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"];
        assert_eq!(endpoint["lineitem"], platform.line_item_url(), "{personality}");
        assert_eq!(endpoint["lineitems"], platform.line_items_url(), "{personality}");
        let token = token(&platform);

        let list = get(&platform, &token, &platform.line_items_url(), MEDIA_LINE_ITEMS);
        assert_eq!(list.json()[0]["id"], platform.line_item_url(), "{personality}");
        let link = platform.resource_link_id();
        if personality != Personality::Sakai {
            assert_eq!(list.json()[0]["resourceLinkId"], link, "{personality}");
        }

        let body = json!({ "label": "Essay 2", "scoreMaximum": 30, "resourceId": "essay-2", "tag": "grade" });
        let made = send(&platform, "POST", &platform.line_items_url(), &writing(&token), &body.to_string());
        assert!(matches!(made.status, 200 | 201), "{personality}: {made:?}");
        let url = made.json()["id"].as_str().unwrap().to_owned();
        let read = get(&platform, &token, &url, MEDIA_LINE_ITEM).json();
        assert_eq!(
            (&read["resourceId"], &read["tag"]),
            (&json!("essay-2"), &json!("grade")),
            "{personality}"
        );
        let mut changed = read;
        changed["label"] = "Essay 2b".into();
        if personality == Personality::Blackboard {
            changed.as_object_mut().unwrap().remove("id");
        }
        let put = send(&platform, "PUT", &url, &writing(&token), &changed.to_string());
        assert_eq!(put.status, 200, "{personality}: {put:?}");
        assert_eq!(platform.gradebook().line_items()[1].label, "Essay 2b", "{personality}");

        let posted = post_to_first(&platform, &token, &final_score(&learner, 85.0, 0));
        assert!((200..300).contains(&posted.status), "{personality}: {posted:?}");
        assert_eq!(platform.gradebook().result("li-1", &learner).unwrap().score, Some(85.0), "{personality}");
        let results =
            get(&platform, &token, &service_url(&platform.line_item_url(), "/results"), MEDIA_RESULTS);
        let results = results.json();
        let mine = |result: &&Value| result["userId"] == learner.as_str();
        let result = results.as_array().unwrap().iter().find(mine).unwrap();
        assert_eq!(result["resultScore"].as_f64(), Some(85.0), "{personality}");
        platform.assert_no_violations();
    }
}

#[test]
fn what_a_platform_shows_may_go_back_to_it() {
    for personality in Personality::ALL {
        // On Sakai the link's own line item cannot be changed, on Blackboard an id may not be sent.
        if matches!(personality, Personality::Sakai | Personality::Blackboard) {
            continue;
        }
        let platform = builder().like(personality).start();
        let token = token(&platform);
        let url = platform.line_item_url();
        let mut shown = get(&platform, &token, &url, MEDIA_LINE_ITEM).json();
        shown["label"] = "Exercise 1 (new)".into();
        let put = send(&platform, "PUT", &url, &writing(&token), &shown.to_string());
        assert_eq!(put.status, 200, "{personality}: {put:?}");
        platform.assert_no_violations();
    }
}

#[test]
fn a_throttled_request_does_nothing() {
    for personality in Personality::ALL {
        let platform = builder().like(personality).start();
        let token = token(&platform);
        platform.script(Route::Scores, Script::throttled());
        let learner = platform.learners().remove(0);
        let answer = post_to_first(&platform, &token, &final_score(&learner, 85.0, 0));
        assert_eq!(
            answer.status,
            if personality == Personality::Canvas { 403 } else { 429 },
            "{personality}"
        );
        assert_eq!(platform.gradebook().results().count(), 0);
    }
}

#[test]
fn names_are_read_back() {
    for personality in Personality::ALL {
        assert_eq!(personality.name().parse(), Ok(personality));
    }
    assert!("webct".parse::<Personality>().is_err());
}
