//! Judging a client assertion: a JWT signed by the tool (Security Framework 4.1, RFC 7523 §3).

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::json;
use crate::names::CLAIM_DEPLOYMENT_ID;
use crate::personality::Manner;
use crate::registration::Registration;
use crate::violation::Verdict;

/// An assertion need not live longer than this many seconds.
const LONGEST_LIFE: i64 = 3600;

type Object = Map<String, Value>;

/// The `kid` an assertion names, unverified.
pub(crate) fn kid(assertion: &str) -> Option<String> {
    let header = object(assertion.split('.').next()?)?;
    header.get("kid")?.as_str().map(str::to_owned)
}

/// When the assertion in a token request says it was issued, unverified.
pub(crate) fn issued_at(form: &[u8]) -> Option<Timestamp> {
    let (_, assertion) = url::form_urlencoded::parse(form).find(|(name, _)| name == "client_assertion")?;
    let claims = object(assertion.split('.').nth(1)?)?;
    Timestamp::from_second(claims.get("iat")?.as_i64()?).ok()
}

/// Examines an assertion; an accepted one's `jti` is added to those seen.
pub(crate) fn judge(
    assertion: &str,
    now: Timestamp,
    registration: &Registration,
    audiences: &[String],
    seen: &mut HashSet<String>,
    manner: &dyn Manner,
    verdict: &mut Verdict,
) {
    let parts: Vec<&str> = assertion.split('.').collect();
    let &[header, claims, signature] = parts.as_slice() else {
        return verdict.reject(Cause::AssertionShape, "AGS-TOKREQ-10", "the assertion is not of three parts");
    };
    let decoded = (object(header), object(claims), URL_SAFE_NO_PAD.decode(signature));
    let (Some(header), Some(claims), Ok(signature)) = decoded else {
        return verdict.reject(
            Cause::AssertionShape,
            "AGS-TOKREQ-10",
            "a part of the assertion is not unpadded base64url, or no JSON object",
        );
    };
    let message = assertion.rsplit_once('.').map_or("", |(message, _)| message);
    manner.examine_assertion(&header, &claims, now.as_second(), verdict);
    judge_header(&header, message, &signature, registration, verdict);
    judge_parties(&claims, registration, audiences, verdict);
    judge_times(&claims, now, registration.iat_leeway, verdict);
    match claims.get("jti").and_then(Value::as_str) {
        None | Some("") => verdict.reject(Cause::NoJti, "AGS-TOKREQ-07", "the assertion has no jti"),
        Some(jti) if seen.contains(jti) => {
            verdict.reject(Cause::Replay, "AGS-TOKREQ-07", "the assertion's jti has been used before");
        }
        // Only of assertions that are the tool's own: nobody else can use up its ids.
        Some(jti) if verdict.refusal.is_none() => {
            seen.insert(jti.to_owned());
        }
        Some(_) => {}
    }
}

fn judge_header(
    header: &Object,
    message: &str,
    signature: &[u8],
    registration: &Registration,
    verdict: &mut Verdict,
) {
    if header.get("typ").and_then(Value::as_str) != Some("JWT") {
        verdict.fault("AGS-TOKREQ-09", "the assertion's typ is not JWT");
    }
    if ["jku", "jwk", "x5u", "x5c"].iter().any(|name| header.contains_key(*name)) {
        verdict.fault("AGS-TOKREQ-09", "the assertion's header brings or points to a key");
    }
    let kid = header.get("kid").and_then(Value::as_str);
    if kid.is_none_or(str::is_empty) {
        let sentence = "the assertion names no kid";
        if registration.keys.needs_kid() {
            verdict.reject(Cause::NoKid, "AGS-TOKREQ-09", sentence);
            if verdict.refusal.is_some() {
                return;
            }
        } else {
            verdict.fault("AGS-TOKREQ-09", sentence);
        }
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| name.parse().ok());
    let Some(algorithm) = algorithm.filter(|algorithm| {
        use Algorithm::{ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512};
        matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384)
    }) else {
        return verdict.reject(
            Cause::Algorithm,
            "AGS-TOKREQ-09",
            "the assertion's alg is not an asymmetric one that is known",
        );
    };
    if let Err(why) = registration.keys.verify(algorithm, kid, message.as_bytes(), signature) {
        verdict.reject(Cause::Signature, "AGS-TOKREQ-09", why);
    }
}

fn judge_parties(claims: &Object, registration: &Registration, audiences: &[String], verdict: &mut Verdict) {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    for (name, cause) in [("iss", Cause::Issuer), ("sub", Cause::Subject)] {
        if text(name) != Some(&registration.client_id) {
            verdict.reject(cause, "AGS-TOKREQ-04", format!("{name} of the assertion is not the client_id"));
        }
    }
    let accepted =
        |value: &Value| value.as_str().is_some_and(|aud| audiences.iter().any(|known| known == aud));
    let aud = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(accepted),
        Some(aud) => accepted(aud),
        None => false,
    };
    if !aud {
        verdict.reject(
            Cause::Audience,
            "AGS-TOKREQ-05",
            "aud of the assertion does not name this authorization server",
        );
    }
    match claims.get(CLAIM_DEPLOYMENT_ID) {
        Some(Value::String(deployment)) if *deployment == registration.deployment_id => {}
        Some(_) => {
            verdict.reject(
                Cause::Deployment,
                "AGS-TOKREQ-08",
                "the assertion's deployment_id is not the registered one",
            );
        }
        None if registration.require_deployment_id => {
            verdict.reject(Cause::Deployment, "AGS-TOKREQ-08", "the assertion lacks the deployment_id claim");
        }
        None => {}
    }
}

fn judge_times(claims: &Object, now: Timestamp, iat_leeway: i64, verdict: &mut Verdict) {
    let now = now.as_second();
    let mut seconds = |name: &str, absent: Cause| {
        let Some(Value::Number(number)) = claims.get(name) else {
            verdict.reject(absent, "AGS-TOKREQ-06", format!("{name} of the assertion is not a number"));
            return None;
        };
        if number.is_f64() {
            verdict.fault("AGS-TOKREQ-06", format!("{name} of the assertion is not in whole seconds"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a date beyond i64 saturates")]
        number.as_i64().or_else(|| number.as_f64().map(|float| float as i64))
    };
    let (iat, exp) = (seconds("iat", Cause::NoIssueTime), seconds("exp", Cause::NoExpiry));
    if exp.is_some_and(|exp| exp <= now) {
        verdict.reject(Cause::AssertionExpired, "AGS-TOKREQ-07", "the assertion has expired");
    }
    if exp.is_some_and(|exp| exp > now.saturating_add(LONGEST_LIFE)) {
        verdict.fault("AGS-TOKREQ-06", "the assertion expires more than an hour ahead");
    }
    if iat.is_some_and(|iat| iat > now.saturating_add(iat_leeway)) {
        verdict.reject(Cause::IssuedAhead, "AGS-TOKREQ-06", "iat of the assertion lies in the future");
    }
}

/// A base64url part that holds a JSON object without repeated members (RFC 7515 §4).
fn object(part: &str) -> Option<Object> {
    let document = json::read(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    match document.value {
        Value::Object(object) if document.repeated.is_empty() => Some(object),
        _ => None,
    }
}
