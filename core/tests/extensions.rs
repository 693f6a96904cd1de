//! Members beside those of the specification, on scores, line items and results (AGS 3.1.2), and those of Canvas.

use crate::common::{Tool, graded, time};
use lti_ags::canvas::{self, ContentItem, ItemSubmission, Submission, SubmissionType};
use lti_ags::{ErrorKind, Extensions, LineItem, NewLineItem, PostScore, UserResult};
use serde_json::{Value, json};

const X: &str = "https://tool.test/x";
const ITEM: &str = r#""id":"https://lms.northfield.test/li/4","label":"Lab 3","scoreMaximum":20"#;

fn sent(tool: &mut Tool, score: lti_ags::ScoreBuilder) -> Value {
    tool.call(PostScore::new(score.build().unwrap())).unwrap();
    tool.body(tool.requests.len() - 1)
}

#[test]
fn any_json_value_is_sent_and_read_back() {
    // AGS-EXT-01
    let mut tool = Tool::new();
    for value in
        [json!(null), json!(true), json!(3), json!("s"), json!([]), json!({}), json!({"a": [1, {"b": null}]})]
    {
        let score = graded().extension(X, &value);
        assert_eq!(
            score.clone().build().unwrap().extensions().read::<Value>(X).unwrap(),
            Some(value.clone())
        );
        assert_eq!(sent(&mut tool, score).get(X), Some(&value));

        let item = NewLineItem::new("Lab 3", 20.0).unwrap().with_extension(X, &value).unwrap();
        assert_eq!(serde_json::to_value(&item).unwrap().get(X), Some(&value));

        let item: LineItem = serde_json::from_str(&format!(r#"{{{ITEM},"{X}":{value}}}"#)).unwrap();
        assert_eq!(item.extensions().read::<Value>(X).unwrap(), Some(value.clone()));
        let result: UserResult =
            serde_json::from_str(&format!(r#"{{"userId":"u-1001","{X}":{value}}}"#)).unwrap();
        assert_eq!(result.extensions().read::<Value>(X).unwrap(), Some(value));
    }
}

#[test]
fn a_name_that_is_no_url_is_refused_in_writing_and_kept_in_reading() {
    // AGS-EXT-01
    for name in ["foo", "", "tool.test/x", "/x", "mailto:a@b.test", "urn:x:y"] {
        let error = graded().extension(name, &1).build().unwrap_err();
        assert_eq!(
            (error.kind(), error.specification()),
            (ErrorKind::InvalidInput, Some("AGS 3.1.2")),
            "{name}"
        );
        assert!(NewLineItem::new("Lab 3", 20.0).unwrap().with_extension(name, &1).is_err());
    }
    let item: LineItem = serde_json::from_str(&format!(r#"{{{ITEM},"foo":7}}"#)).unwrap();
    assert_eq!(item.extensions().get("foo").unwrap().get(), "7");
    let result: UserResult = serde_json::from_str(r#"{"userId":"u-1001","foo":7}"#).unwrap();
    assert_eq!(result.extensions().get("foo").unwrap().get(), "7");
}

#[test]
fn an_extension_shadows_no_member_of_the_specification() {
    // AGS-EXT-02
    for name in ["userId", "scoreGiven", "comment", "timestamp", "submission", "label", "id", "scoreMaximum"]
    {
        let error = graded().extension(name, &"u-2").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        assert!(Extensions::new().set(name, &1).is_err(), "{name}");
    }
    let mut tool = Tool::new();
    let score = graded().extension(X, &1).extension(X, &2);
    assert_eq!(sent(&mut tool, score)[X], 2);
    assert_eq!(tool.text(0).matches(X).count(), 1, "no name twice: {}", tool.text(0));
}

#[test]
fn a_value_that_json_cannot_say_is_refused() {
    for value in [f64::NAN, f64::INFINITY] {
        assert_eq!(graded().extension(X, &value).build().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn what_is_not_known_is_never_an_error() {
    // AGS-EXT-03
    let deep = format!("{}{}", r#"{"a":["#.repeat(40), "]}".repeat(40));
    let item: LineItem =
        serde_json::from_str(&format!(r#"{{{ITEM},"https://v.test/d":{deep},"":1,"é":[]}}"#)).unwrap();
    assert_eq!(item.extensions().len(), 3);
    assert_eq!(item.extensions().get("https://v.test/d").unwrap().get(), deep);
    let result: UserResult = serde_json::from_str(&format!(r#"{{"userId":"u-1001","x":{deep}}}"#)).unwrap();
    assert_eq!(result.extensions().len(), 1);
}

#[test]
fn canvass_submission_is_one_nested_object() {
    // AGS-EXT-04, worked example 12
    let submission = Submission::new()
        .new_submission(true)
        .preserve_score(false)
        .prioritize_non_tool_grade(true)
        .submission_type(SubmissionType::OnlineUrl)
        .data("https://tool.test/w/9")
        .submitted_at(time("2026-03-01T09:10:30.250Z"))
        .file(ContentItem::file("https://tool.test/f/1").title("essay.pdf").media_type("application/pdf"));
    let mut tool = Tool::new();
    let body = sent(&mut tool, graded().extension(canvas::SUBMISSION, &submission));
    assert_eq!(
        body["https://canvas.instructure.com/lti/submission"],
        json!({
            "new_submission": true, "preserve_score": false, "prioritize_non_tool_grade": true,
            "submission_type": "online_url", "submission_data": "https://tool.test/w/9",
            "submitted_at": "2026-03-01T09:10:30.250Z",
            "content_items": [{
                "type": "file", "url": "https://tool.test/f/1", "title": "essay.pdf", "media_type": "application/pdf",
            }],
        })
    );
    assert!(body.as_object().unwrap().keys().all(|name| !name.contains('[')), "{body}");
    // Opt-in: Schoology refuses scores that have it.
    assert!(sent(&mut tool, graded()).get(canvas::SUBMISSION).is_none());
}

#[test]
fn the_types_of_a_submission_have_canvass_names() {
    // AGS-EXT-04
    use SubmissionType as T;
    let mut tool = Tool::new();
    for (kind, name) in [
        (T::None, "none"),
        (T::BasicLtiLaunch, "basic_lti_launch"),
        (T::OnlineTextEntry, "online_text_entry"),
        (T::ExternalTool, "external_tool"),
        (T::OnlineUpload, "online_upload"),
        (T::OnlineUrl, "online_url"),
    ] {
        let submission = Submission::new().submission_type(kind);
        let body = sent(&mut tool, graded().extension(canvas::SUBMISSION, &submission));
        assert_eq!(body[canvas::SUBMISSION], json!({"submission_type": name}));
    }
}

#[test]
fn canvass_members_of_a_line_item_are_read_and_written() {
    // AGS-EXT-05
    let item: LineItem = serde_json::from_str(&format!(
        r#"{{{ITEM},"https://canvas.instructure.com/lti/launch_url":"https://tool.test/l","https://canvas.instructure.com/lti/submission_type":{{"type":"external_tool","external_tool_url":"https://tool.test/l"}}}}"#
    ))
    .unwrap();
    assert_eq!(canvas::launch_url(item.extensions()).unwrap().as_deref(), Some("https://tool.test/l"));
    assert_eq!(
        ItemSubmission::of(item.extensions()).unwrap(),
        Some(ItemSubmission::external_tool("https://tool.test/l"))
    );
    let new = NewLineItem::new("Lab 3", 20.0)
        .unwrap()
        .with_extension(canvas::SUBMISSION_TYPE, &ItemSubmission::none())
        .unwrap();
    assert_eq!(serde_json::to_value(&new).unwrap()[canvas::SUBMISSION_TYPE], json!({"type": "none"}));
}

#[test]
fn a_value_that_cannot_be_written_is_told_with_its_cause() {
    #[derive(serde::Serialize)]
    struct Points(f64);
    let no_member_name = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = graded().extension(X, &no_member_name).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    assert!(graded().extension(X, &Points(f64::NAN)).build().is_err());
    assert!(graded().extension(X, &Points(0.5)).build().is_ok());
}
