#![no_main]

/// It belongs to `ags`, a program, which nothing can depend on.
#[allow(dead_code, reason = "what tells people of a fault")]
#[path = "../../transport-ureq/src/bin/ags/sync/csv.rs"]
mod csv;

libfuzzer_sys::fuzz_target!(|data: &[u8]| csv::promises::keep(data));
