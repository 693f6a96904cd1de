//! Both transports against grade services that other people wrote: Open edX's LTI consumer, and `lti1p3platform`. They
//! are installed, started and stopped by `tests/interop/run.sh`; without it these tests are ignored, and say so.
#![expect(clippy::print_stderr, reason = "a run tells what it measured")]

#[path = "../common/mod.rs"]
mod common;

/// Makes a test of each scenario for each transport, of those that need a platform outside of this process.
macro_rules! against_a_real_platform {
    ($($scenario:ident),+ $(,)?) => {
        $crate::scenarios! { $(#[ignore = "needs a platform, which tests/interop/run.sh starts"] $scenario),+ }
    };
}

mod campus;
mod check;
mod lti1p3platform;
mod open_edx;
mod reproduction;
