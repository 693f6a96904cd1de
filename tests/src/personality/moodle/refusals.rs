//! How Moodle 4.5 refuses: sentences as OAuth errors, 401 for whatever is wrong with a token, reason phrases that hold
//! what was posted.

use http::{Method, header};
use serde_json::json;

use super::Moodle;
use crate::asked::Asked;
use crate::cause::Cause;
use crate::ledger::Service;
use crate::names::MEDIA_SCORE;
use crate::reply::Reply;
use crate::violation::{Refusal, Verdict};

/// Moodle cuts the reason phrase so that the status line has about this many bytes.
const LONGEST_REASON: usize = 1000;

/// `application/json` errors say everything twice, once in the reason phrase.
pub(super) fn error(asked: &Asked<'_>, status: u16, reason: &str) -> Reply {
    let body = json!({
        "status": status,
        "reason": reason,
        "request": {
            "method": asked.request.method().as_str(),
            "url": asked.target(),
            "accept": asked.header(&header::ACCEPT),
            "contentType": asked.header(&header::CONTENT_TYPE),
        },
    });
    let body = serde_json::to_string_pretty(&body).unwrap_or_default();
    Reply::of_type(status, "application/json; charset=utf-8", body).reason(reason.trim_end())
}

/// The path as Moodle's router sees it, behind `services.php`.
pub(super) fn route<'a>(asked: &'a Asked<'_>) -> &'a str {
    asked.path().split_once("services.php").map_or("", |(_, route)| route)
}

pub(super) fn no_handler(asked: &Asked<'_>, verdict: &mut Verdict) {
    let reads = *asked.request.method() == Method::GET;
    let accept = if reads { asked.header(&header::ACCEPT) } else { String::new() };
    let content_type = asked.header(&header::CONTENT_TYPE);
    let route = route(asked);
    verdict.refuse(Cause::Own(400), format!("No handler found for {route} {accept} {content_type}"));
}

pub(super) fn no_token(asked: &Asked<'_>, refusal: &Refusal) -> Reply {
    let ahead;
    let error = match refusal.cause {
        Cause::AssertionExpired => "Expired token",
        Cause::Signature => "Signature verification failed",
        Cause::Algorithm => "Incorrect key for this algorithm",
        Cause::NoKid => "kid must be provided",
        Cause::IssuedAhead => {
            let issued = crate::assertion::issued_at(asked.request.body()).unwrap_or(asked.now);
            ahead = format!(
                "Cannot handle token with iat prior to {}",
                issued.strftime("%Y-%m-%dT%H:%M:%S+0000")
            );
            &ahead
        }
        Cause::AssertionShape | Cause::Method | Cause::NoScopeAsked => "invalid_request",
        cause => cause.error(),
    };
    // Moodle does not escape it: a sentence with quotes would make the body invalid JSON.
    let body = format!("{{\n  \"error\" : \"{error}\"\n}}\n");
    Reply::of_type(400, "text/html; charset=utf-8", body)
}

pub(super) fn refused(asked: &Asked<'_>, refusal: &Refusal) -> Reply {
    let cause = refusal.cause;
    if matches!(cause, Cause::Own(502)) {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
        return Reply::of_type(502, "text/html", page);
    }
    // Whatever is wrong with a token.
    if matches!(cause.status(), 401) || cause == Cause::TokenScope || cause == Cause::TwoTokens {
        return error(asked, 401, "Unauthorized");
    }
    match (cause, asked.service) {
        (Cause::Own(409), Service::Scores) => {
            Moodle::typed(409, MEDIA_SCORE, "[]".to_owned()).reason(refusal.reason.as_bytes())
        }
        (Cause::Own(status), _) => error(asked, status, &refusal.reason),
        (Cause::Method, _) => error(asked, 405, "Method Not Allowed"),
        (Cause::ForeignLink | Cause::Coupled, _) => error(asked, 403, "Forbidden"),
        (_, Service::LineItems | Service::LineItem) if *asked.request.method() != Method::GET => {
            error(asked, 400, "No label or Score Maximum")
        }
        (_, Service::Scores) => {
            let body = asked.request.body();
            // PHP refuses a header of several lines: the status stays 200.
            if body.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
                return Moodle::typed(200, MEDIA_SCORE, "[]".to_owned());
            }
            let mut reason = b"Incorrect score received".to_vec();
            reason.extend_from_slice(body);
            reason.truncate(LONGEST_REASON);
            Moodle::typed(400, MEDIA_SCORE, "[]".to_owned()).reason(reason)
        }
        (Cause::Nothing, _) => {
            let mut parts = route(asked).rsplit('/');
            match (parts.next(), parts.next()) {
                (Some("lineitem"), Some(item)) if *asked.request.method() != Method::POST => {
                    error(asked, 404, &format!("Not Found: Grade item {item} doesn't exist"))
                }
                _ => {
                    let kind = asked.header(&header::CONTENT_TYPE);
                    let reason = format!("No handler found for {}  {kind}", route(asked));
                    error(asked, 400, &reason)
                }
            }
        }
        _ => error(asked, cause.status(), &refusal.reason),
    }
}
