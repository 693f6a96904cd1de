//! The tables: a row a fault, a column a kind of operation. A cell is the outcome, how often the exchange was sent, `t`
//! and the number of token requests on the way where there are any, and `+` where an operation that failed has had its
//! effect.
//!
//! Nothing has its effect twice: no cell could say so, and [`play`](crate::cell::play) looks. What must not be sent twice
//! (`create`) is not, and what is not known is looked for (`ensure`).

use std::time::Duration;

use lti_ags_testing::Script;

use crate::cell::{PATIENT, Places};
use crate::operation::Column;

pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) when: When,
    pub(crate) does: Fault,
    pub(crate) attempts: u32,
    pub(crate) request_timeout: Duration,
    cells: [&'static str; 7],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    Once,
    Always,
}

pub(crate) enum Fault {
    Scripted(Box<dyn Fn(&Places) -> Script + Send + Sync>),
    /// Nobody listens; once, until somebody has tried.
    Gone,
}

impl Row {
    pub(crate) fn expected(&self, column: Column) -> &'static str {
        self.cells[column as usize]
    }

    fn new(fault: &'static str, when: When, does: Fault) -> Self {
        Self { fault, when, does, attempts: 3, request_timeout: PATIENT, cells: [""; 7] }
    }

    /// With a limit for each exchange that a fault makes the client wait for.
    fn hurried(self) -> Self {
        Self { attempts: 2, request_timeout: Duration::from_secs(2), ..self }
    }

    fn all(self, cell: &'static str) -> Self {
        Self { cells: [cell; 7], ..self }
    }

    fn but(mut self, column: Column, cell: &'static str) -> Self {
        self.cells[column as usize] = cell;
        self
    }

    fn token(self, cell: &'static str) -> Self {
        self.but(Column::Token, cell)
    }

    fn read(self, cell: &'static str) -> Self {
        self.but(Column::Read, cell)
    }

    fn put(self, cell: &'static str) -> Self {
        self.but(Column::Put, cell)
    }

    fn delete(self, cell: &'static str) -> Self {
        self.but(Column::Delete, cell)
    }

    fn score(self, cell: &'static str) -> Self {
        self.but(Column::Score, cell)
    }

    fn create(self, cell: &'static str) -> Self {
        self.but(Column::Create, cell)
    }

    fn ensure(self, cell: &'static str) -> Self {
        self.but(Column::Ensure, cell)
    }
}

fn once(fault: &'static str, script: impl Fn(&Places) -> Script + Send + Sync + 'static) -> Row {
    Row::new(fault, When::Once, Fault::Scripted(Box::new(script)))
}

fn always(fault: &'static str, script: impl Fn(&Places) -> Script + Send + Sync + 'static) -> Row {
    Row::new(fault, When::Always, Fault::Scripted(Box::new(script)))
}

/// A failure that is got over by sending again; the platform had not acted on it, which only it knows.
fn mended(row: Row) -> Row {
    row.all("ok 2").create("outcome_unknown 1").ensure("outcome_unknown 2")
}

/// The same, but the platform had acted: what is sent again finds its own effect.
fn lost(row: Row) -> Row {
    row.all("ok 2").score("superseded 2").create("outcome_unknown 1 +")
}

pub(crate) fn connections() -> Vec<Row> {
    let for_a_moment = || Script::refuse_connections(Duration::from_millis(20));
    vec![
        Row::new("nobody listens", When::Always, Fault::Gone).all("connection 0"),
        // What certainly never left is sent again, whatever it is.
        Row::new("nobody listens", When::Once, Fault::Gone).all("ok 1"),
        Row { attempts: 1000, ..mended(once("nobody listens for a moment", move |_| for_a_moment())) },
        always("drip fast", |_| Script::drip(Duration::from_micros(20))).all("ok 1"),
        mended(once("hang up", |_| Script::hang_up())),
        always("hang up", |_| Script::hang_up())
            .all("connection 3")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 4"),
        mended(once("reset before acting", |_| Script::reset_before_acting())),
        always("reset before acting", |_| Script::reset_before_acting())
            .all("connection 3")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 4"),
        lost(once("reset after acting", |_| Script::reset_after_acting())),
        always("reset after acting", |_| Script::reset_after_acting())
            .all("connection 3 +")
            .token("connection 3")
            .read("connection 3")
            .delete("ok 2")
            .create("outcome_unknown 1 +")
            .ensure("outcome_unknown 4 +"),
    ]
}

