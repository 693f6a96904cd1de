//! What the platform said when it refused: its status and its own words, bounded, without secrets.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;

use crate::{Scopes, challenge, private, retry_after, secrecy, words};

/// The most of a refusal's body that is kept, in bytes.
const BODY_KEPT: usize = 8 * 1024;

/// The reason phrase of an HTTP/1.1 status line, which a transport may put into the extensions of a response.
///
/// Moodle says only there why it refused a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonPhrase(pub Bytes);

/// A platform's refusal of a request.
///
/// `Display` and `Debug` show the status and the platform's message in one bounded line, from which tokens, echoed
/// requests and comments have been removed. [`body`](Self::body) may hold a student's data: show it to nobody whom it
/// does not concern.
#[derive(Clone)]
pub struct Refusal {
    status: StatusCode,
    message: Option<String>,
    body: String,
    /// The body before what is one person's was hidden in it: refusals are told apart by it, and it is not shown.
    heard: Option<String>,
    content_type: Option<String>,
    error_code: Option<String>,
    required_scopes: Option<Scopes>,
    throttled: bool,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(response: &Response<&[u8]>, now: Timestamp, secrets: &[&str]) -> Self {
        let headers = response.headers();
        let content_type = text_of(headers, header::CONTENT_TYPE);
        let reason = response.extensions().get::<ReasonPhrase>().map(|reason| &*reason.0);
        let message = words::words(reason, content_type.as_deref(), response.body(), secrets);
        let body = beginning(response.body(), secrets);
        let challenge = challenge::bearer(headers);
        let scopes = challenge.as_ref().and_then(|challenge| challenge.scope.as_deref());
        Self {
            status: response.status(),
            message,
            body,
            heard: None,
            content_type: content_type.map(|text| secrecy::scrub(&text, secrets).into_owned()),
            required_scopes: scopes.map(|scopes| Scopes::parse(&secrecy::scrub(scopes, secrets))),
            error_code: challenge.and_then(|challenge| words::tidy(&challenge.error?, secrets)),
            throttled: is_throttling(response.status(), headers, response.body()),
            retry_after: retry_after::retry_after(headers, now),
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The platform's own words: at most 300 characters on one line.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The beginning of the body, at most 8 KiB, decoded lossily; tokens are removed, and so is a comment that is repeated
    /// whole. It may hold a student's data all the same.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The media type of the body, as it was sent.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The error code: of a `WWW-Authenticate: Bearer` challenge, such as `insufficient_scope` (RFC 6750 §3.1), or of the
    /// token endpoint, such as `invalid_client` (RFC 6749 §5.2), where many platforms write sentences instead.
    pub fn error_code(&self) -> Option<&str> {
        self.error_code.as_deref()
    }

    /// The scopes that a `WWW-Authenticate: Bearer` challenge asks for.
    pub fn required_scopes(&self) -> Option<&Scopes> {
        self.required_scopes.as_ref()
    }

    /// Whether it means "too many requests", however the platform put it.
    pub fn is_throttling(&self) -> bool {
        self.throttled
    }

    /// How long the platform asked to wait (`Retry-After`, RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// With the members of an OAuth error (RFC 6749 §5.2), which platforms fill with all sorts of text.
    pub(crate) fn with_error(mut self, code: &str, description: Option<&str>, secrets: &[&str]) -> Self {
        let text = |text: &str| words::tidy(text, secrets);
        let (code, description) = (text(code), description.and_then(text));
        self.message = match (&code, description) {
            (Some(code), Some(description)) => text(&format!("{code}: {description}")),
            (None, Some(description)) => Some(description),
            (Some(code), None) => Some(code.clone()),
            (None, None) => self.message,
        };
        self.error_code = code.or(self.error_code);
        self
    }

    fn heard(&self) -> &str {
        self.heard.as_deref().unwrap_or(&self.body)
    }

    /// Whether the message or the body holds this text, in any letter case.
    pub(crate) fn says(&self, lower_case: &str) -> bool {
        let says = |text: &str| text.to_ascii_lowercase().contains(lower_case);
        self.message.as_deref().is_some_and(says) || says(self.heard())
    }

    /// Whether it is a page for people, of a server that failed before the service could answer.
    pub(crate) fn is_html(&self) -> bool {
        self.body.trim_start().starts_with('<')
            || self.content_type.as_ref().is_some_and(|content_type| content_type.contains("html"))
    }

    /// Whether the message or the body holds one of these words whole, in any letter case: "iat" is not in "associated".
    pub(crate) fn mentions(&self, lower_case: &[&str]) -> bool {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let mentions = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.split(|character| !is_part(character)).any(|word| lower_case.contains(&word))
        };
        self.message.as_deref().is_some_and(mentions) || mentions(self.heard())
    }

    /// Removes what must not be shown, a comment that the platform repeats, from all that is shown.
    pub(crate) fn hide(mut self, private: Option<&str>) -> Self {
        let Some(private) = private else { return self };
        for shown in [&mut self.message, &mut self.error_code, &mut self.content_type] {
            *shown = shown.as_deref().map(|text| private::hide(text, private));
        }
        let hidden = secrecy::scrub(&self.body, &[private, &words::one_line(private)]).into_owned();
        self.heard = Some(std::mem::replace(&mut self.body, hidden));
        self
    }
}

/// 429; or Canvas's 403 with "Rate Limit Exceeded" in its text, or with nothing left of the budget.
pub(crate) fn is_throttling(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    let says_so = |body: &[u8]| {
        let words = b"rate limit exceeded";
        let head = body.get(..1024).unwrap_or(body);
        head.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            let left = retry_after::rate_limit_remaining(headers);
            left.is_some_and(|left| left <= 0.0) || says_so(body)
        }
        _ => false,
    }
}

/// The beginning of a body. Secrets are removed first: one that is cut in two is no longer found.
fn beginning(body: &[u8], secrets: &[&str]) -> String {
    let looked_at = String::from_utf8_lossy(body.get(..8 * BODY_KEPT).unwrap_or(body));
    let mut kept = secrecy::scrub(&looked_at, secrets).into_owned();
    let end = (0..=BODY_KEPT).rev().find(|&end| kept.is_char_boundary(end)).unwrap_or_default();
    kept.truncate(end);
    kept
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
    Some(value.chars().filter(|character| !character.is_control()).take(200).collect())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the platform answered {}", self.status.as_u16())?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("message", &self.message)
            .field("content_type", &self.content_type)
            .field("error_code", &self.error_code)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
