//! What platforms answer to a score: each answer that was seen on the wire or stands in their sources and documents,
//! and what becomes of it for a caller.

use crate::common::{self, Answer, TOKEN, Tool, answer, answer_with, graded, shown};
use lti_ags::{Bytes, Error, ErrorKind, Outcome, PostScore, ReasonPhrase, Receipt};

const SCORE: &[u8] = b"application/vnd.ims.lis.v1.score+json; charset=utf-8";
const COMMENT: &str = "Jo, see me about page 3 {draft}";

fn post() -> PostScore {
    PostScore::new(graded().comment(COMMENT).build().unwrap())
}

fn json(status: u16, body: &str) -> Answer {
    answer_with(status, &[("content-type", b"application/json; charset=utf-8")], body.as_bytes())
}

fn html(status: u16, title: &str) -> Answer {
    let page = format!("<!doctype html>\n<html><head><title>{title}</title></head><body>x</body></html>");
    answer_with(status, &[("content-type", b"text/html; charset=utf-8")], page.as_bytes())
}

/// Moodle tells why in the reason phrase alone.
fn moodle(status: u16, reason: &str) -> Answer {
    let mut answer = answer_with(status, &[("content-type", SCORE)], b"[]")?;
    answer.extensions_mut().insert(ReasonPhrase(Bytes::copy_from_slice(reason.as_bytes())));
    Ok(answer)
}

/// What comes of the answer, and how many requests it took.
fn outcome(answers: impl IntoIterator<Item = Answer>) -> (Result<Receipt, Error>, usize) {
    let mut tool = Tool::new().answers(answers);
    let result = tool.call(post());
    (result, tool.requests.len())
}

/// The refusal is final, of this kind, has the platform's words in it, and nothing of the student's.
#[track_caller]
fn assert_refused(answer: Answer, kind: ErrorKind, words: &str) {
    let (result, requests) = outcome([answer]);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), requests, error.operation()), (kind, 1, Some("post score")), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.is_transient(), "{error}");
    let shown = shown(&error);
    for private in [COMMENT, "see me about", "17.5", TOKEN] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}

#[test]
fn canvas_takes_a_score() {
    // AGS-SCORE-17
    let body = r#"{"https://canvas.instructure.com/lti/submission":{"content_items":[]},"resultUrl":"https://north.test/api/lti/courses/5/line_items/2/results/9"}"#;
    let receipt = outcome([json(200, body)]).0.unwrap();
    assert_eq!(receipt.result_url.unwrap(), "https://north.test/api/lti/courses/5/line_items/2/results/9");
}

#[test]
fn canvas_refuses_a_user_a_time_and_an_assignment() {
    // AGS-SCORE-21, AGS-TS-06, AGS-HTTP-07
    for (status, kind, says) in [
        (422, ErrorKind::UserNotGradable, "User not found in course or is not a student"),
        (
            400,
            ErrorKind::StaleTimestamp,
            "Provided timestamp of 2026-03-02T09:00:00Z before last updated timestamp of 2026-03-02T09:00:01.250Z",
        ),
        (400, ErrorKind::ScoreRefused, "Provided timestamp of x not a valid timestamp"),
        (422, ErrorKind::ScoreRefused, "This assignment is still unpublished"),
        (422, ErrorKind::ScoreRefused, "ScoreMaximum must be greater than or equal to 0"),
        (
            422,
            ErrorKind::ScoreRefused,
            "This course has concluded. AGS requests will no longer be accepted for this course.",
        ),
        (412, ErrorKind::Refused, "Tool does not have permission to view line_item"),
        (404, ErrorKind::NotFound, "The specified resource does not exist."),
    ] {
        let body = format!(r#"{{"errors":{{"type":"x","message":"{says}"}}}}"#);
        assert_refused(json(status, &body), kind, says);
    }
    assert_refused(answer(404, ""), ErrorKind::NotFound, "404");
    let listed = r#"{"errors":[{"message":"The specified resource does not exist."}]}"#;
    assert_refused(json(404, listed), ErrorKind::NotFound, "The specified resource does not exist.");
}

#[test]
fn canvas_says_401_of_scopes_and_keys_as_well() {
    // AGS-HTTP-01
    let body = r#"{"errors":{"type":"unauthorized","message":"Insufficient permissions"}}"#;
    let (result, requests) = outcome([json(401, body), json(401, body)]);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), requests), (ErrorKind::Unauthorized, 2));
    assert!(error.to_string().contains("Insufficient permissions"), "{error}");
}

