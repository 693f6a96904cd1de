//! What a call tells of itself: each exchange, wait, renewal and retry, and no secret.

use std::error::Error as _;
use std::time::Duration;

use crate::common::{LINE_ITEMS, TOKEN, Tool, answer, answer_with, graded, in_doubt};
use lti_ags::http::{Method, StatusCode};
use lti_ags::{
    Cause, Event, EventKind, ListLineItems, ListResults, Listing, Operation, PostScore, Step, TransportError,
    WaitReason,
};

const COMMENT: &str = "Planted: Jo";

fn post() -> PostScore {
    PostScore::new(graded().comment(COMMENT).build().unwrap())
}

/// The events of a call, each exchange of which takes 12 ms.
fn events<O: Operation>(tool: &mut Tool, operation: O) -> Vec<Event> {
    tool.session.record_events();
    tool.exchange_time = Duration::from_millis(12);
    let _ = tool.call(operation);
    tool.session.take_events()
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::to_string).collect()
}

#[test]
fn an_exchange_is_told_in_a_line() {
    // AGS-CERT-06
    assert_eq!(
        lines(&events(&mut Tool::new(), post())),
        [
            "token request: POST https://auth.northfield.test/oauth2/token: 200, 82 bytes, 12 ms (attempt 1)",
            "post score: POST https://lms.northfield.test/ctx/9/lineitems/4/scores: 204, 0 bytes, 12 ms (attempt 1)",
        ]
    );
}

#[test]
fn nothing_is_told_unless_it_is_asked_for() {
    let mut tool = Tool::new().answers([answer(503, "")]);
    tool.call(post()).unwrap();
    assert!(tool.session.take_events().is_empty());
}

#[test]
fn a_call_tells_what_it_tries_again_and_how_long_it_waits() {
    let mut tool = Tool::new().answers([
        answer(401, ""),
        answer_with(
            429,
            &[("retry-after", b"7"), ("x-rate-limit-remaining", b"0.5"), ("x-request-cost", b"1.25")],
            b"",
        ),
        in_doubt(),
    ]);
    let mut told = events(&mut tool, post());
    // How requests are spread is another matter.
    told.retain(|event| !matches!(event.kind, EventKind::Wait { reason: WaitReason::Turn, .. }));
    let kinds: Vec<_> = told
        .iter()
        .map(|event| match &event.kind {
            EventKind::Exchange { outcome: Ok((status, _)), .. } => status.as_u16().to_string(),
            EventKind::Exchange { outcome: Err(error), .. } => format!("{:?}", error.cause()),
            EventKind::Wait { reason, .. } => format!("wait {reason:?}"),
            EventKind::Renewal { status } => format!("renewal {}", status.as_u16()),
            EventKind::Retry { error } => format!("retry {}", error.kind().name()),
            _ => panic!("{event}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "200",
            "401",
            "renewal 401",
            "200",
            "429",
            "retry rate_limited",
            "wait Throttled",
            "Connection",
            "retry connection",
            "wait Retry",
            "204"
        ]
    );
    let attempts: Vec<_> = told.iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]);
    let EventKind::Exchange { method, remaining, cost, elapsed, .. } = &told[4].kind else { panic!() };
    assert_eq!((method, *remaining, *cost), (&Method::POST, Some(0.5), Some(1.25)));
    assert_eq!(*elapsed, Duration::from_millis(12));
    let EventKind::Wait { length, .. } = told[6].kind else { panic!() };
    assert!(length >= Duration::from_secs(7));
    assert!(lines(&told)[5].ends_with("tries again after a 429 (attempt 2)"), "{}", lines(&told)[5]);
}

#[test]
fn a_fault_keeps_its_cause() {
    let mut tool = Tool::new().answers([Err(TransportError::in_doubt(Cause::Timeout, "timed out"))]);
    let told = events(&mut tool, post());
    let EventKind::Exchange { outcome: Err(error), .. } = &told[1].kind else { panic!() };
    assert_eq!(error.source().unwrap().to_string(), "timed out");
    assert!(
        lines(&told)[1].contains("no complete answer to the request: Timeout, 12 ms"),
        "{:?}",
        lines(&told)
    );
}

#[test]
fn waiting_for_a_token_is_told() {
    let mut tool = Tool::new();
    tool.session.record_events();
    let Step::Send(_, in_flight) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    let Step::Wait(..) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    let told = tool.session.take_events();
    assert!(matches!(told[0].kind, EventKind::Wait { reason: WaitReason::Token, .. }), "{told:?}");
    let Step::Wait(..) = in_flight.receive(&mut tool.session, tool.now, answer(503, "")) else { panic!() };
    let told = tool.session.take_events();
    assert!(matches!(told[1].kind, EventKind::Wait { reason: WaitReason::TokenEndpoint, .. }), "{told:?}");
}

