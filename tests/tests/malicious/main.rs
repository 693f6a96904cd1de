//! A platform that means harm, over real sockets and both transports. `tests/ATTACKS.md` lists each attack with its test;
//! what needs no socket is tested beside the core (`core/tests/malicious`), and what `ags` shows beside `ags`.

#[path = "../common/mod.rs"]
mod common;
#[path = "../raw/mod.rs"]
mod raw;

mod astray;
mod bombs;
mod framing;
mod index;
mod slow;
