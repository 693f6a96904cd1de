//! Token endpoints as the platforms have them: each shape that was seen on the wire or stands in their documents.

use std::time::Duration;

use crate::common::{self, Answer, Read, Tool, answer, answer_with, graded, not_sent};
use lti_ags::{Endpoint, Error, ErrorKind, Grant, PostScore, Scope, Scopes};

const SCOPE: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/";

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

fn json(status: u16, body: &str) -> Answer {
    answer_with(status, &[("content-type", b"application/json; charset=utf-8")], body.as_bytes())
}

/// Moodle labels its JSON as HTML.
fn moodle(status: u16, body: &str) -> Answer {
    answer_with(status, &[("content-type", b"text/html; charset=utf-8")], body.as_bytes())
}

/// What comes of this answer where just the scope for scores is asked for.
fn authorize(answer: Answer) -> Result<Grant, Error> {
    let endpoint = Endpoint::new([Scope::SCORE]).with_line_item(common::LINE_ITEM).unwrap();
    let mut tool = Tool::new().at(endpoint).token_answers([answer]);
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    let result = tool.drive(step);
    assert_eq!(tool.counts(), (1, 0), "asked once");
    result
}

/// The refusal: what our own words advise, and what the platform's own words are.
#[track_caller]
fn assert_refused(answer: Answer, advice: &str, words: &str) -> Error {
    let error = authorize(answer).unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::TokenRefused, Some("token request")),
        "{error}"
    );
    assert_eq!(error.refusal().unwrap().message(), Some(words));
    let said = error.to_string();
    assert!(said.contains(words) && said.split("(the platform").next().unwrap().contains(advice), "{said}");
    error
}

#[test]
fn moodle_grants_in_json_that_it_calls_html() {
    // AGS-TOKRES-09
    let body = format!(
        "{{\n  \"access_token\" : \"8634088667c6db8e91196e76c268818f\",\n  \"token_type\" : \"Bearer\",\n  \"expires_in\" : \
         3600,\n  \"scope\" : \"{SCOPE}score\"\n}}\n"
    );
    let grant = authorize(moodle(200, &body)).unwrap();
    assert_eq!(grant.scopes, Scopes::from_iter([Scope::SCORE]));
    assert_eq!(grant.lifetime, Duration::from_secs(3600));
}

#[test]
fn moodle_with_partial_sync_grants_less_than_was_asked_for() {
    // AGS-TOKRES-03: seen in 4.5.6
    let body = format!(
        r#"{{"access_token":"a34c6fe3dc4326a5f64b4d7401d4cc8d","token_type":"Bearer","expires_in":3600,"scope":"{SCOPE}lineitem.readonly {SCOPE}result.readonly {SCOPE}score"}}"#
    );
    let mut tool = Tool::new().token_answers([moodle(200, &body)]);
    tool.call(post()).unwrap();
    tool.call(Read::line_items()).unwrap();
    let create = Read::new(common::LINE_ITEMS, const { &[Scope::LINE_ITEM] });
    assert_eq!(tool.call(create).unwrap_err().kind(), ErrorKind::MissingScope);
    assert_eq!(tool.counts(), (1, 2));
}

#[test]
fn moodle_refuses_in_sentences() {
    // AGS-TOKERR-01, AGS-TOKERR-04
    for (error, advice) in [
        ("Expired token", "clock"),
        ("Cannot handle token with iat prior to 2026-11-23T14:44:14+0000", "clock"),
        ("Signature verification failed", "public half"),
        ("Incorrect key for this algorithm", "public half"),
        ("invalid_client", "client id"),
        ("invalid_request", "refused to give a token"),
        ("unsupported_grant_type", "refused to give a token"),
    ] {
        let error =
            assert_refused(moodle(400, &format!("{{\n  \"error\" : \"{error}\"\n}}\n")), advice, error);
        assert!(!error.is_transient());
    }
    assert_refused(moodle(400, "{\n  \"error\" : \"invalid_scope\"\n}\n"), "score", "invalid_scope");
}

