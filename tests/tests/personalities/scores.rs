//! Scores on every platform, from the launch to the result (AGS 3.3, 3.4).

use lti_ags::{ActivityProgress, ErrorKind, GradingProgress, ListResults, PostScore, Score, UserResult};
use lti_ags_testing::{LineItem as Column, Personality};

use crate::cannot::Cannot;
use crate::common::Tool;
use crate::course::Course;

everywhere! {
    a_grade_is_posted_and_read_back_scaled,
    a_comment_arrives_and_goes_with_the_next_score,
    line_breaks_in_a_comment_do_no_harm,
    zero_is_a_grade,
    points_beyond_the_maximum_are_kept_or_cut,
    clearing,
    progress_goes_before_the_grade,
    progress_behind_the_grade_removes_it,
    an_unknown_user_is_told_apart_and_the_others_go_on,
    a_user_of_another_course_is_told_apart_with_a_token_of_any_age,
    a_launch_from_a_link_with_two_line_items_names_none,
    extensions_arrive_or_are_refused,
    a_class_is_graded_at_once_with_one_token,
}

fn all_results<T: Tool>(course: &Course<T>) -> Vec<UserResult> {
    course.tool.collect(&course.endpoint, ListResults::new(), 1_000).unwrap()
}

// AGS-SCORE-07, AGS-RESULT-09, AGS-RESULT-10
fn a_grade_is_posted_and_read_back_scaled<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.line_item(Column::new("li-1", 80.0)));
    let learner = course.learner(0);
    let receipt = course.grade(&learner, 85.0).unwrap();
    assert_eq!(receipt.attempts, 1);
    assert_eq!(course.points(&learner), Some(68.0));
    let result = course.result(&learner).unwrap();
    let scale = if course.can(Cannot::Scale) { (68.0, 80.0) } else { (85.0, 100.0) };
    assert_eq!((result.result_score(), result.result_maximum()), (Some(scale.0), scale.1));
    assert_eq!(result.points_of(80.0), Some(68.0));
    assert_eq!(result.score_of(), Some(&*course.platform.line_item_url()));
    assert_eq!(course.platform.ledger().token_requests().len(), 1);
    course.end();
}

// AGS-SCORE-15, AGS-SCORE-16, AGS-RESULT-07
fn a_comment_arrives_and_goes_with_the_next_score<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let comment = "Well done, \"é\" & <b>日本</b>";
    course.post(Score::graded(&learner, 9.0, 10.0).comment(comment)).unwrap();
    assert_eq!(course.entry(&learner).unwrap().comment.as_deref(), Some(comment));
    let comment_of = |results: &[UserResult]| {
        let result = results.iter().find(|result| result.user_id() == learner).unwrap();
        result.comment().map(str::to_owned)
    };
    assert_eq!(comment_of(&all_results(&course)).as_deref(), Some(comment));
    let one = course.result(&learner).unwrap();
    assert_eq!(one.comment().is_some(), course.can(Cannot::ShowCommentOfOne));
    course.grade(&learner, 95.0).unwrap();
    assert_eq!(course.entry(&learner).unwrap().comment, None);
    assert_eq!(comment_of(&all_results(&course)), None);
    course.end();
}

// AGS-SCORE-15
fn line_breaks_in_a_comment_do_no_harm<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.post(Score::graded(&learner, 9.0, 10.0).comment("one\ntwo")).unwrap();
    let kept = if course.can(Cannot::KeepLineBreaks) { "one\ntwo" } else { "one two" };
    assert_eq!(course.entry(&learner).unwrap().comment.as_deref(), Some(kept));
    assert_eq!(course.points(&learner), Some(90.0));
    course.end();
}

// AGS-SCORE-03, AGS-RESULT-05
fn zero_is_a_grade<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.grade(&learner, 0.0).unwrap();
    assert_eq!(course.points(&learner), course.can(Cannot::HoldZero).then_some(0.0));
    assert_eq!(course.result(&learner).unwrap().result_score(), Some(0.0));
    course.end();
}

// AGS-SCORE-05
fn points_beyond_the_maximum_are_kept_or_cut<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.grade(&learner, 110.0).unwrap();
    let kept = if course.can(Cannot::ExceedMaximum) { 110.0 } else { 100.0 };
    assert_eq!(course.points(&learner), Some(kept));
    course.end();
}

// AGS-SCORE-06, AGS-SCORE-20, AGS-RESULT-08
fn clearing<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.post(Score::graded(&learner, 85.0, 100.0).comment("fine")).unwrap();
    course.post(Score::cleared(&learner)).unwrap();
    let entry = course.entry(&learner).unwrap();
    let stays = course.cannot(Cannot::Clear).map(|_| 85.0);
    assert_eq!((entry.score, entry.comment), (stays, None));
    let result = course.result(&learner);
    assert_eq!(result.and_then(|result| result.result_score()), None);
    course.grade(&learner, 70.0).unwrap();
    assert_eq!(course.points(&learner), Some(70.0));
    course.end();
}

