//! In what order a bulk passback takes rows up, begins them and leaves out what need not be sent.

use std::time::Duration;

use crate::common::{answer, answer_with, graded};
use crate::passback::{Run, outcomes, points, row, token, user, users};
use lti_ags::{Passback, PostScore, Step, Turn};

fn results(results: &[&str]) -> String {
    let result = |(number, members): (usize, &&str)| {
        format!(r#"{{"id":"https://lms.northfield.test/r/{number}",{members}}}"#)
    };
    format!("[{}]", results.iter().enumerate().map(result).collect::<Vec<_>>().join(","))
}

/// The points that were sent, with these results held at first.
fn sent(run: &mut Run, rows: Vec<lti_ags::Row>, held: &[&str], statuses: &[u16]) -> Vec<f64> {
    let held = results(held);
    let (mut sent, mut statuses) = (Vec::new(), statuses.iter());
    run.finish(rows, |_, request| {
        if request.method() == "GET" {
            return answer(200, &held);
        }
        sent.push(points(&request));
        answer(statuses.next().copied().unwrap_or(204), "")
    });
    sent
}

const HELD: &str = r#""userId":"u","resultScore":50,"resultMaximum":100"#;

#[test]
fn a_grade_that_an_earlier_row_changes_is_sent_again() {
    let mut run = Run::new(Passback::only_changed);
    let rows = vec![row("u", 60.0), row("u", 50.0)];
    assert_eq!(sent(&mut run, rows, &[HELD], &[]), [60.0, 50.0]);
}

#[test]
fn a_grade_that_an_earlier_row_has_set_is_not_sent_again() {
    let mut run = Run::new(Passback::only_changed);
    let rows = vec![row("u", 60.0), row("u", 60.0), row("u", 50.0)];
    assert_eq!(sent(&mut run, rows, &[HELD], &[]), [60.0, 50.0]);
    assert_eq!(outcomes(&mut run), ["sent", "unchanged", "sent"]);
}

#[test]
fn what_nobody_knows_is_not_taken_for_held() {
    // A later grade of somebody is held, or what the row came to is not known.
    for (status, outcome) in [(409, "superseded"), (400, "rejected score_refused")] {
        let mut run = Run::new(Passback::only_changed);
        let rows = vec![row("u", 60.0), row("u", 50.0)];
        let expected = if status == 409 { vec![60.0, 50.0] } else { vec![60.0] };
        assert_eq!(sent(&mut run, rows, &[HELD], &[status]), expected, "{status}");
        assert_eq!(outcomes(&mut run)[0], outcome);
    }
}

#[test]
fn grades_of_others_are_kept_and_no_more_than_these() {
    let held = [
        r#""userId":"a","resultScore":5,"resultMaximum":10,"scoringUserId":"teacher""#,
        r#""userId":"b","resultScore":5,"resultMaximum":10,"scoringUserId":"tool""#,
    ];
    let mut run = Run::new(|passback| passback.keep_grades_of_others(["tool".to_owned()]));
    let rows = vec![row("a", 50.0), row("b", 50.0), row("c", 50.0)];
    assert_eq!(sent(&mut run, rows, &held, &[]).len(), 2);
    assert_eq!(outcomes(&mut run), ["skipped overridden", "sent", "sent"]);
}

#[test]
fn rows_are_taken_until_a_thousand_are_in_hand_and_again_when_half_are_settled() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let (mut fed, mut flight) = (0, None);
    loop {
        match run.next() {
            Turn::Feed => {
                fed += 1;
                assert!(fed <= 1_024, "it takes rows without end");
                run.passback.feed(row(format!("u-{fed}"), 50.0));
            }
            Turn::Send(_, first) => flight = Some(first),
            Turn::Wait(None) => break,
            turn => panic!("{turn:?}"),
        }
    }
    assert_eq!(fed, 1_024);
    run.receive(flight.unwrap(), token());
    let (mut settled, mut flight) = (0, None);
    loop {
        match run.next() {
            Turn::Send(_, next) => flight = Some(next),
            Turn::Settled(_) => settled += 1,
            Turn::Wait(None) => run.receive(flight.take().unwrap(), answer(204, "")),
            Turn::Feed => break,
            turn => panic!("{turn:?}"),
        }
    }
    assert_eq!(settled, 512);
}