#[test]
fn moodle_refuses_in_json_that_is_broken_by_its_own_sentence() {
    // AGS-TOKERR-04: the message of an exception between quotes, not escaped
    assert_refused(
        moodle(400, "{\n  \"error\" : \"\"kid\" invalid, unable to lookup correct key\"\n}\n"),
        "key id",
        "\"kid\" invalid, unable to lookup correct key",
    );
    let error = authorize(moodle(400, "{\n  \"error\" : \"Missing\nparts\"")).unwrap_err();
    assert_eq!(error.refusal().unwrap().message(), Some("Missing parts"));
}

#[test]
fn canvas_refuses_another_hosts_audience() {
    // AGS-TOKREQ-05, AGS-TOKERR-01
    let body = r#"{"error":"invalid_request","error_description":"the 'aud' is invalid"}"#;
    let error = assert_refused(json(400, body), "audience", "invalid_request: the 'aud' is invalid");
    assert_eq!(error.refusal().unwrap().error_code(), Some("invalid_request"));
}

#[test]
fn canvas_refuses_a_client_with_a_scheme_of_its_own() {
    // AGS-TOKERR-02, AGS-HTTP-02
    let challenge: &[(&str, &[u8])] = &[("www-authenticate", b"Canvas OAuth 2.0")];
    let body = br#"{"error":"invalid_client","error_description":"unknown client"}"#;
    let error =
        assert_refused(answer_with(401, challenge, body), "client id", "invalid_client: unknown client");
    assert!(error.refusal().unwrap().required_scopes().is_none());
}

#[test]
fn canvas_refuses_the_whole_list_for_one_scope() {
    // AGS-TOKERR-03
    let body = r#"{"error":"invalid_scope","error_description":"A requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner. The following scopes were requested, but not granted: https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"}"#;
    let mut tool = Tool::new().token_answers([json(400, body)]);
    tool.call(post()).unwrap();
    assert_eq!((tool.counts(), tool.form_value(1, "scope")), ((2, 1), Scope::SCORE.as_str().to_owned()));
    let error = assert_refused(json(400, body), "score", error_text(body).as_str());
    assert!(error.to_string().len() < 800);
}

fn error_text(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let text =
        format!("{}: {}", body["error"].as_str().unwrap(), body["error_description"].as_str().unwrap());
    text.chars().take(300).collect()
}

#[test]
fn canvas_throttles_token_requests_too() {
    // AGS-TOKERR-05
    for throttled in [
        answer_with(403, &[("x-rate-limit-remaining", b"0.0")], b"403 Forbidden (Rate Limit Exceeded)\n"),
        answer(429, "403 Forbidden (Rate Limit Exceeded)\n"),
    ] {
        let mut tool = Tool::new().token_answers([throttled]);
        tool.call(post()).unwrap();
        assert_eq!((tool.counts(), tool.waits.len()), ((2, 1), 1));
    }
}

#[test]
fn brightspace_refuses_an_assertion_as_a_grant() {
    // AGS-TOKERR-01
    for (description, advice) in [
        ("Error validating assertion: KeyId not found in token", "key id"),
        ("Error validating assertion: the token has expired", "clock"),
        ("Error validating assertion: invalid audience", "audience"),
    ] {
        let body = format!(r#"{{"error":"invalid_grant","error_description":"{description}"}}"#);
        let error = assert_refused(json(400, &body), advice, &format!("invalid_grant: {description}"));
        assert_eq!(error.refusal().unwrap().error_code(), Some("invalid_grant"));
    }
    // An audience of two values.
    let mut tool = Tool::new().token_answers((0..9).map(|_| answer(500, "")));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServerError);
}

