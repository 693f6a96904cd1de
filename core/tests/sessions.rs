//! What the calls of one session owe each other, and what a call owes its caller when its time runs out.

use std::time::Duration;

use crate::common::{
    LINE_ITEM, LINE_ITEMS, Read, TOKEN, Tool, answer, answer_with, endpoint, key, noon, registration,
    token_answer,
};
use lti_ags::http::{Method, Request};
use lti_ags::{
    Bytes, Cause, Endpoint, EnsureLineItem, ErrorKind, InFlight, NewLineItem, Outcome, Policy, PostScore,
    Registration, Scope, Scopes, Score, Seed, Session, Step, Timestamp, Timestamps, TransportError,
};

fn score(user_id: &str) -> PostScore {
    PostScore::new(Score::graded(user_id, 1.0, 2.0).build().unwrap())
}

fn with_deadline(seconds: u64) -> Tool {
    let mut policy = Policy::default();
    policy.deadline = Duration::from_secs(seconds);
    Tool::with_policy(policy)
}

#[test]
fn users_who_are_refused_do_not_cost_a_token_each() {
    // Brightspace answers 403 for each user who is not enrolled, and the token came from the cache.
    let body = r#"{"detail":"User in requested score is not enrolled in the org unit"}"#;
    let mut tool = Tool::new().answers([answer(204, "")]).answers((0..200).map(|_| answer(403, body)));
    tool.call(score("u-1")).unwrap();
    for n in 0..50 {
        let error = tool.call(score(&format!("gone-{n}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UserNotGradable);
    }
    assert_eq!(tool.token_requests.len(), 2);

    let mut tool = Tool::new().answers((0..200).map(|_| answer(401, "")));
    for n in 0..50 {
        tool.call(score(&format!("u-{n}"))).unwrap_err();
    }
    assert_eq!(tool.token_requests.len(), 2);
}

#[test]
fn renewing_is_tried_again_after_a_while_and_after_it_has_helped() {
    let mut tool = Tool::new().answers([answer(401, ""), answer(401, "")]);
    tool.call(score("u-1")).unwrap_err();
    tool.now += Duration::from_secs(5);
    tool.answers.extend([answer(401, ""), answer(204, ""), answer(401, ""), answer(204, "")]);
    tool.call(score("u-1")).unwrap();
    tool.call(score("u-1")).unwrap();
    assert_eq!(tool.token_requests.len(), 4);
}

#[test]
fn a_call_that_a_throttled_session_turns_away_says_so() {
    let mut tool = with_deadline(20).answers([answer_with(429, &[("retry-after", b"45")], b"")]);
    for user in ["u-1", "u-2"] {
        let error = tool.call(score(user)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RateLimited { after: Some(_) }), "{error:?}");
    }
    assert_eq!((tool.requests.len(), tool.waits.len()), (1, 0));
}

#[test]
fn calls_that_were_told_the_same_wait_do_not_come_back_together() {
    let mut tool = Tool::new();
    tool.warm();
    let mut waits = Vec::new();
    let begun: Vec<_> = (0..20).map(|_| tool.session.begin(&tool.endpoint, score("u-1"), tool.now)).collect();
    for step in begun {
        let Step::Send(_, in_flight) = step else { panic!() };
        let refusal = answer_with(429, &[("retry-after", b"5")], b"");
        let Step::Wait(delay, _) = in_flight.receive(&mut tool.session, tool.now, refusal) else { panic!() };
        assert!(delay > Duration::from_secs(5));
        waits.push(delay);
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 15, "{waits:?}");
}

#[test]
fn a_creation_that_is_lost_at_the_deadline_is_of_unknown_outcome() {
    let mut tool = with_deadline(20);
    let quiz = NewLineItem::new("Quiz 3", 1.0).unwrap().with_tag("grade");
    let mut step = tool.session.begin(&tool.endpoint, EnsureLineItem::new(quiz), tool.now);
    let error = loop {
        step = match step {
            Step::Send(request, in_flight) => {
                let outcome = if request.uri().path().ends_with("/token") {
                    token_answer(&format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#))
                } else if request.method() == Method::GET {
                    answer(200, "[]")
                } else {
                    tool.now += Duration::from_secs(30);
                    Err(TransportError::in_doubt(Cause::Timeout, "no answer"))
                };
                in_flight.receive(&mut tool.session, tool.now, outcome)
            }
            Step::Wait(delay, paused) => {
                tool.now += delay;
                paused.resume(&mut tool.session, tool.now)
            }
            Step::Done(result) => break result.unwrap_err(),
        };
    };
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[test]
fn a_408_may_have_been_acted_on() {
    let mut tool = Tool::new().answers([answer(408, ""), answer(409, "")]);
    assert_eq!(tool.call(score("u-1")).unwrap().outcome, Outcome::Superseded);
}

#[test]
fn a_call_does_not_go_on_in_another_session() {
    // AGS-CLAIM-13
    let mut ours = Session::new(registration(), Seed::new(1));
    let theirs = Registration::new("other", "https://other.test/token", key()).unwrap();
    let mut theirs = Session::new(theirs, Seed::new(2));
    let Step::Send(_, in_flight) = ours.begin(&endpoint(), score("u-1"), noon()) else { panic!() };
    let Step::Send(..) = theirs.begin(&endpoint(), score("u-1"), noon()) else { panic!() };
    let token = token_answer(r#"{"access_token":"token-of-ours","expires_in":3600}"#);
    let Step::Done(Err(error)) = in_flight.receive(&mut theirs, noon(), token) else { panic!() };
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_narrow_token_is_used_while_it_lasts() {
    let refused = || answer(400, r#"{"error":"invalid_scope"}"#);
    let body = format!(r#"{{"access_token":"narrow","expires_in":3600,"scope":"{}"}}"#, Scope::SCORE);
    let mut tool = Tool::new().token_answers([refused(), token_answer(&body), refused()]);
    tool.call(score("u-1")).unwrap();
    tool.now += Duration::from_secs(600);
    tool.call(score("u-2")).unwrap();
    assert_eq!(tool.token_requests.len(), 2);
}

#[test]
fn a_wide_token_is_tried_again_when_the_narrow_one_has_ended() {
    let refused = || answer(400, r#"{"error":"invalid_scope"}"#);
    let narrow =
        || token_answer(&format!(r#"{{"access_token":"n","expires_in":600,"scope":"{}"}}"#, Scope::SCORE));
    let mut tool = Tool::new().token_answers([refused(), narrow(), refused(), narrow()]);
    let wide = Scopes::from_iter(Scope::AGS).to_string();
    let asked =
        |tool: &Tool| (0..tool.token_requests.len()).map(|n| tool.form_value(n, "scope") == wide).collect();
    tool.call(score("u-1")).unwrap();
    tool.now += Duration::from_secs(3_600);
    tool.call(score("u-2")).unwrap();
    let widths: Vec<bool> = asked(&tool);
    assert_eq!(widths, [true, false, true, false]);
    // The administrator allows it all: one token serves every call again.
    tool.now += Duration::from_secs(3_600);
    tool.call(score("u-3")).unwrap();
    tool.call(Read::line_items()).unwrap();
    let widths: Vec<bool> = asked(&tool);
    assert_eq!(widths, [true, false, true, false, true]);
}

#[test]
fn the_narrow_scope_is_one_that_the_launch_allows() {
    let launch = Endpoint::new([Scope::LINE_ITEM, Scope::SCORE]).with_line_items(LINE_ITEMS).unwrap();
    let mut tool = Tool::new().at(launch).token_answers([answer(400, r#"{"error":"invalid_scope"}"#)]);
    // Reading takes `lineitem.readonly`, where it is allowed.
    tool.call(Read::line_items()).unwrap();
    assert_eq!(tool.form_value(1, "scope"), Scope::LINE_ITEM.to_string());
}

#[test]
fn forgetting_tokens_lets_a_new_scope_in() {
    let body = format!(r#"{{"access_token":"t","expires_in":3600,"scope":"{}"}}"#, Scope::RESULT_READONLY);
    let mut tool = Tool::new().token_answers([token_answer(&body)]);
    assert_eq!(tool.call(score("u-1")).unwrap_err().kind(), ErrorKind::MissingScope);
    tool.session.forget_tokens();
    tool.call(score("u-1")).unwrap();
}

#[test]
fn one_wrong_date_does_not_move_everybodys_timestamps() {
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    timestamps.observe(LINE_ITEM, "typo", "2099-01-01T00:00:00Z".parse().unwrap());
    let base: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    for n in 0..16_384_u64 {
        timestamps.observe(LINE_ITEM, &format!("u-{n}"), base - Duration::from_secs(n));
    }
    assert_eq!(timestamps.next(LINE_ITEM, "someone-else", noon()), noon());
}

#[test]
fn an_endpoint_of_another_platform_gets_no_token() {
    let claims = serde_json::json!({
        "iss": "https://other.test",
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
            "scope": [Scope::SCORE], "lineitem": LINE_ITEM,
        },
    });
    let endpoint = Endpoint::from_claims(&claims).unwrap();
    let ours = registration().with_issuer("https://lms.northfield.test");
    let mut tool = Tool::with(ours, Policy::default()).at(endpoint.clone());
    assert_eq!(tool.call(score("u-1")).unwrap_err().kind(), ErrorKind::ForeignOrigin);
    assert_eq!(tool.token_requests.len(), 0);
    // It stays with the endpoint where it is stored.
    let stored = serde_json::to_string(&endpoint).unwrap();
    assert_eq!(serde_json::from_str::<Endpoint>(&stored).unwrap(), endpoint);
    let theirs = registration().with_issuer("https://other.test");
    Tool::with(theirs, Policy::default()).at(endpoint).call(score("u-1")).unwrap();
}

type Sent = (Request<Bytes>, InFlight<PostScore>);

fn send(step: Step<PostScore>) -> Sent {
    match step {
        Step::Send(request, in_flight) => (request, in_flight),
        other => panic!("{other:?}"),
    }
}

fn receive(session: &mut Session, now: Timestamp, (_, in_flight): Sent, status: u16) -> Step<PostScore> {
    in_flight.receive(session, now, answer(status, ""))
}

#[test]
fn hundreds_of_calls_whose_token_is_revoked_renew_it_once() {
    let mut tool = Tool::new();
    tool.warm();
    let (now, endpoint) = (tool.now, tool.endpoint.clone());
    let session = &mut tool.session;
    let sent: Vec<_> = (0..500).map(|_| send(session.begin(&endpoint, score("u-1"), now))).collect();
    let steps: Vec<_> = sent.into_iter().map(|sent| receive(session, now, sent, 401)).collect();
    let (mut fetching, mut waiting) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Send(request, in_flight) => fetching.push((request, in_flight)),
            Step::Wait(_, paused) => waiting.push(paused),
            Step::Done(result) => panic!("{result:?}"),
        }
    }
    assert_eq!((fetching.len(), waiting.len()), (1, 499));
    let (_, in_flight) = fetching.pop().unwrap();
    let granted = token_answer(r#"{"access_token":"another-planted","expires_in":3600}"#);
    let mut steps = vec![in_flight.receive(session, now, granted)];
    steps.extend(waiting.into_iter().map(|paused| paused.resume(session, now)));
    for step in steps {
        let (request, in_flight) = send(step);
        assert_eq!(request.headers()["authorization"], "Bearer another-planted");
        assert!(matches!(in_flight.receive(session, now, answer(204, "")), Step::Done(Ok(_))));
    }
}

#[test]
fn thousands_of_endpoints_leave_one_token() {
    let mut tool = Tool::new();
    for number in 0..5_000 {
        let other =
            Endpoint::new(Scope::AGS.into_iter().chain([Scope::from(&*format!("https://x.test/{number}"))]));
        tool.endpoint = other.with_line_item(format!("https://lms.northfield.test/items/{number}")).unwrap();
        tool.call(score("u-1")).unwrap();
    }
    assert_eq!(tool.token_requests.len(), 1);
}
