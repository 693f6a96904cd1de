//! The token request and its answer (RFC 6749 §4.4, RFC 7523; Security Framework 4.1), in every shape platforms give it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::registration::Registration;
use crate::secrecy::Secret;
use crate::token::{Failure, Grant, Lease};
use crate::{Error, ErrorKind, Policy, Refusal, Scope, Scopes, media, request};

/// What a token request is called in errors.
pub(crate) const NAME: &str = "token request";

/// No server takes a header that is longer.
const LONGEST_TOKEN: usize = 64 * 1024;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Sakai says in this header which scope it refused.
const SAKAI_DETAIL: HeaderName = HeaderName::from_static("x-tsugi-lti13-error-detail");

pub(crate) fn request(
    registration: &Registration,
    policy: &Policy,
    scopes: &Scopes,
    assertion: &Secret,
) -> Result<Request<Bytes>, Error> {
    if scopes.is_empty() {
        return Err(Error::new(
            ErrorKind::MissingScope,
            "the launch allows the tool nothing: it names no AGS scope; ask the administrator to allow the tool to \
             use the gradebook",
        )
        .section("AGS 3.1"));
    }
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(1536));
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion.expose())
        .append_pair("scope", &scopes.to_string());
    if registration.sends_client_id() {
        form.append_pair("client_id", registration.client_id());
    }
    let uri = registration.token_endpoint().to_uri()?;
    let headers =
        [(CONTENT_TYPE, media::FORM), (ACCEPT, media::JSON), (USER_AGENT, policy.user_agent.clone())];
    Ok(request::build(Method::POST, uri, headers, form.finish().into()))
}

/// Reads the answer by its content: Moodle labels its JSON text/html, and others answer refusals with 200. The tokens that are
/// `known` are shown as little as the one that it may give.
pub(crate) fn read(
    response: &Response<&[u8]>,
    Lease { scopes: asked, assertion, .. }: &Lease,
    known: &[&str],
    policy: &Policy,
    now: Timestamp,
) -> Result<(HeaderValue, Grant), Failure> {
    let status = response.status();
    let body = response.body().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(response.body());
    let members = serde_json::from_slice::<Map<String, Value>>(body).ok();
    // The signature alone is one, too: what was signed can be guessed.
    let signature = assertion.expose().rsplit('.').next();
    let given = members.as_ref().and_then(|members| members.get("access_token")).and_then(Value::as_str);
    let own = [Some(assertion.expose()), signature, given].into_iter().flatten();
    let secrets: Vec<_> = own.chain(known.iter().copied()).collect();
    if status.is_success() {
        return match &members {
            Some(members) if members.get("error").is_some_and(|error| !error.is_null()) => {
                Err(refusal(response, Some(members), asked, &secrets, now))
            }
            Some(members) => {
                token(members, asked, policy).map_err(|error| Failure::Refused(error.with_status(status)))
            }
            None if body.trim_ascii().is_empty() => Err(Failure::Refused(Error::refused(
                ErrorKind::MalformedResponse,
                "the token endpoint answered with nothing, which some platforms do when they do not accept the \
                 assertion; check the client id and that the platform has the tool's public key",
                Refusal::new(response, now, &secrets),
            ))),
            None => {
                let message = "the token endpoint's answer is not JSON; check its URL";
                // A page says what it is. Other text is not repeated: it may be a token without its wrapping.
                Err(Failure::Refused(if body.trim_ascii_start().starts_with(b"<") {
                    let page = Refusal::new(response, now, &secrets);
                    Error::refused(ErrorKind::MalformedResponse, message, page)
                } else {
                    Error::malformed(message).with_status(status)
                }))
            }
        };
    }
    let refused = Refusal::new(response, now, &secrets);
    let after = refused.retry_after();
    if refused.is_throttling() {
        let message = "the token endpoint is throttling";
        return Err(Failure::Transient(
            Error::refused(ErrorKind::RateLimited { after }, message, refused),
            after,
        ));
    }
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Err(Failure::Transient(refused.into(), after)),
        status if status.is_server_error() => Err(Failure::Transient(refused.into(), after)),
        status if status.is_redirection() => Err(Failure::Refused(Error::refused(
            ErrorKind::Redirect,
            "the token endpoint redirects, and an assertion is never sent elsewhere; configure the URL it leads to",
            refused,
        ))),
        _ => Err(refusal(response, members.as_ref(), asked, &secrets, now)),
    }
}