#[test]
fn sakai_names_the_scope_it_refuses_in_a_header() {
    // AGS-TOKERR-03
    let detail = format!("{SCOPE}score");
    let headers: &[(&str, &[u8])] = &[
        ("content-type", b"application/json;charset=UTF-8"),
        ("x-tsugi-lti13-error-detail", detail.as_bytes()),
    ];
    let refusal = || answer_with(400, headers, br#"{"error":"invalid_scope"}"#);
    assert_refused(refusal(), "score", &format!("invalid_scope: {detail}"));
    let mut tool = Tool::new().token_answers([refusal()]);
    tool.call(post()).unwrap();
    assert_eq!(tool.form_value(1, "scope"), detail);
}

#[test]
fn sakai_refuses_in_sentences_and_grants_in_another_order() {
    // AGS-TOKERR-04, AGS-TOKRES-03
    let said = "Could not find the tool's public key";
    assert_refused(json(400, &format!(r#"{{"error":"{said}"}}"#)), "refused to give a token", said);
    let body = format!(
        "{{\n  \"access_token\" : \"eyJ0.eyJ1.c2ln\",\n  \"token_type\" : \"Bearer\",\n  \"expires_in\" : 3600,\n  \"scope\" : \
         \"{SCOPE}score {SCOPE}lineitem\"\n}}"
    );
    assert!(authorize(json(200, &body)).unwrap().scopes.contains(&Scope::SCORE));
}

#[test]
fn openolat_answers_nothing_to_an_assertion_it_does_not_accept() {
    // AGS-TOKRES-09
    let error = authorize(answer(200, "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    assert!(error.to_string().contains("public key") && error.to_string().contains("client id"), "{error}");
}

#[test]
fn openolat_grants_without_naming_scopes() {
    // AGS-TOKRES-03
    let grant =
        authorize(json(200, r#"{"access_token":"eyJ","token_type":"Bearer","expires_in":3600}"#)).unwrap();
    assert_eq!(grant.scopes, Scopes::from_iter([Scope::SCORE]));
}

#[test]
fn open_edx_grants_nothing_in_a_scope_that_is_empty() {
    // AGS-TOKRES-03: seen in 11.4.4
    let body =
        r#"{"access_token": "eyJ0.eyJ1.c2ln", "token_type": "bearer", "expires_in": 3600, "scope": ""}"#;
    assert!(authorize(json(200, body)).unwrap().scopes.is_empty());
    let mut tool = Tool::new().token_answers([json(200, body)]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.counts()), (ErrorKind::MissingScope, (1, 0)));
    assert!(error.to_string().contains("scope/score"), "{error}");
}

#[test]
fn open_edx_refuses_with_codes_of_its_own() {
    // AGS-TOKERR-04
    for (code, advice) in [
        ("unidentified_error", "refused to give a token"),
        ("invalid_client", "client id"),
        ("invalid_grant", "refused to give a token"),
        ("invalid_request", "refused to give a token"),
    ] {
        let error = assert_refused(json(400, &format!(r#"{{"error": "{code}"}}"#)), advice, code);
        assert_eq!(error.refusal().unwrap().error_code(), Some(code));
    }
    let page = "\n<!doctype html>\n<html lang=\"en\"><head><title>Method Not Allowed</title></head></html>";
    assert_refused(
        answer_with(405, &[("content-type", b"text/html")], page.as_bytes()),
        "URL",
        "Method Not Allowed",
    );
}

#[test]
fn ilias_refuses_a_client_with_401() {
    // AGS-TOKERR-02
    assert_refused(json(401, r#"{"error":"invalid_client"}"#), "client id", "invalid_client");
}

#[test]
fn blackboard_and_ilias_grant_in_lower_case() {
    // AGS-TOKRES-02, AGS-SEC-02
    let body = format!(
        r#"{{"access_token":"eyJ0.eyJ1.c2ln","token_type":"bearer","expires_in":3600,"scope":"{SCOPE}score"}}"#
    );
    let mut tool = Tool::new().token_answers([json(200, &body)]);
    tool.call(post()).unwrap();
    // Moodle takes no other spelling of the scheme.
    assert_eq!(tool.requests[0].headers()["authorization"], "Bearer eyJ0.eyJ1.c2ln");
}

#[test]
fn the_reference_implementation_gives_an_error_as_a_token() {
    // AGS-TOKRES-04, AGS-TOKRES-07
    let error =
        authorize(json(200, r#"{"access_token":"invalid token request","expires_in":0}"#)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    assert!(error.to_string().contains("error text"), "{error}");
}

#[test]
fn a_platform_that_is_down_is_waited_for() {
    // AGS-TOKERR-05
    let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body></body></html>";
    let mut tool = Tool::new().token_answers([not_sent(), moodle(502, nginx)]);
    tool.call(post()).unwrap();
    assert_eq!((tool.counts(), tool.waits.len()), ((3, 1), 2));
}
