//! Making, changing and deleting line items on every platform (AGS 3.2.5, 3.2.6, 4.3.1, 4.8).

use lti_ags::{
    CreateLineItem, DeleteLineItem, EnsureLineItem, ErrorKind, GetLineItem, LineItem, NewLineItem, PostScore,
    Score, UpdateLineItem,
};
use lti_ags_testing::{LineItem as Column, Personality, Route, Script};
use serde_json::json;

use crate::cannot::Cannot;
use crate::common::Tool;
use crate::course::Course;

everywhere! {
    what_is_created_is_read_again_and_graded,
    a_line_item_with_nothing_but_a_label_is_made,
    a_maximum_with_a_fraction_is_kept,
    ensuring_twice_makes_one_column,
    ensuring_after_a_lost_answer_makes_one_column,
    ensuring_by_link_alone_works_where_links_are_bound,
    an_update_keeps_what_it_does_not_change,
    the_launchs_line_item_is_updated_and_stays_bound,
    members_nobody_knows_go_back_with_an_update,
    an_update_whose_answer_is_lost_is_made,
    a_line_item_is_deleted,
    a_deletion_whose_answer_is_lost_has_happened,
    the_launchs_line_item_is_deleted_only_by_force,
    a_platform_that_keeps_coupled_line_items_says_so,
}

fn lab() -> NewLineItem {
    NewLineItem::new("Lab 3", 20.0).unwrap().with_resource_id("lab-3").with_tag("grade")
}

fn url(item: &LineItem) -> String {
    item.id().unwrap().to_owned()
}

fn read<T: Tool>(course: &Course<T>, item: &LineItem) -> LineItem {
    course.call(GetLineItem::new().at(url(item)).unwrap()).unwrap()
}

// AGS-CREATE-01, AGS-CREATE-03, AGS-CREATE-05, AGS-ITEM-01, AGS-ITEM-12
fn what_is_created_is_read_again_and_graded<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(lab())).unwrap();
    for item in [&created, &read(&course, &created)] {
        assert_eq!((item.label(), item.score_maximum()), ("Lab 3", 20.0));
        assert_eq!((item.resource_id(), item.tag()), (Some("lab-3"), Some("grade")));
        assert_eq!(item.resource_link_id(), None);
    }
    let learner = course.learner(0);
    let score = Score::graded(&learner, 5.0, 10.0).build().unwrap();
    course.call(PostScore::new(score).at(url(&created)).unwrap()).unwrap();
    let gradebook = course.platform.gradebook();
    let [own, column] = gradebook.line_items() else { panic!("two columns") };
    let points = course.can(Cannot::GradeUnbound).then_some(10.0);
    assert_eq!(gradebook.result(&column.id, &learner).unwrap().score, points);
    assert_eq!(gradebook.result(&own.id, &learner), None);
    course.end();
}

// AGS-ITEM-05, AGS-CREATE-02
fn a_line_item_with_nothing_but_a_label_is_made<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(NewLineItem::new("Bare", 5.0).unwrap()));
    if let Some(reason) = course.cannot(Cannot::DoWithoutResourceId) {
        let error = created.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{reason}");
        assert!(error.to_string().contains("resource_id"), "{error}");
        assert_eq!(course.columns(), 1);
        return course.end();
    }
    let item = read(&course, &created.unwrap());
    assert_eq!((item.label(), item.resource_id(), item.tag()), ("Bare", None, None));
    course.end();
}

// AGS-ITEM-03
fn a_maximum_with_a_fraction_is_kept<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let item = NewLineItem::new("Half", 12.5).unwrap().with_resource_id("half");
    let created = course.call(CreateLineItem::new(item));
    if let Some(reason) = course.cannot(Cannot::TakeFractionalMaximum) {
        let error = created.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{reason}");
        assert!(error.to_string().contains("valid integer"), "{error}");
        return course.end();
    }
    let item = read(&course, &created.unwrap());
    assert_eq!((item.label(), item.score_maximum()), ("Half", 12.5));
    course.end();
}