pub(crate) fn slowness() -> Vec<Row> {
    vec![
        mended(once("stall", |_| Script::stall())).hurried(),
        always("stall", |_| Script::stall())
            .hurried()
            .all("timeout 2")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 3"),
        lost(once("stall after acting", |_| Script::stall().after_acting())).hurried(),
        always("drip", |_| Script::drip(Duration::from_millis(200)))
            .hurried()
            .all("timeout 2 +")
            .token("timeout 2")
            .read("timeout 2")
            .delete("ok 2")
            .create("outcome_unknown 1 +")
            .ensure("outcome_unknown 3 +"),
    ]
}

pub(crate) fn answers() -> Vec<Row> {
    vec![
        lost(once("truncated", |_| Script::truncated())),
        always("truncated", |_| Script::truncated())
            .all("connection 3 +")
            .token("connection 3")
            .read("connection 3")
            .delete("ok 2")
            .create("outcome_unknown 1 +")
            .ensure("outcome_unknown 4 +"),
        once("oversized", |_| Script::oversized(200_000))
            .all("response_too_large 1 +")
            .token("ok 2")
            .read("response_too_large 1")
            .create("outcome_unknown 1 +")
            .ensure("ok 2"),
        always("oversized", |_| Script::oversized(200_000))
            .all("response_too_large 1 +")
            .token("response_too_large 3")
            .read("response_too_large 1")
            .create("outcome_unknown 1 +")
            .ensure("outcome_unknown 2 +"),
        // What is half an answer is no answer, and not half of one: it is not sent again, which would not help. A line
        // item that was written is read; one that was created is found at its `Location`.
        once("wrong length", |_| Script::wrong_length())
            .all("ok 1")
            .token("malformed_response 1")
            .read("malformed_response 1")
            .put("ok 2"),
        always("wrong length", |_| Script::wrong_length())
            .all("ok 1")
            .token("malformed_response 1")
            .read("malformed_response 1")
            .put("malformed_response 2 +"),
        mended(once("garbage", |_| Script::garbage())),
        always("garbage", |_| Script::garbage())
            .all("malformed_response 3")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 4"),
        once("a page to sign in", |_| page()).all("malformed_response 1").ensure("outcome_unknown 2"),
        always("a page to sign in", |_| page()).all("malformed_response 1").ensure("malformed_response 2"),
    ]
}

fn page() -> Script {
    Script::reply(200).header("Content-Type", "text/html").body("<!DOCTYPE html><title>Sign in</title>")
}

pub(crate) fn refusals() -> Vec<Row> {
    let mut rows = vec![
        mended(once("500", |_| Script::reply(500))),
        // Open edX answers 500 to what it should refuse: once more, and no more.
        always("500", |_| Script::reply(500))
            .all("server_error 2")
            .token("server_error 3")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 3"),
        lost(once("500 after acting", |_| Script::reply(500).after_acting())),
        once("503 twice", |_| Script::reply(503).times(2))
            .all("ok 3")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 3"),
        once("503 for an hour", |_| Script::reply(503).header("Retry-After", "3600"))
            .all("rate_limited 1")
            .create("outcome_unknown 1")
            .ensure("outcome_unknown 2"),
        lost(once("504 after acting", |_| Script::reply(504).after_acting())),
        always("504 after acting", |_| Script::reply(504).after_acting())
            .all("server_error 3 +")
            .token("server_error 3")
            .read("server_error 3")
            .delete("ok 2")
            .create("outcome_unknown 1 +")
            .ensure("outcome_unknown 4 +"),
        mended(once("408", |_| Script::reply(408))),
    ];
    for (fault, status) in [("502", 502), ("503", 503), ("504", 504)] {
        rows.push(mended(once(fault, move |_| Script::reply(status))));
        rows.push(
            always(fault, move |_| Script::reply(status))
                .all("server_error 3")
                .create("outcome_unknown 1")
                .ensure("outcome_unknown 4"),
        );
    }
    rows
}

