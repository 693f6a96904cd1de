//! A platform's own words in a refusal: one bounded line from its body or its status line, fit for logs and screens.
//!
//! No specification shapes them, and platforms put secrets, terminal escapes and student data into them (Moodle 4.5
//! repeats the posted score); none of that passes.

use std::borrow::Cow;

use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::secrecy;

/// The most characters of a platform's words.
const LONGEST: usize = 300;

/// How much of a body is looked at.
const LOOKED_AT: usize = 64 * 1024;

/// Members that hold words, in the order in which they are tried.
const MEMBERS: [&str; 6] = ["error", "error_description", "message", "detail", "reason", "title"];

/// Finds what the platform said: members of a JSON body, else a reason phrase of its own, else plain text or
/// the heading of an HTML page.
///
/// The `Content-Type` is a hint only (Moodle 4.5 sends JSON as `text/html`). `secrets` are what must not be repeated.
pub(crate) fn words(
    reason: Option<&[u8]>,
    content_type: Option<&str>,
    body: &[u8],
    secrets: &[&str],
) -> Option<String> {
    let body = String::from_utf8_lossy(body.get(..LOOKED_AT).unwrap_or(body));
    let body = body.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let said = if body.starts_with(['{', '[', '"']) { in_json(body) } else { Vec::new() };
    said.iter()
        .find_map(|text| tidy(text, secrets))
        .or_else(|| tidy(&in_reason(reason?)?, secrets))
        .or_else(|| tidy(&in_text(content_type.unwrap_or_default(), body)?, secrets))
}

/// Makes one line of text from outside: without secrets, controls, terminal escapes, marks that turn text around,
/// and anything from the first brace on, where the echo of a request begins; at most 300 characters.
///
/// `None` if no word is left.
pub(crate) fn tidy(text: &str, secrets: &[&str]) -> Option<String> {
    // Before the lines are one, too: a secret may have several.
    let text = secrecy::scrub(text, secrets);
    let line = one_line(&text);
    // A comment that was made one line by others is found only as one line.
    let secrets: Vec<_> = secrets.iter().map(|secret| one_line(secret)).collect();
    let line = secrecy::scrub(&line, &secrets.iter().map(String::as_str).collect::<Vec<_>>());
    // Any brace: a score is echoed as JSON, as a Python `{'userId': …}` or a Java `Score{userId=…}`.
    let brace = line.find('{').into_iter().chain(line.find("%7B")).chain(line.find("%7b")).min();
    let line = brace.and_then(|brace| line.get(..brace)).unwrap_or(&line).trim_end();
    if !line.contains(char::is_alphanumeric) {
        return None;
    }
    Some(clip(line))
}

/// A line of at most 300 characters.
pub(crate) fn clip(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        None => line.to_owned(),
        Some(_) => line.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Makes a text from outside fit for a log or a screen: one line without controls, terminal escapes, marks that turn text
/// around, and what looks like a token, an assertion or a private key.
///
/// ```
/// assert_eq!(lti_ags::printable("\u{1b}[31mno\nsuch token: Bearer abcd"), "no such token: Bearer [redacted]");
/// ```
pub fn printable(text: &str) -> String {
    // Before the lines are one, too: a key's lines matter.
    let text = secrecy::scrub(text, &[]);
    secrecy::scrub(&one_line(&text), &[]).into_owned()
}

/// What the members of a JSON body say, best first.
fn in_json(body: &str) -> Vec<Cow<'_, str>> {
    match serde_json::from_str(body) {
        Ok(Value::Object(members)) => in_members(&members),
        Ok(value) => text_of(&value).map(|text| text.to_owned().into()).into_iter().collect(),
        Err(_) => in_broken_json(body),
    }
}

fn in_members(members: &Map<String, Value>) -> Vec<Cow<'static, str>> {
    let member = |name| members.get(name).and_then(text_of);
    let mut said = Vec::new();
    // Canvas: `errors.message`, `errors[].message` or `errors.<field>[].message`.
    said.extend(member("errors").map(str::to_owned));
    said.extend(members.get("errors").and_then(Value::as_object).and_then(in_fields));
    // RFC 6749 §5.2: a code and what it means belong together.
    if let (Some(code), Some(description)) = (member("error"), member("error_description")) {
        said.push(format!("{code}: {description}"));
    }
    said.extend(MEMBERS.into_iter().filter_map(member).map(str::to_owned));
    // Open edX: `{"timestamp":["Score already exists for the provided timestamp"]}`.
    said.extend(in_fields(members));
    said.into_iter().map(Cow::Owned).collect()
}

