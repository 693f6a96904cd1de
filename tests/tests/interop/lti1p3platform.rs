//! `lti1p3platform` 0.1.8, a library that platforms in Python are built with: another's reading of the specification, and
//! another's pages.

use lti_ags::{
    CreateLineItem, DeleteLineItem, ErrorKind, GetLineItem, GetResult, LineItem, ListLineItems, ListResults,
    NewLineItem, Outcome, Score, UpdateLineItem, UserResult,
};
use lti_ags_testing::ToolKey;
use serde_json::json;

use crate::campus::{Campus, Course};
use crate::common::{self, Tool};

const PLATFORM: Campus = Campus { variable: "LTI_AGS_INTEROP_LTI1P3PLATFORM" };

against_a_real_platform! {
    a_score_reaches_the_gradebook_and_an_older_one_does_not,
    line_items_are_created_updated_and_deleted,
    two_pages_are_read_to_the_end,
    a_list_that_breaks_on_its_second_page_is_an_error,
    many_pages_are_read_to_the_end,
    one_result_is_found_among_pages,
    another_key_is_refused,
}

fn a_score_reaches_the_gradebook_and_an_older_one_does_not<T: Tool>() {
    let course = Course::<T>::on(PLATFORM);
    let learner = course.learner(0);
    // Answered by 201 and by 200, both with the body `null`, of the type of a line item.
    for points in [40.0, 85.5] {
        let receipt = course.post(Score::graded(learner, points, 100.0).comment("Good.")).unwrap();
        assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1));
    }
    let old = Score::graded(learner, 10.0, 100.0).timestamp("2026-03-02T09:00:00.250Z".parse().unwrap());
    let error = course.post(old).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::StaleTimestamp, 409));
    let grade = course.grade(learner).unwrap();
    assert_eq!((grade.share, grade.comment.as_deref(), grade.posts), (0.855, Some("Good."), 2));
    let result = course.call(GetResult::new(learner)).unwrap().unwrap();
    assert_eq!((result.percent(), result.comment()), (Some(85.5), Some("Good.")));
    // What was cleared has a result of null.
    course.post(Score::cleared(learner)).unwrap();
    assert_eq!(course.call(GetResult::new(learner)).unwrap().unwrap().result_score(), None);
    assert_eq!(course.exchanges().iter().filter(|line| line.contains("token")).count(), 1);
}

fn line_items_are_created_updated_and_deleted<T: Tool>() {
    let course = Course::<T>::on(PLATFORM);
    let lab = NewLineItem::new("Lab 3", 20.5).unwrap().with_resource_id("lab-3").with_tag("grade");
    let lab = lab.with_extension("https://tool.test/x", &json!({"a": [1, null]})).unwrap();
    let created = course.call(CreateLineItem::new(lab)).unwrap();
    let url = created.id().unwrap().to_owned();
    assert_eq!((created.score_maximum(), created.tag()), (20.5, Some("grade")));
    let rename = UpdateLineItem::new(|item: &mut LineItem| item.set_label("Lab 3 (final)"));
    course.call(rename.at(&*url).unwrap()).unwrap();
    let read = course.call(GetLineItem::new().at(&*url).unwrap()).unwrap();
    assert_eq!((read.label(), read.score_maximum()), ("Lab 3 (final)", 20.5));
    let found = course.tool.collect(&course.endpoint, ListLineItems::new().tag("grade"), 10).unwrap();
    assert_eq!(found.iter().map(LineItem::id).collect::<Vec<_>>(), [Some(&*url)]);
    course.call(DeleteLineItem::new(&*url).unwrap()).unwrap();
    let error = course.call(GetLineItem::new().at(&*url).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// So many line items, of which the platform gives ten at once.
fn labels<T: Tool>(course: &Course<T>) -> Result<Vec<String>, lti_ags::Error> {
    let items = course.tool.collect(&course.endpoint, ListLineItems::new(), 100)?;
    Ok(items.iter().map(|item| item.label().to_owned()).collect())
}

fn units(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("Unit {number}")).collect()
}

/// Its links say `rel=next`, without quotes.
fn two_pages_are_read_to_the_end<T: Tool>() {
    let course = Course::<T>::with(PLATFORM, json!({"line_items": 15}));
    assert_eq!(labels(&course).unwrap(), units(15));
    assert_eq!(course.exchanges().len(), 3);
}

/// As Django hands the query over, the page after the second one is `"2" + 1`, which fails.
fn a_list_that_breaks_on_its_second_page_is_an_error<T: Tool>() {
    let course = Course::<T>::with(PLATFORM, json!({"line_items": 35}));
    let error = labels(&course).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::ServerError, 500));
}

fn many_pages_are_read_to_the_end<T: Tool>() {
    let course = Course::<T>::with(PLATFORM, json!({"line_items": 35, "counts": true}));
    assert_eq!(labels(&course).unwrap(), units(35));
    assert_eq!(course.exchanges().len(), 5);
}

fn one_result_is_found_among_pages<T: Tool>() {
    let course = Course::<T>::with(PLATFORM, json!({"learners": 25, "counts": true}));
    for learner in &course.opened.learners {
        course.post(Score::graded(learner, 50.0, 100.0)).unwrap();
    }
    let all = course.tool.collect(&course.endpoint, ListResults::new(), 100).unwrap();
    assert_eq!(all.iter().map(UserResult::user_id).collect::<Vec<_>>(), course.opened.learners);
    let last = course.call(GetResult::new(course.learner(24))).unwrap().unwrap();
    assert_eq!((last.user_id(), last.percent()), (course.learner(24), Some(50.0)));
}

fn another_key_is_refused<T: Tool>() {
    let course = Course::<T>::signing_as(&ToolKey::rsa("tool-key-1").unwrap(), PLATFORM, json!({}));
    let error = course.post(Score::graded(course.learner(0), 85.0, 100.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRefused);
    assert_eq!(course.exchanges(), ["POST token 400"]);
}
