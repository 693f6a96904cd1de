//! The machine of a call: tokens renewed, refusals told apart, retries, redirects, destinations.

use std::time::Duration;

use crate::common::{
    self, LINE_ITEM, TOKEN, Tool, answer, answer_with, endpoint, graded, in_doubt, not_sent, token_answer,
};
use lti_ags::{Cause, Endpoint, ErrorKind, Outcome, Policy, PostScore, Scope, Score, Step, TransportError};

fn post() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).comment("planted comment").build().unwrap())
}

#[test]
fn a_score_travels_with_one_token() {
    let mut tool = Tool::new();
    let receipt = tool.call(post()).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1));
    assert_eq!(receipt.timestamp, common::noon());
    assert_eq!(tool.requests[0].uri(), "https://lms.northfield.test/ctx/9/lineitems/4/scores");
    assert_eq!(tool.requests[0].headers()["authorization"], format!("Bearer {TOKEN}"));
    tool.call(post()).unwrap();
    assert_eq!(tool.token_requests.len(), 1);
}

#[test]
fn a_rejected_token_is_renewed_once() {
    // AGS-HTTP-01
    let mut tool = Tool::new().answers([answer(401, "")]);
    assert_eq!(tool.call(post()).unwrap().attempts, 2);
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (2, 2));

    let mut tool = Tool::new().answers([answer(401, ""), answer(401, "")]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (2, 2));
}

#[test]
fn a_cached_token_is_renewed_on_403_and_a_new_one_is_not() {
    // Open edX, Sakai and OpenOLAT answer 403 to an expired token.
    let mut tool =
        Tool::new().answers([answer(204, ""), answer(403, r#"{"detail":"Invalid token signature."}"#)]);
    tool.call(post()).unwrap();
    tool.call(post()).unwrap();
    assert_eq!(tool.token_requests.len(), 2);

    let mut tool = Tool::new().answers([answer(403, "")]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (1, 1));
}

#[test]
fn a_403_is_worth_a_new_token_again_when_one_has_helped_and_not_before() {
    // Brightspace answers 403 for each user who is not enrolled.
    let mut tool = Tool::new();
    let mut tokens_of = |answers: &[u16]| {
        tool.answers.extend(answers.iter().map(|status| answer(*status, "")));
        let before = tool.token_requests.len();
        let is_taken = tool.call(post()).is_ok();
        (is_taken, tool.token_requests.len() - before)
    };
    assert_eq!(tokens_of(&[204]), (true, 1));
    assert_eq!(tokens_of(&[403, 403]), (false, 1), "in vain");
    assert_eq!(tokens_of(&[403]), (false, 0), "which is remembered");
    assert_eq!(tokens_of(&[204]), (true, 0));
    assert_eq!(tokens_of(&[403]), (false, 0), "also when another user is taken");
    assert_eq!(tokens_of(&[401, 204]), (true, 1));
    assert_eq!(tokens_of(&[403, 204]), (true, 1), "a new one has helped");
}

#[test]
fn a_score_waits_for_as_long_as_is_allowed_and_no_longer() {
    let mut policy = Policy::default();
    policy.max_retry_after = Duration::from_secs(10);
    let busy = |after: &str| answer_with(429, &[("retry-after", after.as_bytes())], b"");
    let mut tool = Tool::with_policy(policy.clone()).answers([busy("10")]);
    assert_eq!(tool.call(post()).unwrap().attempts, 2);
    let mut tool = Tool::with_policy(policy).answers([busy("11")]);
    let after = Some(Duration::from_secs(11));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::RateLimited { after });
}

#[test]
fn a_403_about_the_scope_is_final_and_names_it() {
    // AGS-HTTP-03
    let challenge =
        br#"Bearer error="insufficient_scope", scope="https://purl.imsglobal.org/spec/lti-ags/scope/score""#;
    let refusal = || answer_with(403, &[("www-authenticate", challenge)], b"");
    let mut tool = Tool::new().answers([answer(204, ""), refusal()]);
    tool.call(post()).unwrap();
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.refusal().unwrap().required_scopes().unwrap().contains(&Scope::SCORE));
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (2, 1));
}

