//! What a platform's refusal says beside its words: how long to wait, what it challenges (RFC 9110 §10.2.3, RFC 6750 §3).

use std::time::Duration;

use lti_ags::{ErrorKind, Policy, PostScore, Scope};

use crate::common::{Tool, answer_with, graded};

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

#[test]
fn a_wait_may_be_told_in_seconds_or_as_a_date_of_three_forms() {
    // AGS-HTTP-04
    for (told, seconds) in [
        (&b"5"[..], Some(5)),
        (b"Mon, 02 Mar 2026 09:00:05 GMT", Some(5)),
        (b"Monday, 02-Mar-26 09:00:05 GMT", Some(5)),
        (b"Mon Mar  2 09:00:05 2026", Some(5)),
        (b"Mon, 02 Mar 2026 08:00:00 GMT", Some(0)),
        (b"-3", None),
        (b"soon", None),
    ] {
        let mut policy = Policy::default();
        policy.max_attempts = 1;
        let mut tool = Tool::with_policy(policy).answers([answer_with(429, &[("retry-after", told)], b"")]);
        let error = tool.call(post()).unwrap_err();
        let after = seconds.map(Duration::from_secs);
        assert_eq!(error.kind(), ErrorKind::RateLimited { after }, "{}", String::from_utf8_lossy(told));
        assert_eq!(error.refusal().unwrap().retry_after(), after);
    }
    let mut tool =
        Tool::new().answers([answer_with(429, &[("retry-after", b"Mon, 02 Mar 2026 09:00:05 GMT")], b"")]);
    tool.call(post()).unwrap();
    assert!(
        tool.waits[0] >= Duration::from_secs(5) && tool.waits[0] < Duration::from_secs(6),
        "{:?}",
        tool.waits
    );
}

#[test]
fn a_challenge_is_read_however_it_is_written() {
    // AGS-HTTP-02, AGS-HTTP-09
    for (fields, code, scope) in [
        (
            &["Basic realm=\"x\", Bearer realm=\"y\", error=\"invalid_token\""][..],
            Some("invalid_token"),
            None,
        ),
        (&["Basic realm=\"x\"", "bearer ERROR=invalid_token"], Some("invalid_token"), None),
        (&["Bearer"], None, None),
        (&["Canvas OAuth 2.0"], None, None),
        (
            &[
                "Bearer error=\"insufficient_scope\", scope=\"https://purl.imsglobal.org/spec/lti-ags/scope/score\"",
            ],
            Some("insufficient_scope"),
            Some(Scope::SCORE),
        ),
        (&[], None, None),
    ] {
        let headers: Vec<_> = fields.iter().map(|field| ("WWW-Authenticate", field.as_bytes())).collect();
        let refusal = || answer_with(401, &headers, b"");
        let error = Tool::new().answers([refusal(), refusal()]).call(post()).unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((error.kind(), refusal.error_code()), (ErrorKind::Unauthorized, code), "{fields:?}");
        assert_eq!(refusal.required_scopes().map(|scopes| scopes.iter().next().cloned()), scope.map(Some));
    }
}
