//! Line items, lists and results, over real sockets and both transports.

mod common;

use std::num::NonZeroU32;

use common::{Tool, endpoint, impatient, launch};
use lti_ags::{
    CreateLineItem, DeleteLineItem, Endpoint, EnsureLineItem, ErrorKind, GetLineItem, GetResult, LineItem,
    ListLineItems, ListResults, NewLineItem, PostScore, Score, UpdateLineItem,
};
use lti_ags_testing::{LineItem as Column, Platform, Route, Script};

scenarios! {
    a_line_item_lives_from_creation_to_deletion,
    line_items_are_found_by_link_and_by_tag,
    ensuring_finds_what_is_there_and_creates_what_is_not,
    ensuring_after_a_lost_answer_makes_no_second_column,
    a_creation_whose_answer_is_lost_is_not_repeated,
    the_launchs_own_line_item_is_deleted_only_by_force,
    a_deletion_whose_answer_is_lost_has_happened,
    one_users_result_is_read,
    a_long_list_is_followed_to_its_end,
    a_list_that_breaks_is_no_short_list,
    a_next_link_elsewhere_is_refused,
    too_many_pages_are_an_error,
}

fn lab() -> NewLineItem {
    NewLineItem::new("Lab 3", 20.0).unwrap().with_resource_id("lab-3").with_tag("grade")
}

fn url(item: &LineItem) -> String {
    item.id().unwrap().to_owned()
}

fn a_line_item_lives_from_creation_to_deletion<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let created = tool.call(&endpoint, CreateLineItem::new(lab())).unwrap();
    assert_eq!((created.label(), created.score_maximum()), ("Lab 3", 20.0));
    let score = Score::graded("u-1001", 17.5, 20.0).build().unwrap();
    tool.call(&endpoint, PostScore::new(score).at(url(&created)).unwrap()).unwrap();
    let got = tool.call(&endpoint, GetLineItem::new().at(url(&created)).unwrap()).unwrap();
    assert_eq!((got.resource_id(), got.tag()), (Some("lab-3"), Some("grade")));
    let renamed = UpdateLineItem::new(|item: &mut LineItem| item.set_label("Lab 3 (final)"));
    let updated = tool.call(&endpoint, renamed.at(url(&created)).unwrap()).unwrap();
    assert_eq!((updated.item.label(), updated.item.tag()), ("Lab 3 (final)", Some("grade")));
    tool.call(&endpoint, DeleteLineItem::new(url(&created)).unwrap()).unwrap();
    let error = tool.call(&endpoint, GetLineItem::new().at(url(&created)).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    platform.assert_no_violations();
}

// AGS-LIST-03, AGS-LIST-05
fn line_items_are_found_by_link_and_by_tag<T: Tool>() {
    let platform = Platform::builder()
        .line_item(Column::new("li-1", 100.0).resource_link_id("rl-7").tag("grade"))
        .line_item(Column::new("li-2", 10.0).unlinked().tag("grade"))
        .line_item(Column::new("li-3", 10.0).unlinked().tag("originality"))
        .start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let found = |list: ListLineItems| tool.call(&endpoint, list).unwrap().items.len();
    assert_eq!(found(ListLineItems::new()), 3);
    assert_eq!(found(ListLineItems::new().tag("grade")), 2);
    assert_eq!(found(ListLineItems::new().resource_link_id("rl-7")), 1);
    assert_eq!(found(ListLineItems::new().tag("rl/7 a&b")), 0);
    platform.assert_no_violations();
}

// AGS-CREATE-08
fn ensuring_finds_what_is_there_and_creates_what_is_not<T: Tool>() {
    let platform = Platform::builder().page_size(1, 1).start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let first = tool.call(&endpoint, EnsureLineItem::new(lab())).unwrap();
    let second = tool.call(&endpoint, EnsureLineItem::new(lab())).unwrap();
    assert_eq!((first.created, second.created), (true, false));
    assert_eq!(url(&first.item), url(&second.item));
    assert_eq!(platform.gradebook().line_items().len(), 2);
    platform.assert_no_violations();
}

// AGS-CREATE-09
fn ensuring_after_a_lost_answer_makes_no_second_column<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    platform.script(Route::Any, Script::normal().then(Script::normal()).then(Script::reset_after_acting()));
    let ensured = tool.call(&endpoint, EnsureLineItem::new(lab())).unwrap();
    assert!(ensured.created);
    assert_eq!(platform.gradebook().line_items().len(), 2, "its own, and the launch's");
    platform.assert_no_violations();
}