#[test]
fn a_retried_score_keeps_its_bytes_and_a_stale_answer_then_means_it_landed() {
    // AGS-TS-08: Moodle and Open edX refuse the same timestamp a second time.
    let mut tool = Tool::new().answers([in_doubt(), answer(409, "[]")]);
    let receipt = tool.call(post()).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Superseded, 2));
    assert_eq!(tool.requests[0].body(), tool.requests[1].body());
}

#[test]
fn a_stale_answer_to_the_first_try_is_an_error() {
    // AGS-TS-06
    for (status, body) in [
        (409, "[]"),
        (
            400,
            r#"{"errors":{"type":"bad_request","message":"Provided timestamp of 2026-03-02T09:00:00Z before last updated timestamp of 2026-03-02T09:00:01.250Z"}}"#,
        ),
        (400, r#"{"timestamp":["Score already exists for the provided timestamp"]}"#),
        (400, r#"{"non_field_errors":["Score timestamp can only be updated to a later point in time"]}"#),
    ] {
        let mut tool = Tool::new().answers([answer(status, body)]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StaleTimestamp, "{status} {body}");
        assert_eq!(tool.requests.len(), 1);
    }
    // What was refused before it was acted on leaves no doubt.
    let mut tool = Tool::new().answers([answer(429, ""), answer(409, "")]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::StaleTimestamp);
}

#[test]
fn faults_are_survived_within_the_budget() {
    let mut tool = Tool::new().answers([not_sent(), answer(503, ""), in_doubt(), answer(502, "<html>")]);
    assert_eq!(tool.call(post()).unwrap().attempts, 5);
    assert_eq!(tool.waits.len(), 4);

    let mut tool = Tool::new().answers((0..9).map(|_| answer(503, "")));
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::ServerError, 5));
    assert!(error.is_transient());
}

#[test]
fn a_plain_500_is_tried_once_more() {
    let mut tool = Tool::new().answers([answer(500, ""), answer(500, "")]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServerError);
    assert_eq!(tool.requests.len(), 2);
}

#[test]
fn throttling_is_recognised_in_every_form_and_waited_out() {
    let canvas =
        || answer_with(403, &[("x-rate-limit-remaining", b"0.0")], b"403 Forbidden (Rate Limit Exceeded)\n");
    let by_header = || answer_with(403, &[("x-rate-limit-remaining", b"-3.5")], b"");
    let asked = || answer_with(429, &[("retry-after", b"7")], b"");
    let mut tool = Tool::new().answers([canvas(), by_header(), asked()]);
    tool.call(post()).unwrap();
    assert!(tool.waits.iter().any(|wait| *wait >= Duration::from_secs(7)));
    assert_eq!(tool.token_requests.len(), 1);
}

#[test]
fn a_wait_beyond_the_cap_fails_at_once() {
    // AGS-HTTP-04
    let mut tool = Tool::new().answers([answer_with(429, &[("retry-after", b"61")], b"")]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited { after: Some(Duration::from_secs(61)) });
    assert_eq!((tool.requests.len(), tool.waits.len()), (1, 0));
}

#[test]
fn no_wait_outlasts_the_deadline() {
    let mut policy = Policy::default();
    policy.deadline = Duration::from_secs(10);
    let mut tool = Tool::with_policy(policy).answers([answer_with(503, &[("retry-after", b"30")], b"")]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::ServerError, 503));
    assert!(tool.waits.is_empty());
}

#[test]
fn a_throttled_call_makes_the_others_of_the_session_rest() {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let Step::Send(_, in_flight) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    let outcome = answer_with(429, &[("retry-after", b"5")], b"");
    let Step::Wait(..) = in_flight.receive(&mut tool.session, tool.now, outcome) else { panic!() };
    let Step::Wait(delay, _) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    assert!(delay >= Duration::from_secs(5));
}

#[test]
fn a_score_is_not_sent_after_a_redirect() {
    // AGS-HTTP-05
    for status in [301, 302, 303, 307, 308] {
        let location = b"https://lms.northfield.test/elsewhere"[..].to_vec();
        let mut tool = Tool::new().answers([answer_with(status, &[("location", &location)], b"")]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Redirect, 1));
        assert!(error.to_string().contains("https://lms.northfield.test"), "{error}");
    }
}

