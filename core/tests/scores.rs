//! Scores: what may be said, how it is written, what an answer means (AGS 3.4, 4.5; worked examples 11 and 12).

use crate::common::{self, Tool, answer, answer_with, graded, time};
use lti_ags::{ActivityProgress, ErrorKind, GradingProgress, Outcome, PostScore, Score};
use proptest::prelude::*;
use serde_json::{Value, json};

const ACTIVITIES: [ActivityProgress; 5] = [
    ActivityProgress::Initialized,
    ActivityProgress::Started,
    ActivityProgress::InProgress,
    ActivityProgress::Submitted,
    ActivityProgress::Completed,
];
const GRADINGS: [GradingProgress; 5] = [
    GradingProgress::FullyGraded,
    GradingProgress::Pending,
    GradingProgress::PendingManual,
    GradingProgress::Failed,
    GradingProgress::NotReady,
];

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// The body with which a score goes out.
fn sent(score: Score) -> Value {
    let mut tool = Tool::new();
    tool.call(PostScore::new(score)).unwrap();
    tool.body(0)
}

fn text(score: &Score) -> String {
    serde_json::to_string(score).unwrap()
}

#[track_caller]
fn assert_refused(result: Result<Score, lti_ags::Error>, section: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.specification()), (ErrorKind::InvalidInput, Some(section)), "{error}");
}

#[test]
fn a_score_is_posted_to_its_line_item_as_one_object() {
    // AGS-SCORE-01, AGS-MEDIA-01
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let request = &tool.requests[0];
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://lms.northfield.test/ctx/9/lineitems/4/scores");
    assert_eq!(request.headers()["content-type"], "application/vnd.ims.lis.v1.score+json");
    assert!(tool.body(0).is_object());
    assert_eq!(tool.form_value(0, "scope").split(' ').filter(|scope| scope.ends_with("/score")).count(), 1);
}

#[test]
fn a_final_score_is_written_as_in_the_worked_example() {
    // Worked example 11; AGS-SCORE-22
    let score = graded()
        .scoring_user_id("u-9")
        .comment("Clear plots.")
        .timestamp(common::noon())
        .started_at(time("2026-03-01T08:00:00Z"))
        .submitted_at(time("2026-03-01T09:10:30.250Z"))
        .build()
        .unwrap();
    let mut tool = Tool::new();
    tool.call(PostScore::new(score)).unwrap();
    assert_eq!(
        tool.text(0),
        concat!(
            r#"{"userId":"u-1001","scoringUserId":"u-9","scoreGiven":17.5,"scoreMaximum":20,"comment":"Clear plots.","#,
            r#""activityProgress":"Completed","gradingProgress":"FullyGraded","timestamp":"2026-03-02T09:00:00.000Z","#,
            r#""submission":{"startedAt":"2026-03-01T08:00:00.000Z","submittedAt":"2026-03-01T09:10:30.250Z"}}"#
        )
    );
}

