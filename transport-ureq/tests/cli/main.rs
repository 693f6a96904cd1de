//! The `ags` command, run as a program against a scripted server on this machine: what it prints, how it exits, what it
//! sends, and what it never shows.
#![allow(clippy::print_stdout, reason = "all output of the tests is looked through for secrets")]

mod careless;
mod check;
mod check_platforms;
mod check_write;
mod config;
mod keys;
mod line_items;
mod lists;
mod platform;
mod scores;
mod secrets;
mod server;
mod sync;
mod sync_input;
mod sync_journal;
mod sync_kills;
mod terminal;
mod token;
mod tool;
mod usage;
