//! Bulk passback against the embedded platforms, without a socket: faults, crashes, and what need not be sent.
#![allow(unreachable_pub, reason = "a test program has no other crate to offer anything to")]

mod changed;
mod crash;
mod faults;
mod halts;
mod limits;
mod order;
mod world;