#[test]
fn a_token_goes_to_the_endpoints_origins_only() {
    // AGS-SEC-09
    for url in [
        "https://evil.test/lineitems/4",
        "https://lms.northfield.test:8443/lineitems/4",
        "https://lms.northfield.test.evil.test/lineitems/4",
        "https://LMS.northfield.test@evil.test/",
    ] {
        let mut tool = Tool::new();
        match post().at(url) {
            Ok(operation) => {
                let error = tool.call(operation).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{url}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}"),
        }
        assert_eq!((tool.requests.len(), tool.token_requests.len()), (0, 0));
    }
    let mut policy = Policy::default();
    policy.allow_origins.push("https://lms-2.northfield.test/any/path".parse().unwrap());
    let mut tool = Tool::with_policy(policy);
    tool.call(post().at("https://LMS-2.northfield.test:443/lineitems/4").unwrap()).unwrap();
}

#[test]
fn plain_http_goes_to_loopback_or_to_hosts_that_are_allowed() {
    // AGS-CLAIM-09
    let at = |url: &str| Endpoint::for_line_item(url).unwrap();
    let mut tool = Tool::new().at(at("http://lms.northfield.test/li"));
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsecureUrl);
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (0, 0));

    for url in ["http://127.0.0.1:8080/li", "http://localhost:8080/li", "http://[::1]:8080/li"] {
        Tool::new().at(at(url)).call(post()).unwrap();
    }
    let mut policy = Policy::default();
    policy.allow_http_hosts.push("lms.northfield.test".to_owned());
    Tool::with_policy(policy).at(at("http://lms.northfield.test/li")).call(post()).unwrap();
}