/// What is wrong with which field, for members that are lists of complaints.
fn in_fields(fields: &Map<String, Value>) -> Option<String> {
    let complaint = |(name, value): (&String, &Value)| {
        let text = value.as_array().and_then(|list| list.iter().find_map(text_of))?;
        Some(if name == "non_field_errors" { text.to_owned() } else { format!("{name}: {text}") })
    };
    let complaints: Vec<_> = fields.iter().filter_map(complaint).collect();
    (!complaints.is_empty()).then(|| complaints.join("; "))
}

/// The first text in a string, in the `message` of an object, or in a list of these.
fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then_some(text),
        Value::Array(items) => items.iter().find_map(text_of),
        Value::Object(members) => text_of(members.get("message")?),
        _ => None,
    }
}

/// What is almost JSON: cut off, or of Moodle 4.5, whose token endpoint puts any text between quotes unescaped.
fn in_broken_json(body: &str) -> Vec<Cow<'_, str>> {
    let value = |name: &str| {
        let (_, after) = body.split_once(&format!("\"{name}\""))?;
        let text = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let text = text.get(..closing_quote(text)).unwrap_or(text);
        Some(serde_json::from_str(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned))
    };
    MEMBERS.into_iter().filter_map(value).collect()
}

/// Where a string ends that may have bare quotes inside: at the first one behind which JSON goes on.
fn closing_quote(text: &str) -> usize {
    let closes = |&(at, _): &(usize, &str)| {
        let escaped = text.get(..at).is_some_and(|before| before.ends_with('\\'));
        let after = text.get(at + 1..).unwrap_or_default().trim_start();
        let goes_on = match after.strip_prefix(',') {
            Some(next) => next.trim_start().starts_with('"'),
            None => after.is_empty() || after.starts_with(['}', ']']),
        };
        !escaped && goes_on
    };
    text.match_indices('"').find(closes).map_or(text.len(), |(at, _)| at)
}

/// A reason phrase, unless it only repeats what the status code means.
///
/// Moodle 4.5 explains a refused score nowhere else.
fn in_reason(reason: &[u8]) -> Option<Cow<'_, str>> {
    let reason = String::from_utf8_lossy(reason.get(..LOOKED_AT).unwrap_or(reason));
    let standard = |code| StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason());
    let repeats = (100..600).filter_map(standard).any(|phrase| phrase.eq_ignore_ascii_case(reason.trim()));
    (!repeats).then_some(reason)
}

fn in_text<'a>(content_type: &str, body: &'a str) -> Option<Cow<'a, str>> {
    let declared = content_type.to_ascii_lowercase().contains("html") && body.contains('<');
    if body.starts_with('<') || declared {
        return in_html(body).map(Cow::Owned);
    }
    // JSON that said nothing is data, and so is what text never has.
    let is_json = body.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(body).is_ok();
    (!is_json && !body.contains('\0')).then_some(Cow::Borrowed(body))
}

/// The title or first heading of a page; the rest of it is for people with a browser.
fn in_html(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let element = |name: &str| {
        let tag = lower.find(&format!("<{name}"))?;
        let start = tag + lower.get(tag..)?.find('>')? + 1;
        let rest = lower.get(start..)?;
        let inside = page.get(start..start + rest.find(&format!("</{name}")).unwrap_or(rest.len()))?;
        // What is left of each piece behind a `<` once its tag is gone.
        let pieces = inside.split('<').enumerate();
        let text: String = pieces
            .filter_map(|(at, piece)| if at == 0 { Some(piece) } else { Some(piece.split_once('>')?.1) })
            .collect();
        (!text.trim().is_empty()).then(|| without_entities(&text))
    };
    element("title").or_else(|| element("h1"))
}

fn without_entities(text: &str) -> String {
    const ENTITIES: [(&str, &str); 7] = [
        ("&nbsp;", " "),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    ENTITIES.into_iter().fold(text.to_owned(), |text, (entity, meant)| text.replace(entity, meant))
}

/// Text without terminal escapes and invisible marks, its whitespace collapsed.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_sequence(&mut chars, '\u{20}'..='\u{3f}'),
            _ if c.is_whitespace() => space = true,
            _ if c.is_control() || is_invisible(c) => {}
            _ => {
                if space && !line.is_empty() {
                    line.push(' ');
                }
                space = false;
                line.push(c);
            }
        }
    }
    line
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Steps over what follows an ESC (ECMA-48 §5.3).
fn skip_escape(chars: &mut Chars<'_>) {
    if chars.next_if_eq(&'[').is_some() {
        skip_sequence(chars, '\u{20}'..='\u{3f}');
    } else if chars.next_if(|c| "]PX^_".contains(*c)).is_some() {
        // A command string, up to BEL or the string terminator. A title to set, a link to make: no words.
        let _ = chars.find(|c| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}'));
        chars.next_if_eq(&'\\');
    } else {
        skip_sequence(chars, '\u{20}'..='\u{2f}');
    }
}

