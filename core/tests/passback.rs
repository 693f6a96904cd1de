//! A bulk passback, turn by turn.

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{self, Answer, Tool, answer, noon, token_answer};
use lti_ags::http::Request;
use lti_ags::{
    Bytes, Flight, History, JournalHeader, JournalReader, Passback, Row, RowOutcome, Scope, Score,
    ServiceUrl, Settlement, Summary, Turn,
};

/// A passback, its tool, and what it came to.
pub struct Run {
    pub tool: Tool,
    pub passback: Passback,
    pub settled: Vec<Settlement>,
    /// Each line that was written to the journal, and whether it was made durable.
    pub recorded: Vec<(String, bool)>,
}

impl Run {
    pub fn new(wishes: impl FnOnce(Passback) -> Passback) -> Self {
        let tool = Tool::new();
        let passback = wishes(Passback::new(&tool.endpoint));
        Self { tool, passback, settled: Vec::new(), recorded: Vec::new() }
    }

    pub fn next(&mut self) -> Turn {
        self.passback.next(&mut self.tool.session, self.tool.now)
    }

    pub fn receive(&mut self, flight: Flight, outcome: Answer) {
        self.passback.receive(&mut self.tool.session, self.tool.now, flight, outcome);
    }

    /// The next request, which must be there.
    #[track_caller]
    pub fn sent(&mut self) -> (Request<Bytes>, Flight) {
        match self.next() {
            Turn::Send(request, flight) => (request, flight),
            turn => panic!("{turn:?}"),
        }
    }

    /// Fetches the token for the first call.
    #[track_caller]
    pub fn fetch_token(&mut self) {
        let (_, flight) = self.sent();
        assert!(flight.lease().is_some());
        self.receive(flight, token());
    }

    /// Passes the rows back, each request answered before the next one; waiting moves the clock.
    pub fn finish(
        &mut self,
        rows: impl IntoIterator<Item = Row>,
        mut answers: impl FnMut(&mut Tool, Request<Bytes>) -> Answer,
    ) -> Summary {
        let mut rows = rows.into_iter();
        loop {
            match self.next() {
                Turn::Feed => match rows.next() {
                    Some(row) => self.passback.feed(row),
                    None => self.passback.finish(),
                },
                Turn::Send(_, flight) if flight.lease().is_some() => self.receive(flight, token()),
                Turn::Send(request, flight) => {
                    let answer = answers(&mut self.tool, request);
                    self.receive(flight, answer);
                }
                Turn::Record(batch) => {
                    self.recorded.push((String::from_utf8(batch.line().to_vec()).unwrap(), batch.durable()));
                    self.passback.recorded(batch);
                }
                Turn::Settled(settlement) => self.settled.push(settlement),
                Turn::Wait(delay) => self.tool.now += delay.expect("it waits for nothing"),
                Turn::Done(summary) => return summary,
            }
        }
    }
}

