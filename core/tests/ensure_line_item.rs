//! Finding or creating a line item, never a second one (AGS 3.2.15, 4.8).

use crate::scripted::{self, Platform, item, lost, not_sent, ok, page, platform, status};
use lti_ags::{Endpoint, EnsureLineItem, Ensured, Error, ErrorKind, NewLineItem, Scope};

const QUIZ: &str = r#","resourceId":"quiz-9","tag":"grade""#;

fn quiz() -> EnsureLineItem {
    let quiz = NewLineItem::new("Quiz 9", 10.0).unwrap();
    EnsureLineItem::new(quiz.with_resource_id("quiz-9").with_tag("grade"))
}

fn ensure(platform: &mut Platform) -> Result<Ensured, Error> {
    platform.call(quiz())
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

#[test]
fn what_is_there_is_found_on_any_page() {
    // AGS-CREATE-08, AGS-CREATE-11
    let mut platform = platform([page(&list(&[item(1, "")]), "?p=2"), ok(&list(&[item(2, QUIZ)]))]);
    let ensured = ensure(&mut platform).unwrap();
    assert_eq!((ensured.item.label(), ensured.created), ("L2", false));
    assert_eq!(
        platform.lines(),
        ["GET /ctx/9/lineitems?resource_id=quiz-9&tag=grade", "GET /ctx/9/lineitems?p=2"]
    );
}

#[test]
fn what_is_not_there_is_created_once() {
    // AGS-CREATE-08, AGS-LIST-05: the platform ignores its filters
    let others =
        list(&[item(1, r#","resourceId":"quiz-9","tag":"originality""#), item(2, r#","tag":"grade""#)]);
    let mut platform = platform([ok(&others), status(201, &item(3, QUIZ))]);
    let ensured = ensure(&mut platform).unwrap();
    assert_eq!((ensured.item.label(), ensured.created), ("L3", true));
    assert_eq!(platform.lines()[1], "POST /ctx/9/lineitems");
    assert_eq!(
        platform.body(1),
        r#"{"label":"Quiz 9","scoreMaximum":10,"resourceId":"quiz-9","tag":"grade"}"#
    );
}

#[test]
fn of_many_matches_five_are_named() {
    for (matches, more) in [(5, false), (6, true), (7, true)] {
        let items: Vec<_> = (1..=matches).map(|number| item(number, QUIZ)).collect();
        let error = ensure(&mut platform([ok(&list(&items))])).unwrap_err().to_string();
        assert!(error.contains("lineitems/5") && !error.contains("lineitems/6"), "{error}");
        assert_eq!(error.contains(", …"), more, "{error}");
    }
}

#[test]
fn several_matches_are_named_and_none_is_created() {
    // AGS-ITEM-06
    let mut platform = platform([ok(&list(&[item(1, QUIZ), item(2, QUIZ)]))]);
    let error = ensure(&mut platform).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousLineItem);
    assert!(error.to_string().contains("lineitems/1, https://lms.test/ctx/9/lineitems/2"), "{error}");
    let mut platform =
        scripted::platform([page(&list(&[item(1, QUIZ)]), "?p=2"), ok(&list(&[item(2, QUIZ)]))]);
    assert_eq!(ensure(&mut platform).unwrap_err().kind(), ErrorKind::AmbiguousLineItem);
}

#[test]
fn one_that_is_listed_twice_is_one() {
    let first = page(&list(&[item(1, ""), item(2, QUIZ)]), "?p=2");
    let mut platform = platform([first, ok(&list(&[item(2, QUIZ), item(3, "")]))]);
    assert_eq!(ensure(&mut platform).unwrap().item.label(), "L2");
}

#[test]
fn a_creation_whose_answer_was_lost_is_looked_for_and_not_repeated() {
    // AGS-CREATE-09
    for fault in
        [lost(), status(500, ""), status(502, ""), status(201, ""), status(201, "<p>"), status(200, "{}")]
    {
        let mut platform = platform([ok("[]"), fault, page("[]", "?p=2"), ok(&list(&[item(5, QUIZ)]))]);
        let ensured = ensure(&mut platform).unwrap();
        assert_eq!((ensured.item.label(), ensured.created), ("L5", true));
        assert_eq!(platform.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
    }
}

#[test]
fn a_creation_that_does_not_show_is_not_repeated_in_the_same_call() {
    // AGS-CREATE-09: it may show later
    for fault in [lost(), status(503, ""), status(201, "")] {
        let mut platform = platform([ok("[]"), fault, ok("[]"), ok(&list(&[item(5, QUIZ)]))]);
        let error = ensure(&mut platform).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(error.to_string().contains("again later"), "{error}");
        // The next one finds it.
        assert!(!ensure(&mut platform).unwrap().created);
    }
}

#[test]
fn a_creation_that_was_not_acted_on_is_repeated() {
    for fault in [not_sent(), status(429, "")] {
        let mut platform = platform([ok("[]"), fault, status(201, &item(5, QUIZ))]);
        assert!(ensure(&mut platform).unwrap().created);
    }
}

#[test]
fn a_look_that_fails_creates_nothing() {
    for reply in [status(404, ""), ok("[{}]"), page("[]", "https://evil.test/"), page("[]", "")] {
        let mut platform = platform([reply]);
        assert!(ensure(&mut platform).is_err());
        assert_eq!(platform.sent.len(), 1);
    }
}

#[test]
fn a_refused_creation_is_final() {
    let mut platform = platform([ok("[]"), status(403, "no")]);
    let error = ensure(&mut platform).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Forbidden, Some("ensure line item")));
}

#[test]
fn another_label_stays_unless_it_is_to_be_updated() {
    let found = ok(&list(&[item(7, QUIZ)]));
    assert_eq!(ensure(&mut platform([found])).unwrap().item.label(), "L7");

    let renamed = item(7, QUIZ).replace("L7", "Quiz 9");
    let mut platform = platform([
        ok(&list(&[item(7, QUIZ)])),
        ok(&item(7, QUIZ)),
        ok(&renamed),
        ok(&format!("[{renamed}]")),
    ]);
    let ensured = platform.call(quiz().and_update()).unwrap();
    assert_eq!((ensured.item.label(), ensured.created), ("Quiz 9", false));
    assert_eq!(platform.lines()[1..], ["GET /ctx/9/lineitems/7", "PUT /ctx/9/lineitems/7"]);
    // Nothing is written where nothing differs.
    platform.call(quiz().and_update()).unwrap();
    assert!(platform.is_done());
}

#[test]
fn it_takes_something_to_find_it_by() {
    let nameless = EnsureLineItem::new(NewLineItem::new("a", 1.0).unwrap());
    let mut platform = platform([]);
    assert_eq!(platform.call(nameless).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(platform.token_requests, 0);
}

#[test]
fn another_container_is_used_throughout() {
    let mut platform = platform([ok("[]"), lost(), ok(&list(&[item(5, QUIZ)]))]);
    platform.call(quiz().in_container("https://lms.test/other?x=1").unwrap()).unwrap();
    assert_eq!(
        platform.lines(),
        [
            "GET /other?x=1&resource_id=quiz-9&tag=grade",
            "POST /other?x=1",
            "GET /other?x=1&resource_id=quiz-9&tag=grade"
        ]
    );
}

#[test]
fn with_leave_to_read_alone_it_finds_but_does_not_create() {
    let readonly = || {
        let endpoint = Endpoint::new([Scope::LINE_ITEM_READONLY]);
        endpoint.with_line_items(scripted::CONTAINER).unwrap()
    };
    let mut platform = platform([ok(&list(&[item(5, QUIZ)])), ok("[]")]);
    platform.endpoint = readonly();
    assert!(ensure(&mut platform).is_ok());
    assert_eq!(ensure(&mut platform).unwrap_err().kind(), ErrorKind::MissingScope);
}