#[test]
fn the_other_bodies_of_the_worked_example_can_be_said() {
    // Worked example 12; AGS-SCORE-05, AGS-SCORE-06, AGS-SCORE-12, AGS-SCORE-20
    let started = time("2026-03-01T08:00:00Z");
    let submitted = time("2026-03-01T09:10:30.250Z");
    for (score, expected) in [
        (
            Score::ungraded("u-1001", ActivityProgress::Started, GradingProgress::NotReady)
                .timestamp(started)
                .started_at(started),
            r#"{"userId":"u-1001","activityProgress":"Started","gradingProgress":"NotReady","timestamp":"2026-03-01T08:00:00.000Z","submission":{"startedAt":"2026-03-01T08:00:00.000Z"}}"#,
        ),
        (
            Score::ungraded("u-1001", ActivityProgress::Submitted, GradingProgress::PendingManual)
                .timestamp(submitted)
                .started_at(started)
                .submitted_at(submitted)
                .extension("https://tool.test/originality", &json!({"pct": 4})),
            r#"{"userId":"u-1001","activityProgress":"Submitted","gradingProgress":"PendingManual","timestamp":"2026-03-01T09:10:30.250Z","submission":{"startedAt":"2026-03-01T08:00:00.000Z","submittedAt":"2026-03-01T09:10:30.250Z"},"https://tool.test/originality":{"pct":4}}"#,
        ),
        (
            Score::graded("u-1001", 1.1, 1.0).timestamp(time("2026-03-02T09:00:00.001Z")),
            r#"{"userId":"u-1001","scoreGiven":1.1,"scoreMaximum":1,"activityProgress":"Completed","gradingProgress":"FullyGraded","timestamp":"2026-03-02T09:00:00.001Z"}"#,
        ),
        (
            Score::graded("u-1002", 0.0, 20.0).timestamp(common::noon()),
            r#"{"userId":"u-1002","scoreGiven":0,"scoreMaximum":20,"activityProgress":"Completed","gradingProgress":"FullyGraded","timestamp":"2026-03-02T09:00:00.000Z"}"#,
        ),
        (
            Score::cleared("u-1001").timestamp(time("2026-03-02T09:05:00Z")),
            r#"{"userId":"u-1001","activityProgress":"Initialized","gradingProgress":"NotReady","timestamp":"2026-03-02T09:05:00.000Z"}"#,
        ),
    ] {
        let mut tool = Tool::new();
        tool.call(PostScore::new(score.build().unwrap())).unwrap();
        assert_eq!(tool.text(0), expected);
    }
}

#[test]
fn the_four_members_are_always_there() {
    // AGS-SCORE-02
    for score in [
        graded(),
        Score::cleared("u-1001"),
        Score::ungraded("u-1001", ActivityProgress::Started, GradingProgress::NotReady),
    ] {
        let body = sent(score.build().unwrap());
        for member in ["userId", "timestamp", "activityProgress", "gradingProgress"] {
            assert!(body[member].is_string(), "{member} of {body}");
        }
    }
    for user_id in ["", "  ", "\t\n"] {
        assert_refused(Score::graded(user_id, 1.0, 2.0).build(), "AGS 3.4.5");
        assert_refused(Score::cleared(user_id).build(), "AGS 3.4.5");
    }
}

#[test]
fn points_are_finite_and_not_negative() {
    // AGS-SCORE-03
    for given in [-0.1, -1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_refused(Score::graded("u-1001", given, 20.0).build(), "AGS 3.4.4");
    }
    for zero in [0.0, -0.0] {
        assert_eq!(sent(Score::graded("u-1001", zero, 20.0).build().unwrap())["scoreGiven"], json!(0));
    }
}

#[test]
fn points_and_their_maximum_travel_together() {
    // AGS-SCORE-04
    for maximum in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_refused(Score::graded("u-1001", 1.0, maximum).build(), "AGS 3.4.4");
    }
    let body = sent(graded().build().unwrap());
    assert_eq!((&body["scoreGiven"], &body["scoreMaximum"]), (&json!(17.5), &json!(20)));
    // Nor can one alone come out of a queue.
    for alone in [r#""scoreGiven":1"#, r#""scoreMaximum":2"#] {
        let stored = format!(
            r#"{{"userId":"u-1001",{alone},"activityProgress":"Completed","gradingProgress":"FullyGraded"}}"#
        );
        assert!(serde_json::from_str::<Score>(&stored).is_err(), "{alone}");
    }
}

#[test]
fn extra_credit_and_raw_points_are_sent_as_they_are() {
    // AGS-SCORE-05, AGS-SCORE-07
    for (given, maximum) in [(1.1, 1.0), (1.0, 3.0), (250.0, 20.0), (83.33, 100.0)] {
        let body = sent(Score::graded("u-1001", given, maximum).build().unwrap());
        assert_eq!(
            (body["scoreGiven"].as_f64(), body["scoreMaximum"].as_f64()),
            (Some(given), Some(maximum))
        );
    }
}

#[test]
fn a_status_alone_has_no_points_at_all() {
    // AGS-SCORE-06
    let body = sent(
        Score::ungraded("u-1001", ActivityProgress::InProgress, GradingProgress::Pending).build().unwrap(),
    );
    assert!(body.get("scoreGiven").is_none() && body.get("scoreMaximum").is_none(), "{body}");
}

