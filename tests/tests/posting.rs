//! From a launch to the gradebook, over real sockets and both transports.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Limits, Tool, endpoint, impatient, launch, registration};
use lti_ags::{
    ActivityProgress, Cause, Endpoint, ErrorKind, GradingProgress, JwkSet, Outcome, PostScore, Registration,
    Scope, Score, SigningKey,
};
use lti_ags_testing::{Platform, Route, ScopePolicy, Script, TrustedKeys};

scenarios! {
    a_launch_ends_in_the_gradebook,
    everything_a_score_can_say_arrives,
    clearing_removes_the_grade,
    zero_is_a_grade_and_extra_credit_is_kept,
    later_scores_of_one_user_replace_earlier_ones,
    many_calls_at_once_make_one_token_request,
    a_revoked_token_is_renewed,
    a_narrower_grant_fails_before_the_request,
    a_refused_set_of_scopes_is_narrowed,
    a_wrong_key_is_refused_once_for_all,
    a_wrong_audience_is_refused_and_the_advice_names_it,
    a_rotated_key_is_accepted,
    nobody_listening_is_a_connection_error,
    a_reset_before_acting_loses_nothing,
    a_reset_after_acting_doubles_nothing,
    an_unknown_user_is_an_error_and_the_others_go_on,
    a_failing_token_endpoint_is_asked_again_with_a_new_assertion,
    what_the_platform_grants_can_be_seen,
}

fn graded(user_id: &str, given: f64) -> PostScore {
    PostScore::new(Score::graded(user_id, given, 100.0).build().unwrap())
}

fn score_of(platform: &Platform, user_id: &str) -> Option<f64> {
    platform.gradebook().results().find(|(_, user, _)| *user == user_id).and_then(|(_, _, entry)| entry.score)
}

// AGS-CERT-05
fn a_launch_ends_in_the_gradebook<T: Tool>() {
    let platform = Platform::start();
    let launch = launch(&platform);
    let score = Score::graded(launch.user_id().unwrap(), 85.0, 100.0).build().unwrap();
    let receipt = T::on(&platform).call(&launch.endpoint().unwrap(), PostScore::new(score)).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1));
    assert_eq!(score_of(&platform, "u-1001"), Some(85.0));
    assert_eq!(platform.ledger().token_requests().len(), 1);
    platform.assert_no_violations();
}

fn everything_a_score_can_say_arrives<T: Tool>() {
    let platform = Platform::start();
    let score = Score::graded("u-1001", 17.5, 20.0)
        .comment("<b>ü \"q\"\nnext line")
        .scoring_user_id("u-9")
        .timestamp("2026-03-02T09:00:00.250Z".parse().unwrap())
        .started_at("2026-03-01T08:00:00Z".parse().unwrap())
        .submitted_at("2026-03-01T09:10:30.25Z".parse().unwrap())
        .extension("https://tool.test/x", &serde_json::json!({"k": [1, null]}))
        .build()
        .unwrap();
    T::on(&platform).call(&endpoint(&platform), PostScore::new(score)).unwrap();
    let ledger = platform.ledger();
    assert_eq!(
        ledger.service_requests()[0].json().unwrap(),
        serde_json::json!({
            "userId": "u-1001", "scoringUserId": "u-9", "scoreGiven": 17.5, "scoreMaximum": 20,
            "comment": "<b>ü \"q\"\nnext line", "activityProgress": "Completed", "gradingProgress": "FullyGraded",
            "timestamp": "2026-03-02T09:00:00.250Z",
            "submission": {"startedAt": "2026-03-01T08:00:00.000Z", "submittedAt": "2026-03-01T09:10:30.250Z"},
            "https://tool.test/x": {"k": [1, null]},
        })
    );
    platform.assert_no_violations();
}