// AGS-CREATE-08
fn ensuring_twice_makes_one_column<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let first = course.call(EnsureLineItem::new(lab())).unwrap();
    let second = course.call(EnsureLineItem::new(lab())).unwrap();
    assert_eq!((first.created, second.created), (true, false));
    assert_eq!(url(&first.item), url(&second.item));
    assert_eq!(course.columns(), 2);
    course.end();
}

// AGS-CREATE-09
fn ensuring_after_a_lost_answer_makes_one_column<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    course.platform.script(Route::LineItems, Script::normal().then(Script::reset_after_acting()));
    let ensured = course.call(EnsureLineItem::new(lab())).unwrap();
    assert!(ensured.created);
    assert_eq!(course.columns(), 2);
    assert_eq!(read(&course, &ensured.item).tag(), Some("grade"));
    course.end();
}

// AGS-CREATE-06, AGS-CREATE-08
fn ensuring_by_link_alone_works_where_links_are_bound<T: Tool>(like: Personality) {
    let course =
        Course::<T>::with(like, |platform| platform.line_item(Column::new("li-1", 100.0).tag("grade")));
    let link = course.platform.resource_link_id();
    let item =
        || NewLineItem::new("Essay", 10.0).unwrap().with_tag("originality").with_resource_link_id(&link);
    let first = course.call(EnsureLineItem::new(item())).unwrap();
    assert!(first.created);
    let second = course.call(EnsureLineItem::new(item())).unwrap();
    if let Some(reason) = course.cannot(Cannot::BindToLink) {
        assert_eq!(first.item.resource_link_id(), None, "{reason}");
        // What the platform did not bind cannot be found by its link.
        assert_eq!((second.created, course.columns()), (true, 3));
        return course.end();
    }
    assert_eq!(read(&course, &first.item).resource_link_id(), Some(&*link));
    assert_eq!((second.created, course.columns()), (false, 2));
    course.end();
}

// AGS-UPDATE-01, AGS-UPDATE-02, AGS-UPDATE-05, AGS-UPDATE-07
fn an_update_keeps_what_it_does_not_change<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(lab())).unwrap();
    let learner = course.learner(0);
    let score = Score::graded(&learner, 5.0, 10.0).build().unwrap();
    course.call(PostScore::new(score).at(url(&created)).unwrap()).unwrap();
    let update = UpdateLineItem::new(|item: &mut LineItem| {
        item.set_label("Lab 3 (final)")?;
        item.set_score_maximum(40.0)
    });
    let updated = course.call(update.at(url(&created)).unwrap()).unwrap();
    for item in [&updated.item, &read(&course, &created)] {
        assert_eq!((item.label(), item.score_maximum()), ("Lab 3 (final)", 40.0));
        assert_eq!((item.resource_id(), item.tag()), (Some("lab-3"), Some("grade")));
    }
    assert_eq!(url(&updated.item), url(&created));
    let gradebook = course.platform.gradebook();
    let points = course.can(Cannot::GradeUnbound).then_some(20.0);
    assert_eq!(gradebook.result(&gradebook.line_items()[1].id, &learner).unwrap().score, points);
    course.end();
}

// AGS-UPDATE-03
fn the_launchs_line_item_is_updated_and_stays_bound<T: Tool>(like: Personality) {
    let own = Column::new("li-1", 100.0).tag("grade").resource_id("essay");
    let course = Course::<T>::with(like, |platform| platform.line_item(own));
    let updated = course.call(UpdateLineItem::new(|item: &mut LineItem| item.set_label("Essay 2")));
    if let Some(reason) = course.cannot(Cannot::UpdateCoupled) {
        let error = updated.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CoupledLineItem, "{reason}");
        assert!(error.to_string().contains("on-demand"), "{error}");
        return course.end();
    }
    assert_eq!(updated.unwrap().item.label(), "Essay 2");
    let item = course.call(GetLineItem::new()).unwrap();
    assert_eq!(item.resource_link_id(), Some(&*course.platform.resource_link_id()));
    assert_eq!((item.label(), item.tag(), item.resource_id()), ("Essay 2", Some("grade"), Some("essay")));
    course.end();
}