/// Throttling is before acting: whatever it is may be sent again.
pub(crate) fn throttling() -> Vec<Row> {
    let canvas = || Script::reply(403).body("403 Forbidden (Rate Limit Exceeded)\n");
    vec![
        once("429", |_| Script::reply(429)).all("ok 2"),
        always("429", |_| Script::reply(429)).all("rate_limited 3"),
        once("429 for no time", |_| Script::reply(429).header("Retry-After", "0")).all("ok 2"),
        once("429 for an hour", |_| Script::reply(429).header("Retry-After", "3600")).all("rate_limited 1"),
        once("403 of Canvas", move |_| canvas()).all("ok 2"),
        always("403 of Canvas", move |_| canvas()).all("rate_limited 3"),
    ]
}

pub(crate) fn tokens() -> Vec<Row> {
    // As Open edX says it.
    let forbidden = || Script::reply(403).body(r#"{"detail":"Invalid token signature."}"#);
    vec![
        once("revoked", |_| Script::revoke_tokens()).all("ok 2 t1").token("ok 1"),
        always("revoked", |_| Script::revoke_tokens()).all("unauthorized 2 t1").token("ok 1"),
        once("401", |_| Script::reply(401)).all("ok 2 t1").token("token_refused 1"),
        // Canvas says it so, and without a word, of what it does not delete.
        always("401", |_| Script::reply(401))
            .all("unauthorized 2 t1")
            .delete("coupled_line_item 2 t1")
            .token("token_refused 1"),
        once("403", move |_| forbidden()).all("ok 2 t1").token("token_refused 1"),
        always("403", move |_| forbidden()).all("forbidden 2 t1").token("token_refused 1"),
    ]
}

/// Only what reads is redirected, and only within its origin.
pub(crate) fn redirects() -> Vec<Row> {
    type Location = fn(&Places) -> String;
    let to = |status, location: Location| move |places: &Places| Script::redirect(status, location(places));
    let itself: Location = |places| places.here.clone();
    let another_port: Location = |places| format!("http://{}{}", places.elsewhere, path(&places.here));
    let elsewhere: [(&str, Location); 4] = [
        ("to another host", |places| places.here.replace("127.0.0.1", "localhost")),
        ("to another host, without a scheme", |places| format!("//{}/", places.elsewhere)),
        ("to https", |places| places.here.replace("http:", "https:")),
        ("to no URL", |_| "http://[".to_owned()),
    ];
    let mut rows = vec![
        once("to its path", to(307, |places| path(&places.here))).all("redirect 1").read("ok 2"),
        once("to an empty reference", to(307, |_| String::new())).all("redirect 1").read("ok 2"),
        always("to itself", to(307, itself)).all("redirect 1").read("redirect 6"),
        once("without a location", |_| Script::reply(307)).all("redirect 1"),
    ];
    rows.extend(elsewhere.map(|(fault, location)| once(fault, to(307, location)).all("redirect 1")));
    for status in [301, 302, 303, 307, 308] {
        rows.push(once("to itself", to(status, itself)).all("redirect 1").read("ok 2"));
        rows.push(once("to another port", to(status, another_port)).all("redirect 1"));
    }
    rows
}

fn path(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    rest[rest.find('/').unwrap()..].to_owned()
}
