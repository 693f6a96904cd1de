//! Timestamps of scores and what retries make of them (AGS 3.4.9).

use lti_ags::{ErrorKind, Outcome, Score, Timestamp};
use lti_ags_testing::{Personality, Route, Script};

use crate::cannot::Cannot;
use crate::common::Tool;
use crate::course::Course;

everywhere! {
    later_scores_replace_earlier_ones,
    an_older_score_is_refused_where_the_platform_looks,
    another_score_of_the_same_time_is_refused_where_the_platform_looks,
    two_scores_within_one_second_are_taken_where_the_platform_tells_them_apart,
    a_score_whose_answer_is_lost_is_in_the_gradebook_once,
    a_submission_whose_answer_is_lost_is_one_attempt,
    a_score_that_did_not_arrive_is_sent_again,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

// AGS-TS-02, AGS-TS-03, AGS-TS-04
fn later_scores_replace_earlier_ones<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let times: Vec<_> =
        [10.0, 20.0, 15.0].map(|points| course.grade(&learner, points).unwrap().timestamp).to_vec();
    assert_eq!(course.points(&learner), Some(15.0));
    assert_eq!(course.entry(&learner).unwrap().posts, 3);
    assert!(times.windows(2).all(|pair| pair[1].as_millisecond() - pair[0].as_millisecond() >= 1_000));
    course.end();
}

// AGS-TS-06
fn an_older_score_is_refused_where_the_platform_looks<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let graded = |points, time| Score::graded(&learner, points, 100.0).timestamp(at(time));
    course.post(graded(80.0, "2026-03-02T09:00:10.250Z")).unwrap();
    let older = course.post(graded(20.0, "2026-03-02T09:00:05.000Z"));
    if let Some(reason) = course.cannot(Cannot::RefuseOlder) {
        assert_eq!(older.unwrap().outcome, Outcome::Sent, "{reason}");
        assert_eq!(course.points(&learner), Some(20.0));
    } else {
        assert_eq!(older.unwrap_err().kind(), ErrorKind::StaleTimestamp);
        assert_eq!(course.points(&learner), Some(80.0));
        assert_eq!(course.platform.ledger().service_requests().len(), 2);
    }
    course.end_but_for(&["AGS-TS-02"]);
}

// AGS-TS-04, AGS-TS-06
fn another_score_of_the_same_time_is_refused_where_the_platform_looks<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let graded = |points| Score::graded(&learner, points, 100.0).timestamp(at("2026-03-02T09:00:10.250Z"));
    course.post(graded(80.0)).unwrap();
    let same = course.post(graded(20.0));
    if let Some(reason) = course.cannot(Cannot::RefuseSameTime) {
        assert_eq!(same.unwrap().outcome, Outcome::Sent, "{reason}");
        assert_eq!(course.points(&learner), Some(20.0));
    } else {
        assert_eq!(same.unwrap_err().kind(), ErrorKind::StaleTimestamp);
        assert_eq!(course.points(&learner), Some(80.0));
    }
    course.end_but_for(&["AGS-TS-04"]);
}

// AGS-TS-06
fn two_scores_within_one_second_are_taken_where_the_platform_tells_them_apart<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let graded = |points, time| Score::graded(&learner, points, 100.0).timestamp(at(time));
    course.post(graded(80.0, "2026-03-02T09:00:10.250Z")).unwrap();
    let second = course.post(graded(20.0, "2026-03-02T09:00:10.750Z"));
    if let Some(reason) = course.cannot(Cannot::TellWithinSecond) {
        assert_eq!(second.unwrap_err().kind(), ErrorKind::StaleTimestamp, "{reason}");
        assert_eq!(course.points(&learner), Some(80.0));
    } else {
        second.unwrap();
        assert_eq!(course.points(&learner), Some(20.0));
    }
    course.end();
}

// AGS-TS-08
fn a_score_whose_answer_is_lost_is_in_the_gradebook_once<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.platform.script(Route::Scores, Script::reset_after_acting());
    let receipt = course.grade(&learner, 85.0).unwrap();
    let retold = course.can(Cannot::TellRetry);
    let outcome = if retold { Outcome::Superseded } else { Outcome::Sent };
    assert_eq!((receipt.outcome, receipt.attempts), (outcome, 2));
    let entry = course.entry(&learner).unwrap();
    assert_eq!((entry.score, entry.timestamp), (Some(85.0), receipt.timestamp));
    assert_eq!(entry.posts, if retold { 1 } else { 2 });
    assert_eq!(course.platform.gradebook().results().count(), 1);
    let ledger = course.platform.ledger();
    let sent: Vec<_> = ledger.service_requests().iter().map(|exchange| exchange.body.clone()).collect();
    assert_eq!(sent[0], sent[1]);
    course.end();
}

// AGS-TS-08, AGS-SUBM-04
fn a_submission_whose_answer_is_lost_is_one_attempt<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.platform.script(Route::Scores, Script::reset_after_acting());
    let score = Score::graded(&learner, 85.0, 100.0).submitted_at(at("2026-03-02T09:00:00.000Z"));
    course.post(score).unwrap();
    // Canvas alone counts attempts, and knows one by when it was handed in.
    let attempts = u64::from(course.is(Personality::Canvas));
    assert_eq!(course.entry(&learner).unwrap().attempts, attempts);
    course.end();
}

// AGS-HTTP-06
fn a_score_that_did_not_arrive_is_sent_again<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.platform.script(Route::Scores, Script::reset_before_acting().then(Script::reply(503)));
    let receipt = course.grade(&learner, 85.0).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 3));
    assert_eq!(course.entry(&learner).unwrap().posts, 1);
    course.end();
}