#[test]
fn canvas_throttles_and_is_waited_for() {
    // AGS-HTTP-06
    let full =
        answer_with(403, &[("x-rate-limit-remaining", b"0.0")], b"403 Forbidden (Rate Limit Exceeded)\n");
    let (result, requests) = outcome([full, answer(429, "403 Forbidden (Rate Limit Exceeded)\n")]);
    assert_eq!((result.unwrap().outcome, requests), (Outcome::Sent, 3));
}

#[test]
fn moodle_takes_a_score_without_a_word() {
    // AGS-SCORE-17, AGS-HTTP-10
    let empty = answer_with(200, &[("content-type", SCORE)], b"");
    assert_eq!(outcome([empty]).0.unwrap().outcome, Outcome::Sent);
}

#[test]
fn moodle_tells_in_its_status_line_alone() {
    // AGS-SCORE-21, AGS-TS-06
    let stale = "Refusing score with an earlier timestamp for item 53 and user 6";
    assert_refused(moodle(409, stale), ErrorKind::StaleTimestamp, stale);
    // The posted score comes back in it.
    let echo = format!(
        r#"Incorrect score received{{"userId":"u-1001","scoreGiven":17.5,"scoreMaximum":20,"comment":"{COMMENT}"}}"#
    );
    assert_refused(moodle(400, &echo), ErrorKind::UserNotGradable, "Incorrect score received");
    let pretty = echo.replace("\":", "\": ");
    assert_refused(moodle(400, &pretty), ErrorKind::UserNotGradable, "Incorrect score received");
    // HTTP/2 has no reason phrase.
    assert_refused(answer_with(400, &[("content-type", SCORE)], b"[]"), ErrorKind::UserNotGradable, "400");
    assert_refused(answer_with(409, &[("content-type", SCORE)], b"[]"), ErrorKind::StaleTimestamp, "409");
}

#[test]
fn moodle_hides_a_refusal_behind_200() {
    // AGS-SCORE-17: seen in 4.5.6
    assert_refused(answer_with(200, &[("content-type", SCORE)], b"[]"), ErrorKind::ScoreRefused, "list");
    assert_refused(answer(200, "\n[]\n"), ErrorKind::ScoreRefused, "list");
}

#[test]
fn moodle_has_the_first_try_already_when_it_refuses_the_second() {
    // AGS-TS-08
    let stale = "Refusing score with an earlier timestamp for item 53 and user 6";
    let (result, requests) = outcome([common::in_doubt(), moodle(409, stale)]);
    assert_eq!((result.unwrap().outcome, requests), (Outcome::Superseded, 2));
}

#[test]
fn moodle_names_what_it_has_no_handler_for() {
    let says = "No handler found for /2/lineitems/53/lineitem  application/vnd.ims.lis.v1.score+json";
    let body = format!(
        r#"{{"status": 400, "reason": "{says}", "request": {{"method": "POST", "url": "/mod/lti/services.php/2/lineitems/53/lineitem?type_id=1/scores", "accept": "*/*", "contentType": "application/vnd.ims.lis.v1.score+json"}}}}"#
    );
    let collapsed = "No handler found for /2/lineitems/53/lineitem application/vnd.ims.lis.v1.score+json";
    assert_refused(json(400, &body), ErrorKind::ScoreRefused, collapsed);
}

#[test]
fn moodle_says_401_of_everything() {
    // AGS-HTTP-01
    let body = r#"{"status": 401, "reason": "Unauthorized", "request": {"method": "POST", "url": "/x", "accept": "", "contentType": ""}}"#;
    let (result, requests) = outcome([json(401, body), json(401, body)]);
    assert_eq!((result.unwrap_err().kind(), requests), (ErrorKind::Unauthorized, 2));
}

#[test]
fn open_edx_takes_a_score_and_repeats_it() {
    // AGS-SCORE-17
    let body = format!(
        r#"{{"timestamp":"2026-11-23T14:27:11.318188Z","scoreGiven":17.5,"scoreMaximum":20.0,"comment":"{COMMENT}","activityProgress":"Completed","gradingProgress":"FullyGraded","userId":"u01"}}"#
    );
    let receipt = outcome([json(201, &body)]).0.unwrap();
    assert_eq!(receipt.outcome, Outcome::Sent);
    assert!(!format!("{receipt:?}").contains("see me about"));
}

