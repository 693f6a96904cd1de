//! Every operation against every fault, over both transports: what the caller is told, how many requests it takes, and
//! what the gradebook holds in the end. The expectations are the tables in [`table`].

#[path = "../common/mod.rs"]
mod common;

mod cell;
mod deadlines;
mod endurance;
mod operation;
mod table;

use std::any::Any;
use std::thread;

use cell::{PATIENT, play};
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

/// Goes through a table, and shows all that differs from it at once. The rows that wait do so together.
fn holds<T: Tool>(rows: &[Row]) {
    let wrong: Vec<String> = thread::scope(|scope| {
        let (waiting, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.request_timeout < PATIENT);
        let waiting: Vec<_> =
            waiting.into_iter().map(|row| scope.spawn(move || differences::<T>(row))).collect();
        let mut wrong: Vec<_> = others.into_iter().flat_map(differences::<T>).collect();
        wrong.extend(waiting.into_iter().flat_map(|row| row.join().unwrap()));
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cells of a row that are not what they should be.
fn differences<T: Tool>(row: &Row) -> Vec<String> {
    thread::scope(|scope| {
        let cells =
            Operation::ALL.map(|operation| (operation, scope.spawn(move || play::<T>(row, operation))));
        let seen = cells.into_iter().map(|(operation, cell)| (operation, cell.join().unwrap_or_else(words)));
        let wrong = seen.filter(|(operation, seen)| seen != row.expected(operation.column()));
        wrong
            .map(|(operation, seen)| {
                let expected = row.expected(operation.column());
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
