//! When work was begun and handed in (AGS 3.4.10).

use crate::common::{Tool, graded, time};
use lti_ags::{ActivityProgress, ErrorKind, GradingProgress, PostScore, Score, ScoreBuilder};
use serde_json::{Value, json};

fn sent(score: ScoreBuilder) -> Value {
    let mut tool = Tool::new();
    tool.call(PostScore::new(score.build().unwrap())).unwrap();
    tool.body(0)
}

#[test]
fn either_time_alone_is_enough_and_without_both_there_is_no_submission() {
    // AGS-SUBM-01
    let at = time("2026-03-01T08:00:00Z");
    let text = "2026-03-01T08:00:00.000Z";
    assert_eq!(sent(graded().started_at(at))["submission"], json!({"startedAt": text}));
    assert_eq!(sent(graded().submitted_at(at))["submission"], json!({"submittedAt": text}));
    assert!(sent(graded()).get("submission").is_none());
}

#[test]
fn its_times_are_written_as_timestamps_are() {
    // AGS-SUBM-02
    let score = graded()
        .started_at(time("2026-03-01T10:00:00+02:00"))
        .submitted_at(time("2026-03-01T09:10:30.250123Z"));
    assert_eq!(
        sent(score)["submission"],
        json!({"startedAt": "2026-03-01T08:00:00.000Z", "submittedAt": "2026-03-01T09:10:30.250123Z"})
    );
}

#[test]
fn work_is_not_handed_in_before_it_is_begun() {
    // AGS-SUBM-03
    let of = |started: &str, submitted: &str| {
        graded().started_at(time(started)).submitted_at(time(submitted)).build()
    };
    of("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z").unwrap();
    of("2026-03-01T08:00:00Z", "2026-03-01T10:00:00+02:00").unwrap();
    for (started, submitted) in [
        ("2026-03-01T08:30:00Z", "2026-03-01T10:00:00+02:00"),
        ("2026-03-01T08:00:00.000000001Z", "2026-03-01T08:00:00Z"),
    ] {
        let error = of(started, submitted).unwrap_err();
        assert_eq!((error.kind(), error.specification()), (ErrorKind::InvalidInput, Some("AGS 3.4.10.2")));
    }
}

#[test]
fn known_times_are_carried_through_the_stages() {
    // AGS-SUBM-04
    let (begun, done) = (time("2026-03-01T08:00:00Z"), time("2026-03-01T09:00:00Z"));
    let mut tool = Tool::new();
    let started = Score::ungraded("u-1001", ActivityProgress::Started, GradingProgress::NotReady)
        .started_at(begun)
        .build()
        .unwrap();
    let later = graded().started_at(started.started_at().unwrap()).submitted_at(done).build().unwrap();
    assert_eq!((later.started_at(), later.submitted_at()), (Some(begun), Some(done)));
    tool.call(PostScore::new(started)).unwrap();
    tool.call(PostScore::new(later)).unwrap();
    assert_eq!(tool.body(0)["submission"]["startedAt"], tool.body(1)["submission"]["startedAt"]);
    assert_eq!(tool.body(1)["submission"]["submittedAt"], "2026-03-01T09:00:00.000Z");
}

#[test]
fn clearing_leaves_the_times_to_the_platform() {
    // AGS-SUBM-05
    assert!(sent(Score::cleared("u-1001")).get("submission").is_none());
}

#[test]
fn a_platforms_own_members_of_a_submission_do_not_spoil_a_stored_score() {
    let stored = r#"{"userId":"u-1001","activityProgress":"Completed","gradingProgress":"FullyGraded","submission":{"submissionId":7,"startedAt":null,"submittedAt":"2026-03-01T09:00:00Z"}}"#;
    let score: Score = serde_json::from_str(stored).unwrap();
    assert_eq!((score.started_at(), score.submitted_at()), (None, Some(time("2026-03-01T09:00:00Z"))));
}