fn a_creation_whose_answer_is_lost_is_not_repeated<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.authorize(&endpoint).unwrap();
    platform.script(Route::Any, Script::reset_after_acting());
    let error = tool.call(&endpoint, CreateLineItem::new(lab())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(format!("{error}").contains("nsure"), "{error}");
    assert_eq!(platform.gradebook().line_items().len(), 2);

    // What was refused for being too fast was not acted on.
    platform.script(Route::Any, Script::reply(429).header("Retry-After", "0"));
    tool.call(&endpoint, CreateLineItem::new(lab())).unwrap();
    assert_eq!(platform.gradebook().line_items().len(), 3);
}

// AGS-DELETE-04
fn the_launchs_own_line_item_is_deleted_only_by_force<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let own = endpoint.line_item().unwrap().to_string();
    for spelling in [own.clone(), format!("{own}/"), own.replace("http", "HTTP")] {
        let error = tool.call(&endpoint, DeleteLineItem::new(spelling).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CoupledLineItem);
    }
    assert_eq!(platform.ledger().len(), 0);
    tool.call(&endpoint, DeleteLineItem::new(own).unwrap().force()).unwrap();
    assert_eq!(platform.gradebook().line_items().len(), 0);
}

// AGS-DELETE-03
fn a_deletion_whose_answer_is_lost_has_happened<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let created = tool.call(&endpoint, CreateLineItem::new(lab())).unwrap();
    platform.script(Route::Any, Script::reset_after_acting());
    tool.call(&endpoint, DeleteLineItem::new(url(&created)).unwrap()).unwrap();
    let error = tool.call(&endpoint, DeleteLineItem::new(url(&created)).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

// AGS-RESULT-02
fn one_users_result_is_read<T: Tool>() {
    let platform = Platform::start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    for user in ["u-1001", "u-1002"] {
        tool.call(&endpoint, PostScore::new(Score::graded(user, 1.0, 3.0).build().unwrap())).unwrap();
    }
    let result = tool.call(&endpoint, GetResult::new("u-1002")).unwrap().unwrap();
    assert_eq!(result.user_id(), "u-1002");
    assert!((result.percent().unwrap() - 100.0 / 3.0).abs() < 1e-9);
    assert!(tool.call(&endpoint, GetResult::new("u-1003")).unwrap().is_none());
    platform.assert_no_violations();
}

// AGS-PAGE-01
fn a_long_list_is_followed_to_its_end<T: Tool>() {
    let platform = Platform::builder().results_for("li-1", 2_345).page_size(100, 100).start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let results = tool.collect(&endpoint, ListResults::new(), 10_000).unwrap();
    assert_eq!(results.len(), 2_345);
    assert_eq!(platform.ledger().service_requests().len(), 24);
    let error = tool.collect(&endpoint, ListResults::new(), 2_344).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    let limited = ListResults::new().limit(NonZeroU32::new(7).unwrap());
    assert_eq!(tool.call(&endpoint, limited).unwrap().items.len(), 7);
    platform.assert_no_violations();
}

fn a_list_that_breaks_is_no_short_list<T: Tool>() {
    let platform = Platform::builder().results_for("li-1", 500).page_size(100, 100).start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.authorize(&endpoint).unwrap();
    platform.script(
        Route::Any,
        Script::normal().times(2).then(Script::reply(200).body("[{\"userId\":\"u-1\"},")),
    );
    let error = tool.collect(&endpoint, ListResults::new(), 10_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    assert!(error.to_string().contains("page 3"), "{error}");
}

// AGS-PAGE-11
fn a_next_link_elsewhere_is_refused<T: Tool>() {
    let (platform, other) = (Platform::start(), Platform::start());
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    tool.authorize(&endpoint).unwrap();
    let link = format!("<{}>; rel=\"next\"", other.line_items_url());
    platform.script(Route::Any, Script::reply(200).header("Link", link).body("[]"));
    let error = tool.collect(&endpoint, ListLineItems::new(), 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    assert_eq!(other.ledger().len(), 0);
}

// AGS-PAGE-10
fn too_many_pages_are_an_error<T: Tool>() {
    let platform = Platform::builder().results_for("li-1", 50).page_size(1, 1).start();
    let mut policy = impatient();
    policy.max_pages = 10;
    let launch = launch(&platform);
    let endpoint: Endpoint = launch.endpoint().unwrap();
    let error = T::with(&platform, policy).collect(&endpoint, ListResults::new(), 1_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyPages);
    assert_eq!(platform.ledger().service_requests().len(), 10);
}
