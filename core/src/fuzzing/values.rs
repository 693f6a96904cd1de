//! What `serde_json` alone makes of the bytes that a model was read from. Of members that come twice, both take the last.

use serde_json::{Map, Value};

use crate::text::is_blank;
use crate::{Extensions, LineItem, Score, UserResult};

/// What `serde_json` reads; nothing where it refuses what the models do not look into (a number out of range, deep
/// nesting) or take away (a byte order mark), nor where a member bears the name by which it knows a `RawValue`.
pub(super) fn value(data: &[u8]) -> Option<Value> {
    let raw = b"$serde_json";
    if data.windows(raw.len()).any(|bytes| bytes == raw) {
        return None;
    }
    serde_json::from_slice(data).ok()
}

/// The entries of a container of results, or the one that stands in its place.
pub(super) fn results(data: &[u8]) -> Option<Vec<Value>> {
    match value(data)? {
        Value::Array(entries) => Some(entries),
        Value::Object(members) => match members.get("results") {
            Some(Value::Array(entries)) => Some(entries.clone()),
            _ => Some(vec![Value::Object(members)]),
        },
        _ => None,
    }
}

pub(super) fn check_line_item(item: &LineItem, value: &Value) {
    let said = |name| text(value, name).filter(|text| !is_blank(text));
    assert_eq!(item.id(), said("id").as_deref());
    assert_eq!(item.label(), text(value, "label").unwrap_or_default());
    assert_eq!(Some(item.score_maximum()), points(value, "scoreMaximum"));
    assert_eq!(item.resource_link_id(), said("resourceLinkId").as_deref());
    assert_eq!(item.resource_id(), said("resourceId").as_deref());
    assert_eq!(item.tag(), said("tag").as_deref());
    assert_eq!(item.start_date_time_text(), said("startDateTime").as_deref());
    assert_eq!(item.end_date_time_text(), said("endDateTime").as_deref());
    assert_eq!(item.grades_released(), value["gradesReleased"].as_bool());
    let known = [
        "id",
        "label",
        "scoreMaximum",
        "resourceLinkId",
        "resourceId",
        "tag",
        "startDateTime",
        "endDateTime",
        "gradesReleased",
    ];
    check_extensions(item.extensions(), value, &known);
}

pub(super) fn check_result(result: &UserResult, value: &Value) {
    assert_eq!(Some(result.user_id()), text(value, "userId").as_deref());
    assert_eq!(result.id(), text(value, "id").as_deref());
    assert_eq!(result.score_of(), text(value, "scoreOf").as_deref());
    assert_eq!(result.result_score(), points(value, "resultScore"));
    assert_eq!(result.sent_result_maximum(), points(value, "resultMaximum"));
    assert_eq!(result.comment(), text(value, "comment").filter(|text| !is_blank(text)).as_deref());
    assert_eq!(result.has_comment_member(), value.get("comment").is_some());
    assert_eq!(result.scoring_user_id(), text(value, "scoringUserId").as_deref());
    let known = ["id", "scoreOf", "userId", "resultScore", "resultMaximum", "comment", "scoringUserId"];
    check_extensions(result.extensions(), value, &known);
}

pub(super) fn check_score(score: &Score, value: &Value) {
    assert_eq!(Some(score.user_id()), text(value, "userId").as_deref());
    assert_eq!(score.score_given(), points(value, "scoreGiven"));
    assert_eq!(score.score_maximum(), points(value, "scoreMaximum"));
}

fn check_extensions(extensions: &Extensions, value: &Value, known: &[&str]) {
    let mut others = value.as_object().cloned().unwrap_or_default();
    others.retain(|name, _| !known.contains(&&**name));
    let kept: Map<String, Value> = extensions
        .iter()
        .map(|(name, kept)| (name.to_owned(), serde_json::from_str(kept.get()).unwrap()))
        .collect();
    assert_eq!(kept.len(), extensions.len(), "each name once");
    assert_eq!(kept, others);
}

/// Text, or an integer, which is what some platforms have for ids.
fn text(value: &Value, name: &str) -> Option<String> {
    match &value[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, or a text of one, which is what some platforms have for points.
fn points(value: &Value, name: &str) -> Option<f64> {
    match &value[name] {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_f64(),
    }
}