// AGS-ITEM-10
fn members_nobody_knows_go_back_with_an_update<T: Tool>(like: Personality) {
    const MEMBER: &str = "https://lms.test/colour";
    let column =
        Column::new("li-2", 20.0).unlinked().resource_id("lab").extension(MEMBER, json!({ "r": [1] }));
    let course =
        Course::<T>::with(like, |platform| platform.line_item(Column::new("li-1", 100.0)).line_item(column));
    let target = course.platform.line_item_url_of("li-2").unwrap();
    let update = || UpdateLineItem::new(|item: &mut LineItem| item.set_label("Lab")).at(&*target).unwrap();
    let updated = course.call(update());
    let ledger = course.platform.ledger();
    let sent = ledger.service_requests().last().unwrap().json().unwrap();
    let shown = if course.can(Cannot::ShowExtensions) { json!({ "r": [1] }) } else { json!(null) };
    assert_eq!(sent[MEMBER], shown);
    if let Some(reason) = course.cannot(Cannot::TakeExtensions) {
        assert_eq!(updated.unwrap_err().kind(), ErrorKind::Refused, "{reason}");
        course.call(update().without([MEMBER])).unwrap();
        return course.end();
    }
    assert_eq!(updated.unwrap().item.label(), "Lab");
    course.end();
}

// AGS-UPDATE-08
fn an_update_whose_answer_is_lost_is_made<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(lab())).unwrap();
    course.platform.script(Route::LineItem, Script::normal().then(Script::reset_after_acting()));
    let update = UpdateLineItem::new(|item: &mut LineItem| item.set_label("Lab 3b"));
    assert_eq!(course.call(update.at(url(&created)).unwrap()).unwrap().item.label(), "Lab 3b");
    assert_eq!(read(&course, &created).label(), "Lab 3b");
    course.end();
}

// AGS-DELETE-03
fn a_deletion_whose_answer_is_lost_has_happened<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(lab())).unwrap();
    course.platform.script(Route::LineItem, Script::reset_after_acting());
    let deleted = course.call(DeleteLineItem::new(url(&created)).unwrap());
    if let Some(reason) = course.cannot(Cannot::Delete) {
        assert_eq!(deleted.unwrap_err().kind(), ErrorKind::CoupledLineItem, "{reason}");
        return course.end();
    }
    deleted.unwrap();
    assert_eq!(course.columns(), 1);
    course.end();
}

// AGS-DELETE-01, AGS-DELETE-02
fn a_line_item_is_deleted<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let created = course.call(CreateLineItem::new(lab())).unwrap();
    let deleted = course.call(DeleteLineItem::new(url(&created)).unwrap());
    if let Some(reason) = course.cannot(Cannot::Delete) {
        assert_eq!(deleted.unwrap_err().kind(), ErrorKind::CoupledLineItem, "{reason}");
        assert_eq!(course.columns(), 2);
        return course.end();
    }
    deleted.unwrap();
    assert_eq!(course.columns(), 1);
    let error = course.call(GetLineItem::new().at(url(&created)).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = course.call(DeleteLineItem::new(url(&created)).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    course.end();
}

// AGS-DELETE-04
fn the_launchs_line_item_is_deleted_only_by_force<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let own = course.platform.line_item_url();
    let error = course.call(DeleteLineItem::new(&*own).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CoupledLineItem);
    assert_eq!(course.platform.ledger().len(), 0);
    let forced = course.call(DeleteLineItem::new(&*own).unwrap().force());
    if let Some(reason) = course.cannot(Cannot::DeleteCoupled) {
        let error = forced.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CoupledLineItem, "{reason}");
        assert!(error.status().is_some());
        assert_eq!(course.columns(), 1);
        return course.end();
    }
    forced.unwrap();
    assert_eq!(course.columns(), 0);
    course.end();
}

// AGS-DELETE-04
fn a_platform_that_keeps_coupled_line_items_says_so<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, lti_ags_testing::Builder::keep_coupled_line_items);
    // With a token that is not new, too, which costs another one where it might have expired.
    for renewed in [false, true] {
        if renewed {
            course.call(GetLineItem::new()).unwrap();
        }
        let delete = DeleteLineItem::new(course.platform.line_item_url()).unwrap().force();
        let error = course.call(delete).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CoupledLineItem, "{error}");
    }
    assert_eq!(course.columns(), 1);
    course.end();
}