#[test]
fn the_progress_values_are_spelled_as_specified() {
    // AGS-SCORE-08, AGS-SCORE-09
    let spelled = |value: &dyn erased::Text| value.text();
    let activities = ["Initialized", "Started", "InProgress", "Submitted", "Completed"];
    for (value, name) in ACTIVITIES.iter().zip(activities) {
        assert_eq!(spelled(value), name);
        assert_eq!(name.parse::<ActivityProgress>().unwrap(), *value);
    }
    let gradings = ["FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"];
    for (value, name) in GRADINGS.iter().zip(gradings) {
        assert_eq!(spelled(value), name);
        assert_eq!(name.parse::<GradingProgress>().unwrap(), *value);
    }
    for wrong in ["pendingManual", "fullygraded", "Done", ""] {
        assert_eq!(wrong.parse::<GradingProgress>().unwrap_err().specification(), Some("AGS 3.4.8"));
        assert_eq!(wrong.parse::<ActivityProgress>().unwrap_err().specification(), Some("AGS 3.4.7"));
    }
}

/// How a value is written, as text.
mod erased {
    pub(super) trait Text {
        fn text(&self) -> String;
    }

    impl<T: serde::Serialize> Text for T {
        fn text(&self) -> String {
            serde_json::to_value(self).unwrap().as_str().unwrap().to_owned()
        }
    }
}

#[test]
fn a_grade_is_final_unless_said_otherwise() {
    // AGS-SCORE-10
    let score = graded().build().unwrap();
    assert_eq!(
        (score.activity_progress(), score.grading_progress()),
        (ActivityProgress::Completed, GradingProgress::FullyGraded)
    );
    let partial = graded()
        .grading_progress(GradingProgress::PendingManual)
        .activity_progress(ActivityProgress::Submitted);
    let body = sent(partial.build().unwrap());
    assert_eq!(
        (&body["activityProgress"], &body["gradingProgress"]),
        (&json!("Submitted"), &json!("PendingManual"))
    );
}

#[test]
fn every_pair_of_states_may_be_sent_with_and_without_points() {
    // AGS-SCORE-11
    for activity in ACTIVITIES {
        for grading in GRADINGS {
            sent(Score::ungraded("u-1001", activity, grading).build().unwrap());
            let body = sent(graded().activity_progress(activity).grading_progress(grading).build().unwrap());
            assert_eq!(body["gradingProgress"], serde_json::to_value(grading).unwrap());
        }
    }
}

