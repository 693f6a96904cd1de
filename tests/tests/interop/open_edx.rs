//! Open edX's LTI consumer, as its package serves it: from a launch to the gradebook of the course.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lti_ags::{
    ActivityProgress, CreateLineItem, DeleteLineItem, EnsureLineItem, ErrorKind, GetLineItem, GetResult,
    GradingProgress, LineItem, ListLineItems, ListResults, NewLineItem, Outcome, PostScore, Scope, Score,
    UpdateLineItem, UserResult,
};
use lti_ags_testing::ToolKey;
use serde_json::json;

use crate::campus::{Campus, Course, Grade};
use crate::common::{self, Tool};

pub(crate) const OPEN_EDX: Campus = Campus { variable: "LTI_AGS_INTEROP_OPEN_EDX" };

against_a_real_platform! {
    a_token_is_granted_for_all_scopes,
    a_final_score_reaches_the_gradebook,
    zero_reaches_the_gradebook,
    what_is_not_final_stays_with_the_service,
    clearing_hides_the_result_but_not_the_grade,
    a_score_after_the_due_date_is_taken_but_not_published,
    a_comment_stays_until_another_one,
    a_score_that_is_not_newer_is_stale,
    a_stranger_is_a_server_error_and_is_not_graded,
    a_declarative_course_takes_scores_and_no_line_items,
    line_items_are_created_found_and_updated,
    what_an_update_unsets_stays_and_the_answer_shows_it,
    ensuring_twice_makes_one_column,
    a_refused_deletion_is_told_and_deletes_nothing,
    one_result_is_found_among_all,
    an_expired_token_is_renewed_once,
    tokens_that_are_always_expired_are_not_fetched_for_ever,
    another_key_is_refused_once_for_all,
    scores_at_once_all_arrive,
}

fn on<T: Tool>() -> Course<T> {
    Course::on(OPEN_EDX)
}

fn grade(share: f64, comment: Option<&str>, posts: u32) -> Grade {
    Grade { share, comment: comment.map(str::to_owned), posts }
}

fn a_token_is_granted_for_all_scopes<T: Tool>() {
    let course = on::<T>();
    let grant = course.tool.authorize(&course.endpoint).unwrap();
    assert_eq!(grant.lifetime, Duration::from_secs(3600));
    assert!(course.endpoint.scopes().iter().all(|scope| grant.scopes.contains(scope)));
    assert!(grant.scopes.contains(&Scope::LINE_ITEM));
    assert_eq!(course.exchanges(), ["POST token 200"]);
}

fn a_final_score_reaches_the_gradebook<T: Tool>() {
    let course = on::<T>();
    let learner = course.learner(0);
    let receipt = course.post(Score::graded(learner, 85.0, 100.0).comment("Clear plots: ü <b>")).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1));
    assert_eq!(course.grade(learner), Some(grade(0.85, Some("Clear plots: ü <b>"), 1)));
    // Extra credit is cut in the gradebook, and kept by the service.
    course.post(Score::graded(learner, 110.0, 100.0)).unwrap();
    assert_eq!(course.grade(learner), Some(grade(1.0, Some("Clear plots: ü <b>"), 2)));
    let result = course.call(GetResult::new(learner)).unwrap().unwrap();
    assert_eq!(result.percent(), Some(110.0));
}

fn zero_reaches_the_gradebook<T: Tool>() {
    let course = on::<T>();
    course.post(Score::graded(course.learner(0), 0.0, 100.0)).unwrap();
    assert_eq!(course.grade(course.learner(0)), Some(grade(0.0, None, 1)));
}

fn what_is_not_final_stays_with_the_service<T: Tool>() {
    let course = on::<T>();
    let learner = course.learner(0);
    let pending = Score::graded(learner, 40.0, 100.0).grading_progress(GradingProgress::Pending);
    course.post(pending).unwrap();
    assert_eq!(course.grade(learner), None);
    assert_eq!(course.call(GetResult::new(learner)).unwrap().unwrap().percent(), Some(40.0));
}

