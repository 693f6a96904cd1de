//! What stands in header fields and URLs: links, challenges, waits, dates.

use std::time::Duration;

use http::header::{DATE, HeaderName, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Uri};
use jiff::Timestamp;

use super::platform::{check_error, nine, split};
use crate::link::{self, Next, grammar};
use crate::{ServiceUrl, challenge as challenges, date, retry_after as waits};

const REQUEST: &str = "https://lms.northfield.test/mod/lti/services.php/88/lineitems?type_id=1&limit=2";

fn headers(name: &HeaderName, data: &[u8]) -> HeaderMap {
    let values = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).collect()
}

/// `Link` fields, one a line. A field of the grammar is read as the slow parser of the grammar reads it.
pub fn link(data: &[u8]) {
    let request = url::Url::parse(REQUEST).unwrap();
    let fields = headers(&LINK, data);
    let next = link::next(&fields, &request);
    if let Next::Target(target) = &next
        && let Ok(url) = link::resolve(target, &request)
    {
        assert_eq!(url.fragment(), None);
    }
    let one = if fields.len() == 1 { fields.get(LINK) } else { None };
    // The grammar's parser knows nothing of anchors, nor forgives stray quotes, which often are not ASCII.
    let field = one.and_then(|field| field.to_str().ok());
    let Some(field) = field.filter(|field| !is_anchored(field) && !field.contains('\'')) else { return };
    if let Ok(expected) = grammar::next(field) {
        let expected = expected.map(|target| target.trim_matches([' ', '\t']).replace("&amp;", "&"));
        assert_eq!(next, expected.map_or(Next::None, |target| Next::Target(target.into())), "{field}");
    }
}

fn is_anchored(field: &str) -> bool {
    field.to_ascii_lowercase().contains("anchor")
}

/// `WWW-Authenticate` fields, one a line.
pub fn challenge(data: &[u8]) {
    if let Some(challenge) = challenges::bearer(&headers(&WWW_AUTHENTICATE, data)) {
        let members = [challenge.error, challenge.error_description, challenge.scope];
        assert!(members.iter().flatten().all(|member| !member.is_empty() && member.len() <= 3 * data.len()));
        assert!(data.to_ascii_lowercase().windows(6).any(|word| word == b"bearer"));
    }
}

/// A `Date` on the first line, `Retry-After` fields on those that follow.
pub fn retry_after(data: &[u8]) {
    let (sent, fields) = split(data, b"\n");
    let mut headers = headers(&RETRY_AFTER, fields);
    if let Ok(sent) = HeaderValue::from_bytes(sent) {
        headers.insert(DATE, sent);
    }
    let wait = waits::retry_after(&headers, nine());
    // Later than any deadline, and yet a moment that can be counted.
    assert!(wait.is_none_or(|wait| nine().checked_add(wait).is_ok()));
    if let Some(seconds) = std::str::from_utf8(fields).ok().and_then(|text| text.parse::<u32>().ok())
        && !fields.starts_with(b"+")
    {
        assert_eq!(wait, Some(Duration::from_secs(seconds.into())));
    }
}

/// What is strictly a date is one to the tolerant reader too, and to another parser; what is written reads back.
pub fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = date::parse(text);
    if let Ok(instant) = date::parse_strict(text) {
        assert_eq!(read, Some(instant), "{text}");
        if let Ok(other) = text.parse::<Timestamp>() {
            assert_eq!(instant, other, "{text}");
        }
    }
    if let Some(instant) = read {
        let written = date::format(instant);
        assert!(written.ends_with('Z') && written.contains('.'), "{written}");
        // A year before 0 is beyond RFC 3339.
        if !written.starts_with('-') {
            assert_eq!(date::parse_strict(&written), Ok(instant), "{written}");
        }
    }
}

/// A URL, the name and the value of a query parameter, one a line. Whatever is made of a URL goes to where the HTTP
/// client will take it, which is the origin that was checked.
pub fn urls(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let url = match lines.next().unwrap_or_default().parse::<ServiceUrl>() {
        Ok(url) => url,
        Err(error) => return check_error(&error, &[]),
    };
    let (name, value) = (lines.next().unwrap_or("limit"), lines.next().unwrap_or("10"));
    check_origin(&url, &url);
    assert!(url.same_resource(&url));
    let scores = url.below("scores");
    check_origin(&url, &scores);
    assert!(scores.to_uri().unwrap().path().ends_with("/scores"), "{scores}");
    assert_eq!(scores.to_uri().unwrap().query(), url.to_uri().unwrap().query());
    let paged = url.with_query(name, value);
    check_origin(&url, &paged);
    assert_eq!(paged.with_query(name, value), paged);
    let query = paged.as_str().split_once('?').unwrap().1;
    let pairs: Vec<_> =
        url::form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name).collect();
    assert_eq!(pairs.iter().map(|(_, value)| &**value).collect::<Vec<_>>(), [value], "{paged}");
}

/// That the URL reads back, and leads where the first one does by every parser that will see it.
fn check_origin(first: &ServiceUrl, url: &ServiceUrl) {
    assert_eq!(first.origin(), url.origin());
    let uri: Uri = url.to_uri().unwrap();
    let parsed = url::Url::parse(url.as_str()).unwrap();
    assert_eq!(uri.host().unwrap().to_ascii_lowercase(), url.origin().host());
    assert_eq!(parsed.host_str(), Some(url.origin().host()));
    let default = if url.origin().is_https() { 443 } else { 80 };
    assert_eq!(uri.port_u16().unwrap_or(default), parsed.port_or_known_default().unwrap());
    assert_eq!(uri.scheme_str() == Some("https"), url.origin().is_https());
    assert!(!uri.authority().unwrap().as_str().contains('@'));
    let again: ServiceUrl = url.as_str().parse().unwrap();
    assert_eq!(again.origin(), first.origin(), "{url}");
}
