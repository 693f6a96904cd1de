//! One cell of a table: an operation that meets a fault, and what came of it in one line.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use lti_ags::{ErrorKind, EventKind, PostScore, Score};
use lti_ags_testing::{Ledger, LineItem, Plan, Platform, Route, Script};

use crate::common::{Limits, Tool, endpoint, impatient, registration};
use crate::operation::{Column, Operation};
use crate::table::{Fault, Row, When};

/// Where redirects lead.
pub(crate) struct Places {
    /// The URL of the exchange that fails.
    pub(crate) here: String,
    /// Host and port of a server that nothing should reach.
    pub(crate) elsewhere: String,
}

/// What goes away when a cell is set up, or cannot be: then it waits for the others. What is slow to set up must not be
/// taken for a slow exchange.
pub(crate) struct Prepared<'a>(pub(crate) &'a Barrier);

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// Plays a cell, and says what came of it as the tables do.
pub(crate) fn play<T: Tool>(row: &Row, operation: Operation, prepared: Prepared<'_>) -> String {
    let watcher = TcpListener::bind("127.0.0.1:0").unwrap();
    watcher.set_nonblocking(true).unwrap();
    let platform = Platform::builder()
        .line_item(LineItem::new("li-1", 100.0).label("Lab"))
        .line_item(LineItem::new("li-2", 10.0).unlinked())
        .start();
    let platform = Arc::new(platform);
    let endpoint = endpoint(&platform);
    let mut policy = impatient();
    policy.max_attempts = row.attempts;
    let limits = Limits { request_timeout: row.request_timeout, max_body_bytes: 100_000 };
    let is_awaited = Arc::new(AtomicBool::new(false));
    let tool = T::observed(registration(&platform), policy, limits, {
        let (platform, is_awaited) = (Arc::clone(&platform), Arc::clone(&is_awaited));
        move |event| {
            let has_failed = matches!(&event.kind, EventKind::Exchange { outcome: Err(_), .. });
            if has_failed && is_awaited.swap(false, Ordering::Relaxed) {
                platform.listen_again();
            }
        }
    });
    if matches!(row.does, Fault::Gone) {
        // No connection is kept: a client may not have noticed yet that it is gone, and cannot know then what became of
        // the request.
        platform.script(Route::Token, Script::normal().close().times(2));
    }
    operation.prepare(&tool, &endpoint, &platform);

    let places =
        Places { here: operation.url(&platform), elsewhere: watcher.local_addr().unwrap().to_string() };
    let count = || {
        let ledger = platform.ledger();
        (ledger.service_requests().len(), ledger.token_requests().len())
    };
    let before = count();
    drop(prepared);
    begin(row, operation, &platform, &places);
    is_awaited.store(matches!((&row.does, row.when), (Fault::Gone, When::Once)), Ordering::Relaxed);
    let result = operation.perform(&tool, &endpoint, &platform);
    let after = count();
    platform.plan(Plan::new(0));
    platform.listen_again();

    let effects = operation.effects(&platform.gradebook());
    assert!(effects.is_none_or(|effects| effects <= 1), "{operation:?} happened {effects:?} times");
    let mut requests = (after.0 - before.0).saturating_sub(operation.before());
    let mut tokens = after.1 - before.1;
    if operation.column() == Column::Token {
        (requests, tokens) = (tokens, 0);
    }
    let seen = match &result {
        Ok(outcome) => {
            assert_ne!(effects, Some(0), "{operation:?} is said to have happened");
            format!("{outcome} {}", requests - operation.after())
        }
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!secrets(&platform.ledger()).any(|secret| text.contains(&secret)), "a secret: {text}");
            format!("{} {requests}{}", error.kind().name(), if effects == Some(1) { " +" } else { "" })
        }
    };
    platform.assert_no_violations();
    assert!(watcher.accept().is_err(), "{operation:?} went elsewhere");
    // What the session learned does not spoil the next call. Only that no token helps is remembered for some seconds.
    let is_barred = result.is_err_and(|error| error.kind() == ErrorKind::Unauthorized);
    if operation.column() != Column::Token && !is_barred {
        tool.call(&endpoint, PostScore::new(Score::graded("u-1002", 7.0, 10.0).build().unwrap())).unwrap();
        assert_eq!(platform.gradebook().result("li-1", "u-1002").unwrap().score, Some(70.0));
    }
    if tokens == 0 { seen } else { format!("{seen} t{tokens}") }
}

fn begin(row: &Row, operation: Operation, platform: &Platform, places: &Places) {
    let Fault::Scripted(script) = &row.does else { return platform.stop_listening() };
    let route = operation.route();
    platform.script(route.clone(), Script::normal().times(operation.before()));
    let script = script(places);
    match row.when {
        When::Once => platform.script(route, script),
        When::Always => platform.plan(Plan::new(0).with(1.0, route, script)),
    }
}

/// The tokens and assertions that were sent.
fn secrets(ledger: &Ledger) -> impl Iterator<Item = String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ledger.iter().map(move |exchange| {
        if let Some(value) = exchange.header("Authorization") {
            return text(value).replace("Bearer ", "");
        }
        let form = text(&exchange.body);
        let assertion = form.split('&').find_map(|pair| pair.strip_prefix("client_assertion="));
        assertion.unwrap().to_owned()
    })
}

/// Long enough for an exchange with a platform that does answer.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);