#[test]
fn open_edx_refuses_a_time_that_it_has() {
    // AGS-TS-06, AGS-TS-08
    for (body, words) in [
        (
            r#"{"timestamp":["Score already exists for the provided timestamp"]}"#,
            "timestamp: Score already exists for the provided timestamp",
        ),
        (
            r#"{"timestamp":["Score timestamp can only be updated to a later point in time"]}"#,
            "timestamp: Score timestamp can only be updated to a later point in time",
        ),
    ] {
        assert_refused(json(400, body), ErrorKind::StaleTimestamp, words);
        let (result, _) = outcome([common::in_doubt(), json(400, body)]);
        assert_eq!(result.unwrap().outcome, Outcome::Superseded);
    }
}

#[test]
fn open_edx_refuses_by_member() {
    let words = "scoreMaximum is a required field when providing a scoreGiven value.";
    let body = format!(r#"{{"scoreMaximum":["{words}"]}}"#);
    assert_refused(json(400, &body), ErrorKind::ScoreRefused, words);
}

#[test]
fn open_edx_fails_where_it_should_refuse_and_is_asked_once_more() {
    // AGS-HTTP-06: a user who is not enrolled
    let (result, requests) = outcome((0..9).map(|_| html(500, "Server Error (500)")));
    let error = result.unwrap_err();
    assert_eq!((error.kind(), requests), (ErrorKind::ServerError, 2));
    assert!(error.to_string().contains("Server Error (500)"), "{error}");
}

#[test]
fn open_edx_says_403_of_a_token_that_expired() {
    // AGS-HTTP-01
    let body = r#"{"detail":"Invalid token signature."}"#;
    let mut tool = Tool::new().answers([answer(201, ""), json(403, body), answer(201, "")]);
    tool.call(post()).unwrap();
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (2, 3));
    // A new token's refusal is about something else.
    assert_refused(json(403, body), ErrorKind::Forbidden, "Invalid token signature.");
    let scope = r#"{"detail":"You do not have permission to perform this action."}"#;
    assert_refused(
        json(403, scope),
        ErrorKind::Forbidden,
        "You do not have permission to perform this action.",
    );
}

#[test]
fn open_edx_does_not_know_a_url_with_a_slash_at_its_end() {
    assert_refused(html(404, "Page not found at /x/scores/"), ErrorKind::NotFound, "Page not found");
}

