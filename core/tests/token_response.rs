//! What a token endpoint answers when it grants: what is read of it, and how long a token serves (RFC 6749 §5.1;
//! Security Framework 4.1; worked example 3).

use std::time::Duration;

use crate::common::{self, Read, TOKEN, Tool, answer, answer_with, graded, shown, token_answer};
use lti_ags::{Endpoint, Error, ErrorKind, Grant, PostScore, Scope, Scopes, Step};

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// What comes of this answer to a token request.
fn read(body: &str) -> Result<Grant, Error> {
    let mut tool = Tool::new().token_answers([token_answer(body)]);
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    tool.drive(step)
}

/// A tool whose first token is answered thus, after one call.
fn after_one_call(body: &str) -> Tool {
    let mut tool = Tool::new().token_answers([token_answer(body)]);
    tool.call(post()).unwrap();
    tool
}

fn calls_later(tool: &mut Tool, seconds: i64) -> usize {
    tool.now = common::noon() + Duration::from_secs(u64::try_from(seconds).unwrap());
    tool.call(post()).unwrap();
    tool.counts().0
}

#[test]
fn the_four_members_are_read_and_others_passed_over() {
    // AGS-TOKRES-01
    let score = Scope::SCORE;
    let grant = read(&format!(
        r#"{{"ext":{{"a":1}},"access_token":"a2","token_type":"BEARER","expires_in":"900","scope":"{score}","x":null}}"#
    ))
    .unwrap();
    assert_eq!(grant.lifetime, Duration::from_secs(900));
    assert_eq!(grant.scopes, [Scope::SCORE].into_iter().collect());
}

