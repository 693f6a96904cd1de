//! A bulk passback, turn by turn.

mod common;

use std::time::Duration;

use common::{Answer, Tool, answer, noon, token_answer};
use lti_ags::http::Request;
use lti_ags::{Bytes, Flight, Passback, Row, RowOutcome, Score, Settlement, Summary, Turn};

/// A passback, its tool, and what it came to.
struct Run {
    tool: Tool,
    passback: Passback,
    settled: Vec<Settlement>,
}

impl Run {
    fn new(wishes: impl FnOnce(Passback) -> Passback) -> Self {
        let tool = Tool::new();
        let passback = wishes(Passback::new(&tool.endpoint));
        Self { tool, passback, settled: Vec::new() }
    }

    fn next(&mut self) -> Turn {
        self.passback.next(&mut self.tool.session, self.tool.now)
    }

    fn receive(&mut self, flight: Flight, outcome: Answer) {
        self.passback.receive(&mut self.tool.session, self.tool.now, flight, outcome);
    }

    /// The next request, which must be there.
    #[track_caller]
    fn sent(&mut self) -> (Request<Bytes>, Flight) {
        match self.next() {
            Turn::Send(request, flight) => (request, flight),
            turn => panic!("{turn:?}"),
        }
    }

    /// Fetches the token for the first call.
    #[track_caller]
    fn fetch_token(&mut self) {
        let (_, flight) = self.sent();
        assert!(flight.lease().is_some());
        self.receive(flight, token());
    }

    /// Passes the rows back, each request answered before the next one; waiting moves the clock.
    fn finish(
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
                Turn::Record(batch) => self.passback.recorded(batch),
                Turn::Settled(settlement) => self.settled.push(settlement),
                Turn::Wait(delay) => self.tool.now += delay.expect("it waits for nothing"),
                Turn::Done(summary) => return summary,
            }
        }
    }
}

/// For ten hours.
fn token() -> Answer {
    token_answer(r#"{"access_token":"t","token_type":"bearer","expires_in":36000}"#)
}

fn row(user_id: impl Into<String>, points: f64) -> Row {
    Score::graded(user_id, points, 100.0).build().unwrap().into()
}

fn points(request: &Request<Bytes>) -> f64 {
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
