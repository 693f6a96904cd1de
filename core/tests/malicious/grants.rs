//! What a token endpoint may answer.

use std::time::Duration;

use lti_ags::ErrorKind;

use super::score;
use crate::common::{TOKEN, Tool, answer, token_answer};

#[test]
fn absurd_lifetimes_are_lived_with() {
    for (expires_in, requests) in [
        ("1e308", 1),
        ("-1", 2),
        ("-1e308", 2),
        ("0", 2),
        ("\"NaN\"", 1),
        ("\"inf\"", 1),
        ("\"-inf\"", 1),
        ("\"\"", 1),
        ("\"1e999\"", 1),
        ("null", 1),
        ("[]", 1),
        ("{}", 1),
        ("true", 1),
        ("18446744073709551616", 1),
        ("1e-320", 2),
    ] {
        let mut tool = Tool::new();
        for _ in 0..2 {
            tool.token_answers.push_back(token_answer(&format!(
                r#"{{"access_token":"{TOKEN}","expires_in":{expires_in}}}"#
            )));
        }
        for _ in 0..2 {
            tool.call(score()).unwrap_or_else(|error| panic!("{expires_in}: {error:?}"));
        }
        assert_eq!(tool.token_requests.len(), requests, "{expires_in}");
    }
}

#[test]
fn a_token_endpoint_that_changes_its_mind_is_followed() {
    let refused = || answer(400, r#"{"error":"invalid_scope"}"#);
    let mut tool = Tool::new().token_answers([refused(), refused(), answer(500, ""), answer(200, "[]")]);
    let mut failures = 0;
    for _ in 0..60 {
        match tool.call(score()) {
            Ok(_) => break,
            Err(_) => failures += 1,
        }
        tool.now += Duration::from_secs(3);
    }
    assert!(failures < 20 && tool.token_requests.len() < 10, "{failures} {}", tool.token_requests.len());
}

#[test]
fn a_token_longer_than_any_header_is_not_sent() {
    // AGS-TOKRES-07
    for (length, calls) in [(64 * 1024, (1, 1)), (64 * 1024 + 1, (1, 0)), (10_000_000, (1, 0))] {
        let answer = format!(r#"{{"access_token":"{}","expires_in":3600}}"#, "x".repeat(length));
        let mut tool = Tool::new().token_answers([token_answer(&answer)]);
        let result = tool.call(score());
        assert_eq!(tool.counts(), calls, "{length}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::MalformedResponse);
            assert!(!format!("{error:?}").contains("xxx"));
        }
    }
}

#[test]
fn members_of_a_wrong_type_are_no_token() {
    for answer in [
        r#"{"access_token":["a"]}"#,
        r#"{"access_token":{"a":"b"}}"#,
        r#"{"access_token":12345678901234567890}"#,
        r#"{"access_token":"a","token_type":["Bearer"]}"#,
        r#"{"access_token":"a","token_type":{}}"#,
        r#"["access_token","a"]"#,
        r#""a""#,
    ] {
        let mut tool = Tool::new().token_answers([token_answer(answer)]);
        assert_eq!(tool.call(score()).unwrap_err().kind(), ErrorKind::MalformedResponse, "{answer}");
        assert_eq!(tool.counts(), (1, 0));
    }
}

#[test]
fn scopes_by_the_thousand_are_lived_with() {
    let scopes = (0..20_000).map(|number| format!("https://x.test/{number}")).collect::<Vec<_>>().join(" ");
    let answer = format!(r#"{{"access_token":"{TOKEN}","scope":"{scopes}"}}"#);
    let error = Tool::new().token_answers([token_answer(&answer)]).call(score()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert!(error.to_string().len() < 1_000, "{}", error.to_string().len());
}
