//! Judging the bearer token of a service request (RFC 6750 §2.1, §3).

use http::header;
use jiff::Timestamp;

use crate::cause::Cause;
use crate::reply::Reply;
use crate::token::{Tokens, Worth};
use crate::violation::Verdict;

/// Refuses a request whose token opens none of these scopes.
pub(crate) fn judge(
    tokens: &mut Tokens,
    scopes: &[&str],
    now: Timestamp,
    request: &http::Request<Vec<u8>>,
    verdict: &mut Verdict,
) {
    let query = request.uri().query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        verdict.fault("AGS-SEC-02", "a token stands in the URL");
    }
    let mut fields = request.headers().get_all(header::AUTHORIZATION).iter();
    let (field, another) = (fields.next(), fields.next());
    if another.is_some() {
        return verdict.reject(Cause::TwoTokens, "AGS-SEC-02", "there is more than one Authorization header");
    }
    let Some(field) = field else {
        return verdict.reject(Cause::NoToken, "AGS-SEC-02", "there is no Authorization header");
    };
    let (scheme, token) = field.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || token.contains(' ') {
        return verdict.reject(
            Cause::NotBearer,
            "AGS-SEC-02",
            "the Authorization header is not `Bearer` and a token",
        );
    }
    if scheme != "Bearer" {
        verdict.fault("AGS-SEC-02", "the scheme is not written `Bearer`");
    }
    // A token may expire or be revoked between two requests: no fault of the client's.
    match tokens.use_up(token, scopes, now) {
        Worth::Nothing => verdict.refuse(Cause::DeadToken, "the token is unknown, expired or revoked"),
        Worth::OtherScopes => {
            verdict.refuse(Cause::TokenScope, "the token's scopes do not cover this request");
        }
        Worth::Enough => {}
    }
}

/// Adds the challenge that goes with 401 and 403.
pub(crate) fn challenge(reply: Reply, cause: Cause, scope: &str) -> Reply {
    match (cause.status(), cause.error()) {
        (401, "") => reply.header("WWW-Authenticate", r#"Bearer realm="ags""#),
        (401, error) => reply.header("WWW-Authenticate", format!(r#"Bearer realm="ags", error="{error}""#)),
        (403, "insufficient_scope") => reply.header(
            "WWW-Authenticate",
            format!(r#"Bearer realm="ags", error="insufficient_scope", scope="{scope}""#),
        ),
        _ => reply,
    }
}
