//! When a call gets another token, and how long it waits for a platform that says so.

use std::time::Duration;

use crate::common::{LINE_ITEM, LINE_ITEMS, Tool, answer, answer_with, graded, shown, token_answer};
use lti_ags::http::StatusCode;
use lti_ags::{
    Cause, CreateLineItem, DeleteLineItem, Endpoint, ErrorKind, EventKind, GetLineItem, ListLineItems,
    NewLineItem, Policy, PostScore, Scope, Step, TransportError, UpdateLineItem,
};

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

#[test]
fn a_token_that_another_call_has_proven_is_renewed_where_it_is_refused() {
    let mut tool = Tool::new();
    let (endpoint, now) = (tool.endpoint.clone(), tool.now);
    let Step::Send(_, fetching) = tool.session.begin(&endpoint, post(), now) else { panic!() };
    let Step::Wait(_, waiting) = tool.session.begin(&endpoint, post(), now) else { panic!() };
    let token = token_answer(r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#);
    let Step::Send(_, first) = fetching.receive(&mut tool.session, now, token) else { panic!() };
    let Step::Send(_, second) = waiting.resume(&mut tool.session, now) else { panic!() };
    assert!(matches!(second.receive(&mut tool.session, now, answer(204, "")), Step::Done(Ok(_))));
    // It is not older than the call that fetched it; but it was good a moment ago.
    let Step::Send(_, renewing) = first.receive(&mut tool.session, now, answer(403, "")) else { panic!() };
    assert!(renewing.lease().is_some());
}

#[test]
fn a_token_that_is_older_than_the_call_is_renewed_where_it_is_refused() {
    let mut tool = Tool::new().answers([answer(403, ""), answer(204, "")]);
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    tool.drive(step).unwrap();
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (2, 2));
}

#[test]
fn forgetting_tokens_wakes_who_waits() {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let revision = tool.session.revision();
    tool.session.forget_tokens();
    assert_eq!(tool.session.revision(), revision + 1);
}

#[test]
fn the_longest_of_two_waits_counts() {
    for (first, second) in [("40", "5"), ("5", "40")] {
        let mut tool = Tool::new();
        tool.warm();
        let (endpoint, now) = (tool.endpoint.clone(), tool.now);
        let flights = [first, second].map(|after| match tool.session.begin(&endpoint, post(), now) {
            Step::Send(_, in_flight) => (in_flight, after),
            step => panic!("{step:?}"),
        });
        for (in_flight, after) in flights {
            let refusal = answer_with(429, &[("retry-after", after.as_bytes())], b"");
            assert!(matches!(in_flight.receive(&mut tool.session, now, refusal), Step::Wait(..)));
        }
        let later = now + Duration::from_secs(39);
        assert!(matches!(tool.session.begin(&endpoint, post(), later), Step::Wait(..)), "{first}, {second}");
    }
}

#[test]
fn a_token_endpoint_is_waited_for_as_long_as_is_allowed() {
    let with = |attempts| {
        let mut policy = Policy::default();
        (policy.max_retry_after, policy.max_attempts) = (Duration::from_secs(10), attempts);
        Tool::with_policy(policy)
    };
    let busy = |after: &str| answer_with(503, &[("retry-after", after.as_bytes())], b"");
    let mut tool = with(5).token_answers([busy("10")]);
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (2, 1));

    let mut tool = with(5).token_answers([busy("11")]);
    let after = Some(Duration::from_secs(11));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::RateLimited { after });
    // Spent attempts are another matter.
    for after in ["5", "10"] {
        let mut tool = with(1).token_answers([busy(after)]);
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServerError, "{after}");
    }
}

#[test]
fn a_scope_that_is_missing_is_told_before_anything_is_sent() {
    let mut tool = Tool::new();
    let next = format!("<{LINE_ITEMS}?page=2>; rel=next");
    tool.answers.push_back(answer_with(200, &[("link", next.as_bytes())], b"[]"));
    let next = tool.call(ListLineItems::new()).unwrap().next.unwrap();
    let scores =
        Endpoint::new([Scope::SCORE]).with_line_items(LINE_ITEMS).unwrap().with_line_item(LINE_ITEM).unwrap();
    let mut tool = Tool::new().at(scores);
    for kind in [
        tool.call(next).unwrap_err().kind(),
        tool.call(UpdateLineItem::new(|_| Ok(()))).unwrap_err().kind(),
        tool.call(DeleteLineItem::new("https://lms.northfield.test/ctx/9/lineitems/5/").unwrap())
            .unwrap_err()
            .kind(),
        tool.call(GetLineItem::new()).unwrap_err().kind(),
    ] {
        assert_eq!(kind, ErrorKind::MissingScope);
    }
    assert_eq!(tool.counts(), (0, 0));
    let step = tool.session.authorize(&Endpoint::new([]), tool.now);
    assert!(tool.drive(step).is_err());
}

#[test]
fn a_container_that_is_not_found_and_a_creation_in_doubt_are_told_apart() {
    let item = || NewLineItem::new("Lab", 20.0).unwrap();
    for status in [404, 410] {
        let mut tool = Tool::new().answers([answer(status, "")]);
        let error = tool.call(CreateLineItem::new(item())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("container"), "{error}");
    }
    let mut tool = Tool::new().answers([answer(408, "")]);
    assert_eq!(tool.call(CreateLineItem::new(item())).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
}

#[test]
fn a_failed_transport_tells_the_status_that_it_saw() {
    let error = TransportError::in_doubt(Cause::TooLarge, "too large");
    assert_eq!(error.status(), None);
    assert_eq!(error.with_status(StatusCode::BAD_GATEWAY).status(), Some(StatusCode::BAD_GATEWAY));
}

#[test]
fn a_token_that_is_about_to_expire_is_not_handed_on() {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    assert_eq!(tool.session.tokens(tool.now).len(), 1);
    assert!(tool.session.tokens(tool.now + Duration::from_secs(3_590)).is_empty());
}

#[test]
fn a_grant_without_a_token_is_none_and_its_scopes_may_come_as_a_list() {
    let mut tool = Tool::new().token_answers([token_answer(r#"{"access_token":"","token_type":"bearer"}"#)]);
    let error = tool.call(post()).unwrap_err();
    assert!(shown(&error).contains("holds no access token"), "{error:?}");
    let other = format!(r#"{{"access_token":"t","token_type":"bearer","scope":["{}"]}}"#, Scope::LINE_ITEM);
    let mut tool = Tool::new().token_answers([token_answer(&other)]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::MissingScope);
}

#[test]
fn attempts_to_fetch_a_token_are_counted() {
    let mut tool = Tool::new().token_answers([answer(503, "")]);
    tool.session.record_events();
    tool.call(post()).unwrap();
    let exchanges = tool.session.take_events().into_iter().filter_map(|event| match event.kind {
        EventKind::Exchange { .. } => Some((event.operation, event.attempt)),
        _ => None,
    });
    assert_eq!(
        exchanges.collect::<Vec<_>>(),
        [("token request", 1), ("token request", 2), ("post score", 1)]
    );
}