#[test]
fn the_stages_of_a_piece_of_work_are_told_in_order() {
    // AGS-SCORE-12, AGS-TS-02
    let mut tool = Tool::new();
    for score in [
        Score::ungraded("u-1001", ActivityProgress::Started, GradingProgress::NotReady),
        Score::ungraded("u-1001", ActivityProgress::Submitted, GradingProgress::PendingManual),
        graded(),
    ] {
        tool.call(PostScore::new(score.build().unwrap())).unwrap();
    }
    let of =
        |member: &str| (0..3).map(|n| tool.body(n)[member].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(of("activityProgress"), ["Started", "Submitted", "Completed"]);
    assert!(of("timestamp").is_sorted_by(|a, b| a < b), "{:?}", of("timestamp"));
}

#[test]
fn a_user_id_is_text_even_of_digits() {
    // AGS-SCORE-13
    assert_eq!(sent(Score::graded("1001", 1.0, 2.0).build().unwrap())["userId"], json!("1001"));
}

#[test]
fn who_graded_is_a_person_or_left_out() {
    // AGS-SCORE-14
    assert!(sent(graded().build().unwrap()).get("scoringUserId").is_none());
    assert_eq!(sent(graded().scoring_user_id("u-9").build().unwrap())["scoringUserId"], "u-9");
    for blank in ["", " "] {
        assert_refused(graded().scoring_user_id(blank).build(), "AGS 3.4.6");
    }
}

#[test]
fn a_comment_is_plain_text_escaped_for_json_alone() {
    // AGS-SCORE-15
    let comment = "<b>ü \"q\"\n\u{1f600}</b>&amp;";
    let mut tool = Tool::new();
    tool.call(PostScore::new(graded().comment(comment).build().unwrap())).unwrap();
    assert!(tool.text(0).contains(r#""comment":"<b>ü \"q\"\n😀</b>&amp;""#), "{}", tool.text(0));
    assert_eq!(tool.body(0)["comment"], comment);
}

#[test]
fn a_score_without_a_comment_has_no_such_member() {
    // AGS-SCORE-16
    assert!(sent(graded().build().unwrap()).get("comment").is_none());
    assert!(sent(graded().comment("").build().unwrap()).get("comment").is_none());
    assert!(sent(graded().comment("x").comment("").build().unwrap()).get("comment").is_none());
    // Schoology wants some text: a blank one is the caller's choice.
    assert_eq!(sent(graded().comment(" ").build().unwrap())["comment"], " ");
}

#[test]
fn any_success_is_accepted_and_what_came_with_it_is_kept() {
    // AGS-SCORE-17, AGS-SCORE-18, AGS-HTTP-10
    for success in [
        answer(200, "{}"),
        answer(200, ""),
        answer(201, "created"),
        answer(202, "null"),
        answer(204, ""),
        answer_with(200, &[("content-type", b"application/vnd.ims.lis.v2.lineitem+json")], b"null"),
    ] {
        let receipt = Tool::new().answers([success]).call(post()).unwrap();
        // Accepted; whether it shows is for the results to say.
        assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1));
        assert_eq!(receipt.timestamp, common::noon());
    }
    let canvas = r#"{"https://canvas.instructure.com/lti/submission":{"content_items":[]},"resultUrl":"https://north.test/r/9"}"#;
    let receipt = Tool::new().answers([answer(200, canvas)]).call(post()).unwrap();
    assert_eq!(receipt.result_url.as_deref(), Some("https://north.test/r/9"));
    assert_eq!(receipt.body.unwrap().get(), canvas);
    for odd in [r#"{"resultUrl":null}"#, r#"{"resultUrl":7}"#, "{"] {
        assert_eq!(Tool::new().answers([answer(200, odd)]).call(post()).unwrap().result_url, None, "{odd}");
    }
    let marked = Tool::new().answers([answer(200, "\u{feff}{\"resultUrl\":\"u\"}")]).call(post()).unwrap();
    assert_eq!(marked.result_url.as_deref(), Some("u"), "AGS-MEDIA-05");
}

#[test]
fn a_receipt_does_not_show_what_the_platform_echoed() {
    // Open edX answers with the score, comment included.
    let echo = r#"{"comment":"planted comment","userId":"u-1001"}"#;
    let receipt = Tool::new().answers([answer(201, echo)]).call(post()).unwrap();
    assert!(!format!("{receipt:?}").contains("planted comment"), "{receipt:?}");
    assert_eq!(receipt.body.unwrap().get(), echo);
}

#[test]
fn nothing_but_post_is_ever_sent_to_scores() {
    // AGS-SCORE-19
    let mut tool = Tool::new().answers([answer(401, ""), answer(503, ""), answer(500, ""), answer(405, "")]);
    tool.call(post()).unwrap_err();
    assert!(tool.requests.len() >= 3);
    for request in &tool.requests {
        assert_eq!((request.method().as_str(), request.uri().path().ends_with("/scores")), ("POST", true));
    }
}

#[test]
fn clearing_says_that_nothing_was_begun() {
    // AGS-SCORE-20, AGS-SUBM-05
    let body = sent(Score::cleared("u-1001").build().unwrap());
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["activityProgress", "gradingProgress", "timestamp", "userId"]);
    assert_eq!(body["activityProgress"], "Initialized");
    assert_eq!(body["gradingProgress"], "NotReady");
    // The replacement of Basic Outcomes: a share of 1.
    let body = sent(Score::graded("u-1001", 0.85, 1.0).build().unwrap());
    assert_eq!((&body["scoreGiven"], &body["scoreMaximum"]), (&json!(0.85), &json!(1)));
}

