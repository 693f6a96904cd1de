//! Reading results on every platform (AGS 3.3).

use std::num::NonZeroU32;

use lti_ags::{GetResult, ListResults, Scope};
use lti_ags_testing::Personality;
use lti_ags_testing::names::MEDIA_RESULTS;

use crate::cannot::Cannot;
use crate::common::Tool;
use crate::course::{Course, Raw};

everywhere! {
    one_users_result_is_found_among_all,
    a_user_without_a_grade_has_none,
    one_user_is_found_on_the_last_page,
    results_are_read_to_the_end,
    a_limit_is_survived,
}

// AGS-RESULT-02, AGS-RESULT-03
fn one_users_result_is_found_among_all<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    for (at, points) in [(0, 10.0), (1, 20.0), (2, 30.0)] {
        course.grade(&course.learner(at), points).unwrap();
    }
    let wanted = course.learner(1);
    let result = course.result(&wanted).unwrap();
    assert_eq!((result.user_id(), result.percent()), (&*wanted, Some(20.0)));
    // What the platform itself made of the request.
    let url = course.platform.ledger().last().map(|exchange| exchange.target.clone()).unwrap();
    let url = format!("{}{}", course.platform.base_url(), String::from_utf8(url).unwrap());
    let raw = Raw { url, accept: MEDIA_RESULTS, scopes: const { &[Scope::RESULT_READONLY] } };
    let everybody = if course.can(Cannot::LeaveUngradedOut) { 3 } else { 100 };
    let sent = course.call(raw).unwrap();
    assert_eq!(sent, if course.can(Cannot::FilterByUser) { 1 } else { everybody });
    let page = course.call(ListResults::new().user_id(&*wanted)).unwrap();
    assert_eq!(page.items.iter().map(lti_ags::UserResult::user_id).collect::<Vec<_>>(), [&*wanted]);
    course.end();
}

// AGS-RESULT-05, AGS-RESULT-08
fn a_user_without_a_grade_has_none<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    course.grade(&course.learner(0), 10.0).unwrap();
    let result = course.result(&course.learner(1));
    assert_eq!(result.is_none(), course.can(Cannot::LeaveUngradedOut));
    assert_eq!(result.and_then(|result| result.result_score()), None);
    // Moodle takes what is no number for everybody.
    assert!(course.call(GetResult::new("nobody")).unwrap().is_none());
    course.end();
}

// AGS-RESULT-03, AGS-RESULT-11
fn one_user_is_found_on_the_last_page<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.results_for("li-1", 250));
    let result = course.result("1000250").unwrap();
    assert_eq!((result.user_id(), result.percent()), ("1000250", Some(47.0)));
    // Those who ignore the filter send no pages either.
    assert_eq!(course.platform.ledger().service_requests().len(), 1);
    course.end();
}

// AGS-RESULT-11, AGS-PAGE-01
fn results_are_read_to_the_end<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.results_for("li-1", 250));
    let results = course.tool.collect(&course.endpoint, ListResults::new(), 1_000).unwrap();
    let graded = results.iter().filter(|result| result.result_score().is_some()).count();
    assert_eq!(graded, 250);
    let ungraded = if course.can(Cannot::LeaveUngradedOut) { 0 } else { 100 };
    assert_eq!(results.len(), 250 + ungraded);
    let requests = match like {
        Personality::Canvas => 25,
        // No limit, no pages; or none at all.
        Personality::Moodle | Personality::OpenEdx | Personality::Sakai => 1,
        _ => 3,
    };
    assert_eq!(course.platform.ledger().service_requests().len(), requests);
    course.end();
}

// AGS-RESULT-11
fn a_limit_is_survived<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.results_for("li-1", 20));
    let limited = ListResults::new().limit(NonZeroU32::new(7).unwrap());
    let results = course.tool.collect(&course.endpoint, limited, 1_000).unwrap();
    let graded = results.iter().filter(|result| result.result_score().is_some()).count();
    let requests = course.platform.ledger().service_requests().len();
    match (like, course.cannot(Cannot::LimitResults)) {
        // It is asked again without the limit.
        (Personality::Moodle, Some(reason)) => assert_eq!((graded, requests), (20, 2), "{reason}"),
        // What is hidden cannot be known: a limit is not to be set there.
        (Personality::OpenEdx, Some(reason)) => assert_eq!((graded, requests), (7, 1), "{reason}"),
        (_, Some(reason)) => assert_eq!((graded, requests), (20, 1), "{reason}"),
        (_, None) => assert_eq!((graded, requests), (20, 3)),
    }
    course.end();
}