/// The gradebook of Open edX is told of final scores alone: a grade that was published stands until the next one.
fn clearing_hides_the_result_but_not_the_grade<T: Tool>() {
    let course = on::<T>();
    let learner = course.learner(0);
    course.post(Score::graded(learner, 40.0, 100.0)).unwrap();
    course.post(Score::cleared(learner)).unwrap();
    assert_eq!(course.call(GetResult::new(learner)).unwrap(), None);
    assert_eq!(course.grade(learner), Some(grade(0.4, None, 1)));
    course.post(Score::ungraded(learner, ActivityProgress::Completed, GradingProgress::FullyGraded)).unwrap();
    assert_eq!(course.grade(learner), Some(grade(0.4, None, 1)));
}

fn a_score_after_the_due_date_is_taken_but_not_published<T: Tool>() {
    let course = Course::<T>::with(OPEN_EDX, json!({"past_due": true}));
    let learner = course.learner(0);
    let receipt = course.post(Score::graded(learner, 40.0, 100.0)).unwrap();
    assert_eq!(receipt.outcome, Outcome::Sent);
    assert_eq!(course.grade(learner), None);
    assert_eq!(course.call(GetResult::new(learner)).unwrap().unwrap().percent(), Some(40.0));
}

/// A score that says nothing about the comment leaves it as it is.
fn a_comment_stays_until_another_one<T: Tool>() {
    let course = on::<T>();
    let learner = course.learner(0);
    course.post(Score::graded(learner, 40.0, 100.0).comment("Too short.")).unwrap();
    course.post(Score::graded(learner, 90.0, 100.0)).unwrap();
    assert_eq!(course.grade(learner), Some(grade(0.9, Some("Too short."), 2)));
    course.post(Score::graded(learner, 95.0, 100.0).comment("Better.")).unwrap();
    assert_eq!(course.grade(learner), Some(grade(0.95, Some("Better."), 3)));
}

fn a_score_that_is_not_newer_is_stale<T: Tool>() {
    let course = on::<T>();
    let learner = course.learner(0);
    let at = |points, time: &str| Score::graded(learner, points, 100.0).timestamp(time.parse().unwrap());
    course.post(at(80.0, "2026-03-02T09:00:00.250Z")).unwrap();
    for time in ["2026-03-02T09:00:00.250Z", "2026-03-02T08:59:59.900Z"] {
        let error = course.post(at(10.0, time)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StaleTimestamp, "{error}");
        assert_eq!(error.status().unwrap(), 400);
    }
    assert_eq!(course.grade(learner), Some(grade(0.8, None, 1)));
    course.post(at(90.0, "2026-03-02T09:00:00.250001Z")).unwrap();
    assert_eq!(course.grade(learner), Some(grade(0.9, None, 2)));
}

fn a_stranger_is_a_server_error_and_is_not_graded<T: Tool>() {
    let course = on::<T>();
    let stranger = "00000000-0000-4000-8000-000000000000";
    let error = course.post(Score::graded(stranger, 40.0, 100.0)).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::ServerError, 500));
    // A plain 500 is tried once more, and no more often.
    assert_eq!(course.exchanges(), ["POST token 200", "POST scores 500", "POST scores 500"]);
    assert!(course.grades().is_empty());
    assert_eq!(course.tool.collect(&course.endpoint, ListResults::new(), 10).unwrap(), []);
}

