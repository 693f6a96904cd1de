//! Request bodies: one JSON object, read with an eye for what JSON readers let pass.

use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::json;
use crate::violation::Verdict;

/// The members of the one object a body has to be.
pub(crate) fn read(body: &[u8], rule: &'static str, verdict: &mut Verdict) -> Option<Map<String, Value>> {
    let Ok(document) = json::read(body) else {
        verdict.reject(Cause::NotJson, rule, "the body is not JSON");
        return None;
    };
    if body.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        // Moodle 4.5: a refusal of such a body comes out as 200.
        verdict.advise("AGS-SCORE-22", "the body is not compact: it has a line break");
    }
    if !document.repeated.is_empty() {
        verdict.reject(Cause::RepeatedMember, "AGS-EXT-02", "a member stands twice in the body");
    }
    let Value::Object(members) = document.value else {
        verdict.reject(Cause::NotObject, rule, "the body is not one JSON object");
        return None;
    };
    Some(members)
}

/// Whether a name is a fully qualified URL, as those of extension members are (AGS 3.1.2).
pub(crate) fn is_url(name: &str) -> bool {
    url::Url::parse(name).is_ok_and(|url| url.has_host())
}
