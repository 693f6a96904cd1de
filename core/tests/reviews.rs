//! Submission reviews (AGS 4.6) and Canvas's submissions.

use crate::scripted::{ok, platform};
use lti_ags::canvas::{ContentItem, Submission};
use lti_ags::{ErrorKind, GradingProgress, Launch, PostScore, Score};
use serde_json::{Value, json};

fn claims(sub: &str) -> Value {
    json!({
        "iss": "https://lms.test", "aud": "tool", "sub": sub,
        "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiSubmissionReviewRequest",
        "https://purl.imsglobal.org/spec/lti/claim/for_user": {"user_id": "u-1001", "roles": [], "x": 1},
        "https://purl.imsglobal.org/spec/lti/claim/launch_presentation": {"return_url": "https://lms.test/back"},
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
            "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
            "lineitem": "https://lms.test/ctx/9/lineitems/4/",
        },
    })
}

#[test]
fn a_review_grades_the_user_under_review() {
    // AGS-REVIEW-01, AGS-REVIEW-02, AGS-REVIEW-04
    let launch = Launch::from_claims(claims("u-9")).unwrap();
    let review = launch.submission_review().unwrap();
    assert_eq!((review.user_id(), review.reviewer_id()), ("u-1001", Some("u-9")));
    assert_eq!(review.return_url(), Some("https://lms.test/back"));

    let mut platform = platform([ok(""), ok("")]);
    platform.endpoint = launch.endpoint().unwrap();
    let pending =
        Score::graded("u-1001", 0.0, 20.0).grading_progress(GradingProgress::PendingManual).build().unwrap();
    let first = platform.call(PostScore::new(pending)).unwrap();
    let graded = review.graded(17.5, 20.0).build().unwrap();
    let second = platform.call(PostScore::new(graded).at(review.line_item()).unwrap()).unwrap();
    assert!(second.timestamp > first.timestamp);
    assert_eq!(platform.lines()[1], "POST /ctx/9/lineitems/4/scores");
    assert!(
        platform
            .body(1)
            .starts_with(r#"{"userId":"u-1001","scoringUserId":"u-9","scoreGiven":17.5,"scoreMaximum":20,"#)
    );
}

#[test]
fn who_looks_at_their_own_work_does_not_grade_it() {
    // AGS-REVIEW-03
    let launch = Launch::from_claims(claims("u-1001")).unwrap();
    let review = launch.submission_review().unwrap();
    assert_eq!(review.reviewer_id(), None);
    assert_eq!(review.graded(1.0, 2.0).build().unwrap().scoring_user_id(), None);
}

#[test]
fn a_launch_that_is_no_review_is_refused() {
    // AGS-REVIEW-01
    let without = |name: &str| {
        let mut claims = claims("u-9");
        claims.as_object_mut().unwrap().remove(name);
        Launch::from_claims(claims).unwrap().submission_review().unwrap_err().kind()
    };
    assert_eq!(without("https://purl.imsglobal.org/spec/lti/claim/message_type"), ErrorKind::InvalidInput);
    assert_eq!(without("https://purl.imsglobal.org/spec/lti/claim/for_user"), ErrorKind::InvalidInput);
    assert_eq!(
        without("https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"),
        ErrorKind::ServiceNotAvailable
    );
    let mut claims = claims("u-9");
    claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"] = json!("");
    let launch = Launch::from_claims(claims).unwrap();
    assert_eq!(launch.submission_review().unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
}

#[test]
fn a_canvas_submission_goes_with_a_score_and_is_answered() {
    // AGS-EXT-04
    let reply = r#"{"resultUrl":"https://lms.test/r/1","https://canvas.instructure.com/lti/submission":
        {"content_items":[{"type":"file","url":"https://tool.test/f/1","progress":"https://lms.test/p/1"}]}}"#;
    let mut platform = platform([ok(reply), ok(r#"{"resultUrl":"https://lms.test/r/1"}"#), ok("")]);
    let submission = Submission::new().file(ContentItem::file("https://tool.test/f/1"));
    let score = || Score::graded("u", 1.0, 2.0).canvas_submission(&submission).build().unwrap();
    let receipt = platform.call(PostScore::new(score())).unwrap();
    let files = receipt.canvas_submission().unwrap().unwrap().content_items;
    assert_eq!(files[0].progress.as_deref(), Some("https://lms.test/p/1"));
    assert_eq!(receipt.result_url.as_deref(), Some("https://lms.test/r/1"));
    assert!(
        platform
            .body(0)
            .contains(r#""https://canvas.instructure.com/lti/submission":{"content_items":[{"type":"file","#)
    );
    for _ in 0..2 {
        assert_eq!(platform.call(PostScore::new(score())).unwrap().canvas_submission().unwrap(), None);
    }
}
