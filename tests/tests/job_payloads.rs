//! What a job needs to go on in another process, at another time: it survives being written down, says which form it is in,
//! and holds no secret. Only a stored token does, and that is what it is for.

mod common;

use common::{endpoint, registration};
use lti_ags::{
    Continuation, Endpoint, LineItem, ListLineItems, PostScore, Registration, Score, SigningKey,
    StoredRegistration, StoredToken,
};
use lti_ags_testing::{Platform, ToolKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A job of a tool's own.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    version: u32,
    registration: StoredRegistration,
    endpoint: Endpoint,
    score: Score,
    rest_of_list: Continuation<LineItem>,
}

fn platform() -> Platform {
    let item = |number| lti_ags_testing::LineItem::new(format!("li-{number}"), 100.0);
    Platform::builder().line_item(item(1)).line_item(item(2)).line_item(item(3)).page_size(2, 2).start()
}

fn job(platform: &Platform, tool: &lti_ags_ureq::Client) -> Job {
    let score = Score::graded("u-1001", 83.33, 100.0)
        .comment("Clear plots.")
        .timestamp("2026-03-02T09:00:00.250Z".parse().unwrap())
        .extension("https://tool.test/x", &serde_json::json!({ "k": [1, null] }));
    let page = tool.call(&endpoint(platform), ListLineItems::new()).unwrap();
    Job {
        version: 1,
        registration: StoredRegistration::from(&registration(platform)),
        endpoint: endpoint(platform),
        score: score.build().unwrap(),
        rest_of_list: page.next.unwrap(),
    }
}

#[test]
fn a_job_goes_on_in_another_process() {
    let platform = platform();
    let ours = lti_ags_ureq::Client::new(registration(&platform));
    let payload = serde_json::to_string(&job(&platform, &ours)).unwrap();

    // Nothing else gets there.
    let there: Job = serde_json::from_str(&payload).unwrap();
    assert_eq!(serde_json::to_string(&there).unwrap(), payload);
    let key =
        SigningKey::from_pem(platform.private_key_pem()).unwrap().with_key_id(there.registration.key_id());
    let registration: Registration = there.registration.with_key(key).unwrap();
    let theirs = lti_ags_ureq::Client::new(registration);
    let post = PostScore::new(there.score.clone()).at(platform.line_item_url()).unwrap();
    theirs.call(&there.endpoint, post).unwrap();
    let rest = theirs.call(&there.endpoint, there.rest_of_list).unwrap();
    assert_eq!(rest.items.len(), 1);
    assert!(rest.next.is_none());

    let gradebook = platform.gradebook();
    let entry = gradebook.result("li-1", "u-1001").unwrap();
    assert_eq!((entry.score, Some(entry.timestamp)), (Some(83.33), there.score.timestamp()));
    assert_eq!(entry.comment.as_deref(), Some("Clear plots."));
    assert_eq!(entry.extensions["https://tool.test/x"], serde_json::json!({ "k": [1, null] }));
    platform.assert_no_violations();
}

#[test]
fn a_payload_holds_no_secret() {
    let platform = platform();
    let tool = lti_ags_ureq::Client::new(registration(&platform));
    let payload = serde_json::to_string(&job(&platform, &tool)).unwrap();
    let tokens = tool.with_session(|session| session.tokens(platform.now()));
    let [token] = &tokens[..] else { panic!("{tokens:?}") };
    let stored = token.to_json();
    let secret: Value = serde_json::from_str(&stored).unwrap();
    let secret = secret["access_token"].as_str().unwrap();
    assert!(!payload.contains(secret), "{payload}");
    let mut key = ToolKey::shared().private_key_pem().lines().filter(|line| !line.starts_with('-'));
    assert!(key.all(|line| !payload.contains(line)), "{payload}");
    // The one that does hold one shows it to nobody but who asks.
    assert!(!format!("{token:?} {}", token.key()).contains(secret));
}

#[test]
fn what_a_later_release_wrote_is_refused_and_not_misread() {
    let platform = platform();
    let tool = lti_ags_ureq::Client::new(registration(&platform));
    let job = serde_json::to_value(job(&platform, &tool)).unwrap();
    for member in ["registration", "endpoint", "rest_of_list"] {
        let mut later = job.clone();
        assert_eq!(later[member]["version"], 1, "{later}");
        later[member]["version"] = 2.into();
        let error = serde_json::from_value::<Job>(later).unwrap_err().to_string();
        assert!(error.contains("version 2 was stored by a later release"), "{error}");
    }
    let token = tool.with_session(|session| session.tokens(platform.now())).pop().unwrap().to_json();
    let error = StoredToken::from_json(&token.replace("\"version\":1", "\"version\":2")).unwrap_err();
    assert!(error.to_string().contains("version 2 was stored by a later release"), "{error}");
}

/// A score's form is the specification's own (AGS 3.4), which has no version: what is not a score is refused.
#[test]
fn a_score_is_checked_when_it_is_read_again() {
    let score = Score::graded("u-1001", 83.33, 100.0).build().unwrap();
    let json = serde_json::to_string(&score).unwrap();
    assert_eq!(serde_json::from_str::<Score>(&json).unwrap(), score);
    for broken in [json.replace("83.33", "-1"), json.replace("u-1001", ""), json.replace("100", "0")] {
        assert!(serde_json::from_str::<Score>(&broken).is_err(), "{broken}");
    }
}

/// The token goes with the job only where the tool so chooses: as a member of its own.
#[test]
fn a_token_that_is_handed_on_is_used() {
    let platform = Platform::start();
    let ours = lti_ags_ureq::Client::new(registration(&platform));
    ours.authorize(&endpoint(&platform)).unwrap();
    let stored = ours.with_session(|session| session.tokens(platform.now())).pop().unwrap().to_json();
    let theirs = lti_ags_ureq::Client::new(registration(&platform));
    let token = StoredToken::from_json(&stored).unwrap();
    theirs.with_session(|session| session.insert_token(&token, platform.now())).unwrap();
    let score = Score::graded("u-1001", 1.0, 1.0).build().unwrap();
    theirs.call(&endpoint(&platform), PostScore::new(score)).unwrap();
    assert_eq!(platform.ledger().token_requests().len(), 1);
    assert!(platform.ledger().service_requests()[0].header("authorization").is_some());
}