#[test]
fn bearer_is_recognised_in_any_case_and_nothing_else_is_used() {
    // AGS-TOKRES-02, AGS-SEC-02
    for kind in [
        r#","token_type":"bearer""#,
        r#","token_type":"Bearer""#,
        r#","token_type":"BEARER""#,
        "",
        r#","token_type":null"#,
    ] {
        let mut tool =
            Tool::new().token_answers([token_answer(&format!(r#"{{"access_token":"abc"{kind}}}"#))]);
        tool.call(post()).unwrap();
        assert_eq!(tool.requests[0].headers()["authorization"], "Bearer abc", "{kind}");
    }
    for kind in [r#""mac""#, r#""N_A""#, r#""""#, "7"] {
        let mut tool = Tool::new()
            .token_answers([token_answer(&format!(r#"{{"access_token":"abc","token_type":{kind}}}"#))]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::MalformedResponse, (1, 0)), "{kind}");
        assert!(error.to_string().contains("Bearer"), "{error}");
    }
}

#[test]
fn scopes_that_are_not_named_are_those_asked_for() {
    // AGS-TOKRES-03
    for scope in ["", r#","scope":null"#] {
        assert_eq!(read(&format!(r#"{{"access_token":"abc"{scope}}}"#)).unwrap().scopes, Scopes::ags());
    }
    // Sakai: in another order.
    let all = Scopes::ags();
    let reversed: Vec<_> = all.iter().rev().map(Scope::as_str).collect();
    let body = format!(r#"{{"access_token":"abc","scope":"{}"}}"#, reversed.join(" "));
    assert_eq!(read(&body).unwrap().scopes, Scopes::ags());
}

#[test]
fn what_was_not_granted_fails_here_and_asks_for_no_further_token() {
    // AGS-TOKRES-03
    let mut tool =
        after_one_call(&format!(r#"{{"access_token":"abc","expires_in":3600,"scope":"{}"}}"#, Scope::SCORE));
    let create = || Read::new(common::LINE_ITEMS, const { &[Scope::LINE_ITEM] });
    for _ in 0..3 {
        let error = tool.call(create()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingScope);
        let said = error.to_string();
        assert!(said.contains("scope/lineitem ") && said.contains(Scope::SCORE.as_str()), "{said}");
    }
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (1, 2));
}

#[test]
fn what_a_platform_grants_is_not_repeated_at_length() {
    let scope = format!("\u{1b}[31mscope-of-its-own {}", "https://x.test/scope ".repeat(10_000));
    let body = serde_json::json!({"access_token": "abc", "scope": scope}).to_string();
    let mut tool = Tool::new().token_answers([token_answer(&body)]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    let said = error.to_string();
    assert!(said.len() < 1_000 && !said.contains('\u{1b}'), "{}", said.len());
}

#[test]
fn the_lifetime_is_read_in_every_form() {
    // AGS-TOKRES-04
    for (expires_in, seconds) in [
        ("3600", 3600.0),
        (r#""3600""#, 3600.0),
        ("3600.0", 3600.0),
        (r#"" 900 ""#, 900.0),
        ("0.5", 0.5),
        ("null", 3600.0),
        (r#""soon""#, 3600.0),
        (r#""NaN""#, 3600.0),
        ("[]", 3600.0),
        ("0", 0.0),
        ("-1", 0.0),
        ("1e300", 31_536_000.0),
    ] {
        let grant = read(&format!(r#"{{"access_token":"abc","expires_in":{expires_in}}}"#)).unwrap();
        assert_eq!(grant.lifetime, Duration::from_secs_f64(seconds), "{expires_in}");
    }
    assert_eq!(read(r#"{"access_token":"abc"}"#).unwrap().lifetime, Duration::from_secs(3600));

    let mut policy = lti_ags::Policy::default();
    policy.token_lifetime = Duration::from_secs(120);
    let mut tool = Tool::with_policy(policy).token_answers([token_answer(r#"{"access_token":"abc"}"#)]);
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    assert_eq!(tool.drive(step).unwrap().lifetime, Duration::from_secs(120));
}

#[test]
fn a_token_without_a_lifetime_serves_one_call() {
    // AGS-TOKRES-04
    for expires_in in ["0", "-5", r#""0""#] {
        let body = format!(r#"{{"access_token":"abc","expires_in":{expires_in}}}"#);
        let mut tool = Tool::new().token_answers([token_answer(&body), token_answer(&body)]);
        tool.call(post()).unwrap();
        tool.call(post()).unwrap();
        assert_eq!(tool.counts(), (2, 2), "{expires_in}");
    }
}

#[test]
fn a_token_is_renewed_a_minute_before_its_end() {
    // AGS-TOKRES-05
    let mut tool = after_one_call(r#"{"access_token":"abc","expires_in":3600}"#);
    assert_eq!(calls_later(&mut tool, 3530), 1);
    assert_eq!(calls_later(&mut tool, 3541), 2);

    let mut brief = after_one_call(r#"{"access_token":"abc","expires_in":30}"#);
    assert_eq!(calls_later(&mut brief, 14), 1, "the margin is half the lifetime at most");
    assert_eq!(calls_later(&mut brief, 16), 2);
}

#[test]
fn a_clock_that_jumps_costs_a_token_at_most() {
    // AGS-TOKRES-05
    let mut tool = after_one_call(r#"{"access_token":"abc","expires_in":3600}"#);
    tool.now -= Duration::from_secs(86_400);
    tool.call(post()).unwrap();
    assert!(tool.counts().0 <= 2 && tool.waits.is_empty());
}

#[test]
fn there_is_no_refreshing() {
    // AGS-TOKRES-06
    let mut tool = after_one_call(r#"{"access_token":"abc","expires_in":60,"refresh_token":"r-1"}"#);
    assert_eq!(calls_later(&mut tool, 61), 2);
    assert_eq!(tool.form_value(1, "grant_type"), "client_credentials");
    assert_ne!(tool.assertion(0).1["jti"], tool.assertion(1).1["jti"]);
    assert!(!format!("{:?}", tool.form(1)).contains("r-1"));
}

#[test]
fn a_token_is_opaque_and_of_any_length() {
    // AGS-TOKRES-07
    let long = "x".repeat(6 * 1024);
    for token in [&*long, "abc~+/==", "e978612a5d3041a262ba4a24fd2ec535", "x", "a.b.c", "{}"] {
        let body = serde_json::json!({"access_token": token}).to_string();
        let tool = after_one_call(&body);
        assert_eq!(tool.requests[0].headers()["authorization"], format!("Bearer {token}"));
    }
}

#[test]
fn a_token_that_would_break_its_header_is_not_sent() {
    // AGS-TOKRES-07
    for token in ["a\r\nX-Evil: 1", "a b", "a\u{0}", "caf\u{e9}", "\u{7f}", "a\tb"] {
        let body = serde_json::json!({"access_token": token}).to_string();
        let mut tool = Tool::new().token_answers([token_answer(&body)]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::MalformedResponse, (1, 0)), "{token:?}");
        assert!(!shown(&error).contains(token), "{error}");
    }
}

#[test]
fn twenty_calls_on_two_contexts_share_one_token_request() {
    // AGS-TOKRES-08, AGS-CERT-03
    let mut tool = Tool::new();
    let contexts = [1, 2].map(|context| {
        let url = format!("https://lms.northfield.test/ctx/{context}/lineitems/4");
        Endpoint::new(Scope::AGS).with_line_item(url).unwrap()
    });
    let mut fetching = Vec::new();
    let mut waiting = Vec::new();
    for n in 0..20 {
        match tool.session.begin(&contexts[n % 2], post(), tool.now) {
            Step::Send(request, in_flight) => fetching.push((request, in_flight)),
            Step::Wait(_, paused) => waiting.push(paused),
            Step::Done(result) => panic!("{result:?}"),
        }
    }
    assert_eq!((fetching.len(), waiting.len()), (1, 19));
    let (request, in_flight) = fetching.remove(0);
    assert!(request.uri().path().ends_with("/token"));
    let token = token_answer(r#"{"access_token":"abc","expires_in":3600}"#);
    let Step::Send(..) = in_flight.receive(&mut tool.session, tool.now, token) else { panic!() };
    for paused in waiting {
        let Step::Send(request, _) = paused.resume(&mut tool.session, tool.now) else { panic!() };
        assert_eq!(request.headers()["authorization"], "Bearer abc");
    }
}

#[test]
fn a_claim_that_allows_less_is_obeyed_although_a_token_allows_more() {
    // AGS-TOKRES-08, AGS-CLAIM-05
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    tool.endpoint = Endpoint::new([Scope::RESULT_READONLY]).with_line_item(common::LINE_ITEM).unwrap();
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::MissingScope);
    assert_eq!(tool.counts(), (1, 1));
}

#[test]
fn the_answer_is_judged_by_its_content_and_not_by_its_label() {
    // AGS-TOKRES-09
    let labelled = |kind: &[u8], body: &[u8]| answer_with(200, &[("content-type", kind)], body);
    for kind in [&b"text/plain"[..], b"text/html; charset=utf-8", b"application/octet-stream", b""] {
        let mut tool = Tool::new().token_answers([labelled(kind, br#"{"access_token":"abc"}"#)]);
        tool.call(post()).unwrap();
    }
    let mut marked =
        Tool::new().token_answers([answer_with(201, &[], b"\xEF\xBB\xBF {\"access_token\":\"abc\"}\n")]);
    marked.call(post()).unwrap();
}

#[test]
fn a_success_without_a_token_is_none() {
    // AGS-TOKRES-09
    for body in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":null}"#,
        r#"{"access_token":7}"#,
        "[]",
        "null",
        r#""abc""#,
        "",
        " \n",
        "<html><title>Sign in</title></html>",
        "access_token=abc",
        r#"{"access_token":"abc""#,
    ] {
        let mut tool = Tool::new().token_answers([token_answer(body)]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.counts()), (ErrorKind::MalformedResponse, (1, 0)), "{body}");
        assert_eq!(error.operation(), Some("token request"));
        assert!(!error.is_transient());
    }
}

#[test]
fn a_success_that_speaks_of_an_error_is_a_refusal() {
    // AGS-TOKRES-09
    let error = read(r#"{"error":"invalid_client","error_description":"no such tool"}"#).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRefused);
    assert_eq!(error.refusal().unwrap().error_code(), Some("invalid_client"));
    assert!(error.to_string().contains("invalid_client: no such tool"), "{error}");
    read(r#"{"access_token":"abc","error":null}"#).unwrap();
}

#[test]
fn what_a_platform_gave_in_place_of_json_is_not_shown_for_it_may_be_a_token() {
    // AGS-TOKERR-06
    for body in [TOKEN.to_owned(), format!("token: {TOKEN}"), format!("access_token={TOKEN}&expires_in=3600")]
    {
        let error = read(&body).unwrap_err();
        assert!(!shown(&error).contains(TOKEN), "{error:?}");
    }
    let page = read("<html><title>Sign in to Northfield</title></html>").unwrap_err();
    assert!(page.to_string().contains("Sign in to Northfield"), "{page}");
}

#[test]
fn a_token_serves_until_the_service_rejects_it_and_the_next_takes_its_place() {
    // AGS-TOKRES-05, worked example 14
    let challenge = br#"Bearer realm="ags", error="invalid_token", error_description="expired""#;
    let expired = answer_with(401, &[("www-authenticate", challenge)], b"");
    let mut tool = Tool::new()
        .token_answers([
            token_answer(r#"{"access_token":"first"}"#),
            token_answer(r#"{"access_token":"second"}"#),
        ])
        .answers([expired, answer(200, "")]);
    tool.call(post()).unwrap();
    tool.call(post()).unwrap();
    let sent: Vec<_> =
        tool.requests.iter().map(|request| request.headers()["authorization"].to_str().unwrap()).collect();
    assert_eq!(sent, ["Bearer first", "Bearer second", "Bearer second"]);
    assert_ne!(tool.assertion(0).1["jti"], tool.assertion(1).1["jti"]);
}