fn clearing_removes_the_grade<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.call(&endpoint, graded("u-1001", 85.0)).unwrap();
    tool.call(&endpoint, PostScore::new(Score::cleared("u-1001").build().unwrap())).unwrap();
    assert_eq!(score_of(&platform, "u-1001"), None);
    // So does progress alone, which is why it is called what it is called.
    tool.call(&endpoint, graded("u-1001", 85.0)).unwrap();
    let progress = Score::ungraded("u-1001", ActivityProgress::InProgress, GradingProgress::NotReady);
    tool.call(&endpoint, PostScore::new(progress.build().unwrap())).unwrap();
    assert_eq!(score_of(&platform, "u-1001"), None);
    platform.assert_no_violations();
}

fn zero_is_a_grade_and_extra_credit_is_kept<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.call(&endpoint, graded("u-1001", 0.0)).unwrap();
    tool.call(&endpoint, graded("u-1002", 110.0)).unwrap();
    assert_eq!(score_of(&platform, "u-1001"), Some(0.0));
    assert_eq!(score_of(&platform, "u-1002"), Some(110.0));
    platform.assert_no_violations();
}

// AGS-TS-02, AGS-TS-04
fn later_scores_of_one_user_replace_earlier_ones<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    for given in [10.0, 20.0, 10.0] {
        tool.call(&endpoint, graded("u-1001", given)).unwrap();
    }
    assert_eq!(score_of(&platform, "u-1001"), Some(10.0));
    platform.assert_no_violations();
}

// AGS-TOKRES-08
fn many_calls_at_once_make_one_token_request<T: Tool>() {
    let users: Vec<_> = (0..40).map(|n| format!("s-{n}")).collect();
    let platform = Platform::builder().learners(users.clone()).start();
    let tool = Arc::new(T::on(&platform));
    let results = tool.call_all(&endpoint(&platform), users.iter().map(|user| graded(user, 50.0)).collect());
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(platform.ledger().token_requests().len(), 1);
    assert_eq!(platform.gradebook().results().filter(|(_, _, entry)| entry.score == Some(50.0)).count(), 40);
    platform.assert_no_violations();
}

// AGS-HTTP-01
fn a_revoked_token_is_renewed<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.call(&endpoint, graded("u-1001", 10.0)).unwrap();
    platform.revoke_tokens();
    assert_eq!(tool.call(&endpoint, graded("u-1001", 20.0)).unwrap().attempts, 2);
    assert_eq!(platform.ledger().token_requests().len(), 2);
    assert_eq!(score_of(&platform, "u-1001"), Some(20.0));
}

// AGS-TOKRES-03
fn a_narrower_grant_fails_before_the_request<T: Tool>() {
    let platform = Platform::builder().scopes([Scope::RESULT_READONLY.as_str()]).start();
    let endpoint = Endpoint::for_line_item(platform.line_item_url()).unwrap();
    let error = T::on(&platform).call(&endpoint, graded("u-1001", 1.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert_eq!(platform.ledger().service_requests().len(), 0);
}

fn a_refused_set_of_scopes_is_narrowed<T: Tool>() {
    let platform =
        Platform::builder().scopes([Scope::SCORE.as_str()]).scope_policy(ScopePolicy::RefuseAll).start();
    let endpoint = Endpoint::for_line_item(platform.line_item_url()).unwrap();
    T::on(&platform).call(&endpoint, graded("u-1001", 1.0)).unwrap();
    assert_eq!(platform.ledger().token_requests().len(), 2);
}

// AGS-TOKERR-02
fn a_wrong_key_is_refused_once_for_all<T: Tool>() {
    let platform = Platform::start();
    let key = SigningKey::generate_p256().unwrap().with_key_id(platform.key_id());
    let registration = Registration::new(platform.client_id(), &platform.token_endpoint(), key).unwrap();
    let tool = Arc::new(T::assemble(registration, impatient(), Limits::default()));
    let results = tool.call_all(&endpoint(&platform), (0..8).map(|_| graded("u-1001", 1.0)).collect());
    for result in results {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TokenRefused);
    }
    assert_eq!(platform.ledger().token_requests().len(), 1);
    assert_eq!(platform.ledger().service_requests().len(), 0);
}

// AGS-TOKREQ-05
fn a_wrong_audience_is_refused_and_the_advice_names_it<T: Tool>() {
    let platform = Platform::builder().audience("https://auth.northfield.test/registered").start();
    let endpoint = endpoint(&platform);
    let error = T::on(&platform).call(&endpoint, graded("u-1001", 1.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRefused);
    assert!(error.to_string().contains("audience"), "{error}");

    let registration = registration(&platform).with_audience("https://auth.northfield.test/registered");
    let tool = T::assemble(registration, impatient(), Limits::default());
    tool.call(&endpoint, graded("u-1001", 1.0)).unwrap();
}

// AGS-SEC-06, AGS-CERT-01
fn a_rotated_key_is_accepted<T: Tool>() {
    let (old, new) = (SigningKey::generate_p256().unwrap(), SigningKey::generate_p256().unwrap());
    let mut published = JwkSet::new();
    published.add(&old).unwrap();
    published.add(&new).unwrap();
    let platform =
        Platform::builder().trust(TrustedKeys::jwks(serde_json::to_value(&published).unwrap())).start();
    for key in [old, new] {
        let registration = Registration::new(platform.client_id(), &platform.token_endpoint(), key).unwrap();
        T::assemble(registration, impatient(), Limits::default())
            .call(&endpoint(&platform), graded("u-1001", 1.0))
            .unwrap();
    }
    platform.assert_no_violations();
}

fn nobody_listening_is_a_connection_error<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    drop(platform);
    let error = tool.call(&endpoint, graded("u-1001", 1.0)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Connection, true));
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<lti_ags::TransportError>().unwrap();
    assert_eq!((source.cause(), source.fate()), (Cause::Connection, lti_ags::Fate::NotSent));
}

