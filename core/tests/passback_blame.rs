//! What a refusal in a bulk passback is about: the row, its line item, or everything.

use crate::common::{self, answer};
use crate::passback::{Run, outcomes, row, token, user, users};
use lti_ags::{Endpoint, Passback, Scope, ServiceUrl, Turn};

const LAB: &str = r#"{"label":"Lab","scoreMaximum":100}"#;

#[test]
fn a_platform_that_holds_a_later_score_supersedes_the_row() {
    let mut run = Run::new(|passback| passback);
    run.finish(users(2), |_, request| answer(if user(&request) == "u-0" { 409 } else { 204 }, ""));
    assert_eq!(outcomes(&mut run), ["superseded", "sent"]);
}

#[test]
fn fifty_users_who_are_refused_alike_shut_the_line_item_unless_one_was_taken() {
    for taken in [0, 1] {
        let mut run = Run::new(|passback| passback.concurrency(1));
        let mut answered = 0;
        let summary = run.finish(users(100), |_, _| {
            answered += 1;
            answer(if answered <= taken { 204 } else { 422 }, "")
        });
        let expected = if taken == 0 { (0, 50, 50) } else { (1, 99, 0) };
        assert_eq!((summary.sent, summary.rejected, summary.skipped), expected);
    }
}

#[test]
fn who_is_refused_after_the_line_item_was_shut_is_not_blamed() {
    let mut run = Run::new(|passback| passback.concurrency(8));
    // Many may be in flight.
    run.tool.warm();
    for row in users(8) {
        run.passback.feed(row);
    }
    run.passback.finish();
    let mut sky = Vec::new();
    let summary = loop {
        match run.next() {
            Turn::Send(_, flight) if flight.lease().is_some() => run.receive(flight, token()),
            Turn::Send(_, flight) => sky.push(flight),
            Turn::Settled(settlement) => run.settled.push(settlement),
            Turn::Wait(delay) => match sky.pop() {
                Some(flight) => {
                    let is_shut = run.passback.halts().count() == 1;
                    run.receive(flight, answer(if is_shut { 404 } else { 403 }, ""));
                }
                None => run.tool.now += delay.expect("it waits for nothing"),
            },
            Turn::Done(summary) => break summary,
            turn => panic!("{turn:?}"),
        }
    };
    assert_eq!((summary.skipped, run.settled.len()), (8, 8));
    assert!(outcomes(&mut run).contains(&"skipped not_found".to_owned()));
    assert_eq!(run.passback.halts().count(), 1);
}

#[test]
fn the_score_that_is_taken_next_tells_that_the_refusal_was_about_the_user() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    for row in users(2) {
        run.passback.feed(row);
    }
    run.fetch_token();
    loop {
        let (request, flight) = run.sent();
        if flight.lease().is_some() {
            run.receive(flight, token());
        } else if user(&request) == "u-0" {
            run.receive(flight, answer(403, ""));
        } else {
            break run.receive(flight, answer(204, ""));
        }
    }
    assert_eq!((run.passback.summary().sent, run.passback.summary().rejected), (1, 1));
}

#[test]
fn a_score_that_was_on_its_way_already_tells_nothing() {
    let mut run = Run::new(|passback| passback.concurrency(2));
    for row in users(2) {
        run.passback.feed(row);
    }
    run.fetch_token();
    let (refused, late) = (run.sent().1, run.sent().1);
    run.receive(refused, answer(403, ""));
    // Once more, where a new token may help.
    while let Turn::Send(_, flight) = run.next() {
        let answer = if flight.lease().is_some() { token() } else { answer(403, "") };
        run.receive(flight, answer);
    }
    run.receive(late, answer(204, ""));
    assert_eq!((run.passback.summary().sent, run.passback.summary().rejected), (1, 0));
}

#[test]
fn a_line_item_that_is_there_after_all_says_nothing_of_who_is_forbidden() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let stopper = run.passback.stopper();
    let mut looks = 0;
    run.finish(users(10), |_, request| {
        if request.method() == "GET" {
            looks += 1;
            if looks <= 5 {
                return answer(503, "");
            }
            stopper.stop();
            return answer(200, LAB);
        }
        answer(if user(&request) == "u-1" { 403 } else { 404 }, "")
    });
    assert_eq!(outcomes(&mut run), ["rejected not_found", "skipped forbidden", "rejected not_found"]);
}

#[test]
fn a_line_item_that_nobody_may_look_at_is_taken_for_gone_after_five() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let mut looks = 0;
    run.finish(users(20), |_, request| {
        if request.method() == "GET" {
            looks += 1;
            return answer(400, "");
        }
        answer(404, "")
    });
    assert_eq!(outcomes(&mut run), ["skipped not_found"; 20]);
    assert_eq!(looks, 1);
}

#[test]
fn results_that_cannot_be_read_stop_their_line_item_or_everything() {
    let blind = Endpoint::new([Scope::SCORE]).with_line_item(common::LINE_ITEM).unwrap();
    for (endpoint, halted, outcome) in [
        (blind, None, "skipped missing_scope"),
        (common::endpoint(), Some(common::LINE_ITEM), "skipped server_error"),
    ] {
        let mut run = Run::new(|_| Passback::new(&endpoint).only_changed());
        run.finish([row("u-1001", 50.0), row("u-1002", 50.0)], |_, _| answer(500, ""));
        assert_eq!(outcomes(&mut run), [outcome; 2]);
        let halts: Vec<_> = run.passback.halts().collect();
        assert_eq!(halts.len(), 1);
        assert_eq!(halts[0].line_item.as_ref().map(ServiceUrl::as_str), halted);
    }
}

#[test]
fn users_who_are_refused_in_different_ways_do_not_shut_the_line_item() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let mut answered = 0;
    let summary = run.finish(users(120), |_, _| {
        answered += 1;
        answer(422, if answered % 2 == 0 { "User not found in course" } else { "" })
    });
    assert_eq!((summary.rejected, summary.skipped), (120, 0));
}