#[test]
fn sakai_refuses_in_sentences() {
    // AGS-SCORE-21
    for (status, kind, says) in [
        (400, ErrorKind::UserNotGradable, "User does not belong to site"),
        (
            400,
            ErrorKind::ScoreRefused,
            "Scope https://purl.imsglobal.org/spec/lti-ags/scope/score not in access token",
        ),
        (400, ErrorKind::ScoreRefused, "Could not read POST Data Jackson"),
        (404, ErrorKind::NotFound, "Could not load column"),
        (403, ErrorKind::Forbidden, "invalid_authorization"),
    ] {
        assert_refused(json(status, &format!(r#"{{"error":"{says}"}}"#)), kind, says);
    }
    assert_eq!(outcome([answer(200, "")]).0.unwrap().outcome, Outcome::Sent);
}

#[test]
fn blackboard_refuses_a_user_and_a_date() {
    // AGS-SCORE-21
    let user = r#"{"status":400,"message":"User could not be found: b317a895","extraInfo":"80b6fb"}"#;
    assert_refused(json(400, user), ErrorKind::UserNotGradable, "User could not be found: b317a895");
    let date = r#"{"status":400,"message":"JSON parse error: Invalid date string: 2020-04-07T13:26:14.786962; ...","extraInfo":"80b6fb"}"#;
    assert_refused(json(400, date), ErrorKind::ScoreRefused, "Invalid date string");
}

#[test]
fn brightspace_tells_three_kinds_of_users_apart() {
    // AGS-SCORE-21
    for (status, says) in [
        (403, "User in requested score is not enrolled in the org unit"),
        (404, "User in requested score does not exist"),
        (422, "User in requested score does not have a role that can be graded"),
    ] {
        assert_refused(json(status, &format!(r#"{{"message":"{says}"}}"#)), ErrorKind::UserNotGradable, says);
        assert_refused(answer(status, says), ErrorKind::UserNotGradable, says);
    }
    let limited = answer_with(429, &[("x-rate-limit-remaining", b"0"), ("x-request-cost", b"10")], b"");
    assert_eq!(outcome([limited]).0.unwrap().attempts, 2);
}

#[test]
fn schoology_names_the_member_it_does_not_know() {
    let body = r#"{"error":"Invalid parameter \"body.https://canvas.instructure.com/lti/submission\": is not allowed"}"#;
    assert_refused(json(400, body), ErrorKind::ScoreRefused, "is not allowed");
    assert_eq!(outcome([answer(201, "")]).0.unwrap().outcome, Outcome::Sent);
}

#[test]
fn ilias_and_openolat_say_404_of_a_user() {
    // AGS-SCORE-21
    assert_refused(answer(404, ""), ErrorKind::NotFound, "or (ILIAS, OpenOLAT) the user");
    assert_refused(answer(400, ""), ErrorKind::ScoreRefused, "400");
    assert_refused(answer(403, ""), ErrorKind::Forbidden, "403");
}

#[test]
fn tao_refuses_in_plain_text() {
    assert_refused(answer(400, "Invalid score payload"), ErrorKind::ScoreRefused, "Invalid score payload");
    assert_eq!(outcome([answer(201, "")]).0.unwrap().outcome, Outcome::Sent);
}

#[test]
fn a_conflict_may_come_under_any_type_or_with_null() {
    // AGS-TS-06: lti1p3platform
    let labelled =
        answer_with(409, &[("content-type", b"application/vnd.ims.lis.v2.lineitem+json")], b"null");
    assert_refused(labelled, ErrorKind::StaleTimestamp, "409");
    assert_refused(json(409, r#"{"error":"Score is older"}"#), ErrorKind::StaleTimestamp, "Score is older");
}

#[test]
fn final_refusals_keep_what_the_platform_said() {
    // AGS-HTTP-07
    for status in [400, 404, 405, 409, 410, 422] {
        let body = r#"{"errors":[{"message":"no"}],"more":"than the message"}"#;
        let (result, requests) = outcome([json(status, body)]);
        let error = result.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status().as_u16(), requests), (status, 1));
        assert_eq!(refusal.content_type(), Some("application/json; charset=utf-8"));
        assert_eq!((refusal.message(), refusal.body()), (Some("no"), body));
        assert!(!refusal.is_throttling() && refusal.retry_after().is_none());
    }
    let (result, _) = outcome([answer(422, &"x".repeat(1 << 20))]);
    assert!(result.unwrap_err().refusal().unwrap().body().len() <= 8 * 1024);
}

#[test]
fn what_a_comment_says_does_not_change_what_a_refusal_means() {
    // AGS-TS-06, AGS-SCORE-21
    let of = |comment: &str, answers: Vec<Answer>| {
        let mut tool = Tool::new().answers(answers);
        tool.call(PostScore::new(graded().comment(comment).build().unwrap()))
    };
    let stale = r#"{"timestamp":["Score timestamp can only be updated to a later point in time"]}"#;
    for comment in ["late", "time", "updated to a later point"] {
        let error = of(comment, vec![json(400, stale)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StaleTimestamp, "{comment}");
        let receipt = of(comment, vec![common::in_doubt(), json(400, stale)]).unwrap();
        assert_eq!(receipt.outcome, Outcome::Superseded, "{comment}");
    }
    let user = r#"{"errors":{"message":"User not found in course or is not a student"}}"#;
    for comment in ["student", "found", "not found in course or is not a student"] {
        assert_eq!(
            of(comment, vec![json(422, user)]).unwrap_err().kind(),
            ErrorKind::UserNotGradable,
            "{comment}"
        );
    }
}

#[test]
fn a_400_that_says_something_is_not_taken_for_moodles_about_the_user() {
    for (content_type, body, kind) in [
        (SCORE, "[]", ErrorKind::UserNotGradable),
        (SCORE, "[1]", ErrorKind::ScoreRefused),
        (b"application/json", "[]", ErrorKind::ScoreRefused),
    ] {
        let answer = answer_with(400, &[("content-type", content_type)], body.as_bytes());
        let error = Tool::new().answers([answer]).call(post()).unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
    }
}
