#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lti_ags::fuzzing::journal(data));