// AGS-SCORE-12
fn progress_goes_before_the_grade<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    for (activity, grading) in [
        (ActivityProgress::Started, GradingProgress::NotReady),
        (ActivityProgress::InProgress, GradingProgress::NotReady),
        (ActivityProgress::Submitted, GradingProgress::PendingManual),
    ] {
        course.post(Score::ungraded(&learner, activity, grading)).unwrap();
    }
    let entry = course.entry(&learner).unwrap();
    assert_eq!((&*entry.activity_progress, &*entry.grading_progress), ("Submitted", "PendingManual"));
    assert_eq!(course.result(&learner).and_then(|result| result.result_score()), None);
    course.grade(&learner, 85.0).unwrap();
    assert_eq!(course.points(&learner), Some(85.0));
    course.end();
}

// AGS-SCORE-06
fn progress_behind_the_grade_removes_it<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    course.grade(&learner, 85.0).unwrap();
    let again = Score::ungraded(&learner, ActivityProgress::InProgress, GradingProgress::Pending);
    course.post(again).unwrap();
    let stays = course.cannot(Cannot::Clear).map(|_| 85.0);
    assert_eq!(course.points(&learner), stays);
    assert_eq!(course.result(&learner).and_then(|result| result.result_score()), None);
    course.end();
}

// AGS-SCORE-21
fn an_unknown_user_is_told_apart_and_the_others_go_on<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let error = course.grade("9999999", 1.0).unwrap_err();
    assert_eq!(error.kind(), unknown_user(&course), "{error}");
    assert!(!error.to_string().contains("9999999"), "{error}");
    // A server's failure may pass, for all one knows.
    assert_eq!(error.is_transient(), course.cannot(Cannot::NameUnknownUser).is_some());
    let learner = course.learner(0);
    course.grade(&learner, 2.0).unwrap();
    assert_eq!(course.points(&learner), Some(2.0));
    assert_eq!(course.platform.ledger().token_requests().len(), 1);
    course.end();
}

fn unknown_user<T: Tool>(course: &Course<T>) -> ErrorKind {
    if course.cannot(Cannot::NameUnknownUser).is_some() {
        ErrorKind::ServerError
    } else if course.is(Personality::Spec) || course.is(Personality::Schoology) {
        // The specification names no status for it; these two answer 404 and nothing that tells it apart.
        ErrorKind::NotFound
    } else {
        ErrorKind::UserNotGradable
    }
}

// AGS-SCORE-21
fn a_user_of_another_course_is_told_apart_with_a_token_of_any_age<T: Tool>(like: Personality) {
    let [learner, outsider] = [0, 1].map(|at| Course::<T>::on(like).learner(at));
    let course = Course::<T>::with(like, |platform| platform.learners([&learner]));
    for renewed in [false, true] {
        if renewed {
            course.grade(&learner, 10.0).unwrap();
        }
        let error = course.grade(&outsider, 1.0).unwrap_err();
        assert_eq!(error.kind(), unknown_user(&course), "{error}");
    }
    // Brightspace answers 403, behind which there might be a token that has expired.
    let tokens = if course.is(Personality::Brightspace) { 2 } else { 1 };
    assert_eq!(course.platform.ledger().token_requests().len(), tokens);
    assert_eq!(course.points(&learner), Some(10.0));
    course.end();
}

// AGS-CLAIM-02, AGS-CLAIM-03
fn a_launch_from_a_link_with_two_line_items_names_none<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| {
        platform.line_item(Column::new("li-1", 100.0)).line_item(Column::new("li-2", 10.0))
    });
    let learner = course.learner(0);
    assert_eq!(course.grade(&learner, 50.0).unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
    assert_eq!(course.platform.ledger().len(), 0);
    let score = Score::graded(&learner, 50.0, 100.0).build().unwrap();
    let target = course.platform.line_item_url_of("li-2").unwrap();
    course.call(PostScore::new(score).at(target).unwrap()).unwrap();
    assert_eq!(course.platform.gradebook().result("li-2", &learner).unwrap().score, Some(5.0));
    course.end();
}

// AGS-EXT-01
fn extensions_arrive_or_are_refused<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let score = Score::graded(&learner, 85.0, 100.0).extension("https://tool.test/x", &[1, 2]);
    let posted = course.post(score);
    if let Some(reason) = course.cannot(Cannot::TakeExtensions) {
        assert_eq!(posted.unwrap_err().kind(), ErrorKind::ScoreRefused, "{reason}");
        assert_eq!(course.points(&learner), None);
        return course.end();
    }
    posted.unwrap();
    assert_eq!(course.points(&learner), Some(85.0));
    course.end();
}

// AGS-TOKRES-08
fn a_class_is_graded_at_once_with_one_token<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learners: Vec<_> = course.platform.learners().into_iter().take(20).collect();
    let score = |learner: &String| PostScore::new(Score::graded(learner, 50.0, 100.0).build().unwrap());
    let receipts = course.tool.call_all(&course.endpoint, learners.iter().map(score).collect());
    assert!(receipts.iter().all(Result::is_ok));
    assert_eq!(course.platform.ledger().token_requests().len(), 1);
    assert!(learners.iter().all(|learner| course.points(learner) == Some(50.0)));
    assert_eq!(all_results(&course).iter().filter(|result| result.percent() == Some(50.0)).count(), 20);
    course.end();
}