/// For ten hours.
pub fn token() -> Answer {
    token_answer(r#"{"access_token":"t","token_type":"bearer","expires_in":36000}"#)
}

pub fn row(user_id: impl Into<String>, points: f64) -> Row {
    Score::graded(user_id, points, 100.0).build().unwrap().into()
}

pub fn points(request: &Request<Bytes>) -> f64 {
    let score: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    score["scoreGiven"].as_f64().unwrap()
}

#[test]
fn a_row_that_is_fed_while_results_arrive_goes_after_those_of_its_user() {
    let mut run = Run::new(Passback::only_changed);
    assert!(matches!(run.next(), Turn::Feed));
    run.passback.feed(row("u-1001", 50.0));
    run.fetch_token();
    let (request, reading) = run.sent();
    assert!(request.uri().path().contains("results"));
    assert!(matches!(run.next(), Turn::Feed));
    run.passback.feed(row("u-1001", 60.0));
    run.receive(reading, answer(200, "[]"));
    let mut sent = Vec::new();
    run.finish([], |_, request| {
        sent.push(points(&request));
        answer(204, "")
    });
    assert_eq!(sent, [50.0, 60.0]);
}

#[test]
fn however_many_users_there_are_only_a_timestamp_that_goes_back_is_refused() {
    let at = |user_id: String, second: u64| {
        let timestamp = noon() - Duration::from_secs(86_400) + Duration::from_secs(second);
        Row::from(Score::graded(user_id, 50.0, 100.0).timestamp(timestamp).build().unwrap())
    };
    // More than a session remembers the timestamps of.
    let many = (0..20_000).map(|number| at(format!("u-{number}"), 1_000 + number));
    let rows = many.chain([at("x".to_owned(), 10), at("x".to_owned(), 20), at("u-0".to_owned(), 1_000)]);
    let mut run = Run::new(|passback| passback.concurrency(1));
    run.finish(rows, |_, _| answer(204, ""));
    let refused: Vec<_> = run.settled.iter().filter(|row| row.outcome != RowOutcome::Sent).collect();
    assert_eq!(refused.iter().map(|row| row.row).collect::<Vec<_>>(), [20_003]);
    assert_eq!(refused[0].outcome.reason().unwrap().name(), "stale_timestamp");
}

pub fn users(count: usize) -> Vec<Row> {
    (0..count).map(|number| row(format!("u-{number}"), 50.0)).collect()
}

/// What became of each row, in the order of the input.
pub fn outcomes(run: &mut Run) -> Vec<String> {
    run.settled.sort_by_key(|settlement| settlement.row);
    let shown = |settlement: &Settlement| {
        let reason = settlement.outcome.reason().map(|reason| format!(" {}", reason.name()));
        format!("{}{}", settlement.outcome.name(), reason.unwrap_or_default())
    };
    run.settled.iter().map(shown).collect()
}

/// How many rows in a row came to what.
fn runs(run: &mut Run) -> Vec<(usize, String)> {
    let mut runs: Vec<(usize, String)> = Vec::new();
    for outcome in outcomes(run) {
        match runs.last_mut() {
            Some((count, last)) if *last == outcome => *count += 1,
            _ => runs.push((1, outcome)),
        }
    }
    runs
}

pub fn user(request: &Request<Bytes>) -> String {
    let score: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    score["userId"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn five_users_who_are_forbidden_in_a_row_are_tried_again_by_another_run() {
    for good in [0, 20] {
        let mut run = Run::new(|passback| passback.concurrency(1));
        let mut taken = 0;
        run.finish(users(100), |_, _| {
            taken += 1;
            answer(if taken <= good { 204 } else { 403 }, "")
        });
        let expected = [(good, "sent".to_owned()), (100 - good, "skipped forbidden".to_owned())];
        assert_eq!(runs(&mut run), &expected[usize::from(good == 0)..]);
        // The first 403 is worth a new token.
        assert!(taken <= good + 6, "{taken} requests");
        assert_eq!(run.passback.halts().count(), 1);
    }
}

#[test]
fn a_user_who_is_forbidden_is_rejected_when_another_is_taken() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let odd = |request: &Request<Bytes>| user(request).ends_with(['1', '2', '3', '4']);
    run.finish(users(40), |_, request| answer(if odd(&request) { 403 } else { 204 }, ""));
    let rejected = outcomes(&mut run).iter().filter(|outcome| *outcome == "rejected forbidden").count();
    assert_eq!((run.passback.summary().sent, rejected), (24, 16));
}

#[test]
fn users_who_are_forbidden_are_rejected_when_nobody_is_left_to_tell() {
    let mut run = Run::new(|passback| passback.concurrency(4));
    let mut rows = users(10);
    // The rows of one who is held back wait for that.
    rows.extend([row("u-9", 60.0), row("u-9", 70.0)]);
    run.finish(rows, |_, request| {
        let forbidden = user(&request) == "u-8" || points(&request) < 55.0 && user(&request) == "u-9";
        answer(if forbidden { 403 } else { 204 }, "")
    });
    let mut expected = vec!["sent"; 12];
    (expected[8], expected[9]) = ("rejected forbidden", "rejected forbidden");
    assert_eq!(outcomes(&mut run), expected);
}

#[test]
fn a_score_that_was_on_its_way_before_the_others_were_forbidden_does_not_judge_them() {
    let mut run = Run::new(|passback| passback.concurrency(3));
    for row in users(3) {
        run.passback.feed(row);
    }
    run.fetch_token();
    let flights: Vec<_> = (0..3).map(|_| run.sent().1).collect();
    let mut flights = flights.into_iter();
    let late = flights.next().unwrap();
    for flight in flights {
        run.receive(flight, answer(403, ""));
    }
    // Once more, with a new token.
    while let Turn::Send(_, flight) = run.next() {
        let answer = if flight.lease().is_some() { token() } else { answer(403, "") };
        run.receive(flight, answer);
    }
    run.receive(late, answer(204, ""));
    run.finish(users(50).split_off(3), |_, _| answer(403, ""));
    assert_eq!(runs(&mut run), [(1, "sent".to_owned()), (49, "skipped forbidden".to_owned())]);
}

#[test]
fn users_who_are_held_back_when_it_is_stopped_are_tried_again() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let stopper = run.passback.stopper();
    run.finish(users(30), |_, request| {
        if user(&request) == "u-2" {
            stopper.stop();
        }
        answer(403, "")
    });
    assert_eq!(runs(&mut run), [(3, "skipped forbidden".to_owned())]);
}

#[test]
fn a_line_item_that_goes_away_later_is_looked_for_again() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let (mut posts, mut looks) = (0, 0);
    run.finish(users(100), |_, request| {
        if request.method() == "GET" {
            looks += 1;
            // There at first, and gone then.
            return if looks == 1 {
                answer(200, r#"{"label":"Lab","scoreMaximum":100}"#)
            } else {
                answer(404, "")
            };
        }
        posts += 1;
        answer(if posts == 10 || posts > 40 { 404 } else { 204 }, "")
    });
    let expected = [(9, "sent"), (1, "rejected not_found"), (30, "sent"), (60, "skipped not_found")];
    assert_eq!(runs(&mut run), expected.map(|(count, outcome)| (count, outcome.to_owned())));
    assert_eq!((posts, looks), (41, 2));
}

#[test]
fn a_look_that_failed_in_passing_is_taken_again() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    let mut looks = 0;
    run.finish(users(20), |_, request| {
        if request.method() == "GET" {
            looks += 1;
            // All attempts of the first look, and then it is known.
            return if looks <= 5 {
                answer(503, "")
            } else {
                answer(200, r#"{"label":"Lab","scoreMaximum":100}"#)
            };
        }
        answer(if user(&request).len() == 3 { 404 } else { 204 }, "")
    });
    assert_eq!(looks, 6);
    assert_eq!(runs(&mut run), [(10, "rejected not_found".to_owned()), (10, "sent".to_owned())]);
}

/// What an earlier run wrote for this tool's line item.
pub fn history(lines: &str) -> History {
    let line_item = common::endpoint().line_item().unwrap().clone();
    let mut reader = JournalReader::new(JournalHeader::new("the input", [&line_item]));
    let header = JournalHeader::new("the input", [&line_item]).to_line();
    let crc = crc32fast::hash(format!("{lines}}}").as_bytes());
    reader.feed(&header).unwrap();
    reader.feed(format!("{{\"crc\":\"{crc:08x}\",{lines}}}\n").as_bytes()).unwrap();
    reader.finish().unwrap().history
}

#[test]
fn a_journal_says_nothing_of_rows_for_another_line_item() {
    let history = history(r#""settled":[{"row":1,"outcome":"sent","attempts":1}]"#);
    let other: ServiceUrl = "https://lms.northfield.test/ctx/9/lineitems/5/".parse().unwrap();
    let mut run = Run::new(|passback| passback.journaled(history));
    let rows = [row("u-1", 50.0).at(other.clone()), row("u-2", 50.0).at(other), row("u-3", 50.0)];
    let summary = run.finish(rows, |_, _| answer(204, ""));
    assert_eq!(outcomes(&mut run), ["skipped invalid_input", "skipped invalid_input", "sent"]);
    assert!(run.settled.iter().all(|settlement| !settlement.replayed));
    assert_eq!(summary.requests, 1);
}

#[test]
fn nothing_that_is_shown_tells_a_token_an_assertion_or_a_comment() {
    let mut run = Run::new(Passback::only_changed);
    let secret = "SECRET-OF-A-STUDENT";
    run.passback.feed(Score::graded("u-1001", 50.0, 100.0).comment(secret).build().unwrap());
    let mut shown = String::new();
    loop {
        let turn = run.next();
        shown.extend([format!("{turn:?} {turn:#?}"), format!("{:#?}", run.passback)]);
        match turn {
            Turn::Send(request, flight) => {
                shown.extend([format!("{flight:?}")]);
                let result = format!(
                    r#"[{{"id":"https://lms.northfield.test/r/1","userId":"u-1001","resultScore":1,"resultMaximum":4,"comment":"{secret}"}}]"#
                );
                let answer = match request.uri().path() {
                    path if path.ends_with("/token") => token_answer(
                        r#"{"access_token":"SECRET-TOKEN","token_type":"bearer","expires_in":36000}"#,
                    ),
                    path if path.ends_with("/results") => answer(200, &result),
                    _ => answer(204, ""),
                };
                run.receive(flight, answer);
            }
            Turn::Feed => run.passback.finish(),
            Turn::Done(summary) => break assert_eq!(summary.sent, 1),
            _ => {}
        }
    }
    for secret in [secret, "SECRET-TOKEN", "client_assertion=", "scoreGiven", "Bearer"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("POST https://lms.northfield.test/ctx/9/lineitems/4/scores"), "{shown}");
}

#[test]
fn a_line_item_that_takes_no_token_does_not_hold_up_the_others() {
    let other: ServiceUrl = "https://lms.northfield.test/ctx/8/lineitems/1/".parse().unwrap();
    let mut run = Run::new(|passback| passback.concurrency(1));
    let rows = users(20).into_iter().enumerate().map(|(number, row)| match number % 2 {
        0 => row.at(other.clone()),
        _ => row,
    });
    let summary = run.finish(rows.collect::<Vec<_>>(), |_, request| {
        answer(if request.uri().path().contains("/ctx/8/") { 401 } else { 204 }, "")
    });
    assert_eq!((summary.sent, summary.skipped), (10, 10));
    let halts: Vec<_> = run.passback.halts().map(|halt| halt.line_item).collect();
    assert_eq!(halts, [Some(other)]);
}

#[test]
fn a_token_from_a_store_is_no_token_request() {
    let mut first = Run::new(|passback| passback);
    first.finish(users(1), |_, _| answer(204, ""));
    let stored = first.tool.session.tokens(first.tool.now).pop().unwrap();

    let mut run = Run::new(|passback| passback);
    run.passback.feed(row("u-1001", 50.0));
    let (_, flight) = run.sent();
    assert_eq!(run.passback.summary().token_requests, 1);
    let (session, now) = (&mut run.tool.session, run.tool.now);
    session.insert_token(&stored, now).unwrap();
    run.passback.withdraw(session, now, flight);
    assert_eq!(run.passback.summary().token_requests, 0);
    // A score that was not sent is none, either.
    let (_, flight) = run.sent();
    let (session, now) = (&mut run.tool.session, run.tool.now);
    run.passback.withdraw(session, now, flight);
    let summary = run.finish([], |_, _| answer(204, ""));
    assert_eq!((summary.token_requests, summary.sent, summary.requests), (0, 1, 1));
}

#[test]
fn a_flight_that_another_passback_began_ends_as_no_row_of_this_one() {
    let (mut one, mut other) = (Run::new(|passback| passback), Run::new(|passback| passback));
    one.passback.feed(row("u-1001", 50.0));
    let (_, flight) = one.sent();
    let (session, now) = (&mut other.tool.session, other.tool.now);
    other.passback.withdraw(session, now, flight);
    assert_eq!(other.passback.calls(), (0, 0));
    assert_eq!(other.finish([], |_, _| answer(204, "")).rows, 0);
}

#[test]
fn rows_that_wait_are_skipped_as_soon_as_all_would_fail() {
    let mut run = Run::new(|passback| passback.concurrency(8));
    for row in users(8) {
        run.passback.feed(row);
    }
    let (_, fetching) = run.sent();
    // The others wait for the token.
    assert!(matches!(run.next(), Turn::Feed));
    run.passback.finish();
    assert!(matches!(run.next(), Turn::Wait(_)));
    assert_eq!(run.passback.calls(), (8, 7));
    run.receive(fetching, answer(401, ""));
    for _ in 0..8 {
        assert!(matches!(run.next(), Turn::Settled(_)));
    }
    assert!(matches!(run.next(), Turn::Done(summary) if summary.skipped == 8 && summary.requests == 0));
}

#[test]
fn no_row_begins_after_one_that_has_halted_all() {
    let launch = lti_ags::Endpoint::new([Scope::LINE_ITEM]).with_line_item(common::LINE_ITEM).unwrap();
    let mut run = Run::new(|_| Passback::new(&launch).concurrency(1));
    run.tool.session.record_events();
    for row in users(100) {
        run.passback.feed(row);
    }
    let summary = run.finish([], |_, _| panic!("nothing may be sent"));
    assert_eq!((summary.skipped, summary.token_requests), (100, 0));
    assert_eq!(outcomes(&mut run), vec!["skipped missing_scope"; 100]);
}

#[test]
fn a_row_that_waits_for_its_turn_is_not_sent_to_a_line_item_that_is_shut() {
    let mut run = Run::new(|passback| passback.concurrency(64));
    let (mut rows, mut sky) = (users(200).into_iter(), VecDeque::new());
    let summary = loop {
        match run.next() {
            Turn::Feed => match rows.next() {
                Some(row) => run.passback.feed(row),
                None => run.passback.finish(),
            },
            Turn::Send(_, flight) if flight.lease().is_some() => run.receive(flight, token()),
            Turn::Send(_, flight) => {
                assert_eq!(run.passback.halts().count(), 0, "it is shut");
                sky.push_back(flight);
            }
            Turn::Wait(delay) => match sky.pop_front() {
                Some(flight) => run.receive(flight, answer(422, "User not found in course")),
                None => run.tool.now += delay.expect("it waits for nothing"),
            },
            Turn::Done(summary) => break summary,
            _ => {}
        }
    };
    assert!(summary.rejected >= 50 && summary.rejected + summary.skipped == 200, "{summary:?}");
}

#[test]
fn what_only_waits_holds_up_no_stop_and_goes_on_later() {
    let mut run = Run::new(|passback| passback.concurrency(1));
    run.passback.feed(row("u-1001", 50.0));
    run.passback.feed(row("u-1002", 50.0));
    run.passback.finish();
    run.fetch_token();
    let (_, flight) = run.sent();
    run.receive(flight, common::answer_with(429, &[("retry-after", b"40")], b""));
    assert!(matches!(run.next(), Turn::Wait(Some(delay)) if delay <= Duration::from_secs(1)));
    run.passback.stopper().stop();
    let Turn::Done(summary) = run.next() else { panic!("it waits") };
    assert_eq!(summary.rows, 0);
    run.passback.stopper().go_on();
    assert_eq!(run.finish([], |_, _| answer(204, "")).sent, 2);
}

#[test]
fn a_platform_that_is_not_there_is_asked_for_some_rows_and_no_more() {
    for status in [502, 503] {
        let mut run = Run::new(|passback| passback.concurrency(4));
        let mut requests = 0;
        let summary = run.finish(users(1_000), |_, _| {
            requests += 1;
            answer(status, "")
        });
        assert_eq!((summary.rows, summary.gave_up + summary.skipped), (1_000, 1_000));
        assert!((20..24).contains(&summary.gave_up), "{summary:?}");
        assert!(requests <= 24 * 5, "{requests}");
        let halts: Vec<_> = run.passback.halts().map(|halt| halt.error.kind()).collect();
        assert_eq!(halts, [lti_ags::ErrorKind::ServerError]);
    }
}