fn token(
    members: &Map<String, Value>,
    asked: &Scopes,
    policy: &Policy,
) -> Result<(HeaderValue, Grant), Error> {
    let section = "RFC 6749 §5.1";
    let token = match members.get("access_token") {
        Some(Value::String(token)) if !token.is_empty() => token,
        _ => {
            let message = "the token endpoint's answer holds no access token";
            return Err(Error::malformed(message).section(section));
        }
    };
    match members.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => {
            return Err(Error::malformed("the token is of a type that is not Bearer, and cannot be used")
                .section(section));
        }
    }
    if token.len() > LONGEST_TOKEN {
        return Err(Error::malformed("the access token is longer than any header may be").section(section));
    }
    let Some(authorization) = super::authorization(token) else {
        let message =
            "the access token holds characters that cannot be sent; this is often an error text in its place";
        return Err(Error::malformed(message).section("RFC 6750 §2.1"));
    };
    let scopes = match members.get("scope") {
        Some(Value::String(scopes)) => Scopes::parse(scopes),
        Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).map(Scope::from).collect(),
        _ => asked.clone(),
    };
    let lifetime = lifetime(members.get("expires_in")).unwrap_or(policy.token_lifetime);
    Ok((authorization, Grant { scopes, lifetime }))
}

/// `expires_in` in seconds: a number, or a string that holds one. Nothing or less is zero.
fn lifetime(expires_in: Option<&Value>) -> Option<Duration> {
    let seconds = match expires_in? {
        Value::Number(seconds) => seconds.as_f64()?,
        Value::String(seconds) => seconds.trim().parse().ok()?,
        _ => return None,
    };
    // A year is as good as any longer time, and an absurd one must not overflow.
    seconds.is_finite().then(|| Duration::from_secs_f64(seconds.clamp(0.0, 31_536_000.0)))
}

fn refusal(
    response: &Response<&[u8]>,
    members: Option<&Map<String, Value>>,
    asked: &Scopes,
    secrets: &[&str],
    now: Timestamp,
) -> Failure {
    let member =
        |name| members.and_then(|members: &Map<String, Value>| members.get(name)).and_then(Value::as_str);
    let code = member("error").unwrap_or_default();
    let detail = response.headers().get(SAKAI_DETAIL).and_then(|detail| detail.to_str().ok());
    let description = member("error_description").or(detail);
    let refused = Refusal::new(response, now, secrets).with_error(code, description, secrets);
    if code == "invalid_scope" {
        let message = format!("the platform does not give the tool the scopes {asked}");
        return Failure::InvalidScope(Error::refused(ErrorKind::TokenRefused, message, refused));
    }
    Failure::Refused(
        Error::refused(ErrorKind::TokenRefused, advice(&refused), refused).section("RFC 6749 §5.2"),
    )
}

/// What to look at first, by what the platform says.
fn advice(refusal: &Refusal) -> &'static str {
    let says = |words: &[&str]| refusal.mentions(words);
    if says(&["iat", "exp", "expired", "future", "clock"]) {
        "the platform refused the assertion's times; compare this machine's clock with the platform's"
    } else if says(&["aud", "audience"]) {
        "the platform refused the assertion's audience; configure the audience that it registered for the tool"
    } else if says(&["signature", "kid", "keyid", "algorithm", "jwk", "jwks"]) {
        "the platform could not verify the assertion; check that it has this key's public half, under this key id"
    } else if says(&["invalid_client", "unauthorized_client"]) {
        "the platform does not know the tool; check the client id, the key and the key id that it has on record"
    } else if refusal.status() == StatusCode::NOT_FOUND || refusal.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        "there is no token endpoint at this URL; check it in the registration"
    } else {
        "the platform refused to give a token"
    }
}