#[test]
fn one_persons_refusal_is_final_and_holds_up_nobody_else() {
    // AGS-SCORE-21
    let mut tool = Tool::new().answers([answer(422, r#"{"errors":[{"message":"unknown person"}]}"#)]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), tool.requests.len()), (422, 1));
    assert!(error.refusal().unwrap().body().contains("unknown person"));
    let other = Score::graded("u-1002", 1.0, 2.0).build().unwrap();
    assert_eq!(tool.call(PostScore::new(other)).unwrap().outcome, Outcome::Sent);
}

#[test]
fn numbers_are_written_in_their_shortest_form() {
    // AGS-SCORE-22
    for (given, text) in
        [(83.33, "83.33"), (85.0, "85"), (0.1, "0.1"), (1e-7, "1e-7"), (0.1 + 0.2, "0.30000000000000004")]
    {
        let json = self::text(&Score::graded("u-1001", given, 100.0).build().unwrap());
        assert!(json.contains(&format!(r#""scoreGiven":{text},"scoreMaximum":100,"#)), "{json}");
    }
}

#[test]
fn nobody_is_filtered_out_behind_the_callers_back() {
    // AGS-SCORE-23: a student preview is a user like any other, where the caller posts for it
    let preview = Score::graded("test-user", 1.0, 2.0).build().unwrap();
    assert_eq!(sent(preview)["userId"], "test-user");
}

#[test]
fn a_score_goes_out_on_one_line() {
    // Moodle 4.5 answers 200 to a score that it refuses when its JSON has a line break.
    let pretty = serde_json::value::RawValue::from_string("{\n  \"a\":\r\n 1\n}".to_owned()).unwrap();
    let score = graded().comment("a\nb\r\nc").extension("https://tool.test/x", &pretty).build().unwrap();
    let mut tool = Tool::new();
    tool.call(PostScore::new(score)).unwrap();
    assert!(!tool.text(0).contains(['\n', '\r']), "{:?}", tool.text(0));
    assert_eq!(tool.body(0)["https://tool.test/x"], json!({"a": 1}));
}

#[test]
fn a_time_that_the_specification_cannot_write_is_refused() {
    // AGS-TS-03
    let before = time("-000001-12-31T23:59:59Z");
    for score in [graded().timestamp(before), graded().started_at(before), graded().submitted_at(before)] {
        assert_eq!(score.build().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_stored_score_is_checked_as_a_new_one_is() {
    for stored in [
        r#"{"userId":"","activityProgress":"Completed","gradingProgress":"FullyGraded"}"#,
        r#"{"userId":"u-1001","activityProgress":"Done","gradingProgress":"FullyGraded"}"#,
        r#"{"userId":"u-1001","gradingProgress":"FullyGraded"}"#,
        r#"{"userId":"u-1001","activityProgress":"Completed"}"#,
        r#"{"userId":"u-1001","scoreGiven":-1,"scoreMaximum":1,"activityProgress":"Completed","gradingProgress":"FullyGraded"}"#,
        r#"{"userId":"u-1001","activityProgress":"Completed","gradingProgress":"FullyGraded","timestamp":"2026-03-02T09:00:00"}"#,
        r#"{"userId":"u-1001","activityProgress":"Completed","gradingProgress":"FullyGraded","score":1}"#,
        "[]",
    ] {
        assert!(serde_json::from_str::<Score>(stored).is_err(), "{stored}");
    }
}

/// Any score that the builder may be asked for: most are accepted.
fn any_score() -> impl Strategy<Value = Result<Score, lti_ags::Error>> {
    let points = prop_oneof![
        Just(None),
        (0.0..1e6, 0.001..1e6).prop_map(Some),
        (prop::num::f64::ANY, prop::num::f64::ANY).prop_map(Some)
    ];
    let instant = || {
        prop::option::of(
            (-377_705_023_201..253_402_207_200_i64, 0..1_000_000_000_i32)
                .prop_map(|(second, nano)| lti_ags::Timestamp::new(second, nano).unwrap()),
        )
    };
    let recent = || {
        prop::option::of(
            (0..4_000_000_000_i64, 0..1000_i32)
                .prop_map(|(second, milli)| lti_ags::Timestamp::new(second, milli * 1_000_000).unwrap()),
        )
    };
    (
        ".{1,12}",
        points,
        prop::option::of(".{0,40}"),
        prop::option::of("[ -~]{1,8}"),
        (prop::sample::select(&ACTIVITIES[..]), prop::sample::select(&GRADINGS[..])),
        (instant(), recent(), recent()),
        prop::collection::vec(("https://tool\\.test/[a-z/#?]{0,6}", any::<Option<i32>>()), 0..3),
    )
        .prop_map(
            |(user, points, comment, grader, (activity, grading), (at, started, submitted), extensions)| {
                let mut score = match points {
                    Some((given, maximum)) => Score::graded(user, given, maximum)
                        .activity_progress(activity)
                        .grading_progress(grading),
                    None => Score::ungraded(user, activity, grading),
                };
                if let Some(comment) = comment {
                    score = score.comment(comment);
                }
                if let Some(grader) = grader {
                    score = score.scoring_user_id(grader);
                }
                if let Some(at) = at {
                    score = score.timestamp(at);
                }
                if let Some(started) = started {
                    score = score.started_at(started);
                }
                if let Some(submitted) = submitted {
                    score = score.submitted_at(submitted);
                }
                for (name, value) in extensions {
                    score = score.extension(&name, &value);
                }
                score.build()
            },
        )
}

/// Whether a text is a time as AGS 3.4.9 wants it.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let fraction = shape.strip_prefix("0000-00-00T00:00:00.").and_then(|rest| rest.strip_suffix('Z'));
    fraction
        .is_some_and(|digits| (3..=9).contains(&digits.len()) && digits.bytes().all(|digit| digit == b'0'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // AGS-SCORE-02, AGS-SCORE-03, AGS-SCORE-04, AGS-SCORE-14, AGS-SCORE-22, AGS-TS-03, AGS-SUBM-02, AGS-SUBM-03, AGS-EXT-02
    #[test]
    fn whatever_the_builder_accepts_is_what_the_specification_wants_and_reads_back(score in any_score()) {
        let Ok(score) = score else { return Ok(()) };
        let stored = text(&score);
        prop_assert_eq!(&serde_json::from_str::<Score>(&stored).unwrap(), &score, "{}", stored);

        let mut tool = Tool::new();
        tool.call(PostScore::new(score.clone())).unwrap();
        let (text, body) = (tool.text(0), tool.body(0));
        let members = body.as_object().unwrap();
        prop_assert!(members.values().all(|value| !value.is_null()) || !score.extensions().is_empty());
        prop_assert!(!text.contains(['\n', '\r']));
        prop_assert_eq!(&body["userId"], score.user_id());
        prop_assert!(is_time(&body["timestamp"]), "{}", text);
        match (body.get("scoreGiven"), body.get("scoreMaximum")) {
            (None, None) => prop_assert_eq!(score.score_given(), None),
            (Some(given), Some(maximum)) => {
                prop_assert!(given.as_f64().unwrap() >= 0.0 && maximum.as_f64().unwrap() > 0.0);
                prop_assert_eq!((given.as_f64(), maximum.as_f64()), (score.score_given(), score.score_maximum()));
            }
            _ => prop_assert!(false, "{}", text),
        }
        if let Some(submission) = body.get("submission") {
            let times = submission.as_object().unwrap();
            prop_assert!(!times.is_empty() && times.values().all(is_time), "{}", text);
            prop_assert!(score.started_at().zip(score.submitted_at()).is_none_or(|(start, end)| start <= end));
        }
        // No member twice: as many as a map keeps.
        let names = text.matches("\"userId\":").count();
        prop_assert!(names >= 1);
        let expected = 4 + [score.score_given().is_some(), score.score_given().is_some(), score.comment().is_some(), score.scoring_user_id().is_some(), body.get("submission").is_some()].iter().filter(|there| **there).count() + score.extensions().len();
        prop_assert_eq!(members.len(), expected, "{}", text);
    }
}
