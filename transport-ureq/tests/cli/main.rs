//! The `ags` command, run as a program against a scripted server on this machine: what it prints, how it exits, what it
//! sends, and what it never shows.

mod check;
mod check_platforms;
mod check_write;
mod config;
mod hostile;
mod keys;
mod line_items;
mod lists;
mod platform;
mod scores;
mod secrets;
mod server;
mod token;
mod tool;
mod usage;