/// What Open edX offers unless an author asks for more.
fn a_declarative_course_takes_scores_and_no_line_items<T: Tool>() {
    let course = Course::<T>::with(OPEN_EDX, json!({"mode": "declarative"}));
    let learner = course.learner(0);
    course.post(Score::graded(learner, 85.0, 100.0)).unwrap();
    assert_eq!(course.grade(learner), Some(grade(0.85, None, 1)));
    let items: Vec<LineItem> = course.tool.collect(&course.endpoint, ListLineItems::new(), 10).unwrap();
    assert_eq!(items.iter().map(LineItem::label).collect::<Vec<_>>(), ["The unit"]);
    let before = course.exchanges();
    let error = course.call(CreateLineItem::new(NewLineItem::new("Lab 3", 20.0).unwrap())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert_eq!(course.exchanges(), before);
}

fn lab(tag: &str) -> NewLineItem {
    NewLineItem::new("Lab 3", 20.0).unwrap().with_resource_id("lab-3").with_tag(tag)
}

fn url(item: &LineItem) -> String {
    item.id().unwrap().to_owned()
}

fn line_items_are_created_found_and_updated<T: Tool>() {
    let course = on::<T>();
    let due = "2026-04-06T20:05:03.123Z".parse().unwrap();
    let created = course.call(CreateLineItem::new(lab("grade").with_end_date_time(due))).unwrap();
    course.call(CreateLineItem::new(lab("other"))).unwrap();
    assert_eq!((created.tag(), created.resource_id()), (Some("grade"), Some("lab-3")));
    assert_eq!((created.resource_link_id(), created.end_date_time()), (None, Some(due)));

    let found = course.tool.collect(&course.endpoint, ListLineItems::new().tag("grade"), 10).unwrap();
    assert_eq!(found.iter().map(url).collect::<Vec<_>>(), [url(&created)]);
    let launch =
        course.opened.claims["https://purl.imsglobal.org/spec/lti/claim/resource_link"]["id"].clone();
    let bound = ListLineItems::new().resource_link_id(launch.as_str().unwrap());
    let bound = course.tool.collect(&course.endpoint, bound, 10).unwrap();
    assert_eq!(bound.iter().map(LineItem::label).collect::<Vec<_>>(), ["The unit"]);

    let rename = UpdateLineItem::new(|item: &mut LineItem| item.set_label("Lab 3 (final)"));
    let updated = course.call(rename.at(url(&created)).unwrap()).unwrap().item;
    let read = course.call(GetLineItem::new().at(url(&created)).unwrap()).unwrap();
    for item in [&updated, &read] {
        assert_eq!((item.label(), item.score_maximum(), item.tag()), ("Lab 3 (final)", 20.0, Some("grade")));
        assert_eq!(item.end_date_time(), Some(due));
    }

    // A line item of the tool's own takes scores of anybody, and the gradebook learns of none.
    let score = Score::graded(course.learner(1), 5.0, 10.0).build().unwrap();
    course.call(PostScore::new(score).at(url(&created)).unwrap()).unwrap();
    assert!(course.grades().is_empty());
}

/// Its update is a patch: what is left out stays.
fn what_an_update_unsets_stays_and_the_answer_shows_it<T: Tool>() {
    let course = on::<T>();
    let created = course.call(CreateLineItem::new(lab("grade"))).unwrap();
    let unset = UpdateLineItem::new(|item: &mut LineItem| {
        item.set_tag(None);
        item.set_label("Lab 3 (final)")
    });
    let updated = course.call(unset.at(url(&created)).unwrap()).unwrap().item;
    assert_eq!((updated.label(), updated.tag()), ("Lab 3 (final)", Some("grade")));
}

fn ensuring_twice_makes_one_column<T: Tool>() {
    let course = on::<T>();
    let first = course.call(EnsureLineItem::new(lab("grade"))).unwrap();
    let second = course.call(EnsureLineItem::new(lab("grade"))).unwrap();
    assert_eq!((first.created, second.created), (true, false));
    assert_eq!(url(&first.item), url(&second.item));
    let all: Vec<LineItem> = course.tool.collect(&course.endpoint, ListLineItems::new(), 10).unwrap();
    assert_eq!(all.len(), 2);
}

/// Its permissions name the deletion otherwise than its framework does: nobody may delete.
fn a_refused_deletion_is_told_and_deletes_nothing<T: Tool>() {
    let course = on::<T>();
    let created = course.call(CreateLineItem::new(lab("grade"))).unwrap();
    let error = course.call(DeleteLineItem::new(url(&created)).unwrap()).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::CoupledLineItem, 403));
    assert_eq!(
        error.refusal().unwrap().message(),
        Some("You do not have permission to perform this action.")
    );
    // It may have been the token, which is renewed once.
    let made = ["POST token 200", "POST line-items 201"];
    let refused = ["DELETE line-item 403", "POST token 200", "DELETE line-item 403"];
    assert_eq!(course.exchanges(), [&made[..], &refused[..]].concat());
    assert_eq!(course.call(GetLineItem::new().at(url(&created)).unwrap()).unwrap().label(), "Lab 3");
}

