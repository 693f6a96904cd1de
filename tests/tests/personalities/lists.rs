//! Lists of line items on every platform: filters and pages (AGS 3.2.4).

use std::num::NonZeroU32;

use lti_ags::{LineItem, ListLineItems, Scope};
use lti_ags_testing::names::MEDIA_LINE_ITEMS;
use lti_ags_testing::{LineItem as Column, Personality};

use crate::cannot::Cannot;
use crate::common::Tool;
use crate::course::{Course, Raw};

everywhere! {
    filters_hold_whatever_the_platform_makes_of_them,
    pages_are_followed_to_the_end,
    filters_hold_across_pages,
    an_empty_list_is_no_error,
}

fn all<T: Tool>(course: &Course<T>, list: ListLineItems) -> Vec<LineItem> {
    course.tool.collect(&course.endpoint, list, 1_000).unwrap()
}

fn labels<T: Tool>(course: &Course<T>, list: ListLineItems) -> Vec<String> {
    all(course, list).iter().map(|item| item.label().to_owned()).collect()
}

fn limit(most: u32) -> NonZeroU32 {
    NonZeroU32::new(most).unwrap()
}

// AGS-LIST-03, AGS-LIST-04, AGS-LIST-05
fn filters_hold_whatever_the_platform_makes_of_them<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| {
        platform
            .line_item(Column::new("own", 100.0).tag("grade"))
            .line_item(Column::new("lab", 10.0).unlinked().resource_id("l 1&2").tag("grade"))
            .line_item(Column::new("extra", 10.0).unlinked().resource_id("e").tag("originality"))
    });
    let link = course.platform.resource_link_id();
    assert_eq!(labels(&course, ListLineItems::new()), ["own", "lab", "extra"]);
    assert_eq!(labels(&course, ListLineItems::new().tag("grade")), ["own", "lab"]);
    assert_eq!(labels(&course, ListLineItems::new().resource_id("l 1&2")), ["lab"]);
    assert_eq!(labels(&course, ListLineItems::new().tag("grade").resource_id("e")), [""; 0]);
    assert_eq!(labels(&course, ListLineItems::new().resource_link_id(&*link)), ["own"]);
    // What the platform itself made of the last request.
    let url = course.platform.ledger().last().map(|exchange| exchange.target.clone()).unwrap();
    let url = format!("{}{}", course.platform.base_url(), String::from_utf8(url).unwrap());
    let sent =
        course.call(Raw { url, accept: MEDIA_LINE_ITEMS, scopes: const { &[Scope::LINE_ITEM] } }).unwrap();
    assert_eq!(sent, if course.can(Cannot::FilterByLink) { 1 } else { 3 });
    course.end();
}

fn thirty<T: Tool>(like: Personality) -> Course<T> {
    Course::with(like, |platform| {
        let column = |n: u32| {
            let tag = if n.is_multiple_of(2) { "even" } else { "odd" };
            Column::new(format!("c-{n}"), 10.0).unlinked().resource_id(format!("r-{n}")).tag(tag)
        };
        let platform = platform.line_item(Column::new("li-1", 100.0));
        (1..30).fold(platform, |platform, n| platform.line_item(column(n)))
    })
}

// AGS-PAGE-01, AGS-PAGE-02, AGS-LIST-06
fn pages_are_followed_to_the_end<T: Tool>(like: Personality) {
    let course = thirty::<T>(like);
    let items = all(&course, ListLineItems::new().limit(limit(7)));
    let mut ids: Vec<_> = items.iter().filter_map(LineItem::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((items.len(), ids.len()), (30, 30));
    let requests = if course.can(Cannot::Page) { 5 } else { 1 };
    assert_eq!(course.platform.ledger().service_requests().len(), requests);
    assert_eq!(all(&course, ListLineItems::new()).len(), 30);
    course.end();
}

// AGS-PAGE-01, AGS-LIST-05
fn filters_hold_across_pages<T: Tool>(like: Personality) {
    let course = thirty::<T>(like);
    let odd = all(&course, ListLineItems::new().tag("odd").limit(limit(4)));
    assert_eq!(odd.len(), 15);
    assert!(odd.iter().all(|item| item.tag() == Some("odd")));
    let requests = if course.can(Cannot::Page) { 4 } else { 1 };
    assert_eq!(course.platform.ledger().service_requests().len(), requests);
    course.end();
}

// AGS-LIST-02
fn an_empty_list_is_no_error<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    assert_eq!(all(&course, ListLineItems::new().tag("nothing has this")).len(), 0);
    assert_eq!(all(&course, ListLineItems::new().tag("nor this").limit(limit(3))).len(), 0);
    course.end();
}