#[test]
fn pages_are_numbered() {
    let next = format!("<{LINE_ITEMS}?p=2>; rel=\"next\"");
    let mut tool =
        Tool::new().answers([answer_with(200, &[("link", next.as_bytes())], b"[]"), answer(200, "[]")]);
    tool.session.record_events();
    let page = tool.call(ListLineItems::new()).unwrap();
    tool.call(page.next.unwrap()).unwrap();
    let pages: Vec<_> = tool.session.take_events().iter().map(|event| event.page).collect();
    assert_eq!(pages, [None, Some(1), Some(2)]);
}

#[test]
fn events_show_no_secret() {
    // AGS-SEC-08, AGS-TOKERR-06
    let echo = format!("no: {TOKEN} {COMMENT}");
    let next = format!("<{LINE_ITEMS}?access_token={TOKEN}>; rel=\"next\"");
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    tool.session.forget_tokens();
    tool.token_answers.push_back(answer(503, &echo));
    tool.answers.extend([503, 401, 429, 422].map(|status| answer(status, &echo)));
    let mut told = events(&mut tool, post());
    tool.answers.extend([answer_with(200, &[("link", next.as_bytes())], b"[]")]);
    let page = tool.call(ListLineItems::new()).unwrap();
    let _ = tool.call(page.next.unwrap());
    told.extend(tool.session.take_events());
    assert!(told.len() > 12, "{told:?}");
    let shown = format!("{told:?} {told:#?} {}", lines(&told).join("\n"));
    let assertion = tool.form_value(1, "client_assertion");
    for secret in [TOKEN, COMMENT, &*assertion, assertion.rsplit('.').next().unwrap()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("[redacted]"), "{shown}");
}

#[test]
fn what_nobody_takes_does_not_pile_up() {
    let mut tool = Tool::new();
    tool.session.record_events();
    for _ in 0..1_000 {
        tool.call(post()).unwrap();
    }
    assert!(tool.session.take_events().len() < 1_000);
    tool.call(post()).unwrap();
    let told = tool.session.take_events();
    let EventKind::Exchange { outcome: Ok((status, _)), .. } = told[0].kind else { panic!("{told:?}") };
    assert_eq!((told.len(), status), (1, StatusCode::NO_CONTENT));
}

#[test]
fn each_reason_to_wait_is_told_in_words() {
    for (reason, words) in [
        (WaitReason::Token, "the token that is being fetched"),
        (WaitReason::TokenEndpoint, "the token endpoint to recover"),
        (WaitReason::Retry, "the platform to recover"),
        (WaitReason::Throttled, "the platform, which throttles"),
        (WaitReason::Turn, "its turn"),
    ] {
        assert_eq!(reason.to_string(), words);
    }
}

#[test]
fn what_is_under_way_says_what_it_is() {
    let mut tool = Tool::new();
    let step = tool.session.begin(&tool.endpoint, post(), tool.now);
    let Step::Send(_, in_flight) = step else { panic!("{step:?}") };
    assert!(format!("{in_flight:?}").starts_with("InFlight { name: \"token request\", call: post score {"));
    let step = in_flight.receive(&mut tool.session, tool.now, answer(503, ""));
    assert!(format!("{step:?}").starts_with("Wait("), "{step:?}");
    tool.drive(step).unwrap();
    let step = tool.session.begin(&tool.endpoint, post(), tool.now);
    assert!(
        format!("{step:?}")
            .starts_with("Send(POST https://lms.northfield.test/ctx/9/lineitems/4/scores, InFlight")
    );
}

#[test]
fn pages_of_results_are_numbered() {
    let next = "<https://lms.northfield.test/ctx/9/lineitems/4/results?p=2>; rel=next";
    let mut tool =
        Tool::new().answers([answer_with(200, &[("link", next.as_bytes())], b"[]"), answer(200, "[]")]);
    tool.session.record_events();
    let page = tool.call(ListResults::new()).unwrap();
    assert!(tool.call(page.next.unwrap()).unwrap().next.is_none());
    let pages: Vec<_> = tool.session.take_events().iter().map(|event| event.page).collect();
    assert_eq!(pages, [None, Some(1), Some(2)]);

    let mut listing = Listing::new(ListResults::new());
    tool.answers.extend([answer_with(200, &[("link", next.as_bytes())], b"[]"), answer(200, "[]")]);
    while let Some(request) = listing.request() {
        listing.receive(tool.call(request));
    }
    let pages: Vec<_> = tool.session.take_events().iter().map(|event| event.page).collect();
    assert_eq!(pages, [Some(1), Some(2)]);
    assert_eq!(format!("{listing:?}"), "Listing { items: 0, error: None, .. }");
}
