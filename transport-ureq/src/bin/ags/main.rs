//! `ags`: Assignment and Grade Services from the command line, for a person or a script.
//!
//! Exit code 0: all done. 2: wrong usage, or a bad file of one's own; nothing was sent. 1: everything else.

// What a platform sends must not end a program that uses this.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod args;
mod check;
mod config;
mod failure;
mod interrupt;
mod keys;
mod line_items;
mod output;
mod platform;
mod results;
mod scores;
mod sync;
mod table;
mod token;
mod wish;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use failure::Failure;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let (json, result) = match Args::try_parse_from(&words) {
        Ok(args) => (args.global.json, run(&args)),
        Err(error) if !error.use_stderr() => (false, output::write(&error.to_string()).map(drop)),
        // What the flags mean is not known then; whoever wrote `--json` wants JSON.
        Err(error) => (words.iter().any(|word| word == "--json"), Err(Failure::from(&error))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn run(Args { global, command }: &Args) -> Result<(), Failure> {
    match command {
        Command::Token => token::run(global),
        Command::LineItems(command) => line_items::run(global, command),
        Command::Scores(command) => scores::run(global, command),
        Command::Results(command) => results::run(global, command),
        Command::Check(args) => check::run(global, args),
        Command::Keygen(args) => keys::generate(global, args),
        Command::Jwks(args) => keys::publish(global, args),
    }
}
