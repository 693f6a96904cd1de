//! What is hard to read takes no more time than its length calls for.

use std::time::{Duration, Instant};

use lti_ags::{GetLineItem, ListLineItems, ListResults};

use super::score;
use crate::common::{Tool, answer, answer_with, token_answer};

/// More than any transport lets through in a header.
const LENGTH: usize = 1 << 18;

/// By its length, a reader takes a tenth of a second; by the square of it, minutes.
const LIMIT: Duration = Duration::from_secs(15);

/// What makes a reader look for an end, look again, or try another way.
const PIECES: [&str; 16] = [
    "<",
    "<a>;rel=\"",
    "a=\"",
    ", ",
    "[",
    "{\"a\":",
    "\\u0065",
    "%25",
    "&#x65;",
    "eyJ.",
    "Bearer ",
    "access_token=",
    "-----BEGIN ",
    "<!--",
    "{},",
    "1e",
];

/// Calls answered by such a text, in every place that is read.
fn answered(text: &str) {
    let header = |status, name| answer_with(status, &[(name, text.as_bytes())], b"[]");
    let string = serde_json::Value::from(text).to_string();
    let item = format!(r#"[{{"id":{string},"label":{string},"scoreMaximum":1,"startDateTime":{string}}}]"#);
    let grant = format!(r#"{{"access_token":"t","token_type":"Bearer","scope":{string}}}"#);
    let _ = Tool::new().answers([header(200, "link")]).call(ListResults::new());
    let _ = Tool::new().answers([header(302, "location")]).call(GetLineItem::new());
    let _ = Tool::new().answers([header(400, "www-authenticate")]).call(score());
    let _ = Tool::new().answers([header(400, "content-type")]).call(score());
    let _ = Tool::new().answers([answer(400, text)]).call(score());
    let _ = Tool::new().answers([answer(400, &format!(r#"{{"message":{string}}}"#))]).call(score());
    let _ = Tool::new().answers([answer(200, text)]).call(score());
    let _ = Tool::new().answers([answer(200, &format!("[{text}"))]).call(ListLineItems::new());
    let _ = Tool::new().answers([answer(200, &item)]).call(ListLineItems::new());
    let _ = Tool::new().token_answers([token_answer(&grant)]).call(score());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a call costs is to be measured")]
fn what_is_hard_to_read_takes_time_by_its_length() {
    for piece in PIECES {
        let begun = Instant::now();
        answered(&piece.repeat(LENGTH / piece.len()));
        assert!(begun.elapsed() < LIMIT, "{piece:?}: {:?}", begun.elapsed());
    }
}
