//! What the targets share: a tool with a session, answers made of bytes, and what must hold of every error.

use std::error::Error as _;

use http::{HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;

use crate::{
    Algorithm, Bytes, Endpoint, Error, Policy, ReasonPhrase, Registration, Scope, Seed, Session, Signer,
    SigningKey,
};

pub(super) const TOKEN_ENDPOINT: &str = "https://auth.northfield.test/oauth2/token";
pub(super) const LINE_ITEMS: &str = "https://grades.northfield.test:8443/ctx/9/lineitems?type_id=1";
pub(super) const LINE_ITEM: &str = "https://lms.northfield.test/ctx/9/lineitems/4/lineitem?type_id=1";
/// Where a token may go, beside [`ALLOWED`] where the policy has it: scheme, host, port.
pub(super) const ORIGINS: [(&str, &str, u16); 2] =
    [("https", "grades.northfield.test", 8443), ("https", "lms.northfield.test", 443)];
pub(super) const ALLOWED: &str = "https://lms-2.northfield.test";

/// Secrets that platforms repeat in what they answer: the token, and what was said to a student.
pub(super) const TOKEN: &str = "nf.Zk3~81-planted-token";
pub(super) const COMMENT: &str = "planted comment to a student";

/// 2026-03-02T09:00:00Z.
pub(super) fn nine() -> Timestamp {
    Timestamp::from_second(1_772_442_000).unwrap()
}

pub(super) fn session(policy: Policy) -> Session {
    struct Elsewhere;
    impl Signer for Elsewhere {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(b"signature".to_vec())
        }
    }
    let key = SigningKey::external(Algorithm::Rs256, "k-2026-01", Elsewhere);
    let registration =
        Registration::new("tool-7f3a", TOKEN_ENDPOINT, key).unwrap().with_deployment_id("dep-42");
    Session::new(registration, Seed::new(7)).with_policy(policy)
}

pub(super) fn endpoint() -> Endpoint {
    let nrps = Scope::new("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly");
    let scopes = Scope::AGS.into_iter().chain([nrps]);
    Endpoint::new(scopes).with_line_items(LINE_ITEMS).unwrap().with_line_item(LINE_ITEM).unwrap()
}

/// Splits at the first `mark`; without one, everything comes before it.
pub(super) fn split<'a>(data: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match data.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&data[..at], &data[at + mark.len()..]),
        None => (data, &[]),
    }
}

/// An answer: `200|name: value|…` and its body. A status that is none is the fallback; a header that is none is left
/// out; `reason` is the reason phrase.
pub(super) fn answer(head: &[u8], body: &[u8], fallback: u16) -> Response<Vec<u8>> {
    let mut parts = head.split(|byte| *byte == b'|');
    let status = parts.next().and_then(|status| StatusCode::from_bytes(status).ok());
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = status.unwrap_or(StatusCode::from_u16(fallback).unwrap());
    for part in parts {
        let (name, value) = split(part, b":");
        if name == b"reason" {
            response.extensions_mut().insert(ReasonPhrase(Bytes::copy_from_slice(value.trim_ascii())));
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// An answer with its head on the first line and its body behind that.
pub(super) fn whole_answer(data: &[u8], fallback: u16) -> Response<Vec<u8>> {
    let (head, body) = split(data, b"\n");
    answer(head, body, fallback)
}

pub(super) fn token_answer() -> Response<Vec<u8>> {
    let body = format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}"#);
    answer(b"200", body.as_bytes(), 200)
}

/// What holds of every error: one line of bounded length, and nothing in it, nor in its sources, that was secret in the
/// exchange that failed.
pub(super) fn check_error(error: &Error, secrets: &[&str]) {
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control), "more than a line: {shown:?}");
    assert!(shown.chars().count() <= 1_200, "too long: {shown}");
    let mut shown = format!("{shown} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        shown.push_str(&error.to_string());
        source = error.source();
    }
    check_secrets(&shown, secrets);
    if let Some(refusal) = error.refusal() {
        let message = refusal.message().unwrap_or_default();
        assert!(message.chars().count() <= 300 && !message.chars().any(char::is_control), "{message:?}");
        // Eight KiB, of which each byte may have become a character of three.
        assert!(refusal.body().len() <= 32 * 1024);
        for text in [Some(refusal.body()), refusal.error_code(), refusal.content_type()] {
            check_secrets(text.unwrap_or_default(), secrets);
        }
    }
}

pub(super) fn check_secrets(shown: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!shown.contains(secret), "a secret is shown: {shown}");
    }
}