/// The service ignores `user_id`.
fn one_result_is_found_among_all<T: Tool>() {
    let course = on::<T>();
    for (at, points) in [(0, 10.0), (1, 20.5), (2, 30.0)] {
        course.post(Score::graded(course.learner(at), points, 100.0).comment("Seen.")).unwrap();
    }
    let wanted = course.learner(1);
    let result = course.call(GetResult::new(wanted)).unwrap().unwrap();
    assert_eq!((result.user_id(), result.percent(), result.comment()), (wanted, Some(20.5), Some("Seen.")));
    let all = course.tool.collect(&course.endpoint, ListResults::new(), 10).unwrap();
    let mut users: Vec<_> = all.iter().map(UserResult::user_id).collect();
    users.reverse();
    assert_eq!(users, course.opened.learners, "the newest comes first");
}

/// The platform says 403 where a token has expired.
fn an_expired_token_is_renewed_once<T: Tool>() {
    let course = Course::<T>::with(OPEN_EDX, json!({"expired_tokens": 1}));
    course.tool.authorize(&course.endpoint).unwrap();
    let receipt = course.post(Score::graded(course.learner(0), 85.0, 100.0)).unwrap();
    assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 2));
    let renewed = ["POST token 200", "POST scores 403", "POST token 200", "POST scores 201"];
    assert_eq!(course.exchanges(), renewed);
    assert_eq!(course.grade(course.learner(0)), Some(grade(0.85, None, 1)));
}

fn tokens_that_are_always_expired_are_not_fetched_for_ever<T: Tool>() {
    let course = Course::<T>::with(OPEN_EDX, json!({"expired_tokens": 100}));
    course.tool.authorize(&course.endpoint).unwrap();
    let error = course.post(Score::graded(course.learner(0), 85.0, 100.0)).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Forbidden, 403));
    let renewed = ["POST token 200", "POST scores 403", "POST token 200", "POST scores 403"];
    assert_eq!(course.exchanges(), renewed);
}

fn another_key_is_refused_once_for_all<T: Tool>() {
    let course = Course::<T>::signing_as(&ToolKey::rsa("tool-key-1").unwrap(), OPEN_EDX, json!({}));
    for _ in 0..3 {
        let error = course.post(Score::graded(course.learner(0), 85.0, 100.0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TokenRefused);
        assert_eq!(error.refusal().unwrap().error_code(), Some("invalid_client"));
    }
    assert_eq!(course.exchanges(), ["POST token 400"]);
}

fn scores_at_once_all_arrive<T: Tool>() {
    const SCORES: usize = 200;
    const AT_ONCE: usize = 8;
    let course = Course::<T>::with(OPEN_EDX, json!({"learners": SCORES}));
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(learner) = course.opened.learners.get(next.fetch_add(1, Ordering::Relaxed)) {
                    course.post(Score::graded(learner, 85.0, 100.0)).unwrap();
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("Open edX: {SCORES} scores, {AT_ONCE} at once, in {seconds:.1} s");
    let grades = course.grades();
    assert!(grades.values().all(|shown| *shown == grade(0.85, None, 1)));
    assert_eq!(grades.len(), SCORES);
    let exchanges = course.exchanges();
    assert_eq!(exchanges.iter().filter(|line| line.starts_with("POST token")).count(), 1);
    assert_eq!(exchanges.len(), SCORES + 1);
}