#[test]
fn one_call_fetches_the_token_and_the_others_wait() {
    let mut tool = Tool::new();
    let now = tool.now;
    let Step::Send(_, fetching) = tool.session.begin(&tool.endpoint, post(), now) else { panic!() };
    let waiting: Vec<_> = (0..99)
        .map(|_| match tool.session.begin(&tool.endpoint, post(), now) {
            Step::Wait(_, paused) => paused,
            step => panic!("{step:?}"),
        })
        .collect();
    let before = tool.session.revision();
    let token = token_answer(r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#);
    let Step::Send(request, _) = fetching.receive(&mut tool.session, now, token) else { panic!() };
    assert!(request.headers().contains_key("authorization"));
    assert_ne!(tool.session.revision(), before, "the others are to be woken");
    for paused in waiting {
        let Step::Send(request, _) = paused.resume(&mut tool.session, now) else { panic!() };
        assert!(request.headers().contains_key("authorization"));
    }
}

#[test]
fn one_failure_of_the_token_request_answers_all_who_wait() {
    let mut tool = Tool::new();
    let now = tool.now;
    let Step::Send(_, fetching) = tool.session.begin(&tool.endpoint, post(), now) else { panic!() };
    let Step::Wait(_, paused) = tool.session.begin(&tool.endpoint, post(), now) else { panic!() };
    let refusal = answer(400, r#"{"error":"invalid_client"}"#);
    let Step::Done(Err(first)) = fetching.receive(&mut tool.session, now, refusal) else { panic!() };
    let Step::Done(Err(second)) = paused.resume(&mut tool.session, now) else { panic!() };
    assert_eq!((first.kind(), second.kind()), (ErrorKind::TokenRefused, ErrorKind::TokenRefused));
    let Step::Done(Err(third)) = tool.session.begin(&tool.endpoint, post(), now) else { panic!() };
    assert_eq!(third.kind(), ErrorKind::TokenRefused);
}

#[test]
fn a_dropped_fetcher_holds_nobody_up_for_long() {
    let mut tool = Tool::new();
    let Step::Send(_, fetching) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    let lease = fetching.lease().unwrap().clone();
    drop(fetching);
    let Step::Wait(delay, paused) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    assert!(delay <= Duration::from_secs(60));

    // Nobody told: the lease runs out. Told: at once.
    tool.now += Duration::from_secs(60);
    let Step::Send(request, other) = paused.resume(&mut tool.session, tool.now) else { panic!() };
    assert!(request.uri().path().ends_with("/token"));
    tool.session.release(&lease);
    let Step::Wait(..) = tool.session.begin(&tool.endpoint, post(), tool.now) else {
        panic!("that lease had passed on")
    };
    let lease = other.lease().unwrap().clone();
    tool.session.release(&lease);
    let Step::Send(..) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
}

#[test]
fn a_missing_scope_fails_before_any_request() {
    // AGS-CLAIM-05
    let mut tool = Tool::new().at(Endpoint::new([Scope::RESULT_READONLY]).with_line_item(LINE_ITEM).unwrap());
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert!(error.to_string().contains("lti-ags/scope/score"), "{error}");
    assert_eq!((tool.requests.len(), tool.token_requests.len()), (0, 0));
}

#[test]
fn where_all_scopes_together_are_refused_the_one_that_is_needed_is_asked_for() {
    // Canvas and Sakai refuse the whole list for one scope.
    let mut tool = Tool::new().token_answers([answer(400, r#"{"error":"invalid_scope"}"#)]);
    tool.call(post()).unwrap();
    assert_eq!(tool.form_value(1, "scope"), Scope::SCORE.as_str());
    tool.call(post()).unwrap();
    assert_eq!(tool.token_requests.len(), 2, "the narrow token is kept");
}

#[test]
fn what_a_call_says_holds_no_secret() {
    let mut tool = Tool::new();
    let step = tool.session.begin(&endpoint(), post(), tool.now);
    let Step::Send(_, in_flight) = step else { panic!() };
    let token = token_answer(&format!(r#"{{"access_token":"{TOKEN}"}}"#));
    let step = in_flight.receive(&mut tool.session, tool.now, token);
    let shown = format!("{step:?} {:?}", tool.session);
    assert!(!shown.contains(TOKEN) && !shown.contains("planted comment"), "{shown}");
}

#[test]
fn no_time_and_no_attempts_end_at_once() {
    let mut policy = Policy::default();
    policy.deadline = Duration::ZERO;
    let mut tool = Tool::with_policy(policy);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!((tool.token_requests.len(), tool.requests.len()), (0, 0));
    for max_attempts in [0, 1] {
        let mut policy = Policy::default();
        policy.max_attempts = max_attempts;
        let mut tool = Tool::with_policy(policy).answers([answer(503, ""), in_doubt(), not_sent()]);
        for _ in 0..3 {
            tool.call(post()).unwrap_err();
        }
        assert_eq!(tool.requests.len(), 3);
        assert!(tool.waits.is_empty(), "{:?}", tool.waits);
    }
}

#[test]
fn bad_input_is_told_here_and_nothing_is_sent() {
    use lti_ags::Score;
    for score in [
        Score::graded("", 1.0, 2.0),
        Score::graded("u-1001", f64::NAN, 2.0),
        Score::graded("u-1001", -1.0, 2.0),
        Score::graded("u-1001", 1.0, 0.0),
        graded().scoring_user_id(""),
        graded().extension("foo", &1),
    ] {
        let error = score.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.is_transient() && error.specification().is_some(), "{error}");
    }
    let nowhere = Endpoint::new(Scope::AGS);
    let mut tool = Tool::new().at(nowhere);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
    assert_eq!(post().at("lineitems/4").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(tool.counts(), (0, 0));
}

#[test]
fn a_request_that_was_not_sent_is_not_counted() {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let mut step = tool.session.begin(&tool.endpoint, post(), tool.now);
    for _ in 0..20 {
        let Step::Send(_, in_flight) = step else { panic!("{step:?}") };
        assert_eq!(in_flight.requests(), 1);
        step = in_flight.withdraw(&mut tool.session, tool.now);
    }
    // Nor did it use up attempts: a platform that fails is tried as often as any.
    tool.answers.extend((0..9).map(|_| answer(503, "")));
    let error = tool.drive(step).unwrap_err();
    assert_eq!((error.kind(), tool.counts().1 - 1), (ErrorKind::ServerError, 5));
}

#[test]
fn each_fault_of_a_transport_is_told_in_words() {
    for (cause, kind, words) in [
        (Cause::TooLarge, ErrorKind::ResponseTooLarge, "raise the limit"),
        (Cause::Protocol, ErrorKind::MalformedResponse, "not HTTP"),
        (Cause::Timeout, ErrorKind::Timeout, "no answer in time"),
        (Cause::Tls, ErrorKind::Tls, "certificate"),
        (Cause::Connection, ErrorKind::Connection, "no connection, or it broke"),
    ] {
        let mut policy = Policy::default();
        policy.max_attempts = 1;
        let mut tool = Tool::with_policy(policy);
        tool.answers.push_back(Err(TransportError::in_doubt(cause, "x")));
        let error = tool.call(post()).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(words), "{error}");
    }
}
