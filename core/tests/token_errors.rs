//! What a token endpoint answers when it refuses or fails (RFC 6749 §5.2; Security Framework 4.1; worked example 4).

use std::time::Duration;

use crate::common::{self, TOKEN_ENDPOINT, Tool, answer, answer_with, graded, in_doubt, not_sent, shown};
use lti_ags::{
    Cause, Endpoint, Error, ErrorKind, Policy, PostScore, Scope, Step, TokenScopes, TransportError,
};

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// A tool that needs one scope, so that it has nothing narrower to ask for.
fn narrow() -> Tool {
    Tool::new().at(Endpoint::new([Scope::SCORE]).with_line_item(common::LINE_ITEM).unwrap())
}

fn refused(tool: &mut Tool, answer: common::Answer) -> Error {
    tool.token_answers.push_back(answer);
    tool.call(post()).unwrap_err()
}

#[test]
fn a_refusal_is_read_on_any_4xx() {
    // AGS-TOKERR-01
    for status in [400, 401, 403, 404, 405, 409, 422, 451] {
        let mut tool = narrow();
        let error = refused(&mut tool, answer(status, r#"{"error":"invalid_scope"}"#));
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::TokenRefused, (1, 0)), "{status}");
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.error_code(), refusal.message()), (Some("invalid_scope"), Some("invalid_scope")));
        assert_eq!((refusal.status().as_u16(), error.operation()), (status, Some("token request")));
    }
    let body =
        r#"{"error":"invalid_scope","error_description":"result.readonly not enabled","error_uri":"u"}"#;
    let error = refused(&mut narrow(), answer(400, body));
    assert!(error.to_string().contains("invalid_scope: result.readonly not enabled"), "{error}");
}