fn a_reset_before_acting_loses_nothing<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    platform.script(Route::Scores, Script::reset_before_acting());
    assert_eq!(tool.call(&endpoint, graded("u-1001", 85.0)).unwrap().attempts, 2);
    assert_eq!(score_of(&platform, "u-1001"), Some(85.0));
    platform.assert_no_violations();
}

// AGS-TS-08
fn a_reset_after_acting_doubles_nothing<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    platform.script(Route::Scores, Script::reset_after_acting());
    let receipt = tool.call(&endpoint, graded("u-1001", 85.0)).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Superseded, 2));
    assert_eq!(score_of(&platform, "u-1001"), Some(85.0));
    let ledger = platform.ledger();
    let sent: Vec<_> = ledger.service_requests().iter().map(|exchange| exchange.body.clone()).collect();
    assert_eq!(sent[0], sent[1]);
}

// AGS-SCORE-21
fn an_unknown_user_is_an_error_and_the_others_go_on<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let error = tool.call(&endpoint, graded("nobody", 1.0)).unwrap_err();
    assert!(!error.is_transient());
    assert!(error.status().is_some());
    tool.call(&endpoint, graded("u-1002", 2.0)).unwrap();
    assert_eq!(score_of(&platform, "u-1002"), Some(2.0));
}

// AGS-TOKERR-05, AGS-TOKREQ-07
fn a_failing_token_endpoint_is_asked_again_with_a_new_assertion<T: Tool>() {
    let platform = Platform::start();
    platform.script(
        Route::Token,
        Script::reply(503).body("<html>down</html>").then(Script::reset_before_acting()),
    );
    T::on(&platform).call(&endpoint(&platform), graded("u-1001", 85.0)).unwrap();
    let ledger = platform.ledger();
    let requests = ledger.token_requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].body != requests[1].body && requests[1].body != requests[2].body);
    platform.assert_no_violations();
}

fn what_the_platform_grants_can_be_seen<T: Tool>() {
    let platform = Platform::builder().scopes([Scope::SCORE.as_str()]).start();
    let grant = T::on(&platform).authorize(&endpoint(&platform)).unwrap();
    assert_eq!(grant.scopes.iter().collect::<Vec<_>>(), [&Scope::SCORE]);
    assert_eq!(grant.lifetime, Duration::from_secs(3600));
}
