//! What a fault of the token endpoint does to the operations that need a token: the same as to asking for one, and no
//! request goes to a service before there is a token.

use std::thread;

use lti_ags_testing::{LineItem, Plan, Platform, Route};

use crate::cell::{PATIENT, Places};
use crate::common::{self, Limits, Tool, endpoint, impatient, registration};
use crate::operation::{Column, Operation};
use crate::scenarios;
use crate::table::{self, Fault, Row, When};

scenarios! { operations_fare_as_their_token_does }

const OPERATIONS: [Operation; 5] = [
    Operation::GetLineItem,
    Operation::EnsureLooking,
    Operation::Create,
    Operation::Delete,
    Operation::PostScore,
];

fn operations_fare_as_their_token_does<T: Tool>() {
    let tables = [table::connections(), table::answers(), table::refusals(), table::throttling()];
    for row in tables.iter().flatten().filter(|row| row.request_timeout == PATIENT) {
        thread::scope(|scope| {
            for operation in OPERATIONS {
                scope.spawn(move || fares_alike::<T>(row, operation));
            }
        });
    }
}

fn fares_alike<T: Tool>(row: &Row, operation: Operation) {
    let Fault::Scripted(script) = &row.does else { return };
    let items = [LineItem::new("li-1", 100.0).label("Lab"), LineItem::new("li-2", 10.0).unlinked()];
    let platform = items.into_iter().fold(Platform::builder(), lti_ags_testing::Builder::line_item).start();
    let places = Places { here: platform.token_endpoint(), elsewhere: "127.0.0.1:1".to_owned() };
    let script = script(&places);
    match row.when {
        When::Once => platform.script(Route::Token, script),
        When::Always => platform.plan(Plan::new(0).with(1.0, Route::Token, script)),
    }
    let mut policy = impatient();
    policy.max_attempts = row.attempts;
    let limits = Limits { max_body_bytes: 100_000, ..Limits::default() };
    let tool = T::assemble(registration(&platform), policy, limits);
    let seen = operation.perform(&tool, &endpoint(&platform), &platform);

    let ledger = platform.ledger();
    let outcome = match &seen {
        Ok(outcome) => *outcome,
        Err(error) => error.kind().name(),
    };
    let told = format!("{outcome} {}", ledger.token_requests().len());
    assert_eq!(told, row.expected(Column::Token), "{}, {:?}, {operation:?}", row.fault, row.when);
    assert_eq!(ledger.service_requests().is_empty(), seen.is_err());
    let effects = operation.effects(&platform.gradebook());
    assert!(effects.is_none_or(|effects| effects == usize::from(seen.is_ok())));
    platform.assert_no_violations();
}