fn skip_sequence(chars: &mut Chars<'_>, middle: std::ops::RangeInclusive<char>) {
    while chars.next_if(|c| middle.contains(c)).is_some() {}
    chars.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
}

/// Marks that turn text around, hide in it, or carry hidden text (Unicode TR 36).
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(body: &str) -> Option<String> {
        words(None, None, body.as_bytes(), &[])
    }

    fn assert_said(body: &str, expected: &str) {
        assert_eq!(said(body).as_deref(), Some(expected), "{body}");
    }

    #[test]
    fn canvas_says_it_in_errors_in_five_ways() {
        let text = "User not found in course or is not a student";
        assert_said(&format!(r#"{{"errors":{{"type":"unprocessable_entity","message":"{text}"}}}}"#), text);
        assert_said(&format!(r#"{{"errors":[{{"message":"{text}"}}]}}"#), text);
        assert_said(r#"{"errors":{"label":[{"message":"is too long"}]}}"#, "label: is too long");
        assert_said(r#"{"error":"bad type"}"#, "bad type");
        let token = r#"{"error":"invalid_request","error_description":"the 'aud' is invalid"}"#;
        assert_said(token, "invalid_request: the 'aud' is invalid");
        let throttled =
            words(Some(b"Forbidden"), Some("text/plain"), b"403 Forbidden (Rate Limit Exceeded)\n", &[]);
        assert_eq!(throttled.unwrap(), "403 Forbidden (Rate Limit Exceeded)");
        assert_eq!(words(Some(b"Unauthorized"), None, b"", &[]), None);
    }

    #[test]
    fn moodle_4_5_says_it_in_the_reason_phrase() {
        let of = |reason: &str| {
            words(Some(reason.as_bytes()), Some("application/vnd.ims.lis.v1.score+json"), b"[]", &[])
        };
        let stale = "Refusing score with an earlier timestamp for item 53 and user 6";
        assert_eq!(of(stale).unwrap(), stale);
        let echo =
            r#"Incorrect score received{"timestamp":"2026-11-23T15:00:00Z","userId":"33","comment":"é日本"}"#;
        assert_eq!(of(echo).unwrap(), "Incorrect score received");
        assert_eq!(of("BAD REQUEST"), None);
        let body = r#"{"status": 400, "reason": "No handler found for \/2\/lineitems application\/json", "request": {"method": "GET"}}"#;
        assert_said(body, "No handler found for /2/lineitems application/json");
    }

    #[test]
    fn moodle_4_5_says_it_in_json_that_is_none() {
        let of = |body: &str| {
            words(Some(b"Bad Request"), Some("text/html; charset=utf-8"), body.as_bytes(), &[]).unwrap()
        };
        assert_eq!(of("{\n  \"error\" : \"Expired token\"\n}\n"), "Expired token");
        assert_eq!(
            of("{\n  \"error\" : \"\"kid\" invalid, unable\nto \"look\" up \\key\"\n}\n"),
            "\"kid\" invalid, unable to \"look\" up \\key"
        );
        assert_eq!(of(r#"{"error":"a "b", c","error_description":"d""#), r#"a "b", c"#);
        assert_eq!(of(r#"{"error":"cut o"#), "cut o");
    }

    #[test]
    fn open_edx_says_it_in_detail_or_by_field() {
        assert_said(r#"{"detail":"Invalid token signature."}"#, "Invalid token signature.");
        let stale = r#"{"timestamp":["Score already exists for the provided timestamp"]}"#;
        assert_said(stale, "timestamp: Score already exists for the provided timestamp");
        assert_said(r#"{"tag":["b"],"label":["a","c"],"x":[1],"y":"z"}"#, "label: a; tag: b");
        assert_said(
            r#"{"non_field_errors":["Resource id or link id required."]}"#,
            "Resource id or link id required.",
        );
        assert_said(r#"["Invalid"]"#, "Invalid");
        let page = "<!doctype html>\n<html><head>\n  <title>Server Error (500)</title>\n</head><body><h1>Server</h1></body></html>";
        assert_said(page, "Server Error (500)");
    }

    #[test]
    fn the_others_say_it_in_error_or_message() {
        // Sakai, Blackboard, D2L, Schoology, ILIAS
        assert_said(
            r#"{"error":"Scope https://purl.imsglobal.org/spec/lti-ags/scope/score not in access token"}"#,
            "Scope https://purl.imsglobal.org/spec/lti-ags/scope/score not in access token",
        );
        let date = "JSON parse error: Invalid date string: 2020-04-07T13:26:14.786962; ...";
        assert_said(&format!(r#"{{"status":400,"message":"{date}","extraInfo":"80b6fb"}}"#), date);
        let key = r#"{"error":"invalid_grant","error_description":"Error validating assertion: KeyId not found in token"}"#;
        assert_said(key, "invalid_grant: Error validating assertion: KeyId not found in token");
        let id = r#"{"error":"Invalid parameter \"body.id\": \"id\" is not allowed"}"#;
        assert_said(id, r#"Invalid parameter "body.id": "id" is not allowed"#);
        assert_said(r#"{"error":{"code":7,"message":"no"},"title":"x"}"#, "no");
        assert_said(r#"{"type":"about:blank","title":"Not allowed","status":405}"#, "Not allowed");
    }

    #[test]
    fn pages_are_read_for_their_title_or_heading() {
        let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502</h1></center>";
        assert_eq!(
            words(Some(b"Bad Gateway"), Some("text/html"), nginx.as_bytes(), &[]).unwrap(),
            "502 Bad Gateway"
        );
        assert_said("<TITLE> </TITLE><H1 class=x>Not <b>here</b> &amp;&nbsp;now</H1>", "Not here & now");
        assert_said("<title>cut o", "cut o");
        for page in [
            "<p>Fatal error</p>",
            "<br />\n<b>Fatal error</b>: x",
            "<title></title>",
            "<title",
            "<?xml version=\"1.0\"?>",
        ] {
            assert_eq!(said(page), None, "{page}");
        }
        assert_eq!(words(None, Some("text/html"), b"see <br> below", &[]), None);
        assert_eq!(words(None, Some("text/html"), b"See below", &[]).unwrap(), "See below");
    }

    #[test]
    fn what_says_nothing_is_none() {
        for body in [
            "",
            " \n",
            "[]",
            "{}",
            "null",
            "{\"error\":null}",
            "{\"error\":\" \",\"message\":1}",
            "[[[",
            "{",
            "...",
            "\0\u{1}PNG x",
        ] {
            assert_eq!(said(body), None, "{body}");
        }
        let echo = r#"{"userId":"u-1001","scoreGiven":8,"comment":"hello"}"#;
        assert_eq!(said(echo), None);
    }

    #[test]
    fn echoed_student_data_is_cut_off() {
        for echo in [
            r#"{"userId":"u-1001"}"#,
            "{'userId': 'u-1001'}",
            "{userId=u-1001}",
            "%7B%22userId%22",
            "{\\\"userId\\\"",
        ] {
            assert_said(&format!("Refused: {echo}"), "Refused:");
        }
        assert_said(r#"{"error":"{\"userId\":\"u-1001\"}","title":"Refused"}"#, "Refused");
    }

    #[test]
    fn bytes_of_any_kind_become_one_line() {
        assert_eq!(words(None, None, b"\xef\xbb\xbf{\"error\":\"bad\"}", &[]).unwrap(), "bad");
        assert_eq!(words(None, None, b"caf\xe9 \r\n\t closed\x00", &[]), None);
        assert_eq!(words(None, None, b"caf\xe9 \r\n\t closed\x07", &[]).unwrap(), "caf\u{fffd} closed");
        assert_said(
            "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c\u{1b}(Bd\u{9b}1me",
            "red bcde",
        );
        assert_said("a\u{202e}b\u{2066}c\u{200f}d\u{2028}e", "abcd e");
    }

    #[test]
    fn long_words_are_cut_and_secrets_are_gone_before() {
        let said = said(&"é".repeat(70_000)).unwrap();
        assert_eq!((said.chars().count(), said.ends_with('…')), (300, true));
        let secret = "0123456789abcdef";
        let text = format!("{} {secret}", "x".repeat(290));
        let shown = words(None, None, text.as_bytes(), &[secret]).unwrap();
        assert!(!shown.contains("0123"), "{shown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_comes_the_line_is_short_and_clean(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            pieces in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "\"", "error", "\"error\":", "\"message\" : \"", "<title>", "</title>", "<h1", ">", "x ", "\\", "\u{1b}", "\u{202e}", "é", ",",
            ]), 0..20),
            html in any::<bool>(),
        ) {
            let body = [pieces.concat().as_bytes(), &bytes].concat();
            let content_type = html.then_some("text/html");
            for line in [words(None, content_type, &body, &[]), words(Some(&body), content_type, &bytes, &[])].into_iter().flatten() {
                prop_assert!(line.chars().count() <= 300);
                prop_assert!(!line.chars().any(|c| c.is_control() || is_invisible(c) || c == '{'), "{:?}", line);
                prop_assert!(!line.contains("  ") && line.trim() == line && !line.is_empty(), "{:?}", line);
            }
        }
    }

    #[test]
    fn hostile_bodies_take_linear_time() {
        for piece in
            ["{\"error\":\"", "{\"error\":\"\" , ", "[", "<title", "<h1><", "\u{1b}]", "&amp;", "\"   "]
        {
            said(&format!("{{\"error\":\"{}", piece.repeat(200_000 / piece.len())));
            said(&piece.repeat(200_000 / piece.len()));
        }
    }
}