#[test]
fn all_that_wait_for_a_token_go_as_soon_as_it_is_there() {
    let mut run = Run::new(|passback| passback.concurrency(4));
    for row in users(4) {
        run.passback.feed(row);
    }
    let (_, fetching) = run.sent();
    assert_eq!((fetching.row(), fetching.name()), (None, "token request"));
    run.passback.finish();
    assert!(matches!(run.next(), Turn::Wait(_)));
    run.receive(fetching, token());
    let rows: Vec<_> = (0..4)
        .map(|_| {
            let (_, flight) = run.sent();
            assert_eq!(flight.name(), "post score");
            let row = flight.row();
            run.receive(flight, answer(204, ""));
            while run.passback.summary().rows > run.settled.len() as u64 {
                let Turn::Settled(settlement) = run.next() else { panic!("it is not told") };
                run.settled.push(settlement);
            }
            row
        })
        .collect();
    assert_eq!(rows.iter().flatten().copied().collect::<std::collections::BTreeSet<_>>(), (1..=4).collect());
    // A token request is no attempt.
    assert!(run.settled.iter().all(|settlement| settlement.attempts == 1), "{:?}", run.settled);
}

#[test]
fn no_row_begins_while_the_platform_has_all_wait() {
    let mut run = Run::new(|passback| passback);
    let (endpoint, now) = (run.tool.endpoint.clone(), run.tool.now);
    run.tool.warm();
    let Step::Send(_, in_flight) =
        run.tool.session.begin(&endpoint, PostScore::new(graded().build().unwrap()), now)
    else {
        panic!("it waits")
    };
    let refusal = answer_with(429, &[("retry-after", b"40")], b"");
    let _ = in_flight.receive(&mut run.tool.session, now, refusal);
    for row in users(2) {
        run.passback.feed(row);
    }
    run.passback.finish();
    assert!(matches!(run.next(), Turn::Wait(Some(delay)) if delay == Duration::from_secs(1)));
    assert_eq!(run.passback.calls(), (0, 0));
    run.tool.now += Duration::from_secs(41);
    let (request, _) = run.sent();
    assert_eq!(user(&request), "u-0");
}

#[test]
fn one_row_at_a_time_waits_for_its_turn() {
    let mut run = Run::new(|passback| passback.concurrency(32));
    for row in users(32) {
        run.passback.feed(row);
    }
    run.passback.finish();
    run.fetch_token();
    let mut flights = Vec::new();
    let (calls, waiting) = loop {
        match run.next() {
            Turn::Send(_, flight) => flights.push(flight),
            Turn::Wait(_) => break run.passback.calls(),
            turn => panic!("{turn:?}"),
        }
    };
    assert!(calls < 32 && waiting == 1, "{calls} calls, {waiting} wait");
}

#[test]
fn what_is_read_and_looked_for_is_the_rows_own_line_item() {
    let other = "https://lms.northfield.test/ctx/9/lineitems/5/";
    let mut run = Run::new(|passback| passback.only_changed().concurrency(1));
    let mut paths = Vec::new();
    run.finish([row("u", 50.0).at(other.parse().unwrap())], |_, request| {
        paths.push(format!("{} {}", request.method(), request.uri().path()));
        if request.uri().path().ends_with("results") { answer(200, "[]") } else { answer(404, "") }
    });
    let lineitem = "/ctx/9/lineitems/5/";
    assert_eq!(
        paths,
        [format!("GET {lineitem}results"), format!("POST {lineitem}scores"), format!("GET {lineitem}")]
    );
}

#[test]
fn all_is_held_where_nothing_was_skipped_rejected_or_given_up() {
    type Count = fn(&mut lti_ags::Summary) -> &mut u64;
    let held: [Count; 3] = [|all| &mut all.sent, |all| &mut all.unchanged, |all| &mut all.superseded];
    let lost: [Count; 3] = [|all| &mut all.skipped, |all| &mut all.rejected, |all| &mut all.gave_up];
    for (counts, all_held) in [(held, true), (lost, false)] {
        for count in counts {
            let mut summary = lti_ags::Summary::default();
            *count(&mut summary) = 1;
            assert_eq!(summary.all_held(), all_held, "{summary:?}");
        }
    }
}