#[test]
fn a_tool_that_is_not_known_is_not_tried_again() {
    // AGS-TOKERR-02
    let challenge: &[(&str, &[u8])] = &[("www-authenticate", br#"Bearer realm="t""#)];
    for status in [400, 401] {
        let mut tool = Tool::new();
        let error = refused(&mut tool, answer_with(status, challenge, br#"{"error":"invalid_client"}"#));
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::TokenRefused, (1, 0)));
        assert_eq!(error.refusal().unwrap().error_code(), Some("invalid_client"));
        assert!(!error.is_transient() && tool.waits.is_empty());
        // The next call learns it from memory.
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::TokenRefused);
        assert_eq!(tool.counts(), (1, 0));
    }
}

#[test]
fn a_refused_scope_is_not_asked_for_again_and_the_error_names_it() {
    // AGS-TOKERR-03
    let mut tool = narrow();
    let error = refused(&mut tool, answer(400, r#"{"error":"invalid_scope"}"#));
    assert_eq!(tool.counts(), (1, 0));
    assert!(error.to_string().contains(Scope::SCORE.as_str()), "{error}");

    // Several together: then the one that is needed, once.
    let mut tool = Tool::new().token_answers([answer(400, r#"{"error":"invalid_scope"}"#)]);
    let error = refused(&mut tool, answer(400, r#"{"error":"invalid_scope"}"#));
    assert_eq!((error.kind(), tool.counts()), (ErrorKind::TokenRefused, (2, 0)));
    assert_ne!(tool.form_value(0, "scope"), tool.form_value(1, "scope"));
    assert_eq!(tool.form_value(1, "scope"), Scope::SCORE.as_str());

    let mut tool = narrow();
    let error = refused(&mut tool, answer(400, r#"{"error":"unauthorized_client"}"#));
    assert_eq!((error.kind(), tool.counts()), (ErrorKind::TokenRefused, (1, 0)));
}

#[test]
fn codes_of_a_platforms_own_are_kept() {
    // AGS-TOKERR-04
    let error = refused(&mut narrow(), answer(400, r#"{"error":"tenant_locked"}"#));
    assert_eq!(error.refusal().unwrap().error_code(), Some("tenant_locked"));
    assert!(error.to_string().contains("tenant_locked"), "{error}");
}

#[test]
fn what_is_not_json_is_told_by_status_and_a_bounded_excerpt() {
    // AGS-TOKERR-04
    let page = format!("<html><title>Bad gateway</title>{}</html>", "x".repeat(100_000));
    let mut tool = Tool::new().token_answers((0..9).map(|_| answer(502, &page)));
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::ServerError, 502));
    assert!(error.to_string().len() < 600 && error.to_string().contains("Bad gateway"), "{error}");
    assert!(error.refusal().unwrap().body().len() <= 8 * 1024);

    let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(100_000));
    let error = refused(&mut narrow(), answer(400, &long));
    assert!(error.to_string().len() < 2_000, "{error}");
    assert!(error.refusal().unwrap().error_code().unwrap().chars().count() <= 300);
}

#[test]
fn faults_are_survived_and_a_wait_that_is_asked_for_is_kept() {
    // AGS-TOKERR-05, worked example 4
    let mut tool = Tool::new().token_answers([answer_with(503, &[("retry-after", b"2")], b"<html>")]);
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (2, 1));
    assert!(tool.waits.iter().sum::<Duration>() >= Duration::from_secs(2));
    assert_ne!(tool.assertion(0).1["jti"], tool.assertion(1).1["jti"]);

    for fault in [not_sent, in_doubt, || answer(429, ""), || answer(500, ""), || answer(408, "")] {
        let mut tool = Tool::new().token_answers([fault()]);
        tool.call(post()).unwrap();
        assert_eq!((tool.counts(), tool.waits.len()), ((2, 1), 1));
    }
}

#[test]
fn attempts_for_a_token_are_limited() {
    // AGS-TOKERR-05
    let mut tool = Tool::new().token_answers((0..99).map(|_| answer(503, "")));
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.counts()), (ErrorKind::ServerError, (5, 0)));
    assert!(error.is_transient());

    let mut tool = Tool::new().token_answers((0..99).map(|_| not_sent()));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(tool.counts(), (5, 0));
}

#[test]
fn a_wait_beyond_the_cap_is_not_taken() {
    // AGS-TOKERR-05, AGS-SEC-10
    let mut tool = Tool::new();
    let error = refused(&mut tool, answer_with(429, &[("retry-after", b"3600")], b""));
    assert_eq!(error.kind(), ErrorKind::RateLimited { after: Some(Duration::from_secs(3600)) });
    assert_eq!((tool.counts(), tool.waits.len()), ((1, 0), 0));
}

#[test]
fn time_that_runs_out_over_tokens_says_what_the_token_endpoint_said() {
    // AGS-TOKERR-05
    let mut policy = Policy::default();
    policy.deadline = Duration::from_secs(10);
    let mut tool = Tool::with_policy(policy)
        .token_answers((0..9).map(|_| answer_with(503, &[("retry-after", b"30")], b"down for maintenance")));
    let error = tool.call(post()).unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains("down for maintenance"), "{error}");
}

#[test]
fn an_assertion_is_not_sent_after_a_redirect() {
    // AGS-HTTP-05, AGS-SEC-09
    for status in [301, 302, 303, 307, 308] {
        let mut tool = Tool::new();
        let location: &[(&str, &[u8])] = &[("location", b"https://auth.northfield.test/oauth2/token2")];
        let error = refused(&mut tool, answer_with(status, location, b""));
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::Redirect, (1, 0)), "{status}");
    }
}

#[test]
fn errors_hold_neither_assertion_nor_token() {
    // AGS-TOKERR-06
    let mut tool = narrow();
    let Step::Send(request, in_flight) = tool.session.begin(&tool.endpoint, post(), tool.now) else {
        panic!()
    };
    tool.token_requests.push(request);
    let assertion = tool.form_value(0, "client_assertion");
    let form = String::from_utf8(tool.token_requests[0].body().to_vec()).unwrap();
    let echo =
        format!(r#"{{"error":"invalid_client","error_description":"cannot verify {assertion} of {form}"}}"#);
    let Step::Done(Err(error)) = in_flight.receive(&mut tool.session, tool.now, answer(401, &echo)) else {
        panic!()
    };
    let signature = assertion.rsplit('.').next().unwrap();
    for text in [shown(&error), error.refusal().unwrap().body().to_owned(), format!("{:?}", tool.session)] {
        assert!(!text.contains(signature) && !text.contains(&assertion), "{text}");
    }
    assert!(error.to_string().contains("cannot verify"), "{error}");
}

#[test]
fn a_failure_is_not_kept_as_success_and_holds_nobody_up_for_ever() {
    // AGS-TOKERR-07
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    let mut tool = Tool::with_policy(policy).token_answers([answer(500, "")]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServerError);
    tool.now += Duration::from_secs(5);
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (2, 1));
}

#[test]
fn refusals_are_remembered_longer_each_time_until_someone_mends_the_registration() {
    // AGS-TOKERR-02, AGS-TOKERR-07
    let mut tool = narrow().token_answers((0..1000).map(|_| answer(400, r#"{"error":"invalid_client"}"#)));
    for _ in 0..3600 {
        tool.call(post()).unwrap_err();
        tool.now += Duration::from_secs(1);
    }
    let asked = tool.counts().0;
    assert!((3..20).contains(&asked), "{asked} requests in an hour");
    tool.session.forget_tokens();
    tool.token_answers.clear();
    tool.call(post()).unwrap();
}

#[test]
fn advice_goes_by_whole_words() {
    // AGS-TOKERR-02
    for (says, advice) in [
        ("Cannot handle token with iat prior to 2026-03-02T09:00:31+0000", "clock"),
        ("Expired token", "clock"),
        ("the 'aud' is invalid", "audience"),
        ("Invalid audience", "audience"),
        ("Signature verification failed", "public half"),
        ("Error validating assertion: KeyId not found in token", "public half"),
        ("\\\"kid\\\" invalid, unable to lookup correct key", "public half"),
        ("invalid_client", "client id"),
        // Neither "iat" nor "aud" is meant by these.
        ("No tool is associated with this client: invalid_client", "client id"),
        ("Blocked for suspected fraud: invalid_client", "client id"),
        ("Ask the office for media to initiate it", "refused to give a token"),
    ] {
        let error = refused(&mut narrow(), answer(400, &format!(r#"{{"error":"{says}"}}"#)));
        assert_eq!(error.kind(), ErrorKind::TokenRefused);
        let said = error.to_string();
        let own_words = said.split(" (the platform answered").next().unwrap();
        assert!(own_words.contains(advice), "{says}: {own_words}");
    }
}

#[test]
fn a_url_without_a_token_endpoint_is_told_from_a_refusal() {
    for status in [404, 405] {
        let error = refused(&mut narrow(), answer(status, "<html><title>Not Found</title></html>"));
        assert_eq!(error.kind(), ErrorKind::TokenRefused);
        assert!(error.to_string().contains("no token endpoint"), "{error}");
    }
}

#[test]
fn one_platforms_refusal_of_one_scope_leaves_the_others_alone() {
    // AGS-TOKERR-03
    let mut policy = Policy::default();
    policy.token_scopes = TokenScopes::OfOperation;
    let mut tool = Tool::with_policy(policy);
    refused(&mut tool, answer(400, r#"{"error":"invalid_scope"}"#));
    tool.call(common::Read::line_items()).unwrap();
    assert_eq!(tool.token_requests[0].uri(), TOKEN_ENDPOINT);
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_tried_again_for_each_call() {
    let refused = || Err(TransportError::not_sent(Cause::Tls, "self-signed certificate"));
    let mut tool = Tool::new().token_answers([refused(), refused()]);
    for _ in 0..10 {
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::Tls);
    }
    assert_eq!(tool.token_requests.len(), 1);
}

#[test]
fn a_token_that_the_endpoint_repeats_is_shown_nowhere() {
    // AGS-SEC-08
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    tool.session.forget_tokens();
    let step = tool.session.begin(&tool.endpoint, post(), tool.now);
    let Step::Send(_, in_flight) = step else { panic!("{step:?}") };
    let says = format!("you had {} (Rate Limit Exceeded)", common::TOKEN);
    let step = in_flight.receive(&mut tool.session, tool.now, answer(403, &says));
    let waiting = format!("{step:?}");
    assert!(waiting.contains("Rate Limit Exceeded") && !waiting.contains(common::TOKEN), "{waiting}");

    tool.token_answers.push_back(answer(400, &says));
    let error = tool.drive(step).unwrap_err();
    let message = error.refusal().unwrap().message().unwrap();
    assert!(message.starts_with("you had") && !shown(&error).contains(common::TOKEN), "{}", shown(&error));
}

#[test]
fn a_comment_that_the_endpoint_repeats_is_shown_nowhere() {
    // AGS-SEC-08: no platform does it, but one that has seen the score can.
    let comment = "Late, but well argued.";
    let post = || PostScore::new(graded().comment(comment).build().unwrap());
    let says = format!("refused: {comment}");
    let mut tool = Tool::new();
    let step = tool.session.begin(&tool.endpoint, post(), tool.now);
    let Step::Send(_, in_flight) = step else { panic!("{step:?}") };
    let step = in_flight.receive(&mut tool.session, tool.now, answer(429, &says));
    assert!(matches!(step, Step::Wait(..)) && !format!("{step:?}").contains(comment), "{step:?}");

    tool.token_answers.push_back(answer(400, &says));
    let error = tool.drive(step).unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status().as_u16(), refusal.message()), (400, Some("refused: [redacted]")));
    assert!(!shown(&error).contains(comment) && !refusal.body().contains(comment), "{}", shown(&error));
    // The next call learns the refusal from memory, and has a comment of its own.
    let again = tool.call(post()).unwrap_err();
    assert!(!shown(&again).contains(comment) && tool.counts() == (1, 0), "{}", shown(&again));
}

/// Whoever looks through all output of the tests for secrets must find these.
#[test]
fn what_must_not_be_shown_is_said_on_purpose() {
    println!("to be found: {} Planted comment", common::TOKEN);
}
