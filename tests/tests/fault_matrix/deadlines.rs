//! No call outlives its deadline by more than one exchange, whatever it waits for.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use lti_ags::ErrorKind;
use lti_ags_testing::{LineItem, Plan, Platform, Script};

use crate::cell::Prepared;
use crate::common::{self, Limits, Tool, endpoint, impatient, registration};
use crate::operation::{Column, Operation};
use crate::scenarios;

scenarios! {
    no_exchange_outlasts_the_deadline,
    no_wait_is_begun_that_outlasts_the_deadline,
    no_attempt_is_begun_after_the_deadline,
}

/// Performs every operation within two seconds, each exchange of which could take twenty; gives the errors and the
/// requests that were failed.
fn hurried<T: Tool>(script: fn() -> Script, attempts: u32) -> Vec<(Operation, ErrorKind, usize)> {
    let prepared = Barrier::new(Operation::ALL.len());
    let one = |operation: Operation| {
        let prepared = Prepared(&prepared);
        let items = [LineItem::new("li-1", 100.0).label("Lab"), LineItem::new("li-2", 10.0).unlinked()];
        let platform =
            items.into_iter().fold(Platform::builder(), lti_ags_testing::Builder::line_item).start();
        let endpoint = endpoint(&platform);
        let mut policy = impatient();
        policy.max_attempts = attempts;
        policy.deadline = Duration::from_secs(2);
        let tool = T::assemble(registration(&platform), policy, Limits::default());
        operation.prepare(&tool, &endpoint, &platform);
        drop(prepared);
        let earlier = platform.ledger().len();
        platform.script(operation.route(), Script::normal().times(operation.before()));
        platform.plan(Plan::new(0).with(1.0, operation.route(), script()));
        let begun = Instant::now();
        let error = operation.perform(&tool, &endpoint, &platform).unwrap_err();
        // The one bound on time in these tests, far from what is to be seen on the worst of days.
        assert!(begun.elapsed() < Duration::from_secs(10), "{operation:?} took {:?}", begun.elapsed());
        (operation, error.kind(), platform.ledger().len() - earlier - operation.before())
    };
    std::thread::scope(|scope| {
        let one = &one;
        let calls = Operation::ALL.map(|operation| scope.spawn(move || one(operation)));
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

fn is_unsafe(operation: Operation) -> bool {
    matches!(operation.column(), Column::Create | Column::Ensure)
}

fn no_exchange_outlasts_the_deadline<T: Tool>() {
    let drip: fn() -> Script = || Script::drip(Duration::from_millis(200));
    for script in [Script::stall, drip] {
        for (operation, kind, requests) in hurried::<T>(script, 100) {
            let expected = if is_unsafe(operation) { ErrorKind::OutcomeUnknown } else { ErrorKind::Timeout };
            assert_eq!((kind, requests), (expected, 1), "{operation:?}");
        }
    }
}

fn no_wait_is_begun_that_outlasts_the_deadline<T: Tool>() {
    for (operation, kind, requests) in hurried::<T>(|| Script::reply(429).header("Retry-After", "30"), 100) {
        assert!(matches!(kind, ErrorKind::RateLimited { .. }), "{operation:?}: {kind:?}");
        assert_eq!(requests, 1, "{operation:?}");
    }
    for (operation, kind, requests) in hurried::<T>(|| Script::reply(503).header("Retry-After", "30"), 100) {
        // `ensure` looks for what it may have made, and is told the same.
        let looks = usize::from(operation == Operation::EnsureCreating);
        let expected = if is_unsafe(operation) { ErrorKind::OutcomeUnknown } else { ErrorKind::ServerError };
        assert_eq!((kind, requests), (expected, 1 + looks), "{operation:?}");
    }
}

fn no_attempt_is_begun_after_the_deadline<T: Tool>() {
    for (operation, kind, requests) in hurried::<T>(Script::reset_before_acting, 1_000_000) {
        let expected = if is_unsafe(operation) { ErrorKind::OutcomeUnknown } else { ErrorKind::Connection };
        assert_eq!(kind, expected, "{operation:?}");
        assert!(requests < 1_000, "{operation:?}: {requests} requests");
    }
}
