//! Every operation against every fault, over both transports: what the caller is told, how many requests it takes, and
//! what the gradebook holds in the end. The expectations are the tables in [`table`].

#[path = "../common/mod.rs"]
mod common;

mod cell;
mod deadlines;
mod endurance;
mod operation;
mod table;
mod token_endpoint;

use std::any::Any;
use std::sync::Barrier;
use std::thread;

use cell::{PATIENT, Prepared, play};
use common::Tool;
use operation::Operation;
use table::Row;

/// Makes a test of each table for each transport.
macro_rules! tables {
    ($($name:ident),+ $(,)?) => {
        mod over_ureq {
            $(#[test] fn $name() { super::holds::<super::common::OverUreq>(&super::table::$name()); })+
        }
        mod over_hyper {
            $(#[test] fn $name() { super::holds::<super::common::OverHyper>(&super::table::$name()); })+
        }
    };
}

tables! { connections, slowness, answers, refusals, throttling, tokens, redirects }

/// Goes through a table, row by row, or all at once where the client only waits; shows all that differs from it.
fn holds<T: Tool>(rows: &[Row]) {
    let waits = rows.iter().all(|row| row.request_timeout < PATIENT);
    let wrong: Vec<_> = rows.chunks(if waits { rows.len() } else { 1 }).flat_map(differences::<T>).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cells that are not what they should be.
fn differences<T: Tool>(rows: &[Row]) -> Vec<String> {
    let prepared = Barrier::new(rows.len() * Operation::ALL.len());
    thread::scope(|scope| {
        let prepared = &prepared;
        let cells = rows.iter().flat_map(|row| Operation::ALL.map(|operation| (row, operation)));
        let cells = cells.map(|(row, operation)| {
            (row, operation, scope.spawn(move || play::<T>(row, operation, Prepared(prepared))))
        });
        let cells: Vec<_> = cells.collect();
        let seen = cells.into_iter().map(|(row, operation, cell)| {
            (row, operation, row.expected(operation.column()), cell.join().unwrap_or_else(words))
        });
        seen.filter(|(_, _, expected, seen)| expected != seen)
            .map(|(row, operation, expected, seen)| {
                format!("{}, {:?}, {operation:?}: expected {expected:?}, seen {seen:?}", row.fault, row.when)
            })
            .collect()
    })
}

/// What a cell that panicked said.
fn words(panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast::<String>();
    said.map_or_else(|_| "panic".to_owned(), |said| format!("panic: {said}"))
}
